//! An embedded chain with Plimsoll deployed, seeded and driven by price scenarios.
//!
//! [`chain`] starts an in-process validator with JSON-RPC and deploys the program; [`setup`] lists assets, opens
//! markets and funds insurance on it; [`scenario`] says how prices move. What everybody sends goes through [`wire`].
pub mod chain;
pub mod listing;
pub mod logs;
pub mod random;
pub mod scenario;
pub mod setup;
pub mod wire;
