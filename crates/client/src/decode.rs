//! Reading the program's zero-copy accounts in place.
use anchor_lang::{Discriminator, ZeroCopy};

/// Why bytes are not the account asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Another kind of account, or not of this program.
    WrongKind,
    /// Fewer bytes than the account has.
    TooShort,
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::WrongKind => "the account is of another kind",
            Self::TooShort => "the account is shorter than its kind",
        })
    }
}

impl std::error::Error for DecodeError {}

/// Copies a zero-copy account (`Bank`, `MarginAccount`, `RiskState`, ...) out of its data, on the heap: some are
/// larger than a stack frame should be, and RPC data is not aligned.
pub fn decode<T: ZeroCopy + Discriminator>(data: &[u8]) -> Result<Box<T>, DecodeError> {
    let body = data
        .strip_prefix(T::DISCRIMINATOR)
        .ok_or(DecodeError::WrongKind)?;
    let body = body.get(..size_of::<T>()).ok_or(DecodeError::TooShort)?;
    let mut account: Box<T> = bytemuck::zeroed_box();
    bytemuck::bytes_of_mut(&mut *account).copy_from_slice(body);
    Ok(account)
}
