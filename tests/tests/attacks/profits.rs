//! Who is paid, and who bears what cannot be paid: profits in proportion, whatever order their owners close, settle or withdraw in.
use plimsoll::{error::PlimsollError as E, events::BankruptcyResolved};
use plimsoll_client::{
    events,
    instructions::{self as ix, Liquidation},
};
use plimsoll_tests::{
    attack,
    env::{BTC, BTC_PERP, ETH, SOL, SOL_PERP, USDC},
    params::ratio,
    scenarios::*,
    trading::{ask, bid},
    usd, Env, Trader,
};

/// A long of 10,000 lots that lost more than it has, taken over by a liquidator; two shorts won it in unequal parts.
struct Sunk {
    env: Env,
    account: Trader,
    big: Trader,
    small: Trader,
    liquidator: Trader,
}

async fn sunk(small_lots: i64) -> Sunk {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let account = env.trader_with(&[(USDC, usd(2_000))]).await;
    let (big, small) = (rich(&mut env).await, rich(&mut env).await);
    let liquidator = rich(&mut env).await;
    trade(
        &mut env,
        SOL_PERP,
        &account,
        &big,
        150.0,
        10_000 - small_lots,
    )
    .await;
    trade(&mut env, SOL_PERP, &account, &small, 150.0, small_lots).await;
    shock(&mut env, SOL, 100.0).await;
    let what = Liquidation {
        swap: swap(&env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL).swap,
        ..take(&env, SOL_PERP, ALL)
    };
    liquidate(&mut env, &liquidator, &account, &what).await;
    Sunk {
        env,
        account,
        big,
        small,
        liquidator,
    }
}

async fn resolve(env: &mut Env, by: &Trader, account: &Trader) -> BankruptcyResolved {
    let resolve = resolve_loss_ix(env, by, account, SOL_PERP);
    let outcome = env.run(&[resolve], &[&by.key]).await;
    events::of_kind(&outcome.logs).remove(0)
}

/// What a trader keeps of a profit of 50 cents a lot, as a ratio.
async fn kept(env: &mut Env, trader: &Trader, before: i64, lots: i64) -> f64 {
    let won = lots as f64 * 0.5 * 1e6;
    (equity(env, trader).await - before) as f64 / won
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Dodge {
    Stays,
    Closes,
    ClosesAndSettles,
    SettlesAgainAndAgain,
}

/// A short of 100 lots that stays bears no more of the loss, in proportion, than one of 9,900 that closes, settles, or withdraws
/// first.
#[tokio::test]
async fn who_leaves_first_gives_up_as_much() {
    for small_lots in [100, 2_000] {
        for dodge in [
            Dodge::Stays,
            Dodge::Closes,
            Dodge::ClosesAndSettles,
            Dodge::SettlesAgainAndAgain,
        ] {
            let Sunk {
                mut env,
                account,
                big,
                small,
                liquidator,
            } = sunk(small_lots).await;
            let big_lots = 10_000 - small_lots;
            let spent = env.health(&big).await.equity - big_lots * 500_000;
            let own = env.health(&small).await.equity - small_lots * 500_000;
            if dodge != Dodge::Stays && dodge != Dodge::SettlesAgainAndAgain {
                trade(&mut env, SOL_PERP, &big, &liquidator, 100.0, big_lots).await;
            }
            if dodge == Dodge::ClosesAndSettles || dodge == Dodge::SettlesAgainAndAgain {
                for _ in 0..5 {
                    let settle = env.settle_pnl_ix(&big);
                    let _ = env.send(&[settle], &[]).await;
                }
            }
            let cover = resolve(&mut env, &big, &account).await;
            assert!(cover.socialized > usd(2_000), "{}", cover.socialized);
            settle_down(&mut env).await;
            share_shortfall(&mut env, SOL_PERP).await;
            let of_big = kept(&mut env, &big, spent, big_lots).await;
            let of_small = kept(&mut env, &small, own, small_lots).await;
            assert!(
                (of_big - of_small).abs() < 0.01,
                "{dodge:?}, {small_lots}: the big one keeps {of_big}, the small one {of_small}"
            );
            assert!(of_small > 0.2 && of_big < 0.7, "{of_small} {of_big}");
            env.assert_conserved().await;
            // All that is left to them can be paid once the stable price has followed.
            settle_down(&mut env).await;
            for trader in [&liquidator, &small, &big, &liquidator, &small] {
                let settle = env.settle_pnl_ix(trader);
                let _ = env.send(&[settle], &[]).await;
            }
            for trader in [&small, &big] {
                let claim = env.holding(trader).await.1;
                let lots = env.perp(trader).await.position.0;
                assert!(
                    claim + lots * 1_000_000 <= 50,
                    "{dodge:?}: left {claim} {lots}"
                );
            }
            env.assert_conserved().await;
        }
    }
}

/// The bankrupt trades one lot to and fro before it is resolved, so that its last position is another one: its losers pay nothing.
#[tokio::test]
async fn the_bankrupt_cannot_choose_who_pays() {
    for flip in [false, true] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let account = env.trader_with(&[(BTC, BTC_1 / 20)]).await;
        let by = rich(&mut env).await;
        let (winner, bystander) = (rich(&mut env).await, rich(&mut env).await);
        trade(&mut env, SOL_PERP, &account, &winner, 150.0, 10_000).await;
        trade(&mut env, SOL_PERP, &bystander, &winner, 150.0, 5_000).await;
        shock(&mut env, SOL, 135.0).await;
        env.place_in(SOL_PERP, &by, bid(13_500, 10_000), &[]).await;
        env.place_in(SOL_PERP, &account, ask(13_500, 10_000), &[&by])
            .await;
        if flip {
            trade(&mut env, SOL_PERP, &by, &account, 135.0, 1).await;
            trade(&mut env, SOL_PERP, &account, &by, 135.0, 1).await;
        }
        shock(&mut env, BTC, 32_000.0).await;
        env.advance(60).await;
        for _ in 0..15 {
            shock(&mut env, BTC, 18_000.0).await;
        }
        let rest = swap(&env, Leg::Asset(BTC), Leg::Pnl(SOL_PERP), ALL);
        liquidate(&mut env, &by, &account, &rest).await;
        let (won, lost) = (
            equity(&mut env, &winner).await,
            equity(&mut env, &bystander).await,
        );
        let loss = resolve(&mut env, &by, &account).await.socialized;
        assert!(loss > 0);
        settle_down(&mut env).await;
        share_shortfall(&mut env, SOL_PERP).await;
        let given = won - equity(&mut env, &winner).await;
        assert!(
            given > 0 && (given as f64 / loss as f64 - 1.0).abs() < 0.001,
            "flip {flip}: {given} of {loss}"
        );
        assert_eq!(equity(&mut env, &bystander).await, lost, "flip {flip}");
        env.assert_conserved().await;
    }
}

/// A pump, and everything in one transaction: an honest short's loss is collected, the attacker's long becomes a bare claim by
/// taking over its other account, and is settled and withdrawn.
#[tokio::test]
async fn a_pump_is_not_paid_out_through_a_bare_claim() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let long = env.trader_with(&[(USDC, usd(100_000))]).await;
    let short = env.trader_with(&[(USDC, usd(100_000))]).await;
    env.trader_with(&[(USDC, usd(100_000))]).await;
    let a = env.trader_with(&[(USDC, usd(3_000))]).await;
    let b = env.trader_with(&[(USDC, usd(3_000))]).await;
    trade(&mut env, SOL_PERP, &long, &short, 150.0, 20_000).await;
    trade(&mut env, SOL_PERP, &a, &b, 150.0, 19_000).await;
    let start = env.tokens(a.tokens[USDC]).await;
    shock(&mut env, SOL, 195.0).await;
    flag(&mut env, &a, &b).await;
    let all = [
        env.settle_pnl_ix(&short),
        liquidate_ix(&env, &a, &b, &take(&env, SOL_PERP, ALL)),
        env.settle_pnl_ix(&a),
    ];
    let [collect, take_over, settle] = all;
    let _ = env.send(&[collect], &[]).await;
    let _ = env.send(&[take_over], &[&a.key]).await;
    let _ = env.send(&[settle], &[]).await;
    let _ = env.withdraw(&a, USDC, ALL).await;
    let out = env.tokens(a.tokens[USDC]).await - start;
    // What its two accounts brought is 6,000; it has the liquidator's reward out of the other one's deposit.
    assert!(out <= usd(3_100), "{out}");
    // Back at the price before nobody else has lost anything, whatever becomes of the loss that the attacker does not pay.
    shock(&mut env, SOL, 150.0).await;
    let settle = env.settle_pnl_ix(&b);
    let _ = env.send(&[settle], &[]).await;
    resolve(&mut env, &short, &b).await;
    settle_down(&mut env).await;
    share_shortfall(&mut env, SOL_PERP).await;
    for trader in [&a, &short, &long] {
        let settle = env.settle_pnl_ix(trader);
        let _ = env.send(&[settle], &[]).await;
    }
    for trader in [&short, &long] {
        let whole = equity(&mut env, trader).await;
        assert!(whole >= usd(99_900).cast_signed(), "{whole}");
    }
    env.assert_conserved().await;
}

/// Profits out of a trade with oneself whose loss the other account does not pay: they get their part of what was collected, and
/// everybody else's part stays.
#[tokio::test]
async fn a_loss_that_is_not_paid_pays_no_profit_out_of_what_others_paid() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let long = env.trader_with(&[(USDC, usd(100_000))]).await;
    let short = env.trader_with(&[(USDC, usd(100_000))]).await;
    trade(&mut env, SOL_PERP, &long, &short, 150.0, 60_000).await;
    shock(&mut env, SOL, 160.0).await;
    settle_down(&mut env).await;
    env.settle_pnl(&short).await;
    let pool = env.market(SOL_PERP).await.pnl_pool;
    env.edit_asset(USDC, |p| {
        p.borrow_cap_usd = 0;
        p.net_borrow_limit_usd = 0;
    })
    .await;
    let a = env.trader_with(&[(SOL, 50 * SOL_1)]).await;
    let b = env.trader_with(&[(USDC, usd(3_000))]).await;
    for _ in 0..4 {
        trade(&mut env, SOL_PERP, &a, &b, 175.0, 4_000).await;
        trade(&mut env, SOL_PERP, &b, &a, 145.0, 4_000).await;
    }
    let claim = env.holding(&b).await.1;
    assert!(claim > usd(4_000).cast_signed());
    let before = env.balance(b.margin, USDC).await;
    for _ in 0..10 {
        let settle = env.settle_pnl_ix(&b);
        let _ = env.send(&[settle], &[]).await;
    }
    let paid = env.balance(b.margin, USDC).await - before;
    // Its part of all profits: some 4,800 of 11,400 dollars, of a pool of 6,000.
    let part = claim as f64 / (claim as f64 + 6_000e6);
    assert!(
        (paid as f64) <= part * pool as f64 * 1.01,
        "{paid} of {pool}"
    );
    env.settle_pnl(&long).await;
    let left = env.balance(long.margin, USDC).await - usd(100_000).cast_signed();
    assert!(left as f64 >= (1.0 - part) * pool as f64 * 0.98, "{left}");
    env.assert_conserved().await;
}

/// Two equal winners share what was collected equally, however often one of them asks, and in whatever order.
#[tokio::test]
async fn asking_often_or_first_brings_no_more() {
    for greedy_first in [true, false] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let loser = env.trader_with(&[(USDC, usd(50_000))]).await;
        let waiting = env.trader_with(&[(USDC, usd(50_000))]).await;
        let (greedy, calm) = (
            env.trader_with(&[(USDC, usd(50_000))]).await,
            env.trader_with(&[(USDC, usd(50_000))]).await,
        );
        trade(&mut env, SOL_PERP, &loser, &greedy, 150.0, 5_000).await;
        trade(&mut env, SOL_PERP, &waiting, &calm, 150.0, 5_000).await;
        shock(&mut env, SOL, 140.0).await;
        settle_down(&mut env).await;
        // Only one of the two losers has paid.
        env.settle_pnl(&loser).await;
        let before = env.balance(greedy.margin, USDC).await;
        let order = if greedy_first {
            [&greedy, &calm]
        } else {
            [&calm, &greedy]
        };
        for trader in order {
            let settle = env.settle_pnl_ix(trader);
            for _ in 0..5 {
                let _ = env.send(std::slice::from_ref(&settle), &[]).await;
            }
        }
        let paid = |balance: i64| balance - before;
        let (of_greedy, of_calm) = (
            paid(env.balance(greedy.margin, USDC).await),
            paid(env.balance(calm.margin, USDC).await),
        );
        assert!(of_greedy > 200_000_000, "{of_greedy}");
        assert!(
            (of_greedy - of_calm).abs() < 1_000_000,
            "{of_greedy} {of_calm}"
        );
        env.assert_conserved().await;
    }
}

/// Insurance pays for one market no more than its limit of a day; the rest is its profits' to bear, and a day later it pays again.
#[tokio::test]
async fn insurance_pays_a_market_so_much_a_day() {
    let mut t = sunk(2_000).await;
    insure(&mut t.env, &t.liquidator, usd(50_000)).await;
    t.env
        .edit_market(SOL_PERP, |p| p.insurance_per_day = usd(1_000))
        .await;
    let vault = t.env.exchange.insurance_vault;
    let before = t.env.tokens(vault).await;
    let cover = resolve(&mut t.env, &t.big, &t.account).await;
    assert!(cover.socialized > usd(1_000), "{}", cover.socialized);
    assert_eq!(before - t.env.tokens(vault).await, usd(1_000));
    t.env.assert_conserved().await;
}

/// A shortfall below the floor halts nobody's payment, and an epoch that is not nearly complete cannot be closed.
#[tokio::test]
async fn an_epoch_needs_a_shortfall_and_nearly_everybody() {
    let mut t = sunk(2_000).await;
    let market = t.env.markets[SOL_PERP].market;
    let share = ix::share_shortfall(&t.env.exchange, &market);
    t.env
        .refuse(std::slice::from_ref(&share), &[], E::EpochIncomplete)
        .await;
    let nobody = ix::mark_profits(&t.env.exchange, &market, &[]);
    t.env
        .refuse(std::slice::from_ref(&nobody), &[], E::NothingToMark)
        .await;
    t.env
        .edit_market(SOL_PERP, |p| p.shortfall_floor = usd(1_000_000))
        .await;
    let cover = resolve(&mut t.env, &t.big, &t.account).await;
    t.env
        .refuse(std::slice::from_ref(&nobody), &[], E::NothingToMark)
        .await;
    t.env
        .edit_market(SOL_PERP, |p| p.shortfall_floor = usd(1))
        .await;
    // Not in the fall itself: what has been won by it may be gone in a minute.
    let mark = ix::mark_profits(&t.env.exchange, &market, &[t.big.margin]);
    t.env.run(&[mark], &[]).await;
    assert!(!t.env.market(SOL_PERP).await.profits.is_open());
    settle_down(&mut t.env).await;
    // Anybody opens it; the big short alone is not enough.
    let mark = ix::mark_profits(&t.env.exchange, &market, &[t.big.margin]);
    t.env.run(&[mark], &[]).await;
    assert!(t.env.market(SOL_PERP).await.profits.is_open());
    t.env
        .refuse(std::slice::from_ref(&share), &[], E::EpochIncomplete)
        .await;
    // What is held changes, after the moment that counts: the small one closes at a loss that it did not have then.
    shock(&mut t.env, SOL, 140.0).await;
    trade(&mut t.env, SOL_PERP, &t.small, &t.liquidator, 140.0, 2_000).await;
    let claim = t.env.holding(&t.small).await.1;
    share_shortfall(&mut t.env, SOL_PERP).await;
    let market = t.env.market(SOL_PERP).await;
    assert_eq!(
        (market.profits.is_open(), market.profits.shortfall),
        (false, 0)
    );
    // It gives up its part of the profit it had at that moment.
    let part = cover.socialized as f64 / market.profits.epoch_uncovered as f64;
    let uncovered = t.env.perp(&t.small).await.share.uncovered as f64;
    let health = t.env.health(&t.small).await;
    let due = claim as f64 - health.perps[0].pnl as f64;
    assert!(
        (due - part * uncovered).abs() < 10.0,
        "{due} {part} {uncovered}"
    );
    t.env.assert_conserved().await;
    let settle = t.env.settle_pnl_ix(&t.small);
    let _ = t.env.send(&[settle], &[]).await;
    t.env.assert_conserved().await;
}

/// Health counts what a profit gives up from the moment it is decided, whether or not the slot was touched since.
#[tokio::test]
async fn health_counts_what_is_given_up_at_once() {
    let mut t = sunk(2_000).await;
    t.env
        .edit_market(SOL_PERP, |p| p.profit_weight = [0.0, 0.5, 1.0].map(ratio))
        .await;
    t.env.refresh_all().await;
    let before = t.env.health(&t.small).await;
    resolve(&mut t.env, &t.big, &t.account).await;
    settle_down(&mut t.env).await;
    share_shortfall(&mut t.env, SOL_PERP).await;
    let after = t.env.health(&t.small).await;
    let gone = before.equity - after.equity;
    assert!(gone > 200_000_000, "{gone}");
    assert_eq!(before.maintenance - after.maintenance, gone);
    let settle = t.env.settle_pnl_ix(&t.small);
    let _ = t.env.send(&[settle], &[]).await;
    let settled = t.env.health(&t.small).await;
    assert!((settled.equity - after.equity).abs() <= 1);
    t.env.assert_conserved().await;
}

/// What a queued fill will change has changed nobody's slot yet: no epoch is opened while one waits, so that no profit can be put
/// there for the time of it.
#[tokio::test]
async fn no_epoch_opens_while_fills_wait() {
    let mut t = sunk(2_000).await;
    t.env.place(&t.small, ask(10_000, 10), &[]).await;
    t.env.place(&t.liquidator, bid(10_000, 10), &[]).await;
    resolve(&mut t.env, &t.big, &t.account).await;
    settle_down(&mut t.env).await;
    let market = t.env.markets[SOL_PERP].market;
    let mark = ix::mark_profits(&t.env.exchange, &market, &[t.big.margin]);
    t.env
        .refuse(std::slice::from_ref(&mark), &[], E::FillsPending)
        .await;
    // Whoever wants it opened settles what waits in the same transaction.
    let settle = t.env.settle_fills_ix(&[&t.small]);
    t.env.run(&[settle, mark], &[]).await;
    assert!(t.env.market(SOL_PERP).await.profits.is_open());
    // Another market's empty queue is not this one's.
    let others = t.env.markets[BTC_PERP].market.fill_queue;
    let mark = ix::mark_profits(&t.env.exchange, &market, &[t.small.margin]);
    let bent = attack::swap(&mark, market.fill_queue, others);
    t.env.refuse(&[bent], &[], E::WrongMarketAccount).await;
    share_shortfall(&mut t.env, SOL_PERP).await;
    t.env.assert_conserved().await;
}

/// A claim that is marked in an open epoch is seized together with what it may have to give up.
#[tokio::test]
async fn a_seized_claim_takes_its_part_of_the_shortfall_along() {
    let mut t = sunk(2_000).await;
    // A winner with a closed profit of 500 USD that owes nearly as much, and a thief beside it.
    let (debtor, thief) = (t.env.trader_with(&[(ETH, ETH_1)]).await, t.liquidator);
    trade(&mut t.env, SOL_PERP, &debtor, &thief, 100.0, 2_000).await;
    t.env.borrow(&debtor, USDC, usd(1_900)).await.unwrap();
    shock(&mut t.env, SOL, 125.0).await;
    trade(&mut t.env, SOL_PERP, &thief, &debtor, 125.0, 2_000).await;
    resolve(&mut t.env, &t.big, &t.account).await;
    settle_down(&mut t.env).await;
    for dollars in [2_400.0, 1_900.0, 1_600.0] {
        shock(&mut t.env, ETH, dollars).await;
    }
    mark_all(&mut t.env, SOL_PERP).await;
    assert!(t.env.market(SOL_PERP).await.profits.is_open());
    let marked = t.env.perp(&debtor).await;
    assert!(marked.position.is_zero() && marked.share.uncovered > 0);
    assert!(t.env.health(&debtor).await.maintenance < 0);
    let what = swap(&t.env, Leg::Pnl(SOL_PERP), Leg::Asset(USDC), ALL);
    liquidate(&mut t.env, &thief, &debtor, &what).await;
    let left = t.env.perp(&debtor).await;
    assert!(
        i128::from(left.share.uncovered) <= i128::from(left.quote.0.max(0)) + 1,
        "{left:?}"
    );
    share_shortfall(&mut t.env, SOL_PERP).await;
    // Nobody is left with a part of a profit that is somebody else's now.
    assert!(t
        .env
        .health(&debtor)
        .await
        .perps
        .iter()
        .all(|perp| perp.pnl >= -1));
    t.env.assert_conserved().await;
}
