//! A signer of one's own, for a chain of one's own: honest by default, and otherwise for tests.
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{FeedPrice, Payload, ProSource, SignedMessage};

/// Moments that are remembered, for a signer that is late.
const REMEMBERED: usize = 4_096;
/// The channel that messages claim to be of: fixed rate, 200 ms.
const CHANNEL: u8 = 3;

/// What a signer does with the prices it is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behaviour {
    /// Signs them as they are.
    Honest,
    /// Signs nothing.
    Silent,
    /// Signs them as they were so many microseconds ago, and dates the message then.
    Late(u64),
    /// Signs prices multiplied by this number.
    Lying(f64),
}

/// Signs the prices it is told, dated at the moment that it is asked for.
pub struct LocalSigner {
    keypair: Keypair,
    state: Mutex<State>,
}

struct State {
    behaviour: Behaviour,
    /// All feeds' prices at each moment, Unix time in microseconds, in order.
    moments: VecDeque<(u64, BTreeMap<u32, FeedPrice>)>,
}

impl LocalSigner {
    /// A signer with this key that has been told nothing.
    pub fn new(keypair: Keypair) -> Self {
        let state = State {
            behaviour: Behaviour::Honest,
            moments: VecDeque::new(),
        };
        Self {
            keypair,
            state: Mutex::new(state),
        }
    }

    /// The key to be listed as trusted.
    pub fn signer(&self) -> anchor_lang::prelude::Pubkey {
        self.keypair.pubkey()
    }

    /// Tells prices made at a moment (Unix time in microseconds) no earlier than the last one. They are carried on until
    /// they are told anew, as Pyth carries on a price that too few publish.
    pub fn tell(&self, at_us: u64, prices: impl IntoIterator<Item = FeedPrice>) {
        let mut state = self.state();
        let (last, mut feeds) = state.moments.back().cloned().unwrap_or_default();
        let at_us = at_us.max(last);
        for price in prices {
            let updated_us = Some(at_us);
            feeds.insert(
                price.id,
                FeedPrice {
                    updated_us,
                    ..price
                },
            );
        }
        if state.moments.len() == REMEMBERED {
            state.moments.pop_front();
        }
        state.moments.push_back((at_us, feeds));
    }

    /// The moment of the prices that it was told last, Unix time in microseconds.
    pub fn told_us(&self) -> Option<u64> {
        self.state().moments.back().map(|(at, _)| *at)
    }

    /// Behaves so from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
    }
}

impl State {
    /// What to sign when asked at `now_us`.
    fn payload(&self, feeds: &[u32], now_us: u64) -> Option<Payload> {
        let (timestamp_us, factor) = match self.behaviour {
            Behaviour::Honest => (now_us, 1.0),
            Behaviour::Silent => return None,
            Behaviour::Late(by) => (now_us.checked_sub(by)?, 1.0),
            Behaviour::Lying(factor) => (now_us, factor),
        };
        let known = self.moments.partition_point(|(at, _)| *at <= timestamp_us);
        let (_, prices) = self.moments.get(known.checked_sub(1)?)?;
        let told = feeds.iter().map(|id| {
            let price = prices.get(id)?;
            Some(FeedPrice {
                price: scaled(price.price, factor),
                ..*price
            })
        });
        Some(Payload {
            timestamp_us,
            channel: CHANNEL,
            feeds: told.collect::<Option<_>>()?,
        })
    }
}

fn scaled(price: i64, factor: f64) -> i64 {
    if factor == 1.0 {
        price
    } else {
        (price as f64 * factor) as i64
    }
}

impl ProSource for LocalSigner {
    fn newest(&self, feeds: &[u32], latest_us: u64) -> Option<Arc<SignedMessage>> {
        let payload = self.state().payload(feeds, latest_us)?;
        let message = SignedMessage::sign(&self.keypair, payload.encode().ok()?).ok()?;
        Some(Arc::new(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn price(id: u32, price: i64) -> FeedPrice {
        FeedPrice {
            id,
            price,
            conf: 1,
            exponent: -8,
            publishers: 3,
            updated_us: None,
        }
    }

    /// A signer told of two feeds at second 10 and of one at second 20.
    fn signer() -> LocalSigner {
        let signer = LocalSigner::new(Keypair::new());
        signer.tell(10 * SECOND, [price(1, 100), price(2, 500)]);
        signer.tell(20 * SECOND, [price(1, 110)]);
        signer
    }

    /// Price and time of making of each feed asked for.
    fn told(signer: &LocalSigner, feeds: &[u32], at: u64) -> Option<(u64, Vec<(i64, u64)>)> {
        let message = signer.newest(feeds, at * SECOND)?;
        assert!(message.is_signed() && message.signer() == signer.signer());
        let each = message.feeds().iter();
        let each = each.map(|feed| {
            let made = feed.updated_us.unwrap().get();
            (feed.price.unwrap().get(), made / SECOND)
        });
        Some((message.timestamp_us() / SECOND, each.collect()))
    }

    #[test]
    fn an_honest_signer_dates_messages_now_and_carries_prices_on() {
        let signer = signer();
        let expected = Some((30, vec![(500, 10), (110, 20)]));
        assert_eq!(told(&signer, &[2, 1], 30), expected);
        assert_eq!(told(&signer, &[1], 19), Some((19, vec![(100, 10)])));
        assert_eq!(told(&signer, &[1], 9), None);
        assert_eq!(told(&signer, &[1, 3], 30), None);
    }

    #[test]
    fn misbehaves_as_it_is_asked_to() {
        let signer = signer();
        signer.behave(Behaviour::Late(15 * SECOND));
        assert_eq!(told(&signer, &[1], 30), Some((15, vec![(100, 10)])));
        assert_eq!(told(&signer, &[1], 14), None);
        signer.behave(Behaviour::Lying(0.5));
        assert_eq!(told(&signer, &[1], 30), Some((30, vec![(55, 20)])));
        signer.behave(Behaviour::Silent);
        assert_eq!(told(&signer, &[1], 30), None);
    }
}
