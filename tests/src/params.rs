//! Realistic parameters of assets and markets.
use plimsoll::state::market::ContractTerms;
use plimsoll_risk::{
    AssetParams, FeedLimits, LiquidationTerms, MarketParams, RateCurve, RATIO_ONE,
};

use crate::usd;

/// Dollars that insurance may add to liquidators' rewards in a day.
pub const TOP_UP_LIMIT: u32 = 20;

/// A ratio from a number.
pub fn ratio(value: f64) -> u32 {
    (value * f64::from(RATIO_ONE)).round() as u32
}

/// Limits for a feed that beats every minute.
pub fn feed_limits() -> FeedLimits {
    FeedLimits {
        conf_multiple: ratio(1.0),
        stable_rate_per_hour: ratio(0.25),
        ..FeedLimits::DEFAULT
    }
}

/// Borrowing dear only near the last of the liquidity.
pub fn rate_curve() -> RateCurve {
    RateCurve {
        zero_rate: ratio(0.005),
        util0: ratio(0.5),
        rate0: ratio(0.05),
        util1: ratio(0.8),
        rate1: ratio(0.15),
        max_rate: ratio(1.5),
    }
}

/// The quote asset: full weight, and no fee to pay in it.
pub fn quote_params() -> AssetParams {
    AssetParams {
        asset_weight_init: ratio(1.0),
        asset_weight_maint: ratio(1.0),
        liability_weight_init: ratio(1.0),
        liability_weight_maint: ratio(1.0),
        liquidation: LiquidationTerms {
            fee_min: 0,
            fee_max: 0,
            ramp_secs: 40,
            insurance_share: ratio(0.2),
            reward_min: ratio(0.0002),
            top_up_limit: TOP_UP_LIMIT,
        },
        ..volatile_params(1.0, 1.0)
    }
}

/// A volatile asset with these deposit weights; the debt weights mirror them.
pub fn volatile_params(init: f64, maint: f64) -> AssetParams {
    AssetParams {
        deposit_scale_start_usd: usd(100_000_000),
        borrow_scale_start_usd: usd(50_000_000),
        deposit_cap_usd: usd(500_000_000),
        borrow_cap_usd: usd(100_000_000),
        net_borrow_limit_usd: usd(20_000_000),
        outflow_limit_usd: usd(50_000_000),
        insurance_limit_usd: usd(10_000_000),
        dust_usd: usd(5),
        asset_weight_init: ratio(init),
        asset_weight_maint: ratio(maint),
        liability_weight_init: ratio(2.0 - init),
        liability_weight_maint: ratio(2.0 - maint),
        net_borrow_window_secs: 86_400,
        outflow_window_secs: 86_400,
        scale_secs: 3_600,
        per_raw_unit: 0,
        interest_fee: ratio(0.1),
        loan_origination_fee: ratio(0.0005),
        curve: rate_curve(),
        liquidation: LiquidationTerms {
            fee_min: ratio(0.01),
            fee_max: ratio(0.05),
            ramp_secs: 40,
            insurance_share: ratio(0.2),
            reward_min: ratio(0.0002),
            top_up_limit: TOP_UP_LIMIT,
        },
    }
}

/// A perpetual at ten times leverage.
pub fn market_params() -> MarketParams {
    MarketParams {
        size_scale_notional: usd(1_000_000),
        open_interest_cap_lots: 100_000_000,
        min_order_notional: 1,
        dust_lots: 3,
        impact_notional: usd(5_000),
        shortfall_floor: usd(1),
        insurance_per_day: usd(1_000_000),
        cover_delay_secs: 0,
        padding: 0,
        init_ratio: ratio(0.1),
        maint_ratio: ratio(0.05),
        profit_weight: [0, 0, ratio(0.5)],
        maker_fee: -(ratio(0.0001) as i32),
        taker_fee: ratio(0.0005),
        price_band_ratio: ratio(0.1),
        max_funding_per_day: ratio(0.02),
        max_premium: ratio(0.05),
        liquidation: LiquidationTerms {
            fee_min: ratio(0.005),
            fee_max: ratio(0.025),
            ramp_secs: 40,
            insurance_share: ratio(0.2),
            reward_min: ratio(0.0002),
            top_up_limit: TOP_UP_LIMIT,
        },
    }
}

/// Lots of `lot` native units of a base with `decimals`, one price lot being 0.0001 USD a lot.
pub fn terms(name: &str, decimals: u8, lot: u64) -> ContractTerms {
    let mut padded = [0; 16];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    ContractTerms {
        base_lot_size: lot,
        tick: 100,
        base_decimals: decimals,
        padding: [0; 7],
        name: padded,
    }
}
