//! What the message says: its time, its feeds, what they lack.
use super::*;

/// The prices of one message.
fn read(message: &[u8]) -> Result<Vec<(u32, ProPrice)>> {
    prices_in(&[check_of(message)], 0)
}

#[test]
fn takes_a_message_dated_up_to_the_allowed_lead() {
    let latest = (NOW + MAX_LEAD_SECS) as u64 * 1_000_000;
    let dated = |time| read(&message_of(time, &[full_feed(1, time)]));
    assert_eq!(
        dated(latest).unwrap()[0].1.publish_time_ms,
        (NOW + MAX_LEAD_SECS) * 1_000
    );
    refused(dated(latest + 1), PlimsollError::MessageFromTheFuture);
    refused(dated(u64::MAX), PlimsollError::MessageFromTheFuture);
    // How old it may be is for the caller to say.
    assert_eq!(dated(1_999).unwrap()[0].1.publish_time_ms, 1);
}

#[test]
fn no_clock_lets_the_future_in() {
    for now in [i64::MIN, -10, 0] {
        assert!(latest_timestamp_us(now) <= MAX_LEAD_SECS as u64 * 1_000_000);
    }
    assert_eq!(latest_timestamp_us(i64::MAX), i64::MAX as u64);
}

#[test]
fn the_publish_time_is_the_earlier_of_the_messages_and_the_feeds() {
    let hour = 3_600 * 1_000_000;
    let carried_on = full_feed(1, now_us() - hour);
    let ahead = full_feed(2, now_us() + hour);
    let found = read(&message_of(now_us() + 1_999, &[carried_on, ahead])).unwrap();
    assert_eq!(found[0].1.publish_time_ms, (NOW - 3_600) * 1_000);
    assert_eq!(found[1].1.publish_time_ms, NOW * 1_000 + 1);
}

#[test]
fn keeps_the_order_and_skips_what_it_does_not_use() {
    let with_all_kinds = |id: u32| {
        feed_of(
            id,
            &[
                (property::SESSION, vec![1, 0]),
                (property::BEST_BID, vec![2; 8]),
                (property::PUBLISHERS, vec![5, 0]),
                (property::FUNDING_RATE, present(u64::MAX)),
                (property::FUNDING_TIME, vec![0]),
                (property::UPDATE_TIME, present(now_us())),
                (property::FUNDING_INTERVAL, present(1)),
                (property::BEST_ASK, vec![0; 8]),
                (property::EXPONENT, 2i16.to_le_bytes().to_vec()),
                (property::EMA_PRICE, vec![255; 8]),
                (property::PRICE, 77i64.to_le_bytes().to_vec()),
                (property::EMA_CONFIDENCE, vec![0; 8]),
                (property::CONFIDENCE, 3i64.to_le_bytes().to_vec()),
            ],
        )
    };
    let feeds = [
        with_all_kinds(u32::MAX),
        full_feed(4, now_us()),
        with_all_kinds(3),
    ];
    let found = read(&message_of(now_us(), &feeds)).unwrap();
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [u32::MAX, 4, 3]);
    let expected = ProPrice {
        price: 77,
        conf: 3,
        exponent: 2,
        publishers: 5,
        publish_time_ms: NOW * 1_000,
    };
    assert_eq!((found[0].1, found[2].1), (expected, expected));
}

/// The properties that a price needs, by position.
fn needed() -> Vec<(u8, Vec<u8>)> {
    vec![
        (property::PRICE, 5i64.to_le_bytes().to_vec()),
        (property::CONFIDENCE, 1i64.to_le_bytes().to_vec()),
        (property::EXPONENT, vec![0, 0]),
        (property::PUBLISHERS, vec![1, 0]),
        (property::UPDATE_TIME, present(now_us())),
    ]
}

fn priced(properties: &[(u8, Vec<u8>)]) -> Result<Vec<(u32, ProPrice)>> {
    read(&message_of(now_us(), &[feed_of(1, properties)]))
}

#[test]
fn a_price_lacking_what_judges_it_is_no_price() {
    priced(&needed()).unwrap();
    for missing in 0..needed().len() {
        let mut properties = needed();
        properties.remove(missing);
        refused(priced(&properties), PlimsollError::MissingProperty);
    }
    refused(priced(&[]), PlimsollError::MissingProperty);
    // Asked for, but there is none.
    let none = [
        (0, vec![0; 8]),
        (1, vec![0; 8]),
        (3, vec![0; 2]),
        (4, vec![0]),
        (4, present(0)),
    ];
    for (index, none) in none {
        let mut properties = needed();
        properties[index].1 = none;
        refused(priced(&properties), PlimsollError::MissingProperty);
    }
}

#[test]
fn refuses_prices_and_confidences_below_zero() {
    for index in [0, 1] {
        let mut properties = needed();
        properties[index].1 = (-1i64).to_le_bytes().to_vec();
        refused(priced(&properties), PlimsollError::InvalidOraclePrice);
    }
}

#[test]
fn a_property_of_unknown_length_ends_the_reading() {
    for kind in 13..=u8::MAX {
        let mut properties = needed();
        properties.push((kind, vec![0; 8]));
        refused(priced(&properties), PlimsollError::UnknownProperty);
    }
    let strange = feed_of(2, &[(13, vec![0; 8])]);
    let feeds = [full_feed(1, now_us()), strange, full_feed(3, now_us())];
    let bytes = message_of(now_us(), &feeds);
    let message = Message::read(&bytes).unwrap();
    let outcomes: Vec<_> = message.feeds().collect();
    assert_eq!(outcomes.len(), 2);
    assert_eq!(outcomes[0].as_ref().unwrap().id, 1);
    assert!(outcomes[1].is_err());
}

#[test]
fn refuses_other_signed_content_and_messages_cut_short() {
    let whole = message_of(now_us(), &[full_feed(1, now_us()), full_feed(2, now_us())]);
    for bit in 0..32 {
        let mut other = whole.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        refused(read(&other), PlimsollError::MalformedMessage);
    }
    for len in 0..whole.len() {
        refused(read(&whole[..len]), PlimsollError::MalformedMessage);
    }
    assert_eq!(read(&whole).unwrap().len(), 2);
    assert_eq!(read(&message_of(now_us(), &[])).unwrap(), []);
}

#[test]
fn reads_a_message_that_pyth_signed() {
    // Recorded from Pyth: all thirteen properties of feed 1 at 14:42:48.2 on 17 February 2026.
    let recorded = "75d3c7934077d115064b06000301010000000d009032fc171b060000014e3a0cff1a06000002bcda8a211b060000\
        03120004f8ff05fc0b7159000000000600070008000900000aa06616362e0600000b804f93312e0600000c014077d115064b0600";
    let digits: String = recorded.split_whitespace().collect();
    let bytes: Vec<u8> = (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let message = Message::read(&bytes).unwrap();
    assert_eq!(
        (message.timestamp_us, message.channel),
        (1_771_339_368_200_000, 3)
    );
    assert_eq!(message.timestamp_ms().unwrap(), 1_771_339_368_200);
    let feed = message.feeds().next().unwrap().unwrap();
    let expected = ProPrice {
        price: 6_713_436_287_632,
        conf: 1_500_580_860,
        exponent: -8,
        publishers: 18,
        publish_time_ms: 1_771_339_368_200,
    };
    assert_eq!((feed.id, feed.price(&message).unwrap()), (1, expected));
}
