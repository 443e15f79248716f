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
        max_refresh_slots: u32::MAX,
        doubts_broken: false,
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

/// What one market slot, with its orders, adds to Init and to Maint health.
#[derive(Clone, Copy)]
pub struct PerpPart {
    init: i128,
    maint: i128,
}

impl PerpPart {
    /// True when neither health was higher before. Init alone would let an account that owes its solvency to a profit,
    /// which Init does not count, hand that profit to somebody else in a trade that reduces its position.
    fn is_no_lower_than(self, before: Self) -> bool {
        self.init >= before.init && self.maint >= before.maint
    }
}

/// Contribution of one market slot, with its orders, as of now.
pub fn perp_part(state: &RiskState, account: &MarginAccount, slot: usize) -> Result<PerpPart> {
    let perp = account.perps.get(slot).or_refuse()?;
    if perp.is_free() {
        return Ok(PerpPart { init: 0, maint: 0 });
    }
    let entry = state.market(perp.market)?;
    let part = |kind| risk::standard::perp_value(kind, perp, &account.orders, entry).or_refuse();
    Ok(PerpPart {
        init: part(HealthKind::Init)?,
        maint: part(HealthKind::Maint)?,
    })
}

/// For a trade that turned the market slot's part from `before` into `after`: passes when it lowered neither Init nor
/// Maint health and leaves the latter at zero or above, otherwise as [`require_init`]. An account in liquidation, or
/// due for it, always needs Init health: a trade may hand over as much as the maintenance margin that it sets free, and
/// such an account no longer owns that much.
pub fn require_init_unless_reduced(
    state: &RiskState,
    account: &mut MarginAccount,
    before: PerpPart,
    after: PerpPart,
    clock: &Clock,
) -> Result<()> {
    if after.is_no_lower_than(before)
        && account.state == account_state::ACTIVE
        && is_maintained(state, account, clock)?
    {
        return Ok(());
    }
    require_init(state, account, clock)
}

/// Whether Maint health is at least zero, stale entries counted as a liquidation counts them.
#[inline(never)]
fn is_maintained(state: &RiskState, account: &MarginAccount, clock: &Clock) -> Result<bool> {
    let health = StandardMargin::health(
        &view(state, clock),
        &portfolio(account),
        HealthKind::Maint,
        Policy::BenefitOfDoubt,
    )
    .or_refuse()?;
    Ok(health.value >= 0)
}

/// Passes when Init health is at least zero, which also ends a liquidation; refuses on a stale entry that the account
/// needs.
#[inline(never)]
pub fn require_init(state: &RiskState, account: &mut MarginAccount, clock: &Clock) -> Result<()> {
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
