//! Random risk states with a portfolio model, and random accounts in either mode of margin.
#![allow(dead_code)]

use anchor_lang::prelude::{Clock, Pubkey};
use bytemuck::zeroed_box;
use plimsoll::state::{MarginAccount, RiskState};
use plimsoll_client::health::clock;
use plimsoll_risk::{
    portfolio::{CRASH_DAYS, LOADING_ONE, TABLE},
    AssetParams, AssetRisk, Balance, BankTotals, BaseLots, EntryPrice, FeedLimits, MarketParams,
    MarketRisk, ModelParams, OpenOrder, PerpPosition, PriceLots, QuoteNative, Shares,
    UnderlyingParams, UnderlyingRisk, INDEX_ONE, RATIO_ONE,
};

pub const NOW: i64 = 1_700_000_000;
pub const SLOT: u64 = 5_000;
pub const TICK: u64 = 100;
pub const ASSETS: usize = 4;
pub const MARKETS: usize = 3;

/// A linear congruential generator: the same accounts for the same seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    pub fn signed(&mut self, most: u64) -> i64 {
        let size = self.below(most).cast_signed();
        if self.below(2) == 0 {
            size
        } else {
            -size
        }
    }

    pub fn ratio(&mut self, from: f64, to: f64) -> u32 {
        let at = from + (to - from) * self.below(1_000) as f64 / 1_000.0;
        (at * f64::from(RATIO_ONE)) as u32
    }

    fn price(&mut self, spot: u64, feed: usize) -> EntryPrice {
        let (away, limits) = (spot / 20, FeedLimits::DEFAULT);
        EntryPrice {
            published_ms: NOW * 1_000 - self.below(50_000).cast_signed(),
            doubt_from: 0,
            spot,
            conf: self.below(spot / 500 + 1),
            stable: spot - away + self.below(2 * away + 1),
            conf_multiple: limits.conf_multiple,
            doubt_benefit: limits.doubt_benefit,
            doubt_floor: limits.doubt_floor,
            doubt_secs: limits.doubt_secs as u16,
            max_age_secs: limits.ages(),
            flags: 0,
            feed: feed as u8,
            moves_with: feed as u8,
            padding: 0,
        }
    }

    fn asset(&mut self, index: usize) -> AssetRisk {
        let shift = 30;
        let mut entry = AssetRisk::listed(shift, 6);
        let spot = if index == 0 {
            1 << shift
        } else {
            (1 << shift) + self.below(1 << 36)
        };
        entry.price = self.price(spot, index);
        entry.deposit_index = INDEX_ONE + self.below(INDEX_ONE / 4);
        entry.borrow_index = entry.deposit_index + self.below(INDEX_ONE / 4);
        let params = AssetParams {
            asset_weight_init: self.ratio(0.5, 0.85),
            asset_weight_maint: self.ratio(0.85, 0.95),
            liability_weight_init: self.ratio(1.15, 1.4),
            liability_weight_maint: self.ratio(1.05, 1.15),
            deposit_scale_start_usd: u64::MAX,
            borrow_scale_start_usd: u64::MAX,
            ..AssetParams::default()
        };
        entry
            .recompute(&params, &BankTotals::default(), None)
            .unwrap();
        entry
    }

    fn market(&mut self, index: usize) -> MarketRisk {
        let shift = 12;
        let mut entry = MarketRisk::listed(shift, TICK);
        let spot = (500 + self.below(5_000)) * TICK;
        entry.price = self.price(spot << shift, ASSETS + index);
        let params = MarketParams {
            size_scale_notional: 50_000_000_000,
            init_ratio: self.ratio(0.08, 0.2),
            maint_ratio: self.ratio(0.03, 0.08),
            profit_weight: [0, RATIO_ONE / 2, RATIO_ONE],
            maker_fee: 500,
            ..MarketParams::default()
        };
        entry.recompute(&params, None).unwrap();
        entry
    }

    pub fn risk(&mut self) -> Box<RiskState> {
        let mut risk: Box<RiskState> = zeroed_box();
        risk.asset_count = ASSETS as u16;
        risk.market_count = MARKETS as u16;
        risk.feed_count = (ASSETS + MARKETS) as u8;
        for (i, feed) in (0u8..risk.feed_count).zip(&mut risk.feeds) {
            feed.name[..2].copy_from_slice(&[b'F', b'A' + i]);
        }
        for i in 0..ASSETS {
            risk.assets[i] = self.asset(i);
        }
        for i in 0..MARKETS {
            risk.markets[i] = self.market(i);
        }
        self.cover(&mut risk);
        risk
    }

    /// A portfolio model that covers two assets and two markets by two underlyings.
    fn cover(&mut self, risk: &mut RiskState) {
        risk.model.params = ModelParams {
            deviations: self.ratio(3.0, 3.5),
            correlation_breakdown: self.ratio(0.1, 0.5),
            gross_floor: self.ratio(0.01, 0.05),
            crash_multiple: self.ratio(0.2, 0.8),
            maint_fraction: self.ratio(0.7, 0.9),
            depeg_ratio: self.ratio(0.0, 0.01),
            factor_count: 1,
            scenario_count: 24,
            scenarios: TABLE,
            ..risk.model.params
        };
        risk.model.factors[0].volatility = [self.ratio(0.03, 0.04), self.ratio(0.02, 0.03)];
        risk.underlying_count = 2;
        for (i, name) in [*b"SOL\0\0\0\0\0", *b"BTC\0\0\0\0\0"]
            .into_iter()
            .enumerate()
        {
            let depth = 20_000_000_000u64;
            risk.underlyings[i] = UnderlyingRisk {
                params: UnderlyingParams {
                    name,
                    depth_notional: depth,
                    loadings: [LOADING_ONE + LOADING_ONE / 4 * i as i32, 0, 0],
                    crash_returns: [-LOADING_ONE / 3; CRASH_DAYS],
                    liquidity_ratio: self.ratio(0.0, 0.2),
                    basis_ratio: self.ratio(0.0, 0.02),
                    ..UnderlyingParams::default()
                },
                idiosyncratic: [self.ratio(0.01, 0.03), self.ratio(0.005, 0.01)],
                isolated: [self.ratio(0.05, 0.06), self.ratio(0.03, 0.04)],
                depth_inverse_root: (2f64.powi(63) / (depth as f64).sqrt()).ceil() as u64,
                ..UnderlyingRisk::default()
            };
            risk.assets[1 + i].underlying = 1 + i as u8;
            risk.markets[i].underlying = 1 + i as u8;
        }
    }

    pub fn account(&mut self, risk: &RiskState) -> Box<MarginAccount> {
        let mut account: Box<MarginAccount> = zeroed_box();
        account.owner = Pubkey::new_from_array([9; 32]);
        account.margin_mode = self.below(2) as u8;
        account.balances = [Balance::FREE; 16];
        account.perps = [PerpPosition::default(); 16];
        for i in 0..ASSETS {
            let most = if i == 0 {
                40_000_000_000
            } else {
                1_000_000_000
            };
            account.balances[i] = Balance {
                shares: Shares(self.signed(most)),
                ..Balance::of(i as u16)
            };
        }
        for i in 0..MARKETS {
            let position = self.signed(200_000);
            let entry = &risk.markets[i];
            let worth = i128::from(position) * i128::from(entry.price.spot >> entry.shift);
            account.perps[i] = PerpPosition {
                position: BaseLots(position),
                quote: QuoteNative(i64::try_from(-worth).unwrap() + self.signed(1_000_000_000)),
                opened: QuoteNative(i64::try_from(-worth).unwrap() + self.signed(1_000_000_000)),
                ..PerpPosition::of(i as u16)
            };
            if self.below(2) == 0 {
                self.rest(&mut account, entry, i);
            }
        }
        account
    }

    fn rest(&mut self, account: &mut MarginAccount, entry: &MarketRisk, market: usize) {
        let spot = (entry.price.spot >> entry.shift) / TICK;
        let order = OpenOrder {
            id: 1 + market as u64,
            price: PriceLots(spot * (90 + self.below(20)) / 100),
            lots: BaseLots(1 + self.below(50_000).cast_signed()),
            market: market as u16,
            side: self.below(2) as u8,
            ..OpenOrder::default()
        };
        account.perps[market]
            .add_order(market, &order, TICK)
            .unwrap();
        account.orders[market] = order;
    }
}

/// When it is.
pub fn now() -> Clock {
    clock(SLOT, NOW)
}
