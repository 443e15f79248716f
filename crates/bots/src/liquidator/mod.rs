//! The liquidator: watches every margin account, enforces the maintenance line, and gets rid of what it took over.
//!
//! Everything it decides follows from the chain. [`valuation`] keeps all accounts in memory and values them with the
//! risk crate whenever prices move; [`plan`] works out the best next step for one account and what has to go before
//! it; [`calls`] turns that into transactions; [`runtime`] keeps a limited number of them going; [`inventory`] says
//! what is done with the proceeds. A process that was killed is replaced by starting another: there is no state of its
//! own to lose.
pub mod attempts;
pub mod calls;
pub mod compact;
pub mod config;
mod dispatch;
mod dispose;
mod feed;
pub mod gains;
pub mod inventory;
mod metrics;
pub mod outlook;
pub mod plan;
mod runtime;
mod start;
pub mod synthetic;
pub mod valuation;

pub use config::LiquidatorConfig;
pub use start::run;
