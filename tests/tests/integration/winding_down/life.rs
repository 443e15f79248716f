//! The whole life, with strangers and nobody else at work.
use plimsoll::{
    change::Change,
    error::PlimsollError as E,
    events::{DebtClosedOut, PositionsClosedOut, RefreshSkipped},
    state::mode,
};
use plimsoll_client::{
    errors::code,
    events,
    instructions::{self as ix, RefreshEntry},
    stress::{moved_asset, Stable},
};
use plimsoll_risk::{feed::FINAL_MS, Clock};
use plimsoll_tests::{
    env::{BTC, SOL, SOL_PERP, USDC},
    scenarios::{all_but, liquidate, pass, price_lots, rich, swap, trade, Leg, ALL, SOL_1},
    trading::{ask, bid},
    usd, Env, Trader,
};

use plimsoll_tests::winding_down::{
    close_debt_ix, close_positions_ix, edit_ix, final_price, open_wallet_ix, return_ix, wallet,
    wind_down, DOUBT_SECS,
};

/// The token and the perpetual of one feed, with a lender, a borrower, two longs, a short and orders in the book.
struct World {
    env: Env,
    lender: Trader,
    borrower: Trader,
    longs: [Trader; 2],
    short: Trader,
    maker: Trader,
}

async fn world() -> World {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = env.trader_with(&[(SOL, 1_000 * SOL_1)]).await;
    let borrower = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.borrow(&borrower, SOL, 100 * SOL_1).await.unwrap();
    let longs = [
        env.trader_with(&[(USDC, usd(20_000))]).await,
        env.trader_with(&[(USDC, usd(20_000))]).await,
    ];
    let short = env.trader_with(&[(USDC, usd(50_000))]).await;
    trade(&mut env, SOL_PERP, &longs[0], &short, 150.0, 10_000).await;
    trade(&mut env, SOL_PERP, &longs[1], &short, 150.0, 5_000).await;
    let maker = env.trader_with(&[(USDC, usd(50_000))]).await;
    let price = price_lots(&env, SOL_PERP, 149.0).await;
    env.place(&maker, bid(price, 100), &[]).await;
    let price = price_lots(&env, SOL_PERP, 151.0).await;
    env.place(&maker, ask(price, 100), &[]).await;
    // An order of one who holds a position.
    env.place(&longs[0], ask(price, 500), &[]).await;
    World {
        env,
        lender,
        borrower,
        longs,
        short,
        maker,
    }
}

#[tokio::test]
async fn a_feed_that_is_gone_ends_in_an_announced_price_and_free_slots() {
    let mut w = world().await;
    let env = &mut w.env;
    env.raise_delay(3_600).await;
    let authority = env.authority();
    let sources = final_price(12_000);
    let feed = env.assets[SOL].feed;
    let limits = env.risk().await.feeds[usize::from(feed)].limits;
    let proposal = env
        .propose(Change::EditFeed {
            feed,
            sources: Box::new(sources),
            limits,
        })
        .await;
    // Unannounced it is refused. Announced it waits, while the feed may still be alive.
    let alive = all_but(env, &[]);
    pass(env, 1_800, &alive).await;
    let unannounced = edit_ix(env, SOL, final_price(11_999), None).await;
    let living = edit_ix(env, SOL, sources, Some(proposal)).await;
    env.refuse(&[unannounced, living.clone()], &[&authority], E::FeedAlive)
        .await;
    // It dies. The delay is over before doubt is.
    let alive = all_but(env, &[SOL]);
    pass(env, DOUBT_SECS - 60, &alive).await;
    env.refuse(&[living.clone()], &[&authority], E::FeedAlive)
        .await;
    pass(env, 120, &alive).await;
    let unannounced = edit_ix(env, SOL, sources, None).await;
    env.refuse(&[unannounced], &[&authority], E::ChangeNeedsDelay)
        .await;
    let cost = env.run(&[living], &[&authority]).await.cu;
    println!("edit_feed to a final price: {cost} units");

    // Both followers stand at the price, and no time makes it older.
    let risk = env.risk().await;
    let (asset, market) = (&risk.assets[SOL], &risk.markets[SOL_PERP]);
    for price in [&asset.price, &market.price] {
        assert_eq!(
            (price.published_ms, price.conf, price.flags),
            (FINAL_MS, 0, 0)
        );
        assert_eq!(price.spot, price.stable);
    }
    assert_eq!(
        (1_000_000_000 * u128::from(asset.price.spot)) >> asset.shift,
        119_999_999
    );
    assert_eq!(
        risk.feeds[usize::from(feed)].price.doubt_from,
        risk.doubt_ms
    );

    // No scenario moves it.
    let clock = Clock::default();
    let halved = moved_asset(asset, 1 << 31, Stable::Follows, &clock).unwrap();
    assert_eq!(
        (halved.price, halved.asset_price),
        (asset.price, asset.asset_price)
    );

    // A refresh that names it passes it by, and moves the others.
    env.refresh_only(&alive).await;
    env.set_price(SOL, 150.0).await;
    let outcome = env.refresh(&[env.feed_entry(SOL)]).await;
    let told: Vec<RefreshSkipped> = events::of_kind(&outcome.logs);
    assert_eq!((told[0].feed, told[0].reason), (feed, code(E::WindingDown)));
    assert_eq!(env.entry(SOL).await.price, asset.price);

    // Nobody but a stranger from here on: the orders first.
    let market = env.markets[SOL_PERP].market;
    let closing = close_positions_ix(env, &w.longs[0], &w.short);
    env.refuse(&[closing.clone()], &[], E::OrdersRemain).await;
    let prune = ix::prune_orders(&env.exchange, &market, &[w.maker.margin], 24);
    env.run(&[prune], &[]).await;
    // One owner was not at hand: its orders are gone from the book, and its slots are free once anybody passes it.
    env.refuse(&[closing.clone()], &[], E::OrdersRemain).await;
    let prune = ix::prune_orders(&env.exchange, &market, &[w.longs[0].margin], 24);
    env.run(&[prune], &[]).await;
    env.assert_conserved().await;
    assert!(env.margin(w.maker.margin).await.find_perp(0).is_none());

    // The positions, in pairs.
    let outcome = env.run(&[closing], &[]).await;
    println!("close_out_position: {} units", outcome.cu);
    let told: Vec<PositionsClosedOut> = events::of_kind(&outcome.logs);
    assert_eq!((told[0].lots, told[0].notional), (10_000, 12_000_000_000));
    env.assert_conserved().await;
    let rest = close_positions_ix(env, &w.longs[1], &w.short);
    env.run(&[rest.clone()], &[]).await;
    env.assert_conserved().await;
    env.refuse(&[rest], &[], E::NothingToCloseOut).await;
    let state = env.market(SOL_PERP).await;
    assert_eq!((state.long_interest, state.short_interest), (0, 0));

    // Losses, then the profit that they pay.
    for trader in [&w.longs[0], &w.longs[1], &w.short] {
        env.settle_pnl(trader).await;
        env.assert_conserved().await;
        assert!(env.margin(trader.margin).await.find_perp(0).is_none());
    }
    // 150 SOL fell by 30 USD; both sides paid 0.05 % for one of the two orders of each trade.
    let won = env.balance(w.short.margin, USDC).await - usd(50_000).cast_signed();
    assert!(
        (4_500_000_000 - 20_000_000..=4_500_000_000 + 20_000_000).contains(&won),
        "{won}"
    );

    // The debt, which a deposit pays.
    let outcome = env
        .run(&[close_debt_ix(env, SOL, &w.lender, &w.borrower)], &[])
        .await;
    println!("close_out_debt: {} units", outcome.cu);
    let told: Vec<DebtClosedOut> = events::of_kind(&outcome.logs);
    assert!(told[0].amount >= 100 * SOL_1);
    assert!(told[0].paid >= told[0].received && told[0].paid - told[0].received <= 2);
    let paid = usd(12_000) as f64 * (told[0].amount as f64 / (100 * SOL_1) as f64);
    assert!((told[0].paid as f64 - paid).abs() < 100.0);
    env.assert_conserved().await;
    assert!(env
        .margin(w.borrower.margin)
        .await
        .find_balance(SOL as u16)
        .is_none());
    assert_eq!(
        env.balance(w.lender.margin, USDC).await,
        told[0].received.cast_signed()
    );

    // What is left goes to the owner's wallet, which the stranger opens.
    let left = env.balance(w.lender.margin, SOL).await.unsigned_abs();
    let open = open_wallet_ix(env, SOL, &w.lender.pubkey());
    env.run(&[open], &[]).await;
    let outcome = env.run(&[return_ix(env, SOL, &w.lender)], &[]).await;
    println!("return_deposit: {} units", outcome.cu);
    env.assert_conserved().await;
    assert_eq!(wallet(env, SOL, &w.lender).await, left);
    assert!(env
        .margin(w.lender.margin)
        .await
        .find_balance(SOL as u16)
        .is_none());
    let bank = env.bank(SOL).await;
    assert_eq!((bank.deposit_shares, bank.borrow_shares), (0, 0));
}

/// Nobody's health falls by a close-out but by what is rounded, and pauses of the operators hold back the payment alone.
#[tokio::test]
async fn closing_out_lowers_nobodys_health_and_no_mode_holds_it_back() {
    let mut w = world().await;
    let env = &mut w.env;
    wind_down(env, SOL, 15_500).await;
    let market = env.markets[SOL_PERP].market;
    let owners = [w.maker.margin, w.longs[0].margin];
    env.run(
        &[ix::prune_orders(&env.exchange, &market, &owners, 24)],
        &[],
    )
    .await;
    env.set_exchange_mode(mode::PAUSED).await;
    let alive = all_but(env, &[SOL]);
    env.refresh_only(&alive).await;
    let steps = [
        (
            close_positions_ix(env, &w.longs[0], &w.short),
            [&w.longs[0], &w.short],
        ),
        (
            close_positions_ix(env, &w.longs[1], &w.short),
            [&w.longs[1], &w.short],
        ),
        (
            close_debt_ix(env, SOL, &w.lender, &w.borrower),
            [&w.lender, &w.borrower],
        ),
    ];
    for (step, parties) in steps {
        // What interest adds within the call was in nobody's health before.
        env.refresh(&[RefreshEntry::Bank(env.assets[SOL].asset)])
            .await;
        let mut before = Vec::new();
        for party in parties {
            before.push(env.health(party).await);
        }
        env.run(&[step], &[]).await;
        for (party, before) in parties.iter().zip(before) {
            let after = env.health(party).await;
            assert!(
                after.init >= before.init - 3,
                "{} {}",
                before.init,
                after.init
            );
            assert!(after.maintenance >= before.maintenance - 3);
            assert!((after.equity - before.equity).abs() <= 3);
        }
        env.assert_conserved().await;
    }
    env.run(&[open_wallet_ix(env, SOL, &w.lender.pubkey())], &[])
        .await;
    let pay = return_ix(env, SOL, &w.lender);
    env.refuse(&[pay.clone()], &[], E::ExchangeGated).await;
    env.set_exchange_mode(mode::ACTIVE).await;
    env.set_asset_mode(SOL, mode::PAUSED).await;
    env.refuse(&[pay.clone()], &[], E::BankGated).await;
    env.set_asset_mode(SOL, mode::REDUCE_ONLY).await;
    // No outflow limit holds it back either.
    env.edit_asset(SOL, |p| p.outflow_limit_usd = 1).await;
    env.run(&[pay], &[]).await;
    env.assert_conserved().await;
}

/// What secures a debt stays until that is liquidated, which works at the final price as at any other; the liquidator's debt is
/// then closed out.
#[tokio::test]
async fn an_account_below_its_line_is_liquidated_at_the_final_price() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let lender = env.trader_with(&[(SOL, 500 * SOL_1)]).await;
    let debtor = env.trader_with(&[(BTC, 100_000_000)]).await;
    env.borrow(&debtor, SOL, 250 * SOL_1).await.unwrap();
    let liquidator = rich(&mut env).await;
    // Far above where it stood: the debt is 250 SOL at 225 USD against one bitcoin at 60,000.
    wind_down(&mut env, SOL, 22_500).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    env.refuse(
        &[close_debt_ix(&env, SOL, &lender, &debtor)],
        &[],
        E::InsufficientHealth,
    )
    .await;
    let before = env.balance(debtor.margin, SOL).await;
    let seize = swap(&env, Leg::Asset(BTC), Leg::Asset(SOL), ALL);
    liquidate(&mut env, &liquidator, &debtor, &seize).await;
    assert!(env.balance(debtor.margin, SOL).await > before);
    env.assert_conserved().await;
    // Above its line again, the rest is closed out: bitcoin secures quote from now on.
    env.refresh_only(&alive).await;
    env.run(&[close_debt_ix(&env, SOL, &lender, &debtor)], &[])
        .await;
    assert_eq!(env.balance(debtor.margin, SOL).await, 0);
    assert!(env.balance(debtor.margin, USDC).await < 0);
    env.assert_conserved().await;
}
