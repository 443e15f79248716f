//! Answers, as return data, what an account's health is and what each of its slots adds to it. Changes nothing.
//!
//! In standard margin a slot's part is its value less the margin that it needs, and the parts add up to health. In
//! portfolio margin slots share one requirement, which belongs to none of them: there a part is what the slot is worth to
//! health, and health is the parts less the requirement, which is told beside them. So in either mode
//! `Σ parts − requirement = health`; in standard margin the requirement is zero.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::Indices,
    portfolio::{Parts, RiskReport, MAX_EXPOSURES},
    standard::perp_equity,
    Assessment, Balance, Health, HealthKind, MarginMode, MarginModel, PerpPosition, Policy,
    Portfolio, PortfolioMargin, Purpose, RiskView, StandardMargin,
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
const _: () = assert!(MAX_BALANCES + MAX_PERPS <= MAX_EXPOSURES);
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
    let view = view(risk, clock, Purpose::Trade);
    let Measured { lines, parts } = measured(&view, account)?;
    let maintenance = saturated(lines.of(HealthKind::Maint));
    let init = saturated(lines.of(HealthKind::Init));
    let mut parts = parts.iter().copied();
    let balances: Vec<BalanceHealth> = used_balances(account)
        .zip(parts.by_ref())
        .map(|(balance, part)| balance_health(&view, balance, part))
        .collect::<Result<_>>()?;
    let perps: Vec<PerpHealth> = used_perps(account)
        .zip(parts)
        .map(|(perp, part)| perp_health(&view, perp, part))
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

/// Every line of an account, and what each slot in use adds to Init and to maintenance health, in portfolio margin before
/// the requirement: balances first.
struct Measured {
    lines: Assessment,
    parts: Vec<[i64; 2]>,
}

/// Every line under the policy of those who ask for it.
fn measured(view: &RiskView, account: &MarginAccount) -> Result<Measured> {
    let whole = portfolio(account);
    match whole.mode {
        MarginMode::Standard => in_standard(view, &whole),
        MarginMode::Portfolio => in_portfolio(view, &whole),
    }
}

#[inline(never)]
fn in_portfolio(view: &RiskView, whole: &Portfolio) -> Result<Measured> {
    // Off the stack.
    let (mut report, mut parts): (Box<RiskReport>, Box<Parts>) = Default::default();
    PortfolioMargin::report_with_parts(view, whole, &mut report, &mut parts).or_refuse()?;
    Ok(Measured {
        lines: Assessment {
            health: HealthKind::ALL.map(|kind| report.health(kind)),
            equity: report.equity,
            stale: report.stale,
        },
        parts: parts
            .slots()
            .iter()
            .map(|part| part.map(saturated))
            .collect(),
    })
}

#[inline(never)]
fn in_standard(view: &RiskView, whole: &Portfolio) -> Result<Measured> {
    let init = health_of(view, whole, HealthKind::Init)?;
    let netted = if init.stale.is_empty() {
        None
    } else {
        view.at_one_price(whole).or_refuse()?
    };
    let view = netted.as_ref().unwrap_or(view);
    let mut lines = StandardMargin::assess(view, whole, Policy::BenefitOfDoubt).or_refuse()?;
    let [line, ..] = &mut lines.health;
    *line = init.value;
    let mut parts = Vec::with_capacity(MAX_EXPOSURES);
    for slot in whole.slots() {
        let init = health_of(view, &slot, HealthKind::Init)?;
        let maint = health_of(view, &slot, HealthKind::Maint)?;
        parts.push([saturated(init.value), saturated(maint.value)]);
    }
    Ok(Measured { lines, parts })
}

fn used_balances(account: &MarginAccount) -> impl Iterator<Item = &Balance> {
    let balances = account.balances.iter();
    balances.filter(|balance| !balance.shares.is_zero() && !balance.is_free())
}

fn used_perps(account: &MarginAccount) -> impl Iterator<Item = &PerpPosition> {
    account.perps.iter().filter(|perp| !perp.is_free())
}

#[inline(never)]
fn balance_health(
    view: &RiskView,
    balance: &Balance,
    [init, maintenance]: [i64; 2],
) -> Result<BalanceHealth> {
    let entry = view.assets.get(usize::from(balance.asset)).or_refuse()?;
    let indices = Indices {
        deposit: entry.deposit_index,
        borrow: entry.borrow_index,
    };
    Ok(BalanceHealth {
        asset: narrow(balance.asset)?,
        native: balance.native(indices).or_refuse()?,
        init,
        maintenance,
    })
}

#[inline(never)]
fn perp_health(
    view: &RiskView,
    perp: &PerpPosition,
    [init, maintenance]: [i64; 2],
) -> Result<PerpHealth> {
    let entry = view.markets.get(usize::from(perp.market)).or_refuse()?;
    Ok(PerpHealth {
        market: narrow(perp.market)?,
        position: perp.position.0,
        pnl: saturated(perp_equity(perp, entry).or_refuse()?),
        init,
        maintenance,
    })
}

/// Health of a kind in standard margin under the policy of those who ask for it.
fn health_of(view: &RiskView, portfolio: &Portfolio, kind: HealthKind) -> Result<Health> {
    StandardMargin::health(view, portfolio, kind, policy(kind)).or_refuse()
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
