//! Fixed-point scales, rounding helpers and the error type of the crate.

use core::fmt;

/// Fraction bits of a ratio: weights, margin ratios, fees, rates, utilization (Q8.24).
pub const RATIO_BITS: u32 = 24;
/// One as a ratio.
pub const RATIO_ONE: u32 = 1 << RATIO_BITS;
/// Fraction bits of a deposit or borrow index (Q16.48).
pub const INDEX_BITS: u32 = 48;
/// The index at which one share is one native unit; every index starts here.
pub const INDEX_ONE: u64 = 1 << INDEX_BITS;
/// Fraction bits of a funding index (Q40.24, native quote per base lot).
pub const FUNDING_BITS: u32 = 24;
/// One native quote unit per base lot as a funding index.
pub const FUNDING_ONE: i64 = 1 << FUNDING_BITS;

/// Why a computation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RiskError {
    /// A result does not fit its type.
    Overflow,
    /// Division by a zero price, index or total.
    DivisionByZero,
    /// A price does not fit its mantissa at the entry's shift, or is zero.
    PriceOutOfRange,
    /// A balance names an asset that the risk state does not hold.
    UnknownAsset,
    /// A position names a market that the risk state does not hold.
    UnknownMarket,
    /// An order slot is not the one that the position's mask names, or is not free where it must be.
    OrderSlotMismatch,
    /// An order's size or price is not positive.
    InvalidOrder,
    /// A parameter is outside its bounds.
    InvalidParameter,
    /// A liquidation slice is so small that its rounding would outweigh its help.
    SliceTooSmall,
    /// A liquidation slice would raise what is required in proportion to what there is.
    RaisesRisk,
    /// There is nothing of this kind to liquidate.
    NothingToLiquidate,
    /// An entry names an underlying that the risk state does not hold.
    UnknownUnderlying,
    /// Too little is marked to share a shortfall.
    EpochIncomplete,
}

impl fmt::Display for RiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "a result does not fit its type",
            Self::DivisionByZero => "division by zero",
            Self::PriceOutOfRange => "the price does not fit its mantissa",
            Self::UnknownAsset => "the asset is not in the risk state",
            Self::UnknownMarket => "the market is not in the risk state",
            Self::OrderSlotMismatch => "the order slot does not match the position",
            Self::InvalidOrder => "the order's size or price is not positive",
            Self::InvalidParameter => "a parameter is outside its bounds",
            Self::SliceTooSmall => "the liquidation slice is too small to help",
            Self::RaisesRisk => "the liquidation slice would raise the account's risk",
            Self::NothingToLiquidate => "nothing of this kind to liquidate",
            Self::UnknownUnderlying => "the underlying is not in the risk state",
            Self::EpochIncomplete => "too little is marked to share the shortfall",
        })
    }
}

impl core::error::Error for RiskError {}

/// Result of a computation of this crate.
pub type Result<T> = core::result::Result<T, RiskError>;

/// `⌊amount · mantissa / 2^shift⌋`, towards minus infinity. Always fits: |amount| ≤ 2^63 and mantissa < 2^64.
#[inline(always)]
pub fn scale_floor(amount: i64, mantissa: u64, shift: u8) -> i128 {
    i128::from(amount)
        .wrapping_mul(i128::from(mantissa))
        .wrapping_shr(u32::from(shift))
}

/// `⌈amount · mantissa / 2^shift⌉` of unsigned factors. Always fits.
#[inline(always)]
pub fn scale_ceil(amount: u64, mantissa: u64, shift: u8) -> u128 {
    shift_ceil(
        u128::from(amount).wrapping_mul(u128::from(mantissa)),
        u32::from(shift),
    )
}

/// `⌈value / 2^bits⌉`.
#[inline(always)]
pub fn shift_ceil(value: u128, bits: u32) -> u128 {
    let floor = value.wrapping_shr(bits);
    let exact = floor.wrapping_shl(bits) == value;
    // The increment cannot overflow: a value that lost a bit is at most half the range.
    if exact {
        floor
    } else {
        floor.wrapping_add(1)
    }
}

/// The product of a ratio and a value of at most 56 bits, as its whole part and its fraction; none of a larger value. In
/// two halves that fit into 64 bits, which costs a fifth of a wide product on chain.
#[inline(always)]
fn short_product(value: u128, ratio: u32) -> Option<(u64, u64)> {
    let value = u64::try_from(value).ok().filter(|v| v >> 56 == 0)?;
    let ratio = u64::from(ratio);
    let fraction = u64::from(RATIO_ONE - 1);
    // 32 and 32 bits; 24 and 32 bits, of which 32 remain.
    let high = (value >> RATIO_BITS).wrapping_mul(ratio);
    let low = (value & fraction).wrapping_mul(ratio);
    // The sum is at most `value · ratio / 2^24`, hence fits.
    Some((high.wrapping_add(low >> RATIO_BITS), low & fraction))
}

/// `⌊value · ratio⌋`.
#[inline]
pub fn ratio_floor(value: u128, ratio: u32) -> Result<u128> {
    if let Some((whole, _)) = short_product(value, ratio) {
        return Ok(u128::from(whole));
    }
    Ok(value
        .checked_mul(u128::from(ratio))
        .ok_or(RiskError::Overflow)?
        >> RATIO_BITS)
}

/// `⌈value · ratio⌉`.
#[inline]
pub fn ratio_ceil(value: u128, ratio: u32) -> Result<u128> {
    if let Some((whole, fraction)) = short_product(value, ratio) {
        // At most 2⁶⁴ − 2³² before.
        return Ok(u128::from(whole.wrapping_add(u64::from(fraction > 0))));
    }
    Ok(shift_ceil(
        value
            .checked_mul(u128::from(ratio))
            .ok_or(RiskError::Overflow)?,
        RATIO_BITS,
    ))
}

/// `⌊a / b⌋`.
#[inline]
pub fn div_floor(a: u128, b: u128) -> Result<u128> {
    a.checked_div(b).ok_or(RiskError::DivisionByZero)
}

/// `⌈a / b⌉`.
#[inline]
pub fn div_ceil(a: u128, b: u128) -> Result<u128> {
    if let Some(sum) = a.checked_add(b.wrapping_sub(1)) {
        return div_floor(sum, b);
    }
    let floor = div_floor(a, b)?;
    // One division: the remainder is cheaper from the quotient. Neither step can overflow.
    let exact = floor.wrapping_mul(b) == a;
    Ok(if exact { floor } else { floor.wrapping_add(1) })
}

/// `⌈√value⌉` of a 64-bit number, without a 128-bit operation.
#[inline]
pub fn sqrt_ceil(value: u64) -> u64 {
    let root = value.isqrt();
    if root.wrapping_mul(root) == value {
        root
    } else {
        root.wrapping_add(1)
    }
}

/// Narrows to `u64`, refusing what does not fit.
#[inline]
pub fn to_u64(value: u128) -> Result<u64> {
    u64::try_from(value).map_err(|_| RiskError::Overflow)
}

/// Narrows to `i64`, refusing what does not fit.
#[inline]
pub fn to_i64(value: i128) -> Result<i64> {
    i64::try_from(value).map_err(|_| RiskError::Overflow)
}

/// Widens to a signed 128-bit number, refusing what does not fit.
#[inline]
pub fn to_i128(value: u128) -> Result<i128> {
    i128::try_from(value).map_err(|_| RiskError::Overflow)
}

/// Checked sum of two health values.
#[inline(always)]
pub fn add(a: i128, b: i128) -> Result<i128> {
    a.checked_add(b).ok_or(RiskError::Overflow)
}

/// Checked difference of two health values.
#[inline(always)]
pub fn sub(a: i128, b: i128) -> Result<i128> {
    a.checked_sub(b).ok_or(RiskError::Overflow)
}

/// Whether `a · b < c · d`, exactly, whatever their size.
pub fn is_product_less(a: u128, b: u128, c: u128, d: u128) -> bool {
    let small = |value: u128| u64::try_from(value).ok();
    if let (Some(a), Some(b), Some(c), Some(d)) = (small(a), small(b), small(c), small(d)) {
        // Without a check for what does not fit, which costs most of a product on chain.
        let product = |x: u64, y: u64| u128::from(x).wrapping_mul(u128::from(y));
        return product(a, b) < product(c, d);
    }
    wide_product(a, b) < wide_product(c, d)
}

/// A product in two halves, the upper first.
fn wide_product(a: u128, b: u128) -> (u128, u128) {
    const HALF: u32 = 64;
    const LOW: u128 = u64::MAX as u128;
    if let Some(product) = a.checked_mul(b) {
        return (0, product);
    }
    // Schoolbook on 64-bit halves; no sum below exceeds 128 bits.
    let (a1, a0, b1, b0) = (a >> HALF, a & LOW, b >> HALF, b & LOW);
    let low = a0.wrapping_mul(b0);
    let middle = a1.wrapping_mul(b0).wrapping_add(low >> HALF);
    let other = a0.wrapping_mul(b1).wrapping_add(middle & LOW);
    let high = a1
        .wrapping_mul(b1)
        .wrapping_add(middle >> HALF)
        .wrapping_add(other >> HALF);
    (high, (other << HALF) | (low & LOW))
}

/// At least `a · b / c`, for `b ≤ c`: exact and rounded up where the product fits 128 bits, otherwise with `a` and `c`
/// rounded outwards to the bits that fit.
///
/// # Errors
/// [`RiskError::DivisionByZero`].
pub fn mul_div_ceil(a: u128, b: u128, c: u128) -> Result<u128> {
    if let Some(product) = a.checked_mul(b) {
        return div_ceil(product, c);
    }
    let bits = (u128::BITS - a.leading_zeros()) + (u128::BITS - b.leading_zeros());
    let places = bits.saturating_sub(u128::BITS - 2);
    let product = shift_ceil(a, places)
        .checked_mul(b)
        .ok_or(RiskError::Overflow)?;
    div_ceil(product, c.wrapping_shr(places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_compare_beyond_128_bits() {
        let big = u128::MAX - 3;
        assert!(is_product_less(big, big - 1, big, big));
        assert!(!is_product_less(big, big, big, big));
        assert!(!is_product_less(big, big, big - 1, big));
        assert!(is_product_less(3, 5, 4, 4));
        assert_eq!(wide_product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(wide_product(1 << 100, 1 << 100), (1 << 72, 0));
    }

    #[test]
    fn a_quotient_of_a_product_is_never_below() {
        assert_eq!(mul_div_ceil(10, 3, 4).unwrap(), 8);
        let (a, c) = (1u128 << 100, (1u128 << 100) + 1);
        let found = mul_div_ceil(a, c - 1, c).unwrap();
        assert!(found >= a - 1 && found <= a + 16, "{}", found - a);
    }
}
