//! Swapping a slice of collateral for a slice of debt at the oracle's price plus a bonus.

use super::{Charged, Target};
use crate::asset::AssetRisk;
use crate::balance::{native_ceil, native_floor, Balance, Indices};
use crate::fixed::{
    div_ceil, div_floor, ratio_ceil, ratio_floor, scale_ceil, sub, Result, RiskError, RATIO_BITS,
    RATIO_ONE,
};
use crate::health::HealthKind;
use crate::market::MarketRisk;
use crate::standard::{balance_value, weighted};

const KIND: HealthKind = HealthKind::LiquidationEnd;

/// What the account gives.
#[derive(Clone, Copy, Debug)]
pub enum Collateral<'a> {
    /// A deposit.
    Deposit(&'a Balance, &'a AssetRisk),
    /// A positive claim on a market: its profit in native quote, orders cancelled and funding settled.
    Profit(u64, &'a MarketRisk),
}

/// What is taken off the account.
#[derive(Clone, Copy, Debug)]
pub enum Debt<'a> {
    /// A borrow.
    Borrow(&'a Balance, &'a AssetRisk),
    /// What is owed to a market in which no position is left, in native quote.
    Loss(u64),
}

/// A slice of collateral that changes hands for a slice of debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwapSlice {
    /// Debt taken over, in its native units.
    pub debt: u64,
    /// Collateral given in all, in its native units.
    pub collateral: u64,
    /// The part of `collateral` that is insurance's; the liquidator receives the rest.
    pub insurance: u64,
    /// What the liquidator receives of insurance beside it, as far as that can pay: what the penalty falls short of the least
    /// reward.
    pub top_up: u64,
    /// Value at spot that the account gives beyond the debt's, in native quote.
    pub penalty: u128,
    /// What of it LiquidationEnd's value loses.
    pub counted: u128,
}

impl SwapSlice {
    /// What it charges.
    pub const fn charged(&self) -> Charged {
        Charged {
            paid: self.penalty,
            counted: self.counted,
        }
    }
}

/// One side of a swap, in the same terms for tokens and claims.
#[derive(Clone, Copy)]
struct Leg {
    /// Native units there are.
    amount: u64,
    /// Native quote per native unit, a mantissa.
    price: u64,
    shift: u8,
    /// LiquidationEnd weight.
    weight: u32,
    /// What rounding to a share can take off the health effect, in native quote.
    slack: u128,
}

impl Leg {
    /// Value of an amount, rounded down.
    fn value_floor(&self, amount: u64) -> u128 {
        (u128::from(amount) * u128::from(self.price)).wrapping_shr(u32::from(self.shift))
    }

    /// Value of an amount, rounded up.
    fn value_ceil(&self, amount: u64) -> u128 {
        scale_ceil(amount, self.price, self.shift)
    }

    /// Amount worth at least `value`, held at what there is.
    fn amount_ceil(&self, value: u128) -> Result<u64> {
        match self.widen(value) {
            Some(wide) => {
                Ok(u64::try_from(div_ceil(wide, u128::from(self.price))?).unwrap_or(u64::MAX))
            }
            None => Ok(u64::MAX),
        }
    }

    /// Amount worth at most `value`.
    fn amount_floor(&self, value: u128) -> Result<u64> {
        let wide = self.widen(value).ok_or(RiskError::Overflow)?;
        Ok(u64::try_from(div_floor(wide, u128::from(self.price))?).unwrap_or(u64::MAX))
    }

    fn widen(&self, value: u128) -> Option<u128> {
        (value.leading_zeros() > u32::from(self.shift))
            .then(|| value.wrapping_shl(u32::from(self.shift)))
    }
}

impl Collateral<'_> {
    fn leg(&self) -> Result<Leg> {
        match *self {
            Self::Deposit(balance, risk) => Ok(Leg {
                amount: native_floor(balance.shares.0.max(0).unsigned_abs(), risk.deposit_index)?,
                price: risk.price.spot,
                shift: risk.shift,
                weight: KIND.of(&risk.asset_weight),
                slack: scale_ceil(1, KIND.of(&risk.asset_price), risk.shift).saturating_add(2),
            }),
            Self::Profit(amount, risk) => Ok(Leg {
                amount,
                price: 1,
                shift: 0,
                weight: KIND.of(&risk.profit_weight),
                slack: 1,
            }),
        }
    }

    /// LiquidationEnd health that giving an amount costs.
    fn cost(&self, amount: u64) -> Result<i128> {
        match *self {
            Self::Deposit(balance, risk) => {
                let mut after = *balance;
                after.debit(amount, risk.indices())?;
                sub(
                    balance_value(KIND, balance, risk),
                    balance_value(KIND, &after, risk),
                )
            }
            Self::Profit(pnl, risk) => {
                let weight = KIND.of(&risk.profit_weight);
                let left = pnl.checked_sub(amount).ok_or(RiskError::Overflow)?;
                sub(
                    weighted(i128::from(pnl), weight)?,
                    weighted(i128::from(left), weight)?,
                )
            }
        }
    }
}

impl Debt<'_> {
    fn leg(&self) -> Result<Leg> {
        match *self {
            Self::Borrow(balance, risk) => Ok(Leg {
                amount: native_ceil(balance.shares.0.min(0).unsigned_abs(), risk.borrow_index)?,
                price: risk.price.spot,
                shift: risk.shift,
                weight: KIND.of(&risk.liability_weight),
                slack: scale_ceil(1, KIND.of(&risk.liability_price), risk.shift).saturating_add(2),
            }),
            Self::Loss(amount) => Ok(Leg {
                amount,
                price: 1,
                shift: 0,
                weight: RATIO_ONE,
                slack: 0,
            }),
        }
    }

    /// LiquidationEnd health that taking an amount off gains.
    fn gain(&self, amount: u64) -> Result<i128> {
        match *self {
            Self::Borrow(balance, risk) => {
                let mut after = *balance;
                after.credit(amount, risk.indices())?;
                sub(
                    balance_value(KIND, &after, risk),
                    balance_value(KIND, balance, risk),
                )
            }
            Self::Loss(_) => Ok(i128::from(amount)),
        }
    }
}

impl AssetRisk {
    /// The entry's indices.
    #[inline]
    pub const fn indices(&self) -> Indices {
        Indices {
            deposit: self.deposit_index,
            borrow: self.borrow_index,
        }
    }
}

/// The slice of `debt` to pay off with `collateral`: enough to bring LiquidationEnd health to zero, at most `max_debt`
/// native units of the debt and what the collateral pays for. A debt or collateral of which less than its dust (native
/// quote) would remain goes whole.
///
/// Linear, so solved in closed form: every unit of value repaid gains its liability weight and costs
/// `(1 + bonus) · asset weight`. The bonus is `target.fee`, less where that would leave equity ÷ requirement no better
/// or the penalty would exceed what is left of the episode's. Minimal to the rounding of one share and one native unit on each side, which is added to
/// the shortfall so that it is met.
///
/// # Errors
/// [`RiskError::NothingToLiquidate`] without debt, collateral, shortfall or allowance; [`RiskError::SliceTooSmall`] when
/// rounding would outweigh what the slice gains; [`RiskError::DivisionByZero`] before the first price;
/// [`RiskError::Overflow`].
pub fn swap_slice(
    collateral: &Collateral<'_>,
    debt: &Debt<'_>,
    target: &Target,
    max_debt: u64,
    collateral_dust: u64,
    debt_dust: u64,
) -> Result<SwapSlice> {
    let (given, taken) = (collateral.leg()?, debt.leg()?);
    let allowed = taken.amount.min(max_debt);
    if given.amount == 0 || allowed == 0 || target.shortfall() == 0 {
        return Err(RiskError::NothingToLiquidate);
    }
    // What the requirement falls by of every unit of value that is repaid.
    let freed = taken.weight.saturating_sub(given.weight);
    let bearable = ratio_floor(u128::from(freed), target.bearable())?;
    let bearable = u32::try_from(bearable).unwrap_or(u32::MAX);
    let mut terms = Terms {
        given,
        taken,
        bonus: 0,
        counted: given.weight,
        target,
    };
    let withheld = target.withheld()?;
    let capped;
    if withheld > 0 {
        // Of what meets the shortfall for free: a penalty takes more.
        let value = taken.value_floor(terms.debt_needed()?.min(allowed));
        capped = target.capped_at(ratio_floor(value, bearable)?.saturating_sub(withheld));
        terms.target = &capped;
    }
    terms.bonus = target.fee.min(bearable);
    let mut amount = terms.debt_needed()?.min(allowed);
    let left = taken.amount.saturating_sub(amount);
    if taken.value_ceil(left) < u128::from(debt_dust) && allowed == taken.amount {
        amount = taken.amount;
    }
    let slice = terms.slice(amount, allowed, collateral_dust)?;
    if sub(debt.gain(slice.debt)?, collateral.cost(slice.collateral)?)? < 0 {
        return Err(RiskError::SliceTooSmall);
    }
    Ok(slice)
}

pub(super) struct Terms<'a> {
    given: Leg,
    taken: Leg,
    bonus: u32,
    /// The part of what is given that counts towards LiquidationEnd's value.
    counted: u32,
    target: &'a Target,
}

impl<'a> Terms<'a> {
    /// At the target's fee, whatever the weights leave room for.
    pub fn at_fee(
        collateral: &Collateral<'_>,
        debt: &Debt<'_>,
        target: &'a Target,
        counted: u32,
    ) -> Result<Self> {
        Ok(Self {
            given: collateral.leg()?,
            taken: debt.leg()?,
            bonus: target.fee,
            counted,
            target,
        })
    }

    /// The same against another target.
    pub fn with<'b>(&self, target: &'b Target) -> Terms<'b> {
        Terms {
            given: self.given,
            taken: self.taken,
            bonus: target.fee,
            counted: self.counted,
            target,
        }
    }

    /// Native units of the debt.
    pub fn debt_amount(&self) -> u64 {
        self.taken.amount
    }

    /// Native units of the collateral.
    pub fn collateral_amount(&self) -> u64 {
        self.given.amount
    }

    /// Value of an amount of the debt, rounded up.
    pub fn debt_value(&self, amount: u64) -> u128 {
        self.taken.value_ceil(amount)
    }

    /// Amount of the debt worth at most `value`.
    pub fn debt_worth(&self, value: u128) -> Result<u64> {
        self.taken.amount_floor(value)
    }
}

impl Terms<'_> {
    /// Native units of debt that meet the shortfall; the highest number when no amount does.
    fn debt_needed(&self) -> Result<u64> {
        let slack = self
            .given
            .slack
            .saturating_add(self.taken.slack)
            .saturating_add(self.unit_slack());
        let needed = self.target.shortfall().saturating_add(slack);
        let (asset, liability) = (u128::from(self.given.weight), u128::from(self.taken.weight));
        // Per unit of value: weights have 24 fraction bits, the products 48.
        let cost = asset * (u128::from(RATIO_ONE) + u128::from(self.bonus));
        let gain = (liability << RATIO_BITS).saturating_sub(cost);
        let value = quotient(needed, gain, 2 * RATIO_BITS);
        let cap = self.target.allowance;
        if ratio_ceil(value.min(1 << 96), self.bonus)? <= cap {
            return self.taken.amount_ceil(value);
        }
        // Beyond the cap the penalty is a constant and only the weights' difference works.
        let needed = needed.saturating_add(ratio_ceil(cap, self.given.weight)?);
        let value = quotient(needed, liability.saturating_sub(asset), RATIO_BITS);
        self.taken.amount_ceil(value)
    }

    /// Weighted value of a native unit of either side: what rounding amounts to whole units can cost.
    fn unit_slack(&self) -> u128 {
        let unit = |leg: &Leg| ratio_ceil(leg.value_ceil(1), leg.weight).unwrap_or(u128::MAX);
        unit(&self.given)
            .saturating_add(unit(&self.taken))
            .saturating_add(4)
    }

    /// What paying off `amount` of the debt takes of the collateral; less debt when the collateral does not suffice, and
    /// more (up to `allowed`) when only dust of it would remain.
    pub fn slice(&self, amount: u64, allowed: u64, collateral_dust: u64) -> Result<SwapSlice> {
        let repaid = self.taken.value_ceil(amount);
        let penalty = self.target.penalty(repaid, self.bonus)?;
        let wanted = self
            .given
            .amount_ceil(repaid.checked_add(penalty).ok_or(RiskError::Overflow)?)?;
        if wanted > self.given.amount {
            return self.whole_collateral(amount);
        }
        let left = self
            .given
            .value_ceil(self.given.amount.saturating_sub(wanted));
        if wanted < self.given.amount && left < u128::from(collateral_dust) {
            let whole = self.whole_collateral(u64::MAX)?;
            if whole.debt <= allowed {
                return Ok(whole);
            }
        }
        self.share_out(amount, wanted, penalty)
    }

    /// All the collateral, for the debt (at most `most`) that it pays for. Takes one unit of debt at least, so that the
    /// last dust of collateral can go; the liquidator then overpays by less than that unit.
    fn whole_collateral(&self, most: u64) -> Result<SwapSlice> {
        let value = self.given.value_floor(self.given.amount);
        let with_bonus = u128::from(RATIO_ONE) + u128::from(self.bonus);
        let net = quotient_floor(value, with_bonus)?;
        let net = net.max(value.saturating_sub(self.target.allowance));
        let amount = self.taken.amount_floor(net)?.clamp(1, most.max(1));
        let penalty = value.saturating_sub(self.taken.value_floor(amount));
        self.share_out(amount, self.given.amount, penalty)
    }

    fn share_out(&self, debt: u64, collateral: u64, penalty: u128) -> Result<SwapSlice> {
        let (insured, top_up) = self.target.insured(self.taken.value_floor(debt), penalty)?;
        let insurance = self.given.amount_floor(insured)?.min(collateral);
        Ok(SwapSlice {
            debt,
            collateral,
            insurance,
            top_up: self.given.amount_floor(top_up)?,
            penalty,
            counted: ratio_floor(penalty, self.counted)?,
        })
    }
}

/// `⌈value · 2^bits / divisor⌉`, the highest number when that does not fit or nothing divides.
fn quotient(value: u128, divisor: u128, bits: u32) -> u128 {
    if divisor == 0 || value.leading_zeros() <= bits {
        return u128::MAX;
    }
    (value << bits).div_ceil(divisor)
}

/// `⌊value / ratio⌋` of a ratio with 24 fraction bits.
fn quotient_floor(value: u128, ratio: u128) -> Result<u128> {
    if value.leading_zeros() <= RATIO_BITS {
        return Err(RiskError::Overflow);
    }
    div_floor(value << RATIO_BITS, ratio)
}
