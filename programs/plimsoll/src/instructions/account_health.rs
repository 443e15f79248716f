//! Answers, as return data, what an account's health is and what each of its slots adds to it. Changes nothing.
//!
//! In standard margin a slot's part is its value less the margin that it needs, and the parts add up to health. In
//! portfolio margin slots share one requirement, which belongs to none of them: there a part is what the slot is worth to
//! health, and health is the parts less the requirement, which is told beside them. So in either mode
//! `Σ parts − requirement = health`; in standard margin the requirement is zero.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::Indices,
    portfolio::{Exposures, RiskReport},
    standard::perp_equity,
    AccountMargin, Assessment, Balance, HealthKind, MarginMode, MarginModel, PerpPosition, Policy,
    Portfolio, PortfolioMargin, Purpose, RiskView,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    gates,
    health::{portfolio, view},
    state::{
        margin_account::{MAX_BALANCES, MAX_PERPS},
        MarginAccount, RiskState,
    },
};

/// What a program can return.
pub(super) const MAX_RETURN_DATA: usize = 1_024;

#[derive(Accounts)]
pub struct AccountHealth<'info> {
    pub risk_state: AccountLoader<'info, RiskState>,
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

/// Health of an account, in native quote; what does not fit 64 bits is held at their ends. Free slots are left out.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// Init health as trades see it: a stale deposit counts nothing.
    pub init: i64,
    /// Where a liquidation ends, as liquidators see it: a stale entry counts in the account's favour.
    pub liquidation_end: i64,
    /// Below zero the account may be liquidated; stale entries as above.
    pub maintenance: i64,
    /// What closing everything at spot would leave; stale entries as above.
    pub equity: i64,
    /// Bit i: the entry of asset i is stale and deposited.
    pub stale_deposits: u64,
    /// Bit i: the entry of asset i is stale and owed; risk cannot grow.
    pub stale_debts: u64,
    /// Bit i: the entry of market i is stale and the account has a position or orders there; risk cannot grow.
    pub stale_markets: u64,
    /// One of [`crate::state::margin_account::account_state`].
    pub state: u8,
    /// A [`MarginMode`].
    pub margin_mode: u8,
    /// What portfolio margin takes off the sum of the slots' parts of Init health; zero in standard margin.
    pub init_requirement: i64,
    /// The same of maintenance health.
    pub maintenance_requirement: i64,
    pub balances: Vec<BalanceHealth>,
    pub perps: Vec<PerpHealth>,
}

/// A token balance's part.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceHealth {
    pub asset: u8,
    /// Native units as of the entry's refresh, negative for a debt.
    pub native: i64,
    /// What it adds to Init health, before the requirement in portfolio margin.
    pub init: i64,
    /// What it adds to maintenance health, likewise.
    pub maintenance: i64,
}

/// A market's part, with its resting orders.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerpHealth {
    pub market: u8,
    /// Base lots, signed.
    pub position: i64,
    /// Profit at spot, funding included, orders left aside.
    pub pnl: i64,
    /// What it adds to Init health: its weighted profit, in standard margin less the margin it needs.
    pub init: i64,
    /// What it adds to maintenance health, likewise.
    pub maintenance: i64,
}

const HEADER: usize = 9 * 8 + 2 + 2 * 4;
const BALANCE: usize = 1 + 3 * 8;
const PERP: usize = 1 + 4 * 8;
const _: () = assert!(HEADER + MAX_BALANCES * BALANCE + MAX_PERPS * PERP <= MAX_RETURN_DATA);

/// For wallets by simulation and for programs by call. The parts of each kind, less its requirement, add up to its total.
#[inline(never)]
pub(crate) fn account_health(ctx: Context<AccountHealth>) -> Result<HealthReport> {
    let clock = Clock::get()?;
    let risk = ctx.accounts.risk_state.load()?;
    let account = ctx.accounts.margin_account.load()?;
    require_keys_eq!(
        account.exchange,
        risk.exchange,
        PlimsollError::WrongExchange
    );
    gates::ACCOUNT_HEALTH
        .exchange(risk.mode)?
        .account(account.state)?;
    report(&risk, &account, &clock)
}

/// The report of an account, accounts and clock given.
#[inline(never)]
pub fn report(risk: &RiskState, account: &MarginAccount, clock: &Clock) -> Result<HealthReport> {
    let mut desk = Desk {
        view: view(risk, clock, Purpose::Trade),
        account,
        scratch: Box::default(),
    };
    let lines = measured(&desk.view, &portfolio(account))?;
    if !lines.stale.is_empty() {
        let netted = desk.view.at_one_price(&portfolio(account)).or_refuse()?;
        desk.view = netted.unwrap_or(desk.view);
    }
    let maintenance = saturated(lines.of(HealthKind::Maint));
    let init = saturated(lines.of(HealthKind::Init));
    let balances: Vec<BalanceHealth> = used(&account.balances, |b| b.shares.is_zero())
        .map(|balance| desk.balance(balance))
        .collect::<Result<_>>()?;
    let perps: Vec<PerpHealth> = used(&account.perps, |p| p.is_free())
        .map(|perp| desk.perp(perp))
        .collect::<Result<_>>()?;
    let parts = |of_balance: fn(&BalanceHealth) -> i64, of_perp: fn(&PerpHealth) -> i64| {
        let parts = balances.iter().map(of_balance);
        parts.chain(perps.iter().map(of_perp)).map(i128::from)
    };
    let requirement = |parts: i128, line: i64| saturated(parts.saturating_sub(line.into()));
    Ok(HealthReport {
        init,
        liquidation_end: saturated(lines.of(HealthKind::LiquidationEnd)),
        maintenance,
        equity: saturated(lines.equity),
        stale_deposits: lines.stale.deposits,
        stale_debts: lines.stale.debts,
        stale_markets: lines.stale.markets,
        state: account.state,
        margin_mode: account.margin_mode,
        init_requirement: requirement(parts(|b| b.init, |p| p.init).sum(), init),
        maintenance_requirement: requirement(
            parts(|b| b.maintenance, |p| p.maintenance).sum(),
            maintenance,
        ),
        balances,
        perps,
    })
}

/// Every line under the policy of those who ask for it.
#[inline(never)]
fn measured(view: &RiskView, whole: &Portfolio) -> Result<Assessment> {
    if whole.mode == MarginMode::Portfolio {
        let mut report: Box<RiskReport> = Box::default();
        PortfolioMargin::report(view, whole, &mut report).or_refuse()?;
        return Ok(Assessment {
            health: HealthKind::ALL.map(|kind| report.health(kind)),
            equity: report.equity,
            stale: report.stale,
        });
    }
    let mut lines = AccountMargin::assess(view, whole, Policy::BenefitOfDoubt).or_refuse()?;
    let [init, ..] = &mut lines.health;
    *init = health_of(view, whole, HealthKind::Init)?;
    Ok(lines)
}

fn used<T>(slots: &[T], free: impl Fn(&T) -> bool) -> impl Iterator<Item = &T> {
    slots.iter().filter(move |slot| !free(slot))
}

/// Measures the slots of an account.
struct Desk<'a> {
    view: RiskView<'a>,
    account: &'a MarginAccount,
    /// Where the deltas go that nobody asks for; off the stack.
    scratch: Box<Exposures>,
}

impl Desk<'_> {
    #[inline(never)]
    fn balance(&mut self, balance: &Balance) -> Result<BalanceHealth> {
        let part = Portfolio {
            balances: core::slice::from_ref(balance),
            perps: &[],
            ..portfolio(self.account)
        };
        let entry = self.view.assets.get(usize::from(balance.asset));
        let entry = entry.or_refuse()?;
        let indices = Indices {
            deposit: entry.deposit_index,
            borrow: entry.borrow_index,
        };
        let [init, maintenance] = self.part(&part)?;
        Ok(BalanceHealth {
            asset: narrow(balance.asset)?,
            native: balance.native(indices).or_refuse()?,
            init,
            maintenance,
        })
    }

    #[inline(never)]
    fn perp(&mut self, perp: &PerpPosition) -> Result<PerpHealth> {
        let part = Portfolio {
            balances: &[],
            perps: core::slice::from_ref(perp),
            ..portfolio(self.account)
        };
        let entry = self.view.markets.get(usize::from(perp.market));
        let [init, maintenance] = self.part(&part)?;
        Ok(PerpHealth {
            market: narrow(perp.market)?,
            position: perp.position.0,
            pnl: saturated(perp_equity(perp, entry.or_refuse()?).or_refuse()?),
            init,
            maintenance,
        })
    }

    /// What a slot adds to Init and to maintenance health, in portfolio margin before the requirement.
    fn part(&mut self, part: &Portfolio) -> Result<[i64; 2]> {
        let parts = match part.mode {
            MarginMode::Standard => [
                health_of(&self.view, part, HealthKind::Init)?,
                health_of(&self.view, part, HealthKind::Maint)?,
            ],
            MarginMode::Portfolio => self.value(part)?,
        };
        Ok(parts.map(saturated))
    }

    /// What is fresh counts the same under either policy.
    #[inline(never)]
    fn value(&mut self, part: &Portfolio) -> Result<[i128; 2]> {
        let (view, scratch) = (&self.view, &mut self.scratch);
        let mut counted =
            PortfolioMargin::value(view, part, Policy::Strict, scratch).or_refuse()?;
        let init = HealthKind::Init.of(&counted.value);
        if !counted.stale.is_empty() {
            let policy = Policy::BenefitOfDoubt;
            counted = PortfolioMargin::value(view, part, policy, scratch).or_refuse()?;
        }
        Ok([init, HealthKind::Maint.of(&counted.value)])
    }
}

/// Health of a kind under the policy of those who ask for it.
#[inline(never)]
fn health_of(view: &RiskView, portfolio: &Portfolio, kind: HealthKind) -> Result<i128> {
    let health = AccountMargin::health(view, portfolio, kind, policy(kind)).or_refuse()?;
    Ok(health.value)
}

/// Trades ask for Init, liquidators for the other lines.
const fn policy(kind: HealthKind) -> Policy {
    match kind {
        HealthKind::Init => Policy::Strict,
        HealthKind::LiquidationEnd | HealthKind::Maint => Policy::BenefitOfDoubt,
    }
}

/// An index below 64 as a byte, which keeps the report within what a program can return.
fn narrow(index: u16) -> Result<u8> {
    u8::try_from(index).map_err(|_| PlimsollError::Overflow.into())
}

pub(super) fn saturated(value: i128) -> i64 {
    let limit = if value < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(value).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_report_fits_and_reads_back() {
        let report = HealthReport {
            balances: vec![BalanceHealth::default(); MAX_BALANCES],
            perps: vec![PerpHealth::default(); MAX_PERPS],
            ..HealthReport::default()
        };
        let bytes = borsh_bytes(&report);
        assert_eq!(
            bytes.len(),
            HEADER + MAX_BALANCES * BALANCE + MAX_PERPS * PERP
        );
        assert!(bytes.len() <= MAX_RETURN_DATA);
        assert_eq!(HealthReport::try_from_slice(&bytes).unwrap(), report);
    }

    fn borsh_bytes(report: &HealthReport) -> Vec<u8> {
        let mut bytes = Vec::new();
        report.serialize(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_does_not_fit_is_held_at_the_end() {
        assert_eq!(saturated(i128::MAX), i64::MAX);
        assert_eq!(saturated(i128::MIN), i64::MIN);
        assert_eq!(saturated(-5), -5);
    }
}
