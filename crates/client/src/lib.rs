//! Client of Plimsoll: addresses, instruction builders, account, event and error decoding.
//!
//! An [`ExchangeRef`] names an exchange and derives what belongs to it; the functions of [`instructions`] turn a few
//! such names into instructions with every account filled in. [`health`], [`stress`], [`preview`] and [`report`] say what the
//! program would, by its own code. [`pro`] makes and reads Pyth's signed messages. With the feature `rpc`, on by default,
//! [`rpc`] reads, follows and sends over a node, and [`transaction`] says what fits into what is sent.
pub mod addresses;
#[cfg(feature = "rpc")]
mod backoff;
pub mod copy;
pub mod decode;
pub mod directory;
pub mod errors;
pub mod events;
pub mod exchange;
pub mod health;
pub mod instructions;
pub mod logs;
pub mod preview;
pub mod pro;
pub mod report;
#[cfg(feature = "rpc")]
pub mod rpc;
pub mod stress;
#[cfg(feature = "rpc")]
pub mod transaction;

pub use decode::decode;
pub use directory::Directory;
pub use exchange::{AssetRef, ExchangeRef, MarketRef, Proposal};
