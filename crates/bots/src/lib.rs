//! Bots that run an exchange: a keeper, a liquidator, a market maker and a recorder of its history.
//!
//! # One process, one bot
//! `plimsoll-bots keeper`, `liquidator`, `maker` and `recorder` share everything around their work: [`config`] (defaults,
//! a TOML file, the environment, flags), [`logs`], [`metrics`], [`health`] and [`http`] to watch them by, [`shutdown`] by
//! signals, and [`supervise`], whose loops outlive every outage of the node. `--help` explains each option,
//! `--print-config` shows which are in effect, and `config/` next to this crate's manifest has a commented file for each
//! bot and a unit for systemd.
//!
//! # Or within another process
//! Each bot is a function `run(config, context, shutdown)`. A [`Context`] holds the node, the exchange and a sender;
//! [`shutdown::channel`] makes the handle that ends it:
//!
//! ```no_run
//! # async fn example(context: plimsoll_bots::Context) -> anyhow::Result<()> {
//! use plimsoll_bots::{keeper, shutdown};
//! let (trigger, shutdown) = shutdown::channel();
//! let bot = tokio::spawn(keeper::run(keeper::KeeperConfig::default(), context, shutdown));
//! trigger.fire();
//! bot.await??;
//! # Ok(())
//! # }
//! ```
//!
//! # What a bot may lose
//! Nothing that matters is kept in a bot's memory: what is to be done is read from the chain again in every turn. A bot
//! can be killed at any moment and started again, and two of the same kind only spend fees twice. Refusals that say that
//! somebody else was faster are counted and are no errors.
pub mod cli;
pub mod config;
pub mod context;
pub mod deliver;
pub mod health;
pub mod history;
pub mod http;
pub mod keeper;
pub mod liquidator;
pub mod logs;
pub mod maker;
pub mod metrics;
pub mod shutdown;
mod signed;
pub mod supervise;

pub use context::{Context, Reports};
