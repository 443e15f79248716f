//! Prices from oracle accounts: who may own them, which feed they carry, how far they are to be trusted.
mod pyth_legacy;
pub mod pyth_pro;
mod pyth_pull;
mod update;

use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    state::{bank::oracle_kind, OracleSource},
};

pub use pyth_legacy::PYTH_LEGACY_PROGRAM;
pub use pyth_pull::receiver_program;
pub use update::{update_asset, update_market};

/// A price as its publisher states it: (price ± conf) × 10^exponent USD per whole token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OraclePrice {
    pub price: i64,
    pub conf: u64,
    pub exponent: i32,
    pub publish_time: i64,
}

/// Reads the price of `source` from `account`, or says why the account is not acceptable.
pub fn read(source: &OracleSource, account: &AccountInfo) -> Result<OraclePrice> {
    let data = account.try_borrow_data()?;
    let price = match source.kind {
        oracle_kind::PYTH_PULL => pyth_pull::read(source, account.owner, &data)?,
        oracle_kind::PYTH_LEGACY => pyth_legacy::read(source, account.key, account.owner, &data)?,
        _ => return err!(PlimsollError::WrongOracleAccount),
    };
    require!(price.price > 0, PlimsollError::InvalidOraclePrice);
    Ok(price)
}

/// Whether an operator's configuration of a source can ever be read; a fallback may be absent.
pub fn validate(source: &OracleSource, required: bool) -> Result<()> {
    let ok = match source.kind {
        oracle_kind::NONE => !required,
        oracle_kind::PYTH_PULL => {
            source.receivers != 0
                && source.receivers & !pyth_pull::KNOWN_RECEIVERS == 0
                && source.feed != [0; 32]
        }
        oracle_kind::PYTH_LEGACY => source.feed != [0; 32],
        _ => false,
    };
    require!(
        ok && source.padding == [0; 6],
        PlimsollError::InvalidParameter
    );
    Ok(())
}
