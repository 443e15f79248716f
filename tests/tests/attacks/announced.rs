//! Who is first where collected losses are shared: to be marked, to ask, to trade before others are known. It brings nothing.
use plimsoll::{error::PlimsollError as E, events::PnlSettled};
use plimsoll_client::{
    events,
    instructions::{self as ix, Liquidation},
};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::{ask, bid},
    usd, Env, Trader,
};

const DELAY: u32 = 60;

/// A market at 160 in which each side has won as much as it has lost: longs have won 100 and 400 dollars and lost 500, shorts have
/// won 500 and lost 500, which one of them can pay.
struct TwoSided {
    env: Env,
    thief: Trader,
    long: Trader,
    short: Trader,
    loser: Trader,
    other: Trader,
}

async fn two_sided(delay: u32) -> TwoSided {
    let mut env = Env::new().await;
    env.edit_market(SOL_PERP, |p| p.cover_delay_secs = delay)
        .await;
    env.refresh_all().await;
    let [thief, long, short, loser, other] = [
        env.trader_with(&[(USDC, usd(50_000))]).await,
        env.trader_with(&[(USDC, usd(50_000))]).await,
        env.trader_with(&[(USDC, usd(50_000))]).await,
        env.trader_with(&[(USDC, usd(50_000))]).await,
        env.trader_with(&[(USDC, usd(50_000))]).await,
    ];
    trade(&mut env, SOL_PERP, &thief, &loser, 150.0, 1_000).await;
    trade(&mut env, SOL_PERP, &long, &loser, 150.0, 4_000).await;
    shock(&mut env, SOL, 160.0).await;
    trade(&mut env, SOL_PERP, &other, &short, 170.0, 5_000).await;
    settle_down(&mut env).await;
    TwoSided {
        env,
        thief,
        long,
        short,
        loser,
        other,
    }
}

/// Sends a settlement and says what it paid.
async fn settled(env: &mut Env, trader: &Trader) -> i64 {
    let before = env.balance(trader.margin, USDC).await;
    let settle = env.settle_pnl_ix(trader);
    let _ = env.send(&[settle], &[]).await;
    env.balance(trader.margin, USDC).await - before
}

/// The loss is collected and claimed in one transaction, and claimed again and again while others are marked.
#[tokio::test]
async fn collecting_a_loss_and_asking_at_once_brings_no_more() {
    for delay in [0, DELAY] {
        let TwoSided {
            mut env,
            thief,
            long,
            short,
            loser,
            other,
        } = two_sided(delay).await;
        let before = env.balance(thief.margin, USDC).await;
        let (collect, ask) = (env.settle_pnl_ix(&loser), env.settle_pnl_ix(&thief));
        env.run(&[collect, ask], &[]).await;
        let mut of_thief = env.balance(thief.margin, USDC).await - before;
        if delay == 0 {
            // Of the 100 that it has won, where everybody would have half: what the delay is for.
            assert!(of_thief > 90_000_000, "{of_thief}");
            continue;
        }
        assert_eq!(of_thief, 0);
        for second in 1..=6 {
            env.advance(10).await;
            env.refresh_all().await;
            if second == 2 {
                mark_all(&mut env, SOL_PERP).await;
            }
            if second == 4 {
                // A profit made up against its other account when it is too late for others to be marked at theirs: nothing.
                trade(&mut env, SOL_PERP, &other, &thief, 170.0, 990).await;
            }
            of_thief += settled(&mut env, &thief).await;
            assert!(of_thief == 0 || second == 6, "after {second} times 10 s");
        }
        let parts = [
            (of_thief, 100.0),
            (settled(&mut env, &long).await, 400.0),
            (settled(&mut env, &short).await, 500.0),
        ]
        .map(|(paid, won)| paid as f64 / 1e6 / won);
        assert!(parts.iter().all(|part| *part > 0.45), "{parts:?}");
        let spread = (parts[0] - parts[1]).abs().max((parts[0] - parts[2]).abs());
        assert!(spread < 0.01, "{parts:?}");
        env.assert_conserved().await;
    }
}

/// What waits says so and is paid later; what nobody looked at for long is announced anew, so that nobody comes alone.
#[tokio::test]
async fn what_was_forgotten_is_announced_anew() {
    let TwoSided {
        mut env,
        thief,
        loser,
        ..
    } = two_sided(DELAY).await;
    let settle = env.settle_pnl_ix(&thief);
    env.refuse(std::slice::from_ref(&settle), &[], E::NothingToSettle)
        .await;
    env.settle_pnl(&loser).await;
    let announced = env.market(SOL_PERP).await.profits;
    let now = env.clock().await.unix_timestamp;
    assert_eq!(
        announced.covers_at(DELAY),
        Some(now + i64::from(DELAY)),
        "the loser's payment announces it"
    );
    let outcome = env.run(std::slice::from_ref(&settle), &[]).await;
    let said: PnlSettled = events::of_kind(&outcome.logs).remove(0);
    assert_eq!(said.amount, 0);
    env.advance(3_600).await;
    env.refresh_all().await;
    assert_eq!(settled(&mut env, &thief).await, 0);
    let profits = env.market(SOL_PERP).await.profits;
    assert_eq!(profits.announced_at, env.clock().await.unix_timestamp);
    env.assert_conserved().await;
}

/// Whoever has lost again what he was marked at keeps no part of what is collected from others.
#[tokio::test]
async fn a_mark_falls_with_what_was_won() {
    let TwoSided {
        mut env,
        thief,
        long,
        short,
        loser,
        other,
    } = two_sided(DELAY).await;
    mark_all(&mut env, SOL_PERP).await;
    let marked = env.perp(&short).await.share.uncovered;
    assert!(marked > 490_000_000, "{marked}");
    // What the short has won is lost again; its own settlement says so.
    trade(&mut env, SOL_PERP, &short, &other, 170.0, 5_000).await;
    env.settle_pnl(&loser).await;
    let settle = env.settle_pnl_ix(&short);
    let _ = env.send(&[settle], &[]).await;
    let left = env.perp(&short).await.share.uncovered;
    assert!(left <= 1, "{left}");
    env.advance(i64::from(DELAY)).await;
    env.refresh_all().await;
    // So the other two share all of it.
    for (trader, won) in [(&thief, 100.0), (&long, 400.0)] {
        let part = settled(&mut env, trader).await as f64 / 1e6 / won;
        assert!(part > 0.95, "{part}");
    }
    env.assert_conserved().await;
}

/// Somebody trades without end so that a fill always waits: it cannot, as long as an epoch is to be opened.
#[tokio::test]
async fn trading_on_does_not_hold_an_epoch_up() {
    let mut t = overdrawn().await;
    let env = &mut t.env;
    env.place(&t.thief, ask(10_000, 10), &[]).await;
    let passed_over = env.place(&t.other, bid(10_000, 10), &[]).await;
    assert_eq!(passed_over.filled, 0);
    let at_hand = env.place(&t.other, bid(10_000, 4), &[&t.thief]).await;
    assert_eq!(at_hand.filled, 4, "whoever passes the maker trades");
    let market = env.markets[SOL_PERP].market;
    let open = ix::mark_profits(&env.exchange, &market, &[]);
    env.run(&[open], &[]).await;
    assert!(env.market(SOL_PERP).await.profits.is_open());
    // From then on fills wait for their makers as ever.
    let queued = env.place(&t.other, bid(10_000, 6), &[]).await;
    assert_eq!(queued.filled, 6);
    env.settle_fills(&[&t.thief]).await;
    share_shortfall(env, SOL_PERP).await;
    env.assert_conserved().await;
}

/// A market at 100 whose loser is gone, with a shortfall to share.
struct Overdrawn {
    env: Env,
    thief: Trader,
    other: Trader,
}

async fn overdrawn() -> Overdrawn {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let loser = env.trader_with(&[(USDC, usd(2_000))]).await;
    let (thief, other) = (rich(&mut env).await, rich(&mut env).await);
    trade(&mut env, SOL_PERP, &loser, &thief, 150.0, 10_000).await;
    shock(&mut env, SOL, 100.0).await;
    let what = Liquidation {
        swap: swap(&env, Leg::Asset(USDC), Leg::Pnl(SOL_PERP), ALL).swap,
        ..take(&env, SOL_PERP, ALL)
    };
    liquidate(&mut env, &other, &loser, &what).await;
    let resolve = resolve_loss_ix(&env, &other, &loser, SOL_PERP);
    env.run(&[resolve], &[&other.key]).await;
    settle_down(&mut env).await;
    Overdrawn { env, thief, other }
}
