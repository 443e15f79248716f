//! The instruction that carries the message, and the account that lists the signers.
use super::*;

fn fresh() -> Vec<u8> {
    message_of(now_us(), &[full_feed(1, now_us())])
}

#[test]
fn takes_the_named_instruction_wherever_it_stands_and_as_often_as_asked() {
    let transaction = [other(), other(), check_of(&fresh()), other()];
    for _ in 0..2 {
        let found = prices_in(&transaction, 2).unwrap();
        let expected = ProPrice {
            price: 6_000_000_000_000,
            conf: 1_500_000_000,
            exponent: -8,
            publishers: 12,
            publish_time_ms: NOW * 1_000,
        };
        assert_eq!(found, [(1, expected)]);
    }
    for index in [0, 1, 3, 4, 5, u16::MAX] {
        refused(
            prices_in(&transaction, index),
            PlimsollError::NotASignedMessage,
        );
    }
}

#[test]
fn accounts_named_beside_the_signature_check_change_nothing() {
    let mut check = check_of(&fresh());
    check.accounts = other().accounts;
    assert_eq!(prices_in(&[other(), check], 1).unwrap().len(), 1);
}

#[test]
fn refuses_every_other_form_of_signature_check() {
    // Every bit of the header matters: number, padding, the three offsets, the length, the three instructions.
    for bit in 0..instruction::HEADER_LEN * 8 {
        let mut check = check_of(&fresh());
        check.data[bit / 8] ^= 1 << (bit % 8);
        refused(prices_in(&[check], 0), PlimsollError::NotASignedMessage);
    }
    // Bytes behind the message, or a message that ends early.
    let mut longer = check_of(&fresh());
    longer.data.push(0);
    refused(prices_in(&[longer], 0), PlimsollError::NotASignedMessage);
    let whole = check_of(&fresh());
    for len in 0..whole.data.len() {
        let mut shorter = whole.clone();
        shorter.data.truncate(len);
        refused(prices_in(&[shorter], 0), PlimsollError::NotASignedMessage);
    }
}

#[test]
fn refuses_the_same_bytes_under_another_program() {
    let mut forged = check_of(&fresh());
    forged.program = Pubkey::new_unique();
    refused(prices_in(&[forged], 0), PlimsollError::NotASignedMessage);
}

#[test]
fn refuses_an_account_that_only_looks_like_the_sysvar() {
    let mut sysvar = Account::sysvar(&[check_of(&fresh())]);
    sysvar.key = Pubkey::new_unique();
    let outcome = prices(&mut sysvar, &mut Account::storage(&[(SIGNER, NOW + 1)]), 0);
    refused(outcome, PlimsollError::WrongInstructionsSysvar);
}

fn with_storage(mut storage: Account) -> Result<Vec<(u32, ProPrice)>> {
    prices(&mut Account::sysvar(&[check_of(&fresh())]), &mut storage, 0)
}

#[test]
fn refuses_an_account_of_signers_that_is_not_pyths() {
    let honest = || Account::storage(&[(SIGNER, NOW + 1)]);
    with_storage(honest()).unwrap();
    let forgeries: [fn(&mut Account); 6] = [
        |storage| storage.key = Pubkey::new_unique(),
        |storage| storage.owner = crate::ID,
        |storage| storage.data[0] ^= 1,
        |storage| storage.data.push(0),
        |storage| storage.data.truncate(signers::STORAGE_LEN - 1),
        // More signers than there are places.
        |storage| storage.data[80] = 6,
    ];
    for forge in forgeries {
        let mut storage = honest();
        forge(&mut storage);
        refused(with_storage(storage), PlimsollError::WrongSignerAccount);
    }
}

#[test]
fn trusts_a_listed_signer_until_it_expires() {
    let someone = [8; 32];
    let storage = |trusted: &[_]| with_storage(Account::storage(trusted));
    storage(&[(someone, i64::MAX), (SIGNER, NOW + 1)]).unwrap();
    storage(&[(SIGNER, i64::MAX)]).unwrap();
    for trusted in [
        &[][..],
        &[(someone, i64::MAX)],
        &[(SIGNER, NOW)],
        &[(SIGNER, 0)],
        &[(SIGNER, i64::MIN), (someone, i64::MAX)],
    ] {
        refused(storage(trusted), PlimsollError::UntrustedSigner);
    }
}

#[test]
fn signers_behind_the_counted_ones_are_not_trusted() {
    let mut storage = Account::storage(&[([8; 32], i64::MAX), (SIGNER, i64::MAX)]);
    storage.data[80] = 1;
    refused(with_storage(storage), PlimsollError::UntrustedSigner);
}
