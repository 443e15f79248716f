//! An exchange of made-up accounts, for measuring and testing what a liquidator computes. The mix of sizes is that of a
//! busy exchange: most accounts hold a few things, some hold everything that the limits allow.
use std::sync::Arc;

use anchor_lang::prelude::Pubkey;
use plimsoll::state::{margin_account::account_state, MarginAccount, RiskState};
use plimsoll_client::copy::boxed;
use plimsoll_risk::{
    AssetParams, AssetRisk, Balance, BankTotals, BaseLots, EntryPrice, FeedLimits,
    LiquidationTerms, MarketParams, MarketRisk, OpenOrder, PerpPosition, PriceLots, QuoteNative,
    RateCurve, RATIO_ONE,
};

use super::outlook::Outlook;

/// Listed assets and markets.
pub const ASSETS: u16 = 32;
pub const MARKETS: u16 = 32;
/// Feeds: one for each of them, in their order.
pub const FEEDS: u8 = 64;
/// The time at which everything is fresh, Unix seconds.
pub const NOW: i64 = 1_700_000_000;

/// Binary places of every price.
const SHIFT: u8 = 20;
/// Native quote of a dollar.
const DOLLAR: f64 = 1e6;

/// The market-wide numbers and the seed that the accounts follow from.
pub struct World {
    pub outlook: Outlook,
    pub asset_params: Vec<AssetParams>,
    pub market_params: Vec<MarketParams>,
    seed: u64,
}

/// A generator of numbers that are the same on every machine (SplitMix64).
pub struct Numbers(u64);

impl Numbers {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw().checked_rem(end).unwrap_or(0)
    }

    /// A number from zero to one.
    pub fn part(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.part()
    }
}

impl World {
    /// An exchange at made-up prices.
    pub fn new(seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let mut risk: Box<RiskState> = bytemuck::zeroed_box();
        (risk.asset_count, risk.market_count) = (ASSETS, MARKETS);
        // A feed for each of them.
        risk.feed_count = FEEDS;
        for feed in risk.feeds.iter_mut().take(usize::from(FEEDS)) {
            feed.limits = FeedLimits::DEFAULT;
            (feed.price.spot, feed.price.published_ms) = (1, NOW * 1_000);
            feed.price.primary_ms = NOW * 1_000;
        }
        let (mut asset_params, mut market_params) = (Vec::new(), Vec::new());
        for (index, entry) in (0..ASSETS).zip(&mut risk.assets) {
            let params = asset(index == 0);
            *entry = asset_entry(&params, index, &mut numbers);
            asset_params.push(params);
        }
        for (index, entry) in (0..MARKETS).zip(&mut risk.markets) {
            let params = market();
            *entry = market_entry(&params, ASSETS + index, &mut numbers);
            market_params.push(params);
        }
        Self {
            outlook: Outlook::new(Arc::from(risk), NOW),
            asset_params,
            market_params,
            seed,
        }
    }

    /// The same exchange after all prices but quote's moved by a common factor and each by one of its own.
    pub fn shocked(&self, factor: f64, spread: f64, seed: u64) -> Outlook {
        let mut numbers = Numbers::new(seed);
        let mut risk = boxed(self.outlook.risk());
        for (entry, params) in risk.assets.iter_mut().zip(&self.asset_params).skip(1) {
            entry.price.spot = scaled(entry.price.spot, factor, spread, &mut numbers);
            // Cannot fail: prices stay far from the ends of their range.
            let _ = entry.recompute(params, &BankTotals::default(), None);
        }
        for (entry, params) in risk.markets.iter_mut().zip(&self.market_params) {
            entry.price.spot = scaled(entry.price.spot, factor, spread, &mut numbers);
            let _ = entry.recompute(params, None);
        }
        Outlook::new(Arc::from(risk), NOW + 1)
    }

    /// Account number `number`: one in twenty uses every slot there is, the others a few.
    pub fn account(&self, number: u64) -> Box<MarginAccount> {
        let mut numbers = Numbers::new(self.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let (balances, perps, orders) = match numbers.below(20) {
            0 => (16, 16, 64),
            1..=9 => (1 + numbers.below(2), 1 + numbers.below(2), numbers.below(3)),
            10..=16 => (2 + numbers.below(4), numbers.below(5), numbers.below(12)),
            _ => (2 + numbers.below(5), 0, 0),
        };
        let mut account: Box<MarginAccount> = bytemuck::zeroed_box();
        account.owner = Pubkey::new_from_array(bytemuck::cast([number, 1, 2, 3]));
        account.state = account_state::ACTIVE;
        account.balances = [Balance::FREE; 16];
        account.perps = [PerpPosition::default(); 16];
        let wealth = 10f64.powf(numbers.between(2.0, 6.0));
        self.give_balances(&mut account, balances, wealth, &mut numbers);
        self.give_positions(&mut account, perps, wealth, &mut numbers);
        self.give_orders(&mut account, perps, orders, wealth, &mut numbers);
        account
    }

    /// Quote first, then other assets, a third of them owed.
    fn give_balances(
        &self,
        account: &mut MarginAccount,
        count: u64,
        wealth: f64,
        numbers: &mut Numbers,
    ) {
        let first = 1 + numbers.below(u64::from(ASSETS) - 16);
        for (slot, number) in account.balances.iter_mut().zip(0..count) {
            let asset = if number == 0 { 0 } else { first + number - 1 };
            let index = u16::try_from(asset).unwrap_or(0);
            let owed = number > 0 && numbers.below(3) == 0;
            let worth = wealth / count as f64 * numbers.between(0.5, 1.5);
            let worth = if owed { -0.6 * worth } else { worth };
            let entry = &self.outlook.risk().assets[usize::from(index)];
            *slot = Balance::of(index);
            slot.shares.0 = (worth * DOLLAR / unscaled(entry.price.spot)) as i64;
        }
    }

    /// Longs and shorts at entry prices near spot, up to some twelve times the account's wealth together.
    fn give_positions(
        &self,
        account: &mut MarginAccount,
        count: u64,
        wealth: f64,
        numbers: &mut Numbers,
    ) {
        let first = numbers.below(u64::from(MARKETS) - 15);
        let leverage = numbers.between(0.0, 12.0);
        for (slot, number) in account.perps.iter_mut().zip(0..count) {
            let index = u16::try_from(first + number).unwrap_or(0);
            let entry = &self.outlook.risk().markets[usize::from(index)];
            let spot = unscaled(entry.price.spot);
            let worth = wealth * leverage / count as f64 * numbers.part();
            let lots = (worth * DOLLAR / spot) as i64;
            let lots = if numbers.below(2) == 0 { lots } else { -lots };
            *slot = PerpPosition::of(index);
            slot.position = BaseLots(lots);
            slot.quote = QuoteNative((-(lots as f64) * spot * numbers.between(0.95, 1.05)) as i64);
        }
    }

    /// Orders on both sides of spot, some of them priced worse than it.
    fn give_orders(
        &self,
        account: &mut MarginAccount,
        markets: u64,
        count: u64,
        wealth: f64,
        numbers: &mut Numbers,
    ) {
        if markets == 0 {
            return;
        }
        let MarginAccount { perps, orders, .. } = account;
        for (place, order) in orders.iter_mut().enumerate().take(count as usize) {
            let perp = &mut perps[place % markets as usize];
            let entry = &self.outlook.risk().markets[usize::from(perp.market)];
            let spot = unscaled(entry.price.spot);
            let (side, price) = match numbers.below(2) {
                0 => (0, spot * numbers.between(0.96, 1.003)),
                _ => (1, spot * numbers.between(0.997, 1.04)),
            };
            *order = OpenOrder {
                id: place as u64 + 1,
                price: PriceLots((price / entry.tick as f64).max(1.0) as u64),
                lots: BaseLots((wealth * 0.02 * DOLLAR / spot) as i64 + 1),
                market: perp.market,
                side,
                ..OpenOrder::default()
            };
            if perp.add_order(place, order, entry.tick).is_err() {
                *order = OpenOrder::default();
            }
        }
    }
}

fn scaled(price: u64, factor: f64, spread: f64, numbers: &mut Numbers) -> u64 {
    (price as f64 * factor * numbers.between(1.0 - spread, 1.0 + spread)) as u64
}

/// Native quote per unit of a price mantissa.
fn unscaled(mantissa: u64) -> f64 {
    mantissa as f64 / f64::from(1u32 << SHIFT)
}

fn price(native: f64, feed: u16) -> EntryPrice {
    let spot = (native * f64::from(1u32 << SHIFT)) as u64;
    let limits = FeedLimits::DEFAULT;
    EntryPrice {
        published_ms: NOW * 1_000,
        doubt_from: 0,
        spot,
        conf: spot / 2_000,
        stable: spot,
        conf_multiple: RATIO_ONE,
        doubt_benefit: limits.doubt_benefit,
        doubt_floor: limits.doubt_floor,
        doubt_secs: limits.doubt_secs as u16,
        max_age_secs: limits.ages(),
        flags: 0,
        feed: u8::try_from(feed).unwrap_or(u8::MAX),
        moves_with: u8::try_from(feed).unwrap_or(u8::MAX),
        padding: 0,
    }
}

fn asset_entry(params: &AssetParams, index: u16, numbers: &mut Numbers) -> AssetRisk {
    // Native quote per native unit, from a memecoin of five decimals to bitcoin of eight.
    let native = if index == 0 {
        1.0
    } else {
        10f64.powf(numbers.between(-1.0, 2.8))
    };
    let mut entry = AssetRisk::listed(SHIFT, 6);
    entry.price = price(native, index);
    let _ = entry.recompute(params, &BankTotals::default(), None);
    entry
}

fn market_entry(params: &MarketParams, feed: u16, numbers: &mut Numbers) -> MarketRisk {
    // A lot is worth between ten cents and ten dollars; a price lot is a ten-thousandth of that or less.
    let native = 10f64.powf(numbers.between(5.0, 7.0));
    let mut entry = MarketRisk::listed(SHIFT, 10);
    entry.price = price(native, feed);
    let _ = entry.recompute(params, None);
    entry
}

/// A ratio from a number.
fn ratio(value: f64) -> u32 {
    (value * f64::from(RATIO_ONE)) as u32
}

fn fees(least: f64, most: f64) -> LiquidationTerms {
    LiquidationTerms {
        fee_min: ratio(least),
        fee_max: ratio(most),
        ramp_secs: 40,
        insurance_share: ratio(0.2),
        reward_min: 0,
        top_up_limit: 0,
    }
}

fn asset(quote: bool) -> AssetParams {
    let (init, maint) = if quote { (1.0, 1.0) } else { (0.8, 0.9) };
    let dollars = |amount: f64| (amount * DOLLAR) as u64;
    AssetParams {
        deposit_scale_start_usd: dollars(1e8),
        borrow_scale_start_usd: dollars(1e8),
        deposit_cap_usd: dollars(1e9),
        borrow_cap_usd: dollars(1e9),
        net_borrow_limit_usd: dollars(1e8),
        outflow_limit_usd: dollars(1e8),
        insurance_limit_usd: dollars(1e7),
        dust_usd: dollars(5.0),
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
        curve: RateCurve::default(),
        liquidation: if quote {
            fees(0.0, 0.0)
        } else {
            fees(0.01, 0.05)
        },
    }
}

fn market() -> MarketParams {
    let dollars = |amount: f64| (amount * DOLLAR) as u64;
    MarketParams {
        size_scale_notional: dollars(1e6),
        open_interest_cap_lots: i64::MAX,
        min_order_notional: 1,
        dust_lots: 3,
        impact_notional: dollars(5_000.0),
        shortfall_floor: dollars(100.0),
        insurance_per_day: dollars(100_000.0),
        cover_delay_secs: 0,
        padding: 0,
        init_ratio: ratio(0.1),
        maint_ratio: ratio(0.05),
        profit_weight: [0, 0, ratio(0.5)],
        maker_fee: 0,
        taker_fee: ratio(0.0005),
        price_band_ratio: ratio(0.1),
        max_funding_per_day: ratio(0.02),
        max_premium: ratio(0.05),
        liquidation: fees(0.005, 0.025),
    }
}
