//! Pyth Pro's messages: held to Pyth's own crate, and fetched from a server that speaks Pyth's protocol.
mod format;
mod live;
mod server;
