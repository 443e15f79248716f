//! Pyth's account of trusted signers, for a chain of one's own.
use anchor_lang::prelude::Pubkey;
use plimsoll::oracle::pyth_pro::signers::{DISCRIMINATOR, PLACES, SETTINGS_LEN, STORAGE_LEN};

/// The data of Pyth's account with these signers, each trusted until a moment in Unix seconds; its settings are empty.
/// It belongs at `plimsoll::oracle::pyth_pro::signers::STORAGE`, owned by `PROGRAM` there. None for more than five.
pub fn signer_account(trusted: &[(Pubkey, i64)]) -> Option<Vec<u8>> {
    let count = u8::try_from(trusted.len()).ok()?;
    if trusted.len() > PLACES {
        return None;
    }
    let mut data = DISCRIMINATOR.to_vec();
    data.extend([0; SETTINGS_LEN]);
    data.push(count);
    for (signer, expires_at) in trusted {
        data.extend(signer.to_bytes());
        data.extend(expires_at.to_le_bytes());
    }
    data.resize(STORAGE_LEN, 0);
    Some(data)
}
