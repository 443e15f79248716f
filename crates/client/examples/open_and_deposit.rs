//! Opens a margin account and deposits into it.
//!
//! cargo run --example open_and_deposit -- --directory http://127.0.0.1:8080/exchange.json --asset USDC --amount 1000
mod common;

use common::{connect, faucet, native, wallet, Arguments, Outcome};
use plimsoll::state::{MarginAccount, RiskState};
use plimsoll_client::{
    addresses, instructions,
    rpc::{Entries, Freshness},
};
use solana_signer::Signer;

const USAGE: &str =
    "open_and_deposit [--directory URL|FILE] [--keypair FILE] [--asset USDC] [--amount 1000]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments = Arguments::read(USAGE)?;
    let (connection, exchange) = connect(&arguments).await?;
    let (wallet, sender) = wallet(&arguments, &connection)?;
    let owner = wallet.pubkey();
    let asset = exchange.asset_named(arguments.or("asset", "USDC"))?;
    let amount = arguments.or("amount", "1000");
    faucet(&exchange, &wallet, asset, amount).await?;

    // docs: open
    // Account number 0 of this owner; its address follows from the owner's.
    let account = exchange.refs.margin_account(&owner, 0);
    let mut transaction = Vec::new();
    if connection.find::<MarginAccount>(&account).await?.is_none() {
        transaction.push(instructions::create_margin_account(
            &exchange.refs,
            owner,
            owner,
            0,
        ));
    }
    // Nothing is deposited at a price in doubt: an old one is refreshed first.
    let risk = connection
        .fetch::<RiskState>(&exchange.refs.risk_state)
        .await?;
    let clock = connection.clock().await?;
    let deposited = Entries::default().and_asset(asset.index);
    let due = deposited.due(&risk, clock, Freshness::TRADE);
    transaction.extend(exchange.refresh(&due, &risk, clock, sender.version().await));
    transaction.push(instructions::deposit(
        &exchange.refs,
        owner,
        account,
        &asset.refs,
        addresses::token_account(&owner, &asset.refs.mint, &asset.refs.token_program),
        native(amount, asset.decimals)?,
    ));
    let landed = sender.send(&transaction, &[]).await?;
    // docs: end
    println!("deposited {amount} {} into {account}", asset.symbol);
    println!("transaction {} in slot {}", landed.signature, landed.slot);
    Ok(())
}
