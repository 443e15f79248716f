//! Generators shared by the property tests: valid parameters, entries and portfolios over wide ranges.
#![allow(dead_code)]

pub mod portfolio;
pub mod reference;

use plimsoll_risk::liquidation::{Charged, Footing, Target};
use plimsoll_risk::position::{Balance, OpenOrder, PerpPosition};
use plimsoll_risk::*;
use proptest::prelude::*;

pub const ONE: u64 = RATIO_ONE as u64;
/// The chain's clock, Unix milliseconds.
pub const NOW: i64 = 1_700_000_000_000;
/// The exchange's clock of doubt, milliseconds.
pub const DOUBT: u64 = 40_000_000_000;
pub const CLOCK: Clock = Clock {
    now_ms: NOW,
    doubt_ms: DOUBT,
};

/// The model of an exchange that has none.
pub static NO_MODEL: std::sync::LazyLock<PortfolioModel> =
    std::sync::LazyLock::new(PortfolioModel::default);

/// Numbers spread over orders of magnitude, up to `bits` binary digits.
pub fn wide(bits: u32) -> impl Strategy<Value = u64> {
    (0..=bits, any::<u64>()).prop_map(|(bits, x)| {
        if bits == 0 {
            0
        } else {
            (x | 1 << 63) >> (64 - bits)
        }
    })
}

pub fn signed_wide(bits: u32) -> impl Strategy<Value = i64> {
    (wide(bits), any::<bool>()).prop_map(|(x, minus)| if minus { -(x as i64) } else { x as i64 })
}

fn up_to_reciprocal(fee: u32) -> u32 {
    (ONE * ONE / (ONE + u64::from(fee))) as u32
}

/// What a feed may be listed with, over the whole of its bounds.
pub fn feed_limits() -> impl Strategy<Value = FeedLimits> {
    let ratios = (
        RATIO_ONE / 1_000..=RATIO_ONE / 4,
        0..=16 * RATIO_ONE,
        1..=16 * RATIO_ONE,
        1..=RATIO_ONE / 4,
    );
    let doubt = (
        0..=RATIO_ONE / 4,
        RATIO_ONE / 4..=RATIO_ONE,
        600u32..=64_800,
    );
    let ages = (3u16..=600, 1u32..=100, 1u32..=100);
    (ratios, doubt, ages).prop_map(
        |(ratios, (doubt_benefit, doubt_floor, doubt_secs), (trade, pay, seize))| {
            let part = |whole: u16, percent: u32| (u32::from(whole) * percent / 100).max(1) as u16;
            let held = (doubt_secs / 10).min(600) as u16;
            let pay_age_secs = part(trade, pay);
            FeedLimits {
                max_conf_ratio: ratios.0,
                conf_multiple: ratios.1,
                stable_rate_per_hour: ratios.2,
                max_divergence: ratios.3,
                doubt_benefit,
                doubt_floor,
                doubt_secs,
                max_growth_per_day: RATIO_ONE / 1_000,
                trade_age_secs: trade,
                pay_age_secs,
                seize_age_secs: part(pay_age_secs, seize).min(held),
                min_publishers: 0,
            }
        },
    )
}

/// A fresh price whose stable price is at spot, that is worth no more and no less in doubt.
pub fn steady(spot: u64) -> EntryPrice {
    EntryPrice {
        published_ms: NOW,
        doubt_from: DOUBT,
        spot,
        stable: spot,
        doubt_floor: RATIO_ONE,
        doubt_secs: 3_600,
        max_age_secs: [60, 20, 10],
        ..EntryPrice::default()
    }
}

pub fn terms() -> impl Strategy<Value = LiquidationTerms> {
    (0..=RATIO_ONE / 8, 0u32..=100, 0u32..=1_000, 0..=RATIO_ONE).prop_map(
        |(fee_max, part, ramp_secs, share)| LiquidationTerms {
            fee_min: (u64::from(fee_max) * u64::from(part) / 100) as u32,
            fee_max,
            ramp_secs,
            insurance_share: share,
            // Where it is used it is held to what the exchange earns.
            reward_min: 0,
            top_up_limit: 100,
        },
    )
}

pub fn curve() -> RateCurve {
    RateCurve {
        zero_rate: RATIO_ONE / 100,
        util0: RATIO_ONE / 2,
        rate0: RATIO_ONE / 20,
        util1: RATIO_ONE / 10 * 9,
        rate1: RATIO_ONE / 5,
        max_rate: 2 * RATIO_ONE,
    }
}

pub fn asset_params() -> impl Strategy<Value = AssetParams> {
    let weights = (0u64..=1 << 20, 0u64..=1 << 20, 0..=RATIO_ONE, 0..=RATIO_ONE);
    (terms(), weights, wide(60), wide(60)).prop_map(|(liquidation, w, deposits, borrows)| {
        let highest_init = u64::from(up_to_reciprocal(liquidation.fee_max));
        let asset_weight_init = ((highest_init * w.0) >> 20) as u32;
        let room = RATIO_ONE - asset_weight_init;
        let liability_weight_maint = RATIO_ONE + w.2;
        AssetParams {
            deposit_scale_start_usd: deposits + 1,
            borrow_scale_start_usd: borrows + 1,
            deposit_cap_usd: u64::MAX,
            borrow_cap_usd: u64::MAX,
            net_borrow_limit_usd: u64::MAX,
            outflow_limit_usd: u64::MAX,
            insurance_limit_usd: u64::MAX,
            dust_usd: 1_000_000,
            asset_weight_init,
            asset_weight_maint: asset_weight_init + ((u64::from(room) * w.1) >> 20) as u32,
            liability_weight_init: (liability_weight_maint + w.3)
                .max(RATIO_ONE + liquidation.fee_max),
            liability_weight_maint,
            net_borrow_window_secs: 86_400,
            outflow_window_secs: 86_400,
            scale_secs: 3_600,
            per_raw_unit: 0,
            interest_fee: RATIO_ONE / 10,
            loan_origination_fee: 0,
            curve: curve(),
            liquidation,
        }
    })
}

pub fn market_params() -> impl Strategy<Value = MarketParams> {
    let ratios = (
        1..=RATIO_ONE / 8,
        1..=RATIO_ONE / 4,
        any::<[u32; 3]>(),
        any::<bool>(),
    );
    let fees = (
        0u32..=RATIO_ONE / 50,
        -(RATIO_ONE as i32) / 50..=RATIO_ONE as i32 / 50,
    );
    let scale = prop_oneof![Just(u64::MAX), wide(55).prop_map(|x| x + 1_000_000)];
    (terms(), ratios, fees, scale).prop_map(|(liquidation, r, (taker, maker), scale)| {
        let maint_ratio = liquidation.fee_max + r.0;
        let mut profit_weight = r.2.map(|w| w % (up_to_reciprocal(liquidation.fee_max) + 1));
        profit_weight.sort_unstable();
        if r.3 {
            profit_weight[0] = 0;
        }
        MarketParams {
            size_scale_notional: scale,
            open_interest_cap_lots: i64::MAX,
            min_order_notional: 1,
            dust_lots: 0,
            impact_notional: 1_000_000,
            shortfall_floor: 1_000_000,
            insurance_per_day: 100_000_000_000,
            cover_delay_secs: 0,
            padding: 0,
            init_ratio: maint_ratio + r.1,
            maint_ratio,
            profit_weight,
            maker_fee: maker.max(-(taker as i32)),
            taker_fee: taker,
            price_band_ratio: RATIO_ONE / 10,
            max_funding_per_day: RATIO_ONE / 10,
            max_premium: RATIO_ONE / 20,
            liquidation,
        }
    })
}

/// A price of up to `bits` digits at a shift, with a stable price and a confidence near it or far from it, fresh or not.
/// In doubt it is worth the better of spot and stable price, no more and no less.
pub fn entry_price(bits: u32) -> impl Strategy<Value = EntryPrice> {
    let age = 0i64..=700_000;
    (wide(bits), 0u64..=300, 0u64..=25, age, feed_limits()).prop_map(
        |(spot, stable_percent, conf_percent, age, limits)| {
            let spot = spot.max(1);
            EntryPrice {
                published_ms: NOW - age,
                doubt_from: DOUBT - age.unsigned_abs(),
                conf: spot / 100 * conf_percent,
                stable: (spot / 100 * stable_percent).max(1),
                conf_multiple: limits.conf_multiple,
                doubt_secs: limits.doubt_secs as u16,
                max_age_secs: limits.ages(),
                ..steady(spot)
            }
        },
    )
}

pub fn asset() -> impl Strategy<Value = (AssetParams, AssetRisk)> {
    let indices = (INDEX_ONE..=8 * INDEX_ONE, INDEX_ONE..=8 * INDEX_ONE);
    let totals = (wide(60), wide(60));
    (asset_params(), entry_price(46), 0u8..=63, indices, totals).prop_map(
        |(params, price, shift, index, totals)| {
            let mut risk = AssetRisk::listed(shift, 6);
            risk.price = price;
            (risk.deposit_index, risk.borrow_index) = index;
            let totals = BankTotals {
                deposits: totals.0,
                borrows: totals.1,
            };
            risk.recompute(&params, &totals, None).unwrap();
            (params, risk)
        },
    )
}

pub fn market() -> impl Strategy<Value = (MarketParams, MarketRisk)> {
    let funding = (signed_wide(40), signed_wide(40));
    (
        market_params(),
        entry_price(30),
        0u8..=30,
        any::<u32>(),
        wide(20),
        funding,
    )
        .prop_map(|(params, mut price, shift, fraction, tick, funding)| {
            let mut risk = MarketRisk::listed(shift, tick.max(1));
            let scale = |x: u64| (x << shift) | (u64::from(fraction) & ((1 << shift) - 1));
            (price.spot, price.stable, price.conf) =
                (scale(price.spot), scale(price.stable), scale(price.conf));
            risk.price = price;
            (risk.funding_long, risk.funding_short) = funding;
            risk.recompute(&params, None).unwrap();
            (params, risk)
        })
}

pub fn balance(asset: u16) -> impl Strategy<Value = Balance> {
    signed_wide(55).prop_map(move |shares| Balance {
        shares: Shares(shares),
        ..Balance::of(asset)
    })
}

/// An order before it is counted: side, price as a percentage of spot, lots.
pub type OrderSeed = (bool, u64, u64);

pub fn order_seeds(most: usize) -> impl Strategy<Value = Vec<OrderSeed>> {
    let percent = prop_oneof![4 => 80u64..=120, 1 => 0u64..=400];
    prop::collection::vec((any::<bool>(), percent, wide(24)), 0..=most)
}

/// Adds the orders of a market to an account's slots.
pub fn rest(
    perp: &mut PerpPosition,
    orders: &mut Vec<OpenOrder>,
    risk: &MarketRisk,
    seeds: &[OrderSeed],
) {
    for (ask, percent, lots) in seeds {
        let native = u128::from(risk.price.spot >> risk.shift);
        let price = (native * u128::from(*percent) / 100 / u128::from(risk.tick)).max(1) as u64;
        let order = OpenOrder {
            id: 1 + orders.len() as u64,
            price: PriceLots(price),
            lots: BaseLots(*lots as i64 + 1),
            market: perp.market,
            side: u8::from(*ask),
            ..OpenOrder::default()
        };
        perp.add_order(orders.len(), &order, risk.tick).unwrap();
        orders.push(order);
    }
}

pub fn perp(market: u16) -> impl Strategy<Value = PerpPosition> {
    (signed_wide(30), signed_wide(50), signed_wide(40)).prop_map(move |(position, quote, entry)| {
        PerpPosition {
            position: BaseLots(position),
            quote: QuoteNative(quote),
            // Without a position it is an entry of interest, which the markets here bear none of.
            funding_entry: if position == 0 { 0 } else { entry },
            ..PerpPosition::of(market)
        }
    })
}

/// A whole account and the entries it uses.
#[derive(Clone, Debug)]
pub struct Account {
    pub assets: Vec<AssetRisk>,
    pub asset_params: Vec<AssetParams>,
    pub markets: Vec<MarketRisk>,
    pub market_params: Vec<MarketParams>,
    pub balances: Vec<Balance>,
    pub perps: Vec<PerpPosition>,
    pub orders: Vec<OpenOrder>,
    pub clock: Clock,
    pub purpose: Purpose,
}

impl Account {
    pub fn view(&self) -> RiskView<'_> {
        RiskView {
            assets: &self.assets,
            markets: &self.markets,
            underlyings: &[],
            model: &NO_MODEL,
            clock: self.clock,
            purpose: self.purpose,
            one_price: Default::default(),
        }
    }

    pub fn portfolio(&self) -> Portfolio<'_> {
        Portfolio {
            balances: &self.balances,
            perps: &self.perps,
            orders: &self.orders,
            mode: MarginMode::Standard,
        }
    }

    pub fn health(&self, kind: HealthKind, policy: Policy) -> Health {
        StandardMargin::health(&self.view(), &self.portfolio(), kind, policy).unwrap()
    }

    pub fn assess(&self, policy: Policy) -> Assessment {
        StandardMargin::assess(&self.view(), &self.portfolio(), policy).unwrap()
    }

    /// Makes every entry fresh.
    pub fn refresh(&mut self) {
        for price in self
            .assets
            .iter_mut()
            .map(|a| &mut a.price)
            .chain(self.markets.iter_mut().map(|m| &mut m.price))
        {
            (price.published_ms, price.doubt_from, price.flags) = (NOW, DOUBT, 0);
        }
    }
}

pub fn account() -> impl Strategy<Value = Account> {
    let assets = prop::collection::vec(asset(), 1..=4);
    let markets = prop::collection::vec((market(), order_seeds(5)), 1..=3);
    let balances = (balance(0), balance(1), balance(2), balance(3));
    (assets, markets, balances, (perp(0), perp(1), perp(2))).prop_map(
        |(assets, markets, balances, perps)| {
            let mut account = Account {
                balances: <[Balance; 4]>::from(balances)
                    .into_iter()
                    .take(assets.len())
                    .collect(),
                perps: <[PerpPosition; 3]>::from(perps)
                    .into_iter()
                    .take(markets.len())
                    .collect(),
                asset_params: assets.iter().map(|a| a.0).collect(),
                assets: assets.into_iter().map(|a| a.1).collect(),
                market_params: markets.iter().map(|m| m.0 .0).collect(),
                markets: markets.iter().map(|m| m.0 .1).collect(),
                orders: Vec::new(),
                clock: CLOCK,
                purpose: Purpose::Trade,
            };
            let prices = account.assets.iter_mut().map(|risk| &mut risk.price);
            let prices = prices.chain(account.markets.iter_mut().map(|risk| &mut risk.price));
            for (feed, price) in (0..).zip(prices) {
                (price.feed, price.moves_with) = (feed, feed);
            }
            for (i, (_, seeds)) in markets.iter().enumerate() {
                rest(
                    &mut account.perps[i],
                    &mut account.orders,
                    &account.markets[i],
                    seeds,
                );
            }
            account
        },
    )
}

/// The number of cases, with nothing written into the source tree.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

/// What a slice is measured against: an account of this LiquidationEnd health and equity, of which fees may take half.
pub fn against(health: i128, equity: i128, fee: u32) -> Target {
    let standing = Footing {
        value: equity,
        requirement: equity - health,
    };
    Target {
        standing,
        from: standing,
        fee,
        charged: Charged::default(),
        allowance: equity.max(0).unsigned_abs() / 2,
        insurance_share: 0,
        reward_min: 0,
    }
}
