//! The bank that the tests run on: the built program, the clock, accounts written past the runtime.
use anchor_lang::prelude::{Clock, Pubkey};
use solana_account::{Account, AccountSharedData};
use solana_program_test::{ProgramTest, ProgramTestContext};
use std::path::Path;

use crate::Env;

/// Unix time at which every environment starts.
pub const START_TIME: i64 = 1_700_000_000;
/// Slot at which every environment starts.
pub const START_SLOT: u64 = 1_000_000;
/// Length of a slot.
const MILLISECONDS_PER_SLOT: u64 = 400;
/// What each test signer starts with.
pub const LAMPORTS: u64 = 1_000_000_000_000;

const LOADER: Pubkey = Pubkey::from_str_const("BPFLoader2111111111111111111111111111111111");

/// The built program.
pub fn artifact() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/deploy/plimsoll.so");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read ({error}): build the program first with `cargo xtask build`",
            path.display()
        )
    })
}

/// Starts a bank with the program of `target/deploy`, and every feature that the runtime knows active.
pub async fn start() -> ProgramTestContext {
    let mut test = ProgramTest::default();
    test.set_compute_max_units(1_400_000);
    let program = Account {
        lamports: LAMPORTS,
        data: artifact(),
        owner: LOADER,
        executable: true,
        rent_epoch: u64::MAX,
    };
    test.add_account(plimsoll::ID, program);
    let context = test.start_with_context().await;
    context.set_sysvar(&Clock {
        slot: START_SLOT,
        unix_timestamp: START_TIME,
        ..Clock::default()
    });
    context
}

impl Env {
    /// The clock that programs see.
    pub async fn clock(&self) -> Clock {
        let client = &self.context.banks_client;
        client.get_sysvar().await.expect("the clock")
    }

    /// Unix time that programs see.
    pub async fn now(&self) -> i64 {
        self.clock().await.unix_timestamp
    }

    /// Moves time on, by seconds and as many slots as they hold.
    pub async fn advance(&mut self, secs: i64) {
        let slots = secs.unsigned_abs() * 1_000 / MILLISECONDS_PER_SLOT;
        self.advance_by(secs, slots).await;
    }

    /// Moves time on, seconds and slots independently.
    pub async fn advance_by(&mut self, secs: i64, slots: u64) {
        let mut clock = self.clock().await;
        clock.unix_timestamp += secs;
        clock.slot += slots;
        self.context.set_sysvar(&clock);
    }

    /// The account at an address, if there is one.
    pub async fn find_account(&self, address: Pubkey) -> Option<Account> {
        let client = &self.context.banks_client;
        client.get_account(address).await.expect("the bank answers")
    }

    /// Writes an account past the runtime.
    pub fn write_account(&mut self, address: Pubkey, owner: Pubkey, data: Vec<u8>) {
        let account = Account {
            lamports: LAMPORTS,
            data,
            owner,
            executable: false,
            rent_epoch: u64::MAX,
        };
        self.context
            .set_account(&address, &AccountSharedData::from(account));
    }
}
