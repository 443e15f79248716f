//! Prices from oracles: who may have written them, which feed they carry, how far they are to be trusted.
mod feeds;
mod final_price;
mod pyth_legacy;
pub mod pyth_pro;
mod pyth_pull;
mod stake_pool;

use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    state::{
        feed::{oracle_kind, receiver},
        OracleSource,
    },
};

pub use feeds::{bind, follow, rewrite_followers, take_price, take_rate, unbind, RATE_AGE_MS};
pub use final_price::{finish, require_gone};
pub use pyth_legacy::PYTH_LEGACY_PROGRAM;
pub use pyth_pull::receiver_program;
pub use stake_pool::STAKE_POOL_PROGRAMS;

/// A price as its publisher states it: (price ± conf) × 10^exponent USD per whole token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OraclePrice {
    pub price: i64,
    pub conf: u64,
    pub exponent: i32,
    /// Unix milliseconds.
    pub published_ms: i64,
}

/// Reads the price of `source` from an account of its own, or says why the account is not acceptable.
pub fn read(source: &OracleSource, account: &AccountInfo) -> Result<OraclePrice> {
    let data = account.try_borrow_data()?;
    match source.kind {
        oracle_kind::PYTH_PULL => pyth_pull::read(source, account.owner, &data),
        oracle_kind::PYTH_LEGACY => pyth_legacy::read(source, account.key, account.owner, &data),
        oracle_kind::FINAL => err!(PlimsollError::WindingDown),
        _ => err!(PlimsollError::WrongOracleAccount),
    }
}

/// Whether an operator's configuration of a source can ever be read; a fallback may be absent, and is never derived or
/// final.
pub fn validate(source: &OracleSource, is_primary: bool) -> Result<()> {
    let names_feed = source.feed != [0; 32];
    let plain = OracleSource {
        feed: source.feed,
        kind: source.kind,
        ..OracleSource::default()
    };
    let expected = match source.kind {
        oracle_kind::NONE if !is_primary => OracleSource::default(),
        oracle_kind::PYTH_PULL if names_feed => OracleSource {
            receiver: source.receiver,
            ..plain
        },
        oracle_kind::PYTH_LEGACY if names_feed => plain,
        oracle_kind::PYTH_PRO => OracleSource {
            exponent: source.exponent,
            ..plain
        },
        oracle_kind::DERIVED if is_primary && names_feed => OracleSource {
            base: source.base,
            cap: source.cap,
            ..plain
        },
        oracle_kind::FINAL if is_primary && names_feed => OracleSource {
            exponent: source.exponent,
            ..plain
        },
        _ => return err!(PlimsollError::InvalidParameter),
    };
    let one_receiver = source.kind != oracle_kind::PYTH_PULL
        || matches!(
            source.receiver,
            receiver::DEFAULT | receiver::PRO_COMPATIBLE
        );
    let one_number = source.kind != oracle_kind::PYTH_PRO || source.feed[4..] == [0; 28];
    let one_price = source.kind != oracle_kind::FINAL || source.feed[8..] == [0; 24];
    require!(
        *source == expected && one_receiver && one_number && one_price,
        PlimsollError::InvalidParameter
    );
    Ok(())
}
