//! How much of a position, or of collateral for debt, a liquidation takes where slots net.
//!
//! Sized like in standard margin: the least that brings LiquidationEnd health to zero, or the most helpful there is,
//! found in at most [`EVALUATIONS`](super::EVALUATIONS) valuations of the whole. Where taking everything would go past
//! the point at which the account hedges itself best, the first guesses are that point by the underlying's own net
//! delta and by the factor model's variance.
//!
//! The fee takes at most half of what the slice improves, measured on the whole: what a hedged position sets free can be
//! less than the fee on its notional. A slice that by itself improves nothing is refused with [`RiskError::RaisesRisk`];
//! it can still be one of several changes that improve the account together. So is, where no value is left to protect, one
//! that is followed by another: a hedge goes whole or in part alike then, however much of it is not one.

use super::netted::{Footing, Netted, Slot};
use super::position::{notional, PositionSlice};
use super::search::Search;
use super::swap::{swap_slice, Collateral, Debt, SwapSlice, Terms};
use super::{position_slice, Charged, Target};
use crate::asset::AssetRisk;
use crate::balance::Balance;
use crate::fixed::{add, ratio_floor, sub, to_i128, to_i64, Result, RiskError};
use crate::health::{HealthKind, RiskView};
use crate::market::MarketRisk;
use crate::portfolio::{find, Volatilities, LOADING_BITS, MAX_FACTORS};
use crate::position::{PerpPosition, Side};
use crate::standard::weighted;
use crate::units::{BaseLots, QuoteNative};

/// How much may be taken, and of which remainder nothing is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Most lots, or native units of the debt.
    pub most: u64,
    /// A position of fewer lots, or a debt worth less native quote, goes whole.
    pub dust: u64,
    /// Most lots of a leg that opens a hedge: what can be closed after it.
    pub opened: u64,
    /// Collateral worth less native quote goes whole.
    pub collateral_dust: u64,
    /// Whether something that it hedges is taken after it, and both are judged together; or nothing is judged any more.
    /// Then what improves next to nothing is no reason not to take a whole part.
    pub is_followed: bool,
}

/// Collateral or debt: a balance, or a claim on a market in which no position is left.
#[derive(Clone, Copy, Debug)]
pub enum Holding<'a> {
    /// A deposit or a borrow, with its bank's indices of now in the entry.
    Token(&'a Balance, &'a AssetRisk),
    /// A profit or a loss.
    Claim(&'a PerpPosition, &'a MarketRisk),
}

impl Netted {
    /// The slice of a position to take over. `start` is where the account stood before the first of the changes that
    /// are judged together; without any before this one, [`Netted::end`].
    ///
    /// The account's orders must have been cancelled and the market's entry be fresh.
    ///
    /// # Errors
    /// [`RiskError::RaisesRisk`] when no number of lots leaves the account better than at the start; otherwise as
    /// [`position_slice`].
    #[inline(never)]
    pub fn position_slice(
        &mut self,
        view: &RiskView<'_>,
        start: &Footing,
        perp: &PerpPosition,
        risk: &MarketRisk,
        target: &Target,
        portion: &Portion,
    ) -> Result<PositionSlice> {
        if risk.underlying == 0 {
            // It nets with nothing.
            let (most, dust) = (signed_lots(portion.most), signed_lots(portion.dust));
            return position_slice(perp, risk, target, most, dust);
        }
        if perp.order_mask != 0 {
            return Err(RiskError::OrderSlotMismatch);
        }
        let held = perp.position.abs();
        let allowed = held.min(portion.most);
        if allowed == 0 || target.shortfall() == 0 {
            return Err(RiskError::NothingToLiquidate);
        }
        if start.value <= 0 && portion.is_followed {
            return Err(RiskError::RaisesRisk);
        }
        let mut takeover = Takeover {
            view,
            start,
            perp,
            risk,
            target,
            before: Slot::of_perp(view, perp, self.is_hedged())?,
            found: None,
            account: self,
        };
        let mut tried = takeover.sized(allowed, portion.is_followed)?;
        let left = held.saturating_sub(tried.size);
        if left > 0 && left < portion.dust && allowed == held {
            let whole = takeover.after(held)?;
            if start.improves_to(&whole.footing) {
                tried = whole;
            }
        }
        takeover.slice(&tried)
    }

    /// The slice of a position that improves nothing by itself and is to be followed by what it hedged: as much of it as
    /// of the whole account would have to go, for no fee.
    ///
    /// # Errors
    /// As [`position_slice`].
    pub fn opening_position_slice(
        &self,
        perp: &PerpPosition,
        risk: &MarketRisk,
        target: &Target,
        portion: &Portion,
    ) -> Result<PositionSlice> {
        if perp.order_mask != 0 {
            return Err(RiskError::OrderSlotMismatch);
        }
        let held = perp.position.abs();
        let most = portion.most.min(portion.opened);
        let mut lots = self.end().share(held)?.min(most);
        if lots == 0 || target.shortfall() == 0 {
            return Err(RiskError::NothingToLiquidate);
        }
        if held.saturating_sub(lots) < portion.dust && most >= held {
            lots = held;
        }
        let notional = notional(perp.position.0 > 0, risk, lots);
        PositionSlice::of(lots, notional, Charged::default(), target)
    }

    /// The same of a debt, with the collateral for it.
    ///
    /// # Errors
    /// As [`swap_slice`].
    pub fn opening_swap_slice(
        &self,
        given: &Holding<'_>,
        taken: &Holding<'_>,
        target: &Target,
        portion: &Portion,
    ) -> Result<SwapSlice> {
        let free = target.for_free();
        let (collateral, debt) = (given.as_collateral(), taken.as_debt());
        let terms = Terms::at_fee(&collateral, &debt, &free, given.counted())?;
        let owed = terms.debt_amount();
        let mut amount = self.end().share(owed)?.min(portion.most);
        if terms.collateral_amount() == 0 || amount == 0 || target.shortfall() == 0 {
            return Err(RiskError::NothingToLiquidate);
        }
        let left = terms.debt_value(owed.saturating_sub(amount));
        if left < u128::from(portion.dust) && portion.most >= owed {
            amount = owed;
        }
        terms.slice(amount, owed.min(portion.most), portion.collateral_dust)
    }

    /// The slice of a debt to pay off with collateral, as [`Netted::position_slice`] sizes one of a position.
    ///
    /// # Errors
    /// [`RiskError::RaisesRisk`] when no amount leaves the account better than at the start; otherwise as
    /// [`swap_slice`].
    #[inline(never)]
    pub fn swap_slice(
        &mut self,
        view: &RiskView<'_>,
        start: &Footing,
        given: &Holding<'_>,
        taken: &Holding<'_>,
        target: &Target,
        portion: &Portion,
    ) -> Result<SwapSlice> {
        let (collateral, debt) = (given.as_collateral(), taken.as_debt());
        if !given.is_covered() && !taken.is_covered() {
            let (most, dust) = (portion.most, portion.dust);
            return swap_slice(
                &collateral,
                &debt,
                target,
                most,
                portion.collateral_dust,
                dust,
            );
        }
        let terms = Terms::at_fee(&collateral, &debt, target, given.counted())?;
        let allowed = terms.debt_amount().min(portion.most);
        if terms.collateral_amount() == 0 || allowed == 0 || target.shortfall() == 0 {
            return Err(RiskError::NothingToLiquidate);
        }
        let mut exchange = Exchange {
            view,
            start,
            given,
            taken,
            target,
            terms,
            allowed,
            collateral_dust: portion.collateral_dust,
            is_followed: portion.is_followed,
            before: [
                given.slot(view, self.is_hedged())?,
                taken.slot(view, self.is_hedged())?,
            ],
            found: None,
            account: self,
        };
        let mut amount = exchange.sized()?;
        let left = exchange.terms.debt_amount().saturating_sub(amount);
        if left > 0
            && exchange.terms.debt_value(left) < u128::from(portion.dust)
            && allowed == exchange.terms.debt_amount()
        {
            amount = allowed;
        }
        exchange.slice(amount)
    }
}

/// A size that was tried.
#[derive(Clone, Copy)]
struct Tried {
    size: u64,
    footing: Footing,
    charged: Charged,
}

/// A position, and the whole as a function of the lots taken over.
struct Takeover<'a, 'b> {
    view: &'a RiskView<'b>,
    start: &'a Footing,
    perp: &'a PerpPosition,
    risk: &'a MarketRisk,
    target: &'a Target,
    before: Slot,
    /// The size that the search holds for the best.
    found: Option<Tried>,
    account: &'a mut Netted,
}

impl Takeover<'_, '_> {
    /// The least number of lots that suffices, or the most helpful.
    fn sized(&mut self, allowed: u64, is_followed: bool) -> Result<Tried> {
        let mut search = Search::from(self.account.end().health());
        let to_flat = self.lots_to(0);
        let flat = to_flat.unwrap_or(allowed).min(allowed);
        self.attempt(&mut search, flat)?;
        if !search.is_met() {
            let hedged = self
                .hedged()
                .filter(|lots| *lots < allowed && *lots != flat);
            if let Some(lots) = hedged {
                self.attempt(&mut search, lots)?;
            }
        }
        if !search.is_met() && flat < allowed {
            self.attempt(&mut search, allowed)?;
        }
        // What a limit cuts off short of where the underlying is flat is most likely on the rising side.
        let is_limited = allowed < self.perp.position.abs();
        let is_rising = is_limited && to_flat.is_some_and(|lots| lots >= allowed);
        while let Some(lots) = search.halfway().filter(|_| !is_rising) {
            let best = search.found();
            self.attempt(&mut search, lots)?;
            if search.found() == best {
                break;
            }
        }
        while let Some(lots) = search.next()? {
            self.attempt(&mut search, lots)?;
        }
        let lots = search.result(is_followed)?;
        match self.found {
            Some(tried) if tried.size == lots => Ok(tried),
            _ => self.after(lots),
        }
    }

    fn attempt(&mut self, search: &mut Search, lots: u64) -> Result<()> {
        let tried = self.after(lots)?;
        search.note(lots, tried.footing.health());
        if search.found() == lots {
            self.found = Some(tried);
        }
        Ok(())
    }

    /// The account once `lots` are gone, for the fee that the slice can bear.
    fn after(&mut self, lots: u64) -> Result<Tried> {
        let notional = notional(self.perp.position.0 > 0, self.risk, lots);
        let full = self.target.penalty(notional, self.target.fee)?;
        let mut perp = *self.perp;
        perp.apply_fill(
            Side::closing(perp.position),
            signed_lots(lots),
            QuoteNative(to_i64(to_i128(notional)?)?),
            QuoteNative::ZERO,
            self.risk.funding(),
        )?;
        let slot = Slot::of_perp(self.view, &perp, self.account.is_hedged())?;
        let before = core::slice::from_ref(&self.before);
        let free = self
            .account
            .with(self.view, before, core::slice::from_ref(&slot))?;
        let penalty = full.min(self.target.from.allowance(&free, self.target.charged)?);
        // Part of a profit may not count: neither then does what the fee takes of that part.
        let weight = HealthKind::LiquidationEnd.of(&self.risk.profit_weight);
        let paid = weighted(sub(slot.equity, to_i128(penalty)?)?, weight)?;
        let value = add(sub(free.value, slot.end_value())?, paid)?;
        let counted = sub(free.value, value)?.max(0).unsigned_abs();
        Ok(Tried {
            size: lots,
            footing: Footing { value, ..free },
            charged: Charged {
                paid: penalty,
                counted,
            },
        })
    }

    fn slice(&self, tried: &Tried) -> Result<PositionSlice> {
        let lots = tried.size;
        if !self.start.improves_to(&tried.footing) {
            return Err(RiskError::RaisesRisk);
        }
        let notional = notional(self.perp.position.0 > 0, self.risk, lots);
        PositionSlice::of(lots, notional, tried.charged, self.target)
    }

    /// Lots that bring the underlying's net delta to `wanted`, if closing the position leads there.
    fn lots_to(&self, wanted: i64) -> Option<u64> {
        let (underlying, delta) = self.before.delta();
        let distance = self.account.delta(underlying).checked_sub(wanted)?;
        if (distance > 0) != (delta > 0) {
            return None;
        }
        let mantissa =
            u128::from(distance.unsigned_abs()).checked_shl(u32::from(self.risk.shift))?;
        let lots = mantissa.checked_div(u128::from(self.risk.price.spot))?;
        u64::try_from(lots).ok().filter(|lots| *lots > 0)
    }

    /// Lots that bring it to where the factor model's variance is least.
    fn hedged(&self) -> Option<u64> {
        let (underlying, _) = self.before.delta();
        self.lots_to(least_variance(self.view, self.account, underlying)?)
    }
}

/// Collateral and debt, and the whole as a function of the debt paid off.
struct Exchange<'a, 'b> {
    view: &'a RiskView<'b>,
    start: &'a Footing,
    given: &'a Holding<'a>,
    taken: &'a Holding<'a>,
    target: &'a Target,
    terms: Terms<'a>,
    allowed: u64,
    collateral_dust: u64,
    is_followed: bool,
    before: [Slot; 2],
    /// The size that the search holds for the best, its penalty in full.
    found: Option<Tried>,
    account: &'a mut Netted,
}

impl Exchange<'_, '_> {
    fn sized(&mut self) -> Result<u64> {
        let mut search = Search::from(self.account.end().health());
        let [given, taken] = self.before;
        let guesses = [
            self.amount_to_flat(&given),
            self.amount_to_flat(&taken),
            None,
        ];
        for guess in guesses {
            let amount = guess.unwrap_or(self.allowed).min(self.allowed);
            if search.wants(amount) && !search.is_met() {
                self.attempt(&mut search, amount)?;
            }
        }
        // What a limit cuts off is small, and as likely on the rising side.
        let is_limited = self.allowed < self.terms.debt_amount();
        while let Some(amount) = search.halfway().filter(|_| !is_limited) {
            let best = search.found();
            self.attempt(&mut search, amount)?;
            if search.found() == best {
                break;
            }
        }
        while let Some(amount) = search.next()? {
            self.attempt(&mut search, amount)?;
        }
        search.result(self.is_followed)
    }

    fn attempt(&mut self, search: &mut Search, amount: u64) -> Result<()> {
        let slice = self
            .terms
            .slice(amount, self.allowed, self.collateral_dust)?;
        let footing = self.after(&slice)?;
        // What the fee would have to leave is left in value, as far as it counts.
        let kept = self.bearable(&footing, &slice)?;
        let given_up = slice.penalty.saturating_sub(kept);
        let given_up = to_i128(ratio_floor(given_up, self.given.counted())?)?;
        search.note(amount, add(footing.health(), given_up)?);
        if search.found() == amount {
            self.found = Some(Tried {
                size: amount,
                footing,
                charged: slice.charged(),
            });
        }
        Ok(())
    }

    /// The part of a penalty that the slice can bear.
    fn bearable(&self, after: &Footing, slice: &SwapSlice) -> Result<u128> {
        let free = Footing {
            value: add(after.value, to_i128(slice.counted)?)?,
            ..*after
        };
        Ok(slice
            .penalty
            .min(self.target.from.allowance(&free, self.target.charged)?))
    }

    /// The account after a slice.
    fn after(&mut self, slice: &SwapSlice) -> Result<Footing> {
        let hedged = self.account.is_hedged();
        let after = [
            self.given.less(slice.collateral)?.slot(self.view, hedged)?,
            self.taken.less(slice.debt)?.slot(self.view, hedged)?,
        ];
        self.account.with(self.view, &self.before, &after)
    }

    fn slice(&mut self, amount: u64) -> Result<SwapSlice> {
        let mut slice = self
            .terms
            .slice(amount, self.allowed, self.collateral_dust)?;
        let mut footing = match self.found {
            Some(tried) if tried.size == amount => tried.footing,
            _ => self.after(&slice)?,
        };
        let kept = self.bearable(&footing, &slice)?;
        if kept < slice.penalty {
            let target = self.target.capped_at(kept);
            let terms = self.terms.with(&target);
            slice = terms.slice(amount, self.allowed, self.collateral_dust)?;
            footing = self.after(&slice)?;
        }
        if !self.start.improves_to(&footing) {
            return Err(RiskError::RaisesRisk);
        }
        Ok(slice)
    }

    /// Native units of debt worth as much as the net delta of one side's underlying, where that is less than the side.
    fn amount_to_flat(&self, side: &Slot) -> Option<u64> {
        let (underlying, delta) = side.delta();
        let net = self.account.delta(underlying);
        if underlying == 0 || (net > 0) != (delta > 0) || net.unsigned_abs() >= delta.unsigned_abs()
        {
            return None;
        }
        let amount = self.terms.debt_worth(u128::from(net.unsigned_abs())).ok()?;
        Some(amount).filter(|amount| *amount > 0)
    }
}

/// A side of a swap, with less of it.
#[derive(Clone, Copy)]
enum Rest {
    Token(Balance),
    Claim(PerpPosition),
}

impl Rest {
    fn slot(&self, view: &RiskView<'_>, hedged: bool) -> Result<Slot> {
        match self {
            Self::Token(balance) => Slot::of_balance(view, balance, hedged),
            Self::Claim(perp) => Slot::of_perp(view, perp, hedged),
        }
    }
}

impl<'a> Holding<'a> {
    /// Whether the portfolio model covers it.
    const fn is_covered(&self) -> bool {
        matches!(self, Self::Token(_, risk) if risk.underlying != 0)
    }

    /// The part of what is given of it that counts towards LiquidationEnd's value, as a ratio.
    fn counted(&self) -> u32 {
        const END: HealthKind = HealthKind::LiquidationEnd;
        match self {
            Self::Token(_, risk) if risk.underlying == 0 => END.of(&risk.asset_weight),
            Self::Token(_, risk) => risk.terms.trusted_part(END),
            Self::Claim(_, risk) => END.of(&risk.profit_weight),
        }
    }

    /// What the account gives.
    pub fn as_collateral(&self) -> Collateral<'a> {
        match *self {
            Self::Token(balance, risk) => Collateral::Deposit(balance, risk),
            Self::Claim(perp, risk) => {
                let profit = perp.quote.0.max(0).unsigned_abs();
                Collateral::Profit(profit, risk)
            }
        }
    }

    /// What is taken off it.
    pub fn as_debt(&self) -> Debt<'a> {
        match *self {
            Self::Token(balance, risk) => Debt::Borrow(balance, risk),
            Self::Claim(perp, _) => Debt::Loss(perp.quote.0.min(0).unsigned_abs()),
        }
    }

    fn slot(&self, view: &RiskView<'_>, hedged: bool) -> Result<Slot> {
        match self {
            Self::Token(balance, _) => Slot::of_balance(view, balance, hedged),
            Self::Claim(perp, _) => Slot::of_perp(view, perp, hedged),
        }
    }

    /// With an amount of it gone, given or paid off.
    fn less(&self, amount: u64) -> Result<Rest> {
        match *self {
            Self::Token(balance, risk) => {
                let mut after = *balance;
                if balance.shares.0 >= 0 {
                    after.debit(amount, risk.indices())?;
                } else {
                    after.credit(amount, risk.indices())?;
                }
                Ok(Rest::Token(after))
            }
            Self::Claim(perp, _) => {
                let amount = i64::try_from(amount).map_err(|_| RiskError::Overflow)?;
                let paid = QuoteNative(if perp.quote.0 >= 0 { -amount } else { amount });
                let mut after = *perp;
                after.quote = perp.quote.checked_add(paid)?;
                Ok(Rest::Claim(after))
            }
        }
    }
}

/// The net delta in an underlying at which the factor model's variance is least, all other exposures being what they
/// are: `−Cov / Var`. A first guess; `None` when nothing follows from it.
fn least_variance(view: &RiskView<'_>, account: &Netted, underlying: u8) -> Option<i64> {
    /// Some sixteen dollars: sums of what accounts hold then fit, and one that does not is a bad guess, no more.
    const PLACES: u32 = 24;
    let which = Volatilities::Binding;
    let own = find(view.underlyings, underlying).ok()?;
    let mut others = [0i64; MAX_FACTORS];
    for item in account.exposures().items() {
        if item.underlying != underlying {
            let delta = item.low.wrapping_shr(PLACES);
            let loadings = find(view.underlyings, item.underlying)
                .ok()?
                .params
                .loadings;
            for (sum, loading) in others.iter_mut().zip(loadings) {
                *sum = sum.wrapping_add(delta.wrapping_mul(i64::from(loading)));
            }
        }
    }
    let (mut covariance, mut variance) = (0i128, 0i128);
    let factors = view.model.factors.iter().zip(own.params.loadings);
    for ((factor, loading), others) in factors.zip(others) {
        let volatility = i128::from(which.of(&factor.volatility));
        let moved = i128::from(loading).checked_mul(volatility.checked_mul(volatility)?)?;
        covariance = covariance.checked_add(i128::from(others).checked_mul(moved)?)?;
        variance = variance.checked_add(i128::from(loading).checked_mul(moved)?)?;
    }
    let alone = i128::from(which.of(&own.idiosyncratic));
    let alone = alone
        .checked_mul(alone)?
        .checked_mul(1 << (2 * LOADING_BITS))?;
    let least = covariance.checked_div(variance.checked_add(alone)?)?;
    i64::try_from(least.checked_neg()?.checked_mul(1 << PLACES)?).ok()
}

fn signed_lots(lots: u64) -> BaseLots {
    BaseLots(i64::try_from(lots).unwrap_or(i64::MAX))
}
