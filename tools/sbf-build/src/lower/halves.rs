//! A 128-bit value as two 64-bit halves, remembering what is known of the upper one.

use crate::llvm::{Builder, Context, IntPredicate, Kind, Opcode, Value};

/// What the upper half of a 128-bit value is known to be.
#[derive(Debug, Clone, Copy)]
pub enum High {
    /// Zero: the value was widened without sign.
    Zero,
    /// Copies of the lower half's top bit, which this value holds: the value was widened with its sign.
    Sign(Value),
    /// Anything.
    Any(Value),
}

/// A 128-bit value in two halves.
#[derive(Debug, Clone, Copy)]
pub struct Halves {
    /// The lower 64 bits.
    pub low: Value,
    /// The upper 64 bits.
    pub high: High,
}

impl Halves {
    /// Splits a 128-bit value.
    pub fn split(context: &Context, b: &Builder, value: Value) -> Self {
        let word = context.int(64);
        if let Some(constant) = value.as_i128() {
            let low = word.constant(constant as i64);
            let high = match (constant >> 64) as i64 {
                0 => High::Zero,
                high => High::Any(word.constant(high)),
            };
            return Self { low, high };
        }
        let source = || value.operand(0);
        let narrow = |bits: u32| matches!(source().ty().kind(), Kind::Int(from) if from <= bits);
        match value.opcode() {
            Some(Opcode::LLVMZExt) if narrow(64) => Self {
                low: b.zext(source(), word),
                high: High::Zero,
            },
            Some(Opcode::LLVMSExt) if narrow(64) => {
                let low = b.sext(source(), word);
                Self {
                    low,
                    high: High::Sign(b.ashr(low, word.constant(63))),
                }
            }
            _ => {
                let upper = b.lshr(value, context.int(128).constant(64));
                Self {
                    low: b.trunc(value, word),
                    high: High::Any(b.trunc(upper, word)),
                }
            }
        }
    }

    /// The upper half as a value.
    pub fn high_value(&self, context: &Context) -> Value {
        match self.high {
            High::Zero => context.int(64).zero(),
            High::Sign(value) | High::Any(value) => value,
        }
    }

    /// Whether the upper half is known to be zero.
    pub fn is_narrow(&self) -> bool {
        matches!(self.high, High::Zero)
    }
}

/// Joins two 64-bit halves to a 128-bit value.
pub fn join(context: &Context, b: &Builder, low: Value, high: Value) -> Value {
    let wide = context.int(128);
    let upper = b.shl(b.zext(high, wide), wide.constant(64));
    b.or(upper, b.zext(low, wide))
}

/// Whether a 64-bit value is below 2^32 by the look of the instruction that made it.
pub fn is_small(value: Value) -> bool {
    if let Some(constant) = value.as_u64() {
        return constant >> 32 == 0;
    }
    match value.opcode() {
        Some(Opcode::LLVMZExt) => {
            matches!(value.operand(0).ty().kind(), Kind::Int(bits) if bits <= 32)
        }
        Some(Opcode::LLVMLShr) => value.operand(1).as_u64().is_some_and(|by| by >= 32),
        Some(Opcode::LLVMAnd) => value
            .operand(1)
            .as_u64()
            .is_some_and(|mask| mask >> 32 == 0),
        _ => false,
    }
}

/// The absolute value and the sign (0 or -1) of a value of any width.
pub fn magnitude(b: &Builder, value: Value) -> (Value, Value) {
    let bits = match value.ty().kind() {
        Kind::Int(bits) => bits,
        _ => unreachable!("magnitude of something that is not an integer"),
    };
    let sign = b.ashr(value, value.ty().constant(i64::from(bits) - 1));
    (b.sub(b.xor(value, sign), sign), sign)
}

/// Gives a magnitude a sign (0 or -1).
pub fn with_sign(b: &Builder, magnitude: Value, sign: Value) -> Value {
    b.sub(b.xor(magnitude, sign), sign)
}

/// `a != b` as a bit.
pub fn differ(b: &Builder, a: Value, other: Value) -> Value {
    b.icmp(IntPredicate::LLVMIntNE, a, other)
}
