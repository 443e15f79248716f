//! Tests of the parts together: what is accepted, and each refusal.
mod forms;
mod messages;
mod noise;

use anchor_lang::{
    prelude::*,
    solana_program::{
        instruction::{AccountMeta, BorrowedAccountMeta, BorrowedInstruction},
        sysvar::instructions::construct_instructions_data,
    },
};

use super::{instruction, payload::property, payload::MAGIC, signers, *};

const NOW: i64 = 1_800_000_000;
const SIGNER: [u8; 32] = [7; 32];

/// An instruction of a transaction.
#[derive(Clone, Debug)]
struct Sent {
    program: Pubkey,
    accounts: Vec<AccountMeta>,
    data: Vec<u8>,
}

/// A check of one signature in the form that is taken.
fn check_of(message: &[u8]) -> Sent {
    let mut data = instruction::header(message.len() as u16).to_vec();
    data.extend(SIGNER);
    data.extend([9; 64]);
    data.extend(message);
    Sent {
        program: instruction::ED25519_PROGRAM,
        accounts: vec![],
        data,
    }
}

/// An instruction of any other program.
fn other() -> Sent {
    Sent {
        program: Pubkey::new_unique(),
        accounts: vec![
            AccountMeta::new(Pubkey::new_unique(), true),
            AccountMeta::new_readonly(Pubkey::new_unique(), false),
        ],
        data: vec![3; 50],
    }
}

/// The sysvar's data as the runtime makes it.
fn sysvar_of(transaction: &[Sent]) -> Vec<u8> {
    let borrowed: Vec<_> = transaction
        .iter()
        .map(|sent| BorrowedInstruction {
            program_id: &sent.program,
            accounts: sent.accounts.iter().map(borrow).collect(),
            data: &sent.data,
        })
        .collect();
    construct_instructions_data(&borrowed)
}

fn borrow(account: &AccountMeta) -> BorrowedAccountMeta<'_> {
    BorrowedAccountMeta {
        pubkey: &account.pubkey,
        is_signer: account.is_signer,
        is_writable: account.is_writable,
    }
}

/// Pyth's account with these signers and their expiry.
fn storage_of(trusted: &[([u8; 32], i64)]) -> Vec<u8> {
    let mut data = signers::DISCRIMINATOR.to_vec();
    data.extend([1; 72]);
    data.push(trusted.len() as u8);
    for (key, expiry) in trusted {
        data.extend(key);
        data.extend(expiry.to_le_bytes());
    }
    data.resize(signers::STORAGE_LEN, 0);
    data
}

/// A feed with all that a price needs, 60,000 ± 15 USD.
fn full_feed(id: u32, updated_us: u64) -> Vec<u8> {
    feed_of(
        id,
        &[
            (property::PRICE, 6_000_000_000_000i64.to_le_bytes().to_vec()),
            (
                property::CONFIDENCE,
                1_500_000_000i64.to_le_bytes().to_vec(),
            ),
            (property::EXPONENT, (-8i16).to_le_bytes().to_vec()),
            (property::PUBLISHERS, 12u16.to_le_bytes().to_vec()),
            (property::UPDATE_TIME, present(updated_us)),
        ],
    )
}

fn present(value: u64) -> Vec<u8> {
    [vec![1], value.to_le_bytes().to_vec()].concat()
}

fn feed_of(id: u32, properties: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.push(properties.len() as u8);
    for (kind, value) in properties {
        bytes.push(*kind);
        bytes.extend(value);
    }
    bytes
}

fn message_of(timestamp_us: u64, feeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = MAGIC.to_le_bytes().to_vec();
    bytes.extend(timestamp_us.to_le_bytes());
    bytes.push(3);
    bytes.push(feeds.len() as u8);
    bytes.extend(feeds.concat());
    bytes
}

/// The chain's clock in a message's unit.
fn now_us() -> u64 {
    NOW as u64 * 1_000_000
}

/// An account as the runtime hands it to the program.
struct Account {
    key: Pubkey,
    owner: Pubkey,
    data: Vec<u8>,
    lamports: u64,
}

impl Account {
    fn sysvar(transaction: &[Sent]) -> Self {
        Self {
            key: instruction::SYSVAR,
            owner: pubkey!("Sysvar1111111111111111111111111111111111111"),
            data: sysvar_of(transaction),
            lamports: 1,
        }
    }

    fn storage(trusted: &[([u8; 32], i64)]) -> Self {
        Self {
            key: signers::STORAGE,
            owner: signers::PROGRAM,
            data: storage_of(trusted),
            lamports: 1,
        }
    }

    fn info(&mut self) -> AccountInfo<'_> {
        let (key, owner) = (&self.key, &self.owner);
        let (lamports, data) = (&mut self.lamports, &mut self.data);
        AccountInfo::new(key, false, false, lamports, data, owner, false)
    }
}

/// The prices of a message at `index` of a transaction, as a handler takes them, or why there are none.
fn prices(sysvar: &mut Account, storage: &mut Account, index: u16) -> Result<Vec<(u32, ProPrice)>> {
    let (sysvar, storage) = (sysvar.info(), storage.info());
    let instructions = InstructionsSysvar::open(&sysvar)?;
    let message = verify(&instructions, &storage, index, NOW)?;
    let priced = message.feeds().map(|feed| {
        let feed = feed?;
        Ok((feed.id, feed.price(&message)?))
    });
    priced.collect()
}

/// As [`prices`], of a message whose signer is trusted.
fn prices_in(transaction: &[Sent], index: u16) -> Result<Vec<(u32, ProPrice)>> {
    let mut storage = Account::storage(&[(SIGNER, NOW + 1)]);
    prices(&mut Account::sysvar(transaction), &mut storage, index)
}

#[track_caller]
fn refused<T: core::fmt::Debug>(outcome: Result<T>, expected: PlimsollError) {
    let expected = u32::from(expected);
    match outcome {
        Err(Error::AnchorError(error)) if error.error_code_number == expected => {}
        other => panic!("expected {expected}, got {other:?}"),
    }
}
