//! The options that all bots have.
use std::{net::SocketAddr, path::PathBuf};

use anyhow::{bail, Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};
use solana_keypair::{read_keypair_file, Keypair};

use super::Secret;
use crate::logs::LogFormat;

/// Where the exchange is, who the bot is, and how it tells about itself.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Directory of the exchange, a path or an http(s) address: which program, exchange, assets, markets and price
    /// accounts.
    #[arg(long, default_value_t = Self::default().directory)]
    pub directory: String,
    /// Address of the RPC node; without it the directory's.
    #[arg(long)]
    pub rpc: Option<String>,
    /// WebSocket address of the node; without it the directory's, or the one that follows from the RPC address.
    #[arg(long)]
    pub ws: Option<String>,
    /// Address of the history service; without it the directory's.
    #[arg(long)]
    pub history: Option<String>,
    /// Also record the exchange's history beside the bot, without serving it: sqlite://FILE, postgres://… or off.
    #[arg(long)]
    pub record: Option<String>,
    /// File of the keypair that pays for transactions, and that signs where a margin account's owner or delegate has
    /// to.
    #[arg(long)]
    pub keypair: Option<PathBuf>,
    /// WebSocket addresses of Pyth Pro's servers, which sign prices, separated by commas; without them the directory's, as a
    /// local chain has one, or Pyth's own where there is a token.
    #[arg(long, value_delimiter = ',')]
    pub pro_urls: Vec<String>,
    /// File of the access token for them; or the token itself in PLIMSOLL_PRO_TOKEN.
    #[arg(long)]
    pub pro_token_file: Option<PathBuf>,
    /// The access token, from the environment or the configuration file: a flag would be seen by everybody.
    #[arg(skip)]
    #[serde(default, skip_serializing)]
    pub pro_token: Option<Secret>,
    /// Lowest priority fee, micro-lamports per compute unit.
    #[arg(long, default_value_t = Self::default().priority_fee)]
    pub priority_fee: u64,
    /// Pay at least this percentile (1 to 100) of the recent priority fees; 0 pays the lowest fee only.
    #[arg(long, default_value_t = Self::default().priority_fee_percentile)]
    pub priority_fee_percentile: u8,
    /// Highest priority fee, micro-lamports per compute unit.
    #[arg(long, default_value_t = Self::default().priority_fee_cap)]
    pub priority_fee_cap: u64,
    /// What is logged: a level (error, warn, info, debug, trace) or a filter such as "info,plimsoll_bots=debug".
    #[arg(long, default_value_t = Self::default().log)]
    pub log: String,
    /// How it is logged.
    #[arg(long, value_enum, default_value_t = Self::default().log_format)]
    pub log_format: LogFormat,
    /// Address of the HTTP server of /metrics and /health; without it the local address at the bot's port (keeper 9601,
    /// liquidator 9602, maker 9603, recorder 9604).
    #[arg(long)]
    pub listen: Option<SocketAddr>,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            directory: "http://127.0.0.1:8080/exchange.json".to_owned(),
            rpc: None,
            ws: None,
            history: None,
            record: None,
            keypair: None,
            pro_urls: Vec::new(),
            pro_token_file: None,
            pro_token: None,
            priority_fee: 0,
            priority_fee_percentile: 0,
            priority_fee_cap: 200_000,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            listen: None,
        }
    }
}

impl Common {
    pub(super) fn check(&self) -> Result<()> {
        if self.priority_fee_percentile > 100 {
            bail!(
                "priority_fee_percentile is at most 100, not {}",
                self.priority_fee_percentile
            );
        }
        if self.priority_fee > self.priority_fee_cap {
            bail!(
                "priority_fee ({}) is above priority_fee_cap ({})",
                self.priority_fee,
                self.priority_fee_cap
            );
        }
        Ok(())
    }

    /// The access token for signed prices, where there is one.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn read_pro_token(&self) -> Result<Option<String>> {
        match (&self.pro_token_file, &self.pro_token) {
            (Some(path), _) => std::fs::read_to_string(path)
                .map(Some)
                .with_context(|| format!("the token file {}", path.display())),
            (None, Some(token)) => Ok(Some(token.reveal().to_owned())),
            (None, None) => Ok(None),
        }
    }

    /// The keypair, where one is named.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_keypair(&self) -> Result<Option<Keypair>> {
        let Some(path) = &self.keypair else {
            return Ok(None);
        };
        let keypair = read_keypair_file(path).map_err(|error| anyhow::anyhow!("{error}"));
        let keypair = keypair.with_context(|| format!("the keypair file {}", path.display()))?;
        Ok(Some(keypair))
    }
}
