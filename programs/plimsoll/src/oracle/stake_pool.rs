//! Exchange rates of SPL stake pools: lamports per pool token.
use anchor_lang::prelude::*;

use crate::{error::PlimsollError, state::feed::RATE_BITS};

/// Deployments of the stake pool program: the original one and its two forks that share its layout.
pub const STAKE_POOL_PROGRAMS: [Pubkey; 3] = [
    pubkey!("SPoo1Ku8WFXoNDMHPsrGSTSG1Y47rzgn41SLUNakuHy"),
    pubkey!("SPMBzsVUuoHA4Jm6KunbsotaahvVikZs1JyTW6iJvbn"),
    pubkey!("SP12tWFxD9oJsVWNavTTBZvMbA6gkAmxtVgxdqvyvhY"),
];

// Borsh layout: account type, four keys and a bump, five keys, then the totals.
const TYPE: usize = 0;
const TOTAL_LAMPORTS: usize = 1 + 3 * 32 + 1 + 5 * 32;
const POOL_TOKEN_SUPPLY: usize = TOTAL_LAMPORTS + 8;
/// Borsh tag of an initialised pool.
const STAKE_POOL: u8 = 1;

/// Lamports per pool token over 2^[`RATE_BITS`], rounded down, of the pool at the address that the source names.
///
/// # Errors
/// `WrongOracleAccount`, `WrongOracleOwner`; `InvalidOraclePrice` of an empty pool.
pub fn read(feed: &[u8; 32], key: &Pubkey, owner: &Pubkey, data: &[u8]) -> Result<u64> {
    require!(key.to_bytes() == *feed, PlimsollError::WrongOracleAccount);
    require!(
        STAKE_POOL_PROGRAMS.contains(owner),
        PlimsollError::WrongOracleOwner
    );
    require!(
        data.get(TYPE) == Some(&STAKE_POOL),
        PlimsollError::WrongOracleAccount
    );
    let lamports = number(data, TOTAL_LAMPORTS)?;
    let supply = number(data, POOL_TOKEN_SUPPLY)?;
    let rate = (u128::from(lamports) << RATE_BITS)
        .checked_div(u128::from(supply))
        .and_then(|rate| u64::try_from(rate).ok())
        .filter(|rate| *rate > 0);
    rate.ok_or_else(|| PlimsollError::InvalidOraclePrice.into())
}

fn number(data: &[u8], at: usize) -> Result<u64> {
    data.get(at..)
        .and_then(|rest| rest.first_chunk())
        .map(|bytes| u64::from_le_bytes(*bytes))
        .ok_or_else(|| PlimsollError::WrongOracleAccount.into())
}
