//! What the build once got wrong, or is likely to.

use core::hint::black_box;

use crate::{Inputs, Operation, Outputs, Put};

#[inline(never)]
fn mix(a: u64, b: u64) -> u64 {
    a.rotate_left(7) ^ b.wrapping_mul(31)
}

/// A division by what does not change in the loop, behind the check that it is not zero. The body is large enough for
/// the optimiser to leave the check in it.
#[inline(never)]
fn shares(items: &mut [u64], amount: u64, total: u64) -> u64 {
    let mut sum = 0u64;
    for item in items.iter_mut() {
        let mut part = mix(*item, sum);
        part = mix(part, *item) ^ mix(sum, part);
        part ^= mix(part, 7) ^ mix(part, 9);
        part = mix(part, sum) ^ mix(part, part);
        part = mix(part, mix(part, 3));
        part = mix(part, mix(part, 5));
        if part & 1 == 0 {
            part = mix(part, 77)
        } else {
            sum ^= mix(part, 11)
        }
        sum = sum.wrapping_add(amount.checked_div(total).unwrap_or(0) ^ part);
        *item = mix(sum, part);
    }
    sum
}

/// The same quotient and remainder in two of three branches, which redundancy elimination would compute ahead of all.
#[inline(never)]
fn branches(kind: u64, amount: u64, total: u64) -> u64 {
    let mut sum = mix(kind, amount);
    for round in 0..3 {
        sum = match (kind ^ round) % 3 {
            0 if total != 0 => mix(amount / total, sum),
            1 if total != 0 => mix(sum, amount / total) ^ (amount % total),
            _ => mix(sum, 5),
        };
    }
    sum
}

static ALIGNED: [u128; 2] = [u128::MAX / 3, 7];

#[repr(align(64))]
struct Nothing;

static NOTHING: Nothing = Nothing;

/// The operations.
pub const ALL: &[(&str, Operation)] = &[
    ("division in a loop", |i, o| {
        let mut items = [i[0], i[1], i[2], i[3]];
        let total = if i[5] & 1 == 0 { 0 } else { i[2] };
        o[0] = shares(black_box(&mut items), i[0], black_box(total));
        o[1] = items[3];
    }),
    ("division in branches", |i, o| {
        let total = if i[5] & 1 == 0 { 0 } else { i[2] };
        o[0] = branches(i[5] >> 1, i[0], black_box(total));
    }),
    ("alignment of constants", |_, o| {
        o[0] = (black_box(&raw const ALIGNED).addr() % align_of::<u128>()) as u64;
        o[1] = black_box(&raw const NOTHING).addr() as u64 % 64;
    }),
    ("volatile copies", |i, o| {
        let (from, mut to) = (*i, [0u64; 6]);
        // SAFETY: both are places of this function.
        unsafe { (&raw mut to).write_volatile((&raw const from).read_volatile()) };
        o.copy_from_slice(&to[..4]);
    }),
    ("sum over lanes", |i, o| {
        let lanes: &[u64; 6] = black_box(i);
        o[0] = lanes.iter().fold(0, |sum, lane| sum.wrapping_add(*lane));
        o[1] = lanes.iter().fold(0, |sum, lane| sum | *lane);
        o[2] = lanes.iter().copied().fold(0, u64::max);
    }),
];

/// Goes `depth` calls down, and writes the sum over the frames of all: nothing where one has changed meanwhile.
#[inline(always)]
pub fn descend(depth: u64, input: &Inputs, outputs: &mut Outputs) {
    level(depth, input).put(outputs);
}

/// Fills most of a stack frame, and finds it as it left it when the calls further down return.
#[inline(never)]
fn level(depth: u64, input: &Inputs) -> Option<u64> {
    let mut frame = [0u64; 480];
    for (index, word) in frame.iter_mut().enumerate() {
        *word = mix(input[index % 6], depth << 32 | index as u64);
    }
    let frame = black_box(&mut frame);
    let below = if depth == 0 {
        0
    } else {
        level(black_box(depth - 1), input)?
    };
    let mut sum = below;
    for (index, word) in frame.iter().enumerate() {
        if *word != mix(input[index % 6], depth << 32 | index as u64) {
            return None;
        }
        sum = mix(sum, *word);
    }
    Some(sum)
}
