//! Pyth's own program that checks signed messages, set up as Pyth sets it up, beside a program that reads them as ours
//! does.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::instruction::{AccountMeta, Instruction},
    AnchorDeserialize, InstructionData, ToAccountMetas,
};
use plimsoll::oracle::pyth_pro::{instruction, signers};
use plimsoll_client::pro::SignedMessage;
use pyth_pro_reader::Price;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{chain, Env, TestError, TxOutcome};

/// Index of the signature check in every transaction here: the environment puts the compute budget first.
pub const CHECK_INDEX: u16 = 1;
/// Index of the instruction behind it.
const VERIFY_INDEX: u16 = CHECK_INDEX + 1;
/// Where the message begins in the data of Pyth's instruction: behind the discriminator and the message's length.
const MESSAGE_AT: u16 = 8 + 4;
/// Lengths of Pyth's form: the constant at its beginning, the signature, the key, the message's length.
const MAGIC_LEN: u16 = 4;
const SIGNATURE_LEN: u16 = 64;
const KEY_LEN: u16 = 32;
const LEN_LEN: u16 = 2;

/// The bank with both programs, Pyth's initialised, nobody trusted.
pub struct Pyth {
    pub env: Env,
    authority: Keypair,
    treasury: Pubkey,
}

/// Where the ed25519 program finds signature, key and message: of each the offset, and the instruction.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    pub signature: (u16, u16),
    pub key: (u16, u16),
    pub message: (u16, u16),
    pub message_len: u16,
}

impl Places {
    /// Of a message in Pyth's form at an offset of an instruction's data.
    pub fn of(message: &SignedMessage, instruction: u16, offset: u16) -> Self {
        let signature = offset + MAGIC_LEN;
        let key = signature + SIGNATURE_LEN;
        let start = key + KEY_LEN + LEN_LEN;
        Self {
            signature: (signature, instruction),
            key: (key, instruction),
            message: (start, instruction),
            message_len: message.payload().len() as u16,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self {
            signature,
            key,
            message,
            message_len,
        } = *self;
        let fields = [
            signature.0,
            signature.1,
            key.0,
            key.1,
            message.0,
            message_len,
            message.1,
        ];
        fields
            .iter()
            .flat_map(|field| field.to_le_bytes())
            .collect()
    }
}

/// An instruction that has signatures checked which lie at these places.
pub fn check_at(places: &[Places]) -> Instruction {
    let mut data = vec![places.len() as u8, 0];
    data.extend(places.iter().flat_map(Places::bytes));
    Instruction {
        program_id: instruction::ED25519_PROGRAM,
        accounts: vec![],
        data,
    }
}

/// The first bytes of an instruction's data, of the kind that Anchor derives from its name.
fn discriminator(name: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(format!("global:{name}"))[..8].to_vec()
}

impl Pyth {
    /// Starts the bank.
    pub async fn start() -> Self {
        let programs = [
            (
                signers::PROGRAM,
                "pyth_pro_verifier",
                "tests/programs/pyth-pro",
            ),
            (
                pyth_pro_reader::ID,
                "pyth_pro_reader",
                "tests/programs/pyth-pro-reader",
            ),
        ];
        let mut pyth = Self {
            env: Env::on(chain::start_with(&programs).await),
            authority: Keypair::new(),
            treasury: Pubkey::new_unique(),
        };
        pyth.env.fund(pyth.authority.pubkey());
        pyth.env.fund(pyth.treasury);
        pyth.initialize().await;
        pyth
    }

    async fn initialize(&mut self) {
        let payer = self.env.context.payer.pubkey();
        let mut data = discriminator("initialize");
        data.extend(self.authority.pubkey().to_bytes());
        data.extend(self.treasury.to_bytes());
        let accounts = vec![
            AccountMeta::new(payer, true),
            AccountMeta::new(signers::STORAGE, false),
            AccountMeta::new_readonly(Pubkey::default(), false),
        ];
        let instruction = Instruction::new_with_bytes(signers::PROGRAM, &data, accounts);
        self.env.run(&[instruction], &[]).await;
    }

    /// Has Pyth's program trust a key until a moment, Unix seconds; 0 takes it off the list.
    pub async fn trust(&mut self, signer: Pubkey, expires_at: i64) {
        let mut data = discriminator("update");
        data.extend(signer.to_bytes());
        data.extend(expires_at.to_le_bytes());
        let accounts = vec![
            AccountMeta::new_readonly(self.authority.pubkey(), true),
            AccountMeta::new(signers::STORAGE, false),
        ];
        let instruction = Instruction::new_with_bytes(signers::PROGRAM, &data, accounts);
        let authority = self.authority.insecure_clone();
        self.env.run(&[instruction], &[&authority]).await;
    }

    /// Pyth's instruction that checks a message which its data carries.
    pub fn verify_message(&self, message: &[u8], check: u16, signature: u8) -> Instruction {
        let mut data = discriminator("verify_message");
        data.extend((message.len() as u32).to_le_bytes());
        data.extend(message);
        data.extend(check.to_le_bytes());
        data.push(signature);
        let accounts = vec![
            AccountMeta::new(self.env.context.payer.pubkey(), true),
            AccountMeta::new_readonly(signers::STORAGE, false),
            AccountMeta::new(self.treasury, false),
            AccountMeta::new_readonly(Pubkey::default(), false),
            AccountMeta::new_readonly(instruction::SYSVAR, false),
        ];
        Instruction::new_with_bytes(signers::PROGRAM, &data, accounts)
    }

    /// Whether Pyth's program takes a message, sent as Pyth says it should be.
    pub async fn theirs(&mut self, message: &SignedMessage) -> Result<TxOutcome, TestError> {
        let check = check_at(&[Places::of(message, VERIFY_INDEX, MESSAGE_AT)]);
        let verify = self.verify_message(&message.encode(), CHECK_INDEX, 0);
        self.env.send(&[check, verify], &[]).await
    }

    /// The prices that our code reads of a message, sent as our clients send it.
    pub async fn ours(&mut self, message: &SignedMessage) -> Result<Vec<Price>, TestError> {
        let outcome = self
            .env
            .send(&[message.instruction(), read(CHECK_INDEX)], &[])
            .await?;
        Ok(prices(&outcome))
    }
}

/// Reads the message of the instruction at an index by our code.
pub fn read(index: u16) -> Instruction {
    read_with(instruction::SYSVAR, signers::STORAGE, index)
}

/// The same from other accounts.
pub fn read_with(instructions: Pubkey, storage: Pubkey, index: u16) -> Instruction {
    use pyth_pro_reader::{accounts, instruction};
    let accounts = accounts::Read {
        instructions,
        storage,
    };
    Instruction {
        program_id: pyth_pro_reader::ID,
        accounts: accounts.to_account_metas(None),
        data: instruction::Read { index }.data(),
    }
}

/// Checks the message and reads this many of its feeds.
pub fn check(index: u16, feeds: u8) -> Instruction {
    use pyth_pro_reader::instruction;
    Instruction {
        data: instruction::Check { index, feeds }.data(),
        ..read(index)
    }
}

/// What the reader told.
pub fn prices(outcome: &TxOutcome) -> Vec<Price> {
    Vec::deserialize(&mut outcome.return_data.as_slice()).expect("prices")
}
