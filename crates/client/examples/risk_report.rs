//! Prints the risk report of a margin account as JSON; also as it would be in the other mode of margin.
//!
//! cargo run --example risk_report -- --account ADDRESS --mode portfolio
mod common;

use common::{connect, wallet, Arguments, Outcome};
use plimsoll_client::{health::Mode, report::Names};
use solana_signer::Signer;

const USAGE: &str =
    "risk_report [--directory URL|FILE] [--account ADDRESS | --keypair FILE] [--mode standard|portfolio]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments = Arguments::read(USAGE)?;
    let (connection, exchange) = connect(&arguments).await?;
    let address = match arguments.get("account") {
        Some(address) => address.parse()?,
        None => {
            let (wallet, _) = wallet(&arguments, &connection)?;
            exchange.refs.margin_account(&wallet.pubkey(), 0)
        }
    };
    let mode = match arguments.get("mode") {
        None => None,
        Some("standard") => Some(Mode::Standard),
        Some("portfolio") => Some(Mode::Portfolio),
        Some(_) => return Err("--mode is standard or portfolio".into()),
    };

    // docs: report
    let names = Names::from(&exchange.directory);
    let report = connection
        .risk_report(&exchange.refs, &names, &address, mode)
        .await?;
    println!("{}", serde_json::to_string_pretty(&report)?);
    // docs: end
    Ok(())
}
