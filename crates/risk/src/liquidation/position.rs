//! Taking over a slice of a perpetual position at the oracle's price less a fee.

use super::{Charged, Target};
use crate::fixed::{
    add, ratio_floor, scale_ceil, scale_floor, sub, to_i128, to_i64, to_u64, Result, RiskError,
};
use crate::health::HealthKind;
use crate::market::MarketRisk;
use crate::position::PerpPosition;
use crate::standard::{requirement, weighted};
use crate::units::{BaseLots, QuoteNative};

const KIND: HealthKind = HealthKind::LiquidationEnd;

/// How many evaluations interpolate before plain bisection takes over, which at most 64 more then finish.
const INTERPOLATIONS: u32 = 20;

/// A slice of a position that changes hands. The account trades `lots` on its closing side for `notional` with
/// `penalty` as the fee; the liquidator takes the other side and receives `penalty − insurance`, and of insurance `top_up` as
/// far as that can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionSlice {
    /// Base lots, positive.
    pub lots: BaseLots,
    /// Their value at spot: rounded down when the account sells, up when it buys.
    pub notional: QuoteNative,
    /// What the account pays on top.
    pub penalty: QuoteNative,
    /// The part of the penalty that is insurance's.
    pub insurance: QuoteNative,
    /// What the penalty falls short of the least reward.
    pub top_up: QuoteNative,
    /// What of the penalty LiquidationEnd's value loses.
    pub counted: u128,
}

impl PositionSlice {
    /// Of so many lots, for their value and a penalty.
    pub(super) fn of(lots: u64, notional: u128, charged: Charged, target: &Target) -> Result<Self> {
        let penalty = charged.paid;
        let quote =
            |value: u128| -> Result<QuoteNative> { Ok(QuoteNative(to_i64(to_i128(value)?)?)) };
        let (insurance, top_up) = target.insured(notional, penalty)?;
        Ok(Self {
            lots: BaseLots(i64::try_from(lots).map_err(|_| RiskError::Overflow)?),
            notional: quote(notional)?,
            penalty: quote(penalty)?,
            insurance: quote(insurance)?,
            top_up: quote(top_up)?,
            counted: charged.counted,
        })
    }
}

/// The slice of a position to take over: enough to bring LiquidationEnd health to zero, at most `max_lots`; the whole
/// position where less than `dust_lots` would remain. Minimal to a lot.
///
/// The account's orders must have been cancelled and the market's entry be fresh.
///
/// # Errors
/// [`RiskError::NothingToLiquidate`] without a position, a shortfall or an allowance of lots;
/// [`RiskError::OrderSlotMismatch`] while orders rest; [`RiskError::SliceTooSmall`] when the slice that `max_lots`
/// allows would lower health by its rounding; [`RiskError::Overflow`].
pub fn position_slice(
    perp: &PerpPosition,
    risk: &MarketRisk,
    target: &Target,
    max_lots: BaseLots,
    dust_lots: BaseLots,
) -> Result<PositionSlice> {
    if perp.order_mask != 0 {
        return Err(RiskError::OrderSlotMismatch);
    }
    let held = perp.position.abs();
    let allowed = held.min(max_lots.0.max(0).unsigned_abs());
    if allowed == 0 || target.shortfall() == 0 {
        return Err(RiskError::NothingToLiquidate);
    }
    let mut takeover = Takeover {
        held,
        long: perp.position.0 > 0,
        settled: sub(i128::from(perp.quote.0), perp.owed(risk)?)?,
        risk,
        target,
        bearable: target.bearable(),
        withheld: target.withheld()?,
        required: 0,
    };
    takeover.required = takeover.required(held)?;
    let before = takeover.value(0, 0, 0, takeover.required)?;
    let wanted = add(before, to_i128(target.shortfall())?)?;
    let mut lots = takeover.smallest(wanted, before, allowed)?;
    let left = held.saturating_sub(lots);
    if left < dust_lots.0.max(0).unsigned_abs() && allowed == held {
        lots = held;
    }
    let left = takeover.required(held.saturating_sub(lots))?;
    let (notional, paid) = takeover.price(lots, left)?;
    let after = takeover.value(lots, notional, paid, left)?;
    if after < before {
        return Err(RiskError::SliceTooSmall);
    }
    let free = match paid {
        0 => after,
        _ => takeover.value(lots, notional, 0, left)?,
    };
    let counted = sub(free, after)?.max(0).unsigned_abs();
    PositionSlice::of(lots, notional, Charged { paid, counted }, target)
}

/// Notional at spot of a number of lots: rounded down where the account sells.
pub(super) fn notional(long: bool, risk: &MarketRisk, lots: u64) -> u128 {
    let spot = risk.price.spot;
    match long {
        true => (u128::from(lots) * u128::from(spot)).wrapping_shr(u32::from(risk.shift)),
        false => scale_ceil(lots, spot, risk.shift),
    }
}

/// The position's part of LiquidationEnd health as a function of the lots taken over.
struct Takeover<'a> {
    held: u64,
    long: bool,
    settled: i128,
    risk: &'a MarketRisk,
    target: &'a Target,
    /// The part of what is freed of margin that a penalty may be.
    bearable: u32,
    /// What a penalty is less by than that.
    withheld: u128,
    /// What is required of the whole position.
    required: u128,
}

impl Takeover<'_> {
    /// Notional of a number of lots and the penalty for them, with what is required of those that are left.
    fn price(&self, lots: u64, left: u128) -> Result<(u128, u128)> {
        let notional = notional(self.long, self.risk, lots);
        let most = ratio_floor(self.required.saturating_sub(left), self.bearable)?;
        let penalty = self.target.penalty(notional, self.target.fee)?;
        Ok((notional, penalty.min(most.saturating_sub(self.withheld))))
    }

    /// What is required of a number of lots.
    fn required(&self, lots: u64) -> Result<u128> {
        requirement(
            lots,
            KIND.of(&self.risk.price_high),
            KIND.of(&self.risk.requirement_price),
            self.risk,
        )
    }

    /// What the position adds to LiquidationEnd health once `lots` of it are gone.
    fn value_after(&self, lots: u64) -> Result<i128> {
        let left = self.held.checked_sub(lots).ok_or(RiskError::Overflow)?;
        let margin = self.required(left)?;
        let (notional, penalty) = self.price(lots, margin)?;
        self.value(lots, notional, penalty, margin)
    }

    /// The same at a price, a penalty and a margin.
    fn value(&self, lots: u64, notional: u128, penalty: u128, margin: u128) -> Result<i128> {
        let left = self.held.checked_sub(lots).ok_or(RiskError::Overflow)?;
        let (notional, penalty) = (to_i128(notional)?, to_i128(penalty)?);
        let size = i64::try_from(left).map_err(|_| RiskError::Overflow)?;
        let (size, traded, price) = if self.long {
            (size, notional, KIND.of(&self.risk.price_low))
        } else {
            let high = KIND.of(&self.risk.price_high);
            (size.saturating_neg(), -notional, high)
        };
        let quote = sub(add(self.settled, traded)?, penalty)?;
        let pnl = add(quote, scale_floor(size, price, self.risk.shift))?;
        let counted = weighted(pnl, KIND.of(&self.risk.profit_weight))?;
        sub(counted, to_i128(margin)?)
    }

    /// The fewest lots at which the value reaches `wanted`, or `most` if none do.
    ///
    /// The value rises with the lots, almost in a straight line: by margin freed less fee, faster at first where margin
    /// grows with size. Each step interpolates between a bracket's ends, giving less weight to an end that stays
    /// (the Illinois variant of the false-position rule); the bracket holds at every step whatever the shape.
    fn smallest(&self, wanted: i128, before: i128, most: u64) -> Result<u64> {
        let surplus = sub(self.value_after(most)?, wanted)?;
        if surplus <= 0 {
            return Ok(most);
        }
        let (mut low, mut short) = (0, sub(wanted, before)?.unsigned_abs());
        let (mut high, mut over) = (most, surplus.unsigned_abs());
        let mut last_moved_high = None;
        let mut step = 0u32;
        while high - low > 1 {
            let width = u128::from(high - low);
            let part = match short.checked_mul(width) {
                Some(product) if step < INTERPOLATIONS => {
                    to_u64(product.div_ceil(short.saturating_add(over).max(1)))?
                }
                _ => (high - low) / 2,
            };
            let guess = low.saturating_add(part).clamp(low + 1, high - 1);
            let excess = sub(self.value_after(guess)?, wanted)?;
            let moved_high = excess >= 0;
            if moved_high {
                (high, over) = (guess, excess.unsigned_abs());
            } else {
                (low, short) = (guess, excess.unsigned_abs());
            }
            if last_moved_high == Some(moved_high) {
                if moved_high {
                    short /= 2;
                } else {
                    over /= 2;
                }
            }
            last_moved_high = Some(moved_high);
            step = step.saturating_add(1);
        }
        Ok(high)
    }
}
