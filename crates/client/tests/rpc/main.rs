//! What the parts that speak to a node do when it loses, refuses, lags or goes away.
#![cfg(feature = "rpc")]
mod node;
mod notifier;
mod sender;
mod store;
