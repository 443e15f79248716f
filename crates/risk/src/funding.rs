//! Funding of a perpetual market: longs pay shorts while it trades above the oracle, and the reverse.

use crate::fixed::{add, to_i64, Result, RiskError, FUNDING_BITS, RATIO_BITS, RATIO_ONE};
use crate::position::FundingIndices;

/// Longest time, in seconds, that one update charges. After an outage positions could not be closed in, they owe at
/// most an hour of it.
pub const MAX_FUNDING_SECS: u64 = 3_600;
/// A day in seconds: funding rates are per day.
pub const DAY_SECS: u64 = 86_400;

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

/// An exponential average of the premium: `secs / (window + secs)` of the way to the latest sample, so that a quote
/// held for a moment moves the rate by no more than its share of the window.
pub fn average_premium(average: i32, latest: i32, secs: u64, window_secs: u32) -> i32 {
    // At most 12 bits, then 33 bits; products stay far within 64.
    let secs = i64::try_from(secs.min(MAX_FUNDING_SECS)).unwrap_or(0);
    let whole = i64::from(window_secs) + secs;
    if whole == 0 {
        return latest;
    }
    let step = (i64::from(latest) - i64::from(average)) * secs / whole;
    // Between the two, hence in range.
    i32::try_from(i64::from(average) + step).unwrap_or(latest)
}

/// Funding rate per day for a premium: the premium itself, held within `max_per_day` either way.
pub fn rate_per_day(premium: i32, max_per_day: u32) -> i32 {
    let limit = i32::try_from(max_per_day).unwrap_or(i32::MAX);
    premium.clamp(-limit, limit)
}

/// Moves both indices by `spot · rate · secs / day`, with `secs` at most [`MAX_FUNDING_SECS`]. They move alike, so what
/// one side pays is what the other is owed, but for rounding against each account.
///
/// # Errors
/// [`RiskError::Overflow`] when an index does not fit.
pub fn advance(
    indices: FundingIndices,
    spot: u64,
    shift: u8,
    rate_per_day: i32,
    secs: u64,
) -> Result<FundingIndices> {
    const { assert!(FUNDING_BITS == RATIO_BITS) };
    if rate_per_day == 0 {
        // As for any book with the oracle price inside its spread.
        return Ok(indices);
    }
    let secs = i128::from(secs.min(MAX_FUNDING_SECS));
    // 64 + 31 + 12 bits; the rate's fraction bits are the index's.
    let product = i128::from(spot) * i128::from(rate_per_day) * secs;
    let moved = (product / i128::from(DAY_SECS)).wrapping_shr(u32::from(shift));
    Ok(FundingIndices {
        long: to_i64(add(i128::from(indices.long), moved)?)?,
        short: to_i64(add(i128::from(indices.short), moved)?)?,
    })
}
