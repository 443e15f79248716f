//! Profit that only mirrors what something else of the same underlying lost: it counts whole, whatever part of a profit the
//! market lets count, so that a hedge does not sink on a move of the price alone.
//!
//! A perpetual's *gain* is what the lots that it holds now have gained since they were traded. What earlier lots gained is a
//! claim like any other and mirrors nothing. With `N` what the positions of one side are worth, `G` their gains, and `x` what of
//! them is covered:
//!
//! ```text
//! by what is held    x = min(deposits, shorts − longs)    counts G · x / N      (debts cover longs)
//! by positions       x = min(N − x, losing longs)         counts the lesser of G · x / N and the losing ones' loss · x / theirs
//! ```
//!
//! A short of `x` and a deposit of `x` are together worth what the short was sold for, whatever the price: nobody can borrow
//! more on a hedge because a price moved, nor because he moved it. What it was sold for somebody bought it for, with Init margin
//! against the lower of spot and stable.
//!
//! While an order rests in a market of the underlying nothing there counts more than its weight: the order may take the hedge
//! away, and no fill lowers health.

use crate::balance::Balance;
use crate::fixed::{add, scale_floor, sub, to_i64, Result, RiskError};
use crate::health::{HealthKind, Policy, Portfolio, RiskView};
use crate::position::{part_floor, OpenOrder, PerpPosition};
use crate::standard::{pnl_at, settled_quote, weighted};

use super::gather::believed;

/// Underlyings in which one account can have positions: one per slot.
const MAX_HEDGES: usize = 16;
/// Index of longs and of shorts in an array of both.
const LONG: usize = 0;
const SHORT: usize = 1;

/// What an account has in one underlying, native quote. Sums, so that slots can be exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Hedge {
    /// Number of the underlying, from 1; zero for none.
    underlying: u64,
    /// Positions with resting orders.
    resting: i64,
    /// Deposits less debts.
    held: i64,
    /// Stale deposits that count nothing: they cover no short, and what debts they pay covers no long.
    stale: i64,
    /// Value of the longs, and of the shorts.
    notional: [i64; 2],
    /// What the lots that gained have gained, at most what their position's profit is.
    gains: [i64; 2],
    /// Value of the positions whose lots lost.
    losing: [i64; 2],
    /// What they lost.
    losses: [i64; 2],
    /// Profits of positions, whole.
    profits: i64,
    /// What of the profits does not count by weight, by kind.
    discounts: [i64; 3],
}

/// Words of a [`Hedge`].
const FIELDS: usize = 16;

impl Hedge {
    /// The part of the profits that mirrors a loss.
    fn mirrored(&self) -> Result<i64> {
        if self.resting > 0 || self.profits <= 0 || self.gains == [0; 2] {
            return Ok(0);
        }
        let mut sum = 0i64;
        for (side, other, held) in [
            (
                LONG,
                SHORT,
                self.held.saturating_add(self.stale).saturating_neg(),
            ),
            (SHORT, LONG, self.held),
        ] {
            let of = |values: &[i64; 2], side: usize| values.get(side).copied().unwrap_or(0);
            let (notional, gains) = (of(&self.notional, side), of(&self.gains, side));
            if gains <= 0 || notional <= 0 {
                continue;
            }
            let net = notional.saturating_sub(of(&self.notional, other));
            let covered = held.min(net).max(0);
            let share = |lots: i64| part(gains, lots, notional);
            let mut counts = share(covered)?;
            let losing = of(&self.losing, other);
            let paired = notional.saturating_sub(covered).min(losing);
            if paired > 0 {
                let lost = part(of(&self.losses, other), paired, losing)?;
                counts = counts.saturating_add(share(paired)?.min(lost));
            }
            sum = sum.saturating_add(counts.min(gains));
        }
        Ok(sum.min(self.profits))
    }

    /// What the mirrored part adds to the value of each kind.
    fn credits(&self) -> Result<[i64; 3]> {
        let mut out = [0; 3];
        let mirrored = self.mirrored()?;
        if mirrored > 0 {
            for (credit, discount) in out.iter_mut().zip(self.discounts) {
                *credit = part(discount, mirrored, self.profits)?;
            }
        }
        Ok(out)
    }
}

/// `⌊value · of / whole⌋` of numbers that are not negative.
fn part(value: i64, of: i64, whole: i64) -> Result<i64> {
    part_floor(value, of.max(0).unsigned_abs(), whole.max(0).unsigned_abs())
}

/// The hedges of an account, in the order in which its positions name their underlyings.
#[derive(Clone, Copy, Debug, bytemuck::Zeroable)]
pub(crate) struct Hedges {
    items: [Hedge; MAX_HEDGES],
    count: usize,
}

impl Hedges {
    /// None.
    pub fn new() -> Self {
        bytemuck::Zeroable::zeroed()
    }

    /// Walks an account.
    ///
    /// # Errors
    /// As [`super::gather`].
    #[inline(never)]
    pub fn count(
        &mut self,
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        policy: Policy,
    ) -> Result<()> {
        for perp in portfolio.perps {
            if !perp.is_free() {
                self.merge(&Self::of_perp(view, perp, portfolio.orders, policy)?)?;
            }
        }
        for balance in portfolio.balances {
            if !balance.shares.is_zero() && !balance.is_free() {
                self.merge_known(&Self::of_balance(view, balance, policy)?)?;
            }
        }
        Ok(())
    }

    /// What one position is.
    ///
    /// # Errors
    /// As [`super::gather`].
    #[inline(never)]
    pub fn of_perp(
        view: &RiskView<'_>,
        perp: &PerpPosition,
        orders: &[OpenOrder],
        policy: Policy,
    ) -> Result<Hedge> {
        let mut out = Hedge::default();
        let risk = view.markets.get(usize::from(perp.market));
        let risk = risk.ok_or(RiskError::UnknownMarket)?;
        if risk.underlying == 0 {
            return Ok(out);
        }
        out.underlying = u64::from(risk.underlying);
        if perp.order_mask != 0 {
            // Nothing of the underlying counts then.
            out.resting = 1;
            return Ok(out);
        }
        let mut prices = (risk.price.spot, risk.price.spot);
        if perp.is_exposed() && !view.is_fresh(&risk.price) {
            if let Some(price) = view.doubted(&risk.price, policy)? {
                prices = (price.owned, price.owed);
            }
        }
        let (low, high) = prices;
        let pnl = pnl_at(perp, orders, risk, settled_quote(perp, risk)?, low, high)?;
        let profit = to_i64(pnl.max(0))?;
        out.profits = profit;
        // What an open epoch may take is no profit for Init.
        let at_risk = i128::from(risk.haircuts.at_risk(&perp.share));
        let kept = sub(i128::from(profit), at_risk)?.max(0);
        for (discount, kind) in out.discounts.iter_mut().zip(HealthKind::ALL) {
            let profit = match kind {
                HealthKind::Init => kept,
                _ => i128::from(profit),
            };
            let counted = weighted(profit, kind.of(&risk.profit_weight))?;
            *discount = to_i64(sub(profit, counted)?)?;
        }
        if perp.position.is_zero() {
            return Ok(out);
        }
        let is_long = perp.position.0 > 0;
        let (side, price) = if is_long { (LONG, low) } else { (SHORT, high) };
        let value = scale_floor(perp.position.0, price, risk.shift);
        let gain = to_i64(add(value, i128::from(perp.opened.0))?)?;
        let size = scale_floor(perp.position.0, risk.price.spot, risk.shift);
        let size = to_i64(
            size.unsigned_abs()
                .try_into()
                .map_err(|_| RiskError::Overflow)?,
        )?;
        let set = |values: &mut [i64; 2], value: i64| {
            if let Some(place) = values.get_mut(side) {
                *place = value;
            }
        };
        set(&mut out.notional, size);
        if gain >= 0 {
            set(&mut out.gains, gain.min(profit));
        } else {
            set(&mut out.losing, size);
            set(&mut out.losses, gain.saturating_neg());
        }
        Ok(out)
    }

    /// What one balance is; a stale deposit counts nothing, except in a liquidation.
    ///
    /// # Errors
    /// As [`super::gather`].
    pub fn of_balance(view: &RiskView<'_>, balance: &Balance, policy: Policy) -> Result<Hedge> {
        let risk = view.assets.get(usize::from(balance.asset));
        let risk = risk.ok_or(RiskError::UnknownAsset)?;
        let deposit = balance.shares.0 >= 0;
        if risk.underlying == 0 {
            return Ok(Hedge::default());
        }
        let counts = !deposit || policy == Policy::BenefitOfDoubt || view.is_fresh(&risk.price);
        let [last_deposit, last_debt] = risk.share_price;
        let last = if deposit { last_deposit } else { last_debt };
        let value = scale_floor(balance.shares.0, last, risk.shift);
        let value = to_i64(believed(value, risk)?)?;
        let (held, stale) = if counts { (value, 0) } else { (0, value) };
        Ok(Hedge {
            underlying: u64::from(risk.underlying),
            held,
            stale,
            ..Hedge::default()
        })
    }

    /// Counts what a slot is, where a position names the underlying.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn merge_known(&mut self, other: &Hedge) -> Result<()> {
        self.change::<true>(other)
    }

    /// Counts what a position is.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] when more underlyings are named than an account has positions, or a sum does not fit.
    pub fn merge(&mut self, other: &Hedge) -> Result<()> {
        if other.underlying == 0 {
            return Ok(());
        }
        if !self.used().any(|item| item.underlying == other.underlying) {
            let item = self.items.get_mut(self.count).ok_or(RiskError::Overflow)?;
            *item = Hedge {
                underlying: other.underlying,
                ..Hedge::default()
            };
            self.count = self.count.wrapping_add(1);
        }
        self.change::<true>(other)
    }

    /// Stops counting what a slot is.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn remove(&mut self, other: &Hedge) -> Result<()> {
        self.change::<false>(other)
    }

    /// Whether no position is counted.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn used(&self) -> impl Iterator<Item = &Hedge> {
        self.items.iter().take(self.count)
    }

    #[inline(never)]
    fn change<const ADDS: bool>(&mut self, other: &Hedge) -> Result<()> {
        if other.underlying == 0 {
            return Ok(());
        }
        let mut used = self.items.iter_mut().take(self.count);
        let Some(item) = used.find(|item| item.underlying == other.underlying) else {
            return Ok(());
        };
        let sums: &mut [i64; FIELDS] = bytemuck::cast_mut(item);
        let parts: &[i64; FIELDS] = bytemuck::cast_ref(other);
        // The first is the number of the underlying.
        for (sum, part) in sums.iter_mut().zip(parts).skip(1) {
            if *part != 0 {
                let changed = if ADDS {
                    sum.checked_add(*part)
                } else {
                    sum.checked_sub(*part)
                };
                *sum = changed.ok_or(RiskError::Overflow)?;
            }
        }
        Ok(())
    }

    /// What the hedges of each underlying, by its number, add to the value of each kind.
    pub fn each(&self) -> impl Iterator<Item = (u64, Result<[i64; 3]>)> + '_ {
        self.used().map(|item| (item.underlying, item.credits()))
    }

    /// What hedges add to LiquidationEnd's and to Maint's value.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn of_lines(&self) -> Result<[i128; 2]> {
        let [_, end, maint] = self.credits()?;
        Ok([end, maint])
    }

    /// What hedges add to the value of each kind.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    #[inline(never)]
    pub fn credits(&self) -> Result<[i128; 3]> {
        let mut out = [0; 3];
        for item in self.used() {
            for (total, credit) in out.iter_mut().zip(item.credits()?) {
                *total = add(*total, i128::from(credit))?;
            }
        }
        Ok(out)
    }
}
