//! The inputs that operations are compared on: all pairs of edge values, and random ones.

use difftest_program::Inputs;

/// The inputs for a group of operations.
pub fn of(group: &str, random: usize, seed: u64) -> Vec<Inputs> {
    let mut source = Random(seed ^ 0x9e37_79b9_7f4a_7c15);
    let is_float = group.starts_with('f');
    // The groups that move memory take a thousand instructions for each record, and have many operations.
    let (edges, random) = match group {
        "memory of known size" => (Vec::new(), random / 20),
        "memory of any size" | "library" => (Vec::new(), random / 4),
        _ if is_float => (floats(group), random),
        _ => (integers(), random),
    };
    let mut records = Vec::with_capacity(edges.len() * edges.len() + random);
    for a in &edges {
        for b in &edges {
            records.push(record(*a, *b, source.amount(), source.word()));
        }
    }
    for _ in 0..random {
        let (a, b) = (source.wide(), source.wide());
        records.push(record(a, b, source.amount(), source.word()));
    }
    records
}

fn record(a: u128, b: u128, amount: u64, choice: u64) -> Inputs {
    [
        a as u64,
        (a >> 64) as u64,
        b as u64,
        (b >> 64) as u64,
        amount,
        choice,
    ]
}

/// Values around zero, around every boundary of a width, and a few in between.
fn integers() -> Vec<u128> {
    let mut list = vec![
        0,
        1,
        2,
        3,
        7,
        10,
        100,
        10_000,
        1_000_000_007,
        10u128.pow(18),
        10u128.pow(30),
    ];
    for bit in [
        7, 8, 15, 31, 32, 33, 52, 53, 62, 63, 64, 65, 95, 96, 126, 127,
    ] {
        let power = 1u128 << bit;
        list.extend([power - 1, power, power + 1]);
    }
    let negated: Vec<u128> = list.iter().map(|value| value.wrapping_neg()).collect();
    list.extend(negated);
    list.sort_unstable();
    list.dedup();
    list
}

/// Zeros, infinities, NaN, subnormals, the bounds of the integer types, and numbers that round.
fn floats(group: &str) -> Vec<u128> {
    let values = [
        0.0,
        1.0,
        1.5,
        0.1,
        2.5,
        3.0,
        0.5,
        1e-7,
        1e10,
        1e22,
        1e300,
        4.9e-324,
        2.2e-308,
        f64::MAX,
        f64::EPSILON,
        f64::INFINITY,
        f64::NAN,
        127.0,
        128.0,
        255.0,
        256.0,
        2147483647.0,
        2147483648.0,
        4294967295.5,
        4294967296.0,
        9.007199254740993e15,
        9223372036854775807.0,
        18446744073709551616.0,
        1.7014118346046923e38,
        3.402823669209385e38,
    ];
    let signed = values.into_iter().flat_map(|value: f64| [value, -value]);
    match group {
        "f64" => signed.map(|value| value.to_bits() as u128).collect(),
        _ => signed
            .map(|value| (value as f32).to_bits() as u128)
            .collect(),
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A value of a random length, so that small ones and large ones are equally likely, of either sign.
    fn wide(&mut self) -> u128 {
        let value = (self.word() as u128) << 64 | self.word() as u128;
        let choice = self.word();
        let value = value >> (choice % 128);
        if choice >> 60 & 1 == 1 {
            value.wrapping_neg()
        } else {
            value
        }
    }

    /// A shift amount, mostly within range.
    fn amount(&mut self) -> u64 {
        let word = self.word();
        if word >> 62 == 0 {
            word
        } else {
            word % 130
        }
    }
}
