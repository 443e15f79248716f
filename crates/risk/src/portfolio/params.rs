//! What operators set about the portfolio model: its multiples, its scenarios, and each underlying's loadings and limits.
//!
//! Bounds and the direction in which each field loosens stand with the other parameters' rules in `bounds.rs`.

use super::crash::CRASH_DAYS;
use super::scenario::{Scenario, MAX_SCENARIOS};

/// Factors that the model can have.
pub const MAX_FACTORS: usize = 3;
/// Fraction bits of a loading or a crash day's return (signed Q11.20).
pub const LOADING_BITS: u32 = 20;
/// One as a loading or return.
pub const LOADING_ONE: i32 = 1 << LOADING_BITS;

/// Parameters of the portfolio model, one set for an exchange. Ratios are Q8.24.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct ModelParams {
    /// `k`: how many standard deviations of a day the requirement covers. Looser down.
    pub deviations: u32,
    /// `d`: the part charged as if nothing hedged anything, for correlations that break down. Looser down.
    pub correlation_breakdown: u32,
    /// `φ`: least requirement as a part of the gross delta. Looser down.
    pub gross_floor: u32,
    /// `h`: the part of the worst named crash day that the requirement covers. Looser down.
    pub crash_multiple: u32,
    /// Maintenance requirement as a part of that at which a liquidation ends. Looser down.
    pub maint_fraction: u32,
    /// Margin on a deposit of the quote asset, for its peg. Looser down.
    pub depeg_ratio: u32,
    /// `λ` of the fast variance: the weight that a day leaves to what was before. Any change loosens.
    pub fast_decay: u32,
    /// `λ` of the slow variance. Any change loosens.
    pub slow_decay: u32,
    /// Least time between two samples of a variance, in seconds. Any change loosens.
    pub sample_secs: u32,
    /// Fastest relative rise of a volatility, as a ratio per hour. Any change loosens: slower lets risk outrun margin,
    /// faster takes accounts by surprise.
    pub max_rise_per_hour: u32,
    /// How long a rise of volatility is announced before the maintenance line takes it over, in seconds. Any change
    /// loosens.
    pub announcement_secs: u32,
    /// Deviations that a collateral's weight covers in Standard margin, times the square root of the days that selling
    /// it takes. Looser down.
    pub collateral_deviations: u32,
    /// Factors in use, at most [`MAX_FACTORS`].
    pub factor_count: u8,
    /// Scenarios in use, at most [`MAX_SCENARIOS`]; zero while the model is off.
    pub scenario_count: u8,
    /// Unused.
    pub padding: [u8; 6],
    /// The scenarios. Any change loosens.
    pub scenarios: [Scenario; MAX_SCENARIOS],
}

const _: () = assert!(core::mem::size_of::<ModelParams>() == 56 + 12 * MAX_SCENARIOS);

impl ModelParams {
    /// The scenarios in use.
    #[inline(always)]
    pub fn scenarios(&self) -> &[Scenario] {
        self.scenarios
            .get(..usize::from(self.scenario_count))
            .unwrap_or(&self.scenarios)
    }
}

/// Parameters of one underlying: what the prices of assets and markets follow.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct UnderlyingParams {
    /// Name for display, UTF-8, zero-padded. Not a limit.
    pub name: [u8; 8],
    /// Delta, in native quote, above which the liquidity add-on grows. Looser up.
    pub depth_notional: u64,
    /// `β`: move of the underlying per move of each factor, Q11.20. Any change loosens.
    pub loadings: [i32; MAX_FACTORS],
    /// Return on each of the named crash days, Q11.20. Any change loosens.
    pub crash_returns: [i32; CRASH_DAYS],
    /// Least volatility per square root of a day, whatever was observed (the stressed floor). Looser down.
    pub volatility_floor: u32,
    /// Least idiosyncratic volatility; for a factor's driver the factor's. Looser down.
    pub idiosyncratic_floor: u32,
    /// `f`: growth of the liquidity add-on with the square root of size. Looser down.
    pub liquidity_ratio: u32,
    /// Margin on longs that only shorts of the same underlying hedge. Looser down.
    pub basis_ratio: u32,
    /// Price impact of selling collateral, for its weight in Standard margin. Looser down.
    pub slippage: u32,
    /// Number of the factor that it drives, from 1; zero for none. Any change loosens.
    pub factor: u8,
    /// Unused.
    pub padding: [u8; 7],
}

const _: () = assert!(core::mem::size_of::<UnderlyingParams>() == 88);
