//! Floating-point operations.

use core::cmp::Ordering;

use crate::{wide, Operation, Put};

/// One operation on two numbers whose bits are given.
macro_rules! operation {
    ($ty:ty, $name:expr, |$a:ident, $b:ident| $body:expr) => {
        ($name, |inputs, outputs| {
            let ($a, $b) = (
                <$ty>::from_bits(inputs[0] as _),
                <$ty>::from_bits(inputs[2] as _),
            );
            $body.put(outputs)
        })
    };
}

/// One conversion from a 128-bit integer cut to size.
macro_rules! from {
    ($name:expr, $from:ty, $to:ty) => {
        ($name, |inputs, outputs| {
            (wide(inputs, 0) as $from as $to).put(outputs)
        })
    };
}

macro_rules! operations {
    ($name:ident, $ty:ident, $other:ident) => {
        /// Operations on one floating-point type.
        pub const $name: &[(&str, Operation)] = &[
            operation!($ty, "add", |a, b| a + b),
            operation!($ty, "sub", |a, b| a - b),
            operation!($ty, "mul", |a, b| a * b),
            operation!($ty, "div", |a, b| a / b),
            operation!($ty, "negation", |a, _b| -a),
            operation!($ty, "magnitude", |a, _b| a.abs()),
            operation!($ty, "copy sign", |a, b| a.copysign(b)),
            operation!($ty, "less", |a, b| a < b),
            operation!($ty, "less or equal", |a, b| a <= b),
            operation!($ty, "greater", |a, b| a > b),
            operation!($ty, "greater or equal", |a, b| a >= b),
            operation!($ty, "equal", |a, b| a == b),
            operation!($ty, "not equal", |a, b| a != b),
            operation!($ty, "not less", |a, b| (a < b) as u8 == 0),
            operation!($ty, "not greater or equal", |a, b| (a >= b) as u8 == 0),
            operation!($ty, "not a number", |a, b| a.is_nan() | b.is_nan()),
            operation!($ty, "order", |a, b| a.partial_cmp(&b)),
            operation!($ty, "total order", |a, b| a.total_cmp(&b) == Ordering::Less),
            operation!($ty, "larger", |a, b| if a > b { a } else { b }),
            operation!($ty, "to u8", |a, _b| a as u8),
            operation!($ty, "to i8", |a, _b| a as i8),
            operation!($ty, "to u32", |a, _b| a as u32),
            operation!($ty, "to i32", |a, _b| a as i32),
            operation!($ty, "to u64", |a, _b| a as u64),
            operation!($ty, "to i64", |a, _b| a as i64),
            operation!($ty, "to u128", |a, _b| a as u128),
            operation!($ty, "to i128", |a, _b| a as i128),
            operation!($ty, "to the other type", |a, _b| a as $other),
            from!("from u8", u8, $ty),
            from!("from i8", i8, $ty),
            from!("from u32", u32, $ty),
            from!("from i32", i32, $ty),
            from!("from u64", u64, $ty),
            from!("from i64", i64, $ty),
            from!("from u128", u128, $ty),
            from!("from i128", i128, $ty),
            operation!($ty, "polynomial", |a, b| (a * b + 1.5) / (b - 0.25) - a),
        ];
    };
}

operations!(F64, f64, f32);
operations!(F32, f32, f64);
