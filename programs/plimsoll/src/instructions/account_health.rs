//! Answers, as return data, what an account's health is and what each of its slots adds to it. Changes nothing.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::Indices, standard::perp_equity, AccountMargin, Balance, HealthKind, MarginModel,
    PerpPosition, Policy, Portfolio, RiskView,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    gates,
    health::{assess, portfolio, view},
    state::{
        margin_account::{MAX_BALANCES, MAX_PERPS},
        MarginAccount, RiskState,
    },
};

/// What a program can return.
const MAX_RETURN_DATA: usize = 1_024;

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
    pub balances: Vec<BalanceHealth>,
    pub perps: Vec<PerpHealth>,
}

/// A token balance's part.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalanceHealth {
    pub asset: u8,
    /// Native units as of the entry's refresh, negative for a debt.
    pub native: i64,
    /// What it adds to Init health.
    pub init: i64,
    /// What it adds to maintenance health.
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
    /// What it adds to Init health: its weighted profit less the margin it needs.
    pub init: i64,
    /// What it adds to maintenance health.
    pub maintenance: i64,
}

const HEADER: usize = 7 * 8 + 1 + 2 * 4;
const BALANCE: usize = 1 + 3 * 8;
const PERP: usize = 1 + 4 * 8;
const _: () = assert!(HEADER + MAX_BALANCES * BALANCE + MAX_PERPS * PERP <= MAX_RETURN_DATA);

/// For wallets by simulation and for programs by call. The parts of each kind add up to its total.
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
    let view = view(risk, clock);
    let lines = assess(risk, account, Policy::BenefitOfDoubt, clock)?;
    Ok(HealthReport {
        init: health_of(&view, &portfolio(account), HealthKind::Init)?,
        liquidation_end: saturated(lines.of(HealthKind::LiquidationEnd)),
        maintenance: saturated(lines.of(HealthKind::Maint)),
        equity: saturated(lines.equity),
        stale_deposits: lines.stale.deposits,
        stale_debts: lines.stale.debts,
        stale_markets: lines.stale.markets,
        state: account.state,
        balances: used(&account.balances, |b| b.shares.is_zero())
            .map(|balance| balance_health(&view, account, balance))
            .collect::<Result<_>>()?,
        perps: used(&account.perps, |p| p.is_free())
            .map(|perp| perp_health(&view, account, perp))
            .collect::<Result<_>>()?,
    })
}

fn used<T>(slots: &[T], free: impl Fn(&T) -> bool) -> impl Iterator<Item = &T> {
    slots.iter().filter(move |slot| !free(slot))
}

#[inline(never)]
fn balance_health(
    view: &RiskView,
    account: &MarginAccount,
    balance: &Balance,
) -> Result<BalanceHealth> {
    let part = Portfolio {
        balances: core::slice::from_ref(balance),
        perps: &[],
        ..portfolio(account)
    };
    let entry = view.assets.get(usize::from(balance.asset)).or_refuse()?;
    let indices = Indices {
        deposit: entry.deposit_index,
        borrow: entry.borrow_index,
    };
    Ok(BalanceHealth {
        asset: narrow(balance.asset)?,
        native: balance.native(indices).or_refuse()?,
        init: health_of(view, &part, HealthKind::Init)?,
        maintenance: health_of(view, &part, HealthKind::Maint)?,
    })
}

#[inline(never)]
fn perp_health(
    view: &RiskView,
    account: &MarginAccount,
    perp: &PerpPosition,
) -> Result<PerpHealth> {
    let part = Portfolio {
        balances: &[],
        perps: core::slice::from_ref(perp),
        ..portfolio(account)
    };
    let entry = view.markets.get(usize::from(perp.market)).or_refuse()?;
    Ok(PerpHealth {
        market: narrow(perp.market)?,
        position: perp.position.0,
        pnl: saturated(perp_equity(perp, entry).or_refuse()?),
        init: health_of(view, &part, HealthKind::Init)?,
        maintenance: health_of(view, &part, HealthKind::Maint)?,
    })
}

/// Health of a kind under the policy of those who ask for it.
#[inline(never)]
fn health_of(view: &RiskView, portfolio: &Portfolio, kind: HealthKind) -> Result<i64> {
    let policy = match kind {
        HealthKind::Init => Policy::Strict,
        _ => Policy::BenefitOfDoubt,
    };
    let health = AccountMargin::health(view, portfolio, kind, policy).or_refuse()?;
    Ok(saturated(health.value))
}

/// An index below 64 as a byte, which keeps the report within what a program can return.
fn narrow(index: u16) -> Result<u8> {
    u8::try_from(index).map_err(|_| PlimsollError::Overflow.into())
}

fn saturated(value: i128) -> i64 {
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
