//! Pyth Pro's signed prices: making and taking apart the messages that a refresh reads from its transaction.
//!
//! A [`SignedMessage`] becomes an instruction that stands beside the refresh and is named by its index. With the feature
//! `rpc` a [`ProSource`] says where messages come from: Pyth's own servers ([`Live`]), a file ([`Recorded`]), or a key of
//! one's own on a chain of one's own ([`LocalSigner`]); [`Carried`] says which feeds take a message's prices.
#[cfg(feature = "rpc")]
mod carried;
#[cfg(feature = "rpc")]
mod live;
#[cfg(feature = "rpc")]
mod local;
mod message;
mod payload;
#[cfg(feature = "rpc")]
mod recorded;
mod signers;
#[cfg(feature = "rpc")]
mod source;

#[cfg(feature = "rpc")]
pub use carried::{is_signed, subscriptions, Carried};
#[cfg(feature = "rpc")]
pub use live::{AccessToken, Channel, Live, LiveConfig, LiveStatus, ENDPOINTS};
#[cfg(feature = "rpc")]
pub use local::{Behaviour, LocalSigner};
pub use message::{MessageError, SignedMessage};
pub use payload::{FeedPrice, Payload, PayloadError};
#[cfg(feature = "rpc")]
pub use recorded::{Recorded, RecordedError};
pub use signers::signer_account;
#[cfg(feature = "rpc")]
pub use source::ProSource;
