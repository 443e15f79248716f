//! The risk entry of a perpetual market: price, funding and the precomputed margin terms that health multiplies.

use crate::entry_price::{confidence_margin, EntryPrice, PriceDoubt};
use crate::feed::{FeedLimits, FeedPrice};
use crate::fixed::{div_ceil, div_floor, ratio_ceil, to_u64, Result, RiskError};
use crate::funding::mark_price;
use crate::params::MarketParams;
use crate::price::EntryUnit;
use crate::profits::Haircuts;
use crate::weights::Haircut;

/// Binary places of [`MarketRisk::size_inverse_root`].
pub const INVERSE_ROOT_BITS: u32 = 63;

/// One market of the risk state. Prices are mantissas: native quote per base lot times `2^shift`.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MarketRisk {
    /// The feed's price of a base lot.
    pub price: EntryPrice,
    /// [`EntryUnit::multiplier`] of the feed's price.
    pub unit_multiplier: u64,
    /// Funding index of longs, Q40.24 native quote per base lot.
    pub funding_long: i64,
    /// Funding index of shorts.
    pub funding_short: i64,
    /// Per kind: the price at which a long is valued.
    pub price_low: [u64; 3],
    /// Per kind: the price at which a short is valued, and notional for margin is measured.
    pub price_high: [u64; 3],
    /// Per kind: margin per base lot before the growth with size, rounded up.
    pub requirement_price: [u64; 3],
    /// Native quote notional above which the margin ratio grows.
    pub size_scale_notional: u64,
    /// `2^63 / √size_scale_notional`, rounded up, so that growth needs no division.
    pub size_inverse_root: u64,
    /// No position of this many lots or fewer reaches `size_scale_notional` at any kind's price.
    pub size_threshold_lots: u64,
    /// Native quote per base lot of one price lot.
    pub tick: u64,
    /// Effective Init margin ratio.
    pub init_ratio: u32,
    /// Effective maintenance margin ratio.
    pub maint_ratio: u32,
    /// Per kind: the part of a profit that counts.
    pub profit_weight: [u32; 3],
    /// Fee of the resting side, signed.
    pub maker_fee: i32,
    /// Listed Init (and LiquidationEnd) and maintenance margin ratios, before volatility tightens them.
    pub listed_ratios: [u32; 2],
    /// The largest liquidation fee, as a ratio.
    pub fee_max: u32,
    /// Smoothed (mark − spot) / spot, a signed Q8.24 ratio.
    pub premium: i32,
    /// Binary places of the prices, at most [`crate::price::MAX_SHIFT`].
    pub shift: u8,
    /// A [`crate::Mode`].
    pub mode: u8,
    /// Number of the underlying whose price it follows, from 1; zero when the portfolio model does not cover it.
    pub underlying: u8,
    /// One when the underlying learns its volatility from this entry's price.
    pub samples: u8,
    /// Effective LiquidationEnd margin ratio.
    pub end_ratio: u32,
    /// [`EntryUnit::places`] of the feed's price.
    pub unit_places: u8,
    /// Unused.
    pub padding: [u8; 7],
    /// How uncertain spot is.
    pub doubt: PriceDoubt,
    /// What marked profits give up for shortfalls that were shared.
    pub haircuts: Haircuts,
    /// Index of interest on unpaid losses, native quote per native quote with [`crate::interest::LOSS_BITS`] binary places.
    pub loss_index: i64,
}

const _: () = assert!(core::mem::size_of::<MarketRisk>() == 296);

impl MarketRisk {
    /// What turns the feed's mantissa into this entry's.
    #[inline(always)]
    pub const fn unit(&self) -> EntryUnit {
        EntryUnit {
            multiplier: self.unit_multiplier,
            places: self.unit_places,
        }
    }

    /// Lets the entry follow another feed from its next price on.
    pub fn set_feed(&mut self, feed: u8, unit: EntryUnit) {
        self.price.feed = feed;
        self.unit_multiplier = unit.multiplier;
        self.unit_places = unit.places;
    }

    /// Mark price of the market, for display: spot and the premium that funding follows.
    pub fn mark(&self) -> u64 {
        mark_price(self.price.spot, self.premium)
    }

    /// Takes the feed's price and rewrites what follows from it.
    ///
    /// # Errors
    /// As [`MarketRisk::rewrite`].
    pub fn follow(
        &mut self,
        feed: &FeedPrice,
        limits: &FeedLimits,
        haircut: Option<&Haircut>,
    ) -> Result<()> {
        let before = self.price;
        self.price.follow(feed, limits, self.unit())?;
        self.rewrite(haircut).inspect_err(|_| self.price = before)
    }

    /// Takes the market's parameters and rewrites its margin terms.
    ///
    /// # Errors
    /// As [`MarketRisk::rewrite`].
    pub fn recompute(&mut self, params: &MarketParams, haircut: Option<&Haircut>) -> Result<()> {
        let mut next = *self;
        next.set_params(params)?;
        next.rewrite(haircut)?;
        *self = next;
        Ok(())
    }

    /// Takes the market's parameters; margin terms follow with the next price or [`MarketRisk::rewrite`].
    ///
    /// # Errors
    /// [`RiskError::DivisionByZero`] on a zero scale.
    pub fn set_params(&mut self, params: &MarketParams) -> Result<()> {
        if self.size_scale_notional != params.size_scale_notional {
            self.size_inverse_root = inverse_root(params.size_scale_notional)?;
            self.size_scale_notional = params.size_scale_notional;
        }
        self.listed_ratios = [params.init_ratio, params.maint_ratio];
        self.fee_max = params.liquidation.fee_max;
        self.profit_weight = params.profit_weight;
        self.maker_fee = params.maker_fee;
        Ok(())
    }

    /// Rewrites the margin terms from the price and the parameters. An entry that follows an underlying has its margin
    /// ratios tightened by the underlying's `haircut`.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when a price does not fit its mantissa; [`RiskError::DivisionByZero`] before the
    /// first price. The entry is unchanged then.
    pub fn rewrite(&mut self, haircut: Option<&Haircut>) -> Result<()> {
        let spot = self.price.spot;
        let margin = confidence_margin(&self.price)?;
        let low = self.price.lower().saturating_sub(margin);
        let high = self
            .price
            .higher()
            .checked_add(margin)
            .ok_or(RiskError::PriceOutOfRange)?;
        let [init, maint] = self.listed_ratios;
        let listed = [init, init, maint];
        let ratios = match haircut {
            None => listed,
            Some(haircut) => haircut.margin_ratios(listed, self.fee_max),
        };
        let mut requirement_price = [0; 3];
        for ((out, price), ratio) in requirement_price
            .iter_mut()
            .zip([high, spot, spot])
            .zip(ratios)
        {
            *out = requirement_per_lot(price, ratio)?;
        }
        self.size_threshold_lots = threshold_lots(self.size_scale_notional, self.shift, high)?;
        self.doubt = PriceDoubt::of(&self.price, margin);
        self.price_low = [low, spot, spot];
        self.price_high = [high, spot, spot];
        self.requirement_price = requirement_price;
        [self.init_ratio, self.end_ratio, self.maint_ratio] = ratios;
        Ok(())
    }

    /// Margin ratios by kind.
    #[inline(always)]
    pub const fn ratios(&self) -> [u32; 3] {
        [self.init_ratio, self.end_ratio, self.maint_ratio]
    }

    /// An entry of a new market before its first price.
    pub fn listed(shift: u8, tick: u64) -> Self {
        Self {
            shift,
            tick,
            mode: 1,
            ..Self::default()
        }
    }
}

/// `⌊notional · 2^shift / price⌋`, at most the largest.
fn threshold_lots(notional: u64, shift: u8, price: u64) -> Result<u64> {
    let shift = u32::from(shift & 63);
    if notional.wrapping_shr(63 - shift) == 0 {
        let scaled = notional.wrapping_shl(shift);
        return scaled.checked_div(price).ok_or(RiskError::DivisionByZero);
    }
    let lots = div_floor(u128::from(notional) << shift, u128::from(price))?;
    Ok(u64::try_from(lots).unwrap_or(u64::MAX))
}

/// `⌈price · ratio⌉` as a mantissa.
pub(crate) fn requirement_per_lot(price: u64, ratio: u32) -> Result<u64> {
    to_u64(ratio_ceil(u128::from(price), ratio)?).map_err(|_| RiskError::PriceOutOfRange)
}

/// `⌈2^63 / √scale⌉`.
pub(crate) fn inverse_root(scale: u64) -> Result<u64> {
    let square = div_ceil(1 << (2 * INVERSE_ROOT_BITS), u128::from(scale))?;
    let floor = square.isqrt();
    to_u64(if floor * floor == square {
        floor
    } else {
        floor + 1
    })
}
