//! Fills the risk report from the risk state and an account, by the program's own engine.
use anchor_lang::prelude::{Clock, Error, Pubkey};
use plimsoll::{
    error::OrRefuse,
    health::{portfolio, view},
    state::{MarginAccount, RiskState},
};
use plimsoll_risk::{
    portfolio::{self as model, ScenarioLosses, DAYS, SHOCK_BITS, WEIGHT_ONE},
    HealthKind, PortfolioMargin, Purpose,
};

use super::{
    document::{
        Amount, Balance, Binding, CrashDay, Factor, Feed, Health, Insolvency, Line, Lines, Model,
        Perp, Requirement, Requirements, RiskReport, Scenario, Stale, VERSION,
    },
    groups::{ratios, text, uncovered, underlyings},
    names::Names,
    probability::{normal_tail, student_tail, DEGREES},
};
use crate::health::{lines, HealthLines, Mode, StaleKind, BASIS_POINTS};

impl RiskReport {
    /// The report of the account at this address, at a time.
    ///
    /// # Errors
    /// The program's, when the account names an entry that the risk state does not hold or a number does not fit.
    pub fn of(
        risk: &RiskState,
        address: &Pubkey,
        account: &MarginAccount,
        names: &Names,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let lines = lines(risk, account, clock)?;
        let told = if risk.model.is_on() {
            Some(of_model(risk, account, lines.mode, clock)?)
        } else {
            None
        };
        Ok(Self {
            version: VERSION,
            exchange: account.exchange.to_string(),
            account: address.to_string(),
            owner: account.owner.to_string(),
            sub_account: account.sub_account,
            slot: clock.slot.into(),
            time: clock.unix_timestamp.into(),
            mode: lines.mode,
            liquidating: lines.liquidating,
            health: health(&lines),
            balances: balances(&lines, names),
            perps: perps(&lines, names),
            stale: stale(&lines, names),
            feeds: feeds(&lines, risk),
            underlyings: underlyings(risk, account, names, clock)?,
            model: told,
        })
    }
}

fn health(lines: &HealthLines) -> Health {
    let part = |points: Option<i64>| points.map(|points| points as f64 / BASIS_POINTS as f64);
    let distance = lines.maintenance as f64 / lines.equity as f64;
    Health {
        init: lines.init.into(),
        liquidation_end: lines.liquidation_end.into(),
        maintenance: lines.maintenance.into(),
        equity: lines.equity.into(),
        init_requirement: lines.init_requirement.into(),
        maintenance_requirement: lines.maintenance_requirement.into(),
        distance: (lines.equity > 0).then_some(distance),
        notional: lines.notional.into(),
        leverage: part(lines.leverage),
        margin_use: part(lines.margin_use),
        maintenance_use: part(lines.maintenance_use),
    }
}

fn balances(lines: &HealthLines, names: &Names) -> Vec<Balance> {
    let balance = |part: &crate::health::BalancePart| Balance {
        asset: part.asset,
        name: names.asset(part.asset),
        native: part.native.into(),
        init: part.init.into(),
        maintenance: part.maintenance.into(),
    };
    lines.balances.iter().map(balance).collect()
}

fn perps(lines: &HealthLines, names: &Names) -> Vec<Perp> {
    let perp = |part: &crate::health::PerpPart| Perp {
        market: part.market,
        name: names.market(part.market),
        position: part.position.into(),
        pnl: part.pnl.into(),
        init: part.init.into(),
        maintenance: part.maintenance.into(),
    };
    lines.perps.iter().map(perp).collect()
}

fn stale(lines: &HealthLines, names: &Names) -> Vec<Stale> {
    let entry = |stale: &crate::health::Stale| Stale {
        kind: stale.kind,
        index: stale.index,
        name: match stale.kind {
            StaleKind::Market => names.market(stale.index),
            StaleKind::Deposit | StaleKind::Debt => names.asset(stale.index),
        },
        feed: stale.feed,
        age_seconds: stale.age_seconds.into(),
        max_age_seconds: stale.max_age_seconds,
        blocks: stale.blocks,
    };
    lines.stale.iter().map(entry).collect()
}

fn feeds(lines: &HealthLines, risk: &RiskState) -> Vec<Feed> {
    let of = |health: &crate::health::FeedHealth| Feed {
        feed: health.feed,
        name: risk
            .feed(health.feed)
            .map_or_else(|_| String::new(), |feed| text(&feed.name)),
        age_ms: health.age_ms.into(),
        trades: health.trades,
        pays: health.pays,
        seizes: health.seizes,
        broken: health.broken,
        refused: health.refused,
        doubted_ms: health.doubted_ms.into(),
        doubt_seconds: health.doubt_seconds,
    };
    lines.feeds.iter().map(of).collect()
}

fn of_model(
    risk: &RiskState,
    account: &MarginAccount,
    mode: Mode,
    clock: &Clock,
) -> Result<Model, Error> {
    let mut report = model::RiskReport::default();
    PortfolioMargin::report(
        &view(risk, clock, Purpose::Trade),
        &portfolio(account),
        &mut report,
    )
    .or_refuse()?;
    Ok(Model {
        applies: mode == Mode::Portfolio,
        lines: Lines {
            init: line(&report, HealthKind::Init),
            liquidation_end: line(&report, HealthKind::LiquidationEnd),
            maintenance: line(&report, HealthKind::Maint),
        },
        requirement: Requirements {
            init: requirement(&report.current),
            liquidation_end: requirement(&report.binding),
        },
        factors: factors(risk, &report.current),
        scenarios: scenarios(risk, &report.current.losses),
        crash_days: crash_days(&report.current),
        insolvency: insolvency(
            report.equity,
            report.current.deviation,
            uncovered(risk, account)?,
        ),
    })
}

fn line(report: &model::RiskReport, kind: HealthKind) -> Line {
    Line {
        value: kind.of(&report.value).into(),
        requirement: kind.of(&report.requirement).into(),
        health: report.health(kind).into(),
    }
}

fn requirement(measure: &model::Measure) -> Requirement {
    let parts = &measure.parts;
    Requirement {
        model: amount(parts.model),
        isolated: amount(parts.isolated),
        gross_floor: amount(parts.gross_floor),
        linear: amount(parts.linear),
        shortfall: amount(parts.shortfall),
        crash: amount(parts.crash),
        liquidity: amount(parts.liquidity),
        basis: amount(parts.basis),
        depeg: amount(parts.depeg),
        confidence: amount(parts.confidence),
        total: amount(parts.total()),
        binding: binding(measure.binding),
    }
}

/// The parts of a requirement are below 2¹⁰⁰.
fn amount(part: u128) -> Amount {
    Amount(i128::try_from(part).unwrap_or(i128::MAX))
}

fn binding(of: model::Binding) -> Binding {
    match of {
        model::Binding::Nothing => Binding::Nothing,
        model::Binding::Linear => Binding::Linear,
        model::Binding::GrossFloor => Binding::GrossFloor,
        model::Binding::Shortfall => Binding::Shortfall,
        model::Binding::CrashDay(day) => Binding::CrashDay {
            date: DAYS
                .get(usize::from(day))
                .map(|day| day.date.to_owned())
                .unwrap_or_default(),
        },
    }
}

fn factors(risk: &RiskState, measure: &model::Measure) -> Vec<Factor> {
    let count = risk.model.params.factor_count;
    let known = risk
        .underlyings
        .iter()
        .take(usize::from(risk.underlying_count));
    let driver = |number: u8| {
        let mut known = known.clone();
        let driver = known.find(|underlying| underlying.params.factor == number);
        driver.map(|driver| text(&driver.params.name))
    };
    (1..=count)
        .zip(measure.factors.iter().zip(risk.model.factors))
        .map(|(number, ((low, high), factor))| Factor {
            number,
            driver: driver(number),
            low: (*low).into(),
            high: (*high).into(),
            volatility: ratios(factor.volatility),
        })
        .collect()
}

fn scenarios(risk: &RiskState, losses: &ScenarioLosses) -> Vec<Scenario> {
    let factors = usize::from(risk.model.params.factor_count);
    let shock = |places: i16| f64::from(places) / f64::from(1u32 << SHOCK_BITS);
    let worst = worst_quarter(losses);
    let told = risk.model.params.scenarios().iter().zip(losses.losses);
    told.zip(worst)
        .map(|((scenario, loss), worst)| Scenario {
            shocks: scenario
                .shocks
                .iter()
                .take(factors)
                .map(|places| shock(*places))
                .collect(),
            volatility: shock(scenario.volatility),
            weight: f64::from(scenario.weight) / f64::from(WEIGHT_ONE),
            loss: loss.into(),
            worst,
        })
        .collect()
}

/// Which scenarios the shortfall is the mean of; the first of equals.
fn worst_quarter(losses: &ScenarioLosses) -> Vec<bool> {
    let mut order: Vec<usize> = (0..losses.count).collect();
    order.sort_by_key(|i| losses.losses.get(*i).map_or(0, |loss| -i128::from(*loss)));
    order.truncate(losses.count.div_ceil(4));
    (0..losses.count).map(|i| order.contains(&i)).collect()
}

fn crash_days(measure: &model::Measure) -> Vec<CrashDay> {
    let day = |(day, loss): (&model::CrashDay, &i64)| CrashDay {
        date: day.date.to_owned(),
        name: day.name.to_owned(),
        loss: (*loss).into(),
    };
    DAYS.iter().zip(&measure.days).map(day).collect()
}

fn insolvency(equity: i128, deviation: u64, uncovered: i128) -> Insolvency {
    let moves = deviation > 0;
    let distance = if moves {
        equity as f64 / deviation as f64
    } else if equity < 0 {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    };
    Insolvency {
        source: "model".to_owned(),
        horizon_days: 1,
        deviation: deviation.into(),
        distance: moves.then_some(distance),
        normal: normal_tail(distance),
        student: student_tail(distance),
        degrees: DEGREES,
        uncovered: uncovered.into(),
    }
}
