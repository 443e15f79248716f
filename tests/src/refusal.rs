//! Asserting that a transaction is refused, for the one right reason, and that nothing changed.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::error::PlimsollError;
use plimsoll_client::errors;
use solana_account::Account;
use solana_keypair::Keypair;
use std::collections::BTreeMap;

use crate::{Env, TestError, TxOutcome};

/// Requires a refusal with exactly this error.
pub fn assert_refused(result: Result<TxOutcome, TestError>, expected: PlimsollError) {
    assert_refused_with(result, errors::code(expected));
}

/// Requires a refusal with exactly this custom code (Anchor's own, for instance).
pub fn assert_refused_with(result: Result<TxOutcome, TestError>, expected: u32) {
    match result {
        Ok(outcome) => panic!(
            "went through, should be refused with {}\n{}",
            errors::describe(expected),
            outcome.logs.join("\n")
        ),
        Err(error) if error.code() == Some(expected) => {}
        Err(error) => panic!(
            "should be refused with {}, but {error:?}",
            errors::describe(expected)
        ),
    }
}

/// Every account of the exchange, and the token accounts, at one moment.
#[derive(PartialEq)]
pub struct Snapshot(BTreeMap<Pubkey, Option<Account>>);

impl Env {
    /// Runs instructions that must be refused with exactly this error, and checks that they changed nothing.
    pub async fn refuse(
        &mut self,
        instructions: &[Instruction],
        signers: &[&Keypair],
        expected: PlimsollError,
    ) {
        self.refuse_with(instructions, signers, errors::code(expected))
            .await;
    }

    /// The same for a custom code that is not this program's.
    pub async fn refuse_with(
        &mut self,
        instructions: &[Instruction],
        signers: &[&Keypair],
        expected: u32,
    ) {
        let before = self.snapshot(instructions).await;
        let result = self.send(instructions, signers).await;
        assert_refused_with(result, expected);
        self.assert_unchanged(instructions, before).await;
    }

    /// Runs instructions that must fail before the program's own checks, for instance in the token program.
    pub async fn fail(&mut self, instructions: &[Instruction], signers: &[&Keypair]) -> TestError {
        let before = self.snapshot(instructions).await;
        let result = self.send(instructions, signers).await;
        self.assert_unchanged(instructions, before).await;
        result.expect_err("should fail")
    }

    /// The accounts of the exchange and all that instructions name.
    pub async fn snapshot(&self, instructions: &[Instruction]) -> Snapshot {
        let mut addresses = self.own_accounts();
        addresses.extend(
            instructions
                .iter()
                .flat_map(|i| &i.accounts)
                .map(|m| m.pubkey),
        );
        let mut accounts = BTreeMap::new();
        for address in addresses {
            accounts.insert(address, self.find_account(address).await);
        }
        Snapshot(accounts)
    }

    /// Requires that every account is as it was, but for lamports that the payer spent.
    pub async fn assert_unchanged(&self, instructions: &[Instruction], before: Snapshot) {
        let after = self.snapshot(instructions).await;
        for (address, account) in &after.0 {
            let was = &before.0[address];
            let data = |a: &Option<Account>| a.as_ref().map(|a| (a.data.clone(), a.owner));
            assert!(data(was) == data(account), "{address} changed");
        }
    }

    /// Every account of the exchange that the environment knows.
    fn own_accounts(&self) -> Vec<Pubkey> {
        let e = &self.exchange;
        let mut addresses = vec![e.address, e.risk_state, e.insurance_vault];
        for a in &self.assets {
            addresses.extend([a.asset.bank, a.asset.vault]);
        }
        for m in &self.markets {
            addresses.extend([m.market.address, m.market.book, m.market.fill_queue]);
        }
        addresses.extend(&self.margin_accounts);
        addresses
    }
}
