//! Banks: what an attacker can do to others with tokens that he has for a moment, or to himself by the order of instructions.
use anchor_spl::token::spl_token;
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions as ix;
use plimsoll_risk::{flow::CREDIT_SECS, INDEX_ONE};
use plimsoll_tests::{
    env::{JUP, SOL, SOL_PERP, USDC},
    scenarios::*,
    trading::bid,
    usd, Env, Trader,
};

const DAY: i64 = 86_400;
/// 1,000 USD of JUP at 0.8.
const JUP_1000_USD: u64 = 1_250_000_000;

/// Seconds after which what came in is everybody's.
async fn settle_in(env: &mut Env) {
    env.advance(i64::from(CREDIT_SECS) + 1).await;
    env.refresh_all().await;
}

/// Tokens that are in the vault for a moment, or for some, use up nobody's room to withdraw.
#[tokio::test]
async fn a_deposit_and_its_withdrawal_use_up_nobodys_outflow() {
    for pause in [0, 1, 60] {
        let mut env = Env::new().await;
        env.edit_asset(SOL, |p| p.outflow_limit_usd = usd(150_000))
            .await;
        let saver = env.trader_with(&[(SOL, 5_000 * SOL_1)]).await;
        settle_in(&mut env).await;
        let nobody = env.trader().await;
        let amount = 9_000 * SOL_1;
        let into = env.deposit_ix(&nobody, SOL, amount);
        let out = env.withdraw_ix(&nobody, SOL, amount - amount / 600 * pause as u64, false);
        if pause == 0 {
            env.run(&[into, out], &[&nobody.key]).await;
        } else {
            env.run(&[into], &[&nobody.key]).await;
            env.advance(pause).await;
            env.run(&[out], &[&nobody.key]).await;
        }
        // All of the day's room is still there, and no more.
        let too_much = env.withdraw_ix(&saver, SOL, 1_001 * SOL_1, false);
        env.refuse(&[too_much], &[&saver.key], E::OutflowLimit)
            .await;
        env.withdraw(&saver, SOL, 999 * SOL_1).await.unwrap();
        env.assert_conserved().await;
    }
}

/// What was brought in earlier is no allowance for what leaves later.
#[tokio::test]
async fn a_deposit_of_yesterday_prepares_nothing() {
    let mut env = Env::new().await;
    env.edit_asset(SOL, |p| p.outflow_limit_usd = usd(150_000))
        .await;
    let whale = env.trader_with(&[(SOL, 20_000 * SOL_1)]).await;
    for wait in [i64::from(CREDIT_SECS) + 1, DAY, 30 * DAY] {
        env.advance(wait).await;
        env.refresh_all().await;
        let much = env.withdraw_ix(&whale, SOL, 1_001 * SOL_1, false);
        env.refuse(&[much], &[&whale.key], E::OutflowLimit).await;
    }
    env.assert_conserved().await;
}

/// Nor does repaying a debt and borrowing it again use up what others may borrow, in either order.
#[tokio::test]
async fn a_repayment_and_its_borrow_use_up_nobodys_net_borrows() {
    let mut env = Env::new().await;
    let _lender = env.trader_with(&[(SOL, 10_000 * SOL_1)]).await;
    let debtor = env.trader_with(&[(USDC, usd(5_000_000))]).await;
    let other = env.trader_with(&[(USDC, usd(5_000_000))]).await;
    env.borrow(&debtor, SOL, 3_000 * SOL_1).await.unwrap();
    env.edit_asset(SOL, |p| p.net_borrow_limit_usd = usd(150_000))
        .await;
    env.advance(4 * DAY).await;
    env.refresh_all().await;
    let owed = env.balance(debtor.margin, SOL).await.unsigned_abs();
    let tokens = [
        env.deposit_ix(&debtor, SOL, owed.min(2_900 * SOL_1)),
        env.withdraw_ix(&debtor, SOL, 2_900 * SOL_1, true),
    ];
    env.run(&tokens, &[&debtor.key]).await;
    let too_much = env.withdraw_ix(&other, SOL, 1_001 * SOL_1, true);
    env.refuse(&[too_much], &[&other.key], E::NetBorrowLimit)
        .await;
    env.borrow(&other, SOL, 999 * SOL_1).await.unwrap();
    env.assert_conserved().await;
}

/// Tokens that somebody gave to the vault are nobody's to lend, so that dust cannot earn on them.
#[tokio::test]
async fn a_donation_is_not_lent() {
    let mut env = Env::new().await;
    let giver = env.trader_with(&[(SOL, 1)]).await;
    let borrower = env.trader_with(&[(USDC, usd(10_000))]).await;
    let gift = spl_token::instruction::transfer(
        &spl_token::ID,
        &giver.tokens[SOL],
        &env.assets[SOL].asset.vault,
        &giver.pubkey(),
        &[],
        1_000_000_000,
    )
    .unwrap();
    env.run(&[gift], &[&giver.key]).await;
    let borrow = env.withdraw_ix(&borrower, SOL, 1_000_000_000, true);
    env.refuse(&[borrow], &[&borrower.key], E::InsufficientLiquidity)
        .await;
    // The one unit may be.
    env.borrow(&borrower, SOL, 1).await.unwrap();
    for _ in 0..30 {
        env.advance(DAY).await;
        env.refresh_all().await;
    }
    let bank = env.bank(SOL).await;
    assert!(bank.deposit_index <= bank.borrow_index && bank.borrow_index < 2 * INDEX_ONE);
    // And the bank is as usable as ever.
    let saver = env.trader_with(&[(SOL, 1_000_000_000)]).await;
    env.borrow(&borrower, SOL, 500_000_000).await.unwrap();
    let owed = env.balance(borrower.margin, SOL).await.unsigned_abs();
    env.deposit(&borrower, SOL, owed).await.unwrap();
    env.withdraw(&saver, SOL, u64::MAX).await.unwrap();
}

/// A borrow that becomes the deposit of the owner's other account is a deposit like any other.
#[tokio::test]
async fn a_transfer_keeps_to_the_deposit_cap() {
    let mut env = Env::new().await;
    let _lender = env.trader_with(&[(SOL, 10_000 * SOL_1)]).await;
    env.edit_asset(SOL, |p| p.deposit_cap_usd = usd(1_600_000))
        .await;
    let whale = env.trader_with(&[(USDC, usd(9_000_000))]).await;
    let second = env.open_margin_account(&whale.key, 1).await;
    let (exchange, asset) = (env.exchange, env.assets[SOL].asset);
    let (owner, from) = (whale.pubkey(), whale.margin);
    let aside = |from, to, amount| ix::transfer(&exchange, owner, from, to, &asset, amount, true);
    env.refuse(
        &[aside(from, second, 9_000 * SOL_1)],
        &[&whale.key],
        E::DepositCap,
    )
    .await;
    // More than there is to lend, whatever it is lent for.
    env.refuse(
        &[aside(from, second, 30_000 * SOL_1)],
        &[&whale.key],
        E::InsufficientLiquidity,
    )
    .await;
    env.run(&[aside(from, second, 600 * SOL_1)], &[&whale.key])
        .await;
    // What is there already moves on even when the cap has been lowered since; so does a repayment.
    env.edit_asset(SOL, |p| p.deposit_cap_usd = usd(1_000))
        .await;
    let third = env.open_margin_account(&whale.key, 2).await;
    env.run(&[aside(second, third, 100 * SOL_1)], &[&whale.key])
        .await;
    env.run(&[aside(third, from, 100 * SOL_1)], &[&whale.key])
        .await;
    env.assert_conserved().await;
}

/// Deposits of JUP count whole up to 10,000 USD in all; a lender of USDC.
async fn scaled() -> (Env, Trader) {
    let mut env = Env::new().await;
    env.edit_asset(JUP, |p| p.deposit_scale_start_usd = usd(10_000))
        .await;
    env.refresh_all().await;
    let lender = env.trader_with(&[(USDC, usd(1_000_000))]).await;
    (env, lender)
}

/// In whatever order a deposit, a refresh and a borrow or an order come: who deposits is held to the total after it.
#[tokio::test]
async fn a_depositor_is_held_to_the_total_after_his_deposit() {
    let (mut env, _) = scaled().await;
    let whale = env.trader().await;
    env.advance(1).await;
    env.refresh_all().await;
    let refresh = ix::refresh(
        &env.exchange,
        &[env.asset_entry(JUP), env.asset_entry(USDC)].concat(),
    );
    // 100,000 USD of JUP: a tenth of it counts, by half.
    let deposit = env.deposit_ix(&whale, JUP, 100 * JUP_1000_USD);
    let borrow = |env: &Env, dollars| env.withdraw_ix(&whale, USDC, usd(dollars), true);
    let much = borrow(&env, 5_100);
    let orders = [
        vec![deposit.clone(), much.clone()],
        vec![refresh.clone(), deposit.clone(), much.clone()],
        vec![deposit.clone(), refresh.clone(), much.clone()],
    ];
    for order in orders {
        env.refuse(&order, &[&whale.key], E::InsufficientHealth)
            .await;
    }
    // Nor can it be traded on: 60,000 USD at a tenth.
    let order = env.order_ix(&whale, bid(14_999, 40_000), &[]);
    env.refuse(
        &[deposit.clone(), order.clone()],
        &[&whale.key],
        E::InsufficientHealth,
    )
    .await;
    env.run(&[deposit], &[&whale.key]).await;
    for wait in [1, 600, 3_000, 10_000, 40_000] {
        env.advance(wait).await;
        env.refresh_all().await;
        env.refuse(&[much.clone()], &[&whale.key], E::InsufficientHealth)
            .await;
        env.refuse(&[order.clone()], &[&whale.key], E::InsufficientHealth)
            .await;
    }
    let fair = borrow(&env, 4_900);
    env.run(&[fair], &[&whale.key]).await;
    env.assert_conserved().await;
}

/// In slices, through another wallet, or through a second account it counts no more.
#[tokio::test]
async fn a_deposit_in_slices_is_held_to_the_total_too() {
    for moved in [90 * JUP_1000_USD, u64::MAX] {
        in_slices_and_aside(moved).await;
    }
}

/// So much of the deposit is moved to a second account.
async fn in_slices_and_aside(amount: u64) {
    let (mut env, _) = scaled().await;
    let (whale, helper) = (env.trader().await, env.trader().await);
    env.deposit(&whale, JUP, JUP_1000_USD).await.unwrap();
    for _ in 0..9 {
        let into = ix::deposit(
            &env.exchange,
            helper.pubkey(),
            whale.margin,
            &env.assets[JUP].asset,
            helper.tokens[JUP],
            11 * JUP_1000_USD,
        );
        env.run(&[into], &[&helper.key]).await;
    }
    // 100,000 USD in all, of which a tenth counts, by half.
    let health = env.health(&whale).await;
    assert!(health.init <= usd(5_000) as i64, "{}", health.init);
    let second = env.open_margin_account(&whale.key, 1).await;
    let aside = ix::transfer(
        &env.exchange,
        whale.pubkey(),
        whale.margin,
        second,
        &env.assets[JUP].asset,
        amount,
        false,
    );
    env.run(&[aside], &[&whale.key]).await;
    let rest = env.health(&whale).await.init;
    let moved = env
        .margin(second)
        .await
        .balances
        .iter()
        .find(|b| b.asset == JUP as u16)
        .copied()
        .unwrap();
    assert!(
        moved.crowded_until > 0,
        "the other account is held to it as well"
    );
    assert!(rest <= health.init / 9);
    env.assert_conserved().await;
}

/// Ten wallets, or ten accounts of one, that bring a tenth each count together as one that brings all: nobody sees any of it yet.
#[tokio::test]
async fn a_deposit_over_accounts_counts_as_one() {
    for refreshed in [false, true] {
        let (mut env, _) = scaled().await;
        let holder = env.trader_with(&[(JUP, 10 * JUP_1000_USD)]).await;
        env.advance(DAY).await;
        env.refresh_all().await;
        let before = env.health(&holder).await.init;
        let mut together = 0;
        for _ in 0..10 {
            if refreshed {
                env.refresh_all().await;
            }
            let wallet = env.trader_with(&[(JUP, 9 * JUP_1000_USD)]).await;
            together += env.health(&wallet).await.init;
        }
        // 90,000 USD of 100,000: a tenth of them counts, by half.
        assert!(together <= usd(4_550) as i64, "{together}");
        assert!(together >= usd(4_300) as i64, "{together}");
        // The others' weights are as they were.
        assert_eq!(env.health(&holder).await.init, before);
        // In ten hours all see it, and all count alike.
        for _ in 0..10 {
            env.advance(3_600).await;
            env.refresh_all().await;
        }
        let after = env.health(&holder).await.init;
        assert!(after < before / 9 && after > before / 11, "{after}");
        env.assert_conserved().await;
    }
}

/// So do debts: what several accounts have just borrowed is dearer for the next one.
#[tokio::test]
async fn debts_over_accounts_count_as_one() {
    let mut env = Env::new().await;
    env.edit_asset(SOL, |p| p.borrow_scale_start_usd = usd(15_000))
        .await;
    let _lender = env.trader_with(&[(SOL, 10_000 * SOL_1)]).await;
    let old = env.trader_with(&[(USDC, usd(200_000))]).await;
    env.borrow(&old, SOL, 100 * SOL_1).await.unwrap();
    env.advance(DAY).await;
    env.refresh_all().await;
    let mut counted = Vec::new();
    for accounts in [1, 4] {
        let mut cost = 0;
        let mut borrowers = Vec::new();
        for _ in 0..accounts {
            let borrower = env.trader_with(&[(USDC, usd(400_000))]).await;
            let before = env.health(&borrower).await.init;
            env.borrow(&borrower, SOL, 100 * SOL_1 / accounts)
                .await
                .unwrap();
            cost += before - env.health(&borrower).await.init;
            borrowers.push(borrower);
        }
        counted.push(cost);
        for borrower in &borrowers {
            env.deposit(borrower, SOL, 100 * SOL_1 / accounts)
                .await
                .unwrap();
        }
        env.advance(DAY).await;
        env.refresh_all().await;
    }
    let [one, four] = counted[..] else { panic!() };
    assert!((one - four).abs() < one / 100, "{one} and {four}");
    env.assert_conserved().await;
}

/// A stranger gives somebody a unit in the middle of his flash deposit: it says nothing about the profit that is settled later.
#[tokio::test]
async fn a_gifted_unit_holds_no_later_profit_to_a_crowd() {
    let mut without = 0;
    for gift in [0, 1, 1_000] {
        let mut env = Env::new().await;
        env.edit_asset(USDC, |p| p.deposit_scale_start_usd = usd(500_000))
            .await;
        env.refresh_all().await;
        let loser = env.trader_with(&[(USDC, usd(400_000))]).await;
        let winner = env.trader_with(&[(SOL, 200 * SOL_1)]).await;
        let stranger = env.trader().await;
        trade(&mut env, SOL_PERP, &winner, &loser, 150.0, 1_000).await;
        shock(&mut env, SOL, 155.0).await;
        settle_down(&mut env).await;
        trade(&mut env, SOL_PERP, &loser, &winner, 155.0, 1_000).await;
        env.settle_pnl(&loser).await;
        let before = env.health(&winner).await.init;
        if gift > 0 {
            let unit = ix::deposit(
                &env.exchange,
                stranger.pubkey(),
                winner.margin,
                &env.assets[USDC].asset,
                stranger.tokens[USDC],
                gift,
            );
            let flash = [
                env.deposit_ix(&stranger, USDC, usd(5_000_000)),
                unit,
                env.withdraw_ix(&stranger, USDC, usd(5_000_000), false),
            ];
            env.run(&flash, &[&stranger.key]).await;
        }
        env.settle_pnl(&winner).await;
        let won = env.balance(winner.margin, USDC).await;
        let counted = env.health(&winner).await.init - before;
        assert!(won > usd(45) as i64, "{won}");
        if gift == 0 {
            without = counted;
        }
        assert!(without > won / 10 * 9);
        assert!(
            (counted - without).abs() <= 2_000,
            "{gift}: {counted} of {won}"
        );
        env.assert_conserved().await;
    }
}

/// Who takes a deposit over as a liquidator is held to the crowd as if he had brought it.
#[tokio::test]
async fn what_a_liquidator_takes_over_in_a_crowd_is_held_to_it() {
    let (mut env, _) = scaled().await;
    let liquidator = env.trader_with(&[(USDC, usd(50_000))]).await;
    let account = env.trader_with(&[(JUP, 9 * JUP_1000_USD)]).await;
    env.borrow(&account, USDC, usd(4_000)).await.unwrap();
    let _crowd = env.trader_with(&[(JUP, 400 * JUP_1000_USD)]).await;
    for dollars in [0.55, 0.4] {
        shock(&mut env, JUP, dollars).await;
    }
    let what = swap(&env, Leg::Asset(JUP), Leg::Asset(USDC), ALL);
    liquidate(&mut env, &liquidator, &account, &what).await;
    let seized = env.margin(liquidator.margin).await;
    let seized = seized.balances.iter().find(|b| b.asset == JUP as u16);
    assert!(seized.is_some_and(|b| b.shares.0 > 0 && b.crowded_until > 0));
    env.assert_conserved().await;
}

/// In the middle of a stranger's flash loan anybody settles a loss by a borrow: never one that the crowd puts below Init.
#[tokio::test]
async fn a_loss_settled_in_a_crowd_leaves_init_whole() {
    for crowded in [false, true] {
        let mut env = Env::new().await;
        env.edit_asset(USDC, |p| p.borrow_scale_start_usd = usd(10_000))
            .await;
        env.refresh_all().await;
        let winner = env.trader_with(&[(USDC, usd(2_000_000))]).await;
        let loser = env.trader_with(&[(SOL, 2 * SOL_1)]).await;
        let stranger = env.trader_with(&[(SOL, 20_000 * SOL_1)]).await;
        trade(&mut env, SOL_PERP, &winner, &loser, 150.0, 500).await;
        trade(&mut env, SOL_PERP, &loser, &winner, 155.0, 500).await;
        trade(&mut env, SOL_PERP, &winner, &loser, 150.0, 500).await;
        trade(&mut env, SOL_PERP, &loser, &winner, 155.0, 500).await;
        let settle = env.settle_pnl_ix(&loser);
        let loss = env.perp(&loser).await.quote.0;
        assert!(loss < -(usd(40) as i64), "{loss}");
        if !crowded {
            env.run(&[settle], &[]).await;
            assert!(env.balance(loser.margin, USDC).await < 0);
            continue;
        }
        // So much that the debt would weigh more than all that the loser has.
        let flash = [env.withdraw_ix(&stranger, USDC, usd(120_000), true), settle];
        env.refuse(&flash, &[&stranger.key], E::CannotPayLoss).await;
        env.assert_conserved().await;
    }
}

/// What a stranger brings, refreshes and takes in one transaction moves nobody's lines; what he leaves there, at a rate.
#[tokio::test]
async fn a_stranger_moves_the_weights_of_others_at_a_rate_only() {
    let (mut env, _) = scaled().await;
    let holder = env.trader_with(&[(JUP, 9 * JUP_1000_USD)]).await;
    let stranger = env.trader().await;
    env.advance(DAY).await;
    env.refresh_all().await;
    let before = env.health(&holder).await;
    let entry = env.entry(JUP).await.asset_weight;
    let refresh = ix::refresh(&env.exchange, &env.asset_entry(JUP));
    let amount = 200 * JUP_1000_USD;
    let flash = [
        env.deposit_ix(&stranger, JUP, amount),
        refresh.clone(),
        env.withdraw_ix(&stranger, JUP, amount, false),
    ];
    // Even after a while in which nobody had touched the bank.
    env.advance(DAY).await;
    env.refresh_only(&[USDC]).await;
    env.set_price(JUP, 0.8).await;
    env.refresh(&[env.feed_entry(JUP)]).await;
    env.run(&flash, &[&stranger.key]).await;
    env.refresh_all().await;
    assert_eq!(env.entry(JUP).await.asset_weight, entry);
    assert_eq!(env.health(&holder).await.init, before.init);

    env.deposit(&stranger, JUP, amount).await.unwrap();
    env.refresh_all().await;
    assert_eq!(env.health(&holder).await.init, before.init);
    // The start of the scale in an hour: in six minutes a tenth of it.
    env.advance(360).await;
    env.refresh_all().await;
    let weight = f64::from(env.entry(JUP).await.asset_weight[0]) / f64::from(entry[0]);
    assert!((weight - 1.0 / 1.1).abs() < 0.001, "{weight}");
    let after = env.health(&holder).await;
    assert!(after.init < before.init && after.init > before.init / 12 * 10);
    assert_eq!(after.maintenance, before.maintenance);
    env.assert_conserved().await;
}

/// A large holder who leaves for a moment relaxes nobody's weights, so that nobody borrows meanwhile what would not be lent him.
#[tokio::test]
async fn a_withdrawal_for_a_moment_relaxes_nobodys_weights() {
    let (mut env, _) = scaled().await;
    let whale = env.trader_with(&[(JUP, 91 * JUP_1000_USD)]).await;
    let friend = env.trader_with(&[(JUP, 9 * JUP_1000_USD)]).await;
    for _ in 0..10 {
        env.advance(3_600).await;
        env.refresh_all().await;
    }
    let weight = env.entry(JUP).await.asset_weight[0];
    let refresh = ix::refresh(&env.exchange, &env.asset_entry(JUP));
    let out = env.withdraw_ix(&whale, JUP, u64::MAX, false);
    let borrow = env.withdraw_ix(&friend, USDC, usd(1_000), true);
    let back = env.deposit_ix(&whale, JUP, 91 * JUP_1000_USD);
    let all = [out, refresh, borrow, back];
    env.refuse(&all, &[&whale.key, &friend.key], E::InsufficientHealth)
        .await;
    env.withdraw(&whale, JUP, u64::MAX).await.unwrap();
    env.advance(1).await;
    env.refresh_all().await;
    let relaxed = env.entry(JUP).await.asset_weight[0];
    assert!(
        relaxed >= weight && relaxed - weight < weight / 1_000,
        "{weight} then {relaxed}"
    );
    // In time they are what the true total makes them.
    env.advance(10 * 3_600).await;
    env.refresh_all().await;
    env.borrow(&friend, USDC, usd(1_000)).await.unwrap();
    env.assert_conserved().await;
}

/// Somebody's dust in the middle of his flash deposit holds nobody to anything.
#[tokio::test]
async fn dust_from_a_stranger_holds_nobody_to_a_crowd() {
    let (mut env, _) = scaled().await;
    let holder = env.trader_with(&[(JUP, 9 * JUP_1000_USD)]).await;
    let stranger = env.trader().await;
    env.advance(DAY).await;
    env.refresh_all().await;
    let before = env.health(&holder).await;
    let amount = 200 * JUP_1000_USD;
    let dust = ix::deposit(
        &env.exchange,
        stranger.pubkey(),
        holder.margin,
        &env.assets[JUP].asset,
        stranger.tokens[JUP],
        1_000,
    );
    let mut flash = vec![env.deposit_ix(&stranger, JUP, amount)];
    flash.extend(vec![dust; 8]);
    flash.push(env.withdraw_ix(&stranger, JUP, amount, false));
    env.run(&flash, &[&stranger.key]).await;
    assert!(env.health(&holder).await.init >= before.init);
    env.assert_conserved().await;
}

/// Who borrows is held to the total of borrows after it, also where the debt is already there when something else is done.
#[tokio::test]
async fn a_borrower_is_held_to_the_total_after_his_borrow() {
    let mut env = Env::new().await;
    env.edit_asset(SOL, |p| p.borrow_scale_start_usd = usd(15_000))
        .await;
    let _lender = env.trader_with(&[(SOL, 10_000 * SOL_1)]).await;
    env.refresh_all().await;
    let borrower = env.trader_with(&[(USDC, usd(200_000))]).await;
    // 1,000 SOL are 150,000 USD, ten times the start: each counts ten times as much and more.
    let much = env.withdraw_ix(&borrower, SOL, 1_000 * SOL_1, true);
    env.refuse(&[much], &[&borrower.key], E::InsufficientHealth)
        .await;
    // 300 SOL are 45,000, which count three times.
    env.borrow(&borrower, SOL, 300 * SOL_1).await.unwrap();
    let more = env.withdraw_ix(&borrower, USDC, usd(50_000), false);
    env.refuse(&[more.clone()], &[&borrower.key], E::InsufficientHealth)
        .await;
    let order = env.order_ix(&borrower, bid(14_999, 400_000), &[]);
    env.refuse(&[order], &[&borrower.key], E::InsufficientHealth)
        .await;
    for wait in [600, 3_600, 7_200] {
        env.advance(wait).await;
        env.refresh_all().await;
        env.refuse(&[more.clone()], &[&borrower.key], E::InsufficientHealth)
            .await;
    }
    env.assert_conserved().await;
}
