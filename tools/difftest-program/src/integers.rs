//! Integer operations at every width, and between widths.

use crate::{wide, Operation, Put};

/// The operations that every integer type has.
macro_rules! operations {
    ($name:ident, $ty:ty, [$($extra:tt)*]) => {
        /// Operations on one integer type.
        pub const $name: &[(&str, Operation)] = &[
            operation!($ty, "add", |a, b, _n| a.wrapping_add(b)),
            operation!($ty, "sub", |a, b, _n| a.wrapping_sub(b)),
            operation!($ty, "mul", |a, b, _n| a.wrapping_mul(b)),
            operation!($ty, "overflowing add", |a, b, _n| a.overflowing_add(b)),
            operation!($ty, "overflowing sub", |a, b, _n| a.overflowing_sub(b)),
            operation!($ty, "overflowing mul", |a, b, _n| a.overflowing_mul(b)),
            operation!($ty, "checked add", |a, b, _n| a.checked_add(b)),
            operation!($ty, "checked sub", |a, b, _n| a.checked_sub(b)),
            operation!($ty, "checked mul", |a, b, _n| a.checked_mul(b)),
            operation!($ty, "checked mul by constant", |a, _b, _n| a.checked_mul(100)),
            operation!($ty, "checked square", |a, _b, _n| a.checked_mul(a)),
            operation!($ty, "saturating add", |a, b, _n| a.saturating_add(b)),
            operation!($ty, "saturating sub", |a, b, _n| a.saturating_sub(b)),
            operation!($ty, "saturating mul", |a, b, _n| a.saturating_mul(b)),
            operation!($ty, "checked div", |a, b, _n| a.checked_div(b)),
            operation!($ty, "checked rem", |a, b, _n| a.checked_rem(b)),
            operation!($ty, "overflowing div", |a, b, _n| a.overflowing_div(if b == 0 { 1 } else { b })),
            operation!($ty, "checked div euclid", |a, b, _n| a.checked_div_euclid(b)),
            operation!($ty, "checked rem euclid", |a, b, _n| a.checked_rem_euclid(b)),
            operation!($ty, "div by 10", |a, _b, _n| a / 10),
            operation!($ty, "rem by 10", |a, _b, _n| a % 10),
            operation!($ty, "div by 64", |a, _b, _n| a / 64),
            operation!($ty, "div and rem", |a, b, _n| match b {
                0 => 0,
                _ => a.wrapping_div(b).wrapping_mul(3).wrapping_sub(a.wrapping_rem(b)),
            }),
            operation!($ty, "shl", |a, _b, n| a.wrapping_shl(n)),
            operation!($ty, "shr", |a, _b, n| a.wrapping_shr(n)),
            operation!($ty, "checked shl", |a, _b, n| a.checked_shl(n % 256)),
            operation!($ty, "checked shr", |a, _b, n| a.checked_shr(n % 256)),
            operation!($ty, "shl by 5", |a, _b, _n| a << 5),
            operation!($ty, "shr by 5", |a, _b, _n| a >> 5),
            operation!($ty, "rotate left", |a, _b, n| a.rotate_left(n)),
            operation!($ty, "rotate right", |a, _b, n| a.rotate_right(n)),
            operation!($ty, "rotate left by 3", |a, _b, _n| a.rotate_left(3)),
            operation!($ty, "leading zeros", |a, _b, _n| a.leading_zeros()),
            operation!($ty, "trailing zeros", |a, _b, _n| a.trailing_zeros()),
            operation!($ty, "count ones", |a, _b, _n| a.count_ones()),
            operation!($ty, "swap bytes", |a, _b, _n| a.swap_bytes()),
            operation!($ty, "reverse bits", |a, _b, _n| a.reverse_bits()),
            operation!($ty, "compare", |a, b, _n| a.cmp(&b)),
            operation!($ty, "less", |a, b, _n| a < b),
            operation!($ty, "less or equal", |a, b, _n| a <= b),
            operation!($ty, "equal", |a, b, _n| a == b),
            operation!($ty, "compare with constant", |a, _b, _n| (a > 10) as u8 * 2 + (a < 100) as u8),
            operation!($ty, "minimum", |a, b, _n| a.min(b)),
            operation!($ty, "maximum", |a, b, _n| a.max(b)),
            operation!($ty, "clamp", |a, b, _n| a.clamp(b.min(50), b.max(50))),
            operation!($ty, "negation", |a, _b, _n| a.wrapping_neg()),
            operation!($ty, "checked negation", |a, _b, _n| a.checked_neg()),
            operation!($ty, "bits", |a, b, _n| (a & b) ^ (a | !b)),
            operation!($ty, "difference", |a, b, _n| a.abs_diff(b)),
            operation!($ty, "checked power", |a, _b, n| a.checked_pow(n % 9)),
            operation!($ty, "sum of products", |a, b, n| {
                a.wrapping_mul(b).wrapping_add(b.wrapping_mul(n as $ty)).wrapping_sub(a.wrapping_mul(a))
            }),
            $($extra)*
        ];
    };
}

/// One operation: both values of a type, and a small number.
macro_rules! operation {
    ($ty:ty, $name:expr, |$a:ident, $b:ident, $n:ident| $body:expr) => {
        ($name, |inputs, outputs| {
            let ($a, $b, $n) = (
                wide(inputs, 0) as $ty,
                wide(inputs, 2) as $ty,
                inputs[4] as u32,
            );
            $body.put(outputs)
        })
    };
}

/// What signed types have besides.
macro_rules! signed {
    ($name:ident, $ty:ty) => {
        operations!(
            $name,
            $ty,
            [
                operation!($ty, "checked magnitude", |a, _b, _n| a.checked_abs()),
                operation!($ty, "magnitude", |a, _b, _n| a.unsigned_abs()),
                operation!($ty, "sign", |a, _b, _n| a.signum()),
                operation!($ty, "add unsigned", |a, b, _n| a
                    .checked_add_unsigned(b.unsigned_abs())),
                operation!($ty, "div by -7", |a, _b, _n| a / -7),
                operation!($ty, "rem by -7", |a, _b, _n| a % -7),
            ]
        );
    };
}

/// What unsigned types have besides.
macro_rules! unsigned {
    ($name:ident, $ty:ty) => {
        operations!(
            $name,
            $ty,
            [
                operation!($ty, "square root", |a, _b, _n| a.isqrt()),
                operation!($ty, "power of two", |a, _b, _n| a.is_power_of_two()),
                operation!($ty, "div ceil", |a, b, _n| a.div_ceil(b.max(1))),
                operation!($ty, "add signed", |a, b, _n| a.checked_add_signed(b as _)),
            ]
        );
    };
}

unsigned!(U8, u8);
signed!(I8, i8);
unsigned!(U32, u32);
signed!(I32, i32);
unsigned!(U64, u64);
signed!(I64, i64);
unsigned!(U128, u128);
signed!(I128, i128);

/// Operations whose operands were widened, or whose results are narrowed.
pub const MIXED: &[(&str, Operation)] = &[
    operation!(u64, "u64 * u64", |a, b, _n| a as u128 * b as u128),
    operation!(i64, "i64 * i64", |a, b, _n| a as i128 * b as i128),
    operation!(u64, "i64 * u64", |a, b, _n| a as i64 as i128 * b as i128),
    operation!(u64, "u64 * u32", |a, b, _n| a as u128 * b as u32 as u128),
    operation!(i64, "i64 * i32", |a, b, _n| a as i128 * b as i32 as i128),
    operation!(u128, "u128 * u64", |a, b, _n| a
        .wrapping_mul(b as u64 as u128)),
    operation!(i128, "i128 * i64", |a, b, _n| a
        .wrapping_mul(b as i64 as i128)),
    operation!(i128, "i128 * u32", |a, b, _n| a
        .wrapping_mul(b as u32 as i128)),
    operation!(i128, "i128 * 10000", |a, _b, _n| a.wrapping_mul(10_000)),
    operation!(i128, "i128 * -10000", |a, _b, _n| a.wrapping_mul(-10_000)),
    operation!(u128, "u128 * constant", |a, _b, _n| a
        .wrapping_mul(0x1234_5678_9abc_def0_1122_3344)),
    operation!(i128, "checked i128 * i64", |a, b, _n| a
        .checked_mul(b as i64 as i128)),
    operation!(u128, "checked u128 * u64", |a, b, _n| a
        .checked_mul(b as u64 as u128)),
    operation!(i128, "checked i128 * 10000", |a, _b, _n| a
        .checked_mul(10_000)),
    operation!(u128, "u128 / u64", |a, b, _n| a / (b as u64 as u128).max(1)),
    operation!(u128, "u128 % u64", |a, b, _n| a % (b as u64 as u128).max(1)),
    operation!(u128, "u128 / u32", |a, b, _n| a / (b as u32 as u128).max(1)),
    operation!(i128, "i128 / i64", |a, b, _n| a
        .checked_div(b as i64 as i128)),
    operation!(i128, "i128 % i64", |a, b, _n| a
        .checked_rem(b as i64 as i128)),
    operation!(i128, "i128 / 10000", |a, _b, _n| a / 10_000),
    operation!(i128, "i128 % 10000", |a, _b, _n| a % 10_000),
    operation!(u128, "u128 / 10^18", |a, _b, _n| a
        / 1_000_000_000_000_000_000),
    operation!(u128, "u64 / u64 widened", |a, b, _n| (a as u64 as u128)
        / (b as u64 as u128).max(1)),
    operation!(u64, "a * b / n", |a, b, n| a as u128 * b as u128
        / (n as u128).max(1)),
    operation!(i64, "a * b / 10000", |a, b, _n| (a as i128 * b as i128)
        .checked_div(10_000)
        .map(|v| v as i64)),
    operation!(i128, "i128 to i64", |a, _b, _n| i64::try_from(a).ok()),
    operation!(i128, "i128 to u64", |a, _b, _n| u64::try_from(a).ok()),
    operation!(i128, "i128 to u128", |a, _b, _n| u128::try_from(a).ok()),
    operation!(u128, "u128 to i64", |a, _b, _n| i64::try_from(a).ok()),
    operation!(i64, "i64 to u32", |a, _b, _n| u32::try_from(a).ok()),
    operation!(u128, "shl by 67", |a, _b, _n| a << 67),
    operation!(i128, "shr by 67", |a, _b, _n| a >> 67),
    operation!(u128, "shift and mask", |a, _b, n| (a >> (n % 128)) as u64
        & 0xffff),
    operation!(u64, "shl u64 to u128", |a, _b, n| (a as u128) << (n % 128)),
];
