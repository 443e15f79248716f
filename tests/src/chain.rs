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
/// Length of a slot, where a test does not say otherwise.
pub const MILLISECONDS_PER_SLOT: u64 = 400;
/// What each test signer starts with.
pub const LAMPORTS: u64 = 1_000_000_000_000;

const LOADER: Pubkey = Pubkey::from_str_const("BPFLoader2111111111111111111111111111111111");

/// The built program.
pub fn artifact() -> Vec<u8> {
    elf("plimsoll", "programs/plimsoll")
}

/// Starts a bank with the program of `target/deploy`, and every feature that the runtime knows active.
pub async fn start() -> ProgramTestContext {
    start_with(&[(plimsoll::ID, "plimsoll", "programs/plimsoll")]).await
}

/// Starts a bank with programs of `target/deploy`: address, name of the file, directory of the crate.
pub async fn start_with(programs: &[(Pubkey, &str, &str)]) -> ProgramTestContext {
    let mut test = ProgramTest::default();
    test.set_compute_max_units(1_400_000);
    for (address, name, directory) in programs {
        test.add_account(*address, built(name, directory));
    }
    let context = test.start_with_context().await;
    context.set_sysvar(&Clock {
        slot: START_SLOT,
        unix_timestamp: START_TIME,
        ..Clock::default()
    });
    context
}

/// The account of a built program.
fn built(name: &str, directory: &str) -> Account {
    Account {
        lamports: LAMPORTS,
        data: elf(name, directory),
        owner: LOADER,
        executable: true,
        rent_epoch: u64::MAX,
    }
}

/// The bytes of a built program.
fn elf(name: &str, directory: &str) -> Vec<u8> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/deploy");
    let path = deploy.join(name).with_extension("so");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{} cannot be read ({error}): build it first with `cargo xtask build --manifest {directory}/Cargo.toml`",
            path.display()
        )
    })
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
        let slots = secs.unsigned_abs() * 1_000 / self.slot_ms;
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
