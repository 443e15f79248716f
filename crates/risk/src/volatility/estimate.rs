//! Variances from prices at irregular times.

use crate::entry_price::ratio_of;
use crate::fixed::{div_ceil, RATIO_ONE};

/// Seconds of a day, the unit of time of a variance; and the most that one interval counts for. After a gap the whole
/// move counts as a day's: how it was spread over the gap is not known.
const DAY_SECS: u64 = 86_400;

/// The square of the relative move between two prices, both positive: Q0.48, rounded up. Measured on the lower of the
/// two, so that a fall counts as much as the rise that undoes it; a move by more than the whole counts as the whole.
pub(super) fn squared_return(from: u64, to: u64) -> u64 {
    let ratio = u64::from(ratio_of(from.abs_diff(to), from.min(to)).min(RATIO_ONE));
    ratio.wrapping_mul(ratio)
}

/// The variance per day after a move over an interval: `(τ·variance + r²) / (τ + dt)` with `τ = λ/(1 − λ)` days, rounded
/// up. That is `r²/dt` taken with the weight `dt/(τ + dt)`, so a day's step leaves exactly `λ` of what was before, and
/// many short ones over a day a little less: between `e^−(1−λ)/λ` and `λ`.
pub(super) fn blend(variance: u64, return_square: u64, elapsed: u64, decay: u32) -> u64 {
    let kept = u128::from(decay.min(RATIO_ONE));
    let rest = u128::from(RATIO_ONE) - kept;
    let day = u128::from(DAY_SECS);
    // All times (1 − λ), in seconds: at most 64 + 24 + 17 bits.
    let kept_part = u128::from(variance).wrapping_mul(kept);
    let new_part = u128::from(return_square).wrapping_mul(rest);
    let sum = kept_part.wrapping_add(new_part).wrapping_mul(day);
    let since = rest.wrapping_mul(u128::from(elapsed.min(DAY_SECS)));
    let whole = kept.wrapping_mul(day).wrapping_add(since);
    div_ceil(sum, whole)
        .ok()
        .and_then(|wide| u64::try_from(wide).ok())
        .unwrap_or(u64::MAX)
}
