//! One price at one moment: whatever an attacker refreshes, in whatever order, all who follow a feed hold its price; an update
//! that is posted again renews nothing; a newer one that is refused stops what it must and nothing else.
use plimsoll::{error::PlimsollError as E, events::RefreshSkipped};
use plimsoll_client::{
    errors, events,
    instructions::{self as ix, Liquidation, RefreshEntry},
};
use plimsoll_risk::{feed::REFUSED, EntryPrice};
use plimsoll_tests::{
    env::{ETH, SOL, USDC},
    params::{market_params, terms},
    scenarios::{liquidate, liquidate_ix, pass, rich, shock, swap, swapped, Leg, SOL_1},
    trading::{ask, bid},
    usd, Env, TxOutcome,
};

/// The reasons that a refresh reports.
fn reasons(outcome: &TxOutcome) -> Vec<u32> {
    let skipped: Vec<RefreshSkipped> = events::of_kind(&outcome.logs);
    skipped.iter().map(|s| s.reason).collect()
}

/// Requires that every follower holds its feed's price, converted to its own unit, and no other.
async fn assert_one_price(env: &Env) {
    let risk = env.risk().await;
    let assets = (0..usize::from(risk.asset_count)).map(|i| {
        let entry = &risk.assets[i];
        (entry.price, entry.unit())
    });
    let markets = (0..usize::from(risk.market_count)).map(|i| {
        let entry = &risk.markets[i];
        (entry.price, entry.unit())
    });
    for (price, unit) in assets.chain(markets) {
        let feed = &risk.feeds[usize::from(price.feed)];
        let mut expected = EntryPrice {
            feed: price.feed,
            moves_with: feed.moves_with(price.feed),
            ..EntryPrice::default()
        };
        expected.follow(&feed.price, &feed.limits, unit).unwrap();
        assert_eq!(price, expected);
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// Feeds without their followers, followers without their feed, in any order, with updates of any age and width.
#[tokio::test]
async fn no_sequence_of_refreshes_leaves_two_followers_with_two_prices() {
    for seed in 1..=4 {
        let mut env = Env::new().await;
        // Two markets more on feeds that have one already, in other lots.
        for (asset, lot) in [(SOL, 123_456_789), (ETH, 777)] {
            let decimals = env.assets[asset].decimals;
            env.open_market(asset, terms("SECOND", decimals, lot), market_params())
                .await;
        }
        let mut dice = Dice(seed);
        let mut moved = 0;
        for _ in 0..60 {
            env.advance(dice.below(4) as i64 * 7).await;
            let mut entries = Vec::new();
            for asset in [SOL, ETH] {
                let age = [0, 0, 1, 9, 30, 61][dice.below(6) as usize];
                let usd =
                    env.assets[asset].usd * (1.0 + (dice.below(200) as f64 - 100.0) / 1_000.0);
                let conf = usd * [0.0005, 0.0005, 0.019, 0.021][dice.below(4) as usize];
                if dice.below(3) > 0 {
                    entries.push(env.post(asset, usd, conf, age).await);
                }
                if dice.below(2) > 0 {
                    entries.push(RefreshEntry::Bank(env.assets[asset].asset));
                }
            }
            for listed in &env.markets {
                if dice.below(2) > 0 {
                    entries.push(RefreshEntry::Market(listed.market));
                }
            }
            let mut swapped = dice.below(entries.len().max(1) as u64) as usize;
            while swapped > 0 {
                entries.swap(swapped, 0);
                swapped /= 2;
            }
            let before = env.entry(SOL).await.price.published_ms;
            env.refresh(&entries).await;
            moved += u32::from(env.entry(SOL).await.price.published_ms != before);
            assert_one_price(&env).await;
        }
        assert!(moved > 10, "{moved}");
        env.edit_feed(SOL, |l| l.conf_multiple *= 2).await;
        assert_one_price(&env).await;
        env.refresh_all().await;
        assert_one_price(&env).await;
    }
}

/// The same update, from another account and in a later transaction, is as old as it was.
#[tokio::test]
async fn an_update_that_is_posted_again_renews_nothing() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    env.trader_with(&[(USDC, usd(100_000))]).await;
    let trader = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
    let old = env.entry(SOL).await.price;
    for age in [1, 10, 20] {
        env.advance(age - (env.now().await - old.published_ms / 1_000))
            .await;
        env.refresh_only(&[USDC]).await;
        let again = env.post(SOL, 150.0, 0.075, age).await;
        let outcome = env.refresh(&[again, again]).await;
        assert!(reasons(&outcome).is_empty(), "what is known is no fault");
        assert_eq!(env.entry(SOL).await.price, old);
        env.borrow(&trader, USDC, usd(1)).await.unwrap();
    }
    env.advance(1).await;
    env.refresh_only(&[USDC]).await;
    let again = env.post(SOL, 150.0, 0.075, 21).await;
    env.refresh(&[again]).await;
    // Twenty-one seconds old, however often it is posted: the deposit counts for nothing.
    let borrow = env.withdraw_ix(&trader, USDC, usd(1), true);
    let refresh = ix::refresh(&env.exchange, &[again]);
    env.refuse(&[refresh, borrow], &[&trader.key], E::InsufficientHealth)
        .await;
    assert_eq!(env.entry(SOL).await.price, old);
    env.assert_conserved().await;
}

/// The oracle says that it no longer knows: from then on nobody may take risk or money at the price before.
#[tokio::test]
async fn a_refused_newer_observation_stops_risk_and_payments_at_once() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let maker = env
        .trader_with(&[(USDC, usd(100_000)), (SOL, 1_000_000_000_000)])
        .await;
    let trader = env
        .trader_with(&[(USDC, usd(10_000)), (SOL, 10_000_000_000)])
        .await;
    env.borrow(&trader, SOL, 11_000_000_000).await.unwrap();
    env.place(&maker, ask(15_000, 100), &[]).await;
    env.place(&trader, bid(15_000, 100), &[&maker]).await;
    env.advance(2).await;
    // One that is too wide and older than what the feed holds says nothing.
    env.refresh_only(&[USDC, SOL]).await;
    let older = env.post(SOL, 150.0, 4.0, 1).await;
    assert_eq!(
        reasons(&env.refresh(&[older]).await),
        [errors::code(E::OracleTooOld)]
    );
    assert_eq!(env.entry(SOL).await.price.flags, 0);
    env.withdraw(&trader, USDC, usd(1)).await.unwrap();

    env.advance(1).await;
    let wide = env.post(SOL, 150.0, 4.0, 0).await;
    assert_eq!(
        reasons(&env.refresh(&[wide]).await),
        [errors::code(E::OracleTooWide)]
    );
    let price = env.entry(SOL).await.price;
    assert_eq!(price.flags, REFUSED);
    assert!(price.published_ms < env.now().await * 1_000);
    let stale = E::StaleEntry;
    env.refuse_order(&trader, bid(14_990, 1), &[], stale).await;
    let out = env.withdraw_ix(&trader, USDC, usd(1), false);
    env.refuse(&[out], &[&trader.key], stale).await;
    let borrow = env.withdraw_ix(&trader, SOL, 1_000, true);
    env.refuse(&[borrow], &[&trader.key], stale).await;
    let settle = env.settle_pnl_ix(&trader);
    env.refuse(&[settle], &[], stale).await;
    let deposit = env.deposit_ix(&maker, SOL, 1_000);
    env.refuse(&[deposit], &[&maker.key], E::DepositInDoubt)
        .await;
    // Repaying goes on, and what needs no price of SOL.
    env.deposit(&trader, SOL, 1_000).await.unwrap();
    let out = env.withdraw_ix(&maker, SOL, 1_000, false);
    env.refuse(&[out], &[&maker.key], stale).await;
    env.cancel_all(&maker).await;

    // One that it believes lifts it, at once.
    env.advance(1).await;
    env.refresh_only(&[USDC, SOL]).await;
    assert_eq!(env.entry(SOL).await.price.flags, 0);
    env.withdraw(&trader, USDC, usd(1)).await.unwrap();
    env.place(&trader, bid(14_990, 1), &[]).await;
    env.assert_conserved().await;
}

/// A liquidation goes on at the last price while it is young: whoever posts a wide update rescues nobody.
#[tokio::test]
async fn a_refused_newer_observation_stops_no_seizure() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, USDC, usd(1_000)).await.unwrap();
    shock(&mut env, SOL, 105.0).await;
    let wide = env.post(SOL, 105.0, 5.0, -1).await;
    env.refresh(&[wide]).await;
    assert_eq!(env.entry(SOL).await.price.flags, REFUSED);
    let flag = liquidate_ix(&env, &by, &account, &Liquidation::default());
    env.run(&[flag], &[&by.key]).await;
    env.advance(2).await;
    env.refresh_all().await;
    let wide = env.post(SOL, 105.0, 5.0, -1).await;
    env.refresh(&[wide]).await;
    assert_eq!(env.entry(SOL).await.price.flags, REFUSED);
    let slice = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), usd(50));
    let outcome = liquidate(&mut env, &by, &account, &slice).await;
    assert_eq!(swapped(&outcome).repaid, usd(50));
    // Until that price is too old to seize at, as any other.
    pass(&mut env, 10, &[USDC]).await;
    liquidate(&mut env, &by, &account, &slice).await;
    pass(&mut env, 1, &[USDC]).await;
    let held = env.balance(account.margin, SOL).await;
    liquidate(&mut env, &by, &account, &slice).await;
    assert_eq!(env.balance(account.margin, SOL).await, held);
    env.assert_conserved().await;
}
