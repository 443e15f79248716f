//! Transactions: in which versions they are written, what fits into one, and where it states its compute budget.
//!
//! Version 1 holds more than three times the bytes of version 0 and states unit limit and priority fee in its message;
//! version 0 states them in two instructions ahead of its own. [`crate::rpc::Connection::version`] tells which of them a
//! cluster takes. Everything that follows from a transaction's size follows from [`Version::limits`].
use std::collections::BTreeSet;

use anchor_lang::{
    prelude::{pubkey, Pubkey},
    solana_program::instruction::Instruction,
};
use solana_hash::Hash;
use solana_message::{
    v0,
    v1::{self, TransactionConfig},
    CompileError, VersionedMessage,
};

/// The newest version that transactions of a cluster may have: what to say to a node of which they are read.
pub const NEWEST: u8 = 1;
/// The account of the feature that activates version 1 on a cluster.
pub const VERSION_1_FEATURE: Pubkey = pubkey!("txv1aq4pp281K9um3tnPgkfX8UqtFT6wcVW3hNezGLL");
/// Most compute units of a transaction.
pub const MAX_UNITS: u32 = 1_400_000;

const COMPUTE_BUDGET: Pubkey = pubkey!("ComputeBudget111111111111111111111111111111");
/// Bytes of accounts that a transaction may load: what version 0 allows where nothing is said. Version 1 allows none.
const LOADED_BYTES: u32 = 64 * 1024 * 1024;
/// What one more account takes: its address, and the index by which an instruction names it.
const ACCOUNT_BYTES: usize = 32 + 1;
const SIGNATURE_BYTES: usize = 64;

/// How a transaction is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Taken by every cluster. Here always without lookup tables.
    V0,
    /// Taken by clusters that have activated it.
    V1,
}

/// What a transaction takes, or may take at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Signatures included.
    pub bytes: usize,
    /// Accounts and programs, each once.
    pub addresses: usize,
    /// Those that state the compute budget included.
    pub instructions: usize,
    pub signatures: usize,
}

impl Size {
    /// Whether nothing of it exceeds `limits`.
    pub fn is_within(&self, limits: &Self) -> bool {
        self.bytes <= limits.bytes
            && self.addresses <= limits.addresses
            && self.instructions <= limits.instructions
            && self.signatures <= limits.signatures
    }
}

/// What a transaction may use and pays for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most compute units.
    pub units: u32,
    /// Micro-lamports for each of them.
    pub unit_price: u64,
}

impl Budget {
    /// All that a transaction may use, for nothing on top.
    pub const UNLIMITED: Self = Self {
        units: MAX_UNITS,
        unit_price: 0,
    };

    /// Lamports that are paid on top of the fee for signatures, rounded up as the runtime does.
    fn priority_fee(self) -> u64 {
        let micro = u128::from(self.units) * u128::from(self.unit_price);
        u64::try_from(micro.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

impl Version {
    /// The newest that a cluster takes whose [`VERSION_1_FEATURE`] has this data: an option of the slot since when it is
    /// active, none while it waits for the next epoch.
    pub fn of(feature: Option<&[u8]>) -> Self {
        let active = feature.is_some_and(|data| data.len() >= 9 && data.first() == Some(&1));
        match active {
            true => Self::V1,
            false => Self::V0,
        }
    }

    /// Most that a transaction may take.
    pub const fn limits(self) -> Size {
        match self {
            Self::V0 => Size {
                bytes: 1_232,
                addresses: 64,
                instructions: 64,
                signatures: 12,
            },
            Self::V1 => Size {
                bytes: v1::MAX_TRANSACTION_SIZE,
                addresses: v1::MAX_ADDRESSES as usize,
                instructions: v1::MAX_INSTRUCTIONS as usize,
                signatures: v1::MAX_SIGNATURES as usize,
            },
        }
    }

    /// The message of a transaction of these instructions: the one place where a budget is written down.
    ///
    /// # Errors
    /// When the instructions name more addresses than can be numbered. What [`Self::fits`] does not.
    pub fn message(
        self,
        payer: &Pubkey,
        instructions: &[Instruction],
        budget: Budget,
        blockhash: Hash,
    ) -> Result<VersionedMessage, CompileError> {
        match self {
            Self::V0 => {
                let all = [&budget_instructions(budget), instructions].concat();
                v0::Message::try_compile(payer, &all, &[], blockhash).map(VersionedMessage::V0)
            }
            Self::V1 => {
                let config = TransactionConfig {
                    // A zero would take eight bytes to say nothing.
                    priority_fee: Some(budget.priority_fee()).filter(|fee| *fee > 0),
                    compute_unit_limit: Some(budget.units),
                    loaded_accounts_data_size_limit: Some(LOADED_BYTES),
                    heap_size: None,
                };
                v1::Message::try_compile_with_config(payer, instructions, blockhash, config)
                    .map(VersionedMessage::V1)
            }
        }
    }

    /// Instructions of a message that precede those it was made of.
    pub const fn preceding(self) -> usize {
        match self {
            Self::V0 => 2,
            Self::V1 => 0,
        }
    }

    /// What a transaction of these instructions takes, whatever its budget.
    pub fn size(self, payer: &Pubkey, instructions: &[Instruction]) -> Size {
        let ahead = budget_instructions(Budget::UNLIMITED);
        let ahead = ahead.iter().take(self.preceding());
        let (mut addresses, mut signers) = (BTreeSet::from([*payer]), BTreeSet::from([*payer]));
        let (mut count, mut bytes) = (0, 0);
        for instruction in ahead.chain(instructions) {
            addresses.insert(instruction.program_id);
            for meta in &instruction.accounts {
                addresses.insert(meta.pubkey);
                if meta.is_signer {
                    signers.insert(meta.pubkey);
                }
            }
            let (accounts, data) = (instruction.accounts.len(), instruction.data.len());
            count += 1;
            bytes += accounts + data;
            bytes += match self {
                Self::V0 => 1 + length_bytes(accounts) + length_bytes(data),
                Self::V1 => 4,
            };
        }
        bytes += 32 * addresses.len() + SIGNATURE_BYTES * signers.len();
        // Version, header and blockhash; then counts, and in version 1 the kinds and values of the budget.
        bytes += 1 + 3 + 32;
        bytes += match self {
            Self::V0 => {
                let no_tables = 1;
                length_bytes(signers.len())
                    + length_bytes(addresses.len())
                    + length_bytes(count)
                    + no_tables
            }
            Self::V1 => 2 + 4 + 8 + 4 + 4,
        };
        Size {
            bytes,
            addresses: addresses.len(),
            instructions: count,
            signatures: signers.len(),
        }
    }

    /// Whether instructions fit into one transaction.
    pub fn fits(self, payer: &Pubkey, instructions: &[Instruction]) -> bool {
        self.size(payer, instructions).is_within(&self.limits())
    }

    /// Whether an instruction takes at most half of a transaction that a key which it does not name pays for, so that what
    /// it is sent for can go along.
    pub fn fits_half(self, instruction: &Instruction) -> bool {
        let limits = self.limits();
        let half = Size {
            bytes: limits.bytes / 2,
            addresses: limits.addresses / 2,
            ..limits
        };
        self.size(&Pubkey::default(), std::slice::from_ref(instruction))
            .is_within(&half)
    }

    /// How many of `instructions`, from the first on, fit into one transaction; one even if it does not.
    pub fn leading(self, payer: &Pubkey, instructions: &[Instruction]) -> usize {
        (2..=instructions.len())
            .take_while(|count| {
                let some = instructions.get(..*count);
                some.is_some_and(|some| self.fits(payer, some))
            })
            .last()
            .unwrap_or(instructions.len().min(1))
    }

    /// Instructions in order, in as few transactions as their size allows. One that does not fit alone stands alone.
    pub fn pack(self, payer: &Pubkey, instructions: Vec<Instruction>) -> Vec<Vec<Instruction>> {
        let mut packed = Vec::new();
        let mut rest = instructions;
        while !rest.is_empty() {
            let later = rest.split_off(self.leading(payer, &rest));
            packed.push(std::mem::replace(&mut rest, later));
        }
        packed
    }

    /// How many more accounts the last of these instructions can name without needing another transaction than it does.
    pub fn room(self, payer: &Pubkey, instructions: &[Instruction]) -> usize {
        let last = self.pack(payer, instructions.to_vec()).pop();
        let size = self.size(payer, &last.unwrap_or_default());
        let limits = self.limits();
        let bytes = limits.bytes.saturating_sub(size.bytes) / ACCOUNT_BYTES;
        bytes.min(limits.addresses.saturating_sub(size.addresses))
    }
}

/// The instructions that state a budget in version 0; always both, so that positions do not depend on it.
fn budget_instructions(budget: Budget) -> [Instruction; 2] {
    let set = |tag: u8, value: &[u8]| Instruction {
        program_id: COMPUTE_BUDGET,
        accounts: Vec::new(),
        data: [&[tag], value].concat(),
    };
    [
        set(2, &budget.units.to_le_bytes()),
        set(3, &budget.unit_price.to_le_bytes()),
    ]
}

/// Bytes in which version 0 writes a length.
const fn length_bytes(length: usize) -> usize {
    match length {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::solana_program::instruction::AccountMeta;

    const VERSIONS: [Version; 2] = [Version::V0, Version::V1];
    const PAYER: Pubkey = Pubkey::new_from_array([255; 32]);
    const PAYING: Budget = Budget {
        units: 300_000,
        unit_price: 7,
    };

    fn key(number: usize) -> Pubkey {
        let mut bytes = [1; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Pubkey::new_from_array(bytes)
    }

    /// `accounts` of its own from number `first` on, and `data` bytes.
    fn instruction(first: usize, accounts: usize, data: usize) -> Instruction {
        let accounts = (first..first + accounts).map(|i| AccountMeta::new(key(i), false));
        Instruction {
            program_id: plimsoll::ID,
            accounts: accounts.collect(),
            data: vec![0; data],
        }
    }

    fn message(version: Version, instructions: &[Instruction], budget: Budget) -> VersionedMessage {
        let message = version.message(&PAYER, instructions, budget, Hash::default());
        message.expect("few addresses")
    }

    #[test]
    fn version_1_is_taken_once_its_feature_names_a_slot() {
        let active = [&[1u8][..], &77u64.to_le_bytes()].concat();
        assert_eq!(Version::of(Some(&active)), Version::V1);
        assert_eq!(Version::of(Some(&[0; 9])), Version::V0, "pending");
        assert_eq!(
            Version::of(Some(&[])),
            Version::V0,
            "lamports were sent there"
        );
        assert_eq!(Version::of(None), Version::V0);
    }

    #[test]
    fn measures_what_is_serialized() {
        let mut signed = instruction(1, 3, 10);
        signed.accounts[1].is_signer = true;
        let cases = [
            vec![],
            vec![signed.clone()],
            vec![instruction(1, 40, 200), signed.clone()],
            vec![instruction(5, 2, 0), instruction(5, 2, 16_500), signed],
            vec![instruction(1, 200, 9)],
        ];
        for version in VERSIONS {
            for case in &cases {
                let size = version.size(&PAYER, case);
                let made = message(version, case, PAYING);
                let signatures = usize::from(made.header().num_required_signatures);
                let counts = match version {
                    Version::V0 => length_bytes(signatures),
                    Version::V1 => 0,
                };
                let bytes = made.serialize().len() + counts + 64 * signatures;
                assert_eq!(size.bytes, bytes, "{version:?} {case:?}");
                assert_eq!(size.addresses, made.static_account_keys().len());
                assert_eq!(size.instructions, made.instructions().len());
                assert_eq!(size.signatures, signatures);
            }
        }
    }

    #[test]
    fn version_0_states_its_budget_in_instructions() {
        let own = instruction(1, 2, 3);
        let made = message(Version::V0, std::slice::from_ref(&own), PAYING);
        let data: Vec<_> = made.instructions().iter().map(|i| &*i.data).collect();
        let limit: &[u8] = &[2, 0xe0, 0x93, 4, 0];
        assert_eq!(data, [limit, &[3, 7, 0, 0, 0, 0, 0, 0, 0], &own.data]);
    }

    #[test]
    fn version_1_states_its_budget_in_the_message() {
        let own = instruction(1, 2, 3);
        let config = |budget| match message(Version::V1, std::slice::from_ref(&own), budget) {
            VersionedMessage::V1(made) => {
                made.validate().expect("a valid message");
                assert_eq!(made.instructions.len(), 1);
                made.config
            }
            other => panic!("{other:?}"),
        };
        let paying = config(PAYING);
        // 300,000 units of 7 micro-lamports are 2.1 lamports.
        assert_eq!(paying.priority_fee, Some(3));
        assert_eq!(paying.compute_unit_limit, Some(300_000));
        assert_eq!(paying.loaded_accounts_data_size_limit, Some(LOADED_BYTES));
        assert_eq!(config(Budget::UNLIMITED).priority_fee, None);
        let dear = Budget {
            unit_price: u64::MAX,
            ..PAYING
        };
        assert_eq!(config(dear).priority_fee, Some(5_534_023_222_112_865_485));
    }

    #[test]
    fn packs_in_order_as_many_as_fit() {
        for version in VERSIONS {
            let all: Vec<_> = (0..20).map(|i| instruction(i * 10, 10, 16)).collect();
            let packed = version.pack(&PAYER, all.clone());
            assert_eq!(packed.concat(), all);
            for (batch, next) in packed.iter().zip(packed.iter().skip(1)) {
                assert!(version.fits(&PAYER, batch));
                let more = [batch.as_slice(), &next[..1]].concat();
                assert!(!version.fits(&PAYER, &more), "{version:?}");
            }
            // The addresses that all share count once; 64 instructions are the most.
            let same = vec![instruction(1, 1, 2); 64 - version.preceding()];
            assert_eq!(version.pack(&PAYER, same.clone()).len(), 1);
            let more = [same, vec![instruction(1, 1, 2)]].concat();
            assert_eq!(version.pack(&PAYER, more).len(), 2);
            assert!(version.pack(&PAYER, Vec::new()).is_empty());
        }
    }

    #[test]
    fn version_1_takes_what_version_0_needs_several_transactions_for() {
        let all: Vec<_> = (0..6).map(|i| instruction(i * 10, 10, 16)).collect();
        assert_eq!(Version::V0.pack(&PAYER, all.clone()).len(), 3);
        assert_eq!(Version::V1.pack(&PAYER, all).len(), 1);
    }

    #[test]
    fn what_never_fits_stands_alone() {
        for version in VERSIONS {
            let all = vec![
                instruction(1, 2, 16),
                instruction(1, 80, 16),
                instruction(1, 2, 16),
            ];
            let lengths: Vec<_> = version.pack(&PAYER, all).iter().map(Vec::len).collect();
            assert_eq!(lengths, [1, 1, 1]);
        }
    }

    #[test]
    fn half_of_a_transaction_leaves_as_much_again() {
        for (version, most) in [(Version::V0, 11), (Version::V1, 30)] {
            let largest = (1..64)
                .rev()
                .find(|accounts| version.fits_half(&instruction(1, *accounts, 8)));
            assert_eq!(largest, Some(most), "{version:?}");
            let both = [instruction(1, most, 8), instruction(100, most, 8)];
            assert!(version.fits(&PAYER, &both));
        }
    }

    #[test]
    fn room_is_for_as_many_accounts_as_still_fit() {
        for version in VERSIONS {
            let refresh = instruction(1, 12, 8);
            let order = |makers| instruction(100, 6 + makers, 60);
            let with = |makers| vec![refresh.clone(), order(makers)];
            let room = version.room(&PAYER, &with(0));
            assert!(room >= 8, "{version:?}: {room}");
            assert!(version.fits(&PAYER, &with(room)));
            assert!(!version.fits(&PAYER, &with(room + 1)));
            // What does not fit with the rest has the room of its own transaction.
            let large = instruction(1, if version == Version::V0 { 24 } else { 44 }, 8);
            let apart = version.room(&PAYER, &[large.clone(), large, order(16)]);
            assert_eq!(apart, version.room(&PAYER, &[order(16)]));
        }
    }
}
