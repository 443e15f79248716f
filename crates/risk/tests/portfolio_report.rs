//! The risk report on random accounts: its parts are those of health itself.

mod common;

use common::{steady, CLOCK, NOW};
use plimsoll_risk::portfolio::{
    gather, gather_certain, Binding, Exposures, Parts, RiskReport, CRASH_DAYS, LOADING_ONE,
    MAX_FACTORS, MAX_SCENARIOS, TABLE,
};
use plimsoll_risk::position::{Balance, OpenOrder, PerpPosition};
use plimsoll_risk::*;
use proptest::prelude::*;

const ASSETS: u16 = 4;
const MARKETS: u16 = 4;
/// Underlyings; the last asset and the last market follow none.
const COVERED: u8 = 3;

fn ratio(number: f64) -> u32 {
    (number * f64::from(RATIO_ONE)) as u32
}

fn loading(number: f64) -> i32 {
    (number * f64::from(LOADING_ONE)) as i32
}

fn model() -> PortfolioModel {
    let mut model = PortfolioModel::default();
    model.params = ModelParams {
        deviations: ratio(3.25),
        correlation_breakdown: ratio(0.25),
        gross_floor: ratio(0.03),
        crash_multiple: ratio(0.4),
        maint_fraction: ratio(0.8),
        depeg_ratio: ratio(0.005),
        factor_count: 2,
        scenario_count: MAX_SCENARIOS as u8,
        scenarios: TABLE,
        ..model.params
    };
    model.factors[0].volatility = [ratio(0.035), ratio(0.03)];
    model.factors[1].volatility = [ratio(0.02), ratio(0.02)];
    model
}

fn underlyings() -> Vec<UnderlyingRisk> {
    [(1.0, 0.0, -0.37), (1.2, 1.0, -0.42), (0.9, -0.3, 0.1)]
        .map(|(first, second, day)| UnderlyingRisk {
            params: UnderlyingParams {
                depth_notional: 20_000_000_000,
                loadings: [loading(first), loading(second), 0],
                crash_returns: [loading(day); CRASH_DAYS],
                liquidity_ratio: ratio(0.1),
                basis_ratio: ratio(0.01),
                ..UnderlyingParams::default()
            },
            idiosyncratic: [ratio(0.02), ratio(0.015)],
            isolated: [ratio(0.06), ratio(0.05)],
            // 2⁶³ / √(2·10¹⁰), rounded up.
            depth_inverse_root: 65_219_382_000_000,
            ..UnderlyingRisk::default()
        })
        .to_vec()
}

fn price(spot: u64, age_secs: i64) -> EntryPrice {
    EntryPrice {
        published_ms: NOW - 1_000 * age_secs,
        conf: spot / 1_000,
        conf_multiple: RATIO_ONE,
        stable: spot - spot / 50,
        ..steady(spot)
    }
}

fn assets(ages: &[i64]) -> Vec<AssetRisk> {
    let params = AssetParams {
        asset_weight_init: ratio(0.8),
        asset_weight_maint: ratio(0.9),
        liability_weight_init: ratio(1.2),
        liability_weight_maint: ratio(1.1),
        deposit_scale_start_usd: u64::MAX,
        borrow_scale_start_usd: u64::MAX,
        ..AssetParams::default()
    };
    (0..ASSETS)
        .map(|index| {
            let mut entry = AssetRisk::listed(30, 6);
            entry.price = price((1 << 30) * (1 + u64::from(index)), ages[usize::from(index)]);
            entry.underlying = covered(index.checked_sub(1), ASSETS - 2);
            entry
                .recompute(&params, &BankTotals::default(), None)
                .unwrap();
            entry
        })
        .collect()
}

/// The underlying of an entry: the quote asset and the last follow none.
fn covered(place: Option<u16>, last: u16) -> u8 {
    match place {
        Some(place) if place < last => 1 + u8::try_from(place).unwrap() % COVERED,
        _ => 0,
    }
}

fn markets(ages: &[i64]) -> Vec<MarketRisk> {
    let params = MarketParams {
        size_scale_notional: 50_000_000_000,
        init_ratio: ratio(0.1),
        maint_ratio: ratio(0.05),
        profit_weight: [0, RATIO_ONE / 2, RATIO_ONE],
        maker_fee: 500,
        ..MarketParams::default()
    };
    (0..MARKETS)
        .map(|index| {
            let mut entry = MarketRisk::listed(12, 100);
            entry.price = price(
                (100_000 << 12) * (1 + u64::from(index)),
                ages[usize::from(index)],
            );
            entry.underlying = covered(Some(index), MARKETS - 1);
            entry.recompute(&params, None).unwrap();
            entry
        })
        .collect()
}

/// An account's slots.
#[derive(Clone, Debug)]
struct Slots {
    balances: Vec<Balance>,
    perps: Vec<PerpPosition>,
    orders: Vec<OpenOrder>,
}

fn slots() -> impl Strategy<Value = Slots> {
    let most = 40_000_000_000i64;
    let balances = prop::collection::vec(-most..most, usize::from(ASSETS));
    let perps = prop::collection::vec((-400_000i64..400_000, 0i64..100_000), usize::from(MARKETS));
    (balances, perps).prop_map(|(shares, held)| {
        let balances = (0..ASSETS).zip(shares).map(|(asset, shares)| Balance {
            shares: Shares(shares),
            ..Balance::of(asset)
        });
        let mut orders = Vec::new();
        let mut perps = Vec::new();
        for (market, (lots, ask)) in (0..MARKETS).zip(held) {
            let spot = 1_000 * (1 + u64::from(market));
            let mut perp = PerpPosition {
                position: BaseLots(lots),
                quote: QuoteNative(-lots * i64::try_from(spot).unwrap() * 100),
                opened: QuoteNative(-lots * i64::try_from(spot).unwrap() * 101),
                ..PerpPosition::of(market)
            };
            if ask > 50_000 {
                perp.ask_lots = BaseLots(ask);
                perp.order_mask = 1 << orders.len();
                perp.best_bid = PriceLots(0);
                perp.best_ask = PriceLots(spot - 10);
                perp.open_notional = QuoteNative(ask * i64::try_from(spot).unwrap() * 100);
            }
            orders.push(OpenOrder {
                id: 1,
                price: PriceLots(spot - 10),
                lots: BaseLots(ask),
                market,
                side: 1,
                ..OpenOrder::default()
            });
            perps.push(perp);
        }
        Slots {
            balances: balances.collect(),
            perps,
            orders,
        }
    })
}

/// Ages of the entries, some of them stale.
fn ages() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(
        prop_oneof![4 => Just(1i64), 1 => Just(100i64)],
        usize::from(ASSETS.max(MARKETS)),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_report_is_what_health_is_measured_with(slots in slots(), ages in ages()) {
        let (model, underlyings) = (model(), underlyings());
        let (assets, markets) = (assets(&ages), markets(&ages));
        let view = RiskView {
            assets: &assets,
            markets: &markets,
            underlyings: &underlyings,
            model: &model,
            clock: CLOCK,
            purpose: Purpose::Trade,
            one_price: Default::default(),
        };
        let whole = Portfolio {
            balances: &slots.balances,
            perps: &slots.perps,
            orders: &slots.orders,
            mode: MarginMode::Portfolio,
        };
        let mut report = RiskReport::default();
        PortfolioMargin::report(&view, &whole, &mut report).unwrap();

        let trades = PortfolioMargin::lines(&view, &whole, Policy::Strict).unwrap();
        let netted = view.at_one_price(&whole).unwrap().unwrap_or(view);
        let lines = PortfolioMargin::lines(&netted, &whole, Policy::BenefitOfDoubt).unwrap();
        prop_assert_eq!(report.value, [trades.value[0], lines.value[1], lines.value[2]]);
        let required = [trades.requirement[0], lines.requirement[1], lines.requirement[2]];
        prop_assert_eq!(report.requirement, required);
        prop_assert_eq!(report.equity, lines.equity);
        prop_assert_eq!(report.stale, lines.stale);
        let mut deltas = Exposures::new();
        let policy = Policy::BenefitOfDoubt;
        gather(&netted, &whole, &HealthKind::ALL, policy, true, &mut deltas).unwrap();
        prop_assert_eq!(report.exposures.items(), deltas.items());
        let health = AccountMargin::health(&view, &whole, HealthKind::Init, Policy::Strict);
        prop_assert_eq!(report.health(HealthKind::Init), health.unwrap().value);

        for (measure, kind) in [
            (&report.current, HealthKind::Init),
            (&report.binding, HealthKind::LiquidationEnd),
        ] {
            let base = measure.parts.base();
            let named = match measure.binding {
                Binding::Nothing => 0,
                Binding::Linear => measure.parts.linear,
                Binding::GrossFloor => measure.parts.gross_floor,
                Binding::Shortfall => measure.parts.shortfall,
                Binding::CrashDay(_) => measure.parts.crash,
            };
            prop_assert_eq!(named, base);
            let total = i128::try_from(measure.parts.total()).unwrap();
            prop_assert_eq!(total, kind.of(&report.requirement));
            // k deviations are the model's part, to the rounding of what was shifted out.
            let deviations = u128::from(measure.deviation) * u128::from(model.params.deviations);
            let apart = (deviations >> RATIO_BITS).abs_diff(measure.parts.model);
            prop_assert!(apart <= 1 << 16, "{} {}", measure.deviation, measure.parts.model);
            prop_assert_eq!(measure.losses.count, MAX_SCENARIOS);
            prop_assert!(measure.factors.iter().all(|(low, high)| low <= high));
            prop_assert_eq!(measure.factors[MAX_FACTORS - 1], (0, 0));
        }
    }

    /// A part is what the slot counts by itself, Init under one policy and Maint under the other.
    #[test]
    fn values_add_up_and_requirements_do_not(slots in slots(), ages in ages()) {
        let (model, underlyings) = (model(), underlyings());
        let (assets, markets) = (assets(&ages), markets(&ages));
        let view = RiskView {
            assets: &assets,
            markets: &markets,
            underlyings: &underlyings,
            model: &model,
            clock: CLOCK,
            purpose: Purpose::Trade,
            one_price: Default::default(),
        };
        let of = |balances, perps| Portfolio {
            balances,
            perps,
            orders: &slots.orders,
            mode: MarginMode::Portfolio,
        };
        let whole = of(&slots.balances, &slots.perps);
        let (mut report, mut parts) = (RiskReport::default(), Parts::default());
        PortfolioMargin::report_with_parts(&view, &whole, &mut report, &mut parts).unwrap();
        let mut alone = RiskReport::default();
        PortfolioMargin::report(&view, &whole, &mut alone).unwrap();
        prop_assert_eq!(format!("{report:?}"), format!("{alone:?}"));

        let sum = |at: usize| parts.slots().iter().map(|part| part[at]).sum::<i128>();
        prop_assert_eq!([sum(0), sum(1)], [report.value[0], report.value[2]]);
        let netted = view.at_one_price(&whole).unwrap().unwrap_or(view);
        let balances = slots.balances.iter().filter(|slot| !slot.shares.is_zero());
        let balances = balances.map(std::slice::from_ref).map(|one| of(one, &[]));
        let perps = slots.perps.iter().map(std::slice::from_ref);
        let singles: Vec<Portfolio> = balances.chain(perps.map(|one| of(&[], one))).collect();
        prop_assert_eq!(singles.len(), parts.slots().len());
        for (single, part) in singles.iter().zip(parts.slots()) {
            let counted = |view, policy| {
                let mut scratch = Exposures::new();
                gather(view, single, &HealthKind::ALL, policy, true, &mut scratch).unwrap().value
            };
            let [init, ..] = counted(&view, Policy::Strict);
            let [.., maint] = counted(&netted, Policy::BenefitOfDoubt);
            prop_assert_eq!(*part, [init, maint]);
        }
    }

    /// The exposures without what is stale, with and without the values that they are collected with.
    #[test]
    fn what_is_certain_is_what_a_gathering_leaves(slots in slots(), ages in ages()) {
        let (model, underlyings) = (model(), underlyings());
        let (assets, markets) = (assets(&ages), markets(&ages));
        let view = RiskView {
            assets: &assets,
            markets: &markets,
            underlyings: &underlyings,
            model: &model,
            clock: CLOCK,
            purpose: Purpose::Trade,
            one_price: Default::default(),
        };
        let whole = Portfolio {
            balances: &slots.balances,
            perps: &slots.perps,
            orders: &slots.orders,
            mode: MarginMode::Portfolio,
        };
        for policy in [Policy::Strict, Policy::BenefitOfDoubt, Policy::Taker] {
            for kind in HealthKind::ALL {
                let (mut certain, mut gathered) = (Exposures::new(), Exposures::new());
                gather_certain(&view, &whole, kind, policy, &mut certain).unwrap();
                gather(&view, &whole, &[kind], policy, false, &mut gathered).unwrap();
                prop_assert_eq!(certain.items(), gathered.items());
            }
        }
    }
}
