//! What the program and the client say of an account's risk: the parts of health and of what is required, in either mode.
use plimsoll::{error::PlimsollError, AccountRiskReport, HealthReport};
use plimsoll_client::{
    health::Mode,
    instructions as ix,
    report::{Amount, Binding, Names, RiskReport},
};
use plimsoll_risk::{portfolio, MarginMode};
use plimsoll_tests::{
    env::{BTC, ETH, SOL, SOL_PERP, USDC},
    portfolio::{BTC_UNDERLYING, SOL_UNDERLYING},
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::{reprice, SPOT};

/// What a client makes of the accounts.
async fn document(env: &Env, trader: &Trader) -> RiskReport {
    let (risk, account) = (env.risk().await, env.margin(trader.margin).await);
    let clock = env.clock().await;
    RiskReport::of(&risk, &trader.margin, &account, &Names::default(), &clock).unwrap()
}

/// The program's report, and the client's, which says the same.
async fn check(env: &mut Env, trader: &Trader) -> (AccountRiskReport, RiskReport) {
    let report = env.account_risk(trader).await;
    let document = document(env, trader).await;
    let model = document.model.as_ref().expect("a model");
    let lines = [
        &model.lines.init,
        &model.lines.liquidation_end,
        &model.lines.maintenance,
    ];
    assert_eq!(
        lines.map(|line| line.health),
        report.health.map(Amount::from)
    );
    let required = lines.map(|line| line.requirement);
    assert_eq!(required, report.requirement.map(Amount::from));
    for (parts, told) in [
        (&report.init, &model.requirement.init),
        (&report.liquidation_end, &model.requirement.liquidation_end),
    ] {
        let of = |part: i64| Amount(part.into());
        assert_eq!(of(parts.model), told.model);
        assert_eq!(of(parts.isolated), told.isolated);
        assert_eq!(of(parts.linear), told.linear);
        assert_eq!(of(parts.shortfall), told.shortfall);
        assert_eq!(of(parts.crash), told.crash);
        let base = parts.linear.max(parts.shortfall).max(parts.crash);
        let total = base + parts.liquidity + parts.basis + parts.depeg + parts.confidence;
        assert_eq!(of(total), told.total);
    }
    let losses: Vec<Amount> = model.scenarios.iter().map(|one| one.loss).collect();
    let told: Vec<Amount> = report
        .scenario_losses
        .iter()
        .map(|l| Amount(i128::from(*l)))
        .collect();
    assert_eq!(losses, told);
    let health = env.health(trader).await;
    check_parts(&health);
    assert_eq!(document.health.init, health.init.into());
    assert_eq!(document.health.maintenance, health.maintenance.into());
    if health.margin_mode == MarginMode::Portfolio as u8 {
        assert_eq!(
            report.health,
            [health.init, health.liquidation_end, health.maintenance]
        );
        assert_eq!(report.equity, health.equity);
        assert_eq!(report.requirement[0], health.init_requirement);
        assert_eq!(report.requirement[2], health.maintenance_requirement);
    }
    (report, document)
}

/// The slots' parts less the requirement are the line, to the unit.
fn check_parts(report: &HealthReport) {
    let init = report.balances.iter().map(|part| part.init);
    let init: i64 = init.chain(report.perps.iter().map(|part| part.init)).sum();
    assert_eq!(init - report.init_requirement, report.init);
    let maintenance = report.balances.iter().map(|part| part.maintenance);
    let maintenance: i64 = maintenance
        .chain(report.perps.iter().map(|part| part.maintenance))
        .sum();
    assert_eq!(
        maintenance - report.maintenance_requirement,
        report.maintenance
    );
}

#[tokio::test]
async fn a_hedge_is_reported_before_and_after_the_account_switches() {
    let mut env = Env::new().await;
    env.list_model().await;
    let maker = env.trader_with(&[(USDC, usd(1_000_000))]).await;
    let deposits = [
        (SOL, 100_000_000_000),
        (BTC, 20_000_000),
        (USDC, usd(5_000)),
    ];
    let trader = env.trader_with(&deposits).await;
    env.place(&maker, bid(SPOT, 10_000), &[]).await;
    env.place(&trader, ask(SPOT, 10_000), &[&maker]).await;
    env.place(&trader, bid(SPOT - 50, 2_000), &[]).await;

    let (standard, document) = check(&mut env, &trader).await;
    assert_eq!(standard.margin_mode, MarginMode::Standard as u8);
    assert!(!document.model.as_ref().unwrap().applies);
    env.set_margin_mode(&trader, MarginMode::Portfolio).await;
    let (report, document) = check(&mut env, &trader).await;
    assert_eq!(report.margin_mode, MarginMode::Portfolio as u8);
    assert_eq!(
        (report.health, report.init),
        (standard.health, standard.init)
    );
    assert_eq!(document.mode, Mode::Portfolio);

    // 100 SOL against as many short, with a bid of 20 below: between nothing and 3,000 USD.
    let delta = |number| {
        report
            .deltas
            .iter()
            .find(|one| one.underlying == number)
            .unwrap()
    };
    let sol = delta(SOL_UNDERLYING);
    assert!(
        sol.low.abs() < 10 && (sol.high - usd(3_000).cast_signed()).abs() < 10,
        "{sol:?}"
    );
    let btc = delta(BTC_UNDERLYING);
    assert!(btc.high > usd(10_000).cast_signed() && btc.high - btc.low < 5);
    assert_eq!(report.deltas.len(), 2);
    assert_eq!(report.scenario_losses.len(), portfolio::TABLE.len());
    assert!(report.init.basis > 0 && report.init.isolated > report.init.model);
    assert!(report.factors[0].high > btc.low);

    // Bitcoin alone would have to fall far; SOL's fall hardly matters.
    let told = |number| {
        document
            .underlyings
            .iter()
            .find(|one| one.number == Some(number))
            .unwrap()
    };
    let (sol, btc) = (told(SOL_UNDERLYING), told(BTC_UNDERLYING));
    assert!(!sol.liquidation.crossed && sol.name == "SOL");
    assert_eq!(
        (&sol.assets, &sol.markets),
        (&vec![SOL as u16], &vec![SOL_PERP as u16])
    );
    let volatility = btc.volatility.unwrap();
    assert!(volatility.current >= volatility.binding && volatility.binding > 0.04);
    let insolvency = &document.model.as_ref().unwrap().insolvency;
    assert!(
        insolvency.student > insolvency.normal && insolvency.student < 1e-3,
        "{insolvency:?}"
    );
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_portfolio_is_liquidatable_beyond_its_liquidation_price_and_not_before() {
    let mut env = Env::new().await;
    env.list_model().await;
    let maker = env.trader_with(&[(USDC, usd(1_000_000))]).await;
    let trader = env.portfolio_trader(&[(USDC, usd(5_000))]).await;
    env.place(&maker, ask(SPOT, 10_000), &[]).await;
    env.place(&trader, bid(SPOT, 10_000), &[&maker]).await;
    let (report, document) = check(&mut env, &trader).await;
    assert!(report.distance > 0 && report.distance < 10_000);
    let sol = &document.underlyings[0];
    let below = sol.liquidation.below.expect("a long falls");
    assert!(sol.liquidation.above.is_none());
    assert!(below > 0.7 && below < 1.0, "{below}");
    for (factor, safe) in [(below + 0.001, true), (below - 0.001, false)] {
        reprice(&mut env, (150.0 * factor * 10_000.0).round() / 10_000.0).await;
        let health = env.health(&trader).await;
        assert_eq!(health.maintenance >= 0, safe, "{factor} {health:?}");
        check(&mut env, &trader).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_parts_hold_while_entries_are_stale_and_for_debts() {
    let mut env = Env::new().await;
    env.list_model().await;
    let maker = env
        .trader_with(&[(USDC, usd(1_000_000)), (ETH, 1_000_000_000_000)])
        .await;
    let deposits = [(SOL, 100_000_000_000), (BTC, 100_000_000)];
    let trader = env.portfolio_trader(&deposits).await;
    env.borrow(&trader, ETH, 500_000_000).await.expect("a loan");
    env.place(&maker, bid(SPOT, 5_000), &[]).await;
    env.place(&trader, ask(SPOT, 5_000), &[&maker]).await;
    let (fresh, _) = check(&mut env, &trader).await;
    assert_ne!(fresh.init.binding, portfolio::Binding::Nothing);
    let [age, ..] = env.entry(SOL).await.price.max_age_secs;
    env.advance(i64::from(age) + 1).await;
    for refreshed in [vec![], vec![USDC, BTC], vec![USDC, BTC, ETH]] {
        for asset in refreshed {
            let usd = env.assets[asset].usd;
            env.set_price(asset, usd).await;
            let entry = env.asset_entry(asset);
            env.refresh(&entry).await;
        }
        let (report, document) = check(&mut env, &trader).await;
        assert!(!document.stale.is_empty());
        assert!(report.health[0] <= report.health[1] && report.health[1] <= report.health[2]);
    }
}

#[tokio::test]
async fn there_is_no_report_without_a_model_or_of_another_exchange() {
    let mut env = Env::new().await;
    let trader = env
        .trader_with(&[(USDC, usd(100)), (SOL, 1_000_000_000)])
        .await;
    let ask = ix::account_risk(&env.exchange, trader.margin);
    env.refuse(&[ask], &[], PlimsollError::NoPortfolioModel)
        .await;
    let before = document(&env, &trader).await;
    assert!(before.model.is_none() && before.underlyings.len() == 1);
    env.list_model().await;
    let (report, document) = check(&mut env, &trader).await;
    assert_eq!(report.deltas.len(), 1);
    let empty = env.trader_with(&[]).await;
    let (report, _) = check(&mut env, &empty).await;
    assert_eq!(
        (report.deltas.len(), report.distance, report.equity),
        (0, 0, 0)
    );
    assert_eq!(report.init.binding, portfolio::Binding::Nothing);
    let model = document.model.unwrap();
    assert!(!matches!(model.requirement.init.binding, Binding::Nothing));
}
