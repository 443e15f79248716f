//! How a volatility may move: the current value by a bounded rise, the binding one after an announcement.
//!
//! ```text
//! current ≥ announced ≥ ceiling ≥ binding
//! ```
//!
//! At the end of an announcement period what was announced becomes the ceiling of the binding value, and what is current is
//! announced. Meanwhile all three are cut to whatever the current value falls to, so the ceiling is never above the least
//! current value of the last whole period.

use crate::fixed::RATIO_ONE;

/// Longest time, in seconds, that one sample lets a volatility rise for.
const HOUR_SECS: u64 = 3_600;
/// Fastest rise that is told apart, as a ratio per hour; keeps products within 64 bits.
const MAX_RATE: u32 = 8 * RATIO_ONE;
/// A value below a thousandth rises as if it were one: nothing gets anywhere from next to nothing by being multiplied.
const LEAST_BASE: u32 = RATIO_ONE / 1_000;

/// Rises of a binding value that are under way.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Pending {
    /// What the binding value may rise to from [`super::VolatilityState::binds_at`] on, unless the current one falls below.
    pub announced: u32,
    /// What it may rise to now: announced a whole period ago or longer.
    pub ceiling: u32,
}

/// What moves a value.
pub(super) enum Pace {
    /// It is the first: it counts for all.
    Start,
    /// Operators changed something.
    Edit,
    /// A sample was taken.
    Sample(Step),
}

/// How far one sample lets a value rise.
pub(super) struct Step {
    /// The rise is `gain / whole` of the value.
    gain: u64,
    whole: u64,
    /// Whether an announcement period ended.
    binds: bool,
}

impl Step {
    /// Over `elapsed` seconds at a `rate` per hour.
    ///
    /// Relatively by `t·r / (1 + r·(1 − t))` for the part `t` of an hour: all of `r` over an hour, and over the parts of
    /// one, however cut, no more than that together.
    pub(super) fn over(elapsed: u64, rate: u32, binds: bool) -> Self {
        let secs = elapsed.min(HOUR_SECS);
        let rate = u64::from(rate.min(MAX_RATE));
        Self {
            // 27 and 12 bits; 12 and 24, and as many again.
            gain: rate.wrapping_mul(secs),
            whole: HOUR_SECS
                .wrapping_mul(u64::from(RATIO_ONE))
                .wrapping_add(rate.wrapping_mul(HOUR_SECS.wrapping_sub(secs))),
            binds,
        }
    }

    /// Where a value gets on its way up to a target, by one unit at least; a target below is reached at once.
    fn towards(&self, from: u32, target: u32) -> u32 {
        if target <= from {
            return target;
        }
        // No value is above one: 25, 27 and 12 bits.
        let base = u64::from(from.clamp(LEAST_BASE, RATIO_ONE));
        let allowed = base.wrapping_mul(self.gain) / self.whole;
        let allowed = u32::try_from(allowed).unwrap_or(u32::MAX).max(1);
        from.saturating_add(allowed).min(target)
    }
}

/// Moves the current and the binding value. The current one is at least `floor` at once.
pub(super) fn advance(
    values: &mut [u32; 2],
    pending: &mut Pending,
    target: u32,
    floor: u32,
    pace: &Pace,
) {
    let [current, binding] = *values;
    let current = match pace {
        Pace::Start | Pace::Edit => target,
        Pace::Sample(step) => step.towards(current.max(floor), target),
    };
    let announced = pending.announced.min(current);
    let ceiling = pending.ceiling.min(current);
    let (announced, ceiling, binding) = match pace {
        Pace::Start => (current, current, current),
        Pace::Edit => (announced, ceiling, binding.min(ceiling)),
        Pace::Sample(step) => {
            let (announced, ceiling) = if step.binds {
                (current, announced)
            } else {
                (announced, ceiling)
            };
            (announced, ceiling, step.towards(binding, ceiling))
        }
    };
    *values = [current, binding];
    *pending = Pending { announced, ceiling };
}
