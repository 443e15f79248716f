//! The directory of an exchange: what is not on chain, or not to be found there: names, price accounts and endpoints.
//!
//! A JSON document that the operator publishes. Everything that moves money is read from the chain and checked against
//! it; see `rpc::Exchange::load`.
use std::collections::HashSet;

use anchor_lang::prelude::Pubkey;
use serde::{Deserialize, Serialize};

/// The version of the document that this client reads. Version 1 named price accounts by asset and market.
pub const VERSION: u32 = 2;

/// An exchange, its feeds, assets, markets and endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// [`VERSION`].
    pub version: u32,
    /// Display name.
    pub name: String,
    /// The program; this crate speaks to [`plimsoll::ID`] only.
    #[serde(with = "base58")]
    pub program: Pubkey,
    /// Address of the exchange.
    #[serde(with = "base58")]
    pub exchange: Pubkey,
    /// Feeds in the order of their numbers in the risk state.
    #[serde(default)]
    pub feeds: Vec<DirectoryFeed>,
    /// Assets in the order of their entries in the risk state, the quote asset first.
    pub assets: Vec<DirectoryAsset>,
    /// Markets in the order of their entries.
    pub markets: Vec<DirectoryMarket>,
    pub endpoints: Endpoints,
}

/// A feed, and where its prices are found. Which assets and markets follow it stands on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryFeed {
    /// Number in the risk state.
    pub index: u8,
    /// Display name, as the risk state has it.
    pub name: String,
    /// Account to pass to `refresh`: with the price, or the stake pool of a derived feed. None of a feed whose prices come
    /// in signed messages.
    #[serde(default, with = "base58::option")]
    pub account: Option<Pubkey>,
    /// The same of the fallback.
    #[serde(default, with = "base58::option")]
    pub fallback: Option<Pubkey>,
}

/// A listed asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryAsset {
    /// Entry in the risk state.
    pub index: u16,
    pub symbol: String,
    pub name: String,
    #[serde(with = "base58")]
    pub mint: Pubkey,
    /// SPL Token or Token-2022.
    #[serde(with = "base58")]
    pub token_program: Pubkey,
    /// Decimals of the mint.
    pub decimals: u8,
}

/// A perpetual market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryMarket {
    /// Entry in the risk state.
    pub index: u16,
    /// Display name, as in the market's contract terms.
    pub name: String,
    /// Symbol of the underlying, which need not be a listed asset.
    pub base: String,
}

/// Where the exchange is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// JSON-RPC of a node.
    pub rpc: String,
    /// Its WebSocket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ws: Option<String>,
    /// Recorded history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
    /// Faucet and scenarios of a local chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// WebSocket of a local chain's own signer of prices, which speaks as Pyth Pro does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pro: Option<String>,
}

/// What is wrong with a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryError {
    /// The file or address cannot be read.
    Unreadable { from: String, reason: String },
    /// It is not JSON of the expected form.
    Malformed(String),
    /// Of a version that this crate does not know.
    Version(u32),
    /// It describes an exchange of another program.
    Program(Pubkey),
    /// An entry does not stand at its index.
    OutOfOrder {
        what: &'static str,
        position: usize,
        index: u16,
    },
    /// No assets, or no feeds: an exchange has at least its quote asset, and a feed that prices it.
    None { what: &'static str },
    /// More entries than the risk state holds.
    TooMany { what: &'static str, count: usize },
    /// Two entries share what must be unique.
    Duplicate { what: &'static str, value: String },
    /// A required text or address is empty.
    Empty { what: String },
    /// An endpoint is not an address of its kind.
    Endpoint {
        name: &'static str,
        value: String,
        expected: &'static str,
    },
}

impl core::fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unreadable { from, reason } => {
                write!(f, "cannot read the directory at {from}: {reason}")
            }
            Self::Malformed(reason) => write!(f, "the directory is malformed: {reason}"),
            Self::Version(found) => write!(
                f,
                "the directory is of version {found}, this client reads version {VERSION}"
            ),
            Self::Program(found) => write!(
                f,
                "the directory is of program {found}, this client speaks to {}",
                plimsoll::ID
            ),
            Self::OutOfOrder {
                what,
                position,
                index,
            } => write!(
                f,
                "{what} {index} stands at position {position} of the directory"
            ),
            Self::None { what } => write!(f, "the directory lists no {what}s"),
            Self::TooMany { what, count } => {
                write!(
                    f,
                    "the directory lists {count} {what}s, more than an exchange holds"
                )
            }
            Self::Duplicate { what, value } => {
                write!(f, "the directory lists the {what} {value} twice")
            }
            Self::Empty { what } => write!(f, "the directory leaves {what} empty"),
            Self::Endpoint {
                name,
                value,
                expected,
            } => write!(
                f,
                "the directory's {name} endpoint {value:?} does not start with {expected}"
            ),
        }
    }
}

impl std::error::Error for DirectoryError {}

impl Directory {
    /// Reads a directory from its JSON text, and checks it.
    ///
    /// # Errors
    /// What is wrong with it, see [`DirectoryError`].
    pub fn parse(json: &str) -> Result<Self, DirectoryError> {
        let directory: Self =
            serde_json::from_str(json).map_err(|e| DirectoryError::Malformed(e.to_string()))?;
        directory.validate()?;
        Ok(directory)
    }

    /// Reads a directory from a path or an `http(s)://` address, and checks it.
    ///
    /// # Errors
    /// As [`Directory::parse`], and [`DirectoryError::Unreadable`].
    #[cfg(feature = "rpc")]
    pub async fn load(from: &str) -> Result<Self, DirectoryError> {
        let unreadable = |reason: String| DirectoryError::Unreadable {
            from: from.to_owned(),
            reason,
        };
        let json = if from.starts_with("http://") || from.starts_with("https://") {
            download(from).await.map_err(|e| unreadable(e.to_string()))
        } else {
            std::fs::read_to_string(from).map_err(|e| unreadable(e.to_string()))
        }?;
        Self::parse(&json)
    }

    /// Checks everything that can be told without the chain.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), DirectoryError> {
        if self.version != VERSION {
            return Err(DirectoryError::Version(self.version));
        }
        if self.program != plimsoll::ID {
            return Err(DirectoryError::Program(self.program));
        }
        filled("the exchange", self.exchange)?;
        if self.feeds.is_empty() {
            return Err(DirectoryError::None { what: "feed" });
        }
        if self.assets.is_empty() {
            return Err(DirectoryError::None { what: "asset" });
        }
        self.validate_feeds()?;
        self.validate_assets()?;
        self.validate_markets()?;
        self.endpoints.validate()
    }

    fn validate_feeds(&self) -> Result<(), DirectoryError> {
        let limit = plimsoll::state::feed::MAX_FEEDS;
        let indices = self.feeds.iter().map(|f| u16::from(f.index));
        ordered("feed", limit, indices)?;
        unique("feed", self.feeds.iter().map(|f| f.name.clone()))?;
        for feed in &self.feeds {
            let of = |part: &str| format!("the {part} of feed {}", feed.index);
            present(of("name"), &feed.name)?;
            for (part, account) in [("account", feed.account), ("fallback", feed.fallback)] {
                if let Some(account) = account {
                    filled(of(part), account)?;
                }
            }
        }
        Ok(())
    }

    fn validate_assets(&self) -> Result<(), DirectoryError> {
        let limit = plimsoll::state::risk_state::MAX_ASSETS;
        ordered("asset", limit, self.assets.iter().map(|a| a.index))?;
        unique("symbol", self.assets.iter().map(|a| a.symbol.clone()))?;
        unique("mint", self.assets.iter().map(|a| a.mint.to_string()))?;
        for asset in &self.assets {
            let of = |part: &str| format!("the {part} of asset {}", asset.index);
            present(of("symbol"), &asset.symbol)?;
            filled(of("mint"), asset.mint)?;
            filled(of("token program"), asset.token_program)?;
        }
        Ok(())
    }

    fn validate_markets(&self) -> Result<(), DirectoryError> {
        let limit = plimsoll::state::risk_state::MAX_MARKETS;
        ordered("market", limit, self.markets.iter().map(|m| m.index))?;
        unique("market", self.markets.iter().map(|m| m.name.clone()))?;
        for market in &self.markets {
            let of = |part: &str| format!("the {part} of market {}", market.index);
            present(of("name"), &market.name)?;
            present(of("base"), &market.base)?;
        }
        Ok(())
    }
}

impl Endpoints {
    fn validate(&self) -> Result<(), DirectoryError> {
        const HTTP: (&[&str], &str) = (&["http://", "https://"], "http:// or https://");
        const WS: (&[&str], &str) = (&["ws://", "wss://"], "ws:// or wss://");
        let all = [
            ("rpc", Some(&self.rpc), HTTP),
            ("ws", self.ws.as_ref(), WS),
            ("history", self.history.as_ref(), HTTP),
            ("local", self.local.as_ref(), HTTP),
            ("pro", self.pro.as_ref(), WS),
        ];
        for (name, value, (schemes, expected)) in all {
            let Some(value) = value else { continue };
            if !schemes.iter().any(|scheme| value.starts_with(scheme)) {
                return Err(DirectoryError::Endpoint {
                    name,
                    value: value.clone(),
                    expected,
                });
            }
        }
        Ok(())
    }
}

/// Entries stand at their own index: the directory's positions are the risk state's.
fn ordered(
    what: &'static str,
    limit: usize,
    indices: impl Iterator<Item = u16>,
) -> Result<(), DirectoryError> {
    let mut count = 0;
    for (position, index) in indices.enumerate() {
        if usize::from(index) != position {
            return Err(DirectoryError::OutOfOrder {
                what,
                position,
                index,
            });
        }
        count = position + 1;
    }
    if count > limit {
        return Err(DirectoryError::TooMany { what, count });
    }
    Ok(())
}

fn unique(what: &'static str, values: impl Iterator<Item = String>) -> Result<(), DirectoryError> {
    let mut seen = HashSet::new();
    for value in values {
        if !seen.insert(value.clone()) {
            return Err(DirectoryError::Duplicate { what, value });
        }
    }
    Ok(())
}

fn present(what: String, text: &str) -> Result<(), DirectoryError> {
    if text.trim().is_empty() {
        return Err(DirectoryError::Empty { what });
    }
    Ok(())
}

/// The default key is also the system program's address, hence never one of these.
fn filled(what: impl Into<String>, key: Pubkey) -> Result<(), DirectoryError> {
    if key == Pubkey::default() {
        return Err(DirectoryError::Empty { what: what.into() });
    }
    Ok(())
}

#[cfg(feature = "rpc")]
async fn download(url: &str) -> Result<String, reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(15))
        .build()?;
    client
        .get(url)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await
}

/// Addresses as base58 text.
pub mod base58 {
    use anchor_lang::prelude::Pubkey;
    use serde::{de::Error, Deserialize, Deserializer, Serializer};

    /// Writes an address.
    pub fn serialize<S: Serializer>(key: &Pubkey, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(key)
    }

    /// Reads an address.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Pubkey, D::Error> {
        parse(&String::deserialize(from)?)
    }

    fn parse<E: Error>(text: &str) -> Result<Pubkey, E> {
        text.parse()
            .map_err(|_| E::custom(format!("{text:?} is not an address")))
    }

    /// The same for an address that may be missing.
    pub mod option {
        use super::{parse, Deserialize, Deserializer, Pubkey, Serializer};

        /// Writes an address or null.
        pub fn serialize<S: Serializer>(key: &Option<Pubkey>, to: S) -> Result<S::Ok, S::Error> {
            match key {
                Some(key) => to.collect_str(key),
                None => to.serialize_none(),
            }
        }

        /// Reads an address or null.
        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Pubkey>, D::Error> {
            let text = Option::<String>::deserialize(from)?;
            text.as_deref().map(parse).transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Directory {
        let key = |byte| Pubkey::new_from_array([byte; 32]);
        let asset = |index: u16, symbol: &str| DirectoryAsset {
            index,
            symbol: symbol.into(),
            name: symbol.into(),
            mint: key(10 + index as u8),
            token_program: key(3),
            decimals: 6,
        };
        let feed = |index: u8, name: &str, fallback| DirectoryFeed {
            index,
            name: name.into(),
            account: Some(key(20 + index)),
            fallback,
        };
        Directory {
            version: VERSION,
            name: "Local exchange".into(),
            program: plimsoll::ID,
            exchange: key(2),
            feeds: vec![feed(0, "USDC", None), feed(1, "SOL", Some(key(30)))],
            assets: vec![asset(0, "USDC"), asset(1, "SOL")],
            markets: vec![DirectoryMarket {
                index: 0,
                name: "SOL-PERP".into(),
                base: "SOL".into(),
            }],
            endpoints: Endpoints {
                rpc: "http://127.0.0.1:8899".into(),
                ws: Some("ws://127.0.0.1:8900".into()),
                ..Endpoints::default()
            },
        }
    }

    #[test]
    fn survives_json() {
        let json = serde_json::to_string(&sample()).expect("serializes");
        assert!(json.contains("\"tokenProgram\""));
        assert!(json.contains("\"fallback\":null"));
        assert_eq!(Directory::parse(&json), Ok(sample()));
    }

    #[test]
    fn says_what_is_wrong() {
        let broken = |change: &dyn Fn(&mut Directory)| {
            let mut directory = sample();
            change(&mut directory);
            directory.validate().expect_err("is broken").to_string()
        };
        let cases: [(String, &str); 9] = [
            (broken(&|d| d.version = 1), "version 1"),
            (broken(&|d| d.program = d.exchange), "of program"),
            (broken(&|d| d.assets.clear()), "no assets"),
            (broken(&|d| d.feeds.clear()), "no feeds"),
            (
                broken(&|d| d.feeds[1].name = "USDC".into()),
                "feed USDC twice",
            ),
            (
                broken(&|d| d.assets[1].index = 3),
                "asset 3 stands at position 1",
            ),
            (
                broken(&|d| d.assets[1].symbol = "USDC".into()),
                "symbol USDC twice",
            ),
            (
                broken(&|d| d.feeds[1].fallback = Some(Pubkey::default())),
                "the fallback of feed 1",
            ),
            (
                broken(&|d| d.endpoints.ws = Some("http://x".into())),
                "ws endpoint",
            ),
        ];
        for (message, part) in cases {
            assert!(message.contains(part), "{message}");
        }
        let malformed = Directory::parse("{}").expect_err("is empty");
        assert!(malformed.to_string().contains("missing field"));
    }

    #[test]
    fn says_that_a_directory_from_before_there_were_feeds_is_old() {
        let mut json = serde_json::to_value(sample()).expect("serializes");
        json["version"] = 1.into();
        let fields = json.as_object_mut().expect("an object");
        fields.remove("feeds");
        let old = Directory::parse(&json.to_string());
        assert_eq!(old, Err(DirectoryError::Version(1)));
    }
}
