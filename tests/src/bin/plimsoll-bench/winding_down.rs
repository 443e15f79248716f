//! Compute units of winding an asset and a market down.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll_tests::{
    env::{ETH, SOL, SOL_PERP, USDC},
    scenarios::{all_but, trade, ETH_1, SOL_1},
    usd,
    winding_down::{close_debt_ix, close_positions_ix, open_wallet_ix, return_ix, wind_down},
    Env,
};
use solana_keypair::Keypair;
use solana_signer::Signer as _;

use crate::table::Row;

const SMALL: &str = "2 collateral, 1 market each";

/// Two accounts that owe each other what has a final price: a position, then a debt; and what is returned of the rest.
pub async fn rows() -> Vec<Row> {
    let mut env = Env::new().await;
    env.refresh_all().await;
    // The search for the address of a wallet's token account takes as long as its key wants.
    let lender = env.trader_of(Keypair::new_from_array([7; 32])).await;
    for (asset, amount) in [(SOL, 100 * SOL_1), (USDC, usd(50_000))] {
        env.deposit(&lender, asset, amount)
            .await
            .expect("a deposit");
    }
    let debtor = env
        .trader_with(&[(ETH, 10 * ETH_1), (USDC, usd(50_000))])
        .await;
    env.borrow(&debtor, SOL, 20 * SOL_1).await.expect("a loan");
    trade(&mut env, SOL_PERP, &debtor, &lender, 150.0, 100).await;
    wind_down(&mut env, SOL, 15_000).await;
    let alive = all_but(&env, &[SOL]);
    env.refresh_only(&alive).await;
    let wallet = open_wallet_ix(&env, SOL, &lender.key.pubkey());
    env.run(&[wallet], &[]).await;
    let steps: [(&str, Instruction); 3] = [
        (
            "close_out_position",
            close_positions_ix(&env, &debtor, &lender),
        ),
        ("close_out_debt", close_debt_ix(&env, SOL, &lender, &debtor)),
        ("return_deposit", return_ix(&env, SOL, &lender)),
    ];
    let mut rows = Vec::new();
    for (what, step) in steps {
        let cost = env.run(&[step], &[]).await.cu;
        rows.push(Row::new(what, SMALL, cost, None));
    }
    rows
}
