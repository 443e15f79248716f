//! The model's parameters as a new exchange sets them.

use crate::fixed::RATIO_ONE;

use super::params::{ModelParams, MAX_FACTORS};
use super::scenario::{MAX_SCENARIOS, TABLE};

/// `numerator / denominator` as a ratio, rounded up: for the protocol in every use here.
const fn ratio(numerator: u32, denominator: u32) -> u32 {
    (RATIO_ONE * numerator).div_ceil(denominator)
}

impl ModelParams {
    /// What a new exchange starts from. Volatilities are learnt with half-lives of eleven days and of ten weeks, and collateral
    /// in Standard margin leaves room for a move of one daily volatility: three and a quarter deviations of the two to
    /// three hours that selling it takes.
    pub const fn standard() -> Self {
        Self {
            deviations: ratio(13, 4),
            correlation_breakdown: ratio(1, 4),
            gross_floor: ratio(3, 100),
            crash_multiple: ratio(1, 2),
            maint_fraction: ratio(4, 5),
            depeg_ratio: ratio(1, 200),
            fast_decay: ratio(94, 100),
            slow_decay: ratio(99, 100),
            sample_secs: 300,
            max_rise_per_hour: ratio(1, 100),
            announcement_secs: 3_600,
            collateral_deviations: RATIO_ONE,
            factor_count: MAX_FACTORS as u8,
            scenario_count: MAX_SCENARIOS as u8,
            padding: [0; 6],
            scenarios: TABLE,
        }
    }
}
