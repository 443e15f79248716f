//! Versions of transactions on a bank: what the feature of version 1 decides, and that its account tells.
use anchor_lang::{
    prelude::{AccountMeta, Pubkey},
    solana_program::instruction::Instruction,
};
use plimsoll_client::transaction::{Budget, Version, VERSION_1_FEATURE};
use solana_program_test::{ProgramTest, ProgramTestContext};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

const LAMPORTS: u64 = 10_000_000;

async fn bank(activated: bool) -> ProgramTestContext {
    let mut test = ProgramTest::default();
    if !activated {
        test.deactivate_feature(VERSION_1_FEATURE);
    }
    test.start_with_context().await
}

/// Pays so many new keys, each by an instruction of its own.
fn transfers(payer: &Pubkey, keys: usize) -> Vec<Instruction> {
    let transfer = |_| Instruction {
        program_id: Pubkey::default(),
        accounts: vec![
            AccountMeta::new(*payer, true),
            AccountMeta::new(Pubkey::new_unique(), false),
        ],
        data: [
            2u64.to_le_bytes()[..4].to_vec(),
            LAMPORTS.to_le_bytes().to_vec(),
        ]
        .concat(),
    };
    (0..keys).map(transfer).collect()
}

async fn pay(
    bank: &mut ProgramTestContext,
    version: Version,
    keys: usize,
    budget: Budget,
) -> Result<(), TransactionError> {
    let payer = bank.payer.pubkey();
    let message = version.message(
        &payer,
        &transfers(&payer, keys),
        budget,
        bank.last_blockhash,
    );
    let transaction = VersionedTransaction::try_new(message.unwrap(), &[&bank.payer]).unwrap();
    let processed = bank
        .banks_client
        .process_transaction_with_metadata(transaction);
    processed.await.expect("the bank answers").result
}

async fn told(bank: &mut ProgramTestContext) -> Version {
    let feature = bank
        .banks_client
        .get_account(VERSION_1_FEATURE)
        .await
        .unwrap();
    Version::of(feature.as_ref().map(|account| &*account.data))
}

#[tokio::test]
async fn version_1_is_taken_where_its_feature_says_so() {
    let mut bank = bank(true).await;
    assert_eq!(told(&mut bank).await, Version::V1);
    for version in [Version::V0, Version::V1] {
        pay(&mut bank, version, 1, Budget::UNLIMITED).await.unwrap();
    }
}

#[tokio::test]
async fn version_1_is_refused_where_its_feature_does_not() {
    let mut bank = bank(false).await;
    assert_eq!(told(&mut bank).await, Version::V0);
    let refused = pay(&mut bank, Version::V1, 1, Budget::UNLIMITED)
        .await
        .unwrap_err();
    assert_eq!(refused, TransactionError::UnsupportedVersion);
    pay(&mut bank, Version::V0, 1, Budget::UNLIMITED)
        .await
        .unwrap();
}

/// As much as the limits allow is taken, and they allow no more than the bank does.
#[tokio::test]
async fn the_limits_are_the_banks() {
    let mut bank = bank(true).await;
    let payer = bank.payer.pubkey();
    // Signer, program, and a key for each.
    let most = Version::V1.limits().addresses - 2;
    assert!(Version::V1.fits(&payer, &transfers(&payer, most)));
    assert!(!Version::V1.fits(&payer, &transfers(&payer, most + 1)));
    pay(&mut bank, Version::V1, most, Budget::UNLIMITED)
        .await
        .unwrap();
    assert!(pay(&mut bank, Version::V1, most + 1, Budget::UNLIMITED)
        .await
        .is_err());
}

/// The same budget costs the same in both versions.
#[tokio::test]
async fn a_priority_fee_is_the_same_in_both_versions() {
    let budget = Budget {
        units: 100_001,
        unit_price: 1_234_567,
    };
    let mut bank = bank(true).await;
    let mut costs = Vec::new();
    for version in [Version::V0, Version::V1] {
        let payer = bank.payer.pubkey();
        let before = bank.banks_client.get_balance(payer).await.unwrap();
        pay(&mut bank, version, 1, budget).await.unwrap();
        let after = bank.banks_client.get_balance(payer).await.unwrap();
        costs.push(before - after - LAMPORTS);
    }
    // 5,000 for the signature, and the units' price rounded up.
    assert_eq!(costs, [5_000 + 123_458; 2]);
}
