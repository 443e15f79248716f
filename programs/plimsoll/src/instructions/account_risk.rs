//! Answers, as return data, what the portfolio model says of an account: deltas, losses, the parts of what is required and
//! which of them decides. Changes nothing.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    portfolio::{
        Binding, Exposures, Measure, RiskReport, MAX_EXPOSURES, MAX_FACTORS, MAX_SCENARIOS,
    },
    HealthKind, PortfolioMargin, Purpose,
};

use super::account_health::{saturated, MAX_RETURN_DATA};
use crate::{
    error::{OrRefuse, PlimsollError},
    gates,
    health::{portfolio, view},
    state::{MarginAccount, RiskState},
};

#[derive(Accounts)]
pub struct AccountRisk<'info> {
    pub risk_state: AccountLoader<'info, RiskState>,
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

/// What portfolio margin says of an account, whichever mode it is in; native quote, what does not fit 64 bits is held at
/// their ends. A line is what its kind counts less what it requires. Init as trades see it: a stale deposit counts
/// nothing; the other lines as liquidators do: a stale entry counts in the account's favour.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountRiskReport {
    /// The account's own mode, a [`plimsoll_risk::MarginMode`]: the model binds it only in portfolio margin.
    pub margin_mode: u8,
    /// Health by kind: Init, LiquidationEnd, Maint. The last is the distance to liquidation.
    pub health: [i64; 3],
    /// What each kind requires; health and it add up to what the kind counts.
    pub requirement: [i64; 3],
    /// What closing everything at spot would leave.
    pub equity: i64,
    /// Maint health by equity, basis points: the part of the account that may be lost before its liquidation. Zero
    /// without equity.
    pub distance: i32,
    /// What Init requires came from; at the current volatilities.
    pub init: RequirementParts,
    /// What LiquidationEnd requires came from; at the binding volatilities. Maint requires a fixed part of it.
    pub liquidation_end: RequirementParts,
    /// Delta to each factor, least and most over what resting orders may do.
    pub factors: [DeltaInterval; MAX_FACTORS],
    /// Delta to each underlying that the account is exposed to.
    pub deltas: Vec<UnderlyingDelta>,
    /// Weighted loss in each of the model's scenarios, at the current volatilities; negative for a gain.
    pub scenario_losses: Vec<i64>,
}

/// The parts of a requirement: `max(linear, shortfall, crash)` and, on top, the other add-ons.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequirementParts {
    /// The factor model alone.
    pub model: i64,
    /// As if nothing hedged anything.
    pub isolated: i64,
    /// The least part of the gross delta.
    pub gross_floor: i64,
    /// Model and isolated mixed, at least the gross floor.
    pub linear: i64,
    /// Mean of the worst quarter of the scenarios.
    pub shortfall: i64,
    /// The exchange's part of the loss on the worst named crash day.
    pub crash: i64,
    /// For sizes beyond the depth of their market.
    pub liquidity: i64,
    /// For longs that only shorts of the same underlying hedge.
    pub basis: i64,
    /// For the peg of the quote asset.
    pub depeg: i64,
    /// For the uncertainty of prices; Init only.
    pub confidence: i64,
    /// What decides the maximum.
    pub binding: Binding,
}

/// A delta over what resting orders may do.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeltaInterval {
    pub low: i64,
    pub high: i64,
}

/// An account's delta to an underlying.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnderlyingDelta {
    /// Number of the underlying, from 1.
    pub underlying: u8,
    /// After every order that sells has filled.
    pub low: i64,
    /// After every order that buys has filled.
    pub high: i64,
}

/// Borsh writes a crash day with its number.
const PARTS: usize = 10 * 8 + 2;
const HEADER: usize = 1 + 7 * 8 + 4 + 2 * PARTS + MAX_FACTORS * 16 + 2 * 4;
const DELTA: usize = 1 + 2 * 8;
const LARGEST: usize = HEADER + MAX_EXPOSURES * DELTA + MAX_SCENARIOS * 8;
const _: () = assert!(LARGEST <= MAX_RETURN_DATA);

/// For wallets by simulation and for programs by call; also before an account switches to portfolio margin.
#[inline(never)]
pub(crate) fn account_risk(ctx: Context<AccountRisk>) -> Result<AccountRiskReport> {
    let clock = Clock::get()?;
    let risk = ctx.accounts.risk_state.load()?;
    let account = ctx.accounts.margin_account.load()?;
    require_keys_eq!(
        account.exchange,
        risk.exchange,
        PlimsollError::WrongExchange
    );
    gates::ACCOUNT_RISK
        .exchange(risk.mode)?
        .account(account.state)?;
    risk_report(&risk, &account, &clock)
}

/// The report of an account, accounts and clock given.
#[inline(never)]
pub fn risk_report(
    risk: &RiskState,
    account: &MarginAccount,
    clock: &Clock,
) -> Result<AccountRiskReport> {
    require!(risk.model.is_on(), PlimsollError::NoPortfolioModel);
    let mut measured = measure();
    PortfolioMargin::report(
        &view(risk, clock, Purpose::Trade),
        &portfolio(account),
        &mut measured,
    )
    .or_refuse()?;
    let health = HealthKind::ALL.map(|kind| saturated(measured.health(kind)));
    let equity = saturated(measured.equity);
    Ok(AccountRiskReport {
        margin_mode: account.margin_mode,
        health,
        requirement: measured.requirement.map(saturated),
        equity,
        distance: distance(HealthKind::Maint.of(&health), equity),
        init: parts(&measured.current),
        liquidation_end: parts(&measured.binding),
        factors: measured
            .current
            .factors
            .map(|(low, high)| DeltaInterval { low, high }),
        deltas: deltas(&measured.exposures),
        scenario_losses: losses(&measured.current),
    })
}

/// An empty measurement, off the stack.
#[inline(never)]
fn measure() -> Box<RiskReport> {
    Box::default()
}

/// `maintenance / equity` in basis points, rounded down.
fn distance(maintenance: i64, equity: i64) -> i32 {
    if equity <= 0 {
        return 0;
    }
    let points = i128::from(maintenance)
        .saturating_mul(10_000)
        .div_euclid(i128::from(equity));
    let limit = if points < 0 { i32::MIN } else { i32::MAX };
    i32::try_from(points).unwrap_or(limit)
}

#[inline(never)]
fn parts(measure: &Measure) -> RequirementParts {
    let from = &measure.parts;
    RequirementParts {
        model: held(from.model),
        isolated: held(from.isolated),
        gross_floor: held(from.gross_floor),
        linear: held(from.linear),
        shortfall: held(from.shortfall),
        crash: held(from.crash),
        liquidity: held(from.liquidity),
        basis: held(from.basis),
        depeg: held(from.depeg),
        confidence: held(from.confidence),
        binding: measure.binding,
    }
}

fn held(part: u128) -> i64 {
    i64::try_from(part).unwrap_or(i64::MAX)
}

fn deltas(exposures: &Exposures) -> Vec<UnderlyingDelta> {
    let delta = |item: &plimsoll_risk::portfolio::Exposure| UnderlyingDelta {
        underlying: item.underlying,
        low: item.low,
        high: item.high,
    };
    exposures.items().iter().map(delta).collect()
}

fn losses(measure: &Measure) -> Vec<i64> {
    let losses = &measure.losses;
    losses.losses.iter().take(losses.count).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_report_fits_and_reads_back() {
        let parts = RequirementParts {
            binding: Binding::CrashDay(7),
            ..RequirementParts::default()
        };
        let report = AccountRiskReport {
            init: parts,
            liquidation_end: parts,
            deltas: vec![UnderlyingDelta::default(); MAX_EXPOSURES],
            scenario_losses: vec![-1; MAX_SCENARIOS],
            ..AccountRiskReport::default()
        };
        let mut bytes = Vec::new();
        report.serialize(&mut bytes).unwrap();
        assert_eq!(bytes.len(), LARGEST);
        assert!(bytes.len() <= MAX_RETURN_DATA);
        assert_eq!(AccountRiskReport::try_from_slice(&bytes).unwrap(), report);
    }

    #[test]
    fn the_distance_is_a_part_of_what_is_owned() {
        assert_eq!(distance(50, 200), 2_500);
        assert_eq!(distance(-1, 3), -3_334);
        assert_eq!(distance(5, 0), 0);
        assert_eq!(distance(i64::MIN, 1), i32::MIN);
    }
}
