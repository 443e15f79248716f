//! From the slots of an account to its values and exposures.

use crate::asset::AssetRisk;
use crate::balance::{Balance, Indices};
use crate::entry_price::PriceDoubt;
use crate::fixed::{add, ratio_ceil, scale_floor, sub, to_i128, Result, RiskError, RATIO_ONE};
use crate::health::{entry_bit, HealthKind, Policy, Portfolio, RiskView, StaleSet};
use crate::market::MarketRisk;
use crate::position::{OpenOrder, PerpPosition};
use crate::standard::{
    balance_value, equity_at, equity_price, held_part, pnl_at, settled_quote, stale_balance_value,
    value_at, weighted, PerpTerms,
};

use super::exposure::{Delta, Exposures};
use super::hedges::Hedges;

/// The values of an account, and what is special about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted<const N: usize> {
    /// What counts towards health before anything is required, by the kinds asked for, native quote.
    pub value: [i128; N],
    /// The part of `value` that is the quote asset, claims on markets included.
    pub quote: [i128; N],
    /// What would be left if everything were closed at spot, unweighted, native quote.
    pub equity: i128,
    /// What was stale.
    pub stale: StaleSet,
    /// Whether leaving out what is stale changes the exposures.
    doubtful: bool,
    /// Whether a part of some profit does not count.
    discounted: bool,
}

impl<const N: usize> Counted<N> {
    /// True when some exposure may or may not be counted, because its entry is stale.
    pub const fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// True when a part of some profit does not count by its weight.
    pub(crate) const fn is_discounted(&self) -> bool {
        self.discounted
    }

    /// Counts what another part of the same account comes to.
    pub(super) fn join(&mut self, other: &Self) -> Result<()> {
        for (total, part) in self.value.iter_mut().zip(other.value) {
            *total = add(*total, part)?;
        }
        for (total, part) in self.quote.iter_mut().zip(other.quote) {
            *total = add(*total, part)?;
        }
        self.equity = add(self.equity, other.equity)?;
        self.stale.join(other.stale);
        self.doubtful |= other.doubtful;
        self.discounted |= other.discounted;
        Ok(())
    }

    /// Counts what hedges add to the kinds, where a part of some profit does not count by its weight.
    #[inline(always)]
    pub(super) fn credit(
        &mut self,
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        kinds: &[HealthKind; N],
        policy: Policy,
    ) -> Result<()> {
        if !self.discounted {
            return Ok(());
        }
        self.add_credits(kinds, &credits(view, portfolio, policy)?)
    }

    pub(super) fn add_credits(
        &mut self,
        kinds: &[HealthKind; N],
        credits: &[i128; 3],
    ) -> Result<()> {
        for ((total, quote), kind) in self.value.iter_mut().zip(&mut self.quote).zip(kinds) {
            *total = add(*total, kind.of(credits))?;
            *quote = add(*quote, kind.of(credits))?;
        }
        Ok(())
    }
}

/// What an account's hedges add to the value of each kind.
#[inline(never)]
fn credits(view: &RiskView<'_>, portfolio: &Portfolio<'_>, policy: Policy) -> Result<[i128; 3]> {
    let mut hedges = Hedges::new();
    hedges.count(view, portfolio, policy)?;
    hedges.credits()
}

impl<const N: usize> Default for Counted<N> {
    fn default() -> Self {
        Self {
            value: [0; N],
            quote: [0; N],
            equity: 0,
            stale: StaleSet::default(),
            doubtful: false,
            discounted: false,
        }
    }
}

/// Collects values and exposures of an account.
///
/// Under [`Policy::Strict`] a stale deposit has no value, and its delta counts only with `with_stale`; stale debts and
/// positions count at their last price. Under [`Policy::BenefitOfDoubt`] whatever is stale has the value that
/// doubt leaves it ([`crate::EntryPrice::in_doubt`]), and its delta counts only with `with_stale`. A delta is always that at
/// the last price, so that what a better price adds to the value is never outweighed by what it adds to the requirement.
///
/// # Errors
/// [`crate::RiskError`] when a slot names an entry that does not exist, or a value does not fit.
pub fn gather<const N: usize>(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    kinds: &[HealthKind; N],
    policy: Policy,
    with_stale: bool,
    exposures: &mut Exposures,
) -> Result<Counted<N>> {
    let mut counted = gather_slots(view, portfolio, kinds, policy, with_stale, exposures)?;
    counted.credit(view, portfolio, kinds, policy)?;
    Ok(counted)
}

/// The same, each slot by itself: without what hedges add.
///
/// # Errors
/// As [`gather`].
#[inline(never)]
pub(crate) fn gather_slots<const N: usize>(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    kinds: &[HealthKind; N],
    policy: Policy,
    with_stale: bool,
    exposures: &mut Exposures,
) -> Result<Counted<N>> {
    let mut walk = Walk {
        view,
        kinds,
        policy,
        with_stale,
        exposures,
        counted: Counted::default(),
    };
    for balance in portfolio.balances {
        if !balance.shares.is_zero() && !balance.is_free() {
            walk.balance(balance)?;
        }
    }
    for perp in portfolio.perps {
        if !perp.is_free() {
            walk.perp(perp, portfolio.orders)?;
        }
    }
    Ok(walk.counted)
}

/// The exposures that [`gather`] collects without what is stale, for kinds of which this is the first, and no values.
///
/// # Errors
/// As [`gather`].
#[inline(never)]
pub fn gather_certain(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    first: HealthKind,
    policy: Policy,
    exposures: &mut Exposures,
) -> Result<()> {
    let is_benefit = policy == Policy::BenefitOfDoubt;
    let mut walk = Walk {
        view,
        kinds: &[first],
        policy,
        with_stale: false,
        exposures,
        counted: Counted::default(),
    };
    for balance in portfolio.balances {
        if balance.shares.is_zero() || balance.is_free() {
            continue;
        }
        let risk = view.assets.get(usize::from(balance.asset));
        let risk = risk.ok_or(RiskError::UnknownAsset)?;
        let deposit = balance.shares.0 >= 0;
        let doubtful = (deposit || is_benefit) && !view.is_fresh(&risk.price);
        if risk.underlying == 0 || doubtful {
            continue;
        }
        let [last_deposit, last_debt] = risk.share_price;
        let last = if deposit { last_deposit } else { last_debt };
        let value = scale_floor(balance.shares.0, last, risk.shift);
        let delta = Delta::fixed(believed(value, risk)?, walk.doubt(&risk.doubt))?;
        walk.exposures.add(risk.underlying, &delta)?;
    }
    for perp in portfolio.perps {
        if perp.is_free() {
            continue;
        }
        let risk = view.markets.get(usize::from(perp.market));
        let risk = risk.ok_or(RiskError::UnknownMarket)?;
        let doubtful = is_benefit && perp.is_exposed() && !view.is_fresh(&risk.price);
        if risk.underlying != 0 && !doubtful {
            walk.expose(perp, risk)?;
        }
    }
    Ok(())
}

struct Walk<'a, 'b, const N: usize> {
    view: &'a RiskView<'a>,
    kinds: &'a [HealthKind; N],
    policy: Policy,
    with_stale: bool,
    exposures: &'b mut Exposures,
    counted: Counted<N>,
}

impl<const N: usize> Walk<'_, '_, N> {
    /// How uncertain an entry's price is, which only Init asks for.
    #[inline(always)]
    fn doubt(&self, doubt: &PriceDoubt) -> PriceDoubt {
        match self.kinds.first() {
            Some(HealthKind::Init) => *doubt,
            _ => PriceDoubt::default(),
        }
    }

    #[inline(always)]
    fn balance(&mut self, balance: &Balance) -> Result<()> {
        let risk = self
            .view
            .assets
            .get(usize::from(balance.asset))
            .ok_or(RiskError::UnknownAsset)?;
        let fresh = self.view.is_fresh(&risk.price);
        if !fresh || risk.underlying == 0 {
            return self.special_balance(balance, risk, fresh);
        }
        let [deposit, debt] = risk.share_price;
        let price = if balance.shares.0 >= 0 { deposit } else { debt };
        let value = scale_floor(balance.shares.0, price, risk.shift);
        self.count_balance(value, balance, risk)?;
        self.exposures.add(
            risk.underlying,
            &Delta::fixed(believed(value, risk)?, self.doubt(&risk.doubt))?,
        )
    }

    /// Counts a balance's value at the weights of crowding, of a deposit the part that is believed.
    #[inline(always)]
    fn count_balance(&mut self, value: i128, balance: &Balance, risk: &AssetRisk) -> Result<()> {
        self.counted.equity = add(self.counted.equity, value)?;
        let [mut shrunk, mut grown] = risk.crowding;
        if let Some(own) = balance.held_to(self.view.clock.now_ms) {
            (shrunk, grown) = (shrunk.min(own), grown.max(own));
        }
        if value > 0 && !risk.terms.is_trusted() {
            return self.count_doubtful_deposit(value, shrunk, risk);
        }
        for (total, kind) in self.counted.value.iter_mut().zip(self.kinds) {
            let crowded = if value >= 0 { shrunk } else { grown };
            let part = if *kind == HealthKind::Init && crowded != RATIO_ONE {
                crowd(value, crowded)?
            } else {
                value
            };
            *total = add(*total, part)?;
        }
        Ok(())
    }

    /// A deposit whose listed weight says that the model is not to be believed.
    #[inline(never)]
    fn count_doubtful_deposit(&mut self, value: i128, shrunk: u32, risk: &AssetRisk) -> Result<()> {
        for (total, kind) in self.counted.value.iter_mut().zip(self.kinds) {
            let mut part = crowd(value, risk.terms.trusted_part(*kind))?;
            if *kind == HealthKind::Init {
                part = crowd(part, shrunk)?;
            }
            *total = add(*total, part)?;
        }
        Ok(())
    }

    /// A balance that is stale, or that the model does not cover.
    #[inline(never)]
    fn special_balance(&mut self, balance: &Balance, risk: &AssetRisk, fresh: bool) -> Result<()> {
        let deposit = balance.shares.0 >= 0;
        if risk.underlying == 0 {
            return self.uncovered_balance(balance, risk, fresh);
        }
        let stale = &mut self.counted.stale;
        let mask = if deposit {
            &mut stale.deposits
        } else {
            &mut stale.debts
        };
        *mask |= entry_bit(balance.asset);
        let [last_deposit, last_debt] = risk.share_price;
        let last = if deposit { last_deposit } else { last_debt };
        // At the last price to the unit what it counted while it was fresh.
        let value = scale_floor(balance.shares.0, last, risk.shift);
        let doubted = self.view.doubted(&risk.price, self.policy)?;
        let doubtful = match (doubted, deposit) {
            (_, true) if self.policy != Policy::BenefitOfDoubt => {
                self.counted.equity = add(self.counted.equity, value)?;
                true
            }
            (None, _) => {
                self.count_balance(value, balance, risk)?;
                false
            }
            (Some(price), _) => {
                let price = if deposit {
                    risk.deposit_price_at(price.owned)?
                } else {
                    risk.debt_price_at(price.owed)?
                };
                let counted = scale_floor(balance.shares.0, price, risk.shift);
                self.count_balance(counted, balance, risk)?;
                self.policy == Policy::BenefitOfDoubt
            }
        };
        self.counted.doubtful |= doubtful;
        if doubtful && !self.with_stale {
            return Ok(());
        }
        self.exposures.add(
            risk.underlying,
            &Delta::fixed(believed(value, risk)?, self.doubt(&risk.doubt))?,
        )
    }

    /// A balance in standard margin; the quote asset's is one.
    fn uncovered_balance(
        &mut self,
        balance: &Balance,
        risk: &AssetRisk,
        fresh: bool,
    ) -> Result<()> {
        let doubted = if fresh {
            None
        } else {
            self.view.doubted(&risk.price, self.policy)?
        };
        let totals = self.counted.value.iter_mut().zip(&mut self.counted.quote);
        for ((total, quote), kind) in totals.zip(self.kinds) {
            let part = if fresh {
                balance_value(*kind, balance, risk)
            } else {
                stale_balance_value(
                    *kind,
                    balance,
                    risk,
                    self.policy,
                    doubted,
                    &mut self.counted.stale,
                )?
            };
            let part = held_part(part, *kind, balance, risk, self.view)?;
            *total = add(*total, part)?;
            if balance.asset == 0 {
                *quote = add(*quote, part)?;
            }
        }
        let owned = balance.shares.0 >= 0;
        let price = equity_price(&risk.price, doubted, owned);
        let value = crate::balance::spot_value(balance, indices(risk), price, risk.shift)?;
        self.counted.equity = add(self.counted.equity, value)?;
        Ok(())
    }

    #[inline(always)]
    fn perp(&mut self, perp: &PerpPosition, orders: &[OpenOrder]) -> Result<()> {
        let risk = self
            .view
            .markets
            .get(usize::from(perp.market))
            .ok_or(RiskError::UnknownMarket)?;
        let stale = perp.is_exposed() && !self.view.is_fresh(&risk.price);
        if stale || risk.underlying == 0 {
            return self.special_perp(perp, orders, risk, stale);
        }
        self.count_perp(perp, orders, risk, risk.price.spot, risk.price.spot)?;
        self.expose(perp, risk)
    }

    /// Counts a position's profit, with the losses of its orders: longs and bids at `low`, shorts and asks at `high`.
    #[inline(always)]
    fn count_perp(
        &mut self,
        perp: &PerpPosition,
        orders: &[OpenOrder],
        risk: &MarketRisk,
        low: u64,
        high: u64,
    ) -> Result<()> {
        let settled = settled_quote(perp, risk)?;
        let pnl = pnl_at(perp, orders, risk, settled, low, high)?;
        let totals = self.counted.value.iter_mut().zip(&mut self.counted.quote);
        for ((total, quote), kind) in totals.zip(self.kinds) {
            let at_risk = match kind {
                HealthKind::Init => i128::from(risk.haircuts.at_risk(&perp.share)),
                _ => 0,
            };
            let pnl = sub(pnl, at_risk)?;
            let part = weighted(pnl, kind.of(&risk.profit_weight))?;
            self.counted.discounted |= part != pnl;
            *total = add(*total, part)?;
            *quote = add(*quote, part)?;
        }
        if N > 1 {
            let price = if perp.position.0 >= 0 { low } else { high };
            self.counted.equity = add(self.counted.equity, equity_at(perp, risk, price)?)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn expose(&mut self, perp: &PerpPosition, risk: &MarketRisk) -> Result<()> {
        let least = perp.position.checked_sub(perp.ask_lots)?;
        let most = perp.position.checked_add(perp.bid_lots)?;
        if least.is_zero() && most.is_zero() {
            return Ok(());
        }
        let low = scale_floor(least.0, risk.price.spot, risk.shift);
        let high = if least == most {
            low
        } else {
            scale_floor(most.0, risk.price.spot, risk.shift)
        };
        self.exposures.add(
            risk.underlying,
            &Delta::between(low, high, self.doubt(&risk.doubt))?,
        )
    }

    /// A position that is stale, or that the model does not cover.
    #[inline(never)]
    fn special_perp(
        &mut self,
        perp: &PerpPosition,
        orders: &[OpenOrder],
        risk: &MarketRisk,
        stale: bool,
    ) -> Result<()> {
        if stale {
            self.counted.stale.markets |= entry_bit(perp.market);
        }
        let doubted = if stale {
            self.view.doubted(&risk.price, self.policy)?
        } else {
            None
        };
        let (low, high) = match doubted {
            Some(price) => (price.owned, price.owed),
            None => (risk.price.spot, risk.price.spot),
        };
        if risk.underlying == 0 {
            for (total, kind) in self.counted.value.iter_mut().zip(self.kinds) {
                let terms = match doubted {
                    Some(price) => PerpTerms::in_doubt(*kind, risk, price, self.policy)?,
                    None => PerpTerms::of(*kind, risk),
                };
                *total = add(*total, value_at(perp, orders, risk, &terms)?)?;
            }
            let price = if perp.position.0 >= 0 { low } else { high };
            self.counted.equity = add(self.counted.equity, equity_at(perp, risk, price)?)?;
            return Ok(());
        }
        self.count_perp(perp, orders, risk, low, high)?;
        let doubtful = stale && self.policy == Policy::BenefitOfDoubt;
        self.counted.doubtful |= doubtful;
        if doubtful && !self.with_stale {
            return Ok(());
        }
        self.expose(perp, risk)
    }
}

/// What a balance's value at spot nets with, for every kind alike: of a deposit the part that Maint believes in.
#[inline(always)]
pub(crate) fn believed(value: i128, risk: &AssetRisk) -> Result<i128> {
    if value <= 0 || risk.terms.is_trusted() {
        return Ok(value);
    }
    crowd(value, risk.terms.trusted_part(HealthKind::Maint))
}

/// A deposit shrunk, or a debt grown, by the crowding of its bank; rounded down.
#[inline(never)]
fn crowd(value: i128, ratio: u32) -> Result<i128> {
    if value >= 0 {
        return to_i128(crate::fixed::ratio_floor(value.unsigned_abs(), ratio)?);
    }
    Ok(to_i128(ratio_ceil(value.unsigned_abs(), ratio)?)?.wrapping_neg())
}

const fn indices(risk: &AssetRisk) -> Indices {
    Indices {
        deposit: risk.deposit_index,
        borrow: risk.borrow_index,
    }
}
