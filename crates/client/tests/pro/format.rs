//! Messages made here against Pyth's own reader and writer.
use std::num::NonZero;

use anchor_lang::prelude::Pubkey;
use plimsoll_client::pro::{
    FeedPrice, MessageError, Payload, PayloadError, ProSource, Recorded, RecordedError,
    SignedMessage,
};
use proptest::{collection::vec, prelude::*};
use pyth_lazer_protocol::{
    api::MarketSession,
    message::SolanaMessage,
    payload::{PayloadData, PayloadFeedData, PayloadPropertyValue},
    time::{DurationUs, TimestampUs},
    ChannelId, Price, PriceFeedId, Rate,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// What Pyth's crate calls the same feed.
fn theirs(feed: &FeedPrice) -> PayloadFeedData {
    let price = |number| Price::from_mantissa(number).ok();
    PayloadFeedData {
        feed_id: PriceFeedId(feed.id),
        properties: vec![
            PayloadPropertyValue::Price(price(feed.price)),
            PayloadPropertyValue::Confidence(price(feed.conf)),
            PayloadPropertyValue::Exponent(feed.exponent),
            PayloadPropertyValue::PublisherCount(feed.publishers),
            PayloadPropertyValue::FeedUpdateTimestamp(
                feed.updated_us.map(TimestampUs::from_micros),
            ),
        ],
    }
}

fn written(payload: &PayloadData) -> Vec<u8> {
    let mut bytes = Vec::new();
    payload.serialize::<byteorder::LE>(&mut bytes).unwrap();
    bytes
}

fn feed() -> impl Strategy<Value = FeedPrice> {
    let numbers = (any::<i64>(), any::<i64>(), any::<i16>(), any::<u16>());
    (any::<u32>(), numbers, any::<Option<u64>>()).prop_map(
        |(id, (price, conf, exponent, publishers), updated_us)| FeedPrice {
            id,
            price,
            conf,
            exponent,
            publishers,
            updated_us,
        },
    )
}

/// Any property of Pyth's.
fn property() -> impl Strategy<Value = PayloadPropertyValue> {
    use PayloadPropertyValue as P;
    let price = || any::<i64>().prop_map(|number| Price::from_mantissa(number).ok());
    let time = || any::<Option<u64>>().prop_map(|time| time.map(TimestampUs::from_micros));
    prop_oneof![
        price().prop_map(P::Price),
        price().prop_map(P::BestBidPrice),
        price().prop_map(P::BestAskPrice),
        any::<u16>().prop_map(P::PublisherCount),
        any::<i16>().prop_map(P::Exponent),
        price().prop_map(P::Confidence),
        any::<Option<i64>>().prop_map(|rate| P::FundingRate(rate.map(Rate::from_mantissa))),
        time().prop_map(P::FundingTimestamp),
        any::<Option<u64>>()
            .prop_map(|time| P::FundingRateInterval(time.map(DurationUs::from_micros))),
        (0..5i16).prop_map(|session| P::MarketSession(MarketSession::try_from(session).unwrap())),
        price().prop_map(P::EmaPrice),
        price().prop_map(P::EmaConfidence),
        time().prop_map(P::FeedUpdateTimestamp),
    ]
}

proptest! {
    #[test]
    fn writes_what_pyths_crate_writes(timestamp_us: u64, channel: u8, feeds in vec(feed(), 0..20)) {
        let expected = PayloadData {
            timestamp_us: TimestampUs::from_micros(timestamp_us),
            channel_id: ChannelId(channel),
            feeds: feeds.iter().map(theirs).collect(),
        };
        let ours = Payload { timestamp_us, channel, feeds }.encode().unwrap();
        prop_assert_eq!(&ours, &written(&expected));
        prop_assert_eq!(PayloadData::deserialize_slice_le(&ours).unwrap(), expected);
    }

    #[test]
    fn reads_whatever_pyths_crate_writes(
        timestamp_us: u64,
        feeds in vec((any::<u32>(), vec(property(), 0..14)), 0..8),
    ) {
        let feeds = feeds.into_iter().map(|(id, properties)| PayloadFeedData {
            feed_id: PriceFeedId(id),
            properties,
        });
        let payload = PayloadData {
            timestamp_us: TimestampUs::from_micros(timestamp_us),
            channel_id: ChannelId::REAL_TIME,
            feeds: feeds.collect(),
        };
        let message = SignedMessage::new([0; 32], [0; 64], written(&payload)).unwrap();
        prop_assert_eq!(message.timestamp_us(), timestamp_us);
        prop_assert_eq!(message.feeds().len(), payload.feeds.len());
        for (ours, theirs) in message.feeds().iter().zip(&payload.feeds) {
            // Of a property that is there twice the last one counts.
            let (mut price, mut confidence, mut updated_us) = (None, None, None);
            let (mut exponent, mut publishers) = (None, None);
            for property in &theirs.properties {
                match property {
                    PayloadPropertyValue::Price(p) => price = p.map(Price::mantissa_i64),
                    PayloadPropertyValue::Confidence(p) => confidence = p.map(Price::mantissa_i64),
                    PayloadPropertyValue::Exponent(e) => exponent = Some(*e),
                    PayloadPropertyValue::PublisherCount(n) => publishers = NonZero::new(*n),
                    PayloadPropertyValue::FeedUpdateTimestamp(t) => {
                        updated_us = t.and_then(|time| NonZero::new(time.as_micros()));
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(ours.id, theirs.feed_id.0);
            prop_assert_eq!(ours.price.map(NonZero::get), price);
            prop_assert_eq!(ours.confidence.map(NonZero::get), confidence);
            prop_assert_eq!((ours.exponent, ours.publishers), (exponent, publishers));
            prop_assert_eq!(ours.updated_us, updated_us);
        }
    }

    #[test]
    fn bytes_of_no_meaning_are_refused(mut bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(SignedMessage::decode(&bytes).is_err());
        if bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&message().encode()[..4]);
        }
        prop_assert!(SignedMessage::decode(&bytes).is_err());
    }
}

fn key() -> Keypair {
    Keypair::new_from_array([5; 32])
}

/// Two feeds, signed.
fn message() -> SignedMessage {
    let feeds = [(1, 6_000_000_000_000), (6, 15_000_000_000)].map(|(id, price)| FeedPrice {
        id,
        price,
        conf: 1_000_000,
        exponent: -8,
        publishers: 9,
        updated_us: Some(1_800_000_000_000_000),
    });
    let payload = Payload {
        timestamp_us: 1_800_000_000_200_000,
        channel: 3,
        feeds: feeds.to_vec(),
    };
    SignedMessage::sign(&key(), payload.encode().unwrap()).unwrap()
}

#[test]
fn signed_messages_have_pyths_form_and_survive_it() {
    let message = message();
    let theirs = SolanaMessage {
        payload: message.payload().to_vec(),
        signature: *message.signature(),
        public_key: key().pubkey().to_bytes(),
    };
    let mut bytes = Vec::new();
    theirs.serialize(&mut bytes).unwrap();
    assert_eq!(message.encode(), bytes);
    assert_eq!(SignedMessage::decode(&bytes).unwrap(), message);
    assert!(message.is_signed() && message.tells(&[6, 1]) && !message.tells(&[1, 2]));
    for len in 0..bytes.len() {
        let cut = SignedMessage::decode(&bytes[..len]);
        assert_eq!(cut, Err(MessageError::Malformed), "{len} bytes");
    }
    bytes.push(0);
    assert_eq!(SignedMessage::decode(&bytes), Err(MessageError::Malformed));
}

#[test]
fn a_signature_holds_for_its_message_alone() {
    let message = message();
    let forged = |change: fn(&mut [u8])| {
        let mut bytes = message.encode();
        change(&mut bytes);
        SignedMessage::decode(&bytes).unwrap().is_signed()
    };
    assert!(forged(|_| {}));
    assert!(!forged(|bytes| bytes[4] ^= 1), "signature");
    assert!(!forged(|bytes| bytes[68] ^= 1), "signer");
    assert!(!forged(|bytes| bytes[110] ^= 1), "time");
}

#[test]
fn the_instruction_is_the_one_that_other_clients_build() {
    let message = message();
    let expected = solana_ed25519_program::new_ed25519_instruction_with_signature(
        message.payload(),
        message.signature(),
        &message.signer().to_bytes(),
    );
    let found = message.instruction();
    assert_eq!(found.data, expected.data);
    assert_eq!(
        found.program_id,
        Pubkey::from(expected.program_id.to_bytes())
    );
    assert!(found.accounts.is_empty());
}

#[test]
fn what_fits_no_message_is_refused() {
    let feeds = vec![FeedPrice::default(); 256];
    let payload = |feeds| Payload {
        feeds,
        ..Payload::default()
    };
    assert_eq!(
        payload(feeds.clone()).encode(),
        Err(PayloadError::TooManyFeeds(256))
    );
    assert!(payload(feeds[1..].to_vec()).encode().is_ok());
    let mut long = payload(vec![]).encode().unwrap();
    long.resize(65_536, 0);
    let refused = |bytes| SignedMessage::new([0; 32], [0; 64], bytes).map(|_| ());
    assert_eq!(refused(long.clone()), Err(MessageError::TooLong(65_536)));
    assert_eq!(refused(vec![0; 20]), Err(MessageError::Unreadable));
    long.truncate(65_535);
    assert_eq!(refused(long), Ok(()));
}

#[test]
fn recordings_are_read_back() {
    let message = message();
    let text = Recorded::write([&message, &message]);
    let file = std::env::temp_dir().join(format!("recorded-{}", std::process::id()));
    std::fs::write(&file, format!("\n{text}")).unwrap();
    let recorded = Recorded::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let at = message.timestamp_us();
    assert_eq!(*recorded.newest(&[1, 6], at).unwrap(), message);
    assert!(recorded.newest(&[1], at - 1).is_none() && recorded.newest(&[2], at).is_none());

    let missing = Recorded::read(&file);
    assert!(matches!(missing, Err(RecordedError::File(_))));
    let line = text.lines().next().unwrap();
    let broken = Recorded::parse(&format!("{line}\n!"));
    assert!(matches!(broken, Err(RecordedError::NotBase64(2))));
    let short = Recorded::parse(&line[..40]);
    let expected = RecordedError::NotAMessage(1, MessageError::Malformed);
    assert_eq!(short.unwrap_err().to_string(), expected.to_string());
}
