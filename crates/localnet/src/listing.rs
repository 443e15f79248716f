//! What the demonstration's exchange lists: risk parameters of its assets and terms of its markets.
//!
//! Of the order that margin venues use for assets of this liquidity. Amounts are native quote (10⁻⁶ USD).
use plimsoll::state::market::ContractTerms;
use plimsoll_risk::{
    AssetParams, FeedLimits, LiquidationTerms, MarketParams, RateCurve, RATIO_ONE,
};

/// One USD in native quote.
pub const USD: u64 = 1_000_000;
/// The chain's prices are told once a second, by a clock of whole seconds: they get so many times the ages that signed messages
/// keep elsewhere.
const SLOWER: u16 = 2;
/// How old a price may be that carries new risk, seconds.
pub const PRICE_AGE: u16 = FeedLimits::SIGNED.trade_age_secs * SLOWER;
const DAY: u32 = 86_400;
const HOUR: u32 = 3_600;

/// A feed to list.
#[derive(Clone, Copy, Debug)]
pub struct FeedListing {
    pub name: &'static str,
    pub origin: Origin,
}

/// Where a feed's prices come from.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// Signed messages.
    Signed {
        /// Pyth's number of the feed.
        number: u32,
        /// Index of its price among [`crate::scenario::SYMBOLS`].
        price: usize,
        /// Whether updates that are posted to an account are its fallback.
        posted: bool,
    },
    /// A stake pool's rate times the feed of the base, capped by that of the token's own market.
    Staked { base: u8, cap: u8 },
}

/// A collateral asset to list.
pub struct AssetListing {
    pub symbol: &'static str,
    pub name: &'static str,
    pub decimals: u8,
    pub params: AssetParams,
}

/// A market to create.
pub struct MarketListing {
    pub name: &'static str,
    /// Symbol of the asset whose feed prices it.
    pub base: &'static str,
    pub terms: ContractTerms,
    pub params: MarketParams,
}

/// A ratio from a fraction.
pub fn ratio(fraction: f64) -> u32 {
    (fraction * f64::from(RATIO_ONE)).round() as u32
}

/// All feeds, in the order of their numbers: those that a derived feed is made of come before it.
pub fn feeds() -> Vec<FeedListing> {
    let signed = |name, number, price, posted| FeedListing {
        name,
        origin: Origin::Signed {
            number,
            price,
            posted,
        },
    };
    vec![
        signed("USDC", 7, 0, false),
        signed("SOL", 6, 1, false),
        signed("BTC", 1, 2, true),
        signed("ETH", 2, 3, false),
        signed("lstSOL market", 1_001, 4, false),
        FeedListing {
            name: "lstSOL",
            origin: Origin::Staked { base: 1, cap: 4 },
        },
    ]
}

/// All assets, the quote asset first, in the order of [`crate::scenario::SYMBOLS`].
pub fn assets() -> Vec<AssetListing> {
    vec![
        asset(
            ["USDC", "USD Coin"],
            6,
            [0.98, 0.99],
            [1.03, 1.01],
            [0.002, 0.01],
        ),
        asset(
            ["SOL", "Solana"],
            9,
            [0.80, 0.90],
            [1.20, 1.10],
            [0.005, 0.05],
        ),
        asset(
            ["BTC", "Bitcoin"],
            8,
            [0.85, 0.92],
            [1.15, 1.08],
            [0.005, 0.04],
        ),
        asset(
            ["ETH", "Ether"],
            8,
            [0.82, 0.90],
            [1.18, 1.10],
            [0.005, 0.05],
        ),
        asset(
            ["lstSOL", "Liquid-staked SOL"],
            9,
            [0.75, 0.85],
            [1.30, 1.15],
            [0.010, 0.06],
        ),
    ]
}

/// All markets.
pub fn markets() -> Vec<MarketListing> {
    vec![
        // A lot of 0.01 SOL; a price lot is one cent per SOL, hence 0.0001 USD per lot.
        market(
            "SOL-PERP",
            "SOL",
            (9, 10_000_000),
            [0.10, 0.05],
            [0.005, 0.02],
        ),
        // A lot of 0.0001 BTC; a price lot is one USD per BTC.
        market("BTC-PERP", "BTC", (8, 10_000), [0.05, 0.03], [0.0025, 0.01]),
        // A lot of 0.001 ETH; a price lot is ten cents per ETH.
        market(
            "ETH-PERP",
            "ETH",
            (8, 100_000),
            [0.06, 0.035],
            [0.0025, 0.01],
        ),
        // A lot of 0.01; a price lot is one cent.
        market(
            "lstSOL-PERP",
            "lstSOL",
            (9, 10_000_000),
            [0.15, 0.08],
            [0.005, 0.02],
        ),
    ]
}

/// Weights are (Init, Maint); the fee is (least, most).
fn asset(
    [symbol, name]: [&'static str; 2],
    decimals: u8,
    deposit: [f64; 2],
    debt: [f64; 2],
    fee: [f64; 2],
) -> AssetListing {
    let params = AssetParams {
        deposit_scale_start_usd: 50_000_000 * USD,
        borrow_scale_start_usd: 20_000_000 * USD,
        deposit_cap_usd: 100_000_000 * USD,
        borrow_cap_usd: 30_000_000 * USD,
        net_borrow_limit_usd: 10_000_000 * USD,
        outflow_limit_usd: 20_000_000 * USD,
        insurance_limit_usd: 1_000_000 * USD,
        dust_usd: 20 * USD,
        asset_weight_init: ratio(deposit[0]),
        asset_weight_maint: ratio(deposit[1]),
        liability_weight_init: ratio(debt[0]),
        liability_weight_maint: ratio(debt[1]),
        net_borrow_window_secs: DAY,
        outflow_window_secs: DAY,
        scale_secs: HOUR,
        per_raw_unit: 0,
        interest_fee: ratio(0.10),
        loan_origination_fee: ratio(0.0005),
        curve: RateCurve {
            zero_rate: 0,
            util0: ratio(0.50),
            rate0: ratio(0.05),
            util1: ratio(0.85),
            rate1: ratio(0.20),
            max_rate: ratio(2.0),
        },
        liquidation: liquidation(fee),
    };
    AssetListing {
        symbol,
        name,
        decimals,
        params,
    }
}

/// Seconds for which collected losses are announced: short, as everybody here is marked within a few.
pub(crate) const COVER_DELAY_SECS: u32 = 30;

/// A base lot is (decimals, native units); margin is (Init, Maint).
fn market(
    name: &'static str,
    base: &'static str,
    (base_decimals, base_lot_size): (u8, u64),
    margin: [f64; 2],
    fee: [f64; 2],
) -> MarketListing {
    let mut display = [0; 16];
    display[..name.len()].copy_from_slice(name.as_bytes());
    let terms = ContractTerms {
        base_lot_size,
        tick: 100,
        base_decimals,
        padding: [0; 7],
        name: display,
    };
    let params = MarketParams {
        size_scale_notional: 2_000_000 * USD,
        open_interest_cap_lots: 1_000_000_000,
        min_order_notional: 5 * USD,
        dust_lots: 10,
        impact_notional: 10_000 * USD,
        shortfall_floor: 100 * USD,
        insurance_per_day: 100_000 * USD,
        cover_delay_secs: COVER_DELAY_SECS,
        padding: 0,
        init_ratio: ratio(margin[0]),
        maint_ratio: ratio(margin[1]),
        profit_weight: [0, ratio(0.80), ratio(0.90)],
        maker_fee: 1_678, // 0.01 %
        taker_fee: ratio(0.0005),
        price_band_ratio: ratio(0.10),
        max_funding_per_day: ratio(0.02),
        max_premium: ratio(0.02),
        liquidation: liquidation(fee),
    };
    MarketListing {
        name,
        base,
        terms,
        params,
    }
}

fn liquidation([least, most]: [f64; 2]) -> LiquidationTerms {
    LiquidationTerms {
        fee_min: ratio(least),
        fee_max: ratio(most),
        ramp_secs: 60,
        insurance_share: ratio(0.30),
        reward_min: ratio(0.0002),
        top_up_limit: 2_000,
    }
}

/// What every feed accepts; a price carries new risk for `price_age` seconds. What pays or seizes asks for younger ones.
pub fn limits(price_age: u16) -> FeedLimits {
    let FeedLimits {
        pay_age_secs,
        seize_age_secs,
        ..
    } = FeedLimits::SIGNED;
    FeedLimits {
        max_conf_ratio: ratio(0.05),
        stable_rate_per_hour: ratio(0.25),
        trade_age_secs: price_age,
        pay_age_secs: price_age.min(pay_age_secs * SLOWER),
        seize_age_secs: price_age.min(seize_age_secs * SLOWER),
        ..FeedLimits::SIGNED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::SYMBOLS;

    #[test]
    fn every_parameter_is_one_that_the_program_accepts() {
        for listing in assets() {
            assert_eq!(listing.params.validate(), Ok(()), "{}", listing.symbol);
        }
        for listing in markets() {
            assert_eq!(listing.params.validate(), Ok(()), "{}", listing.name);
            assert!(assets().iter().any(|a| a.symbol == listing.base));
        }
        for listing in assets() {
            assert!(feeds().iter().any(|feed| feed.name == listing.symbol));
        }
        for price_age in [5, PRICE_AGE, 600] {
            assert_eq!(limits(price_age).validate(), Ok(()), "{price_age}");
        }
    }

    #[test]
    fn assets_stand_in_the_order_of_the_prices() {
        let symbols: Vec<_> = assets().iter().map(|a| a.symbol).collect();
        assert_eq!(symbols, SYMBOLS);
    }
}
