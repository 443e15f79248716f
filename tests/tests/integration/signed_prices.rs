//! Pyth Pro's messages before Pyth's own program and before ours: both take the same, but for what ours refuses besides.
use anchor_lang::prelude::Pubkey;
use plimsoll::{
    error::PlimsollError,
    oracle::pyth_pro::{instruction, signers, MAX_LEAD_SECS},
};
use plimsoll_client::pro::{signer_account, FeedPrice, Payload, SignedMessage};
use plimsoll_tests::{
    chain::START_TIME,
    pyth_pro::{check, check_at, prices, read, read_with, Places, Pyth, CHECK_INDEX},
    refusal::assert_refused,
    TestError,
};
use pyth_pro_reader::Price;
use solana_account::{Account, AccountSharedData};
use solana_instruction_error::InstructionError;
use solana_keypair::Keypair;
use solana_signer::Signer;
use solana_transaction_error::TransactionError;

const FOREVER: i64 = i64::MAX;

fn key(seed: u8) -> Keypair {
    Keypair::new_from_array([seed; 32])
}

fn micros(secs: i64) -> u64 {
    secs as u64 * 1_000_000
}

/// A feed's price, made at a second.
fn feed(id: u32, price: i64, at: i64) -> FeedPrice {
    FeedPrice {
        id,
        price,
        conf: price / 2_000,
        exponent: -8,
        publishers: 11,
        updated_us: Some(micros(at)),
    }
}

fn payload(at: i64, feeds: &[FeedPrice]) -> Vec<u8> {
    let payload = Payload {
        timestamp_us: micros(at),
        channel: 3,
        feeds: feeds.to_vec(),
    };
    payload.encode().unwrap()
}

/// Three feeds of this moment.
fn fresh() -> Vec<u8> {
    let feeds = [
        feed(1, 6_000_000_000_000, START_TIME),
        feed(2, 300_000_000_000, START_TIME),
        feed(6, 15_000_000_000, START_TIME - 1),
    ];
    payload(START_TIME, &feeds)
}

fn signed_by(signer: &Keypair, payload: Vec<u8>) -> SignedMessage {
    SignedMessage::sign(signer, payload).unwrap()
}

/// A bank on which the first key is trusted.
async fn with_trusted() -> Pyth {
    let mut pyth = Pyth::start().await;
    pyth.trust(key(1).pubkey(), FOREVER).await;
    pyth
}

/// A message with bytes of its form changed, which keeps the old signature.
fn altered(message: &SignedMessage, change: impl FnOnce(&mut Vec<u8>)) -> SignedMessage {
    let (signer, signature) = (message.signer().to_bytes(), *message.signature());
    let mut bytes = [&signer[..], &signature, message.payload()].concat();
    change(&mut bytes);
    let (signer, rest) = bytes.split_first_chunk().unwrap();
    let (signature, payload) = rest.split_first_chunk().unwrap();
    SignedMessage::new(*signer, *signature, payload.to_vec()).unwrap()
}

/// Requires that the ed25519 program refused.
fn assert_signature_refused<T: core::fmt::Debug>(outcome: Result<T, TestError>) {
    let error = outcome.expect_err("should be refused").error;
    let TransactionError::InstructionError(index, InstructionError::Custom(_)) = error else {
        panic!("{error:?} is not the signature check's");
    };
    assert_eq!(u16::from(index), CHECK_INDEX);
}

/// Requires that Pyth's program refused with an error of its own or the runtime's.
fn assert_theirs_refused<T: core::fmt::Debug>(
    outcome: Result<T, TestError>,
    why: InstructionError,
) {
    let error = outcome.expect_err("should be refused").error;
    assert_eq!(error, TransactionError::InstructionError(2, why));
}

async fn both_take(pyth: &mut Pyth, message: &SignedMessage) -> Vec<Price> {
    pyth.theirs(message).await.expect("Pyth's program takes it");
    pyth.ours(message).await.expect("our code takes it")
}

#[tokio::test]
async fn both_take_what_a_trusted_signer_signed() {
    let mut pyth = with_trusted().await;
    let found = both_take(&mut pyth, &signed_by(&key(1), fresh())).await;
    let price = |feed, price: i64, publish_time_ms| Price {
        feed,
        price,
        conf: price.unsigned_abs() / 2_000,
        exponent: -8,
        publishers: 11,
        publish_time_ms,
    };
    let now = START_TIME * 1_000;
    let expected = [
        price(1, 6_000_000_000_000, now),
        price(2, 300_000_000_000, now),
        price(6, 15_000_000_000, now - 1_000),
    ];
    assert_eq!(found, expected);

    // A second signer is trusted as the first is.
    pyth.trust(key(2).pubkey(), FOREVER).await;
    for signer in [key(1), key(2)] {
        both_take(&mut pyth, &signed_by(&signer, fresh())).await;
    }
}

#[tokio::test]
async fn both_refuse_signers_that_pyth_does_not_trust() {
    let mut pyth = with_trusted().await;
    let strange = signed_by(&key(3), fresh());
    let refused_by_both = async |pyth: &mut Pyth, message: &SignedMessage| {
        let theirs = pyth.theirs(message).await;
        assert_theirs_refused(theirs, InstructionError::MissingRequiredSignature);
        let ours = [message.instruction(), read(CHECK_INDEX)];
        assert_refused(
            pyth.env.send(&ours, &[]).await,
            PlimsollError::UntrustedSigner,
        );
    };
    refused_by_both(&mut pyth, &strange).await;

    // Trusted until a moment: not at it.
    let message = signed_by(&key(1), fresh());
    for expiry in [START_TIME, START_TIME - 1, i64::MIN] {
        pyth.trust(key(1).pubkey(), expiry).await;
        refused_by_both(&mut pyth, &message).await;
    }
    pyth.trust(key(1).pubkey(), START_TIME + 1).await;
    both_take(&mut pyth, &message).await;
    pyth.env.advance(1).await;
    refused_by_both(&mut pyth, &message).await;

    // Taken off the list, which moves the others on it.
    pyth.trust(key(1).pubkey(), FOREVER).await;
    pyth.trust(key(3).pubkey(), FOREVER).await;
    both_take(&mut pyth, &strange).await;
    pyth.trust(key(1).pubkey(), 0).await;
    refused_by_both(&mut pyth, &message).await;
    both_take(&mut pyth, &strange).await;
}

#[tokio::test]
async fn both_refuse_every_change_of_a_signed_message() {
    let mut pyth = with_trusted().await;
    let message = signed_by(&key(1), fresh());
    let len = 96 + message.payload().len();
    // Key, signature, time, channel; then a price, a feed's id. What the reader on this side could not read is left out:
    // kinds of properties and their numbers.
    for at in [0, 31, 32, 63, 64, 95, 100, 107, 108, 110, 116, 124, len - 1] {
        let forged = altered(&message, |bytes| bytes[at] ^= 4);
        assert_signature_refused(pyth.theirs(&forged).await);
        assert_signature_refused(pyth.ours(&forged).await);
    }
    // Feeds in another order, a feed less, bytes more.
    let (head, feeds) = message.payload().split_at(14);
    let feed_len = feeds.len() / 3;
    let order = |order: &[usize]| {
        let mut payload = head.to_vec();
        payload[13] = order.len() as u8;
        payload.extend(
            order
                .iter()
                .flat_map(|i| &feeds[i * feed_len..][..feed_len]),
        );
        payload
    };
    let longer = [message.payload(), &[0]].concat();
    for forged in [
        order(&[1, 0, 2]),
        order(&[0, 1]),
        order(&[0, 1, 2, 2]),
        longer,
    ] {
        let forged = altered(&message, |bytes| {
            bytes.truncate(96);
            bytes.extend(forged);
        });
        assert_signature_refused(pyth.theirs(&forged).await);
        assert_signature_refused(pyth.ours(&forged).await);
    }
    // The same order signed is another message, as good as the first.
    let found = both_take(&mut pyth, &signed_by(&key(1), order(&[2, 0, 1]))).await;
    let ids: Vec<_> = found.iter().map(|price| price.feed).collect();
    assert_eq!(ids, [6, 1, 2]);
}

#[tokio::test]
async fn both_agree_on_messages_of_chance() {
    let mut pyth = with_trusted().await;
    pyth.trust(key(2).pubkey(), START_TIME + 5).await;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut draw = |below: u64| {
        // A fixed sequence: every run compares the same messages.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..80 {
        let feeds: Vec<_> = (0..1 + draw(6))
            .map(|_| {
                let price = 1 + draw(1 << 40) as i64;
                feed(
                    draw(u32::MAX.into()) as u32,
                    2_000 * price,
                    START_TIME - draw(60) as i64,
                )
            })
            .collect();
        let at = START_TIME - draw(100) as i64;
        let mut message = signed_by(&key(1 + draw(3) as u8), payload(at, &feeds));
        if draw(4) == 0 {
            let (at, bit) = (draw(96) as usize, draw(8));
            message = altered(&message, |bytes| bytes[at] ^= 1 << bit);
        }
        let theirs = pyth.theirs(&message).await.is_ok();
        let ours = pyth.ours(&message).await;
        assert_eq!(theirs, ours.is_ok(), "{message:?}: {ours:?}");
        if let Ok(found) = ours {
            taken += 1;
            for (price, feed) in found.iter().zip(&feeds) {
                let made = feed.updated_us.unwrap().min(micros(at));
                assert_eq!((price.feed, price.price), (feed.id, feed.price));
                assert_eq!(price.publish_time_ms, (made / 1_000) as i64);
            }
            assert_eq!(found.len(), feeds.len());
        } else {
            refused += 1;
        }
    }
    assert!(
        taken >= 20 && refused >= 20,
        "{taken} taken, {refused} refused"
    );
}

#[tokio::test]
async fn old_messages_say_so_and_those_of_the_future_are_refused() {
    let mut pyth = with_trusted().await;
    let dated = |at| signed_by(&key(1), payload(at, &[feed(1, 5_000, at)]));
    // Pyth's program takes a message of any time, again and again. Ours tells its time, for the caller to judge.
    for at in [
        1,
        START_TIME - 86_400,
        START_TIME,
        START_TIME + MAX_LEAD_SECS,
    ] {
        for _ in 0..2 {
            let found = both_take(&mut pyth, &dated(at)).await;
            assert_eq!(found[0].publish_time_ms, at * 1_000);
        }
    }
    let ahead = dated(START_TIME + MAX_LEAD_SECS + 1);
    pyth.theirs(&ahead).await.expect("Pyth's program takes it");
    let early = [ahead.instruction(), read(CHECK_INDEX)];
    assert_refused(
        pyth.env.send(&early, &[]).await,
        PlimsollError::MessageFromTheFuture,
    );
    pyth.env.advance(1).await;
    both_take(&mut pyth, &ahead).await;
}

#[tokio::test]
async fn ours_refuses_signed_messages_that_hold_no_whole_price() {
    let mut pyth = with_trusted().await;
    let cases = [
        (vec![0; 40], PlimsollError::MalformedMessage),
        (
            fresh()[..fresh().len() - 1].to_vec(),
            PlimsollError::MalformedMessage,
        ),
        (
            payload(START_TIME, &[feed(1, 0, START_TIME)]),
            PlimsollError::MissingProperty,
        ),
        (
            payload(START_TIME, &[feed(1, -2_000, START_TIME)]),
            PlimsollError::InvalidOraclePrice,
        ),
        (
            payload(
                START_TIME,
                &[FeedPrice {
                    updated_us: None,
                    ..feed(1, 5_000, 0)
                }],
            ),
            PlimsollError::MissingProperty,
        ),
    ];
    for (payload, expected) in cases {
        let signature = key(1).sign_message(&payload);
        // Past the client's own reader, which would not make such a message.
        let mut carrier = signed_by(&key(1), fresh()).instruction();
        let header = instruction::header(payload.len() as u16);
        let signer = key(1).pubkey().to_bytes();
        carrier.data = [&header[..], &signer, signature.as_ref(), &payload].concat();
        let outcome = pyth.env.send(&[carrier, read(CHECK_INDEX)], &[]).await;
        assert_refused(outcome, expected);
    }
}

#[tokio::test]
async fn ours_takes_one_signature_over_what_the_same_instruction_carries() {
    let mut pyth = with_trusted().await;
    let message = signed_by(&key(1), fresh());
    let forged = altered(&message, |bytes| bytes[124] ^= 4);
    let refused = async |pyth: &mut Pyth, instructions: &[_]| {
        let outcome = pyth.env.send(instructions, &[]).await;
        assert_refused(outcome, PlimsollError::NotASignedMessage);
    };
    // The form that Pyth's own program wants: the message in another instruction, which is checked indeed.
    let theirs = pyth.verify_message(&message.encode(), CHECK_INDEX, 0);
    let elsewhere = check_at(&[Places::of(&message, 2, 12)]);
    refused(&mut pyth, &[elsewhere, theirs, read(CHECK_INDEX)]).await;

    // A forged message carried, with a good one checked that lies in another instruction.
    let mut decoy = forged.instruction();
    let good = message.instruction();
    let places = Places {
        signature: (48, 2),
        key: (16, 2),
        message: (112, 2),
        message_len: message.payload().len() as u16,
    };
    decoy.data.splice(..16, check_at(&[places]).data);
    refused(&mut pyth, &[decoy.clone(), good.clone(), read(CHECK_INDEX)]).await;
    let found = pyth.env.run(&[decoy, good.clone(), read(2)], &[]).await;
    assert_eq!(prices(&found), pyth.ours(&message).await.unwrap());

    // Two signatures, each good; none at all.
    let own = |offset: u16| Places {
        signature: (48 + offset, u16::MAX),
        key: (16 + offset, u16::MAX),
        message: (112 + offset, u16::MAX),
        message_len: message.payload().len() as u16,
    };
    let mut twice = good.clone();
    twice.data.splice(..16, check_at(&[own(14), own(14)]).data);
    refused(&mut pyth, &[twice, read(CHECK_INDEX)]).await;
    let mut none = good.clone();
    none.data.truncate(2);
    none.data[0] = 0;
    refused(&mut pyth, &[none, read(CHECK_INDEX)]).await;

    // Bytes behind the message, which the ed25519 program does not look at.
    let mut trailing = good.clone();
    trailing.data.push(7);
    refused(&mut pyth, &[trailing, read(CHECK_INDEX)]).await;

    // The same bytes under the name of another instruction; indices of nothing.
    let same = read(CHECK_INDEX);
    refused(&mut pyth, &[same, good.clone()]).await;
    for index in [0, 2, 3, u16::MAX] {
        refused(&mut pyth, &[good.clone(), read(index)]).await;
    }
    // Behind the reader it is checked as well, and a wrong one fails the whole transaction.
    pyth.env.run(&[read(2), good], &[]).await;
    let outcome = pyth.env.send(&[read(2), forged.instruction()], &[]).await;
    assert!(outcome.is_err());
}

#[tokio::test]
async fn several_instructions_read_one_message() {
    let mut pyth = with_trusted().await;
    let message = signed_by(&key(1), fresh());
    let other = signed_by(&key(1), payload(START_TIME, &[feed(9, 4_000, START_TIME)]));
    let all = [
        message.instruction(),
        read(CHECK_INDEX),
        other.instruction(),
        read(CHECK_INDEX),
        read(3),
    ];
    let outcome = pyth.env.run(&all, &[]).await;
    assert_eq!(prices(&outcome)[0].feed, 9);
}

#[tokio::test]
async fn both_refuse_accounts_of_signers_that_are_not_pyths() {
    let mut pyth = with_trusted().await;
    let message = signed_by(&key(1), fresh());
    let honest = pyth.env.find_account(signers::STORAGE).await.unwrap();
    assert_eq!(honest.data.len(), signers::STORAGE_LEN);
    // A copy at another address, even if Pyth's program owned it.
    let copy = Pubkey::new_unique();
    pyth.env
        .write_account(copy, signers::PROGRAM, honest.data.clone());
    let ours = [
        message.instruction(),
        read_with(instruction::SYSVAR, copy, CHECK_INDEX),
    ];
    assert_refused(
        pyth.env.send(&ours, &[]).await,
        PlimsollError::WrongSignerAccount,
    );
    // The account itself under another owner, or with other content.
    let faults: [fn(&mut Account); 3] = [
        |account| account.owner = pyth_pro_reader::ID,
        |account| account.data[3] ^= 1,
        |account| account.data.truncate(200),
    ];
    for fault in faults {
        let mut account = honest.clone();
        fault(&mut account);
        let shared = AccountSharedData::from(account);
        pyth.env.context.set_account(&signers::STORAGE, &shared);
        pyth.theirs(&message).await.expect_err("should be refused");
        let ours = [message.instruction(), read(CHECK_INDEX)];
        assert_refused(
            pyth.env.send(&ours, &[]).await,
            PlimsollError::WrongSignerAccount,
        );
    }
    let shared = AccountSharedData::from(honest);
    pyth.env.context.set_account(&signers::STORAGE, &shared);
    both_take(&mut pyth, &message).await;

    // Another account in the place of the instructions sysvar.
    let sysvar = Pubkey::new_unique();
    pyth.env.fund(sysvar);
    let ours = [
        message.instruction(),
        read_with(sysvar, signers::STORAGE, CHECK_INDEX),
    ];
    assert_refused(
        pyth.env.send(&ours, &[]).await,
        PlimsollError::WrongInstructionsSysvar,
    );
}

#[tokio::test]
async fn the_clients_account_of_signers_is_as_good_as_pyths() {
    let mut pyth = Pyth::start().await;
    let trusted = [(key(1).pubkey(), FOREVER), (key(2).pubkey(), START_TIME)];
    for (signer, expires_at) in trusted {
        pyth.trust(signer, expires_at).await;
    }
    let theirs = pyth.env.find_account(signers::STORAGE).await.unwrap();
    let ours = signer_account(&trusted).unwrap();
    let settings = 8..8 + signers::SETTINGS_LEN;
    assert_eq!(ours.len(), theirs.data.len());
    assert_eq!(ours[..settings.start], theirs.data[..settings.start]);
    assert_eq!(ours[settings.end..], theirs.data[settings.end..]);
    pyth.env
        .write_account(signers::STORAGE, signers::PROGRAM, ours);
    assert!(pyth.ours(&signed_by(&key(1), fresh())).await.is_ok());
    assert!(pyth.ours(&signed_by(&key(2), fresh())).await.is_err());
    assert_eq!(signer_account(&[trusted[0]; 6]), None);
}

#[tokio::test]
async fn checking_costs_little_and_reading_a_feed_less() {
    let mut pyth = with_trusted().await;
    let feeds: Vec<_> = (0..20).map(|id| feed(id, 4_000, START_TIME)).collect();
    let message = signed_by(&key(1), payload(START_TIME, &feeds)).instruction();
    let mut costs = Vec::new();
    for count in [0, 1, 20] {
        let outcome = pyth
            .env
            .run(&[message.clone(), check(CHECK_INDEX, count)], &[])
            .await;
        costs.push(outcome.cu);
    }
    let each = (costs[2] - costs[1]) / 19;
    println!(
        "checked {} units, with a feed {}, each further {each}",
        costs[0], costs[1]
    );
    assert!(costs[0] < 1_300 && each < 350, "{costs:?}");
}
