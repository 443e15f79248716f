//! Which feeds of an exchange take a message's prices, and the refresh that carries it.
use std::{collections::BTreeSet, sync::Arc};

use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::{
    state::{feed::NO_FEED, Feed, OracleSource, RiskState},
    SignedPrices, FALLBACK,
};

use super::{ProSource, SignedMessage};
use crate::{
    instructions::{refresh_with, RefreshEntry},
    rpc::{needs_fallback, ChainClock},
    ExchangeRef,
};

/// Most feeds of a message that is to be carried: a transaction of version 0 holds them and their refresh.
const MOST_FEEDS: usize = 16;

/// Pyth's numbers of the feeds that an exchange takes from signed messages, one group for each message: what to subscribe to.
/// The markets of staked tokens, which cap derived feeds, come first, so that a derived price finds its cap renewed.
pub fn subscriptions(risk: &RiskState) -> Vec<Vec<u32>> {
    let caps: BTreeSet<u8> = feeds(risk)
        .filter(|(_, feed)| feed.is_derived())
        .map(|(_, feed)| feed.sources.primary.cap)
        .collect();
    let (first, rest): (Vec<_>, Vec<_>) = feeds(risk).partition(|(index, _)| caps.contains(index));
    let mut found: Vec<u32> = Vec::new();
    for (_, feed) in first.into_iter().chain(rest) {
        let sources = [&feed.sources.primary, &feed.sources.fallback];
        for number in sources.into_iter().filter_map(OracleSource::pro_number) {
            if !found.contains(&number) {
                found.push(number);
            }
        }
    }
    found.chunks(MOST_FEEDS).map(<[u32]>::to_vec).collect()
}

/// Whether a feed's prices come in signed messages.
pub fn is_signed(feed: &Feed) -> bool {
    feed.sources.primary.pro_number().is_some()
}

/// A message, and the feeds of an exchange that take its prices.
#[derive(Clone, Debug)]
pub struct Carried {
    pub message: Arc<SignedMessage>,
    /// For each price of the message, in its order, the number that a refresh names: a feed, with [`FALLBACK`] as its
    /// fallback's, or 255 for none.
    takers: Vec<u8>,
}

impl Carried {
    /// The newest message of each of the exchange's [`subscriptions`] that the chain would take at its clock. None of those of
    /// which the source has none.
    pub fn newest(source: &dyn ProSource, risk: &RiskState, clock: ChainClock) -> Vec<Self> {
        let latest = clock
            .unix_time
            .saturating_add(plimsoll::oracle::pyth_pro::MAX_LEAD_SECS)
            .saturating_mul(1_000_000);
        let latest = u64::try_from(latest).unwrap_or(0);
        subscriptions(risk)
            .iter()
            .filter_map(|feeds| source.newest(feeds, latest))
            .map(|message| Self::of(message, risk, clock))
            .collect()
    }

    /// A message before an exchange.
    pub fn of(message: Arc<SignedMessage>, risk: &RiskState, clock: ChainClock) -> Self {
        let prices = message.feeds().iter();
        let takers = prices.map(|price| taker(price.id, risk, clock)).collect();
        Self { message, takers }
    }

    /// The feeds that take a price of it as their primary's.
    pub fn feeds(&self) -> impl Iterator<Item = u8> + '_ {
        self.takers
            .iter()
            .copied()
            .filter(|taker| *taker & FALLBACK == 0)
    }

    /// Unix milliseconds at which the price that a feed would take was made; none where it takes none.
    pub fn published_ms(&self, feed: u8) -> Option<i64> {
        let at = self.takers.iter().position(|taker| *taker == feed)?;
        let made = self.message.feeds().get(at)?.updated_us?.get();
        let published = made.min(self.message.timestamp_us()) / 1_000;
        i64::try_from(published).ok()
    }

    /// The feeds for which it has a price that is newer than theirs, and not older than trades allow.
    pub fn news<'a>(
        &'a self,
        risk: &'a RiskState,
        clock: ChainClock,
    ) -> impl Iterator<Item = u8> + 'a {
        let now_ms = clock.unix_time.saturating_mul(1_000);
        self.feeds().filter(move |index| {
            let (Ok(feed), Some(made)) = (risk.feed(*index), self.published_ms(*index)) else {
                return false;
            };
            let limit = i64::from(feed.limits.trade_age_secs) * 1_000;
            made > feed.price.published_ms && now_ms.saturating_sub(made) <= limit
        })
    }

    /// The two instructions that bring its prices in, with whatever else is refreshed, for a transaction in which `before`
    /// instructions stand in front of them: those of the [`crate::transaction::Version`] included.
    pub fn refresh(
        &self,
        exchange: &ExchangeRef,
        entries: &[RefreshEntry],
        before: usize,
    ) -> [Instruction; 2] {
        let signed = SignedPrices {
            // No transaction has more than 64 instructions.
            instruction: u8::try_from(before).unwrap_or(u8::MAX),
            feeds: self.takers.clone(),
        };
        let refresh = refresh_with(exchange, entries, Some(signed));
        [self.message.instruction(), refresh]
    }
}

fn feeds(risk: &RiskState) -> impl Iterator<Item = (u8, &Feed)> {
    (0..risk.feed_count).zip(&risk.feeds)
}

fn taker(number: u32, risk: &RiskState, clock: ChainClock) -> u8 {
    let is = |source: &OracleSource| source.pro_number() == Some(number);
    let primary = feeds(risk).find(|(_, feed)| is(&feed.sources.primary));
    let fallback = || {
        let found = feeds(risk).find(|(_, feed)| is(&feed.sources.fallback));
        found.filter(|(_, feed)| needs_fallback(feed, clock))
    };
    match (primary, fallback()) {
        (Some((index, _)), _) => index,
        (None, Some((index, _))) => index | FALLBACK,
        (None, None) => NO_FEED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pro::{FeedPrice, LocalSigner};
    use plimsoll::state::feed::oracle_kind;
    use plimsoll_risk::FeedLimits;
    use solana_keypair::Keypair;

    const NOW: ChainClock = ChainClock {
        slot: 1,
        unix_time: 1_000,
    };

    fn source(number: u32) -> OracleSource {
        let mut feed = [0; 32];
        feed[..4].copy_from_slice(&number.to_le_bytes());
        OracleSource {
            feed,
            kind: oracle_kind::PYTH_PRO,
            ..OracleSource::default()
        }
    }

    /// Feeds 0 and 1 take numbers 7 and 6, feed 2 has number 1 as its fallback, feed 3 is derived and capped by feed 1.
    fn risk() -> Box<RiskState> {
        let mut risk: Box<RiskState> = bytemuck::zeroed_box();
        risk.feed_count = 4;
        for feed in &mut risk.feeds {
            (feed.limits, feed.price.spot) = (FeedLimits::SIGNED, 1);
            feed.price.published_ms = 996_000;
            feed.price.primary_ms = 996_000;
        }
        risk.feeds[0].sources.primary = source(7);
        risk.feeds[1].sources.primary = source(6);
        risk.feeds[2].sources.primary.kind = oracle_kind::PYTH_PULL;
        risk.feeds[2].sources.fallback = source(1);
        risk.feeds[3].sources.primary = OracleSource {
            kind: oracle_kind::DERIVED,
            base: 0,
            cap: 1,
            ..OracleSource::default()
        };
        risk
    }

    fn told(at_secs: u64) -> LocalSigner {
        let signer = LocalSigner::new(Keypair::new());
        let price = |id| FeedPrice {
            id,
            price: 5,
            ..FeedPrice::default()
        };
        signer.tell(at_secs * 1_000_000, [1, 6, 7].map(price));
        signer
    }

    #[test]
    fn asks_for_every_number_once_caps_first() {
        let mut risk = risk();
        assert_eq!(subscriptions(&risk), [[6, 7, 1]]);
        risk.feed_count = 40;
        for (feed, number) in risk.feeds.iter_mut().zip(0..40) {
            feed.sources.primary = source(number);
        }
        let all = subscriptions(&risk);
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 8]);
    }

    #[test]
    fn names_who_takes_each_price_and_a_fallback_once_it_counts() {
        let mut risk = risk();
        let takers = |risk: &RiskState| {
            let found = Carried::newest(&told(999), risk, NOW);
            assert_eq!(found.len(), 1);
            found[0].takers.clone()
        };
        assert_eq!(takers(&risk), [1, 0, NO_FEED]);
        risk.feeds[2].price.primary_ms = 980_000;
        assert_eq!(takers(&risk), [1, 0, 2 | FALLBACK]);
    }

    #[test]
    fn news_is_what_is_newer_and_not_too_old() {
        let risk = risk();
        let news = |at| {
            let found = Carried::newest(&told(at), &risk, NOW);
            found[0].news(&risk, NOW).collect::<Vec<_>>()
        };
        assert_eq!(news(999), [1, 0]);
        assert!(news(996).is_empty(), "the price that the feeds have");
        let mut risk = self::risk();
        risk.feeds[0].price.published_ms = 0;
        risk.feeds[1].price.published_ms = 0;
        let found = Carried::newest(&told(994), &risk, NOW);
        assert_eq!(found[0].news(&risk, NOW).count(), 0, "six seconds old");
    }

    #[test]
    fn the_refresh_names_the_instruction_in_front_of_it() {
        let carried = &Carried::newest(&told(999), &risk(), NOW)[0];
        let [check, refresh] = carried.refresh(&ExchangeRef::new(0), &[], 3);
        assert_eq!(check, carried.message.instruction());
        // Discriminator, no feeds of accounts, a message: its instruction, then the takers.
        assert_eq!(
            refresh.data[8..],
            [0, 0, 0, 0, 1, 3, 3, 0, 0, 0, 1, 0, NO_FEED]
        );
    }
}
