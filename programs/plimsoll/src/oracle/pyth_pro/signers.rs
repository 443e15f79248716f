//! Pyth's own account of the keys that sign its messages, and until when each is trusted.
use anchor_lang::prelude::*;

use crate::error::PlimsollError;

/// Pyth's program that checks messages and keeps the signers.
pub const PROGRAM: Pubkey = pubkey!("pytd2yyk641x7ak7mkaasSJVXh6YYZnC7wTmtgAyxPt");
/// The program's one account.
pub const STORAGE: Pubkey = pubkey!("3rdJbqfnagQ4yx9HXJViD4zc4xpiSqmFsKpPuSCQVyQL");

/// What the account's data begins with.
pub const DISCRIMINATOR: [u8; 8] = [209, 117, 255, 185, 196, 175, 68, 9];
/// Length of its data: the discriminator, two addresses, a fee, a number and five places of signers, a number and two
/// places of signers of another kind, reserved space.
pub const STORAGE_LEN: usize = 381;
/// Between the discriminator and the signers: two addresses and a fee.
pub const SETTINGS_LEN: usize = 32 + 32 + 8;
/// A signer: its key, and the moment it expires at, Unix seconds.
const SIGNER_LEN: usize = 32 + 8;
/// Places of signers.
pub const PLACES: usize = 5;

/// Refuses a signer that Pyth does not trust at `now`, and any account that is not Pyth's.
pub fn require_trusted(storage: &AccountInfo, signer: &[u8; 32], now: i64) -> Result<()> {
    require_keys_eq!(*storage.key, STORAGE, PlimsollError::WrongSignerAccount);
    require_keys_eq!(*storage.owner, PROGRAM, PlimsollError::WrongSignerAccount);
    let data = storage.try_borrow_data()?;
    let signers = signers(&data).ok_or(PlimsollError::WrongSignerAccount)?;
    let trusted = signers
        .chunks_exact(SIGNER_LEN)
        .filter_map(|entry| entry.split_first_chunk::<32>())
        .any(|(key, expiry)| {
            key == signer
                && expiry
                    .first_chunk()
                    .is_some_and(|e| i64::from_le_bytes(*e) > now)
        });
    require!(trusted, PlimsollError::UntrustedSigner);
    Ok(())
}

/// The places of the account's data that hold signers.
fn signers(data: &[u8]) -> Option<&[u8]> {
    if data.len() != STORAGE_LEN {
        return None;
    }
    let rest = data.strip_prefix(&DISCRIMINATOR)?.get(SETTINGS_LEN..)?;
    let (count, places) = rest.split_first()?;
    let count = usize::from(*count);
    if count > PLACES {
        return None;
    }
    places.get(..count.checked_mul(SIGNER_LEN)?)
}
