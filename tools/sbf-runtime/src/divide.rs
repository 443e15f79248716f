//! Quotients and remainders of 128 bits, by the shortest way that the operands allow.

use crate::{multiply, sign, with_sign, Wide};

const HALF: u64 = 0xffff_ffff;

/// Quotient and remainder without sign.
///
/// # Panics
/// Where the divisor is zero. Rust code checks before it divides.
#[inline(always)]
pub fn unsigned(a: Wide, b: Wide) -> (Wide, Wide) {
    if b.1 == 0 {
        let (quotient, remainder) = by_word(a, b.0);
        return (quotient, (remainder, 0));
    }
    if a.1 < b.1 {
        return ((0, 0), a);
    }
    by_wide(a, b)
}

/// Quotient and remainder with sign; the remainder takes the dividend's.
#[inline(always)]
pub fn signed(a: Wide, b: Wide) -> (Wide, Wide) {
    let (sign_a, sign_b) = (sign(a), sign(b));
    let (quotient, remainder) = unsigned(with_sign(a, sign_a), with_sign(b, sign_b));
    (
        with_sign(quotient, sign_a ^ sign_b),
        with_sign(remainder, sign_a),
    )
}

/// Division by a word.
#[inline(always)]
fn by_word(a: Wide, b: u64) -> (Wide, u64) {
    if a.1 == 0 {
        return ((a.0 / b, 0), a.0 % b);
    }
    let (top, rest) = (a.1 / b, a.1 % b);
    if b <= HALF {
        // By hand, half a word at a time: no intermediate exceeds a word.
        let middle = (rest << 32) | (a.0 >> 32);
        let (upper, rest) = (middle / b, middle % b);
        let last = (rest << 32) | (a.0 & HALF);
        return (((upper << 32) | (last / b), top), last % b);
    }
    let (low, remainder) = two_words_by_one(rest, a.0, b);
    ((low, top), remainder)
}

/// `(high, low) / divisor` where `high < divisor`, so that the quotient fits a word.
///
/// The schoolbook method in base 2^32: with the divisor's top bit set, an estimate from the leading digits is at most
/// two too large.
#[inline(always)]
fn two_words_by_one(high: u64, low: u64, divisor: u64) -> (u64, u64) {
    let shift = leading_zeros(divisor);
    let divisor = divisor << shift;
    // A shift by 64 means nothing, so the bits that move up are taken in two steps.
    let high = (high << shift) | ((low >> 1) >> (63 - shift));
    let low = low << shift;
    let (first, rest) = digit(high, low >> 32, divisor);
    let (second, rest) = digit(rest, low & HALF, divisor);
    ((first << 32) | second, rest >> shift)
}

/// One digit of the quotient of `(high, next)` by a divisor whose top bit is set, and what remains.
#[inline(always)]
fn digit(high: u64, next: u64, divisor: u64) -> (u64, u64) {
    let (top, bottom) = (divisor >> 32, divisor & HALF);
    let mut estimate = high / top;
    let mut rest = high % top;
    while estimate > HALF || estimate.wrapping_mul(bottom) > ((rest << 32) | next) {
        estimate = estimate.wrapping_sub(1);
        rest = rest.wrapping_add(top);
        if rest > HALF {
            break;
        }
    }
    let remainder = ((high << 32) | next).wrapping_sub(estimate.wrapping_mul(divisor));
    (estimate, remainder)
}

/// Division by a value of more than a word: the quotient fits a word.
///
/// Dividing by the divisor's leading word gives an estimate that is at most one too large.
#[inline(always)]
fn by_wide(a: Wide, b: Wide) -> (Wide, Wide) {
    let shift = leading_zeros(b.1);
    let leading = (b.1 << shift) | ((b.0 >> 1) >> (63 - shift));
    // Half of the dividend is below the leading word, whose top bit is set, so the quotient fits.
    let halved = ((a.0 >> 1) | (a.1 << 63), a.1 >> 1);
    let (estimate, _) = two_words_by_one(halved.1, halved.0, leading);
    let mut quotient = (estimate >> (63 - shift)).saturating_sub(1);
    let mut remainder = subtract(a, product(b, quotient));
    if remainder.1 > b.1 || (remainder.1 == b.1 && remainder.0 >= b.0) {
        remainder = subtract(remainder, b);
        quotient = quotient.wrapping_add(1);
    }
    ((quotient, 0), remainder)
}

/// `value * factor`, the lower 128 bits.
#[inline(always)]
fn product(value: Wide, factor: u64) -> Wide {
    let upper = multiply::high(value.0, factor).wrapping_add(value.1.wrapping_mul(factor));
    (value.0.wrapping_mul(factor), upper)
}

/// `a - b`, wrapping.
#[inline(always)]
fn subtract(a: Wide, b: Wide) -> Wide {
    let borrow = (a.0 < b.0) as u64;
    (
        a.0.wrapping_sub(b.0),
        a.1.wrapping_sub(b.1).wrapping_sub(borrow),
    )
}

/// Zeros above the highest set bit of a value that is not zero.
///
/// The machine has no instruction for it, and this takes fewer than what LLVM would expand it to.
#[inline(always)]
fn leading_zeros(value: u64) -> u64 {
    let (mut rest, mut zeros) = (value, 0u64);
    for step in [32, 16, 8, 4, 2, 1] {
        if rest >> (64 - step) == 0 {
            rest <<= step;
            zeros = zeros.wrapping_add(step);
        }
    }
    zeros
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::Wide;

    pub(crate) fn split(value: u128) -> Wide {
        (value as u64, (value >> 64) as u64)
    }

    pub(crate) fn join(value: Wide) -> u128 {
        value.0 as u128 | (value.1 as u128) << 64
    }

    /// Values near every power of two, their complements, and a spread of others.
    pub(crate) fn edges() -> Vec<u128> {
        let mut list = vec![0, 1, u128::MAX];
        for bit in 0..128 {
            let power = 1u128 << bit;
            list.extend([power - 1, power, power + 1, !power, power.wrapping_neg()]);
        }
        let mut seed = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
        for round in 0..400u32 {
            seed = seed
                .wrapping_mul(0xda94_2042_e4dd_58b5_1b9c_5a1a_2d6b_3c4f)
                .wrapping_add(1);
            list.push(seed >> (round % 128));
        }
        list.sort_unstable();
        list.dedup();
        list
    }

    #[test]
    fn quotients_agree_with_the_processor() {
        for a in edges() {
            for b in edges() {
                if b == 0 {
                    continue;
                }
                let (quotient, remainder) = super::unsigned(split(a), split(b));
                assert_eq!(
                    (join(quotient), join(remainder)),
                    (a / b, a % b),
                    "{a} / {b}"
                );
                let (quotient, remainder) = super::signed(split(a), split(b));
                let (a, b) = (a as i128, b as i128);
                let expected = (a.wrapping_div(b), a.wrapping_rem(b));
                assert_eq!(
                    (join(quotient) as i128, join(remainder) as i128),
                    expected,
                    "{a} / {b}"
                );
            }
        }
    }
}
