//! Where signed messages come from.
use std::{collections::VecDeque, sync::Arc};

use super::SignedMessage;

/// Gives the newest signed message of some feeds, without waiting.
pub trait ProSource: Send + Sync {
    /// The newest message that tells all of `feeds` and is dated no later than `latest_us` (Unix time in microseconds),
    /// or none while there is none.
    ///
    /// `latest_us` is what the chain would take: its clock and the lead it allows. How old a message may be is for the
    /// caller to judge.
    fn newest(&self, feeds: &[u32], latest_us: u64) -> Option<Arc<SignedMessage>>;
}

/// Messages by their time, the newest `limit` of them.
#[derive(Debug)]
pub(super) struct Shelf {
    messages: VecDeque<Arc<SignedMessage>>,
    limit: usize,
}

impl Shelf {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            messages: VecDeque::new(),
            limit,
        }
    }

    /// Takes a message in, unless it is there or is older than all of a full shelf; whether it did.
    pub(super) fn put(&mut self, message: SignedMessage) -> bool {
        let time = message.timestamp_us();
        let at = self.messages.partition_point(|m| m.timestamp_us() < time);
        let is_known = self
            .messages
            .range(at..)
            .take_while(|m| m.timestamp_us() == time)
            .any(|m| m.payload() == message.payload());
        let is_full = self.messages.len() >= self.limit;
        if is_known || (is_full && at == 0) {
            return false;
        }
        self.messages.insert(at, Arc::new(message));
        if is_full {
            self.messages.pop_front();
        }
        true
    }

    /// As [`ProSource::newest`].
    pub(super) fn newest(&self, feeds: &[u32], latest_us: u64) -> Option<&Arc<SignedMessage>> {
        let end = self
            .messages
            .partition_point(|m| m.timestamp_us() <= latest_us);
        let mut by_then = self.messages.range(..end).rev();
        by_then.find(|message| message.tells(feeds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pro::{FeedPrice, Payload};

    fn message(timestamp_us: u64, ids: &[u32]) -> SignedMessage {
        let feeds = ids.iter().map(|id| FeedPrice {
            id: *id,
            ..FeedPrice::default()
        });
        let payload = Payload {
            timestamp_us,
            channel: 1,
            feeds: feeds.collect(),
        };
        SignedMessage::new([1; 32], [2; 64], payload.encode().unwrap()).unwrap()
    }

    fn time(shelf: &Shelf, feeds: &[u32], latest: u64) -> Option<u64> {
        shelf.newest(feeds, latest).map(|m| m.timestamp_us())
    }

    #[test]
    fn finds_the_newest_that_tells_all_feeds_by_then() {
        let mut shelf = Shelf::new(10);
        for (at, ids) in [(30, &[1, 2][..]), (10, &[1, 2]), (20, &[2, 3]), (40, &[1])] {
            assert!(shelf.put(message(at, ids)));
        }
        assert_eq!(time(&shelf, &[1], 100), Some(40));
        assert_eq!(time(&shelf, &[2, 1], 100), Some(30));
        assert_eq!(time(&shelf, &[2, 1], 30), Some(30));
        assert_eq!(time(&shelf, &[2, 1], 29), Some(10));
        assert_eq!(time(&shelf, &[3], 19), None);
        assert_eq!(time(&shelf, &[1, 3], 100), None);
        assert_eq!(time(&shelf, &[], 9), None);
    }

    #[test]
    fn keeps_the_newest_once_each() {
        let mut shelf = Shelf::new(3);
        assert!([1, 5, 3]
            .map(|at| shelf.put(message(at, &[7])))
            .iter()
            .all(|put| *put));
        assert!(!shelf.put(message(5, &[7])) && !shelf.put(message(0, &[7])));
        // Another message of the same moment is another message.
        assert!(shelf.put(message(5, &[8])));
        let times: Vec<_> = shelf.messages.iter().map(|m| m.timestamp_us()).collect();
        assert_eq!(times, [3, 5, 5]);
        assert_eq!(time(&shelf, &[8], 100), Some(5));
        assert_eq!(time(&shelf, &[7], 100), Some(5));
    }
}
