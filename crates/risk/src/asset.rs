//! The risk entry of an asset: price, indices, effective weights and the weighted prices that health multiplies.

use crate::entry_price::{confidence_margin, EntryPrice, PriceDoubt};
use crate::feed::{FeedLimits, FeedPrice};
use crate::fixed::{
    ratio_ceil, ratio_floor, shift_ceil, to_u64, Result, RiskError, INDEX_BITS, INDEX_ONE,
    RATIO_ONE,
};
use crate::health::HealthKind;
use crate::params::AssetParams;
use crate::price::EntryUnit;
use crate::weights::{self, Haircut};

/// What an entry may be used for. Health counts every listed entry alike; the program's gates read the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Not in use.
    Unlisted = 0,
    /// No restriction.
    Active = 1,
    /// Only actions that reduce exposure.
    ReduceOnly = 2,
    /// Only cancels, repayments and liquidations.
    Paused = 3,
}

impl Mode {
    /// The mode of a stored byte; an unknown byte is the strictest.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Unlisted,
            1 => Self::Active,
            2 => Self::ReduceOnly,
            _ => Self::Paused,
        }
    }
}

/// A bank's totals in native units, for the scaling of Init weights and for utilization.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct BankTotals {
    /// All deposits.
    pub deposits: u64,
    /// All borrows.
    pub borrows: u64,
}

/// What of an asset's parameters its entry needs to follow a price without the bank.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct AssetTerms {
    /// [`AssetParams::deposit_scale_start_usd`].
    pub deposit_scale_start_usd: u64,
    /// [`AssetParams::borrow_scale_start_usd`].
    pub borrow_scale_start_usd: u64,
    /// [`AssetParams::dust_usd`].
    pub dust_usd: u64,
    /// [`AssetParams::asset_weight_init`].
    pub asset_weight_init: u32,
    /// [`AssetParams::asset_weight_maint`].
    pub asset_weight_maint: u32,
    /// [`AssetParams::liability_weight_init`].
    pub liability_weight_init: u32,
    /// [`AssetParams::liability_weight_maint`].
    pub liability_weight_maint: u32,
    /// The largest liquidation fee, as a ratio.
    pub fee_max: u32,
    /// Unused.
    pub padding: u32,
}

impl From<&AssetParams> for AssetTerms {
    fn from(params: &AssetParams) -> Self {
        Self {
            deposit_scale_start_usd: params.deposit_scale_start_usd,
            borrow_scale_start_usd: params.borrow_scale_start_usd,
            dust_usd: params.dust_usd,
            asset_weight_init: params.asset_weight_init,
            asset_weight_maint: params.asset_weight_maint,
            liability_weight_init: params.liability_weight_init,
            liability_weight_maint: params.liability_weight_maint,
            fee_max: params.liquidation.fee_max,
            padding: 0,
        }
    }
}

impl AssetTerms {
    /// A deposit counts whole in portfolio margin while its listed weight is at least a half: then the model knows better what
    /// its price may do. What is listed lower is trusted less for other reasons.
    const TRUSTED_WEIGHT: u32 = RATIO_ONE / 2;

    /// Whether a deposit counts whole in portfolio margin, for every kind: no weight is below Init's.
    #[inline(always)]
    pub const fn is_trusted(&self) -> bool {
        self.asset_weight_init >= Self::TRUSTED_WEIGHT
    }

    /// The part of a deposit that portfolio margin believes in: one, below the trusted weight in proportion to what is listed,
    /// and nothing of what is listed at nothing.
    #[inline]
    pub const fn trusted_part(&self, kind: HealthKind) -> u32 {
        let weight = match kind {
            HealthKind::Init | HealthKind::LiquidationEnd => self.asset_weight_init,
            HealthKind::Maint => self.asset_weight_maint,
        };
        if weight >= Self::TRUSTED_WEIGHT {
            RATIO_ONE
        } else {
            weight.wrapping_mul(2)
        }
    }
}

/// One asset of the risk state. Prices are mantissas: native quote per native unit times `2^shift`.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct AssetRisk {
    /// The feed's price of a native unit.
    pub price: EntryPrice,
    /// Native units per deposit share, Q16.48.
    pub deposit_index: u64,
    /// Native units per borrow share, Q16.48.
    pub borrow_index: u64,
    /// Per kind: weighted value of a deposit share, rounded down.
    pub asset_price: [u64; 3],
    /// Per kind: weighted value of a borrow share, rounded up.
    pub liability_price: [u64; 3],
    /// Per kind: effective weight of a deposit.
    pub asset_weight: [u32; 3],
    /// Per kind: effective weight of a debt.
    pub liability_weight: [u32; 3],
    /// [`EntryUnit::multiplier`] of the feed's price.
    pub unit_multiplier: u64,
    /// The totals that scale its Init weights, as of the bank's last refresh: they follow the true ones at a rate.
    pub totals: BankTotals,
    /// The parameters that the rest is computed from.
    pub terms: AssetTerms,
    /// Binary places of the prices, at most [`crate::price::MAX_SHIFT`].
    pub shift: u8,
    /// A [`Mode`].
    pub mode: u8,
    /// Decimals of the mint.
    pub decimals: u8,
    /// Number of the underlying whose price it follows, from 1; zero when the portfolio model does not cover it.
    pub underlying: u8,
    /// One when the underlying learns its volatility from this entry's price.
    pub samples: u8,
    /// [`EntryUnit::places`] of the feed's price.
    pub unit_places: u8,
    /// Unused.
    pub padding: [u8; 2],
    /// Value at spot of a deposit share (rounded down) and of a borrow share (rounded up), unweighted.
    pub share_price: [u64; 2],
    /// By how much total deposits shrink (at most one) and total borrows grow (at least one) the Init weights.
    pub crowding: [u32; 2],
    /// How uncertain spot is.
    pub doubt: PriceDoubt,
}

const _: () = assert!(core::mem::size_of::<AssetRisk>() == 272);

impl AssetRisk {
    /// What turns the feed's mantissa into this entry's.
    #[inline(always)]
    pub const fn unit(&self) -> EntryUnit {
        EntryUnit {
            multiplier: self.unit_multiplier,
            places: self.unit_places,
        }
    }

    /// Takes the feed's price and rewrites what follows from it.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when a price does not fit its mantissa. The entry is unchanged then.
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

    /// Takes the bank's parameters and totals and rewrites weights and weighted prices.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when a weighted price does not fit its mantissa. The entry is unchanged then.
    pub fn recompute(
        &mut self,
        params: &AssetParams,
        totals: &BankTotals,
        haircut: Option<&Haircut>,
    ) -> Result<()> {
        let before = (self.terms, self.totals);
        self.terms = params.into();
        self.totals = *totals;
        self.rewrite(haircut)
            .inspect_err(|_| (self.terms, self.totals) = before)
    }

    /// Rewrites weights and weighted prices from the price, the indices and the bank's totals.
    ///
    /// Init prices a deposit at `min(spot, stable) − k·conf` with the weight shrunk by total deposits, and a debt at
    /// `max(spot, stable) + k·conf` with the weight grown by total borrows. LiquidationEnd takes spot with the
    /// unscaled Init weights, Maint spot with the maintenance weights. An entry that follows an underlying has its weights
    /// tightened by the underlying's `haircut` first. A deposit at a final price counts nothing for Init.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when a weighted price does not fit its mantissa. The entry is unchanged then.
    pub fn rewrite(&mut self, haircut: Option<&Haircut>) -> Result<()> {
        let terms = &self.terms;
        let spot = self.price.spot;
        let usd =
            |native: u64| u128::from(native).wrapping_mul(u128::from(spot)) >> (self.shift & 63);
        let (deposits, borrows) = (usd(self.totals.deposits), usd(self.totals.borrows));
        let (deposit_start, borrow_start) =
            (terms.deposit_scale_start_usd, terms.borrow_scale_start_usd);
        let [mut asset_weight, mut liability_weight] = unscaled_weights(terms, haircut);
        let [init, ..] = &mut asset_weight;
        // What is wound down is no margin for new risk: its final price is what it is settled at, not what it is worth.
        *init = match self.price.is_final() {
            true => 0,
            false => weights::asset_weight(*init, deposits, deposit_start)?,
        };
        let [init, ..] = &mut liability_weight;
        *init = weights::liability_weight(*init, borrows, borrow_start)?;
        let crowding = [
            weights::asset_weight(RATIO_ONE, deposits, deposit_start)?,
            weights::liability_weight(RATIO_ONE, borrows, borrow_start)?,
        ];
        let margin = confidence_margin(&self.price)?;
        let low = self.price.lower().saturating_sub(margin);
        let high = self
            .price
            .higher()
            .checked_add(margin)
            .ok_or(RiskError::PriceOutOfRange)?;
        let at_spot = per_share_floor(spot, self.deposit_index);
        let per_share = [per_share_floor(low, self.deposit_index), at_spot, at_spot];
        let mut asset_price = [0; 3];
        for ((out, value), weight) in asset_price.iter_mut().zip(per_share).zip(asset_weight) {
            *out = mantissa(ratio_floor(value, weight)?)?;
        }
        let deposit = mantissa(at_spot)?;
        let at_spot = per_share_ceil(spot, self.borrow_index);
        let per_share = [per_share_ceil(high, self.borrow_index), at_spot, at_spot];
        let mut liability_price = [0; 3];
        for ((out, value), weight) in liability_price
            .iter_mut()
            .zip(per_share)
            .zip(liability_weight)
        {
            *out = mantissa(ratio_ceil(value, weight)?)?;
        }
        let debt = mantissa(at_spot)?;
        self.crowding = crowding;
        self.share_price = [deposit, debt];
        self.doubt = PriceDoubt::of(&self.price, margin);
        self.asset_weight = asset_weight;
        self.liability_weight = liability_weight;
        self.asset_price = asset_price;
        self.liability_price = liability_price;
        Ok(())
    }

    /// Weighted value of a deposit share at an arbitrary price, for valuations off the hot path.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    pub fn asset_price_at(&self, price: u64, kind: HealthKind) -> Result<u64> {
        let value = per_share_floor(price, self.deposit_index);
        mantissa(ratio_floor(value, kind.of(&self.asset_weight))?)
    }

    /// Weighted value of a borrow share at an arbitrary price, for valuations off the hot path.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    pub fn liability_price_at(&self, price: u64, kind: HealthKind) -> Result<u64> {
        let value = per_share_ceil(price, self.borrow_index);
        mantissa(ratio_ceil(value, kind.of(&self.liability_weight))?)
    }

    /// Unweighted value of a deposit share at an arbitrary price, as [`AssetRisk::share_price`] is at spot.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    pub fn deposit_price_at(&self, price: u64) -> Result<u64> {
        mantissa(per_share_floor(price, self.deposit_index))
    }

    /// Unweighted value of a borrow share at an arbitrary price.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    pub fn debt_price_at(&self, price: u64) -> Result<u64> {
        mantissa(per_share_ceil(price, self.borrow_index))
    }

    /// An entry of a new asset before its first price: both indices at one, prices in native units at `shift`.
    pub fn listed(shift: u8, decimals: u8) -> Self {
        Self {
            deposit_index: INDEX_ONE,
            borrow_index: INDEX_ONE,
            shift,
            mode: 1,
            decimals,
            ..Self::default()
        }
    }

    /// Lets the entry follow another feed from its next price on.
    pub fn set_feed(&mut self, feed: u8, unit: EntryUnit) {
        self.price.feed = feed;
        self.unit_multiplier = unit.multiplier;
        self.unit_places = unit.places;
    }
}

/// Weights of a deposit and of a debt by kind, before the bank's totals scale those of Init.
#[inline(always)]
fn unscaled_weights(terms: &AssetTerms, haircut: Option<&Haircut>) -> [[u32; 3]; 2] {
    let (asset, liability) = (terms.asset_weight_init, terms.liability_weight_init);
    let assets = [asset, asset, terms.asset_weight_maint];
    let liabilities = [liability, liability, terms.liability_weight_maint];
    let fee = terms.fee_max;
    match haircut {
        None => [assets, liabilities],
        Some(haircut) => [
            haircut.asset_weights(assets, fee),
            haircut.liability_weights(liabilities, fee),
        ],
    }
}

/// Value of a deposit share, unweighted; below 2⁸⁰.
#[inline(always)]
fn per_share_floor(price: u64, index: u64) -> u128 {
    u128::from(price).wrapping_mul(u128::from(index)) >> INDEX_BITS
}

/// Value of a borrow share, unweighted; at most 2⁸⁰.
#[inline(always)]
fn per_share_ceil(price: u64, index: u64) -> u128 {
    let product = u128::from(price).wrapping_mul(u128::from(index));
    shift_ceil(product, INDEX_BITS)
}

#[inline(always)]
fn mantissa(value: u128) -> Result<u64> {
    to_u64(value).map_err(|_| RiskError::PriceOutOfRange)
}
