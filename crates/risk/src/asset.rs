//! The risk entry of an asset: price, indices, effective weights and the weighted prices that health multiplies.

use crate::feed::{PriceDoubt, PriceState};
use crate::fixed::{
    ratio_ceil, ratio_floor, shift_ceil, to_u64, Result, RiskError, INDEX_BITS, INDEX_ONE,
    RATIO_ONE,
};
use crate::health::{Clock, HealthKind};
use crate::params::AssetParams;
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BankTotals {
    /// All deposits.
    pub deposits: u64,
    /// All borrows.
    pub borrows: u64,
}

/// One asset of the risk state. Prices are mantissas: native quote per native unit times `2^shift`.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct AssetRisk {
    /// Validated price and its followers.
    pub price: PriceState,
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
    /// Oldest publish time that counts as fresh, in seconds.
    pub max_age_secs: u32,
    /// Oldest refresh that counts as fresh, in slots.
    pub max_age_slots: u32,
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
    /// Unused.
    pub padding: [u8; 3],
    /// Value at spot of a deposit share (rounded down) and of a borrow share (rounded up), unweighted.
    pub share_price: [u64; 2],
    /// By how much total deposits shrink (at most one) and total borrows grow (at least one) the Init weights.
    pub crowding: [u32; 2],
    /// How uncertain spot is.
    pub doubt: PriceDoubt,
}

const _: () = assert!(core::mem::size_of::<AssetRisk>() == 192);

impl AssetRisk {
    /// True while both ages of the price are within this entry's limits.
    #[inline(always)]
    pub fn is_fresh(&self, clock: Clock) -> bool {
        self.price
            .is_fresh(clock.now, clock.slot, self.max_age_secs, self.max_age_slots)
    }

    /// Rewrites weights and weighted prices from the price, the indices and the bank's totals.
    ///
    /// Init prices a deposit at `min(spot, stable) − k·conf` with the weight shrunk by total deposits, and a debt at
    /// `max(spot, stable) + k·conf` with the weight grown by total borrows. LiquidationEnd takes spot with the
    /// unscaled Init weights, Maint spot with the maintenance weights. An entry that follows an underlying has its weights
    /// tightened by the underlying's `haircut` first.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when a weighted price does not fit its mantissa. The entry is unchanged then.
    pub fn recompute(
        &mut self,
        params: &AssetParams,
        totals: &BankTotals,
        haircut: Option<&Haircut>,
    ) -> Result<()> {
        let spot = self.price.spot;
        let usd =
            |native: u64| u128::from(native).wrapping_mul(u128::from(spot)) >> (self.shift & 63);
        let (deposits, borrows) = (usd(totals.deposits), usd(totals.borrows));
        let (deposit_start, borrow_start) = (
            params.deposit_scale_start_usd,
            params.borrow_scale_start_usd,
        );
        let [mut asset_weight, mut liability_weight] = unscaled_weights(params, haircut);
        let [init, ..] = &mut asset_weight;
        *init = weights::asset_weight(*init, deposits, deposit_start)?;
        let [init, ..] = &mut liability_weight;
        *init = weights::liability_weight(*init, borrows, borrow_start)?;
        let margin = confidence_margin(&self.price, params.oracle.conf_multiple)?;
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
        self.crowding = [
            weights::asset_weight(RATIO_ONE, deposits, deposit_start)?,
            weights::liability_weight(RATIO_ONE, borrows, borrow_start)?,
        ];
        self.share_price = [deposit, debt];
        self.doubt = PriceDoubt::of(&self.price, margin);
        self.asset_weight = asset_weight;
        self.liability_weight = liability_weight;
        self.asset_price = asset_price;
        self.liability_price = liability_price;
        self.max_age_secs = params.oracle.max_age_secs;
        self.max_age_slots = params.oracle.max_age_slots;
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

    /// An entry of a new asset before its first price: both indices at one.
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
}

/// Weights of a deposit and of a debt by kind, before the bank's totals scale those of Init.
#[inline(always)]
fn unscaled_weights(params: &AssetParams, haircut: Option<&Haircut>) -> [[u32; 3]; 2] {
    let (asset, liability) = (params.asset_weight_init, params.liability_weight_init);
    let assets = [asset, asset, params.asset_weight_maint];
    let liabilities = [liability, liability, params.liability_weight_maint];
    let fee = params.liquidation.fee_max;
    match haircut {
        None => [assets, liabilities],
        Some(haircut) => [
            haircut.asset_weights(assets, fee),
            haircut.liability_weights(liabilities, fee),
        ],
    }
}

/// `k · conf`, rounded up, at an entry's scale.
pub(crate) fn confidence_margin(price: &PriceState, multiple: u32) -> Result<u64> {
    to_u64(ratio_ceil(u128::from(price.conf), multiple)?).map_err(|_| RiskError::PriceOutOfRange)
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
