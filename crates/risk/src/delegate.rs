//! What a trade loses against the oracle, and how much of that a delegate may bring about: nothing else bounds what somebody with a
//! key that trades can hand to himself.
use crate::{
    fixed::{scale_floor, Result, RiskError},
    BaseLots, Bucket, QuoteNative, Side,
};

/// Seconds in which a loss budget drains.
pub const BUDGET_SECS: u32 = 86_400;

/// What `lots` bought or sold for `notional`, with `fee` on top, lose against a price (a mantissa over `2^shift` per lot): what
/// is paid less what it is worth, rounded up. Zero where the trade gains.
///
/// # Errors
/// [`RiskError::Overflow`] beyond a `u64`.
pub fn loss(
    side: Side,
    lots: BaseLots,
    notional: QuoteNative,
    fee: QuoteNative,
    price: u64,
    shift: u8,
) -> Result<u64> {
    let (paid, got) = match side {
        Side::Bid => (i128::from(notional.0), scale_floor(lots.0, price, shift)),
        // What is given away, rounded up: the negative of the lots, rounded down.
        Side::Ask => (
            scale_floor(lots.0.saturating_neg(), price, shift).saturating_neg(),
            i128::from(notional.0),
        ),
    };
    let loss = paid.saturating_sub(got).saturating_add(i128::from(fee.0));
    u64::try_from(loss.max(0)).map_err(|_| RiskError::Overflow)
}

/// Takes a loss out of what is left of a budget of `per_day`. In any time `t` no more than `per_day · (1 + t / day)` is taken.
///
/// # Errors
/// What is left, when that is less.
pub fn spend(
    lost: &mut Bucket,
    per_day: u64,
    loss: u64,
    now: i64,
) -> core::result::Result<(), u64> {
    lost.leak(per_day, BUDGET_SECS, now);
    lost.fill(loss, per_day)
}
