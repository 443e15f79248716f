//! Dust: a unit of something, left in an account to hold up what others must be able to do.
use plimsoll::{
    error::PlimsollError as E, events::DustForfeited, liquidation::DOUBT_PATIENCE_SECS,
};
use plimsoll_client::{events, instructions::BadDebt};
use plimsoll_tests::{
    attack::swap as swap_account,
    env::{BTC, ETH, JUP, SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::{ask, bid},
    usd, Env,
};

/// A debt in quote, and one in another asset that insurance buys.
#[tokio::test]
async fn dust_of_a_dead_feed_holds_no_bankruptcy_up() {
    // A cent, and a little less than what counts as dust.
    for amount in [10_000, 6_000_000] {
        let (mut env, account, by) = owing_sol(&[(JUP, amount)]).await;
        insure(&mut env, &by, usd(1_000)).await;
        let alive = all_but(&env, &[JUP]);
        let keeping = resolve_asset_ix(&env, &by, &account, SOL);
        let resolve = with_dust(&env, &keeping, &[JUP]);
        // While it can be seized, that comes first.
        for call in [&keeping, &resolve] {
            let call = std::slice::from_ref(call);
            env.refuse(call, &[&by.key], E::NotBankrupt).await;
        }
        pass(&mut env, 11, &alive).await;
        // Nobody keeps it, and nothing else is taken for it.
        env.refuse(std::slice::from_ref(&keeping), &[&by.key], E::NotBankrupt)
            .await;
        let market = swap_account(
            &resolve,
            env.assets[JUP].asset.bank,
            env.markets[SOL_PERP].market.address,
        );
        let wrong = [
            with_dust(&env, &keeping, &[BTC]),
            with_dust(&env, &keeping, &[SOL]),
            with_dust(&env, &resolve, &[JUP]),
            with_dust(&env, &resolve, &[USDC]),
            market,
        ];
        for call in wrong {
            env.refuse(&[call], &[&by.key], E::WrongRemainingAccount)
                .await;
        }
        let insurance = env.bank(JUP).await.insurance;
        let outcome = env.run(&[resolve], &[&by.key]).await;
        let told: Vec<DustForfeited> = events::of_kind(&outcome.logs);
        assert_eq!((told.len(), told[0].asset), (1, JUP as u16));
        assert!(amount - told[0].amount <= 1);
        let more = env.bank(JUP).await.insurance - insurance;
        assert_eq!(more, told[0].amount);
        assert_eq!(env.balance(account.margin, JUP).await, 0);
        assert_eq!(env.balance(account.margin, SOL).await, 0);
        assert!(!is_flagged(&env, &account).await);
        env.assert_conserved().await;
    }

    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let account = env.trader_with(&[(SOL, 10 * SOL_1), (JUP, 10_000)]).await;
    env.borrow(&account, USDC, usd(1_100)).await.unwrap();
    let alive = all_but(&env, &[JUP]);
    pass(&mut env, 300, &alive).await;
    env.assets[SOL].usd = 100.0;
    env.advance(1).await;
    env.refresh_only(&alive).await;
    flag_at(&mut env, &by, &account, &alive).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    liquidate(&mut env, &by, &account, &what).await;
    insure(&mut env, &by, usd(5_000)).await;
    let debt = BadDebt::Asset {
        bank: env.assets[USDC].asset.bank,
        resolver_account: None,
        max_repay: 0,
    };
    let resolve = resolve_ix(&env, &by, &account, &debt);
    env.run(&[with_dust(&env, &resolve, &[JUP])], &[&by.key])
        .await;
    assert_eq!(env.balance(account.margin, USDC).await, 0);
    env.assert_conserved().await;
}

/// More than dust is value: it is auctioned once its price has long been doubted, and then the bankruptcy goes on.
#[tokio::test]
async fn what_is_more_than_dust_is_auctioned_first() {
    let (mut env, account, by) = owing_sol(&[(JUP, 100_000_000)]).await;
    let alive = all_but(&env, &[JUP]);
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    pass(&mut env, 60, &alive).await;
    for call in [resolve.clone(), with_dust(&env, &resolve, &[JUP])] {
        env.refuse(&[call], &[&by.key], E::NotBankrupt).await;
    }
    pass(&mut env, 3_600, &alive).await;
    let rest = swap(&env, Leg::Asset(JUP), Leg::Asset(SOL), ALL);
    flag_at(&mut env, &by, &account, &alive).await;
    pass(&mut env, DOUBT_PATIENCE_SECS as i64, &alive).await;
    liquidate(&mut env, &by, &account, &rest).await;
    assert_eq!(env.balance(account.margin, JUP).await, 0);
    env.run(&[resolve], &[&by.key]).await;
    env.assert_conserved().await;
}

/// One native unit of something beside what counts: with a feed or without, the rest can be taken, and it itself too.
#[tokio::test]
async fn a_unit_of_collateral_holds_no_swap_up() {
    for dust in [USDC, BTC, JUP] {
        for dead in [false, true] {
            let mut env = Env::new().await;
            env.refresh_all().await;
            let by = rich(&mut env).await;
            let account = env.trader_with(&[(ETH, ETH_1), (dust, 1)]).await;
            env.borrow(&account, SOL, 14 * SOL_1).await.unwrap();
            let silent: &[usize] = if dead { &[dust] } else { &[] };
            let alive = all_but(&env, silent);
            pass(&mut env, 60, &alive).await;
            for dollars in [200.0, 205.0] {
                env.advance(60).await;
                env.assets[SOL].usd = dollars;
                env.refresh_only(&alive).await;
            }
            flag_at(&mut env, &by, &account, &alive).await;
            let own = equity(&mut env, &by).await;
            let unit = swap(&env, Leg::Asset(dust), Leg::Asset(SOL), ALL);
            let call = liquidate_ix(&env, &by, &account, &unit);
            let result = env.send(&[call], &[&by.key]).await;
            if dead {
                super::assert_one_of(result, &[E::StaleEntry]);
            }
            let rest = swap(&env, Leg::Asset(ETH), Leg::Asset(SOL), ALL);
            let outcome = liquidate(&mut env, &by, &account, &rest).await;
            assert!(swapped(&outcome).repaid > SOL_1);
            assert!(equity(&mut env, &by).await > own);
            env.assert_conserved().await;
        }
    }
}

/// A little less than 5 USD of each.
const DUST: [(usize, u64); 4] = [
    (SOL, 33_000_000),
    (BTC, 8_300),
    (ETH, 166_000),
    (JUP, 6_200_000),
];

/// Dust that nobody can seize just now is still worth more than the debt on it.
#[tokio::test]
async fn who_can_pay_is_not_bankrupt() {
    for forfeited in [&[][..], &[SOL, BTC, ETH, JUP][..]] {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let by = rich(&mut env).await;
        insure(&mut env, &by, usd(5_000)).await;
        let attacker = env.trader().await;
        let books = Books::open(&mut env, &[&attacker]).await;
        for (asset, amount) in DUST {
            env.deposit(&attacker, asset, amount).await.unwrap();
        }
        // Its prices pay still, and seize no more.
        env.advance(11).await;
        let resolve = resolve_ix(&env, &attacker, &attacker, &quote_debt(&env));
        let resolve = with_dust(&env, &resolve, forfeited);
        for _ in 0..5 {
            let loan = env.withdraw_ix(&attacker, USDC, usd(14), true);
            let call = [loan, resolve.clone()];
            super::assert_one_of(env.send(&call, &[&attacker.key]).await, &[E::NotBankrupt]);
        }
        assert!(books.gain(&mut env, &[&attacker]).await <= 0);
        env.assert_conserved().await;
    }
}

fn quote_debt(env: &Env) -> BadDebt {
    BadDebt::Asset {
        bank: env.assets[USDC].asset.bank,
        resolver_account: None,
        max_repay: 0,
    }
}

/// Each is dust, and all together are not.
#[tokio::test]
async fn much_dust_is_no_dust() {
    let dust = &DUST[1..];
    let (mut env, account, by) = owing_sol(dust).await;
    let assets = [BTC, ETH, JUP];
    let alive = all_but(&env, &assets);
    pass(&mut env, 60, &alive).await;
    let resolve = resolve_asset_ix(&env, &by, &account, SOL);
    for forfeited in [&assets[..], &assets[..1], &[]] {
        let call = with_dust(&env, &resolve, forfeited);
        env.refuse(&[call], &[&by.key], E::NotBankrupt).await;
    }
    // What is alive is seized, whatever is out of reach beside it.
    let alive = all_but(&env, &[JUP]);
    env.advance(1).await;
    env.refresh_only(&alive).await;
    let call = with_dust(&env, &resolve, &assets);
    env.refuse(&[call], &[&by.key], E::NotBankrupt).await;
    env.assert_conserved().await;
}

/// Who is below his line and has equity, doubt in his favour, keeps his dust and his debt; once he has none, others bear no more
/// than what the debt has risen above the dust, and he keeps nothing.
#[tokio::test]
async fn dust_is_forfeited_of_the_insolvent_only() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    rich(&mut env).await;
    let attacker = env.trader().await;
    let books = Books::open(&mut env, &[&attacker]).await;
    env.deposit(&attacker, BTC, 8_300).await.unwrap();
    env.borrow(&attacker, SOL, 23_300_000).await.unwrap();
    let debt = BadDebt::Asset {
        bank: env.assets[SOL].asset.bank,
        resolver_account: None,
        max_repay: 0,
    };
    let resolve = resolve_ix(&env, &attacker, &attacker, &debt);
    let resolve = with_dust(&env, &resolve, &[BTC]);
    let alive = all_but(&env, &[BTC]);
    let mut refused = 0;
    loop {
        env.advance(20).await;
        env.assets[SOL].usd *= 1.03;
        env.refresh_only(&alive).await;
        let result = env.send(&[resolve.clone()], &[&attacker.key]).await;
        if result.is_ok() {
            break;
        }
        super::assert_one_of(result, &[E::NotBankrupt]);
        refused += 1;
        assert!(refused < 20, "never");
    }
    // 3.50 USD of debt against 4.98, a tenth more in doubt.
    assert!(refused > 13, "{refused}");
    assert_eq!(env.balance(attacker.margin, BTC).await, 0);
    assert_eq!(env.balance(attacker.margin, SOL).await, 0);
    let gain = books.gain(&mut env, &[&attacker]).await;
    assert!(gain < usd(1).cast_signed(), "{gain}");
    env.assert_conserved().await;
}

/// A lot on either side of a dead feed hedges itself; being dust it is auctioned all the same, and the bankruptcy goes on.
#[tokio::test]
async fn a_hedge_in_dust_holds_no_bankruptcy_up() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let brought = [(ETH, ETH_1), (SOL, SOL_1 / 100)];
    let account = env.trader_with(&brought).await;
    let price = price_lots(&env, SOL_PERP, 150.0).await;
    env.place_in(SOL_PERP, &by, bid(price, 1), &[]).await;
    env.place_in(SOL_PERP, &account, ask(price, 1), &[&by])
        .await;
    env.borrow(&account, USDC, usd(2_500)).await.unwrap();
    for dollars in [2_700.0, 2_400.0] {
        shock(&mut env, ETH, dollars).await;
    }
    let what = swap(&env, Leg::Asset(ETH), Leg::Asset(USDC), ALL);
    liquidate(&mut env, &by, &account, &what).await;
    assert_eq!(env.balance(account.margin, ETH).await, 0);
    let alive = all_but(&env, &[SOL]);
    pass(&mut env, 3_700, &alive).await;
    flag_at(&mut env, &by, &account, &alive).await;
    pass(&mut env, DOUBT_PATIENCE_SECS as i64, &alive).await;
    let what = take(&env, SOL_PERP, ALL);
    liquidate(&mut env, &by, &account, &what).await;
    let what = swap(&env, Leg::Asset(SOL), Leg::Asset(USDC), ALL);
    liquidate(&mut env, &by, &account, &what).await;
    let resolve = resolve_ix(&env, &by, &account, &quote_debt(&env));
    env.run(&[resolve], &[&by.key]).await;
    assert_eq!(env.balance(account.margin, USDC).await, 0);
    env.assert_conserved().await;
}
