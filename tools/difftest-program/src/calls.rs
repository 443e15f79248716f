//! Calls that need more registers than there are, made directly, through pointers, traits and recursion.

use core::hint::black_box;

use crate::{wide, Inputs, Operation, Outputs, Put};

/// A result that does not fit a register.
#[derive(Clone, Copy)]
struct Account {
    value: i128,
    weight: u64,
    flags: [u8; 5],
    open: bool,
}

impl Put for Account {
    fn put(self, outputs: &mut Outputs) {
        self.value.put(outputs);
        outputs[2] = self.weight ^ (self.open as u64) << 63;
        outputs[3] = self
            .flags
            .iter()
            .fold(7, |sum: u64, flag| sum.wrapping_mul(31) ^ *flag as u64);
    }
}

/// Everything a call below takes.
type Many = fn(i128, u64, i128, u8, u64, i128, bool) -> i128;

#[inline(never)]
fn first(a: i128, b: u64, c: i128, d: u8, e: u64, f: i128, g: bool) -> i128 {
    let sum = a
        .wrapping_mul(b as i128)
        .wrapping_sub(c)
        .wrapping_add(d as i128);
    let sum = sum ^ (e as i128) << 40;
    if g {
        sum.wrapping_add(f)
    } else {
        sum.wrapping_sub(f.wrapping_mul(3))
    }
}

#[inline(never)]
fn second(a: i128, b: u64, c: i128, d: u8, e: u64, f: i128, g: bool) -> i128 {
    (a ^ c ^ f)
        .wrapping_add(b as i128)
        .wrapping_add(e as i128)
        .rotate_left(d as u32 % 128)
        ^ g as i128
}

const TABLE: [Many; 2] = [first, second];

/// An object whose method takes and returns much.
trait Shape {
    fn settle(&self, a: i128, b: u64, c: u64, d: u16, e: i128) -> Account;
}

struct Flat(u64);
struct Steep(i128);

impl Shape for Flat {
    #[inline(never)]
    fn settle(&self, a: i128, b: u64, c: u64, d: u16, e: i128) -> Account {
        let value = a.wrapping_add(e).wrapping_sub(self.0 as i128);
        Account {
            value,
            weight: b ^ c,
            flags: [d as u8, 1, 2, 3, (d >> 8) as u8],
            open: b > c,
        }
    }
}

impl Shape for Steep {
    #[inline(never)]
    fn settle(&self, a: i128, b: u64, c: u64, d: u16, e: i128) -> Account {
        let value = a.wrapping_mul(self.0).wrapping_sub(e);
        Account {
            value,
            weight: b.wrapping_add(c),
            flags: [9, d as u8, 8, (d >> 8) as u8, 7],
            open: b < c,
        }
    }
}

#[inline(never)]
fn recurse(depth: u64, a: i128, b: i128, c: u64, d: u64) -> (i128, u64) {
    if depth == 0 {
        return (a.wrapping_sub(b), c ^ d);
    }
    let (value, rest) = recurse(
        depth - 1,
        b,
        a.wrapping_add(c as i128),
        d,
        c.wrapping_mul(3),
    );
    (value.wrapping_add(a), rest.wrapping_add(d))
}

#[inline(never)]
fn fallible(a: i128, b: i128, c: u64) -> Result<(u64, i128), u32> {
    let quotient = a.checked_div(b).ok_or(1u32)?;
    if c & 1 == 1 {
        Err(c as u32)
    } else {
        Ok((c, quotient))
    }
}

#[inline(never)]
fn pair(a: u64, b: u64) -> (u64, u64) {
    (a.wrapping_mul(5), b.wrapping_add(a))
}

#[inline(never)]
fn maybe(a: u64, b: u64) -> Option<u64> {
    a.checked_sub(b)
}

#[allow(clippy::too_many_arguments)]
#[inline(never)]
fn sixteen(v: [u64; 9], a: u8, b: u16, c: u32, d: i8, e: i16, f: i32, g: bool) -> u64 {
    let tail =
        a as u64 ^ (b as u64) << 8 ^ (c as u64) << 16 ^ d as u64 ^ e as u64 ^ f as u64 ^ g as u64;
    v.iter().fold(tail, |sum, word| sum.rotate_left(7) ^ word)
}

fn arguments(i: &Inputs) -> (i128, u64, i128, u8, u64, i128, bool) {
    let (a, b) = (wide(i, 0) as i128, wide(i, 2) as i128);
    (a, i[4], b, i[5] as u8, i[1], a ^ b, i[5] & 256 != 0)
}

fn shape(i: &Inputs) -> Box<dyn Shape> {
    if i[5] & 1 == 0 {
        Box::new(Flat(i[4]))
    } else {
        Box::new(Steep(wide(i, 2) as i128))
    }
}

/// The operations.
pub const ALL: &[(&str, Operation)] = &[
    ("direct", |i, o| {
        let (a, b, c, d, e, f, g) = arguments(i);
        first(a, b, c, d, e, f, g).put(o)
    }),
    ("through a pointer", |i, o| {
        let (a, b, c, d, e, f, g) = arguments(i);
        black_box(TABLE)[i[5] as usize & 1](a, b, c, d, e, f, g).put(o)
    }),
    ("through a trait object", |i, o| {
        shape(i)
            .settle(
                wide(i, 0) as i128,
                i[4],
                i[1],
                i[5] as u16,
                wide(i, 2) as i128,
            )
            .put(o)
    }),
    ("recursion", |i, o| {
        let (value, rest) = recurse(
            i[5] % 12,
            wide(i, 0) as i128,
            wide(i, 2) as i128,
            i[4],
            i[5],
        );
        value.put(o);
        o[2] = rest;
    }),
    ("result of a struct", |i, o| {
        match fallible(wide(i, 0) as i128, wide(i, 2) as i128, i[5]) {
            Ok((word, value)) => {
                value.put(o);
                o[2] = word;
            }
            Err(code) => o[3] = code as u64,
        }
    }),
    ("pair", |i, o| {
        let (a, b) = pair(i[0], i[2]);
        let (c, d) = pair(b, a);
        *o = [a, b, c, d];
    }),
    ("option", |i, o| {
        maybe(i[0], i[2]).put(o);
        o[3] = maybe(i[2], i[0]).unwrap_or(7);
    }),
    ("sixteen arguments", |i, o| {
        let v = [
            i[0],
            i[1],
            i[2],
            i[3],
            i[4],
            i[5],
            i[0] ^ i[2],
            i[1] ^ i[3],
            1,
        ];
        let (n, m) = (i[4], i[5]);
        o[0] = sixteen(
            v,
            n as u8,
            n as u16,
            n as u32,
            (m >> 3) as i8,
            m as i16,
            m as i32,
            m & 64 != 0,
        );
    }),
    ("closure", |i, o| {
        let base = wide(i, 0) as i128;
        let closure = |x: i128, y: i128, n: u64| base.wrapping_mul(x) ^ y.wrapping_sub(n as i128);
        let each: &dyn Fn(i128, i128, u64) -> i128 = black_box(&closure);
        each(wide(i, 2) as i128, i[4] as i128, i[5]).put(o)
    }),
];
