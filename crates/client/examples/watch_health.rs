//! Follows a margin account and prints its health whenever that changes: with the account, or with a price.
//!
//! cargo run --example watch_health -- --account ADDRESS --times 10
mod common;

use common::{connect, wallet, Arguments, Outcome};
use plimsoll_client::{
    health,
    rpc::{Change, Select, Store, StoreConfig},
};
use solana_signer::Signer;
use tokio::sync::broadcast::error::RecvError;

const USAGE: &str =
    "watch_health [--directory URL|FILE] [--account ADDRESS | --keypair FILE] [--times N]";

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
    let times: usize = arguments.or("times", "1000000").parse()?;

    // docs: follow
    // Books and fill queues do not bear on health.
    let select = Select {
        books: false,
        fill_queues: false,
        ..Select::default()
    };
    let config = StoreConfig {
        select,
        ..StoreConfig::default()
    };
    let store = Store::start(&connection, &exchange, config);
    let mut changes = store.subscribe();
    store.ready().await;
    // docs: end

    let usd = |native: i64| native as f64 / 1e6;
    println!("{:>14} {:>14} {:>14}", "equity", "initial", "maintenance");
    let (mut printed, mut last) = (0, String::new());
    loop {
        // docs: health
        let (Some(account), Some(risk)) = (store.margin_account(&address), store.risk_state())
        else {
            return Err(format!("there is no margin account at {address}").into());
        };
        let clock = connection.clock().await?;
        let lines = health::lines(&risk, &account, &clock.sysvar())?;
        // docs: end
        let line = format!(
            "{:>14.2} {:>14.2} {:>14.2}",
            usd(lines.equity),
            usd(lines.init),
            usd(lines.maintenance)
        );
        // Interest alone changes it by less than a cent at a time.
        if line != last {
            println!("{line}");
            (printed, last) = (printed + 1, line);
        }
        if printed == times {
            return Ok(());
        }
        // Prices are in the risk state, with all else that accounts share; no other account bears on this one's health.
        loop {
            match changes.recv().await {
                Ok(Change::RiskState) | Err(RecvError::Lagged(_)) => break,
                Ok(Change::MarginAccount(changed)) if changed == address => break,
                Ok(_) => {}
                Err(RecvError::Closed) => return Ok(()),
            }
        }
    }
}
