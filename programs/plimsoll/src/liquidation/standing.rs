//! Where an account in liquidation stands, kept current while its slots change one at a time.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    fixed::{add, sub},
    Assessment, HealthKind, MarginModel, Policy, Portfolio, RiskView, StandardMargin,
};

use crate::{
    error::OrRefuse,
    health::{assess, view},
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
    total: Assessment,
}

impl<'a> Standing<'a> {
    #[inline(never)]
    pub fn of(risk: &'a RiskState, account: &MarginAccount, clock: &Clock) -> Result<Self> {
        Ok(Self {
            view: view(risk, clock),
            total: assess(risk, account, Policy::BenefitOfDoubt, clock)?,
        })
    }

    /// Below zero a liquidation starts.
    pub fn maintenance(&self) -> i128 {
        self.total.of(HealthKind::Maint)
    }

    /// At zero or above a liquidation ends.
    pub fn end(&self) -> i128 {
        self.total.of(HealthKind::LiquidationEnd)
    }

    /// What closing everything at spot would leave.
    pub fn equity(&self) -> i128 {
        self.total.equity
    }

    /// Stops counting a slot that is about to change.
    #[inline(never)]
    pub fn take_out(&mut self, account: &MarginAccount, part: Part) -> Result<()> {
        let value = self.value_of(account, part)?;
        for (total, part) in self.total.health.iter_mut().zip(value.health) {
            *total = sub(*total, part).or_refuse()?;
        }
        self.total.equity = sub(self.total.equity, value.equity).or_refuse()?;
        Ok(())
    }

    /// Counts a slot again.
    #[inline(never)]
    pub fn count_in(&mut self, account: &MarginAccount, part: Part) -> Result<()> {
        let value = self.value_of(account, part)?;
        for (total, part) in self.total.health.iter_mut().zip(value.health) {
            *total = add(*total, part).or_refuse()?;
        }
        self.total.equity = add(self.total.equity, value.equity).or_refuse()?;
        Ok(())
    }

    #[inline(never)]
    fn value_of(&self, account: &MarginAccount, part: Part) -> Result<Assessment> {
        let mut portfolio = Portfolio {
            balances: &[],
            perps: &[],
            orders: &account.orders,
        };
        match part {
            Part::Balance(slot) => {
                portfolio.balances = core::slice::from_ref(account.balances.get(slot).or_refuse()?);
            }
            Part::Perp(slot) => {
                portfolio.perps = core::slice::from_ref(account.perps.get(slot).or_refuse()?);
            }
        }
        StandardMargin::assess(&self.view, &portfolio, Policy::BenefitOfDoubt).or_refuse()
    }
}
