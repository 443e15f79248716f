//! Where an account in portfolio margin stands while a liquidation changes its slots one at a time, and what makes a
//! change acceptable.
//!
//! Slots net, so a change is measured on the whole: the values and exposures of the slots concerned are exchanged in the
//! account's totals, and its requirement is computed anew from those. The account itself is walked once.
//!
//! # What is accepted
//!
//! With `value` what counts towards LiquidationEnd before anything is required, and `requirement` what is required of
//! it, the health is `value − requirement`, and a liquidation is accepted ([`Footing::improves_to`]) only if
//! - health rises, and
//! - while `value` is positive, `requirement ÷ value` falls and `value` stays positive.
//!
//! `value` is the equity meant here: what the account could lose before its liquidation is no longer covered. It is no
//! more than what closing everything at spot would leave, as part of a profit may not count. Where it does not grow, a
//! fall of the ratio alone makes health rise; where it grows (a claim that counted in part pays a debt) that has to be
//! asked. Closing one leg of a hedge lowers the value by the fee and raises the requirement: it is refused.

use super::Charged;
use crate::balance::Balance;
use crate::fixed::{
    add, is_product_less, mul_div_ceil, sub, to_i128, Result, RiskError, RATIO_BITS,
};
use crate::health::{HealthKind, MarginMode, Policy, Portfolio, RiskView, StaleSet};
use crate::portfolio::{
    gather_slots, line, requirement, settle, Counted, Exposure, Exposures, Hedge, Hedges,
    Requirement, Tally, Volatilities,
};
use crate::position::PerpPosition;

/// The kinds that a liquidation asks for. Both follow the binding volatilities.
const KINDS: [HealthKind; 2] = [HealthKind::LiquidationEnd, HealthKind::Maint];
const POLICY: Policy = Policy::BenefitOfDoubt;

/// What rounding to shares and native units may take off equity, native quote: four tenths of a cent.
pub const ROUNDING: u64 = 4_000;

/// Most underlyings that one change names: both sides of a swap.
const MOST_TOUCHED: usize = 2;

/// A leg that opens a hedge is at least this part of what there is of it.
const LEAST_SHARE: u64 = 64;

/// Whether an amount is less than that part.
pub const fn is_sliver(amount: u64, of: u64) -> bool {
    amount < of.div_ceil(LEAST_SHARE)
}

/// The two sides of LiquidationEnd health, native quote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footing {
    /// What counts before anything is required.
    pub value: i128,
    /// What is required; zero or above.
    pub requirement: i128,
}

impl Footing {
    /// LiquidationEnd health.
    pub fn health(&self) -> i128 {
        self.value.saturating_sub(self.requirement)
    }

    /// Whether a liquidation that leads from here to there is accepted. Exact.
    pub fn improves_to(&self, after: &Self) -> bool {
        if after.health() <= self.health() {
            return false;
        }
        if self.value <= 0 {
            return true;
        }
        let unsigned = |value: i128| value.max(0).unsigned_abs();
        after.value > 0
            && is_product_less(
                unsigned(after.requirement),
                unsigned(self.value),
                unsigned(self.requirement),
                unsigned(after.value),
            )
    }

    /// Whether a liquidation that leads from here to there left health, and equity ÷ requirement while there is equity, no lower
    /// but for what rounding to shares and native units may cost ([`ROUNDING`] of equity at most).
    pub fn is_kept_by(&self, after: &Self, rounding: u64) -> bool {
        let unsigned = |value: i128| value.max(0).unsigned_abs();
        after.health() >= self.health()
            && (self.value <= 0
                || !is_product_less(
                    unsigned(after.value.saturating_add(i128::from(rounding))),
                    unsigned(self.requirement),
                    unsigned(self.value),
                    unsigned(after.requirement),
                ))
    }

    /// Value ÷ requirement as a ratio; zero without value.
    pub fn ratio(&self) -> u32 {
        let requirement = self.requirement.max(1).unsigned_abs();
        let value = self.value.max(0).unsigned_abs().min(requirement);
        let places = RATIO_BITS.saturating_sub(value.leading_zeros());
        let value = value.wrapping_shr(places).wrapping_shl(RATIO_BITS);
        let ratio = value.checked_div(requirement.wrapping_shr(places).max(1));
        ratio.map_or(0, |ratio| u32::try_from(ratio).unwrap_or(u32::MAX))
    }

    /// Where it would stand without a loss, native quote, though no better than where nothing is short.
    pub fn without_loss(&self, loss: u64) -> Self {
        let value = self.value.saturating_add(i128::from(loss));
        Self {
            value: value.min(self.requirement).max(self.value),
            ..*self
        }
    }

    /// The value there beyond that at which its ratio to the requirement is what it is here, of which there is some.
    fn beyond(&self, after: &Self) -> Result<i128> {
        let least = mul_div_ceil(
            after.requirement.max(0).unsigned_abs(),
            self.value.unsigned_abs(),
            self.requirement.unsigned_abs(),
        )?;
        sub(after.value, to_i128(least)?)
    }

    /// The value that an account which has come from here to there lacks for value ÷ requirement to be what it was; zero where it
    /// is no less, and where there was no value.
    ///
    /// # Errors
    /// [`crate::RiskError::Overflow`].
    pub fn lost_at(&self, after: &Self) -> Result<u128> {
        if self.value <= 0 || self.requirement <= 0 {
            return Ok(0);
        }
        Ok(self.beyond(after)?.min(0).unsigned_abs())
    }

    /// The most that a liquidation which would lead from here to there without a penalty may cost: half of what would
    /// leave nothing improved, and nothing where nothing is left to pay with. So whatever lowers the requirement improves
    /// after its penalty too: the fee gives way. What was `charged` on the way there is a part of that half.
    ///
    /// # Errors
    /// [`crate::RiskError::Overflow`].
    pub fn allowance(&self, after: &Self, charged: Charged) -> Result<u128> {
        if self.value <= 0 || self.requirement <= 0 {
            return Ok(0);
        }
        let room = sub(after.health(), self.health())?.min(self.beyond(after)?);
        // Of all that the call improved, what it has charged included where that counted.
        let whole = add(room, to_i128(charged.counted)?)?;
        let half = whole.max(0).unsigned_abs() / 2;
        Ok(half.saturating_sub(charged.paid))
    }
}

impl Footing {
    /// How much of `amount` would have to go if as much of everything else went: the part `t` at which health is zero
    /// when requirements shrink to `(1 − t)` and penalties take all that [`Footing::allowance`] lets them. All of it
    /// where nothing less suffices, and [`LEAST_SHARE`] at least, so that an account just below its line is not taken
    /// apart unit by unit.
    ///
    /// # Errors
    /// [`crate::RiskError::Overflow`].
    pub(super) fn share(&self, amount: u64) -> Result<u64> {
        let shortfall = self.health().min(0).unsigned_abs();
        // What closing everything would gain: R, less half of V for penalties.
        let gain = sub(self.requirement, self.value.max(0) / 2)?;
        let whole = gain.max(0).unsigned_abs();
        if self.value <= 0 || shortfall >= whole {
            return Ok(amount);
        }
        let part = mul_div_ceil(u128::from(amount), shortfall, whole)?;
        let part = u64::try_from(part).unwrap_or(amount);
        Ok(part.max(amount.div_ceil(LEAST_SHARE)).min(amount))
    }
}

/// What one slot adds to an account's totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    value: [i128; 2],
    quote: [i128; 2],
    /// What closing it at spot would leave.
    pub equity: i128,
    exposure: Exposure,
    hedge: Hedge,
}

impl Slot {
    /// A balance's, its entry fresh or the asset not covered by the model; `hedged` as [`Netted::is_hedged`] of the account.
    ///
    /// # Errors
    /// As [`gather`](crate::portfolio::gather).
    pub fn of_balance(view: &RiskView<'_>, balance: &Balance, hedged: bool) -> Result<Self> {
        let hedge = match hedged {
            true => Hedges::of_balance(view, balance, POLICY)?,
            false => Hedge::default(),
        };
        Self::of(view, core::slice::from_ref(balance), &[], hedge)
    }

    /// A position's, its orders cancelled and its entry fresh; `hedged` likewise.
    ///
    /// # Errors
    /// As [`gather`](crate::portfolio::gather).
    pub fn of_perp(view: &RiskView<'_>, perp: &PerpPosition, hedged: bool) -> Result<Self> {
        let hedge = match hedged {
            true => Hedges::of_perp(view, perp, &[], POLICY)?,
            false => Hedge::default(),
        };
        Self::of(view, &[], core::slice::from_ref(perp), hedge)
    }

    #[inline(never)]
    fn of(
        view: &RiskView<'_>,
        balances: &[Balance],
        perps: &[PerpPosition],
        hedge: Hedge,
    ) -> Result<Self> {
        let portfolio = Portfolio {
            balances,
            perps,
            orders: &[],
            mode: MarginMode::Portfolio,
        };
        let mut exposures = Exposures::new();
        let counted = collect(view, &portfolio, true, &mut exposures)?;
        Ok(Self {
            value: counted.value,
            quote: counted.quote,
            equity: counted.equity,
            exposure: exposures.items().first().copied().unwrap_or_default(),
            hedge,
        })
    }

    /// What it adds to LiquidationEnd's value.
    pub(super) fn end_value(&self) -> i128 {
        let [end, _] = self.value;
        end
    }

    /// Number of its underlying, zero for none, and its delta there.
    pub(super) fn delta(&self) -> (u8, i64) {
        (self.exposure.underlying, self.exposure.low)
    }
}

/// An account's totals. Larger than a frame of the chain: there it is zeroed in a box.
#[derive(Clone, Debug, bytemuck::Zeroable)]
pub struct Netted {
    value: [i128; 2],
    quote: [i128; 2],
    /// What hedges add to `value` and `quote`, which are sums over the slots.
    credits: [i128; 2],
    required: [i128; 2],
    equity: i128,
    stale: StaleSet,
    /// Whether something stale takes part in `exposures` and not in `certain`.
    doubtful: bool,
    exposures: Exposures,
    /// Of them.
    tally: Tally,
    certain: Exposures,
    hedges: Hedges,
}

impl Default for Netted {
    fn default() -> Self {
        Self::new()
    }
}

impl Netted {
    /// Of an account that holds nothing.
    pub fn new() -> Self {
        bytemuck::Zeroable::zeroed()
    }

    /// Walks an account, stale entries in its favour.
    ///
    /// # Errors
    /// As [`gather`](crate::portfolio::gather) and [`requirement`].
    #[inline(never)]
    pub fn assess(&mut self, view: &RiskView<'_>, portfolio: &Portfolio<'_>) -> Result<()> {
        self.exposures.clear();
        let counted = collect(view, portfolio, true, &mut self.exposures)?;
        self.value = counted.value;
        self.quote = counted.quote;
        self.equity = counted.equity;
        self.stale = counted.stale;
        self.doubtful = counted.is_doubtful();
        if self.doubtful {
            self.certain.clear();
            collect(view, portfolio, false, &mut self.certain)?;
        }
        self.hedges = bytemuck::Zeroable::zeroed();
        if counted.is_discounted() {
            // Otherwise every profit counts whole, and no slice at spot makes one that does not. One that an auction's price makes
            // counts by its weight alone, which makes the account look no better than it is.
            self.hedges.count(view, portfolio, POLICY)?;
        }
        self.tally.count(view.underlyings, &self.exposures)?;
        self.update(view)
    }

    /// Stops counting a slot that is about to change; [`Netted::update`] after the last one was counted in again.
    ///
    /// # Errors
    /// [`crate::RiskError::Overflow`].
    pub fn take_out(&mut self, view: &RiskView<'_>, slot: &Slot) -> Result<()> {
        let parts = slot.value.iter().zip(slot.quote);
        for ((value, quote), parts) in self.value.iter_mut().zip(&mut self.quote).zip(parts) {
            *value = sub(*value, *parts.0)?;
            *quote = sub(*quote, parts.1)?;
        }
        self.equity = sub(self.equity, slot.equity)?;
        self.shift_counted(view, core::slice::from_ref(slot), &[])
    }

    /// Counts a slot again.
    ///
    /// # Errors
    /// [`crate::RiskError::Overflow`].
    pub fn count_in(&mut self, view: &RiskView<'_>, slot: &Slot) -> Result<()> {
        let parts = slot.value.iter().zip(slot.quote);
        for ((value, quote), parts) in self.value.iter_mut().zip(&mut self.quote).zip(parts) {
            *value = add(*value, *parts.0)?;
            *quote = add(*quote, parts.1)?;
        }
        self.equity = add(self.equity, slot.equity)?;
        self.shift_counted(view, &[], core::slice::from_ref(slot))
    }

    /// Computes the requirement anew.
    ///
    /// # Errors
    /// As [`requirement`].
    pub fn update(&mut self, view: &RiskView<'_>) -> Result<()> {
        self.credits = self.hedges.of_lines()?;
        self.required = self.required(view, &sum(&self.quote, &self.credits)?)?;
        Ok(())
    }

    /// LiquidationEnd.
    pub fn end(&self) -> Footing {
        let ([value, _], [credit, _]) = (self.value, self.credits);
        let [requirement, _] = self.required;
        Footing {
            value: value.saturating_add(credit),
            requirement,
        }
    }

    /// LiquidationEnd without what hedges add to the value: closing a hedge ends that, and is no harm.
    pub fn end_apart(&self) -> Footing {
        let ([value, _], [requirement, _]) = (self.value, self.required);
        Footing { value, requirement }
    }

    /// Maintenance health.
    pub fn maintenance(&self) -> i128 {
        let ([_, value], [_, credit]) = (self.value, self.credits);
        let [_, required] = self.required;
        value.saturating_add(credit).saturating_sub(required)
    }

    /// What closing everything at spot would leave.
    pub const fn equity(&self) -> i128 {
        self.equity
    }

    /// What was stale.
    pub const fn stale(&self) -> StaleSet {
        self.stale
    }

    /// Whether hedges may add to its value.
    pub const fn is_hedged(&self) -> bool {
        !self.hedges.is_empty()
    }

    /// Its net delta in an underlying.
    pub(super) fn delta(&self, underlying: u8) -> i64 {
        self.exposures.get(underlying).map_or(0, |item| item.low)
    }

    pub(super) fn exposures(&self) -> &Exposures {
        &self.exposures
    }

    /// LiquidationEnd with some slots as they would be instead; the totals stay as they are.
    #[inline(never)]
    pub(super) fn with(
        &mut self,
        view: &RiskView<'_>,
        before: &[Slot],
        after: &[Slot],
    ) -> Result<Footing> {
        let ([mut value, _], mut quote) = (self.value, self.quote);
        for (slots, by) in [
            (before, sub as fn(i128, i128) -> Result<i128>),
            (after, add),
        ] {
            for slot in slots {
                value = by(value, slot.end_value())?;
                for (total, part) in quote.iter_mut().zip(slot.quote) {
                    *total = by(*total, part)?;
                }
            }
        }
        let tally = self.tally;
        self.shift_counted(view, before, after)?;
        let changed = self.changed(view, &quote);
        self.shift(after, before)?;
        self.tally = tally;
        let (credit, requirement) = changed?;
        Ok(Footing {
            value: add(value, credit)?,
            requirement,
        })
    }

    /// What hedges add to LiquidationEnd's value, and what it requires of these claims in quote.
    fn changed(&self, view: &RiskView<'_>, quote: &[i128; 2]) -> Result<(i128, i128)> {
        let credits = self.hedges.of_lines()?;
        let [requirement, _] = self.required(view, &sum(quote, &credits)?)?;
        let [credit, _] = credits;
        Ok((credit, requirement))
    }

    /// Exchanges slots in the totals that are not sums of numbers, and counts the exposures that this changes.
    #[inline(never)]
    fn shift_counted(&mut self, view: &RiskView<'_>, out: &[Slot], inward: &[Slot]) -> Result<()> {
        let mut touched = [Exposure::default(); MOST_TOUCHED];
        let mut count = 0;
        for slot in out.iter().chain(inward) {
            let underlying = slot.exposure.underlying;
            let is_known = |item: &Exposure| item.underlying == underlying;
            if underlying == 0 || touched.iter().any(is_known) {
                continue;
            }
            let before = self.exposures.get(underlying).copied();
            let place = touched.get_mut(count).ok_or(RiskError::Overflow)?;
            *place = before.unwrap_or(Exposure {
                underlying,
                ..Exposure::default()
            });
            count = count.wrapping_add(1);
        }
        self.shift(out, inward)?;
        if !self.tally.fits(&self.exposures) {
            return self.tally.count(view.underlyings, &self.exposures);
        }
        for before in touched.iter().take(count) {
            if let Some(after) = self.exposures.get(before.underlying) {
                self.tally.exchange(view.underlyings, before, after)?;
            }
        }
        Ok(())
    }

    fn shift(&mut self, out: &[Slot], inward: &[Slot]) -> Result<()> {
        if self.is_hedged() {
            for slot in out {
                self.hedges.remove(&slot.hedge)?;
            }
            for slot in inward {
                self.hedges.merge_known(&slot.hedge)?;
            }
        }
        let certain = self.doubtful.then_some(&mut self.certain);
        for exposures in core::iter::once(&mut self.exposures).chain(certain) {
            for slot in out {
                exposures.remove(&slot.exposure)?;
            }
            for slot in inward {
                exposures.merge(&slot.exposure)?;
            }
        }
        Ok(())
    }

    fn required(&self, view: &RiskView<'_>, quotes: &[i128; 2]) -> Result<[i128; 2]> {
        let mut out = lines(view, &self.tally.requirement(view.model)?, quotes)?;
        if self.doubtful {
            let which = Volatilities::Binding;
            let parts = requirement(view.model, view.underlyings, &self.certain, &[], which)?;
            let other = lines(view, &parts, quotes)?;
            for (kept, other) in out.iter_mut().zip(other) {
                *kept = settle(POLICY, *kept, other);
            }
        }
        Ok(out)
    }
}

#[inline(never)]
fn collect(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    with_stale: bool,
    exposures: &mut Exposures,
) -> Result<Counted<2>> {
    gather_slots(view, portfolio, &KINDS, POLICY, with_stale, exposures)
}

fn sum(a: &[i128; 2], b: &[i128; 2]) -> Result<[i128; 2]> {
    let ([a, b], [c, d]) = (*a, *b);
    Ok([add(a, c)?, add(b, d)?])
}

/// What is required of claims in quote beside exposures.
fn lines(view: &RiskView<'_>, parts: &Requirement, quotes: &[i128; 2]) -> Result<[i128; 2]> {
    let mut out = [0; 2];
    for ((required, quote), kind) in out.iter_mut().zip(quotes).zip(KINDS) {
        *required = line(parts, view, *quote, kind)?;
    }
    Ok(out)
}
