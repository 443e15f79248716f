//! Health, the risk report, liquidation prices and stress.
use plimsoll::state::MarginAccount;
use plimsoll_client::{
    errors, health,
    report::{Names, RiskReport},
    stress::{self, Crossings, Line, Move, Scenario, Stable, Underlying},
};
use serde::{Deserialize, Serialize};

use crate::{
    input::{Address, At, Part, Parts},
    output::{json, Answer},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HealthInput {
    risk_state: Part,
    margin_account: Part,
    clock: At,
}

/// The lines of an account and what each slot adds to them.
pub fn health(parts: &Parts) -> Answer {
    let input: HealthInput = parts.header()?;
    let risk = input.clock.risk(parts, input.risk_state)?;
    let account = parts.account::<MarginAccount>(input.margin_account)?;
    let lines = health::lines(&risk, &account, &input.clock.clock())?;
    json(&lines)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportInput {
    risk_state: Part,
    margin_account: Part,
    clock: At,
    /// Of the margin account.
    address: Address,
    /// Names of assets by index; what is not named is called by its index.
    #[serde(default)]
    asset_names: Vec<String>,
    /// Names of markets by index.
    #[serde(default)]
    market_names: Vec<String>,
    /// Tells what the report would be in this mode, whichever the account is in.
    #[serde(default)]
    mode: Option<health::Mode>,
}

/// The risk report of an account: the document that bots and risk desks share.
pub fn risk_report(parts: &Parts) -> Answer {
    let input: ReportInput = parts.header()?;
    let risk = input.clock.risk(parts, input.risk_state)?;
    let mut account = parts.account::<MarginAccount>(input.margin_account)?;
    if let Some(mode) = input.mode {
        account.margin_mode = mode.byte();
    }
    let names = Names {
        assets: input.asset_names,
        markets: input.market_names,
    };
    let clock = input.clock.clock();
    json(&RiskReport::of(
        &risk,
        &input.address.0,
        &account,
        &names,
        &clock,
    )?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PricesInput {
    risk_state: Part,
    margin_account: Part,
    clock: At,
    underlyings: Vec<Underlying>,
    #[serde(default)]
    lines: Option<Vec<Line>>,
    #[serde(default)]
    stable: Stable,
}

/// A crossing in numbers for a screen.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Crossing {
    line: Line,
    /// Whether the line is below zero now.
    crossed: bool,
    /// Factor of the price at which it changes sides, on the way down.
    below: Option<f64>,
    /// The same on the way up.
    above: Option<f64>,
}

impl From<Crossings> for Crossing {
    fn from(found: Crossings) -> Self {
        Self {
            line: found.line,
            crossed: found.crossed,
            below: found.below.map(number),
            above: found.above.map(number),
        }
    }
}

/// For each underlying, where the lines asked for (maintenance by default) cross zero.
pub fn liquidation_prices(parts: &Parts) -> Answer {
    let input: PricesInput = parts.header()?;
    let risk = input.clock.risk(parts, input.risk_state)?;
    let account = parts.account::<MarginAccount>(input.margin_account)?;
    let clock = input.clock.clock();
    let lines = input.lines.unwrap_or_else(|| vec![Line::Maintenance]);
    let mut answer: Vec<Vec<Crossing>> = Vec::with_capacity(input.underlyings.len());
    for of in &input.underlyings {
        let found = stress::crossings(&risk, &account, of, input.stable, &lines, &clock)?;
        answer.push(found.into_iter().map(Crossing::from).collect());
    }
    json(&answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StressInput {
    risk_state: Part,
    margin_account: Part,
    clock: At,
    scenarios: Vec<ScenarioInput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScenarioInput {
    name: String,
    moves: Vec<MoveInput>,
    #[serde(default)]
    stable: Stable,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoveInput {
    of: Underlying,
    factor: f64,
}

/// Health under each scenario.
pub fn stress(parts: &Parts) -> Answer {
    let input: StressInput = parts.header()?;
    let risk = input.clock.risk(parts, input.risk_state)?;
    let account = parts.account::<MarginAccount>(input.margin_account)?;
    let scenarios: Vec<Scenario> = input.scenarios.into_iter().map(scenario).collect();
    json(&stress::table(
        &risk,
        &account,
        &scenarios,
        &input.clock.clock(),
    )?)
}

fn scenario(from: ScenarioInput) -> Scenario {
    let step = |step: MoveInput| Move {
        of: step.of,
        factor: factor(step.factor),
    };
    Scenario {
        name: from.name,
        moves: from.moves.into_iter().map(step).collect(),
        stable: from.stable,
    }
}

/// A factor of a price as the fixed-point number that moves it; what is negative or not a number is zero.
fn factor(number: f64) -> u64 {
    (number * stress::ONE as f64).round() as u64
}

/// A fixed-point factor as a number.
fn number(factor: u64) -> f64 {
    factor as f64 / stress::ONE as f64
}

#[derive(Deserialize)]
struct ErrorInput {
    code: u32,
}

#[derive(Serialize)]
struct ErrorOutput {
    name: Option<String>,
    message: String,
}

/// Name and message of a custom error code.
pub fn describe_error(parts: &Parts) -> Answer {
    let input: ErrorInput = parts.header()?;
    let refusal = errors::from_code(input.code);
    json(&ErrorOutput {
        name: refusal.map(|refusal| refusal.name()),
        message: refusal.map_or_else(
            || errors::describe(input.code),
            |refusal| refusal.to_string(),
        ),
    })
}
