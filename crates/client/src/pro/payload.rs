//! Writing what Pyth Pro signs, with the properties that the program demands of every price.
use plimsoll::oracle::pyth_pro::payload::{property, MAGIC};

/// A message's content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// When it is put together, Unix time in microseconds.
    pub timestamp_us: u64,
    /// The number of the channel.
    pub channel: u8,
    /// The feeds, in their order.
    pub feeds: Vec<FeedPrice>,
}

/// A feed's price: (price ± conf) × 10^exponent USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedPrice {
    /// Pyth's number of the feed.
    pub id: u32,
    /// 0 where there is none.
    pub price: i64,
    /// 0 where there is none.
    pub conf: i64,
    pub exponent: i16,
    pub publishers: u16,
    /// When the price was made, Unix time in microseconds; none where there never was one.
    pub updated_us: Option<u64>,
}

/// Why a message cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// A message holds at most 255 feeds.
    TooManyFeeds(usize),
}

impl core::fmt::Display for PayloadError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self::TooManyFeeds(count) = self;
        write!(f, "a message holds at most 255 feeds, not {count}")
    }
}

impl std::error::Error for PayloadError {}

impl Payload {
    /// The bytes to sign.
    ///
    /// # Errors
    /// With more than 255 feeds.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        let count = self.feeds.len();
        let count = u8::try_from(count).map_err(|_| PayloadError::TooManyFeeds(count))?;
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend(self.timestamp_us.to_le_bytes());
        bytes.extend([self.channel, count]);
        for feed in &self.feeds {
            feed.encode(&mut bytes);
        }
        Ok(bytes)
    }
}

impl FeedPrice {
    fn encode(&self, bytes: &mut Vec<u8>) {
        const PROPERTIES: u8 = 5;
        bytes.extend(self.id.to_le_bytes());
        bytes.extend([PROPERTIES, property::PRICE]);
        bytes.extend(self.price.to_le_bytes());
        bytes.push(property::CONFIDENCE);
        bytes.extend(self.conf.to_le_bytes());
        bytes.push(property::EXPONENT);
        bytes.extend(self.exponent.to_le_bytes());
        bytes.push(property::PUBLISHERS);
        bytes.extend(self.publishers.to_le_bytes());
        bytes.extend([property::UPDATE_TIME, self.updated_us.is_some().into()]);
        bytes.extend(self.updated_us.map(u64::to_le_bytes).into_iter().flatten());
    }
}
