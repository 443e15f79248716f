//! The history of an exchange: every event of its transactions, and samples of what no event tells, in SQLite or
//! PostgreSQL, served over HTTP.
//!
//! [`Recorder`] records, [`router`] serves, [`risk_router`] adds what an account's risk is now, [`spawn`] does the former beside another bot. Nothing here is needed to
//! trade. A history can be deleted and recorded again from any node that still has the transactions; only the samples
//! are lost then.
mod api;
mod candles;
mod catch_up;
mod clock;
mod config;
mod database;
#[cfg(test)]
mod fixture;
mod gaps;
mod live;
mod membership;
mod record;
mod recorder;
mod risk;
mod samples;
mod source;

pub use api::router;
pub use config::{RecorderConfig, OFF};
pub use database::{Database, Progress};
pub use recorder::{run, spawn, Recorder, Target};
pub use risk::risk_router;
