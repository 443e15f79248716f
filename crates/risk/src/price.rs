//! From an oracle's decimal price to the mantissa of a feed, and from that to those of the entries that follow it.
//!
//! A mantissa is native quote per whole token (feed), native unit (asset) or base lot (market) times `2^shift`. The shift
//! is chosen once, at listing, so that the first mantissa is about 2⁴⁰: room for a price to fall or rise a millionfold.

use crate::fixed::{div_ceil, div_floor, Result, RiskError};

/// Decimals of the quote token: native quote is 10⁻⁶ USD.
pub const QUOTE_DECIMALS: i32 = 6;
/// Most binary places a price may have.
pub const MAX_SHIFT: u8 = 63;
/// Binary digits that a price has at listing, where [`MAX_SHIFT`] allows.
pub const LISTED_BITS: u32 = 40;

/// The powers of five that fit 128 bits.
const FIVES: [u128; 56] = {
    let mut powers = [1; 56];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 5;
        i += 1;
    }
    powers
};

/// How a conversion rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Down.
    Floor,
    /// Up.
    Ceil,
}

/// What one price is quoted for: `size` native units of a token of `decimals`. One native unit for an asset's price,
/// a base lot's worth of them for a market's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceUnit {
    /// Decimals of the token (or of the base, for a base that is no token).
    pub decimals: u8,
    /// Native units priced together.
    pub size: u64,
}

impl PriceUnit {
    /// A whole token: what oracles price.
    pub const WHOLE: Self = Self {
        decimals: 0,
        size: 1,
    };

    /// One native unit of a token.
    pub const fn native(decimals: u8) -> Self {
        Self { decimals, size: 1 }
    }
}

/// From `number · 10^expo` USD per whole token to a mantissa, `number · size · 10^(expo + 6 − decimals) · 2^shift`: what
/// all numbers of one oracle price have in common.
///
/// The power of ten is split into `5^e · 2^e`, which keeps every product within 128 bits for any real token.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    factor: u128,
    divisor: u128,
}

impl Conversion {
    /// Of numbers with this exponent.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when the exponent is absurd, or nothing would fit.
    pub fn new(expo: i32, unit: PriceUnit, shift: u8) -> Result<Self> {
        let out_of_range = RiskError::PriceOutOfRange;
        if shift > MAX_SHIFT || !(-36..=36).contains(&expo) {
            return Err(out_of_range);
        }
        let tens = expo + QUOTE_DECIMALS - i32::from(unit.decimals);
        let twos = tens + i32::from(shift);
        let power = usize::try_from(tens.unsigned_abs()).map_err(|_| out_of_range)?;
        let fives = *FIVES.get(power).ok_or(out_of_range)?;
        let mut factor = u128::from(unit.size);
        let mut divisor = 1u128;
        if tens >= 0 {
            factor = factor.checked_mul(fives).ok_or(out_of_range)?;
        } else {
            divisor = fives;
        }
        let places = twos.unsigned_abs();
        let widened = if twos >= 0 { &mut factor } else { &mut divisor };
        if widened.leading_zeros() < places {
            return Err(out_of_range);
        }
        *widened = widened.wrapping_shl(places);
        Ok(Self { factor, divisor })
    }

    /// The mantissa of a number.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    pub fn mantissa(&self, number: u64, rounding: Rounding) -> Result<u64> {
        let number = u128::from(number);
        let product = match u64::try_from(self.factor) {
            Ok(factor) => Some(number.wrapping_mul(u128::from(factor))),
            Err(_) => number.checked_mul(self.factor),
        };
        let product = product.ok_or(RiskError::PriceOutOfRange)?;
        let quotient = match rounding {
            Rounding::Floor => div_floor(product, self.divisor)?,
            Rounding::Ceil => div_ceil(product, self.divisor)?,
        };
        u64::try_from(quotient).map_err(|_| RiskError::PriceOutOfRange)
    }
}

/// One number's [`Conversion`].
///
/// # Errors
/// As [`Conversion`].
pub fn mantissa(
    number: u64,
    expo: i32,
    unit: PriceUnit,
    shift: u8,
    rounding: Rounding,
) -> Result<u64> {
    Conversion::new(expo, unit, shift)?.mantissa(number, rounding)
}

/// The shift for a new entry: the smallest at which the price has [`LISTED_BITS`] digits, or [`MAX_SHIFT`].
///
/// # Errors
/// [`RiskError::PriceOutOfRange`] when the price is zero even at [`MAX_SHIFT`], or has more digits at shift zero
/// than leave room to rise.
pub fn choose_shift(number: u64, expo: i32, unit: PriceUnit) -> Result<u8> {
    for shift in 0..=MAX_SHIFT {
        let digits = u64::BITS
            - mantissa(number, expo, unit, shift, Rounding::Floor)
                .unwrap_or(0)
                .leading_zeros();
        if digits > LISTED_BITS + 8 {
            return Err(RiskError::PriceOutOfRange);
        }
        if digits >= LISTED_BITS || (shift == MAX_SHIFT && digits > 0) {
            return Ok(shift);
        }
    }
    Err(RiskError::PriceOutOfRange)
}

/// What turns a feed's mantissa into an entry's: `mantissa · multiplier / 2^places`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryUnit {
    /// 63 binary digits of the quotient of the two units, rounded up: so little that a whole result stays whole.
    pub multiplier: u64,
    /// Binary places.
    pub places: u8,
}

impl EntryUnit {
    /// For a feed and an entry of these shifts.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when the units are too far apart.
    pub fn new(unit: PriceUnit, feed_shift: u8, entry_shift: u8) -> Result<Self> {
        let out_of_range = RiskError::PriceOutOfRange;
        let divisor = *FIVES.get(usize::from(unit.decimals)).ok_or(out_of_range)?;
        if unit.size == 0 || feed_shift > MAX_SHIFT || entry_shift > MAX_SHIFT || divisor >> 60 != 0
        {
            return Err(out_of_range);
        }
        // At least 63 digits in the quotient, then exactly 63.
        let widened = 63u32
            .saturating_add(u128::BITS.saturating_sub(divisor.leading_zeros()))
            .saturating_sub(u64::BITS.saturating_sub(unit.size.leading_zeros()));
        let quotient = div_floor(u128::from(unit.size).wrapping_shl(widened), divisor)?;
        let excess = 65u32.saturating_sub(quotient.leading_zeros());
        let scaled = div_ceil(
            u128::from(unit.size).wrapping_shl(widened),
            divisor.checked_shl(excess).ok_or(out_of_range)?,
        )?;
        let places = i64::from(widened) - i64::from(excess)
            + i64::from(unit.decimals)
            + i64::from(feed_shift)
            - i64::from(entry_shift);
        Ok(Self {
            multiplier: u64::try_from(scaled).map_err(|_| out_of_range)?,
            places: u8::try_from(places)
                .ok()
                .filter(|p| *p < 128)
                .ok_or(out_of_range)?,
        })
    }

    /// The unit and shift of a new entry whose feed has this price: the smallest shift at which it has [`LISTED_BITS`]
    /// digits, or [`MAX_SHIFT`].
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when the price is zero even at [`MAX_SHIFT`], or has more digits at shift zero than
    /// leave room to rise.
    pub fn choose(unit: PriceUnit, feed_shift: u8, price: u64) -> Result<(Self, u8)> {
        for shift in 0..=MAX_SHIFT {
            let Ok(found) = Self::new(unit, feed_shift, shift) else {
                continue;
            };
            let digits = u64::BITS - found.floor(price).unwrap_or(u64::MAX).leading_zeros();
            if digits > LISTED_BITS + 8 {
                return Err(RiskError::PriceOutOfRange);
            }
            if digits >= LISTED_BITS || (shift == MAX_SHIFT && digits > 0) {
                return Ok((found, shift));
            }
        }
        Err(RiskError::PriceOutOfRange)
    }

    /// An entry's mantissa of a feed's, rounded down.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    #[inline(always)]
    pub fn floor(self, mantissa: u64) -> Result<u64> {
        let product = u128::from(mantissa).wrapping_mul(u128::from(self.multiplier));
        u64::try_from(product.wrapping_shr(u32::from(self.places)))
            .map_err(|_| RiskError::PriceOutOfRange)
    }

    /// The same, rounded up.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    #[inline(always)]
    pub fn ceil(self, mantissa: u64) -> Result<u64> {
        if mantissa == 0 {
            return Ok(0);
        }
        let product = u128::from(mantissa).wrapping_mul(u128::from(self.multiplier));
        u64::try_from(crate::fixed::shift_ceil(product, u32::from(self.places)))
            .map_err(|_| RiskError::PriceOutOfRange)
    }
}
