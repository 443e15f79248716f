//! The state machine of one price: what an observation may change, how the stable price and the average follow it.

use crate::fixed::{div_ceil, to_u64, RATIO_BITS};
use crate::params::OracleLimits;

/// Longest time, in seconds, that the stable price catches up on in one update. Sponsored feeds beat every minute;
/// after a longer silence the stable price still moves no faster than by five minutes' allowance.
pub const STABLE_MAX_STEP_SECS: i64 = 300;
/// Time constant of the average, in seconds.
pub const AVERAGE_SECS: i64 = 300;
/// Longest time the average gives to one observation, so that a first bad price after an outage stands out.
pub const AVERAGE_MAX_STEP_SECS: i64 = 60;
/// How far, in seconds, an observation may be ahead of the chain's clock, which is an estimate.
pub const MAX_CLOCK_LEAD_SECS: i64 = 60;

/// A price as an oracle gave it, already converted to the entry's mantissa.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Mantissa per native unit (asset) or per base lot (market).
    pub price: u64,
    /// Confidence interval, same scale.
    pub conf: u64,
    /// When the oracle published it, Unix seconds.
    pub publish_time: i64,
}

/// Why an observation left the entry as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The price is zero.
    ZeroPrice,
    /// Published before the one the entry holds.
    Older,
    /// Published further ahead of the chain's clock than the clock can be wrong.
    FromTheFuture,
    /// The confidence interval is wider than the limit.
    WideConfidence,
}

/// A validated price and its followers. All prices are mantissas at the shift of the entry that holds it.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PriceState {
    /// When the oracle published `spot`, Unix seconds.
    pub publish_time: i64,
    /// Slot of the last refresh that confirmed or replaced `spot`.
    pub refresh_slot: u64,
    /// Last accepted price; zero before the first.
    pub spot: u64,
    /// Its confidence interval.
    pub conf: u64,
    /// Follows spot at a bounded rate.
    pub stable: u64,
    /// Exponential average of spot over about five minutes.
    pub average: u64,
}

const _: () = assert!(core::mem::size_of::<PriceState>() == 48);

impl PriceState {
    /// Takes an observation, or says why not and changes nothing.
    ///
    /// The same publish time confirms the entry (its refresh slot advances) without changing a price, so one
    /// observation cannot be replayed into the stable price or the average.
    ///
    /// # Errors
    /// The [`Rejection`] that applies.
    pub fn update(
        &mut self,
        seen: &Observation,
        now: i64,
        slot: u64,
        limits: &OracleLimits,
    ) -> core::result::Result<(), Rejection> {
        if seen.price == 0 {
            return Err(Rejection::ZeroPrice);
        }
        if seen.publish_time > now.saturating_add(MAX_CLOCK_LEAD_SECS) {
            return Err(Rejection::FromTheFuture);
        }
        let widest = (u128::from(seen.price) * u128::from(limits.max_conf_ratio)) >> RATIO_BITS;
        if u128::from(seen.conf) > widest {
            return Err(Rejection::WideConfidence);
        }
        if self.spot == 0 {
            self.stable = seen.price;
            self.average = seen.price;
        } else if seen.publish_time < self.publish_time {
            return Err(Rejection::Older);
        } else if seen.publish_time == self.publish_time {
            self.refresh_slot = self.refresh_slot.max(slot);
            return Ok(());
        } else {
            let elapsed = seen.publish_time.saturating_sub(self.publish_time);
            self.stable = follow(
                self.stable,
                seen.price,
                elapsed,
                limits.stable_rate_per_hour,
            );
            self.average = blend(self.average, seen.price, elapsed);
        }
        self.spot = seen.price;
        self.conf = seen.conf;
        self.publish_time = seen.publish_time;
        self.refresh_slot = self.refresh_slot.max(slot);
        Ok(())
    }

    /// True while both ages are within their limits: the oracle's in seconds and the entry's in slots.
    #[inline(always)]
    pub fn is_fresh(&self, now: i64, slot: u64, max_age_secs: u32, max_age_slots: u32) -> bool {
        now.saturating_sub(self.publish_time) <= i64::from(max_age_secs)
            && slot.saturating_sub(self.refresh_slot) <= u64::from(max_age_slots)
    }

    /// True when spot is more than half away from its own average: the feed is broken and nothing may be seized at it.
    #[inline]
    pub fn is_broken(&self) -> bool {
        self.spot.abs_diff(self.average) > self.average / 2
    }

    /// The lower of spot and stable.
    #[inline]
    pub fn lower(&self) -> u64 {
        self.spot.min(self.stable)
    }

    /// The higher of spot and stable.
    #[inline]
    pub fn higher(&self) -> u64 {
        self.spot.max(self.stable)
    }
}

/// How uncertain a spot price is, as ratios of it, rounded up: for margin that nets what has the same price.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PriceDoubt {
    /// How far the stable price is below spot, and how far above it; one of them is zero.
    pub lag: [u32; 2],
    /// The confidence interval times its multiple.
    pub confidence: u32,
    /// Unused.
    pub padding: u32,
}

impl PriceDoubt {
    /// Of a price and its confidence interval times its multiple.
    pub(crate) fn of(price: &PriceState, margin: u64) -> Self {
        Self {
            confidence: ratio_of(margin, price.spot),
            ..Self::default()
        }
        .at(price)
    }

    /// The same at another price, whose confidence interval is as large a part of it.
    #[must_use]
    pub fn at(self, price: &PriceState) -> Self {
        let distance = ratio_of(price.spot.abs_diff(price.stable), price.spot);
        let lag = if price.stable <= price.spot {
            [distance, 0]
        } else {
            [0, distance]
        };
        Self { lag, ..self }
    }
}

/// `⌈distance / price⌉` as a ratio, at most the largest. In 64 bits: what does not fit is first shifted down, outwards.
pub(crate) fn ratio_of(distance: u64, price: u64) -> u32 {
    if distance == 0 {
        return 0;
    }
    let excess = RATIO_BITS.saturating_sub(distance.leading_zeros());
    let (distance, price) = match excess {
        0 => (distance, price),
        excess => (
            distance.wrapping_shr(excess).saturating_add(1),
            price.wrapping_shr(excess),
        ),
    };
    if price == 0 || distance.leading_zeros() < RATIO_BITS {
        return u32::MAX;
    }
    u32::try_from(distance.wrapping_shl(RATIO_BITS).div_ceil(price)).unwrap_or(u32::MAX)
}

/// Moves `stable` towards `spot` by at most `rate` an hour (one mantissa unit at least, so that it never sticks).
fn follow(stable: u64, spot: u64, elapsed: i64, rate_per_hour: u32) -> u64 {
    let secs = elapsed.clamp(0, STABLE_MAX_STEP_SECS).unsigned_abs();
    // 32 and 9 bits.
    let rate = u64::from(rate_per_hour).wrapping_mul(secs);
    let distance = stable.abs_diff(spot);
    // What is surely allowed; most prices are nearer than that, and need no wide division.
    let surely = (stable >> RATIO_BITS).checked_mul(rate).unwrap_or(0) / 3_600;
    let step = if distance <= surely {
        distance
    } else {
        let moved = u128::from(stable).wrapping_mul(u128::from(rate));
        let allowed = (moved / 3_600) >> RATIO_BITS;
        u64::try_from(allowed)
            .unwrap_or(u64::MAX)
            .max(1)
            .min(distance)
    };
    if spot >= stable {
        stable.saturating_add(step)
    } else {
        stable.saturating_sub(step)
    }
}

/// One step of the average: weight `t / (T + t)`, which is stable for any spacing of observations.
fn blend(average: u64, spot: u64, elapsed: i64) -> u64 {
    let secs = elapsed.clamp(0, AVERAGE_MAX_STEP_SECS).unsigned_abs();
    let whole = AVERAGE_SECS.unsigned_abs() + secs;
    let distance = average.abs_diff(spot);
    // The step is at most the distance, hence fits; the time is not zero.
    let step = if distance >> 58 == 0 {
        // The seconds have six bits.
        distance.wrapping_mul(secs).div_ceil(whole)
    } else {
        div_ceil(u128::from(distance) * u128::from(secs), u128::from(whole))
            .and_then(to_u64)
            .unwrap_or(u64::MAX)
    };
    if spot >= average {
        average.saturating_add(step)
    } else {
        average.saturating_sub(step)
    }
}
