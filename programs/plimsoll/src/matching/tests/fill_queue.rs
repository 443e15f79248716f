//! The queue: first in, first out per owner, compact, bounded.

use super::*;

fn entry(who: u8, seq: u64) -> QueuedFill {
    QueuedFill {
        maker: key(who),
        seq,
        ..bytemuck::Zeroable::zeroed()
    }
}

fn queue_of(entries: &[(u8, u64)]) -> Box<FillQueue> {
    let mut queue: Box<FillQueue> = zeroed_box();
    for (who, seq) in entries {
        assert!(queue.push(entry(*who, *seq)));
    }
    queue
}

fn seqs(queue: &FillQueue) -> Vec<u64> {
    queue.entries().iter().map(|entry| entry.seq).collect()
}

#[test]
fn drain_takes_the_entries_of_one_owner_in_order_and_keeps_the_rest_in_order() {
    let mut queue = queue_of(&[(1, 1), (2, 2), (1, 3), (3, 4), (1, 5), (2, 6)]);
    let mut settled = vec![];
    let drained = queue.drain_for(&key(1), usize::MAX, |entry| {
        settled.push(entry.seq);
        Ok::<_, ()>(())
    });
    assert_eq!((drained, settled), (Ok(3), vec![1, 3, 5]));
    assert_eq!(seqs(&queue), [2, 4, 6]);
    assert_eq!(queue.drain_for(&key(9), usize::MAX, |_| Err(())), Ok(0));
    assert_eq!(queue.room(), FILL_QUEUE_CAPACITY - 3);
}

#[test]
fn drain_stops_at_its_limit() {
    let mut queue = queue_of(&[(1, 1), (2, 2), (1, 3), (1, 4)]);
    assert_eq!(queue.drain_for(&key(1), 2, |_| Ok::<_, ()>(())), Ok(2));
    assert_eq!(seqs(&queue), [2, 4]);
    assert_eq!(queue.drain_for(&key(1), 0, |_| Err(())), Ok(0));
    assert_eq!(seqs(&queue), [2, 4]);
}

#[test]
fn drain_keeps_what_was_refused_and_all_behind_it() {
    let mut queue = queue_of(&[(1, 1), (2, 2), (1, 3), (2, 4), (1, 5)]);
    let drained = queue.drain_for(&key(1), usize::MAX, |entry| {
        if entry.seq == 3 {
            Err("no")
        } else {
            Ok(())
        }
    });
    assert_eq!(drained, Err("no"));
    assert_eq!(seqs(&queue), [2, 3, 4, 5]);
}

#[test]
fn owners_that_differ_in_one_byte_are_different() {
    for byte in 0..32 {
        let mut other = key(1);
        other[byte] ^= 0x80;
        let mut queue = queue_of(&[(1, 1)]);
        assert_eq!(queue.drain_for(&other, 9, |_| Err(())), Ok(0));
    }
}

#[test]
fn full_queue_refuses_and_takes_again_after_a_drain() {
    let mut queue: Box<FillQueue> = zeroed_box();
    for seq in 0..256 {
        assert!(queue.push(entry(u8::from(seq == 100), seq)));
    }
    assert!(!queue.push(entry(0, 999)));
    assert_eq!((queue.len(), queue.room()), (256, 0));
    assert!(!queue.entries().iter().any(|entry| entry.seq == 999));
    assert_eq!(queue.drain_for(&key(1), 9, |_| Ok::<_, ()>(())), Ok(1));
    assert!(queue.push(entry(0, 999)));
    let expected: Vec<u64> = (0..100).chain(101..256).chain([999]).collect();
    assert_eq!(seqs(&queue), expected);
}
