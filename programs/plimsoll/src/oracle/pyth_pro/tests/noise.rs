//! Bytes of no meaning: refused or read, never a panic, and never more than was signed.
use super::*;
use proptest::{collection::vec, prelude::*, sample::Index};

/// Reads all that can be read of a payload.
fn drain(payload: &[u8]) {
    if let Ok(message) = Message::read(payload) {
        let feeds: Vec<_> = message.feeds().collect();
        assert!(feeds.len() <= usize::from(u8::MAX));
        for feed in feeds.into_iter().flatten() {
            let _ = feed.price(&message);
        }
    }
}

proptest! {
    #[test]
    fn random_payloads_are_read_or_refused(mut payload in vec(any::<u8>(), 0..400), real in any::<bool>()) {
        if real && payload.len() >= 4 {
            payload[..4].copy_from_slice(&MAGIC.to_le_bytes());
        }
        drain(&payload);
    }

    #[test]
    fn altered_payloads_are_read_or_refused(at in any::<Index>(), byte: u8, cut in any::<Index>()) {
        let feeds: Vec<_> = (0..4).map(|id| full_feed(id, now_us())).collect();
        let mut payload = message_of(now_us(), &feeds);
        let at = at.index(payload.len());
        payload[at] = byte;
        drain(&payload);
        drain(&payload[..cut.index(payload.len())]);
    }

    #[test]
    fn random_sysvars_are_read_or_refused(sysvar in vec(any::<u8>(), 0..300), index: u16, small in 0u16..4) {
        for index in [index, small] {
            let _ = instruction::signed_message(&sysvar, index);
        }
    }

    #[test]
    fn altered_sysvars_yield_the_message_or_nothing(at in any::<Index>(), byte: u8, cut in any::<Index>()) {
        let message = message_of(now_us(), &[full_feed(1, now_us())]);
        let honest = sysvar_of(&[other(), check_of(&message), other()]);
        let mut altered = honest.clone();
        let at = at.index(altered.len());
        altered[at] = byte;
        let _ = instruction::signed_message(&altered, 1);
        let cut = cut.index(honest.len());
        if let Ok(found) = instruction::signed_message(&honest[..cut], 1) {
            prop_assert_eq!(found.message, &message[..]);
            prop_assert_eq!(found.signer, &SIGNER);
        }
    }

    #[test]
    fn random_accounts_of_signers_trust_nobody_else(mut data in vec(any::<u8>(), signers::STORAGE_LEN), count in 0u8..8) {
        data[..8].copy_from_slice(&signers::DISCRIMINATOR);
        data[80] = count;
        let mut storage = Account { data, ..Account::storage(&[]) };
        prop_assert!(signers::require_trusted(&storage.info(), &SIGNER, NOW).is_err());
    }
}
