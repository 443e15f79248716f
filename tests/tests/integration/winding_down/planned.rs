//! The keeper's plan, carried out step by step on the built program, leaves nothing behind.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::state::MarginAccount;
use plimsoll_bots::keeper::winding_down::{steps, Step};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::{all_but, trade, SOL_1},
    usd, Env, Trader,
};

use plimsoll_tests::winding_down::{open_wallet_ix, wind_down};

/// The next steps, a few at a time as a turn takes them.
async fn plan(env: &Env) -> Vec<Step> {
    let mut accounts: Vec<(_, Box<MarginAccount>)> = Vec::new();
    for address in &env.margin_accounts {
        accounts.push((*address, env.margin(*address).await));
    }
    let named: Vec<_> = accounts.iter().map(|(key, a)| (*key, &**a)).collect();
    steps(&*env.risk().await, &named, 3)
}

fn instructions(env: &Env, step: &Step) -> Vec<Instruction> {
    let (exchange, quote) = (&env.exchange, &env.assets[USDC].asset);
    match step {
        Step::Orders { market, owners } => {
            let market = &env.markets[usize::from(*market)].market;
            vec![
                ix::settle_fills(market, owners, u16::MAX),
                ix::prune_orders(exchange, market, owners, u16::MAX),
            ]
        }
        Step::Positions {
            market,
            long,
            short,
        } => {
            let market = &env.markets[usize::from(*market)].market;
            vec![ix::close_out_position(exchange, market, *long, *short)]
        }
        Step::Debt {
            asset,
            depositor,
            debtor,
        } => {
            let asset = &env.assets[usize::from(*asset)].asset;
            let settle = ix::close_out_debt(exchange, asset, quote, *depositor, *debtor);
            vec![settle]
        }
        Step::Deposit {
            asset,
            account,
            owner,
        } => {
            let open = open_wallet_ix(env, (*asset).into(), owner);
            let asset = &env.assets[usize::from(*asset)].asset;
            vec![open, ix::return_deposit(exchange, asset, *account, owner)]
        }
    }
}

#[tokio::test]
async fn the_keepers_plan_ends_with_every_slot_free() {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let mut traders: Vec<Trader> = Vec::new();
    for sol in [311, 47, 5, 90] {
        traders.push(
            env.trader_with(&[(SOL, sol * SOL_1), (USDC, usd(20_000))])
                .await,
        );
    }
    for _ in 0..3 {
        traders.push(env.trader_with(&[(USDC, usd(60_000))]).await);
    }
    for (debtor, borrowed) in [(4, 77_777_777_777), (5, 123_456_789), (6, 50 * SOL_1)] {
        env.borrow(&traders[debtor], SOL, borrowed).await.unwrap();
    }
    for (long, short, lots) in [
        (0, 4, 777),
        (1, 5, 2_000),
        (2, 6, 13),
        (6, 3, 400),
        (4, 1, 5),
    ] {
        let (buyer, seller) = (&traders[long], &traders[short]);
        trade(&mut env, SOL_PERP, buyer, seller, 150.0, lots).await;
    }
    wind_down(&mut env, SOL, 13_137).await;
    let mut turns = 0;
    loop {
        let alive = all_but(&env, &[SOL]);
        env.refresh_only(&alive).await;
        let steps = plan(&env).await;
        if steps.is_empty() {
            break;
        }
        for step in steps {
            let instructions = instructions(&env, &step);
            env.run(&instructions, &[]).await;
        }
        env.assert_conserved().await;
        turns += 1;
        assert!(turns < 30, "it goes on and on");
    }
    for profits in [false, true] {
        for trader in &traders {
            let claim = env.perp(trader).await.quote.0;
            if claim != 0 && (claim > 0) == profits {
                env.settle_pnl(trader).await;
            }
        }
    }
    env.assert_conserved().await;
    for trader in &traders {
        let account = env.margin(trader.margin).await;
        assert!(account.find_balance(SOL as u16).is_none());
        assert!(account.find_perp(SOL_PERP as u16).is_none());
    }
    let (bank, market) = (env.bank(SOL).await, env.market(SOL_PERP).await);
    assert_eq!((bank.deposit_shares, bank.borrow_shares), (0, 0));
    assert_eq!((market.long_interest, market.short_interest), (0, 0));
}
