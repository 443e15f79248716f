//! The risk report on random accounts: it keeps to its schema and agrees with health.
use std::{fs, path::Path};

use anchor_lang::prelude::Pubkey;
use plimsoll::{
    account_risk::risk_report,
    health::{portfolio, view},
    state::{MarginAccount, RiskState},
};
use plimsoll_client::{
    health::{lines, Mode},
    report::{Amount, Names, RiskReport},
    stress::{with_prices, Move, Scenario, Stable, Underlying, ONE},
};
use plimsoll_risk::{AccountMargin, HealthKind, MarginModel, Policy, Purpose};
use serde_json::Value;

mod common;
use common::{now, Dice};

const SCHEMA: &str = "../../docs/risk-report.schema.json";
const EXAMPLE: &str = "../../docs/risk-report.example.json";

fn names() -> Names {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Names {
        assets: owned(&["USDC", "SOL", "BTC", "BONK"]),
        markets: owned(&["SOL-PERP", "BTC-PERP", "GOLD-PERP"]),
    }
}

fn report(risk: &RiskState, account: &MarginAccount) -> RiskReport {
    let address = Pubkey::new_from_array([3; 32]);
    RiskReport::of(risk, &address, account, &names(), &now()).unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_report_keeps_to_the_schema_and_reads_back() {
    let schema: Value = serde_json::from_str(&read(SCHEMA)).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut dice = Dice(11);
    for round in 0..120 {
        let mut risk = dice.risk();
        let account = dice.account(&risk);
        if round % 10 == 0 {
            risk.model.params.scenario_count = 0;
        }
        if round % 7 == 0 {
            risk.assets[1].price.published_ms -= 1_000_000;
            risk.markets[0].price.published_ms -= 1_000_000;
        }
        let report = report(&risk, &account);
        let json = serde_json::to_value(&report).unwrap();
        if let Err(error) = validator.validate(&json) {
            panic!("{} at {}: {json:#}", error, error.instance_path);
        }
        let text = serde_json::to_string(&report).unwrap();
        let read: RiskReport = serde_json::from_str(&text).unwrap();
        assert_same(&serde_json::to_value(read).unwrap(), &json);
        assert_eq!(report.model.is_some(), round % 10 != 0);
        assert_eq!(report.stale.is_empty(), round % 7 != 0);
        assert!(report.feeds.iter().all(|feed| feed.name.starts_with('F')));
        assert_eq!(report.feeds.iter().all(|feed| feed.trades), round % 7 != 0);
    }
}

/// Equal but for the last digit that a reader of JSON may lose of a number.
fn assert_same(found: &Value, known: &Value) {
    match (found, known) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= b.abs() * 1e-14, "{a} {b}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| assert_same(a, b));
        }
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()));
            a.values()
                .zip(b.values())
                .for_each(|(a, b)| assert_same(a, b));
        }
        (a, b) => assert_eq!(a, b),
    }
}

#[test]
fn a_report_out_of_shape_is_refused_by_the_schema() {
    let schema: Value = serde_json::from_str(&read(SCHEMA)).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut dice = Dice(12);
    let risk = dice.risk();
    let good = serde_json::to_value(report(&risk, &dice.account(&risk))).unwrap();
    assert!(validator.is_valid(&good));
    let spoilt = |pointer: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        !validator.is_valid(&bad)
    };
    assert!(spoilt("/health/init", Value::from(5)));
    assert!(spoilt("/mode", Value::from("cross")));
    assert!(spoilt("/model/insolvency/normal", Value::from(1.5)));
    assert!(spoilt(
        "/model/requirement/init/binding",
        Value::from("linear")
    ));
    assert!(spoilt("/underlyings/0/number", Value::from(0)));
}

#[test]
fn the_report_agrees_with_health_and_with_the_chain() {
    let mut dice = Dice(13);
    for _ in 0..150 {
        let risk = dice.risk();
        let account = dice.account(&risk);
        let report = report(&risk, &account);
        let model = report.model.as_ref().unwrap();
        let (view, whole) = (view(&risk, &now(), Purpose::Trade), portfolio(&account));
        let health = |kind, policy| AccountMargin::health(&view, &whole, kind, policy).unwrap();
        let init = health(HealthKind::Init, Policy::Strict).value;
        let maintenance = health(HealthKind::Maint, Policy::BenefitOfDoubt).value;
        assert_eq!(report.health.init, Amount(init));
        assert_eq!(report.health.maintenance, Amount(maintenance));
        if report.mode == Mode::Portfolio {
            assert!(model.applies);
            assert_eq!(model.lines.init.health, Amount(init));
            assert_eq!(model.lines.maintenance.health, Amount(maintenance));
            assert_eq!(model.lines.init.requirement, report.health.init_requirement);
        }
        let parts = report.balances.iter().map(|part| part.init.0);
        let parts: i128 = parts
            .chain(report.perps.iter().map(|part| part.init.0))
            .sum();
        assert_eq!(parts - report.health.init_requirement.0, init);

        let chain = risk_report(&risk, &account, &now()).unwrap();
        let totals = chain.requirement.map(|total| Amount(total.into()));
        let lines = [
            &model.lines.init,
            &model.lines.liquidation_end,
            &model.lines.maintenance,
        ];
        assert_eq!(lines.map(|line| line.requirement), totals);
        assert_eq!(
            lines.map(|line| line.health),
            chain.health.map(Amount::from)
        );
        // The engines round a balance's value per share and per token.
        assert!((report.health.equity.0 - i128::from(chain.equity)).abs() <= 32);
        for delta in &chain.deltas {
            let mut told = report.underlyings.iter();
            let told = told.find(|told| told.number == Some(delta.underlying));
            let told = &told.unwrap().delta;
            // The engine widens every holding's interval by what rounding may have taken.
            assert!((0..=32).contains(&(told.low.0 - i128::from(delta.low)).abs()));
            assert!((0..=32).contains(&(told.high.0 - i128::from(delta.high)).abs()));
        }
    }
}

#[test]
fn maintenance_changes_sides_at_the_liquidation_prices() {
    let mut dice = Dice(14);
    let mut found = 0;
    for _ in 0..60 {
        let risk = dice.risk();
        let account = dice.account(&risk);
        for told in report(&risk, &account).underlyings {
            let of = Underlying {
                assets: told.assets,
                markets: told.markets,
            };
            let holds = |factor: f64| {
                let step = Move {
                    of: of.clone(),
                    factor: (factor * ONE as f64) as u64,
                };
                let scenario = Scenario {
                    name: String::new(),
                    moves: vec![step],
                    stable: Stable::Follows,
                };
                let moved = with_prices(&risk, &scenario, &now()).unwrap();
                lines(&moved, &account, &now()).unwrap().maintenance >= 0
            };
            let crossed = told.liquidation.crossed;
            for (at, inwards) in [
                (told.liquidation.below, 1.001),
                (told.liquidation.above, 0.999),
            ] {
                let Some(at) = at.filter(|at| (0.01..9.9).contains(at)) else {
                    continue;
                };
                found += 1;
                assert_eq!(holds(at), crossed, "{at}");
                if (at * inwards - 1.0).signum() == (at - 1.0).signum() {
                    assert_eq!(holds(at * inwards), !crossed, "{at}");
                }
            }
        }
    }
    assert!(found > 60, "{found}");
}

/// The example of the documents, kept as the report is.
#[test]
fn the_example_is_a_report() {
    let mut dice = Dice(30);
    let risk = dice.risk();
    let mut account = dice.account(&risk);
    account.margin_mode = Mode::Portfolio.byte();
    let mut text = serde_json::to_string_pretty(&report(&risk, &account)).unwrap();
    text.push('\n');
    if std::env::var_os("PLIMSOLL_WRITE_FIXTURES").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE);
        fs::write(path, &text).unwrap();
    }
    assert!(
        read(EXAMPLE) == text,
        "docs/risk-report.example.json is out of date: run this test with PLIMSOLL_WRITE_FIXTURES=1"
    );
}
