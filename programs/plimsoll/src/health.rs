//! Health of margin accounts: hands accounts to the risk crate and turns its answers into refusals.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    self as risk, Assessment, HealthKind, MarginModel, Policy, Portfolio, RiskView, StandardMargin,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    state::{margin_account::account_state, MarginAccount, RiskState},
};

/// The chain's clock as the risk crate takes it.
pub fn clock_of(clock: &Clock) -> risk::Clock {
    risk::Clock {
        now: clock.unix_timestamp,
        slot: clock.slot,
    }
}

/// The market-wide numbers at this time.
pub fn view<'a>(state: &'a RiskState, clock: &Clock) -> RiskView<'a> {
    let assets = usize::from(state.asset_count);
    let markets = usize::from(state.market_count);
    RiskView {
        assets: state.assets.get(..assets).unwrap_or(&state.assets),
        markets: state.markets.get(..markets).unwrap_or(&state.markets),
        clock: clock_of(clock),
    }
}

/// The account's side of a health question.
pub fn portfolio(account: &MarginAccount) -> Portfolio<'_> {
    Portfolio {
        balances: &account.balances,
        perps: &account.perps,
        orders: &account.orders,
    }
}

/// All healths and equity in one pass.
#[inline(never)]
pub fn assess(
    state: &RiskState,
    account: &MarginAccount,
    policy: Policy,
    clock: &Clock,
) -> Result<Assessment> {
    StandardMargin::assess(&view(state, clock), &portfolio(account), policy).or_refuse()
}

/// What an action did to the slots that it touched, at Init: their joint contribution before and after. Taken with
/// [`balance_part`] and [`perp_part`] around the action.
#[derive(Clone, Copy, Default)]
pub struct Touched {
    pub before: i128,
    pub after: i128,
}

impl Touched {
    /// True when Init health did not fall.
    pub fn lowers_nothing(&self) -> bool {
        self.after >= self.before
    }
}

/// Contribution of one balance slot to Init health.
pub fn balance_part(state: &RiskState, account: &MarginAccount, slot: usize) -> Result<i128> {
    let balance = account.balances.get(slot).or_refuse()?;
    if balance.is_free() || balance.shares.is_zero() {
        return Ok(0);
    }
    Ok(risk::standard::balance_value(
        HealthKind::Init,
        balance,
        state.asset(balance.asset)?,
    ))
}

/// Contribution of one market slot, with its orders, to Init health.
pub fn perp_part(state: &RiskState, account: &MarginAccount, slot: usize) -> Result<i128> {
    let perp = account.perps.get(slot).or_refuse()?;
    if perp.is_free() {
        return Ok(0);
    }
    risk::standard::perp_value(
        HealthKind::Init,
        perp,
        &account.orders,
        state.market(perp.market)?,
    )
    .or_refuse()
}

/// Passes when Init health is at least zero, or when the action did not lower it; refuses on a stale entry that the
/// account needs. An account in liquidation passes only with Init health of at least zero, which also ends the
/// liquidation.
#[inline(never)]
pub fn require_init(
    state: &RiskState,
    account: &mut MarginAccount,
    touched: Touched,
    clock: &Clock,
) -> Result<()> {
    let flagged = account.state != account_state::ACTIVE;
    if touched.lowers_nothing() && !flagged {
        return Ok(());
    }
    let health = StandardMargin::health(
        &view(state, clock),
        &portfolio(account),
        HealthKind::Init,
        Policy::Strict,
    )
    .or_refuse()?;
    if let Some(entry) = health.stale.blocking() {
        msg!("stale: {:?}", entry);
        return err!(PlimsollError::StaleEntry);
    }
    require!(health.value >= 0, PlimsollError::InsufficientHealth);
    account.clear_liquidation();
    Ok(())
}
