//! An embedded chain with Plimsoll deployed, seeded and driven by price scenarios.
//!
//! [`chain`] starts an in-process validator with JSON-RPC and deploys the program; [`setup`] lists what [`listing`] says
//! on it, and [`feeds`] price it; [`participants`] are who acts, each through RPC only: [`actors`] trade, a [`keeper`]
//! settles, a [`liquidator`] liquidates. [`scenario`] says how prices move. [`play`] puts it together; [`report`] says what
//! happened, and [`conservation`] proves that no money appeared or disappeared.
pub mod actors;
pub mod chain;
pub mod claims;
pub mod conservation;
pub mod feeds;
mod finish;
pub mod keeper;
pub mod liquidations;
pub mod liquidator;
pub mod listing;
pub mod live;
pub mod logs;
mod memory;
mod model;
pub mod node;
pub mod orders;
pub mod participants;
pub mod play;
pub mod random;
pub mod reading;
pub mod report;
#[cfg(test)]
mod samples;
pub mod scenario;
pub mod setup;
pub mod statistics;
pub mod text;
pub mod wire;
