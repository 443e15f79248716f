//! The band around the oracle price in which orders may be.
use anchor_lang::prelude::*;
use plimsoll_risk::{fixed::shift_ceil, MarketRisk, RATIO_BITS, RATIO_ONE};

use crate::{error::PlimsollError, matching::Side};

/// How many times further than the oracle price, or closer to zero, an order may rest on the side where it waits for a
/// better price. Wide enough for any bargain bid; it keeps books free of prices that mean nothing.
pub const FAR_MULTIPLE: u64 = 8;

/// The prices that orders of one side may have, from the last validated oracle price.
///
/// On the losing side (a bid above, an ask below the oracle) no order may be further away than the market's
/// `price_band_ratio`: a trade there hands value to whoever is on the other side, and is how a margin account is
/// emptied on purpose or by mistake. On the other side an order trades only to its owner's advantage, so only what
/// rests is bounded, by [`FAR_MULTIPLE`].
#[derive(Clone, Copy, Debug)]
pub struct PriceBand {
    side: Side,
    /// Mantissa of the worst price on the losing side, rounded towards the oracle.
    worst: u128,
    spot: u64,
    shift: u32,
    tick: u64,
}

impl PriceBand {
    /// The band of a market's entry.
    pub fn around(entry: &MarketRisk, side: Side, ratio: u32) -> Self {
        let spot = u128::from(entry.price.spot);
        // At most 64 + 25 bits.
        let worst = match side {
            Side::Bid => (spot * (u128::from(RATIO_ONE) + u128::from(ratio))) >> RATIO_BITS,
            Side::Ask => shift_ceil(
                spot * u128::from(RATIO_ONE.saturating_sub(ratio)),
                RATIO_BITS,
            ),
        };
        Self {
            side,
            worst,
            spot: entry.price.spot,
            shift: u32::from(entry.shift & 63),
            tick: entry.tick,
        }
    }

    /// Refuses a limit, in price lots, outside the band; one that rests is bounded on both sides.
    ///
    /// # Errors
    /// `PriceOutOfBand`.
    pub fn check(&self, price: u64, rests: bool) -> Result<()> {
        let per_lot = price.checked_mul(self.tick).filter(|p| *p != 0);
        let per_lot = per_lot.ok_or(PlimsollError::PriceOutOfBand)?;
        // At most 64 + 63 bits.
        let mantissa = u128::from(per_lot) << self.shift;
        let spot = u128::from(self.spot);
        let (near, far) = match self.side {
            Side::Bid => (
                mantissa <= self.worst,
                mantissa >= spot / u128::from(FAR_MULTIPLE),
            ),
            Side::Ask => (
                mantissa >= self.worst,
                mantissa <= spot * u128::from(FAR_MULTIPLE),
            ),
        };
        require!(near && (far || !rests), PlimsollError::PriceOutOfBand);
        Ok(())
    }

    /// A market order's limit: the client's, or the edge of the band where that is nearer.
    ///
    /// # Errors
    /// `PriceOutOfBand` when the band has no price at all.
    pub fn cut(&self, price: u64) -> Result<u64> {
        let unit = u128::from(self.tick) << self.shift;
        let edge = match self.side {
            Side::Bid => self.worst.checked_div(unit),
            Side::Ask => (unit != 0).then(|| self.worst.div_ceil(unit).max(1)),
        };
        let edge = edge
            .and_then(|edge| u64::try_from(edge).ok())
            .filter(|edge| *edge != 0)
            .ok_or(PlimsollError::PriceOutOfBand)?;
        Ok(match self.side {
            Side::Bid => price.min(edge),
            Side::Ask => price.max(edge),
        })
    }
}
