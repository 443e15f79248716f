//! Feeds that died: worthless collateral brought in afterwards, and margin that nobody can price any more.
use plimsoll::{
    error::PlimsollError as E,
    liquidation::DOUBT_PATIENCE_SECS,
    orders::terms::{OrderTerms, OrderType},
    state::margin_account::confirmation,
};
use plimsoll_client::instructions::{self as ix, Liquidation};
use plimsoll_risk::MarginMode;
use plimsoll_tests::{
    env::{ETH, JUP, SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::{assert_one_of, falls};

/// A losing account brings tokens whose feed died. Brought in while it was alive, they help for a bounded time.
#[tokio::test]
async fn tokens_of_a_dead_feed_rescue_nobody() {
    for (by, delay) in falls() {
        let mut t = long().await;
        let alive = all_but(&t.env, &[JUP]);
        pass(&mut t.env, 60 + delay, &alive).await;
        let rescue = t.env.deposit_ix(&t.account, JUP, 200_000_000_000);
        t.env
            .refuse(&[rescue], &[&t.account.key], E::DepositInDoubt)
            .await;
        t.env.advance(1).await;
        t.env.assets[SOL].usd = 137.5 * (1.0 - by);
        t.env.refresh_only(&alive).await;
        flag_at(&mut t.env, &t.liquidator, &t.account, &alive).await;
        let rescue = t.env.deposit_ix(&t.account, JUP, 200_000_000_000);
        t.env
            .refuse(&[rescue], &[&t.account.key], E::DepositInDoubt)
            .await;
        let all = take(&t.env, SOL_PERP, ALL);
        liquidate(&mut t.env, &t.liquidator, &t.account, &all).await;
        assert!(t.env.perp(&t.account).await.position.0 < 10_000);
        t.env.assert_conserved().await;
    }
}

/// What was deposited before: it counts a tenth better for six minutes, and half at the end of the hour.
#[tokio::test]
async fn a_deposit_whose_feed_dies_carries_a_loss_for_a_bounded_time() {
    let mut t = long().await;
    // 1,000 USD of JUP, weighted 0.7.
    t.env.deposit(&t.account, JUP, 1_250_000_000).await.unwrap();
    let alive = all_but(&t.env, &[JUP]);
    pass(&mut t.env, 60, &alive).await;
    t.env.advance(1).await;
    t.env.assets[SOL].usd = 130.5;
    t.env.refresh_only(&alive).await;
    let mut minutes = 0;
    loop {
        let flag = liquidate_ix(&t.env, &t.liquidator, &t.account, &Liquidation::default());
        let result = t.env.send(&[flag], &[&t.liquidator.key]).await;
        if result.is_ok() {
            break;
        }
        assert_one_of(result, &[E::NotLiquidatable]);
        pass(&mut t.env, 60, &alive).await;
        minutes += 1;
        assert!(minutes <= 60, "never");
    }
    assert!(minutes > 6, "{minutes}");
    pass(&mut t.env, 1, &alive).await;
    let all = take(&t.env, SOL_PERP, ALL);
    liquidate(&mut t.env, &t.liquidator, &t.account, &all).await;
    assert!(t.env.perp(&t.account).await.position.0 < 10_000);
    t.env.assert_conserved().await;
}

/// In portfolio margin as well: what the model covers decays in doubt like anything else.
#[tokio::test]
async fn a_portfolio_on_a_dead_feed_is_liquidated_in_the_end() {
    let mut env = Env::new().await;
    env.list_model().await;
    let by = rich(&mut env).await;
    let account = env.portfolio_trader(&[(ETH, 5 * ETH_1)]).await;
    env.borrow(&account, USDC, usd(9_000)).await.unwrap();
    let alive = all_but(&env, &[ETH]);
    pass(&mut env, 300, &alive).await;
    let what = swap(&env, Leg::Asset(ETH), Leg::Asset(USDC), usd(200));
    refuse(&mut env, &by, &account, &what, E::NotLiquidatable).await;
    let more = env.withdraw_ix(&account, USDC, usd(1), true);
    env.refuse(&[more], &[&account.key], E::InsufficientHealth)
        .await;
    pass(&mut env, 3_600, &alive).await;
    flag_at(&mut env, &by, &account, &alive).await;
    pass(&mut env, DOUBT_PATIENCE_SECS as i64, &alive).await;
    liquidate(&mut env, &by, &account, &what).await;
    assert!(env.balance(account.margin, ETH).await < 5 * ETH_1 as i64);
    env.assert_conserved().await;
}

/// The quote token's feed is out: who has his margin in it liquidates all the same.
#[tokio::test]
async fn a_quote_outage_holds_no_liquidator_back() {
    for (by, delay) in falls() {
        let mut t = long().await;
        let liquidator = t.env.trader_with(&[(USDC, usd(5_000_000))]).await;
        let alive = all_but(&t.env, &[USDC]);
        pass(&mut t.env, 60 + delay, &alive).await;
        // A debt in quote, and margin in it, count a tenth better by now.
        t.env.advance(1).await;
        t.env.assets[SOL].usd = 134.0 * (1.0 - by);
        t.env.refresh_only(&alive).await;
        flag_at(&mut t.env, &liquidator, &t.account, &alive).await;
        let all = take(&t.env, SOL_PERP, ALL);
        liquidate(&mut t.env, &liquidator, &t.account, &all).await;
        assert!(t.env.perp(&t.account).await.position.0 < 10_000, "{by}");
        // It is margin for nothing else.
        let stale = E::InsufficientHealth;
        let more = t.env.withdraw_ix(&liquidator, SOL, 1_000, true);
        t.env.refuse(&[more], &[&liquidator.key], stale).await;
        t.env.assert_conserved().await;
    }
}

/// An attacker who knows that a token is worth less than its last price borrows on it, or pays with it, while it is young.
#[tokio::test]
async fn a_loan_on_a_falling_token_gains_nothing() {
    for (by, delay) in falls() {
        let mut env = Env::new().await;
        env.refresh_all().await;
        rich(&mut env).await;
        let attacker = env.trader().await;
        let books = Books::open(&mut env, &[&attacker]).await;
        let alive = all_but(&env, &[SOL]);
        env.advance(delay).await;
        env.refresh_only(&alive).await;
        let deposit = env.deposit_ix(&attacker, SOL, 10 * SOL_1);
        let deposited = env.send(&[deposit], &[&attacker.key]).await;
        if delay > 60 {
            assert_one_of(deposited, &[E::DepositInDoubt]);
        } else {
            deposited.expect("young enough for a deposit");
        }
        let loan = env.withdraw_ix(&attacker, USDC, usd(1_190), true);
        let lent = env.send(&[loan], &[&attacker.key]).await;
        if delay > 20 {
            assert_one_of(lent, &[E::InsufficientHealth]);
        } else {
            lent.expect("young enough for a loan");
        }
        env.assets[SOL].usd = 150.0 * (1.0 - by);
        // What he still owns is worth less than what he brought, and he owes the rest.
        let gain = books.gain(&mut env, &[&attacker]).await;
        assert!(gain <= 0, "{by} after {delay} s: {gain}");
        env.assert_conserved().await;
    }
}

/// A position in a market whose feed died long ago finds a taker.
#[tokio::test]
async fn a_position_on_a_dead_feed_is_taken_over_in_the_end() {
    let mut t = long().await;
    let alive = all_but(&t.env, &[SOL]);
    pass(&mut t.env, 3_700, &alive).await;
    flag_at(&mut t.env, &t.liquidator, &t.account, &alive).await;
    pass(&mut t.env, DOUBT_PATIENCE_SECS as i64, &alive).await;
    let slice = take(&t.env, SOL_PERP, 100);
    let poor = t.env.trader_with(&[(USDC, usd(10))]).await;
    refuse(&mut t.env, &poor, &t.account, &slice, E::InsufficientHealth).await;
    liquidate(&mut t.env, &t.liquidator, &t.account, &slice).await;
    assert_eq!(t.env.perp(&t.account).await.position.0, 9_900);
}

/// 100 SOL sold forward are worth 15,000 USD at any price of SOL; in doubt, too.
#[tokio::test]
async fn a_hedge_on_a_dead_feed_is_worth_what_it_is_at_any_one_price() {
    for mode in [MarginMode::Standard, MarginMode::Portfolio] {
        let mut env = Env::new().await;
        env.list_model().await;
        let other = rich(&mut env).await;
        let account = env.trader_with(&[(SOL, 100 * SOL_1)]).await;
        env.set_margin_mode(&account, mode).await;
        trade(&mut env, SOL_PERP, &other, &account, 150.0, 10_000).await;
        let alive = all_but(&env, &[SOL]);
        for minutes in [2, 30, 60] {
            let now = env.now().await - plimsoll_tests::chain::START_TIME;
            pass(&mut env, minutes * 60 + 60 - now, &alive).await;
            let equity = equity(&mut env, &account).await;
            let off = equity - usd(15_000).cast_signed();
            assert!(
                off.abs() < usd(10).cast_signed(),
                "{minutes} minutes: {equity}"
            );
        }
    }
}

/// A debt on a feed that died: whoever repays it owes it then, and has the margin for the worst.
#[tokio::test]
async fn a_debt_on_a_dead_feed_is_repaid_in_the_end() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = env.trader_with(&[(USDC, usd(100_000))]).await;
    rich(&mut env).await;
    let account = env.trader_with(&[(USDC, usd(2_000))]).await;
    env.borrow(&account, SOL, 9 * SOL_1).await.unwrap();
    let poor = env.trader_with(&[(USDC, usd(100))]).await;
    let alive = all_but(&env, &[SOL]);
    pass(&mut env, 3_700, &alive).await;
    flag_at(&mut env, &by, &account, &alive).await;
    let what = swap(&env, Leg::Asset(USDC), Leg::Asset(SOL), ALL);
    refuse(&mut env, &by, &account, &what, E::DoubtTooYoung).await;
    pass(&mut env, DOUBT_PATIENCE_SECS as i64, &alive).await;
    refuse(&mut env, &poor, &account, &what, E::InsufficientHealth).await;
    let owed = env.balance(account.margin, SOL).await;
    liquidate(&mut env, &by, &account, &what).await;
    let left = env.balance(account.margin, SOL).await;
    assert!(left > owed && env.balance(by.margin, SOL).await < 0);
    env.assert_conserved().await;
}

/// A bad debt in SOL while insurance has tokens, and a feed that died: SOL's own, or the quote token's. It is decided once doubt has
/// decayed and everybody had time to post a price; and when the price is back, what is missing is bought.
#[tokio::test]
async fn a_dead_feed_vetoes_no_bankruptcy() {
    for dead in [SOL, USDC] {
        let (mut env, account, by) = owing_sol(&[]).await;
        insure(&mut env, &by, usd(10_000)).await;
        let owed = env.balance(account.margin, SOL).await.unsigned_abs();
        let index = env.bank(SOL).await.deposit_index;
        let resolve = resolve_asset_ix(&env, &by, &account, SOL);
        let alive = all_but(&env, &[dead]);
        pass(&mut env, 3_000, &alive).await;
        env.refuse(&[resolve.clone()], &[&by.key], E::StaleEntry)
            .await;
        pass(&mut env, 700, &alive).await;
        // Flagged anew only now: somebody may still post a price.
        flag_at(&mut env, &by, &account, &alive).await;
        env.refuse(&[resolve.clone()], &[&by.key], E::DoubtTooYoung)
            .await;
        pass(&mut env, DOUBT_PATIENCE_SECS as i64, &alive).await;
        env.run(&[resolve], &[&by.key]).await;
        let bank = env.bank(SOL).await;
        assert_eq!(env.balance(account.margin, SOL).await, 0);
        assert!(bank.missing.abs_diff(owed) < owed / 1_000, "{dead}");
        assert!(bank.deposit_index >= index, "insurance bears it");
        assert!(bank.buyout_fund > 0);
        env.assert_conserved().await;

        env.refresh_all().await;
        let sell = ix::restock_bank(
            &env.exchange,
            by.pubkey(),
            by.margin,
            env.assets[SOL].asset.bank,
            env.assets[USDC].asset.bank,
            ALL,
        );
        env.run(&[sell], &[&by.key]).await;
        let bank = env.bank(SOL).await;
        assert_eq!(bank.missing, 0);
        env.assert_conserved().await;
    }
}

/// For two hours nobody refreshed a feed that spoke all the time: whoever left it out gets nothing before somebody else could
/// have posted it.
#[tokio::test]
async fn a_feed_that_was_only_left_out_auctions_nothing() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let attacker = env.trader().await;
    rich(&mut env).await;
    let account = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, USDC, usd(1_100)).await.unwrap();
    let books = Books::open(&mut env, &[&attacker]).await;
    env.deposit(&attacker, USDC, usd(50_000)).await.unwrap();
    let others = all_but(&env, &[SOL]);
    pass(&mut env, 2 * 3_600, &others).await;
    flag_at(&mut env, &attacker, &account, &others).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    for _ in 0..9 {
        refuse(&mut env, &attacker, &account, &what, E::DoubtTooYoung).await;
        pass(&mut env, 60, &others).await;
    }
    env.advance(1).await;
    env.refresh_all().await;
    liquidate(&mut env, &attacker, &account, &what).await;
    assert!(!is_flagged(&env, &account).await);
    assert_eq!(env.balance(account.margin, SOL).await, 10 * SOL_1 as i64);
    assert!(books.gain(&mut env, &[&attacker]).await <= 0);
    env.assert_conserved().await;
}

/// A flag that was confirmed while a price was doubted says nothing once it is known: between the two lines nothing is seized.
#[tokio::test]
async fn what_doubt_confirmed_is_not_used_at_known_prices() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    // Maint counts 0.9 of 1,500 USD, and LiquidationEnd less.
    let account = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
    env.borrow(&account, USDC, usd(1_190)).await.unwrap();
    let others = all_but(&env, &[SOL]);
    pass(&mut env, 40 * 60, &others).await;
    flag_at(&mut env, &by, &account, &others).await;
    // Confirmed, in doubt.
    let nothing = liquidate_ix(&env, &by, &account, &Default::default());
    env.run(&[nothing], &[&by.key]).await;
    let flagged = env.margin(account.margin).await;
    assert_eq!(flagged.flag_confirmed, confirmation::IN_DOUBT);
    env.advance(1).await;
    env.assets[SOL].usd = 136.0;
    env.refresh_all().await;
    let health = env.health(&account).await;
    assert!(
        health.maintenance >= 0 && health.liquidation_end < 0,
        "{health:?}"
    );
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    liquidate(&mut env, &by, &account, &what).await;
    assert_eq!(env.balance(account.margin, SOL).await, 10 * SOL_1 as i64);
    assert!(!is_flagged(&env, &account).await);
    env.assert_conserved().await;
}

/// A feed that speaks again does so with a dip: one known observation takes nothing, whatever doubt had confirmed before.
#[tokio::test]
async fn a_first_known_price_after_doubt_is_one_observation() {
    for confirmed in [false, true] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let by = rich(&mut env).await;
        let account = env.trader_with(&[(SOL, 10 * SOL_1)]).await;
        env.borrow(&account, USDC, usd(1_190)).await.unwrap();
        let others = all_but(&env, &[SOL]);
        pass(&mut env, 40 * 60, &others).await;
        flag_at(&mut env, &by, &account, &others).await;
        if confirmed {
            let nothing = liquidate_ix(&env, &by, &account, &Default::default());
            env.run(&[nothing], &[&by.key]).await;
        }
        env.advance(1).await;
        env.assets[SOL].usd = 130.0;
        env.refresh_all().await;
        let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
        refuse(&mut env, &by, &account, &what, E::SameObservation).await;
        let nothing = liquidate_ix(&env, &by, &account, &Default::default());
        env.run(&[nothing], &[&by.key]).await;
        // The dip is over.
        env.advance(1).await;
        env.assets[SOL].usd = 150.0;
        env.refresh_all().await;
        liquidate(&mut env, &by, &account, &what).await;
        assert_eq!(env.balance(account.margin, SOL).await, 10 * SOL_1 as i64);
        assert!(!is_flagged(&env, &account).await);
        // Twice below it: then it is seized.
        for _ in 0..2 {
            env.advance(1).await;
            env.assets[SOL].usd = 130.0;
            env.refresh_all().await;
            let nothing = liquidate_ix(&env, &by, &account, &Default::default());
            env.run(&[nothing], &[&by.key]).await;
        }
        liquidate(&mut env, &by, &account, &what).await;
        assert!(env.balance(account.margin, SOL).await < 10 * SOL_1 as i64);
        env.assert_conserved().await;
    }
}

/// Lots of the position, and what they are sold for: reduce-only, at once.
const LOTS: i64 = 32_000;

fn close_at(price: u64) -> OrderTerms {
    OrderTerms {
        reduce_only: true,
        kind: OrderType::ImmediateOrCancel,
        ..ask(price, LOTS)
    }
}

/// Two accounts of one owner: one long 48,000 USD of SOL against the other, on what it brought. The feed of JUP has died then,
/// the token is worth nothing, and the long is to be handed over below its price before it is abandoned.
async fn long_against_oneself(x: Trader, env: &mut Env, dead_for: i64) -> (Trader, Trader, Books) {
    env.edit_market(SOL_PERP, |p| p.maker_fee = 0).await;
    let y = env.trader().await;
    let books = Books::open(env, &[&y]).await;
    env.deposit(&y, USDC, usd(10_000)).await.unwrap();
    trade(env, SOL_PERP, &x, &y, 150.0, LOTS).await;
    let alive = all_but(env, &[JUP]);
    pass(env, dead_for, &alive).await;
    env.place(&y, bid(14_300, LOTS), &[]).await;
    (x, y, books)
}

/// The other one bids a fair price, which is taken; it has won nothing.
async fn close_fairly(env: &mut Env, x: &Trader, y: &Trader, books: &Books) {
    env.place(y, bid(15_000, LOTS), &[]).await;
    let closed = env.place(x, close_at(15_000), &[y]).await;
    assert_eq!(closed.filled, LOTS);
    let gain = books.gain(env, &[y]).await;
    assert!(gain <= 0, "{gain}");
    env.assert_conserved().await;
}

/// The maintenance margin that a closing trade sets free may be given away by whoever owns it. Who is maintained by nothing
/// but a dead token owns none.
#[tokio::test]
async fn margin_on_a_dead_token_is_given_to_nobody() {
    for dead_for in [61, 3_000] {
        for portfolio in [false, true] {
            let mut env = Env::new().await;
            env.refresh_all().await;
            if portfolio {
                env.list_model().await;
            }
            rich(&mut env).await;
            let jup = if portfolio {
                62_500_000_000
            } else {
                12_500_000_000
            };
            let brought = [(JUP, jup)];
            let x = match portfolio {
                true => env.portfolio_trader(&brought).await,
                false => env.trader_with(&brought).await,
            };
            let (x, y, books) = long_against_oneself(x, &mut env, dead_for).await;
            env.refuse_order(&x, close_at(14_300), &[&y], E::InsufficientHealth)
                .await;
            env.place(&y, bid(14_999, LOTS), &[]).await;
            env.refuse_order(&x, close_at(14_999), &[&y], E::InsufficientHealth)
                .await;
            close_fairly(&mut env, &x, &y, &books).await;
        }
    }
}

/// Half of it is sold at the oracle's price, and the rest is left in the book far below it, for the other account to take.
#[tokio::test]
async fn margin_on_a_dead_token_is_not_left_in_the_book() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    rich(&mut env).await;
    let x = env.trader_with(&[(JUP, 12_500_000_000)]).await;
    let (x, y, books) = long_against_oneself(x, &mut env, 61).await;
    env.place(&y, bid(15_000, LOTS / 2), &[]).await;
    let mut rest = ask(14_400, LOTS);
    rest.reduce_only = true;
    env.refuse_order(&x, rest, &[&y], E::InsufficientHealth)
        .await;
    let gain = books.gain(&mut env, &[&x, &y]).await;
    assert!(gain <= 0, "{gain}");
    env.assert_conserved().await;
}

/// Its neighbour: a debt that may have grown to be worth more than what secures it.
#[tokio::test]
async fn margin_beside_a_dead_debt_is_given_to_nobody() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    rich(&mut env).await;
    let x = env.trader_with(&[(USDC, usd(21_000))]).await;
    env.borrow(&x, JUP, 12_500_000_000).await.unwrap();
    let (x, y, books) = long_against_oneself(x, &mut env, 61).await;
    env.refuse_order(&x, close_at(14_300), &[&y], E::StaleEntry)
        .await;
    close_fairly(&mut env, &x, &y, &books).await;
}

/// Who can pay for it without the dead token may close at any price within the band.
#[tokio::test]
async fn margin_beside_a_dead_token_is_its_owners() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    rich(&mut env).await;
    let brought = [(JUP, 12_500_000_000), (USDC, usd(2_600))];
    let x = env.trader_with(&brought).await;
    let (x, y, _) = long_against_oneself(x, &mut env, 61).await;
    let closed = env.place(&x, close_at(14_300), &[&y]).await;
    assert_eq!(closed.filled, LOTS);
    assert!(equity(&mut env, &x).await > 0);
    env.assert_conserved().await;
}
