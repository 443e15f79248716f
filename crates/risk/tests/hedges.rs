//! Hedges in portfolio margin: what mirrors a loss of the same underlying counts whole, and nothing else does.
use bytemuck::Zeroable;
use plimsoll_risk::{
    entry_price::EntryPrice,
    portfolio::{
        ModelParams, PortfolioModel, UnderlyingParams, UnderlyingRisk, CRASH_DAYS, LOADING_ONE,
    },
    position::{FundingIndices, OpenOrder, PerpPosition, Side},
    *,
};
use proptest::prelude::*;

const SHIFT: u8 = 16;
/// Native units, and lots, of what is hedged: 1,000 at 150 dollars.
const UNITS: i64 = 1_000_000;
const SOL: usize = 1;

/// The quote asset, one deposit and two markets that follow one underlying.
struct World {
    assets: Vec<AssetRisk>,
    markets: Vec<MarketRisk>,
    model: PortfolioModel,
    underlyings: Vec<UnderlyingRisk>,
}

impl World {
    fn new(weights: [[u32; 3]; 2]) -> Self {
        let mut model = PortfolioModel::zeroed();
        model.params = ModelParams::standard();
        model.params.factor_count = 1;
        model.params.depeg_ratio = 0;
        let mut underlying = UnderlyingRisk::zeroed();
        let params = UnderlyingParams {
            depth_notional: u64::MAX,
            loadings: [LOADING_ONE, 0, 0],
            crash_returns: [-LOADING_ONE / 5; CRASH_DAYS],
            volatility_floor: RATIO_ONE / 25,
            basis_ratio: RATIO_ONE / 100,
            factor: 1,
            ..UnderlyingParams::default()
        };
        underlying.set_params(&params).unwrap();
        model.factors[0].volatility = [RATIO_ONE / 25; 2];
        underlying.isolated = [RATIO_ONE / 25; 2];
        let mut world = Self {
            assets: vec![AssetRisk::listed(SHIFT, 6), AssetRisk::listed(SHIFT, 9)],
            markets: vec![MarketRisk::listed(SHIFT, 1); 2],
            model,
            underlyings: vec![underlying],
        };
        world.assets[SOL].underlying = 1;
        for (risk, weights) in world.markets.iter_mut().zip(weights) {
            risk.underlying = 1;
            risk.profit_weight = weights;
            risk.size_scale_notional = u64::MAX;
        }
        world.reprice(150);
        world
    }

    /// Dollars for a unit of a thousandth, both calm.
    fn reprice(&mut self, native: u64) {
        let price = |native: u64| EntryPrice {
            published_ms: i64::MAX / 2,
            spot: native << SHIFT,
            stable: native << SHIFT,
            max_age_secs: [60; 3],
            ..EntryPrice::default()
        };
        for (asset, native) in [(0, 1), (SOL, native)] {
            let risk = &mut self.assets[asset];
            risk.price = price(native);
            risk.terms.asset_weight_init = RATIO_ONE;
            risk.terms.asset_weight_maint = RATIO_ONE;
            risk.terms.liability_weight_init = RATIO_ONE;
            risk.terms.liability_weight_maint = RATIO_ONE;
            risk.terms.deposit_scale_start_usd = u64::MAX;
            risk.terms.borrow_scale_start_usd = u64::MAX;
            risk.rewrite(None).unwrap();
        }
        for risk in &mut self.markets {
            risk.price = price(native);
            risk.rewrite(None).unwrap();
        }
    }

    fn view(&self) -> RiskView<'_> {
        RiskView {
            assets: &self.assets,
            markets: &self.markets,
            underlyings: &self.underlyings,
            model: &self.model,
            clock: Clock {
                now_ms: i64::MAX / 2,
                doubt_ms: 0,
            },
            purpose: Purpose::Trade,
            one_price: Default::default(),
        }
    }

    fn assess(&self, account: &Holder) -> Assessment {
        let portfolio = Portfolio {
            balances: &account.balances,
            perps: &account.perps,
            orders: &account.orders,
            mode: MarginMode::Portfolio,
        };
        let all = AccountMargin::assess(&self.view(), &portfolio, Policy::Strict).unwrap();
        for kind in HealthKind::ALL {
            let one =
                AccountMargin::health(&self.view(), &portfolio, kind, Policy::Strict).unwrap();
            assert_eq!(one.value, all.of(kind), "{kind:?}");
        }
        let [init, end, maint] = all.health;
        assert!(init <= end && end <= maint, "{:?}", all.health);
        all
    }
}

#[derive(Clone)]
struct Holder {
    balances: Vec<Balance>,
    perps: Vec<PerpPosition>,
    orders: Vec<OpenOrder>,
}

impl Holder {
    fn new(quote: i64, held: i64) -> Self {
        let balance = |asset, shares| Balance {
            shares: Shares(shares),
            ..Balance::of(asset)
        };
        Self {
            balances: vec![balance(0, quote), balance(1, held)],
            perps: vec![PerpPosition::of(0), PerpPosition::of(1)],
            orders: vec![OpenOrder::default(); 2],
        }
    }

    /// Trades in a market at a price; positive buys.
    fn trade(mut self, market: usize, lots: i64, price: i64) -> Self {
        let side = if lots > 0 { Side::Bid } else { Side::Ask };
        let notional = QuoteNative(lots.abs() * price);
        self.perps[market]
            .apply_fill(
                side,
                BaseLots(lots.abs()),
                notional,
                QuoteNative(0),
                FundingIndices::default(),
            )
            .unwrap();
        self
    }

    /// Pays a position's profit, or collects its loss, in part.
    fn settle(mut self, market: usize, amount: i64) -> Self {
        self.perps[market].quote.0 -= amount;
        self.balances[0].shares.0 += amount;
        self
    }
}

fn weights() -> impl Strategy<Value = [u32; 3]> {
    [0..=RATIO_ONE, 0..=RATIO_ONE, 0..=RATIO_ONE].prop_map(|mut weights| {
        weights.sort_unstable();
        weights
    })
}

proptest! {
    #[test]
    fn a_hedge_keeps_its_health_over_moves_of_a_half(
        weights in [weights(), weights()], price in 75u64..=225, kind in 0usize..4, paid in 0i64..=100,
    ) {
        let mut world = World::new(weights);
        let quote = -140 * UNITS / 2;
        let account = match kind {
            // A deposit and a short; a debt and a long; two positions; all at once.
            0 => Holder::new(quote, UNITS).trade(0, -UNITS, 150),
            1 => Holder::new(200 * UNITS, -UNITS).trade(0, UNITS, 150),
            2 => Holder::new(10 * UNITS, 0).trade(0, -UNITS, 150).trade(1, UNITS, 150),
            _ => Holder::new(quote, UNITS).trade(0, -2 * UNITS, 150).trade(1, UNITS, 150),
        };
        let before = world.assess(&account);
        world.reprice(price);
        let moved = (i64::try_from(price).unwrap() - 150) * UNITS;
        // Losses are collected by anybody, and profits paid, in part or whole, without making a difference.
        let settled = match kind {
            0 => account.clone().settle(0, -moved * paid / 100),
            1 => account.clone().settle(0, moved * paid / 100),
            2 => account.clone().settle(0, -moved * paid / 100).settle(1, moved),
            _ => account.clone().settle(0, -2 * moved * paid / 100).settle(1, moved),
        };
        for after in [world.assess(&account), world.assess(&settled)] {
            prop_assert_eq!(after.equity, before.equity);
            for kind in HealthKind::ALL {
                // The basis charge grows with what is hedged: a hundredth of two legs.
                let most = 2 * 225 * i128::from(UNITS) / 100;
                prop_assert!(after.of(kind) >= before.of(kind) - most, "{kind:?}: {} {}", before.of(kind), after.of(kind));
            }
        }
    }

    /// Against the same with every profit counted whole: no more ever counts, and what mirrors a loss counts no less.
    #[test]
    fn a_hedge_counts_as_if_profits_counted_whole(weights in weights(), price in 75u64..=225, long: bool) {
        let (mut world, mut whole) = (World::new([weights; 2]), World::new([[RATIO_ONE; 3]; 2]));
        let account = match long {
            false => Holder::new(0, UNITS).trade(0, -UNITS, 150),
            true => Holder::new(300 * UNITS, -UNITS).trade(0, UNITS, 150),
        };
        world.reprice(price);
        whole.reprice(price);
        for (found, most) in world.assess(&account).health.into_iter().zip(whole.assess(&account).health) {
            prop_assert!(found <= most && found >= most - 16, "{found} {most}");
        }
    }

    /// What nothing mirrors counts by its weight alone: here nothing.
    #[test]
    fn profit_without_a_loss_stays_weighted(price in 75u64..150, held in 0i64..=UNITS) {
        let mut world = World::new([[0; 3]; 2]);
        world.reprice(price);
        let gain = (150 - i64::try_from(price).unwrap()) * UNITS;
        let naked = Holder::new(0, 0).trade(0, -UNITS, 150);
        let flat = Holder::new(0, 0);
        for (kind, health) in HealthKind::ALL.into_iter().zip(world.assess(&naked).health) {
            prop_assert!(health <= world.assess(&flat).of(kind), "{kind:?}");
        }
        // Closed at its peak it is a claim: a new hedge does not make it collateral.
        let closed = naked.trade(0, UNITS, price as i64);
        let hedged = Holder { balances: Holder::new(0, held).balances, ..closed.clone().trade(0, -held.max(1), price as i64) };
        let plain = Holder::new(0, held).trade(0, -held.max(1), price as i64);
        prop_assert_eq!(closed.perps[0].quote.0, gain);
        for kind in HealthKind::ALL {
            let (found, most) = (world.assess(&hedged).of(kind), world.assess(&plain).of(kind));
            prop_assert!(found <= most + 16, "{kind:?}: {found} {most}");
        }
    }

    /// A covered short is worth what it was sold for: no price makes it more.
    #[test]
    fn no_price_makes_a_hedge_worth_more_than_it_was_sold_for(weights in weights(), price in 1u64..=1_000, sold in 100i64..=200, held in 1i64..=UNITS) {
        let mut world = World::new([weights; 2]);
        let account = Holder::new(0, held).trade(0, -UNITS, sold);
        world.reprice(price);
        let naked = Holder::new(0, 0).trade(0, held - UNITS, sold);
        for kind in HealthKind::ALL {
            let (found, rest) = (world.assess(&account).of(kind), world.assess(&naked).of(kind));
            prop_assert!(found <= rest + i128::from(held * sold) + 64, "{kind:?}: {found} {rest}");
        }
    }

    #[test]
    fn trades_keep_what_the_open_lots_brought(trades in prop::collection::vec((-1_000i64..=1_000, 1i64..=1_000), 1..20)) {
        let mut perp = PerpPosition::of(0);
        // The average price of what is open, in real numbers.
        let (mut lots, mut brought) = (0i64, 0f64);
        for (signed, price) in trades {
            if signed == 0 {
                continue;
            }
            let side = if signed > 0 { Side::Bid } else { Side::Ask };
            perp.apply_fill(side, BaseLots(signed.abs()), QuoteNative(signed.abs() * price), QuoteNative(0), FundingIndices::default()).unwrap();
            let after = lots + signed;
            brought = if lots == 0 || (lots > 0) == (signed > 0) {
                brought - (signed * price) as f64
            } else if (lots > 0) == (after > 0) {
                brought * after as f64 / lots as f64
            } else {
                -(after * price) as f64
            };
            lots = after;
            let found = perp.opened.0 as f64;
            prop_assert!(found <= brought + 1e-3 && found >= brought - 20.0, "{found} {brought}");
            if lots == 0 {
                prop_assert_eq!(perp.opened.0, 0);
            }
        }
    }
}

/// While an order may take the hedge away its profit counts by its weight.
#[test]
fn an_order_that_rests_may_end_a_hedge() {
    let mut world = World::new([[0; 3]; 2]);
    let account = Holder::new(0, UNITS).trade(0, -UNITS, 150);
    world.reprice(120);
    let mut resting = account.clone();
    let order = OpenOrder {
        id: 1,
        price: PriceLots(100),
        lots: BaseLots(1),
        ..OpenOrder::default()
    };
    resting.orders[0] = order;
    resting.perps[0].add_order(0, &order, 1).unwrap();
    let (without, with) = (world.assess(&account), world.assess(&resting));
    let profit = i128::from(30 * UNITS);
    for kind in HealthKind::ALL {
        let lost = without.of(kind) - with.of(kind);
        assert!((profit..profit + 1_000).contains(&lost), "{kind:?}: {lost}");
    }
}

/// What an open epoch may take of a profit counts as owed for Init, whatever the profit mirrors, and for nothing else.
#[test]
fn an_open_epoch_may_take_a_hedges_profit_too() {
    let mut world = World::new([[0, RATIO_ONE / 2, RATIO_ONE]; 2]);
    let mut account = Holder::new(0, UNITS).trade(0, -UNITS, 150);
    world.reprice(100);
    let before = world.assess(&account);
    let profit = 50 * UNITS;
    account.perps[0].share.uncovered = profit as u64;
    account.perps[0].share.epoch = 3;
    world.markets[0].haircuts.open = 3;
    let marked = world.assess(&account);
    let [init, end, maint] = HealthKind::ALL.map(|kind| before.of(kind) - marked.of(kind));
    assert!((init - i128::from(profit)).abs() <= 2, "{init} of {profit}");
    assert_eq!((end, maint), (0, 0));
}
