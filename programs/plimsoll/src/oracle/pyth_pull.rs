//! Pyth's current format: `PriceUpdateV2`, posted by a receiver program.
use anchor_lang::{prelude::*, Discriminator};
use pyth_solana_receiver_sdk::price_update::PriceUpdateV2;

use super::OraclePrice;
use crate::{
    error::PlimsollError,
    state::{feed::receiver, OracleSource},
};

/// The Pyth-Pro compatible deployment of the receiver; the other one is the SDK's default id.
const PRO_COMPATIBLE: Pubkey = pubkey!("rec2HHDDnjLfj4kE7VyEtFA1HPGQLK33259532cRyHp");

/// The program of a receiver.
pub fn receiver_program(deployment: u8) -> Option<Pubkey> {
    match deployment {
        receiver::DEFAULT => Some(pyth_solana_receiver_sdk::ID),
        receiver::PRO_COMPATIBLE => Some(PRO_COMPATIBLE),
        _ => None,
    }
}

// Borsh layout of a fully verified update: discriminator, write authority, verification level (one byte when
// full), then the message: feed id, price, confidence, exponent, publish time, ...
const LEVEL: usize = 8 + 32;
const FEED: usize = LEVEL + 1;
const PRICE: usize = FEED + 32;
const CONF: usize = PRICE + 8;
const EXPONENT: usize = CONF + 8;
const PUBLISH_TIME: usize = EXPONENT + 4;
/// Borsh tag of `VerificationLevel::Full`.
const FULL: u8 = 1;

/// Reads in place: a borsh decoding of the whole account costs several times as much.
pub fn read(source: &OracleSource, owner: &Pubkey, data: &[u8]) -> Result<OraclePrice> {
    require!(
        receiver_program(source.receiver).as_ref() == Some(owner),
        PlimsollError::WrongOracleOwner
    );
    require!(
        data.len() >= PriceUpdateV2::LEN && data.starts_with(PriceUpdateV2::DISCRIMINATOR),
        PlimsollError::WrongOracleAccount
    );
    require!(data[LEVEL] == FULL, PlimsollError::NotFullyVerified);
    require!(data[FEED..PRICE] == source.feed, PlimsollError::WrongFeed);
    Ok(OraclePrice {
        price: i64::from_le_bytes(bytes(data, PRICE)?),
        conf: u64::from_le_bytes(bytes(data, CONF)?),
        exponent: i32::from_le_bytes(bytes(data, EXPONENT)?),
        published_ms: i64::from_le_bytes(bytes(data, PUBLISH_TIME)?).saturating_mul(1_000),
    })
}

fn bytes<const N: usize>(data: &[u8], at: usize) -> Result<[u8; N]> {
    data.get(at..at + N)
        .and_then(|b| b.try_into().ok())
        .ok_or_else(|| PlimsollError::WrongOracleAccount.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyth_solana_receiver_sdk::price_update::{PriceFeedMessage, VerificationLevel};

    fn source() -> OracleSource {
        OracleSource {
            feed: [7; 32],
            kind: crate::state::feed::oracle_kind::PYTH_PULL,
            receiver: receiver::DEFAULT,
            ..OracleSource::default()
        }
    }

    fn encode(level: VerificationLevel, feed: [u8; 32]) -> Vec<u8> {
        let update = PriceUpdateV2 {
            write_authority: Pubkey::new_unique(),
            verification_level: level,
            price_message: PriceFeedMessage {
                feed_id: feed,
                price: -123_456_789,
                conf: 987,
                exponent: -8,
                publish_time: 1_700_000_001,
                prev_publish_time: 1_700_000_000,
                ema_price: 1,
                ema_conf: 2,
            },
            posted_slot: 5,
        };
        let mut data = Vec::new();
        update.try_serialize(&mut data).unwrap();
        data.resize(PriceUpdateV2::LEN, 0);
        data
    }

    #[test]
    fn agrees_with_the_sdk_encoding() {
        let data = encode(VerificationLevel::Full, [7; 32]);
        let price = read(&source(), &pyth_solana_receiver_sdk::ID, &data).unwrap();
        let expected = OraclePrice {
            price: -123_456_789,
            conf: 987,
            exponent: -8,
            published_ms: 1_700_000_001_000,
        };
        assert_eq!(price, expected);
    }

    #[test]
    fn refuses_what_is_not_the_configured_feed() {
        let good = encode(VerificationLevel::Full, [7; 32]);
        let owner = pyth_solana_receiver_sdk::ID;
        assert!(read(&source(), &PRO_COMPATIBLE, &good).is_err());
        assert!(read(&source(), &Pubkey::new_unique(), &good).is_err());
        assert!(read(&source(), &owner, &good[..100]).is_err());
        assert!(read(&source(), &owner, &encode(VerificationLevel::Full, [8; 32])).is_err());
        let partial = VerificationLevel::Partial { num_signatures: 13 };
        assert!(read(&source(), &owner, &encode(partial, [7; 32])).is_err());
        let mut other = good;
        other[0] ^= 1;
        assert!(read(&source(), &owner, &other).is_err());
    }
}
