//! Pyth's legacy push accounts, written by the first oracle program.
use anchor_lang::prelude::*;
use pyth_sdk_solana::state::{load_price_account, PriceStatus};

use super::OraclePrice;
use crate::{error::PlimsollError, state::OracleSource};

/// The legacy Pyth oracle program.
pub const PYTH_LEGACY_PROGRAM: Pubkey = pubkey!("FsJ3A3u2vn5cTVofAjvy6y5kwABJAqYWpe4975bi2epH");

/// The account's address is the feed; only an aggregate in status `Trading` counts.
pub fn read(
    source: &OracleSource,
    key: &Pubkey,
    owner: &Pubkey,
    data: &[u8],
) -> Result<OraclePrice> {
    require!(
        key.to_bytes() == source.feed,
        PlimsollError::WrongOracleAccount
    );
    require_keys_eq!(*owner, PYTH_LEGACY_PROGRAM, PlimsollError::WrongOracleOwner);
    let account = load_price_account::<32, ()>(data)
        .map_err(|_| error!(PlimsollError::WrongOracleAccount))?;
    require!(
        account.agg.status == PriceStatus::Trading,
        PlimsollError::InvalidOraclePrice
    );
    Ok(OraclePrice {
        price: account.agg.price,
        conf: account.agg.conf,
        exponent: account.expo,
        published_ms: account.timestamp.saturating_mul(1_000),
    })
}
