//! Parts of the standard library that rest on what the build rewrites: formatting, parsing, collections, sorting.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use crate::{wide, Inputs, Operation, Outputs, Put};

/// A digest of text.
fn digest(text: &str, outputs: &mut Outputs) {
    outputs[0] = text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
    });
    outputs[1] = text.len() as u64;
}

fn words(inputs: &Inputs) -> impl Iterator<Item = u64> {
    let mut seed = inputs[0] ^ inputs[2];
    (0..inputs[5] % 24).map(move |_| {
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        seed >> 40
    })
}

/// The operations.
pub const ALL: &[(&str, Operation)] = &[
    ("format i128", |inputs, outputs| {
        digest(&(wide(inputs, 0) as i128).to_string(), outputs)
    }),
    ("format u64", |inputs, outputs| {
        digest(&inputs[0].to_string(), outputs)
    }),
    ("format several", |inputs, outputs| {
        let mut text = String::new();
        let _ = write!(
            text,
            "{:?} {:#x} {:>12}",
            Some(inputs[0]),
            wide(inputs, 2),
            inputs[4] as i32
        );
        digest(&text, outputs);
    }),
    ("parse i128", |inputs, outputs| {
        let mut text = (wide(inputs, 0) as i128).to_string();
        if inputs[5] & 3 == 0 {
            text.push('7');
        }
        text.parse::<i128>().ok().put(outputs)
    }),
    ("sort", |inputs, outputs| {
        let mut list: Vec<u64> = words(inputs).collect();
        list.sort_unstable();
        outputs[0] = list
            .iter()
            .fold(1, |sum: u64, word| sum.wrapping_mul(31) ^ word);
    }),
    ("stable sort", |inputs, outputs| {
        let mut list: Vec<(u64, u64)> = words(inputs)
            .enumerate()
            .map(|(i, word)| (word & 7, i as u64))
            .collect();
        list.sort_by_key(|(key, _)| *key);
        outputs[0] = list.iter().fold(1, |sum: u64, (key, index)| {
            sum.wrapping_mul(31) ^ key << 32 ^ index
        });
    }),
    ("stable sort of many", |inputs, outputs| {
        let length = 100 + inputs[4] % 200;
        let mut seed = inputs[0];
        let mut list: Vec<(u64, [u8; 24])> = (0..length)
            .map(|index| {
                seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                (seed >> 60, [index as u8; 24])
            })
            .collect();
        list.sort_by_key(|(key, _)| *key);
        outputs[0] = list.iter().fold(1, |sum: u64, (key, rest)| {
            sum.wrapping_mul(31) ^ key << 32 ^ rest[7] as u64
        });
    }),
    ("binary search", |inputs, outputs| {
        let mut list: Vec<u64> = words(inputs).collect();
        list.sort_unstable();
        outputs[0] = list
            .binary_search(&(inputs[4] >> 40))
            .unwrap_or_else(|at| at) as u64;
    }),
    ("hash map", |inputs, outputs| {
        let mut map = HashMap::new();
        words(inputs).for_each(|word| *map.entry(word & 15).or_insert(0u64) += word);
        outputs[0] = (0..16)
            .filter_map(|key| map.get(&key))
            .fold(1, |sum, word| sum.wrapping_mul(31) ^ word);
        outputs[1] = map.len() as u64;
    }),
    ("ordered map", |inputs, outputs| {
        let mut map = BTreeMap::new();
        words(inputs).for_each(|word| _ = map.insert(word & 31, word));
        outputs[0] = map.iter().fold(1, |sum: u64, (key, word)| {
            sum.wrapping_mul(31) ^ key << 40 ^ word
        });
    }),
    ("text", |inputs, outputs| {
        let text: String = words(inputs)
            .map(|word| char::from(b'a' + (word % 26) as u8))
            .collect();
        let text = text.replace('e', "é").to_uppercase();
        digest(&text, outputs);
        outputs[2] = text.find('Z').unwrap_or(99) as u64;
    }),
];
