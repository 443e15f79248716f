//! Connecting to an exchange over a node's RPC: reading ([`Connection`]), knowing ([`Exchange`]), sending ([`Sender`])
//! and following ([`Store`]).
mod connection;
mod entries;
mod exchange;
mod fees;
mod landing;
mod needs;
mod policy;
mod refusal;
mod risk;
mod sender;
mod store;
mod version;

pub use connection::{ChainClock, Connection, Keyed, ReadError};
pub use entries::{needs_fallback, sources, Entries, Feeds, Freshness};
pub use exchange::{Exchange, ListedAsset, ListedMarket, LoadError, NotListed};
pub use policy::{ComputeLimit, Landed, PriorityFee, SendError, SendPolicy, Simulated};
pub use refusal::Refused;
pub use risk::ReportError;
pub use sender::Sender;
pub use store::{Change, Feed, Select, Store, StoreConfig, StoreHandle, StoreStatus};
