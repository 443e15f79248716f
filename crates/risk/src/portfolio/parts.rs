//! What each slot of an account adds to its value in portfolio margin.

use crate::fixed::{Result, RiskError};
use crate::health::{HealthKind, Policy, Portfolio, RiskView};

use super::exposure::{Exposures, MAX_EXPOSURES};
use super::gather::{gather_certain, gather_slots, Counted};
use super::hedges::Hedges;

/// What each slot in use counts before anything is required, balances first: values add up, requirements do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    slots: [[i128; 2]; MAX_EXPOSURES],
    count: usize,
    /// The slots, one bit each, that are stale.
    stale: u64,
    /// What the others come to.
    fresh: Counted<3>,
}

const _: () = assert!(MAX_EXPOSURES <= 64);

impl Parts {
    /// To Init health as trades see it and to Maint health as liquidators do, native quote.
    pub fn slots(&self) -> &[[i128; 2]] {
        self.slots.get(..self.count).unwrap_or(&self.slots)
    }

    /// As [`gather_slots`], as trades see it, with the exposures of what is stale.
    ///
    /// # Errors
    /// As [`gather_slots`]; [`RiskError::Overflow`] when more slots are in use than an account has.
    #[inline(never)]
    pub(super) fn trades(
        &mut self,
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        exposures: &mut Exposures,
    ) -> Result<Counted<3>> {
        let (kinds, policy) = (&HealthKind::ALL, Policy::Strict);
        (self.count, self.stale, self.fresh) = (0, 0, Counted::default());
        let mut counted = Counted::default();
        for slot in portfolio.slots() {
            let part = gather_slots(view, &slot, kinds, policy, true, exposures)?;
            let kept = self.slots.get_mut(self.count).ok_or(RiskError::Overflow)?;
            *kept = [HealthKind::Init, HealthKind::Maint].map(|kind| kind.of(&part.value));
            if part.stale.is_empty() {
                self.fresh.join(&part)?;
            } else {
                self.stale |= 1 << self.count;
                counted.join(&part)?;
            }
            self.count = self.count.wrapping_add(1);
        }
        counted.join(&self.fresh)?;
        Ok(counted)
    }

    /// As [`gather_slots`], as liquidators see what [`Parts::trades`] has counted, without the exposures of what is stale. What is
    /// fresh counts the same for both.
    ///
    /// # Errors
    /// As [`gather_slots`].
    #[inline(never)]
    pub(super) fn lines(
        &mut self,
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        exposures: &mut Exposures,
    ) -> Result<Counted<3>> {
        let (kinds, policy) = (&HealthKind::ALL, Policy::BenefitOfDoubt);
        gather_certain(view, portfolio, HealthKind::Init, policy, exposures)?;
        let mut counted = self.fresh;
        let mut stale = self.stale;
        for (slot, [_, maint]) in portfolio.slots().zip(&mut self.slots) {
            if stale & 1 != 0 {
                let part = gather_slots(view, &slot, kinds, policy, false, exposures)?;
                *maint = HealthKind::Maint.of(&part.value);
                counted.join(&part)?;
            }
            stale >>= 1;
        }
        Ok(counted)
    }

    /// Adds what hedges add to health to the first position of each underlying: Init's as trades see it, or Maint's as
    /// liquidators do.
    pub(super) fn credit(
        &mut self,
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        hedges: &Hedges,
        kind: HealthKind,
    ) -> Result<()> {
        for (underlying, credits) in hedges.each() {
            let credit = i128::from(kind.of(&credits?));
            let slot = portfolio.slots().position(|slot| {
                let market = slot.perps.first().map(|perp| usize::from(perp.market));
                let risk = market.and_then(|market| view.markets.get(market));
                risk.is_some_and(|risk| u64::from(risk.underlying) == underlying)
            });
            if let Some([init, maint]) = slot.and_then(|slot| self.slots.get_mut(slot)) {
                let part = if kind == HealthKind::Init {
                    init
                } else {
                    maint
                };
                *part = part.checked_add(credit).ok_or(RiskError::Overflow)?;
            }
        }
        Ok(())
    }
}
