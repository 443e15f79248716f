//! What a question is asked with: parts, and JSON whose 64-bit integers are strings.
use std::{fmt::Display, marker::PhantomData, str::FromStr};

use anchor_lang::prelude::{Clock, Pubkey};
use anchor_lang::{Discriminator, ZeroCopy};
use plimsoll::{health::clock_of, state::RiskState};
use plimsoll_client::{decode, health::clock, stress::refreshed};
use plimsoll_risk::Purpose;
use serde::{
    de::{DeserializeOwned, Error as _, Visitor},
    Deserialize, Deserializer,
};

use crate::output::Failure;

/// The parts of an input: `count`, then `count` lengths, all u32 little endian, then the bytes of each.
#[derive(Debug)]
pub struct Parts<'a>(Vec<&'a [u8]>);

impl<'a> Parts<'a> {
    /// Splits an input.
    ///
    /// # Errors
    /// A sentence, when the lengths do not add up.
    pub fn read(input: &'a [u8]) -> Result<Self, String> {
        let cut = || "the input is cut short".to_owned();
        let number = |at: usize| {
            let bytes = input.get(at..at.checked_add(4)?)?;
            usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
        };
        let count = number(0).ok_or_else(cut)?;
        let start = count.checked_add(1).and_then(|words| words.checked_mul(4));
        let mut rest = input.get(start.ok_or_else(cut)?..).ok_or_else(cut)?;
        let mut parts = Vec::with_capacity(count);
        for i in 1..=count {
            let len = number(i.saturating_mul(4)).ok_or_else(cut)?;
            let (part, left) = rest.split_at_checked(len).ok_or_else(cut)?;
            parts.push(part);
            rest = left;
        }
        Ok(Self(parts))
    }

    /// The first part, which says what is asked.
    pub fn header<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let json = self.0.first().copied().unwrap_or_default();
        serde_json::from_slice(json).map_err(|error| Failure::input(&format!("input: {error}")))
    }

    /// Another part's bytes.
    pub fn bytes(&self, part: Part) -> Result<&'a [u8], Failure> {
        let missing = || Failure::input(&format!("the input has no part {}", part.0));
        self.0.get(part.0).copied().ok_or_else(missing)
    }

    /// Another part as an account.
    pub fn account<T: ZeroCopy + Discriminator>(&self, part: Part) -> Result<Box<T>, Failure> {
        let name = || std::any::type_name::<T>().rsplit("::").next();
        decode(self.bytes(part)?)
            .map_err(|error| Failure::input(&format!("{}: {error}", name().unwrap_or_default())))
    }
}

/// The number of a part.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub struct Part(usize);

/// The chain's clock.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct At {
    #[serde(deserialize_with = "integer")]
    slot: u64,
    #[serde(deserialize_with = "integer")]
    unix_time: i64,
    /// Takes every entry of the risk state for just refreshed at its present price.
    #[serde(default)]
    refreshed: bool,
    /// Takes those for just refreshed whose prices serve trades: their oracles are heard.
    #[serde(default)]
    heard: bool,
}

impl At {
    /// As the program takes it.
    pub fn clock(self) -> Clock {
        clock(self.slot, self.unix_time)
    }

    /// A part as the risk state at this time.
    pub fn risk(self, parts: &Parts, part: Part) -> Result<Box<RiskState>, Failure> {
        let risk = parts.account::<RiskState>(part)?;
        if self.refreshed {
            return Ok(refreshed(&risk, &self.clock()));
        }
        if self.heard {
            return Ok(heard(&risk, &self.clock()));
        }
        Ok(risk)
    }
}

/// What a refresh would make of a risk state where only those oracles are heard whose prices serve trades now.
fn heard(risk: &RiskState, clock: &Clock) -> Box<RiskState> {
    let (mut fresh, clock) = (refreshed(risk, clock), clock_of(risk, clock));
    let assets = fresh.assets.iter_mut().zip(&risk.assets);
    let assets = assets.map(|(new, old)| (&mut new.price, &old.price));
    let markets = fresh.markets.iter_mut().zip(&risk.markets);
    let markets = markets.map(|(new, old)| (&mut new.price, &old.price));
    for (new, old) in assets.chain(markets) {
        if !old.is_fresh(&clock, Purpose::Trade) {
            *new = *old;
        }
    }
    fresh
}

/// An address in base58.
#[derive(Clone, Copy, Debug)]
pub struct Address(pub Pubkey);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let key = Pubkey::from_str(&text);
        key.map(Self)
            .map_err(|_| D::Error::custom(format!("{text} is not an address")))
    }
}

/// An integer from a decimal string, or from a number.
pub fn integer<'de, D: Deserializer<'de>, T>(from: D) -> Result<T, D::Error>
where
    T: FromStr + TryFrom<i64> + TryFrom<u64>,
    <T as FromStr>::Err: Display,
{
    struct Integer<T>(PhantomData<T>);

    impl<T> Visitor<'_> for Integer<T>
    where
        T: FromStr + TryFrom<i64> + TryFrom<u64>,
        <T as FromStr>::Err: Display,
    {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("an integer, as a decimal string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse()
                .map_err(|error| E::custom(format!("{text}: {error}")))
        }

        fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
            T::try_from(number).map_err(|_| E::custom(format!("{number} does not fit")))
        }

        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
            T::try_from(number).map_err(|_| E::custom(format!("{number} does not fit")))
        }
    }

    from.deserialize_any(Integer(PhantomData))
}

/// The same where there may be none.
pub fn optional_integer<'de, D: Deserializer<'de>, T>(from: D) -> Result<Option<T>, D::Error>
where
    T: FromStr + TryFrom<i64> + TryFrom<u64>,
    <T as FromStr>::Err: Display,
{
    #[derive(Deserialize)]
    #[serde(bound = "")]
    struct Wrapped<T>(#[serde(deserialize_with = "integer")] T)
    where
        T: FromStr + TryFrom<i64> + TryFrom<u64>,
        <T as FromStr>::Err: Display;

    Ok(Option::<Wrapped<T>>::deserialize(from)?.map(|wrapped| wrapped.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_risk::{feed::REFUSED, EntryPrice, FeedLimits};

    #[test]
    fn only_prices_that_serve_trades_are_taken_for_refreshed() {
        let mut data = RiskState::DISCRIMINATOR.to_vec();
        data.resize(RiskState::SPACE, 0);
        let mut risk: Box<RiskState> = decode(&data).unwrap();
        let now = 1_000;
        let aged = |secs: i64, flags| EntryPrice {
            published_ms: (now - secs) * 1_000,
            spot: 1,
            stable: 1,
            max_age_secs: FeedLimits::DEFAULT.ages(),
            flags,
            ..EntryPrice::default()
        };
        risk.assets[0].price = aged(60, 0);
        risk.assets[1].price = aged(61, 0);
        risk.markets[0].price = aged(30, 0);
        risk.markets[1].price = aged(0, REFUSED);
        let fresh = heard(&risk, &clock(1, now));
        let age = |price: &EntryPrice| now - price.published_ms / 1_000;
        let assets = [0, 1].map(|i: usize| age(&fresh.assets[i].price));
        assert_eq!(assets, [0, 61]);
        assert_eq!(age(&fresh.markets[0].price), 0);
        assert_eq!(fresh.markets[1].price.flags, REFUSED);
    }
}
