//! What the examples share: command-line arguments, the wallet's key, and a local chain's faucet.
#![allow(dead_code, reason = "no example uses all of it")]
use std::{collections::HashMap, error::Error, path::Path, sync::Arc};

use plimsoll_client::{
    rpc::{Connection, Exchange, ListedAsset, SendPolicy, Sender},
    Directory,
};
use solana_keypair::{read_keypair_file, write_keypair_file, Keypair};
use solana_signer::Signer;

pub type Outcome<T = ()> = Result<T, Failure>;

/// Any error, which `main` shows as text rather than as a structure.
pub struct Failure(Box<dyn Error>);

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// `--name value` pairs of the command line.
pub struct Arguments(HashMap<String, String>);

impl Arguments {
    /// Reads them; `usage` is shown when they are not pairs.
    pub fn read(usage: &str) -> Outcome<Self> {
        let mut words = std::env::args().skip(1);
        let mut pairs = HashMap::new();
        while let Some(word) = words.next() {
            match (word.strip_prefix("--"), words.next()) {
                (Some(name), Some(value)) => pairs.insert(name.to_owned(), value),
                _ => return Err(usage.into()),
            };
        }
        Ok(Self(pairs))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn or<'a>(&'a self, name: &str, otherwise: &'a str) -> &'a str {
        self.get(name).unwrap_or(otherwise)
    }
}

/// Reads the directory and connects to the node that it names.
pub async fn connect(arguments: &Arguments) -> Outcome<(Connection, Exchange)> {
    let directory = arguments.or("directory", "http://127.0.0.1:8080/exchange.json");
    // docs: connect
    let directory = Directory::load(directory).await?;
    let endpoints = &directory.endpoints;
    let connection = Connection::new(&endpoints.rpc, endpoints.ws.clone());
    let exchange = Exchange::load(&connection, directory).await?;
    // docs: end
    Ok((connection, exchange))
}

/// The wallet in the file `--keypair`, which is made when there is none, and a sender whose fees it pays.
pub fn wallet(arguments: &Arguments, connection: &Connection) -> Outcome<(Arc<Keypair>, Sender)> {
    let path = Path::new(arguments.or("keypair", "plimsoll-example.json"));
    let wallet = if path.exists() {
        read_keypair_file(path)?
    } else {
        let new = Keypair::new();
        write_keypair_file(&new, path)?;
        new
    };
    // docs: sender
    let wallet = Arc::new(wallet);
    let sender = Sender::new(connection.clone(), wallet.clone(), SendPolicy::default());
    // docs: end
    Ok((wallet, sender))
}

/// Asks the faucet for an amount in whole units, and for lamports to pay fees with. Only a local chain has a faucet.
pub async fn faucet(
    exchange: &Exchange,
    wallet: &Keypair,
    asset: &ListedAsset,
    amount: &str,
) -> Outcome {
    let Some(local) = &exchange.directory.endpoints.local else {
        return Ok(());
    };
    let request = serde_json::json!({
        "owner": wallet.pubkey().to_string(),
        "asset": asset.symbol,
        "amount": amount,
    });
    let answer = reqwest::Client::new()
        .post(format!("{local}/faucet"))
        .json(&request)
        .send()
        .await?;
    if !answer.status().is_success() {
        return Err(answer.text().await?.into());
    }
    Ok(())
}

/// A decimal number in units of 10⁻ᵈ, exactly.
pub fn native(text: &str, decimals: u8) -> Outcome<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > usize::from(decimals) {
        return Err(format!("{text} has more than {decimals} decimals").into());
    }
    let width = usize::from(decimals);
    Ok(format!("{whole}{fraction:0<width$}").parse()?)
}
