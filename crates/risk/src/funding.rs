//! Funding of a perpetual market: longs pay shorts while it trades above the oracle, and the reverse.
//!
//! The premium is averaged over an hour, and the average is what is charged: with `p` what the book was sampled at over
//! `dt` seconds and `W` the window,
//!
//! ```text
//! average ← p + (average − p)·e^(−dt/W)          charged = p·dt + W·(average before − average after)
//! ```
//!
//! the integral of the average over the interval. So neither depends on how an interval is divided, and what rounding
//! leaves in the average is not lost to what is charged. Time for which nothing was sampled counts as a premium of zero:
//! an outage of any length costs no more than an hour of what was averaged before it.

use crate::fixed::{add, to_i64, Result, RiskError, FUNDING_BITS, RATIO_BITS, RATIO_ONE};
use crate::position::FundingIndices;

/// Window over which the premium is averaged, in seconds.
pub const WINDOW_SECS: u64 = 3_600;
/// Longest time, in seconds, between two looks at the book over which what rested all the time is a sample. What rested
/// longer without a price may have been left behind by it.
pub const MAX_SAMPLE_SECS: u64 = 120;
/// Fraction bits of an averaged premium: a second's share of the window of the smallest sample is thousands of units.
pub const PREMIUM_BITS: u32 = 40;
/// A day in seconds: funding rates are per day.
pub const DAY_SECS: u64 = 86_400;

/// Bits that an average has beyond a ratio.
const MORE_BITS: u32 = PREMIUM_BITS - RATIO_BITS;
/// Fraction bits of [`left`].
const LEFT_BITS: u32 = 32;
/// `2^32 · e^(−2^i / W)`: what a window leaves of an average after `2^i` seconds.
const LEFT: [u64; 17] = [
    4_293_774_415,
    4_292_581_866,
    4_290_197_760,
    4_285_433_521,
    4_275_920_909,
    4_256_958_985,
    4_219_287_029,
    4_144_940_299,
    4_000_153_878,
    3_725_576_924,
    3_231_671_503,
    2_431_613_557,
    1_376_668_105,
    441_264_145,
    45_335_397,
    478_536,
    53,
];

/// How far the book trades from the oracle, as a signed ratio: what a market sale of the impact notional would get
/// above spot, less what a purchase would pay below it. A book too thin on a side (`None`) says nothing about it.
/// Held within `limit` either way.
///
/// # Errors
/// [`RiskError::DivisionByZero`] on a zero spot.
pub fn premium(
    spot: u64,
    impact_bid: Option<u64>,
    impact_ask: Option<u64>,
    limit: u32,
) -> Result<i32> {
    let above = impact_bid.map_or(0, |bid| bid.saturating_sub(spot));
    let below = impact_ask.map_or(0, |ask| spot.saturating_sub(ask));
    let ratio = |distance: u64| {
        (u128::from(distance) << RATIO_BITS)
            .checked_div(u128::from(spot))
            .ok_or(RiskError::DivisionByZero)
    };
    let limit = u128::from(limit.min(RATIO_ONE));
    let signed = |value: u128| i32::try_from(value).map_err(|_| RiskError::Overflow);
    // A crossed book counts for neither side.
    match (above, below) {
        (0, 0) => Ok(0),
        (above, 0) => signed(ratio(above)?.min(limit)),
        (0, below) => Ok(-signed(ratio(below)?.min(limit))?),
        _ => Ok(0),
    }
}

/// The mark price: spot moved by a premium, rounded towards spot.
pub fn mark_price(spot: u64, premium: i32) -> u64 {
    if premium == 0 {
        return spot;
    }
    let moved = (u128::from(spot) * u128::from(premium.unsigned_abs())) >> RATIO_BITS;
    let moved = u64::try_from(moved).unwrap_or(u64::MAX);
    if premium >= 0 {
        spot.saturating_add(moved)
    } else {
        spot.saturating_sub(moved)
    }
}

/// The averaged premium as a ratio, rounded towards zero.
pub fn ratio_of(average: i64) -> i32 {
    // A premium is at most one.
    i32::try_from(average / (1 << MORE_BITS)).unwrap_or(0)
}

/// What passing time does to the averaged premium, and what it charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elapsed {
    /// The average, [`PREMIUM_BITS`] fraction bits.
    pub average: i64,
    /// The integral of the average over the time, in premium times seconds with the same fraction bits.
    pub charged: i64,
}

/// Lets `secs` seconds pass over which the book was sampled at `sample` (a ratio), or at nothing: that, and every time longer
/// than [`MAX_SAMPLE_SECS`], counts as a premium of zero.
///
/// # Errors
/// [`RiskError::Overflow`] for an average far beyond one, which no sample can lead to.
pub fn elapse(average: i64, sample: Option<i32>, secs: u64) -> Result<Elapsed> {
    let sample = sample.filter(|_| secs <= MAX_SAMPLE_SECS).unwrap_or(0);
    if sample == 0 && average == 0 {
        // As for any book with the oracle price inside its spread.
        return Ok(Elapsed::default());
    }
    let sample = i64::from(sample) << MORE_BITS;
    let before = average.checked_sub(sample).ok_or(RiskError::Overflow)?;
    // Below 2³² of 2³², hence no larger than it was; rounded towards the sample, which it so reaches.
    let kept = (u128::from(before.unsigned_abs()) * u128::from(left(secs))) >> LEFT_BITS;
    let kept = i64::try_from(kept).map_err(|_| RiskError::Overflow)?;
    let after = if before >= 0 { kept } else { -kept };
    let sampled = i64::try_from(secs)
        .ok()
        .filter(|_| sample != 0)
        .unwrap_or(0)
        .checked_mul(sample);
    let averaged = before
        .checked_sub(after)
        .and_then(|moved| moved.checked_mul(WINDOW_SECS as i64));
    Ok(Elapsed {
        average: sample.checked_add(after).ok_or(RiskError::Overflow)?,
        charged: sampled
            .zip(averaged)
            .and_then(|(sampled, averaged)| sampled.checked_add(averaged))
            .ok_or(RiskError::Overflow)?,
    })
}

/// What a window leaves of an average after so many seconds: `2^32 · e^(−secs / W)`.
fn left(secs: u64) -> u64 {
    if secs >> LEFT.len() != 0 {
        return 0;
    }
    let mut out = 1u64 << LEFT_BITS;
    let mut rest = secs;
    while rest != 0 {
        let bit = rest.trailing_zeros() as usize;
        rest &= rest.wrapping_sub(1);
        // Neither is more than 2³².
        out = (out * LEFT.get(bit).copied().unwrap_or(0)) >> LEFT_BITS;
    }
    out
}

/// Funding rate per day for a premium: the premium itself, held within `max_per_day` either way.
pub fn rate_per_day(premium: i32, max_per_day: u32) -> i32 {
    let limit = i32::try_from(max_per_day).unwrap_or(i32::MAX);
    premium.clamp(-limit, limit)
}

/// What is charged of an integral over `secs` seconds: within the largest rate a day, and after an outage within an hour of it.
pub fn within_rate(charged: i64, max_per_day: u32, secs: u64) -> i64 {
    let limit = (u64::from(max_per_day) << MORE_BITS).saturating_mul(secs.min(WINDOW_SECS));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    charged.clamp(-limit, limit)
}

/// Both indices of a market, and the part of a unit that they have moved beyond their last one (over 2³²).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funding {
    /// The indices.
    pub indices: FundingIndices,
    /// The part of a unit.
    pub fraction: u32,
}

impl Funding {
    /// Moves both indices by `spot · charged / day`. They move alike, so what one side pays is what the other is owed, but for
    /// rounding against each account; what is less than a unit waits for the next time.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] when an index does not fit.
    pub fn advance(self, spot: u64, shift: u8, charged: i64) -> Result<Self> {
        // A day is 675 · 2⁷ seconds; 2¹⁰ leave the quotient 17 bits more than a premium has.
        const { assert!(DAY_SECS == 675 << 7) };
        const PER_DAY_BITS: u32 = PREMIUM_BITS + 17;
        const UNIT_BITS: u32 = FUNDING_BITS + u32::BITS;
        if charged == 0 {
            return Ok(self);
        }
        let per_day = charged.checked_mul(1 << 10).ok_or(RiskError::Overflow)? / 675;
        // 64 and 54 bits.
        let product = i128::from(spot) * i128::from(per_day);
        let places = u32::from(shift) + PER_DAY_BITS - UNIT_BITS;
        let moved = add(product.wrapping_shr(places), i128::from(self.fraction))?;
        let whole = moved >> u32::BITS;
        Ok(Self {
            indices: FundingIndices {
                long: to_i64(add(i128::from(self.indices.long), whole)?)?,
                short: to_i64(add(i128::from(self.indices.short), whole)?)?,
                loss: self.indices.loss,
            },
            // The lower half.
            fraction: u32::try_from(moved & i128::from(u32::MAX)).unwrap_or(0),
        })
    }
}
