//! The signed message in the transaction: an instruction of the ed25519 program that checks one signature and carries
//! key, signature and message itself.
//!
//! The ed25519 program looks for each of the three at an offset in an instruction, its own or another. Only one form is
//! taken here, the one that the usual clients build: one signature, all offsets into the instruction's own data, the key
//! first, then the signature, then the message up to the end. Whatever the ed25519 program checked is then what is read.
use core::cell::Ref;

use anchor_lang::prelude::*;

use crate::error::PlimsollError;

/// The sysvar that holds the transaction's instructions.
pub const SYSVAR: Pubkey = pubkey!("Sysvar1nstructions1111111111111111111111111");
/// The program that checks signatures.
pub const ED25519_PROGRAM: Pubkey = pubkey!("Ed25519SigVerify111111111111111111111111111");

/// Length of the header: how many signatures, and where the parts of the one are.
pub const HEADER_LEN: usize = 16;
const PUBLIC_KEY_AT: u16 = HEADER_LEN as u16;
const SIGNATURE_AT: u16 = PUBLIC_KEY_AT + 32;
const MESSAGE_AT: u16 = SIGNATURE_AT + 64;
/// What the ed25519 program takes for the instruction's own data, where it expects the index of an instruction.
const THIS_INSTRUCTION: u16 = u16::MAX;
/// An account of an instruction in the sysvar: flags and address.
const ACCOUNT_LEN: usize = 33;

/// The transaction's instructions, read from the sysvar.
pub struct InstructionsSysvar<'a>(Ref<'a, &'a mut [u8]>);

impl<'a> InstructionsSysvar<'a> {
    /// Borrows the instructions sysvar; any other account is refused.
    pub fn open(sysvar: &'a AccountInfo) -> Result<Self> {
        require_keys_eq!(*sysvar.key, SYSVAR, PlimsollError::WrongInstructionsSysvar);
        Ok(Self(sysvar.try_borrow_data()?))
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.0
    }
}

/// A message and the key whose signature over it the ed25519 program checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    pub signer: &'a [u8; 32],
    pub message: &'a [u8],
}

/// The header of an instruction that checks one signature over a message of this length.
pub const fn header(message_len: u16) -> [u8; HEADER_LEN] {
    const fn pair(value: u16) -> [u8; 2] {
        value.to_le_bytes()
    }
    let ([k0, k1], [s0, s1]) = (pair(PUBLIC_KEY_AT), pair(SIGNATURE_AT));
    let ([m0, m1], [l0, l1]) = (pair(MESSAGE_AT), pair(message_len));
    let [t0, t1] = pair(THIS_INSTRUCTION);
    // The second byte is a padding that the ed25519 program does not read.
    [1, 0, s0, s1, t0, t1, k0, k1, t0, t1, m0, m1, l0, l1, t0, t1]
}

/// The signed message of the instruction at `index`, from the sysvar's data.
pub(super) fn signed_message(sysvar: &[u8], index: u16) -> Result<Signed<'_>> {
    let (program, data) = instruction(sysvar, index).ok_or(PlimsollError::NotASignedMessage)?;
    require!(
        *program == ED25519_PROGRAM.to_bytes(),
        PlimsollError::NotASignedMessage
    );
    split(data).ok_or_else(|| PlimsollError::NotASignedMessage.into())
}

/// The program and the data of the instruction at `index`.
///
/// The sysvar holds the number of instructions and where each begins; an instruction is the number of its accounts, the
/// accounts, the program, the data's length and the data.
fn instruction(sysvar: &[u8], index: u16) -> Option<(&[u8; 32], &[u8])> {
    let (count, offsets) = sysvar.split_first_chunk()?;
    if index >= u16::from_le_bytes(*count) {
        return None;
    }
    let offset = usize::from(index).checked_mul(2)?;
    let start = offsets.get(offset..)?.first_chunk()?;
    let instruction = sysvar.get(usize::from(u16::from_le_bytes(*start))..)?;
    let (accounts, rest) = instruction.split_first_chunk()?;
    let accounts = usize::from(u16::from_le_bytes(*accounts)).checked_mul(ACCOUNT_LEN)?;
    let (program, rest) = rest.get(accounts..)?.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let data = rest.get(..usize::from(u16::from_le_bytes(*len)))?;
    Some((program, data))
}

/// Takes the instruction's data apart, if it has exactly the form that is taken.
fn split(data: &[u8]) -> Option<Signed<'_>> {
    let (found, rest) = data.split_first_chunk::<HEADER_LEN>()?;
    let (signer, rest) = rest.split_first_chunk()?;
    let (_signature, message) = rest.split_first_chunk::<64>()?;
    let expected = header(u16::try_from(message.len()).ok()?);
    // As numbers, which compares two words and calls nothing.
    let is_form = u128::from_le_bytes(*found) == u128::from_le_bytes(expected);
    is_form.then_some(Signed { signer, message })
}
