//! Exports Pyth's entry point.
pub use pyth_lazer_solana_contract::entrypoint;
