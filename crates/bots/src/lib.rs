//! Bots that run an exchange: a keeper, a liquidator, a market maker and a recorder of its history.
pub mod config;
pub mod context;
pub mod health;
pub mod history;
pub mod http;
pub mod liquidator;
pub mod logs;
pub mod metrics;
pub mod shutdown;
pub mod supervise;

pub use context::Context;
