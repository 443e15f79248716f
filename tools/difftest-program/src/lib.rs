//! Operations that the on-chain build rewrites, to be run on chain and natively and compared.
//!
//! The same table of operations is compiled for the chain, where the program below applies it to records in its
//! instruction data, and for the host, where the test applies it to the same records.

mod calls;
#[cfg(target_os = "solana")]
mod entrypoint;
mod floats;
#[cfg(target_os = "solana")]
mod heap;
mod integers;
mod library;
mod memory;
mod pinned;

/// Words that an operation reads.
pub const INPUTS: usize = 6;
/// Words that an operation writes.
pub const OUTPUTS: usize = 4;

/// What an operation reads: two values of up to 128 bits in the first four words, and two words to choose by.
pub type Inputs = [u64; INPUTS];
/// What an operation writes.
pub type Outputs = [u64; OUTPUTS];
/// One operation.
pub type Operation = fn(&Inputs, &mut Outputs);

/// The number that makes the program overflow an addition, which must end the transaction.
pub const OVERFLOW: u64 = u64::MAX;

/// The number of what goes as deep as its count says instead of running an operation on as many records: see
/// [`descend`].
pub const DESCENT: u64 = u64::MAX - 1;

pub use pinned::descend;

/// Every group of operations, by name.
pub const GROUPS: [(&str, &[(&str, Operation)]); 16] = [
    ("u8", integers::U8),
    ("i8", integers::I8),
    ("u32", integers::U32),
    ("i32", integers::I32),
    ("u64", integers::U64),
    ("i64", integers::I64),
    ("u128", integers::U128),
    ("i128", integers::I128),
    ("mixed widths", integers::MIXED),
    ("f64", floats::F64),
    ("f32", floats::F32),
    ("calls", calls::ALL),
    ("memory of known size", memory::KNOWN),
    ("memory of any size", memory::ANY),
    ("library", library::ALL),
    ("pinned", pinned::ALL),
];

/// The operation with a number, counting through the groups.
pub fn operation(number: usize) -> Option<Operation> {
    let mut number = number;
    for (_, group) in GROUPS {
        match group.get(number) {
            Some((_, operation)) => return Some(*operation),
            None => number -= group.len(),
        }
    }
    None
}

/// Takes a value out of two words.
pub(crate) fn wide(inputs: &Inputs, at: usize) -> u128 {
    inputs[at] as u128 | (inputs[at + 1] as u128) << 64
}

/// What an operation's result can be written from.
pub(crate) trait Put {
    /// Writes the value.
    fn put(self, outputs: &mut Outputs);
}

macro_rules! put_integers {
    ($($ty:ty)*) => {$(
        impl Put for $ty {
            fn put(self, outputs: &mut Outputs) {
                let value = self as i128;
                outputs[0] = value as u64;
                outputs[1] = (value >> 64) as u64;
            }
        }
    )*};
}

put_integers!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize bool);

impl Put for core::cmp::Ordering {
    fn put(self, outputs: &mut Outputs) {
        (self as i8).put(outputs);
    }
}

impl<T: Put> Put for Option<T> {
    fn put(self, outputs: &mut Outputs) {
        outputs[2] = self.is_some() as u64;
        if let Some(value) = self {
            value.put(outputs);
        }
    }
}

impl<T: Put> Put for (T, bool) {
    fn put(self, outputs: &mut Outputs) {
        outputs[2] = self.1 as u64;
        self.0.put(outputs);
    }
}

impl Put for f64 {
    fn put(self, outputs: &mut Outputs) {
        // Which bits a computed NaN has is left to the machine.
        outputs[0] = if self.is_nan() {
            f64::NAN.to_bits()
        } else {
            self.to_bits()
        };
    }
}

impl Put for f32 {
    fn put(self, outputs: &mut Outputs) {
        outputs[0] = if self.is_nan() {
            f32::NAN.to_bits()
        } else {
            self.to_bits()
        } as u64;
    }
}
