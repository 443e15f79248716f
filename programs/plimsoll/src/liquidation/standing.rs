//! Where an account in liquidation stands, kept current while its slots change one at a time.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    fixed::{add, sub},
    liquidation::{
        position_slice, swap_slice, Footing, Holding, Netted, Observation, Portion, PositionSlice,
        Slot, Stand, SwapSlice, Target,
    },
    standard::StandardMargin,
    Assessment, BaseLots, HealthKind, MarginMode, MarketRisk, PerpPosition, Policy, Portfolio,
    Purpose, RiskError, RiskView,
};

use crate::{
    error::OrRefuse,
    health::{portfolio, view},
    state::{MarginAccount, RiskState},
};

/// A slot of a margin account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Balance(usize),
    Perp(usize),
}

/// The account's healths and equity, stale entries in its favour. A whole pass is made once; around every change the
/// slots concerned are taken out and counted in again, which gives what another pass would.
pub struct Standing<'a> {
    view: RiskView<'a>,
    totals: Totals,
    /// Where the account stood before the changes that are judged together.
    start: Stand,
    observation: Observation,
}

/// What is kept, by the account's mode of margin.
enum Totals {
    /// Slots add up.
    Standard(Assessment),
    /// Slots net.
    Portfolio(Box<Netted>),
}

impl<'a> Standing<'a> {
    #[inline(never)]
    pub fn of(risk: &'a RiskState, account: &MarginAccount, clock: &Clock) -> Result<Self> {
        let mut view = view(risk, clock, Purpose::Seize);
        let portfolio = portfolio(account);
        let observation = Observation::of(&view, &portfolio);
        if observation.doubted != 0 {
            // For the whole of the call: what is taken out counts as it was counted in.
            view = view.at_one_price(&portfolio).or_refuse()?.unwrap_or(view);
        }
        let totals = match portfolio.mode {
            MarginMode::Standard => {
                let policy = Policy::BenefitOfDoubt;
                let total = StandardMargin::lines(&view, &portfolio, policy).or_refuse()?;
                Totals::Standard(total)
            }
            MarginMode::Portfolio => {
                let mut netted: Box<Netted> = bytemuck::zeroed_box();
                netted.assess(&view, &portfolio).or_refuse()?;
                Totals::Portfolio(netted)
            }
        };
        let mut standing = Self {
            view,
            totals,
            start: Stand::default(),
            observation,
        };
        standing.start = standing.stand();
        Ok(standing)
    }

    /// Whether no stale entry took part.
    pub fn is_certain(&self) -> bool {
        match &self.totals {
            Totals::Standard(total) => total.stale.is_empty(),
            Totals::Portfolio(netted) => netted.stale().is_empty(),
        }
    }

    /// The prices that it is measured at.
    pub fn observation(&self) -> Observation {
        self.observation
    }

    /// The market-wide numbers, as a liquidation may rely on them.
    pub fn view(&self) -> &RiskView<'a> {
        &self.view
    }

    /// Below zero a liquidation starts.
    pub fn maintenance(&self) -> i128 {
        match &self.totals {
            Totals::Standard(total) => total.of(HealthKind::Maint),
            Totals::Portfolio(netted) => netted.maintenance(),
        }
    }

    /// At zero or above a liquidation ends.
    pub fn end(&self) -> i128 {
        match &self.totals {
            Totals::Standard(total) => total.of(HealthKind::LiquidationEnd),
            Totals::Portfolio(netted) => netted.end().health(),
        }
    }

    /// What closing everything at spot would leave.
    pub fn equity(&self) -> i128 {
        match &self.totals {
            Totals::Standard(total) => total.equity,
            Totals::Portfolio(netted) => netted.equity(),
        }
    }

    /// Stops counting a slot that is about to change.
    #[inline(never)]
    pub fn take_out(&mut self, account: &MarginAccount, part: Part) -> Result<()> {
        match &mut self.totals {
            Totals::Standard(total) => {
                let value = value_of(&self.view, account, part)?;
                for (total, part) in total.health.iter_mut().zip(value.health).skip(1) {
                    *total = sub(*total, part).or_refuse()?;
                }
                total.equity = sub(total.equity, value.equity).or_refuse()?;
                Ok(())
            }
            Totals::Portfolio(netted) => {
                let slot = slot_of(&self.view, account, part, netted.is_hedged())?;
                netted.take_out(&self.view, &slot).or_refuse()
            }
        }
    }

    /// Counts a slot again.
    #[inline(never)]
    pub fn count_in(&mut self, account: &MarginAccount, part: Part) -> Result<()> {
        match &mut self.totals {
            Totals::Standard(total) => {
                let value = value_of(&self.view, account, part)?;
                for (total, part) in total.health.iter_mut().zip(value.health).skip(1) {
                    *total = add(*total, part).or_refuse()?;
                }
                total.equity = add(total.equity, value.equity).or_refuse()?;
                Ok(())
            }
            Totals::Portfolio(netted) => {
                let slot = slot_of(&self.view, account, part, netted.is_hedged())?;
                netted.count_in(&self.view, &slot).or_refuse()
            }
        }
    }

    /// Draws the sums after the last slot of a change was counted in: where slots net, requirements are computed anew.
    pub fn update(&mut self) -> Result<()> {
        match &mut self.totals {
            Totals::Standard(_) => Ok(()),
            Totals::Portfolio(netted) => netted.update(&self.view).or_refuse(),
        }
    }

    /// Both sides of LiquidationEnd health. Where slots add up the value is equity, and all that health takes off it is required.
    pub fn footing(&self) -> Footing {
        match &self.totals {
            Totals::Standard(total) => Footing {
                value: total.equity,
                requirement: total
                    .equity
                    .saturating_sub(total.of(HealthKind::LiquidationEnd)),
            },
            Totals::Portfolio(netted) => netted.end(),
        }
    }

    /// Where it stood before the changes that are judged together.
    pub fn start(&self) -> Footing {
        self.start.footing
    }

    /// Whether a change is judged with what else the call changes, at its end, rather than by itself.
    pub fn is_judged_as_a_whole(&self) -> bool {
        matches!(self.totals, Totals::Portfolio(_))
    }

    /// Whether what changed since the start left the account better.
    pub fn is_improved(&self) -> bool {
        match &self.totals {
            Totals::Standard(_) => true,
            Totals::Portfolio(netted) => self.start.is_improved_by(&Stand::of(netted)),
        }
    }

    /// Whether it did but for what hedges add to the value: a liquidation that closes one ends that.
    pub fn is_improved_apart(&self) -> bool {
        self.start.is_improved_apart_by(&self.stand())
    }

    /// Leaves a change since `before` out of what is judged.
    pub fn pass_over(&mut self, before: &Stand) -> Result<()> {
        self.start = self.start.moved(before, &self.stand()).or_refuse()?;
        Ok(())
    }

    /// Everything that a change is judged by.
    pub fn stand(&self) -> Stand {
        match &self.totals {
            Totals::Standard(total) => Stand {
                footing: self.footing(),
                apart: self.footing(),
                equity: total.equity,
            },
            Totals::Portfolio(netted) => Stand::of(netted),
        }
    }

    /// The slice of a position to take over. In portfolio margin one that improves nothing by itself can be the first of
    /// several that improve the account together.
    #[inline(never)]
    pub fn position_slice(
        &mut self,
        perp: &PerpPosition,
        entry: &MarketRisk,
        target: &Target,
        portion: &Portion,
    ) -> core::result::Result<PositionSlice, RiskError> {
        match &mut self.totals {
            Totals::Standard(_) => {
                let lots = |lots: u64| BaseLots(i64::try_from(lots).unwrap_or(i64::MAX));
                position_slice(perp, entry, target, lots(portion.most), lots(portion.dust))
            }
            Totals::Portfolio(netted) => {
                match netted.position_slice(
                    &self.view,
                    &self.start.footing,
                    perp,
                    entry,
                    target,
                    portion,
                ) {
                    Err(RiskError::RaisesRisk) => {
                        netted.opening_position_slice(perp, entry, target, portion)
                    }
                    slice => slice,
                }
            }
        }
    }

    /// The slice of collateral for debt, likewise.
    #[inline(never)]
    pub fn swap_slice(
        &mut self,
        given: &Holding,
        taken: &Holding,
        target: &Target,
        portion: &Portion,
    ) -> core::result::Result<SwapSlice, RiskError> {
        match &mut self.totals {
            Totals::Standard(_) => {
                let (collateral, debt) = (given.as_collateral(), taken.as_debt());
                let (most, dust) = (portion.most, portion.dust);
                swap_slice(
                    &collateral,
                    &debt,
                    target,
                    most,
                    portion.collateral_dust,
                    dust,
                )
            }
            Totals::Portfolio(netted) => {
                match netted.swap_slice(
                    &self.view,
                    &self.start.footing,
                    given,
                    taken,
                    target,
                    portion,
                ) {
                    Err(RiskError::RaisesRisk) => {
                        netted.opening_swap_slice(given, taken, target, portion)
                    }
                    slice => slice,
                }
            }
        }
    }
}

#[inline(never)]
fn value_of(view: &RiskView, account: &MarginAccount, part: Part) -> Result<Assessment> {
    let mut portfolio = Portfolio {
        balances: &[],
        perps: &[],
        orders: &account.orders,
        mode: MarginMode::Standard,
    };
    match part {
        Part::Balance(slot) => {
            portfolio.balances = core::slice::from_ref(account.balances.get(slot).or_refuse()?);
        }
        Part::Perp(slot) => {
            portfolio.perps = core::slice::from_ref(account.perps.get(slot).or_refuse()?);
        }
    }
    StandardMargin::lines(view, &portfolio, Policy::BenefitOfDoubt).or_refuse()
}

fn slot_of(view: &RiskView, account: &MarginAccount, part: Part, hedged: bool) -> Result<Slot> {
    match part {
        Part::Balance(slot) => {
            let balance = account.balances.get(slot).or_refuse()?;
            Slot::of_balance(view, balance, hedged).or_refuse()
        }
        Part::Perp(slot) => {
            let perp = account.perps.get(slot).or_refuse()?;
            Slot::of_perp(view, perp, hedged).or_refuse()
        }
    }
}
