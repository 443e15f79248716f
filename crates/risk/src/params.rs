//! Parameters of assets and markets: meaning, bounds, and which change of each is a loosening.
//!
//! Operators may tighten at once; whatever a change loosens waits out the timelock. [`AssetParams::first_loosening`]
//! and [`MarketParams::first_loosening`] name the first field that does. A field whose change has no safe direction
//! (a window's length, a threshold's place in a formula) counts as loosened by any change.

use core::fmt;

use crate::fixed::{RiskError, RATIO_ONE};

/// Longest announcement of collected losses before profits have them.
pub const MAX_COVER_DELAY_SECS: u32 = 600;

/// A parameter outside its bounds, by field name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadParameter(pub &'static str);

impl fmt::Display for BadParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {} is outside its bounds", self.0)
    }
}

impl From<BadParameter> for RiskError {
    fn from(_: BadParameter) -> Self {
        Self::InvalidParameter
    }
}

macro_rules! require {
    ($($holds:expr => $field:literal),+ $(,)?) => {
        $(if !$holds { return Err(BadParameter($field)); })+
    };
}

// Per field: `up` when a higher value is the looser one, `down` when a lower is, `any` when every change is.
macro_rules! first_loosening {
    ($old:expr, $new:expr; $($field:ident: $direction:ident),+ $(,)?) => {
        $(if first_loosening!(@$direction $old.$field, $new.$field) { return Some(stringify!($field)); })+
    };
    (@up $old:expr, $new:expr) => { $new > $old };
    (@down $old:expr, $new:expr) => { $new < $old };
    (@any $old:expr, $new:expr) => { $new != $old };
}

pub(crate) use {first_loosening, require};

/// What a liquidation costs the account and who gets it.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct LiquidationTerms {
    /// Fee when the account is flagged, as a ratio of the value taken. Any change loosens: a lower fee may leave an
    /// account unliquidated, a higher one costs accounts more.
    pub fee_min: u32,
    /// Fee at the end of the ramp. Any change loosens.
    pub fee_max: u32,
    /// Seconds over which the fee ramps from least to most. Any change loosens.
    pub ramp_secs: u32,
    /// Part of the fee that goes to insurance. Looser down.
    pub insurance_share: u32,
    /// The least that whoever takes something over gets of its value, as a ratio: insurance pays what the fee falls short of.
    /// Less than what was paid to open it. Any change loosens.
    pub reward_min: u32,
    /// Most that insurance pays so within a day, in whole quote tokens. Looser up.
    pub top_up_limit: u32,
}

impl LiquidationTerms {
    fn validate(&self) -> Result<(), BadParameter> {
        require! {
            self.fee_min <= self.fee_max => "fee_min",
            self.fee_max <= RATIO_ONE / 4 => "fee_max",
            self.ramp_secs <= 86_400 => "ramp_secs",
            self.insurance_share <= RATIO_ONE => "insurance_share",
        }
        Ok(())
    }

    fn first_loosening(&self, new: &Self) -> Option<&'static str> {
        first_loosening! { self, new; fee_min: any, fee_max: any, ramp_secs: any, insurance_share: down,
        reward_min: any, top_up_limit: up }
        None
    }
}

/// Borrow rate by utilization: straight lines through (0, zero_rate), (util0, rate0), (util1, rate1), (1, max_rate).
/// Rates are ratios per year. Any change counts as a loosening: it reprices every open borrow.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct RateCurve {
    /// Rate at no utilization.
    pub zero_rate: u32,
    /// First kink, as a ratio.
    pub util0: u32,
    /// Rate at the first kink.
    pub rate0: u32,
    /// Second kink, as a ratio.
    pub util1: u32,
    /// Rate at the second kink.
    pub rate1: u32,
    /// Rate when everything is borrowed.
    pub max_rate: u32,
}

impl RateCurve {
    fn validate(&self) -> Result<(), BadParameter> {
        require! {
            self.util0 > 0 && self.util0 < self.util1 => "util0",
            self.util1 < RATIO_ONE => "util1",
            self.zero_rate <= self.rate0 => "rate0",
            self.rate0 <= self.rate1 => "rate1",
            self.rate1 <= self.max_rate && self.max_rate <= 50 * RATIO_ONE => "max_rate",
        }
        Ok(())
    }
}

/// Parameters of a collateral asset. Amounts named `_usd` are native quote.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct AssetParams {
    /// Total deposits above which the Init asset weight shrinks. Looser up.
    pub deposit_scale_start_usd: u64,
    /// Total borrows above which the Init liability weight grows. Looser up.
    pub borrow_scale_start_usd: u64,
    /// Most that may be deposited in all. Looser up.
    pub deposit_cap_usd: u64,
    /// Most that may be borrowed in all. Looser up.
    pub borrow_cap_usd: u64,
    /// Most that may be borrowed net of repayments at once; as much again in every window. Looser up.
    pub net_borrow_limit_usd: u64,
    /// Most that may leave the vault net of deposits at once; as much again in every window. Looser up.
    pub outflow_limit_usd: u64,
    /// Most that the exchange's insurance pays for bad debt in this asset at once, native quote; as much again in every day.
    /// Looser up: it is spent for other assets too.
    pub insurance_limit_usd: u64,
    /// A debt or collateral worth less is closed whole by a liquidation. Any change loosens.
    pub dust_usd: u64,
    /// Init weight of a deposit, before scaling. Looser up.
    pub asset_weight_init: u32,
    /// Maintenance weight of a deposit. Looser up.
    pub asset_weight_maint: u32,
    /// Init weight of a debt, before scaling. Looser down.
    pub liability_weight_init: u32,
    /// Maintenance weight of a debt. Looser down.
    pub liability_weight_maint: u32,
    /// Time in which net borrows of the limit leak away, in seconds. Any change loosens.
    pub net_borrow_window_secs: u32,
    /// Time in which an outflow of the limit leaks away, in seconds. Any change loosens.
    pub outflow_window_secs: u32,
    /// Time in which the totals that scale everybody's Init weights move by the scale's start, in seconds. Any change loosens.
    pub scale_secs: u32,
    /// One when the feed prices a raw unit of the mint (times its decimals), as a mint needs whose displayed amounts are raw
    /// ones times a multiplier; otherwise zero. Any change loosens.
    pub per_raw_unit: u32,
    /// The protocol's part of the interest, as a ratio. Any change loosens: it reprices deposits.
    pub interest_fee: u32,
    /// Fee on a new borrow, as a ratio. Any change loosens.
    pub loan_origination_fee: u32,
    /// Borrow rate by utilization.
    pub curve: RateCurve,
    /// What a liquidation of this collateral or debt costs.
    pub liquidation: LiquidationTerms,
}

const _: () = assert!(core::mem::size_of::<AssetParams>() == 152);

impl AssetParams {
    /// Checks every field against its bounds.
    ///
    /// The weights are ordered so that Init ≤ LiquidationEnd ≤ Maint for every balance, and the liquidation fee
    /// leaves room under both weights, so that swapping any collateral for any debt at the full fee helps. What insurance
    /// adds for taking over a debt is at most half of what its opening cost: nobody can gain from sinking his own account,
    /// were the debt worth twice as much by then.
    ///
    /// # Errors
    /// The first parameter that is out of bounds.
    pub fn validate(&self) -> Result<(), BadParameter> {
        self.curve.validate()?;
        self.liquidation.validate()?;
        let with_fee = u64::from(RATIO_ONE) + u64::from(self.liquidation.fee_max);
        require! {
            self.asset_weight_init <= self.asset_weight_maint => "asset_weight_init",
            self.asset_weight_maint <= RATIO_ONE => "asset_weight_maint",
            self.liability_weight_maint >= RATIO_ONE => "liability_weight_maint",
            self.liability_weight_init >= self.liability_weight_maint
                && self.liability_weight_init <= 16 * RATIO_ONE => "liability_weight_init",
            u64::from(self.asset_weight_init) * with_fee <= 1 << 48 => "fee_max",
            u64::from(self.liability_weight_init) >= with_fee => "fee_max",
            self.deposit_scale_start_usd > 0 => "deposit_scale_start_usd",
            self.borrow_scale_start_usd > 0 => "borrow_scale_start_usd",
            self.net_borrow_window_secs > 0 => "net_borrow_window_secs",
            self.outflow_window_secs > 0 => "outflow_window_secs",
            self.scale_secs > 0 && self.scale_secs <= 2_592_000 => "scale_secs",
            self.per_raw_unit <= 1 => "per_raw_unit",
            self.interest_fee <= RATIO_ONE => "interest_fee",
            self.loan_origination_fee <= RATIO_ONE / 10 => "loan_origination_fee",
            self.liquidation.reward_min <= self.loan_origination_fee / 2 => "reward_min",
        }
        Ok(())
    }

    /// The first field that `new` loosens, `None` when it only tightens or changes nothing.
    pub fn first_loosening(&self, new: &Self) -> Option<&'static str> {
        first_loosening! { self, new;
            deposit_scale_start_usd: up,
            borrow_scale_start_usd: up,
            deposit_cap_usd: up,
            borrow_cap_usd: up,
            net_borrow_limit_usd: up,
            outflow_limit_usd: up,
            insurance_limit_usd: up,
            dust_usd: any,
            asset_weight_init: up,
            asset_weight_maint: up,
            liability_weight_init: down,
            liability_weight_maint: down,
            net_borrow_window_secs: any,
            outflow_window_secs: any,
            scale_secs: any,
            per_raw_unit: any,
            interest_fee: any,
            loan_origination_fee: any,
            curve: any,
        }
        self.liquidation.first_loosening(&new.liquidation)
    }
}

/// Parameters of a perpetual market.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MarketParams {
    /// Notional (native quote) above which the margin ratio grows with its square root; `u64::MAX` for never.
    /// Looser up.
    pub size_scale_notional: u64,
    /// Most open interest of one side, in base lots. Looser up.
    pub open_interest_cap_lots: i64,
    /// Least notional (native quote) of an order, and of what is left of one in the book. Any change loosens.
    pub min_order_notional: u64,
    /// A position of fewer lots is closed whole by a liquidation. Any change loosens.
    pub dust_lots: i64,
    /// Notional (native quote) at which the book is sampled for the funding premium. Any change loosens.
    pub impact_notional: u64,
    /// A shortfall of less, in native quote, waits for more before profits share it: until then it halts nothing. Any change
    /// loosens.
    pub shortfall_floor: u64,
    /// Most that the exchange's insurance pays for the market's losses within a day, native quote. Any change loosens: less
    /// leaves more to profits, more spends what backs others.
    pub insurance_per_day: u64,
    /// Init (and LiquidationEnd) margin ratio. Looser down.
    pub init_ratio: u32,
    /// Maintenance margin ratio. Looser down.
    pub maint_ratio: u32,
    /// Part of a profit that counts, for Init, LiquidationEnd and Maint. Looser up.
    pub profit_weight: [u32; 3],
    /// Fee of the resting side, signed: negative is a rebate. Any change loosens.
    pub maker_fee: i32,
    /// Fee of the taking side. Any change loosens.
    pub taker_fee: u32,
    /// Furthest an order's price may be from the oracle on the losing side, as a ratio. Looser up.
    pub price_band_ratio: u32,
    /// Largest funding rate either way, as a ratio per day. Looser up.
    pub max_funding_per_day: u32,
    /// Largest premium either way that funding takes into account, as a ratio. Looser up.
    pub max_premium: u32,
    /// Seconds for which collected losses are announced before they are set aside for profits: time for everybody's profit to be
    /// marked. Any change loosens.
    pub cover_delay_secs: u32,
    /// Unused.
    pub padding: u32,
    /// What taking over a position costs its account.
    pub liquidation: LiquidationTerms,
}

const _: () = assert!(core::mem::size_of::<MarketParams>() == 128);

impl MarketParams {
    /// Checks every field against its bounds.
    ///
    /// The full liquidation fee stays below the Init ratio, so a slice always helps, and below the maintenance
    /// ratio, so an account caught at its line pays it out of its own margin. A profit's weight leaves room for
    /// the fee, so that paying a debt out of a profit claim helps too. What insurance adds for taking over a position is at
    /// most half of what both sides paid to open it, rebates counted: nobody can gain from sinking his own account against
    /// another of his, were the position worth twice as much by then.
    ///
    /// # Errors
    /// The first parameter that is out of bounds.
    pub fn validate(&self) -> Result<(), BadParameter> {
        self.liquidation.validate()?;
        let [init, liquidation_end, maint] = self.profit_weight;
        let with_fee = u64::from(RATIO_ONE) + u64::from(self.liquidation.fee_max);
        let earned = i64::from(self.maker_fee) + i64::from(self.taker_fee);
        require! {
            self.maint_ratio > self.liquidation.fee_max => "maint_ratio",
            self.init_ratio > self.maint_ratio && self.init_ratio <= RATIO_ONE => "init_ratio",
            self.size_scale_notional >= 1_000_000 => "size_scale_notional",
            init <= liquidation_end && liquidation_end <= maint && maint <= RATIO_ONE => "profit_weight",
            u64::from(liquidation_end) * with_fee <= 1 << 48 => "profit_weight",
            self.taker_fee <= RATIO_ONE / 10 => "taker_fee",
            self.maker_fee <= 1 << 20 && earned >= 0 => "maker_fee",
            i64::from(self.liquidation.reward_min) <= earned / 2 => "reward_min",
            self.open_interest_cap_lots >= 0 => "open_interest_cap_lots",
            (1..=1_000_000_000).contains(&self.min_order_notional) => "min_order_notional",
            self.dust_lots >= 0 => "dust_lots",
            self.impact_notional > 0 => "impact_notional",
            self.shortfall_floor > 0 => "shortfall_floor",
            self.cover_delay_secs <= MAX_COVER_DELAY_SECS => "cover_delay_secs",
            self.price_band_ratio > 0 && self.price_band_ratio <= RATIO_ONE => "price_band_ratio",
            self.max_funding_per_day <= RATIO_ONE => "max_funding_per_day",
            self.max_premium <= RATIO_ONE => "max_premium",
        }
        Ok(())
    }

    /// The first field that `new` loosens, `None` when it only tightens or changes nothing.
    pub fn first_loosening(&self, new: &Self) -> Option<&'static str> {
        first_loosening! { self, new;
            size_scale_notional: up,
            open_interest_cap_lots: up,
            min_order_notional: any,
            dust_lots: any,
            impact_notional: any,
            shortfall_floor: any,
            insurance_per_day: any,
            cover_delay_secs: any,
            init_ratio: down,
            maint_ratio: down,
            maker_fee: any,
            taker_fee: any,
            price_band_ratio: up,
            max_funding_per_day: up,
            max_premium: up,
        }
        if self
            .profit_weight
            .iter()
            .zip(&new.profit_weight)
            .any(|(old, new)| new > old)
        {
            return Some("profit_weight");
        }
        self.liquidation.first_loosening(&new.liquidation)
    }
}
