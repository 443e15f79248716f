//! Previews of accounts in portfolio margin against what the built program does.
use plimsoll::{error::PlimsollError, orders::terms::OrderTerms};
use plimsoll_client::{errors, health::Mode};
use plimsoll_tests::{
    env::{BTC, ETH, SOL, USDC},
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::{
    history::Dice,
    preview::{check, check_refused, largest},
    preview_funds::{check_deposit, check_withdraw, most},
    reprice, SPOT,
};

const POOR: PlimsollError = PlimsollError::InsufficientHealth;

/// An exchange with a model, a rich trader in standard margin, and one in portfolio margin who is hedged.
async fn desk() -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.list_model().await;
    let maker = env
        .trader_with(&[(USDC, usd(1_000_000)), (SOL, 5_000_000_000_000)])
        .await;
    let deposits = [(SOL, 100_000_000_000), (USDC, usd(2_000))];
    let hedged = env.portfolio_trader(&deposits).await;
    env.place(&maker, bid(SPOT, 10_000), &[]).await;
    env.place(&hedged, ask(SPOT, 10_000), &[&maker]).await;
    (env, maker, hedged)
}

#[tokio::test]
async fn orders_of_a_portfolio_come_to_what_was_foreseen() {
    let (mut env, maker, hedged) = desk().await;
    let posted = check(&mut env, &hedged, ask(SPOT + 100, 4_000), &[]).await;
    let lines = &posted.before.lines;
    assert_eq!(lines.mode, Mode::Portfolio);
    assert!(lines.init_requirement > 0 && lines.maintenance_requirement > 0);
    assert!(lines.margin_use.unwrap() < 10_000 && lines.maintenance_use < lines.margin_use);
    let after = posted.after.unwrap();
    assert!(after.lines.init_requirement > lines.init_requirement);
    // The asks may leave it short, which a rise would end.
    assert!(after.liquidation.unwrap().above.is_some());
    check_refused(&mut env, &hedged, ask(SPOT, 400_000), POOR).await;
    env.place(&maker, bid(SPOT - 20, 3_000), &[]).await;
    let swept = check(&mut env, &hedged, ask(SPOT - 20, 5_000), &[&maker]).await;
    assert_eq!((swept.filled_lots, swept.resting_lots), (3_000, 2_000));
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_largest_order_of_a_portfolio_is_accepted_and_one_lot_more_is_not() {
    let (mut env, maker, hedged) = desk().await;
    let poor = Some(errors::code(POOR));
    for terms in [bid(SPOT - 10, 1), ask(SPOT + 100, 1)] {
        let found = largest(&env, &hedged, terms).await;
        assert_eq!(found.limit.map(|limit| limit.code), poor);
        let sized = |lots| OrderTerms { lots, ..terms };
        check_refused(&mut env, &hedged, sized(found.lots + 1), POOR).await;
        check(&mut env, &hedged, sized(found.lots), &[]).await;
        env.cancel_all(&hedged).await;
    }
    // Closing the hedge is bounded by the margin that the other leg then needs.
    env.borrow(&hedged, USDC, usd(14_000))
        .await
        .expect("a loan");
    env.place(&maker, ask(SPOT, 10_000), &[]).await;
    let close = OrderTerms {
        reduce_only: true,
        ..bid(SPOT, 1)
    };
    let found = largest(&env, &hedged, close).await;
    assert!(found.lots < 10_000, "{found:?}");
    let sized = |lots| OrderTerms { lots, ..close };
    check_refused(&mut env, &hedged, sized(found.lots + 1), POOR).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_account_below_its_lines_is_told_how_much_hedges_it() {
    let mut env = Env::new().await;
    env.list_model().await;
    let maker = env.trader_with(&[(USDC, usd(1_000_000))]).await;
    let long = env.portfolio_trader(&[(SOL, 100_000_000_000)]).await;
    let free = most(&env, &long, USDC, true).await;
    env.borrow(&long, USDC, free.amount).await.expect("a loan");
    reprice(&mut env, 132.0).await;
    env.move_price(USDC, 1.0).await;
    let health = env.health(&long).await;
    assert!(health.maintenance < 0 && health.equity > 0, "{health:?}");
    let spot = SPOT / 150 * 132;
    env.place(&maker, bid(spot, 20_000), &[]).await;
    check_refused(&mut env, &long, ask(spot, 1), POOR).await;
    check_refused(&mut env, &long, ask(spot, 1_000), POOR).await;
    let found = largest(&env, &long, ask(spot, 1)).await;
    assert!(found.lots > 8_000, "{found:?}");
    check_refused(&mut env, &long, ask(spot, found.lots + 1), POOR).await;
    // Nothing that buys helps.
    let none = largest(&env, &long, bid(spot - 10, 1)).await;
    assert_eq!(
        (none.lots, none.limit.map(|limit| limit.code)),
        (0, Some(errors::code(POOR)))
    );
    let hedged = check(&mut env, &long, ask(spot, found.lots), &[&maker]).await;
    // Accepted is what lowers neither line and leaves maintenance at zero or above.
    let (before, after) = (hedged.before.lines, hedged.after.unwrap().lines);
    assert!(after.init > before.init && after.maintenance >= 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn funds_of_a_portfolio_come_to_what_was_foreseen() {
    let (mut env, _, hedged) = desk().await;
    check_deposit(&mut env, &hedged, BTC, 5_000_000).await;
    check_withdraw(&mut env, &hedged, USDC, usd(500), false).await;
    for (asset, borrow) in [(SOL, false), (USDC, true), (BTC, false), (ETH, true)] {
        let found = most(&env, &hedged, asset, borrow).await;
        let more = check_withdraw(&mut env, &hedged, asset, found.amount + 1, borrow).await;
        let limit = found.limit.map(|limit| limit.code);
        assert_eq!(more.refusal.map(|refusal| refusal.code), limit);
        if found.amount > 0 {
            check_withdraw(&mut env, &hedged, asset, found.amount / 2, borrow).await;
        }
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_random_history_of_portfolios_is_foreseen() {
    let mut dice = Dice(23);
    let (mut env, first, second) = desk().await;
    let deposits = [(USDC, usd(3_000)), (SOL, 20_000_000_000), (BTC, 3_000_000)];
    let third = env.portfolio_trader(&deposits).await;
    let traders = [first, second, third];
    let (mut accepted, mut refused) = (0, 0);
    let mut price = 150.0;
    for step in 0..200 {
        if step % 25 == 24 {
            price += dice.below(7) as f64 - 3.0;
            reprice(&mut env, price).await;
            for (asset, usd) in [(USDC, 1.0), (BTC, env.assets[BTC].usd)] {
                env.move_price(asset, usd).await;
            }
        }
        let trader = dice.pick(&traders);
        let mut makers: Vec<&Trader> = traders.iter().collect();
        makers.retain(|maker| maker.margin != trader.margin && dice.one_in(2));
        let terms = dice.order(env.clock().await.unix_timestamp, price);
        let preview = check(&mut env, trader, terms, &makers).await;
        if preview.refusal.is_none() {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    println!("{accepted} accepted, {refused} refused, all as foreseen");
    assert!(accepted > 50 && refused > 50);
    env.assert_conserved().await;
}
