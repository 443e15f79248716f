//! Connecting to an exchange over a node's RPC: reading ([`Connection`]), knowing ([`Exchange`]), sending ([`Sender`])
//! and following ([`Store`]).
mod budget;
mod connection;
mod exchange;
mod needs;
mod refusal;
mod sender;

pub use connection::{ChainClock, Connection, Keyed, ReadError};
pub use exchange::{
    Entries, Exchange, Freshness, LiquidationNeeds, ListedAsset, ListedMarket, LoadError,
    NotListed, MAX_MAKERS,
};
pub use refusal::Refused;
pub use sender::{ComputeLimit, Landed, PriorityFee, SendError, SendPolicy, Sender, Simulated};
