//! Products of 64 and 128 bits.

use crate::{sign, with_sign, Wide};

/// The upper word of `a * b`.
///
/// Written out in half words, LLVM would recognise it and make this product of it; the build expands that in turn.
#[inline(always)]
pub fn high(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) >> 64) as u64
}

/// `a * b` without sign, and whether it does not fit 128 bits.
#[inline(always)]
pub fn unsigned(a: Wide, b: Wide) -> (Wide, bool) {
    let low = a.0.wrapping_mul(b.0);
    let high_of_low = high(a.0, b.0);
    if a.1 | b.1 == 0 {
        return ((low, high_of_low), false);
    }
    let cross = a.0.wrapping_mul(b.1).wrapping_add(a.1.wrapping_mul(b.0));
    let upper = high_of_low.wrapping_add(cross);
    // With an upper word on one side only, there is one cross product, of that word with the other side.
    let overflow = (a.1 != 0 && b.1 != 0)
        || high(a.1 | b.1, if a.1 == 0 { a.0 } else { b.0 }) != 0
        || upper < cross;
    ((low, upper), overflow)
}

/// `a * b` with sign, and whether it does not fit 128 bits.
#[inline(always)]
pub fn signed(a: Wide, b: Wide) -> (Wide, bool) {
    // Nearly all operands fit a word, and then the product fits two.
    let (fill_a, fill_b) = (sign((0, a.0)), sign((0, b.0)));
    if (a.1 ^ fill_a) | (b.1 ^ fill_b) == 0 {
        // As words without sign each operand below zero counts 2^64 too much.
        let upper = high(a.0, b.0)
            .wrapping_sub(fill_a & b.0)
            .wrapping_sub(fill_b & a.0);
        return ((a.0.wrapping_mul(b.0), upper), false);
    }
    let (sign_a, sign_b) = (sign(a), sign(b));
    let (size, overflow) = unsigned(with_sign(a, sign_a), with_sign(b, sign_b));
    let negative = sign_a ^ sign_b;
    let product = with_sign(size, negative);
    // A product that fits has the sign that its factors give it, or is zero.
    let wrong = sign(product) != negative && size.0 | size.1 != 0;
    (product, overflow | wrong)
}

#[cfg(test)]
mod tests {
    use crate::divide::tests::{edges, join, split};

    #[test]
    fn products_agree_with_the_processor() {
        for a in edges() {
            for b in edges() {
                let (product, overflow) = super::unsigned(split(a), split(b));
                assert_eq!((join(product), overflow), a.overflowing_mul(b), "{a} * {b}");
                let (product, overflow) = super::signed(split(a), split(b));
                let expected = (a as i128).overflowing_mul(b as i128);
                assert_eq!(
                    (join(product) as i128, overflow),
                    expected,
                    "{} * {}",
                    a as i128,
                    b as i128
                );
                let (x, y) = (a as u64, b as u64);
                assert_eq!(
                    super::high(x, y),
                    ((x as u128 * y as u128) >> 64) as u64,
                    "{x} * {y}"
                );
            }
        }
    }
}
