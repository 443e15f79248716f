//! What Pyth Pro signs: a time, a channel, and for each feed the properties that were asked for.
//!
//! All numbers are little-endian. A message is a constant, the time (u64), the channel (u8) and the number of feeds (u8);
//! a feed is its id (u32), the number of its properties (u8) and these; a property is its kind (u8) and its value, whose
//! length only the kind tells. So a message with a kind that is not known here cannot be read past it.
use core::num::{NonZeroI64, NonZeroU16, NonZeroU64};

use anchor_lang::prelude::*;

use crate::error::PlimsollError;

/// What every message begins with.
pub const MAGIC: u32 = 2_479_346_549;

/// Kinds of properties. Prices and confidence are i64, where 0 stands for "none"; the number of publishers is a u16, the
/// exponent and the session are i16; the others are a byte, 0 for "none", and otherwise eight bytes more.
pub mod property {
    pub const PRICE: u8 = 0;
    pub const BEST_BID: u8 = 1;
    pub const BEST_ASK: u8 = 2;
    pub const PUBLISHERS: u8 = 3;
    pub const EXPONENT: u8 = 4;
    pub const CONFIDENCE: u8 = 5;
    pub const FUNDING_RATE: u8 = 6;
    pub const FUNDING_TIME: u8 = 7;
    pub const FUNDING_INTERVAL: u8 = 8;
    pub const SESSION: u8 = 9;
    pub const EMA_PRICE: u8 = 10;
    pub const EMA_CONFIDENCE: u8 = 11;
    pub const UPDATE_TIME: u8 = 12;
}

const MICROS_PER_MILLI: u64 = 1_000;

/// A message, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// When Pyth put it together, Unix time in microseconds.
    pub timestamp_us: u64,
    /// Pyth's number of the channel it was sent on, which tells the interval between messages.
    pub channel: u8,
    feed_count: u8,
    feeds: &'a [u8],
}

/// What a message says of one feed. A number of 0 stands for none, as in Pyth's own form of most of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedUpdate {
    /// Pyth's number of the feed.
    pub id: u32,
    /// In 10^exponent USD. None where there is none now, or where it was not asked for.
    pub price: Option<NonZeroI64>,
    /// Half the width of the interval around the price, in the price's unit.
    pub confidence: Option<NonZeroI64>,
    pub exponent: Option<i16>,
    /// Publishers behind the price.
    pub publishers: Option<NonZeroU16>,
    /// When the price was last made, Unix time in microseconds: before the message's own time while too few publish, for
    /// the price is then carried on.
    pub updated_us: Option<NonZeroU64>,
}

/// A feed's price with all that judges it: (price ± conf) × 10^exponent USD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProPrice {
    pub price: i64,
    pub conf: u64,
    pub exponent: i16,
    pub publishers: u16,
    /// When the price was made, Unix time in milliseconds, rounded down.
    pub publish_time_ms: i64,
}

impl<'a> Message<'a> {
    /// Reads what stands before the feeds.
    pub fn read(payload: &'a [u8]) -> Result<Self> {
        let mut rest = Reader(payload);
        require!(
            u32::from_le_bytes(rest.take()?) == MAGIC,
            PlimsollError::MalformedMessage
        );
        let timestamp_us = u64::from_le_bytes(rest.take()?);
        let [channel, feed_count] = rest.take()?;
        Ok(Self {
            timestamp_us,
            channel,
            feed_count,
            feeds: rest.0,
        })
    }

    /// The feeds in the message's order, each read when it is reached. After a feed that cannot be read there is none.
    /// Bytes behind the last feed are not read, as in Pyth's own reader.
    pub fn feeds(&self) -> impl Iterator<Item = Result<FeedUpdate>> + 'a {
        let (mut rest, mut left) = (self.feeds, self.feed_count);
        core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let read = FeedUpdate::read(rest).map(|(feed, tail)| {
                rest = tail;
                feed
            });
            if read.is_err() {
                left = 0;
            }
            Some(read.map_err(Error::from))
        })
    }

    /// When Pyth put it together, Unix time in milliseconds, rounded down.
    pub fn timestamp_ms(&self) -> Result<i64> {
        millis(self.timestamp_us)
    }
}

impl FeedUpdate {
    /// Reads a feed, and returns what follows it. Refusals are plain codes here: an error of Anchor's is costly to hand on
    /// from every number.
    fn read(bytes: &[u8]) -> core::result::Result<(Self, &[u8]), PlimsollError> {
        let mut rest = Reader(bytes);
        let id = u32::from_le_bytes(rest.take()?);
        let mut feed = Self {
            id,
            ..Self::default()
        };
        let [properties] = rest.take()?;
        for _ in 0..properties {
            let [kind] = rest.take()?;
            match kind {
                property::PRICE => feed.price = rest.price()?,
                property::CONFIDENCE => feed.confidence = rest.price()?,
                property::EXPONENT => feed.exponent = Some(i16::from_le_bytes(rest.take()?)),
                property::PUBLISHERS => {
                    feed.publishers = NonZeroU16::new(u16::from_le_bytes(rest.take()?));
                }
                property::UPDATE_TIME => feed.updated_us = rest.time()?,
                property::BEST_BID
                | property::BEST_ASK
                | property::EMA_PRICE
                | property::EMA_CONFIDENCE => {
                    rest.take::<8>()?;
                }
                property::SESSION => {
                    rest.take::<2>()?;
                }
                property::FUNDING_RATE | property::FUNDING_TIME | property::FUNDING_INTERVAL => {
                    rest.time()?;
                }
                _ => return Err(PlimsollError::UnknownProperty),
            }
        }
        Ok((feed, rest.0))
    }

    /// The price with its publish time, which is the message's unless the feed's own is earlier.
    ///
    /// Every property has to be there: who leaves one out of what he asks Pyth for must not choose how the price is
    /// judged. Without the feed's own time in particular, a price carried on for hours would pass for new.
    pub fn price(&self, message: &Message) -> Result<ProPrice> {
        let (Some(price), Some(conf), Some(exponent), Some(publishers), Some(updated_us)) = (
            self.price,
            self.confidence,
            self.exponent,
            self.publishers,
            self.updated_us,
        ) else {
            return err!(PlimsollError::MissingProperty);
        };
        require!(price.get() > 0, PlimsollError::InvalidOraclePrice);
        let conf = u64::try_from(conf.get()).map_err(|_| PlimsollError::InvalidOraclePrice)?;
        Ok(ProPrice {
            price: price.get(),
            conf,
            exponent,
            publishers: publishers.get(),
            publish_time_ms: millis(updated_us.get().min(message.timestamp_us))?,
        })
    }
}

/// Milliseconds of microseconds, rounded down.
fn millis(micros: u64) -> Result<i64> {
    let millis = i64::try_from(micros / MICROS_PER_MILLI);
    millis.map_err(|_| PlimsollError::MalformedMessage.into())
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    /// The next `N` bytes.
    #[inline(always)]
    fn take<const N: usize>(&mut self) -> core::result::Result<[u8; N], PlimsollError> {
        let (head, rest) = self
            .0
            .split_first_chunk()
            .ok_or(PlimsollError::MalformedMessage)?;
        self.0 = rest;
        Ok(*head)
    }

    fn price(&mut self) -> core::result::Result<Option<NonZeroI64>, PlimsollError> {
        Ok(NonZeroI64::new(i64::from_le_bytes(self.take()?)))
    }

    /// A number behind a byte that says whether it is there.
    fn time(&mut self) -> core::result::Result<Option<NonZeroU64>, PlimsollError> {
        let [present] = self.take()?;
        if present == 0 {
            return Ok(None);
        }
        Ok(NonZeroU64::new(u64::from_le_bytes(self.take()?)))
    }
}
