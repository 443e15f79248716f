//! Copies, moves, fills and comparisons of memory.

use core::hint::black_box;
use core::ptr;

use crate::{Inputs, Operation, Outputs};

const SIZE: usize = 640;

/// Memory with contents that depend on the input.
fn scratch(inputs: &Inputs) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    let mut seed = inputs[0] ^ inputs[2].rotate_left(17) | 1;
    for word in bytes.as_chunks_mut::<8>().0 {
        seed = seed
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        word.copy_from_slice(&seed.to_le_bytes());
    }
    bytes
}

/// A digest of the whole memory.
fn digest(bytes: &[u8; SIZE], outputs: &mut Outputs) {
    for (index, word) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        outputs[index % 4] = (outputs[index % 4] ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

/// A place and a length within the memory.
fn place(inputs: &Inputs) -> (usize, usize, usize) {
    let length = inputs[4] as usize % 300;
    let (from, to) = (
        inputs[5] as usize % (SIZE - 300),
        (inputs[5] >> 16) as usize % (SIZE - 300),
    );
    (from, to, length)
}

fn copy<const N: usize>(inputs: &Inputs, outputs: &mut Outputs) {
    let mut bytes = scratch(inputs);
    let from = inputs[5] as usize % 64;
    // SAFETY: both places and their extents are within the memory, and apart.
    unsafe {
        let base = black_box(&mut bytes).as_mut_ptr();
        ptr::copy_nonoverlapping(base.add(from), base.add(from + 300), N);
    }
    digest(&bytes, outputs);
}

fn shift<const N: usize>(inputs: &Inputs, outputs: &mut Outputs) {
    let mut bytes = scratch(inputs);
    let (from, to) = (inputs[5] as usize % 40, (inputs[5] >> 16) as usize % 40);
    // SAFETY: both places and their extents are within the memory.
    unsafe {
        let base = black_box(&mut bytes).as_mut_ptr();
        ptr::copy(base.add(from), base.add(to), N);
    }
    digest(&bytes, outputs);
}

fn fill<const N: usize>(inputs: &Inputs, outputs: &mut Outputs) {
    let mut bytes = scratch(inputs);
    let at = inputs[5] as usize % 64;
    // SAFETY: the place and its extent are within the memory.
    unsafe {
        let base = black_box(&mut bytes).as_mut_ptr();
        ptr::write_bytes(base.add(at), inputs[4] as u8, N);
        ptr::write_bytes(base.add(at + 300), 0, N);
    }
    digest(&bytes, outputs);
}

fn compare<const N: usize>(inputs: &Inputs, outputs: &mut Outputs) {
    let mut left = [0u8; N];
    left.copy_from_slice(&scratch(inputs)[..N]);
    let mut right = left;
    // Differs in one place, or, half of the time, not at all.
    let at = inputs[5] as usize % (2 * N);
    if at < N {
        right[at] ^= inputs[4] as u8;
    }
    let (left, right) = (black_box(&left), black_box(&right));
    outputs[0] = (left == right) as u64;
    outputs[1] = left.cmp(right) as i8 as u64;
    outputs[2] = (left < right) as u64;
}

macro_rules! sizes {
    ($($size:literal)*) => {
        /// Operations on memory whose size the compiler knows.
        pub const KNOWN: &[(&str, Operation)] = &[$(
            (concat!("copy of ", $size), copy::<$size>),
            (concat!("move of ", $size), shift::<$size>),
            (concat!("fill of ", $size), fill::<$size>),
            (concat!("comparison of ", $size), compare::<$size>),
        )*];
    };
}

sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 15 16 17 20 24 31 32 33 39 40 41 48 57 63 64 65 72 80 100 103 104 105 128 200 256);

/// Operations on memory of any size.
pub const ANY: &[(&str, Operation)] = &[
    ("copy", |inputs, outputs| {
        let (source, mut bytes) = (scratch(inputs), [0xa5; SIZE]);
        let (from, to, length) = place(inputs);
        bytes[to..to + length].copy_from_slice(&black_box(&source)[from..from + length]);
        digest(&bytes, outputs);
    }),
    ("move", |inputs, outputs| {
        let mut bytes = scratch(inputs);
        let (from, to, length) = place(inputs);
        bytes.copy_within(from..from + length, to);
        digest(&bytes, outputs);
    }),
    ("move nearby", |inputs, outputs| {
        let mut bytes = scratch(inputs);
        let (from, to, length) = place(inputs);
        let to = (from + to % 16).saturating_sub(8).min(SIZE - length);
        bytes.copy_within(from..from + length, to);
        digest(&bytes, outputs);
    }),
    ("fill", |inputs, outputs| {
        let mut bytes = scratch(inputs);
        let (_, to, length) = place(inputs);
        bytes[to..to + length].fill(inputs[4] as u8);
        digest(&bytes, outputs);
    }),
    ("comparison", |inputs, outputs| {
        let left = scratch(inputs);
        let mut right = left;
        let (from, to, length) = place(inputs);
        right[to] ^= (inputs[4] >> 8) as u8;
        let (left, right) = (
            &black_box(&left)[from..from + length],
            &black_box(&right)[from..from + length],
        );
        outputs[0] = (left == right) as u64;
        outputs[1] = left.cmp(right) as i8 as u64;
        outputs[2] = left.starts_with(&right[..length / 2]) as u64;
    }),
    ("a struct by value", |inputs, outputs| {
        let bytes = black_box(scratch(inputs));
        let copies = black_box([bytes, bytes]);
        digest(&copies[inputs[5] as usize & 1], outputs);
    }),
    ("swap", |inputs, outputs| {
        let mut bytes = scratch(inputs);
        let (left, right) = bytes.split_at_mut(SIZE / 2);
        black_box(left).swap_with_slice(black_box(right));
        digest(&bytes, outputs);
    }),
];
