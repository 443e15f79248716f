//! Sending transactions: what came of them, and what they cost.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::events::{Deposited, FeesCollected, InsuranceFunded, Withdrawn};
use plimsoll_client::{
    errors, events,
    transaction::{Budget, Version, MAX_UNITS},
};
use solana_address_lookup_table_interface::{
    program::ID as LOOKUP_TABLE_PROGRAM,
    state::{AddressLookupTable, LookupTableMeta},
};
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_instruction_error::InstructionError;
use solana_keypair::Keypair;
use solana_message::{v0, AddressLookupTableAccount, Message, VersionedMessage};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use std::{borrow::Cow, fmt};

use crate::Env;

/// What an instruction that states a compute budget takes itself.
const BUDGET_INSTRUCTION_CU: u64 = 150;

/// A transaction that went through.
#[derive(Debug)]
pub struct TxOutcome {
    /// Compute units of its instructions.
    pub cu: u64,
    pub logs: Vec<String>,
    pub return_data: Vec<u8>,
}

/// A transaction that did not.
pub struct TestError {
    pub error: TransactionError,
    pub logs: Vec<String>,
}

impl TestError {
    /// The custom code of the instruction that failed.
    pub fn code(&self) -> Option<u32> {
        match self.error {
            TransactionError::InstructionError(_, InstructionError::Custom(code)) => Some(code),
            _ => None,
        }
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = self.code().map(errors::describe).unwrap_or_default();
        writeln!(f, "{:?} {meaning}", self.error)?;
        f.write_str(&self.logs.join("\n"))
    }
}

impl Env {
    /// Runs instructions in one transaction, paid by the environment. Large ones use a lookup table, as a client would.
    pub async fn send(
        &mut self,
        instructions: &[Instruction],
        signers: &[&Keypair],
    ) -> Result<TxOutcome, TestError> {
        let limit = ComputeBudgetInstruction::set_compute_unit_limit(self.next_limit().await);
        let all: Vec<Instruction> = [&[limit], instructions].concat();
        let message = self.compile(&all);
        let payer = self.context.payer.insecure_clone();
        let mut keys: Vec<&Keypair> = vec![&payer];
        keys.extend(signers.iter().filter(|s| s.pubkey() != payer.pubkey()));
        let transaction = VersionedTransaction::try_new(message, &keys).expect("all signers");
        self.process(transaction, 1, instructions).await
    }

    /// Runs instructions in one transaction of a version, which one key signs and pays for, written as the client writes it.
    pub async fn send_as(
        &mut self,
        version: Version,
        instructions: &[Instruction],
        key: &Keypair,
    ) -> Result<TxOutcome, TestError> {
        let budget = Budget {
            units: self.next_limit().await,
            ..Budget::UNLIMITED
        };
        let (payer, blockhash) = (key.pubkey(), self.context.last_blockhash);
        let size = version.size(&payer, instructions);
        assert!(size.is_within(&version.limits()), "too large: {size:?}");
        let message = version
            .message(&payer, instructions, budget, blockhash)
            .expect("few addresses");
        let transaction = VersionedTransaction::try_new(message, &[key]).expect("one signer");
        self.process(transaction, version.preceding(), instructions)
            .await
    }

    /// A limit of compute units that keeps equal transactions apart, and a blockhash for it: the bank makes a block every
    /// 6 ms, so that one that a test began with is forgotten within a second.
    async fn next_limit(&mut self) -> u32 {
        self.sent += 1;
        let latest = self.context.banks_client.get_latest_blockhash().await;
        self.context.last_blockhash = latest.expect("the bank answers");
        MAX_UNITS - self.sent
    }

    /// Has the bank process a transaction of `instructions`, which so many that state its budget precede.
    async fn process(
        &mut self,
        transaction: VersionedTransaction,
        preceding: usize,
        instructions: &[Instruction],
    ) -> Result<TxOutcome, TestError> {
        let client = &self.context.banks_client;
        let result = client
            .process_transaction_with_metadata(transaction)
            .await
            .expect("the bank answers");
        let (logs, cu, return_data) = match result.metadata {
            Some(m) => (m.log_messages, m.compute_units_consumed, m.return_data),
            None => Default::default(),
        };
        if let Err(error) = result.result {
            return Err(TestError { error, logs });
        }
        self.count_flows(&logs);
        self.operations += instructions.len() as u64;
        Ok(TxOutcome {
            cu: cu - BUDGET_INSTRUCTION_CU * preceding as u64,
            logs,
            return_data: return_data.map(|d| d.data).unwrap_or_default(),
        })
    }

    /// Runs instructions that must go through.
    pub async fn run(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> TxOutcome {
        match self.send(instructions, signers).await {
            Ok(outcome) => outcome,
            Err(error) => panic!("refused: {error:?}"),
        }
    }

    /// A message that fits into a packet.
    fn compile(&mut self, instructions: &[Instruction]) -> VersionedMessage {
        let payer = self.context.payer.pubkey();
        let blockhash = self.context.last_blockhash;
        let legacy = Message::new_with_blockhash(instructions, Some(&payer), &blockhash);
        let signatures = 1 + 64 * usize::from(legacy.header.num_required_signatures);
        let most = Version::V0.limits().bytes;
        if legacy.serialize().len() + signatures <= most {
            return VersionedMessage::Legacy(legacy);
        }
        let table = self.create_lookup_table(instructions);
        let message = v0::Message::try_compile(&payer, instructions, &[table], blockhash)
            .expect("at most 256 accounts");
        assert!(
            message.serialize().len() + signatures <= most,
            "too large for a packet, even with a lookup table"
        );
        VersionedMessage::V0(message)
    }

    /// A table of every address that instructions name, as if it had been made some slots ago.
    fn create_lookup_table(&mut self, instructions: &[Instruction]) -> AddressLookupTableAccount {
        let metas = instructions.iter().flat_map(|i| &i.accounts);
        let mut addresses: Vec<Pubkey> = metas.map(|m| m.pubkey).collect();
        addresses.sort();
        addresses.dedup();
        let state = AddressLookupTable {
            meta: LookupTableMeta::default(),
            addresses: Cow::Borrowed(&addresses),
        };
        let data = state.serialize_for_tests().expect("a valid table");
        let key = Pubkey::new_unique();
        self.write_account(key, LOOKUP_TABLE_PROGRAM, data);
        AddressLookupTableAccount { key, addresses }
    }

    /// Counts what entered and left the vaults of the environment's exchange, the insurance vault's with asset 0.
    fn count_flows(&mut self, logs: &[String]) {
        for event in events::of_kind::<Deposited>(logs) {
            if self.margin_accounts.contains(&event.margin_account) {
                *self.flows.entry(event.asset).or_default() += i128::from(event.amount);
            }
        }
        for event in events::of_kind::<Withdrawn>(logs) {
            if self.margin_accounts.contains(&event.margin_account) {
                *self.flows.entry(event.asset).or_default() -= i128::from(event.amount);
            }
        }
        for event in events::of_kind::<InsuranceFunded>(logs) {
            if event.exchange == self.exchange.address {
                *self.flows.entry(0).or_default() += i128::from(event.amount);
            }
        }
        for event in events::of_kind::<FeesCollected>(logs) {
            let asset = self
                .assets
                .iter()
                .position(|a| a.asset.bank == event.account);
            let market = self
                .markets
                .iter()
                .any(|m| m.market.address == event.account);
            // A market's fees come out of the quote vault, asset 0. What goes to insurance is counted with it.
            if let Some(asset) = asset.or(market.then_some(0)) {
                *self.flows.entry(asset as u16).or_default() -= i128::from(event.fees);
            }
        }
    }
}
