//! Client of Plimsoll: addresses, instruction builders, account, event and error decoding.
//!
//! An [`ExchangeRef`] names an exchange and derives what belongs to it; the functions of [`instructions`] turn a few
//! such names into instructions with every account filled in.
pub mod addresses;
pub mod copy;
pub mod decode;
pub mod errors;
pub mod events;
pub mod exchange;
pub mod health;
pub mod instructions;
pub mod preview;
pub mod stress;

pub use decode::decode;
pub use exchange::{AssetRef, ExchangeRef, MarketRef, Proposal};
