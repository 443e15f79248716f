//! Where an account in liquidation stands, kept current while its slots change one at a time.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    fixed::{add, sub},
    AccountMargin, Assessment, HealthKind, MarginMode, MarginModel, Policy, Portfolio, RiskView,
};

use crate::{
    error::OrRefuse,
    health::{portfolio, view},
    state::{MarginAccount, RiskState},
};

/// Entries refreshed longer ago than this, in slots, count as stale in a liquidation, in the account's favour: nobody is
/// liquidated at a dip that is over because whoever liquidates did not refresh. Enough slots that the entries of the
/// largest account can be refreshed in one transaction and the account be liquidated in another.
pub const MAX_REFRESH_SLOTS: u32 = 16;

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
        let view = RiskView {
            max_refresh_slots: MAX_REFRESH_SLOTS,
            doubts_broken: true,
            ..view(risk, clock)
        };
        let total = AccountMargin::assess(&view, &portfolio(account), Policy::BenefitOfDoubt)
            .or_refuse()?;
        Ok(Self { view, total })
    }

    /// Whether no stale entry took part.
    pub fn is_certain(&self) -> bool {
        self.total.stale.is_empty()
    }

    /// The market-wide numbers, as a liquidation may rely on them.
    pub fn view(&self) -> &RiskView<'a> {
        &self.view
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
        if account.margin_mode == MarginMode::Portfolio as u8 {
            // Slots net: the account is counted anew once they have changed.
            return Ok(());
        }
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
        if account.margin_mode == MarginMode::Portfolio as u8 {
            self.total =
                AccountMargin::assess(&self.view, &portfolio(account), Policy::BenefitOfDoubt)
                    .or_refuse()?;
            return Ok(());
        }
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
        AccountMargin::assess(&self.view, &portfolio, Policy::BenefitOfDoubt).or_refuse()
    }
}
