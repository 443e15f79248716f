//! Properties of volatilities that are learnt from prices.

use plimsoll_risk::portfolio::{FactorRisk, LOADING_ONE};
use plimsoll_risk::volatility::{derive, sample, MAX_VOLATILITY};
use plimsoll_risk::{
    Haircut, ModelParams, PortfolioModel, RiskError, UnderlyingParams, UnderlyingRisk, RATIO_ONE,
};
use proptest::prelude::*;

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// Any time after the first second of all.
const START: i64 = 1_700_000_000;
/// A price mantissa of four digits before the point that a return of a ten-thousandth can be told from.
const PRICE: u64 = 1_000 << 40;

fn ratio(value: f64) -> u32 {
    (value * f64::from(RATIO_ONE)) as u32
}

fn number(ratio: u32) -> f64 {
    f64::from(ratio) / f64::from(RATIO_ONE)
}

/// A model with a market factor and a second one, and three underlyings: their drivers, and one that loads on both.
#[derive(Clone, Debug)]
struct World {
    model: PortfolioModel,
    underlyings: Vec<UnderlyingRisk>,
}

const MARKET: u8 = 1;
const SECOND: u8 = 2;
const THIRD: u8 = 3;

fn underlying(factor: u8, loadings: [f64; 3], floor: f64, own: f64) -> UnderlyingParams {
    UnderlyingParams {
        factor,
        depth_notional: 1_000_000_000_000,
        loadings: loadings.map(|l| (l * f64::from(LOADING_ONE)) as i32),
        volatility_floor: ratio(floor),
        idiosyncratic_floor: ratio(own),
        slippage: ratio(0.01),
        ..UnderlyingParams::default()
    }
}

impl World {
    fn new(params: ModelParams) -> Self {
        let model = PortfolioModel {
            params,
            ..PortfolioModel::default()
        };
        let mut underlyings = vec![UnderlyingRisk::default(); 3];
        let listed = [
            underlying(1, [1.0, 0.0, 0.0], 0.02, 0.02),
            underlying(2, [1.2, 1.0, 0.0], 0.04, 0.01),
            underlying(0, [0.9, 0.5, 0.0], 0.03, 0.008),
        ];
        for (risk, params) in underlyings.iter_mut().zip(&listed) {
            risk.set_params(params).unwrap();
        }
        let mut world = Self { model, underlyings };
        for number in [MARKET, SECOND, THIRD] {
            world.derive(number);
        }
        world
    }

    fn standard() -> Self {
        Self::new(ModelParams::standard())
    }

    fn derive(&mut self, number: u8) {
        derive(&mut self.model, &mut self.underlyings, number).unwrap();
    }

    fn sample(&mut self, number: u8, price: u64, at: i64) -> bool {
        let (model, underlyings) = (&mut self.model, &mut self.underlyings);
        sample(model, underlyings, number, price, at, false).unwrap()
    }

    fn of(&self, number: u8) -> &UnderlyingRisk {
        &self.underlyings[usize::from(number) - 1]
    }

    /// Every volatility of an underlying as pairs of current and binding.
    fn values(&self, number: u8) -> [[u32; 2]; 4] {
        let risk = self.of(number);
        let state = &risk.volatility;
        [
            [state.current, state.binding],
            risk.own,
            risk.isolated,
            risk.collateral_shock,
        ]
    }

    /// `√(Σ β²σ_F² + σ_ε²)` in floating point.
    fn implied(&self, number: u8, which: usize) -> f64 {
        let risk = self.of(number);
        let factors = self.model.factors.iter().zip(risk.params.loadings);
        let own = f64::from(risk.idiosyncratic[which]);
        let square = factors.fold(own * own, |sum, (factor, loading)| {
            let beta = f64::from(loading) / f64::from(LOADING_ONE);
            sum + (beta * f64::from(factor.volatility[which])).powi(2)
        });
        square.sqrt()
    }

    /// What must hold at any time.
    fn check(&self) {
        for number in [MARKET, SECOND, THIRD] {
            let risk = self.of(number);
            for [current, binding] in self.values(number) {
                assert!(binding <= current && current <= RATIO_ONE);
            }
            let state = &risk.volatility;
            assert!((risk.params.volatility_floor..=MAX_VOLATILITY).contains(&state.current));
            assert!(risk.own[0] >= risk.params.idiosyncratic_floor);
            for (pending, [current, binding]) in [
                (state.pending, [state.current, state.binding]),
                (risk.own_pending, risk.own),
                (risk.shock_pending, risk.collateral_shock),
            ] {
                assert!(binding <= pending.ceiling && pending.ceiling <= pending.announced);
                assert!(pending.announced <= current);
            }
        }
        for FactorRisk {
            volatility: [current, binding],
        } in self.model.factors
        {
            assert!(binding <= current);
        }
    }
}

/// A price after relative moves in ten-thousandths, never zero.
fn moved(price: u64, ten_thousandths: i64) -> u64 {
    let moved = i128::from(price) * i128::from(10_000 + ten_thousandths) / 10_000;
    u64::try_from(moved.max(1)).unwrap_or(u64::MAX)
}

fn model_params() -> impl Strategy<Value = ModelParams> {
    (
        (RATIO_ONE / 2 + 1..ratio(0.99), 0u32..=1 << 20),
        60u32..=7_200,
        ratio(0.001)..=RATIO_ONE,
        1u32..=2 * 86_400,
        0..=4 * RATIO_ONE,
    )
        .prop_map(
            |((fast, slower), sample_secs, rise, announcement, room)| ModelParams {
                fast_decay: fast,
                slow_decay: (fast + slower).min(ratio(0.9999)),
                sample_secs,
                max_rise_per_hour: rise,
                announcement_secs: announcement,
                collateral_deviations: room,
                ..ModelParams::standard()
            },
        )
}

/// Seconds since the one before, the underlying, a move in ten-thousandths.
type Quote = (i64, u8, i64);

fn quotes(most: usize) -> impl Strategy<Value = Vec<Quote>> {
    let seconds = prop_oneof![0i64..600, 0i64..10_000, 0i64..500_000];
    let change = prop_oneof![-20i64..20, -500i64..500, -9_999i64..20_000];
    prop::collection::vec((seconds, 1u8..=3, change), 1..most)
}

/// Feeds quotes to a world; `check` sees it before and after each.
fn run(world: &mut World, quotes: &[Quote], mut check: impl FnMut(&World, &World, &Quote, i64)) {
    let (mut now, mut prices) = (START, [PRICE; 3]);
    for number in [MARKET, SECOND, THIRD] {
        world.sample(number, PRICE, now);
    }
    for quote in quotes {
        let (secs, number, change) = *quote;
        now += secs;
        let price = &mut prices[usize::from(number) - 1];
        *price = moved(*price, change);
        let before = world.clone();
        world.sample(number, *price, now);
        world.check();
        check(&before, world, quote, now);
    }
}

/// The most that a value may rise to over some seconds: at most an hour's rise, as if from a thousandth at least.
fn risen(before: u32, secs: i64, rate: u32) -> f64 {
    let from = f64::from(before.max(RATIO_ONE / 1_000));
    let part = secs.min(HOUR) as f64 / HOUR as f64;
    from * (1.0 + number(rate)).powf(part) + 2.0
}

/// Bytes of an underlying's entry.
const ENTRY: usize = core::mem::size_of::<UnderlyingRisk>();

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_rises_faster_than_it_may_and_the_parts_add_up(
        params in model_params(), quotes in quotes(80)
    ) {
        let mut world = World::new(params);
        let mut at = [START; 3];
        run(&mut world, &quotes, |before, after, (_, number, _), now| {
            let last = &mut at[usize::from(*number) - 1];
            let secs = now - *last;
            if before.of(*number) == after.of(*number) {
                return;
            }
            *last = now;
            for which in 0..2 {
                let [total, own, isolated, shock] = after.values(*number).map(|v| v[which]);
                let [total_was, own_was, _, shock_was] = before.values(*number).map(|v| v[which]);
                for (now, was) in [(total, total_was), (own, own_was)] {
                    assert!(f64::from(now) <= risen(was, secs, params.max_rise_per_hour));
                }
                // A multiple of the volatility, rounded up.
                let slack = 16.0;
                let most = risen(shock_was, secs, params.max_rise_per_hour) + slack;
                assert!(f64::from(shock) <= most, "{shock} from {shock_was} in {secs}");
                let implied = after.implied(*number, which);
                assert!(f64::from(isolated) >= implied);
                assert!(f64::from(isolated) <= implied + 8.0);
            }
        });
    }

    #[test]
    fn what_binds_was_asked_of_init_an_announcement_ago(
        params in model_params(), quotes in quotes(120)
    ) {
        let mut world = World::new(params);
        let lag = i64::from(params.announcement_secs);
        let start = world.values(MARKET);
        let mut history: [Vec<(i64, [[u32; 2]; 4])>; 3] = Default::default();
        for (i, past) in history.iter_mut().enumerate() {
            past.push((START, if i == 0 { start } else { world.values(i as u8 + 1) }));
        }
        run(&mut world, &quotes, |before, after, (_, number, _), now| {
            if before.of(*number) == after.of(*number) {
                return;
            }
            let past = &mut history[usize::from(*number) - 1];
            let values = after.values(*number);
            past.push((now, values));
            // What Init used at every time of the last period, from the sample that was the last when it began.
            let began = past.iter().rposition(|(at, _)| *at <= now - lag).unwrap_or(0);
            for (_, earlier) in &past[began..] {
                for (place, ([_, binding], [current, _])) in values.iter().zip(earlier).enumerate() {
                    // The isolated one is a function of others' values too.
                    assert!(place == 2 || binding <= current, "{place}: {binding} above {current}");
                }
            }
        });
    }

    #[test]
    fn a_price_counts_once_and_only_when_due(params in model_params(), quotes in quotes(40)) {
        let mut world = World::new(params);
        run(&mut world, &quotes, |_, after, (_, number, _), now| {
            let sampled_at = after.of(*number).volatility.sampled_at;
            for at in [i64::MIN, 0, sampled_at - 1, sampled_at, now, sampled_at + i64::from(params.sample_secs) - 1] {
                let mut again = after.clone();
                assert!(!again.sample(*number, PRICE / 3, at));
                assert_eq!(again.underlyings, after.underlyings);
                assert_eq!(again.model, after.model);
            }
            let due = sampled_at + i64::from(params.sample_secs);
            for (price, broken) in [(PRICE / 3, true), (0, false)] {
                let mut other = after.clone();
                let taken = sample(&mut other.model, &mut other.underlyings, *number, price, due, broken);
                assert_eq!(taken, Ok(false));
                assert_eq!(other.underlyings, after.underlyings);
            }
            assert!(after.clone().sample(*number, PRICE / 3, due));
        });
    }

    #[test]
    fn a_larger_move_never_makes_less_volatile(
        params in model_params(), quotes in quotes(20), secs in 60i64..200_000, moves in (0i64..9_999, 0i64..9_999)
    ) {
        let mut world = World::new(params);
        run(&mut world, &quotes, |_, _, _, _| ());
        let (small, large) = (moves.0.min(moves.1), moves.0.max(moves.1));
        for (sign, number) in [(1, MARKET), (-1, MARKET), (1, THIRD), (-1, SECOND)] {
            let state = world.of(number).volatility;
            let at = state.sampled_at + secs.max(i64::from(params.sample_secs));
            let after = |change: i64| {
                let mut other = world.clone();
                other.sample(number, moved(state.sampled_price, sign * change), at);
                other
            };
            let (calm, wild) = (after(small), after(large));
            let (a, b) = (calm.of(number), wild.of(number));
            prop_assert!(a.volatility.fast_variance <= b.volatility.fast_variance);
            prop_assert!(a.volatility.slow_variance <= b.volatility.slow_variance);
            for (a, b) in calm.values(number).iter().zip(wild.values(number)) {
                prop_assert!(a[0] <= b[0] && a[1] <= b[1]);
            }
        }
    }

    #[test]
    fn any_numbers_at_all_are_taken_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 3 * ENTRY),
        model in prop::collection::vec(any::<u8>(), core::mem::size_of::<PortfolioModel>()),
        samples in prop::collection::vec((1u8..=3, any::<u64>(), any::<i64>()), 1..20),
    ) {
        let mut model: PortfolioModel = bytemuck::pod_read_unaligned(&model);
        let mut underlyings: Vec<UnderlyingRisk> =
            bytes.as_chunks::<ENTRY>().0.iter().map(|entry| bytemuck::pod_read_unaligned(entry)).collect();
        for (number, price, at) in samples {
            sample(&mut model, &mut underlyings, number, price, at, false).unwrap();
            derive(&mut model, &mut underlyings, number).unwrap();
        }
    }
}

/// Prices that move by `daily · √dt` every time, up and down in turn, for so many days.
fn wobble(world: &mut World, daily: f64, secs: i64, days: i64, from: i64) -> i64 {
    let step = daily * (secs as f64 / DAY as f64).sqrt();
    let up = (PRICE as f64 * (1.0 + step)) as u64;
    let (mut now, end) = (from, from + days * DAY);
    let mut high = false;
    while now < end {
        now += secs;
        high = !high;
        world.sample(MARKET, if high { up } else { PRICE }, now);
    }
    now
}

#[test]
fn an_even_market_is_learnt_at_any_interval() {
    for secs in [300, 1_000, HOUR, 20_000, DAY] {
        let mut world = World::standard();
        wobble(&mut world, 0.05, secs, 700, START);
        let state = world.of(MARKET).volatility;
        for variance in [state.fast_variance, state.slow_variance] {
            let daily = (variance as f64).sqrt() / f64::from(RATIO_ONE);
            assert!((daily - 0.05).abs() < 0.0003, "{daily} at {secs}");
        }
        assert!((number(state.current) - 0.05).abs() < 0.0003);
        assert!((number(state.binding) - 0.05).abs() < 0.0003);
    }
}

#[test]
fn a_day_in_one_step_leaves_what_the_decay_says_and_in_many_a_little_less() {
    let params = ModelParams::standard();
    for (decay, slow) in [(params.fast_decay, false), (params.slow_decay, true)] {
        let lambda = number(decay);
        let least = (-(1.0 - lambda) / lambda).exp();
        for secs in [300, 1_200, HOUR, 4 * HOUR, DAY] {
            let mut world = World::standard();
            world.sample(MARKET, PRICE, START);
            let variance = |world: &World| {
                let state = world.of(MARKET).volatility;
                (if slow {
                    state.slow_variance
                } else {
                    state.fast_variance
                }) as f64
            };
            let before = variance(&world);
            for step in 1..=DAY / secs {
                world.sample(MARKET, PRICE, START + step * secs);
            }
            let left = variance(&world) / before;
            assert!(
                left <= lambda + 1e-7 && left >= least - 1e-7,
                "{left} at {secs}"
            );
            if secs == DAY {
                assert!((left - lambda).abs() < 1e-7);
            }
        }
    }
}

#[test]
fn the_move_of_a_gap_counts_as_one_days() {
    let (mut day, mut gap) = (World::standard(), World::standard());
    for (world, days) in [(&mut day, 1), (&mut gap, 30)] {
        world.sample(MARKET, PRICE, START);
        world.sample(MARKET, PRICE / 10 * 9, START + days * DAY);
    }
    let (day, gap) = (day.of(MARKET).volatility, gap.of(MARKET).volatility);
    assert_eq!(day.fast_variance, gap.fast_variance);
    assert_eq!(day.slow_variance, gap.slow_variance);
    assert_eq!(day.current, gap.current);
}

#[test]
fn a_fall_counts_as_much_as_the_rise_that_undoes_it() {
    let (mut up, mut down) = (World::standard(), World::standard());
    for (world, prices) in [
        (&mut up, [PRICE, PRICE * 2]),
        (&mut down, [PRICE * 2, PRICE]),
    ] {
        world.sample(MARKET, prices[0], START);
        world.sample(MARKET, prices[1], START + HOUR);
    }
    assert_eq!(up.values(MARKET), down.values(MARKET));
}

#[test]
fn a_spike_reaches_init_by_the_rate_and_maintenance_after_the_announcement() {
    let params = ModelParams {
        announcement_secs: 2 * 3_600,
        ..ModelParams::standard()
    };
    let mut world = World::new(params);
    let calm = wobble(&mut world, 0.01, 600, 3, START);
    let before = world.of(MARKET).volatility;
    assert_eq!([before.current, before.binding], [ratio(0.02); 2]);
    // The price halves within ten minutes and stays there.
    let mut now = calm;
    let mut first_bound = None;
    for step in 1..=144 {
        now = calm + step * 600;
        world.sample(MARKET, PRICE / 2, now);
        let state = world.of(MARKET).volatility;
        let hours = (step * 600) as f64 / 3_600.0;
        let most = 0.02 * (1.0 + number(params.max_rise_per_hour)).powf(hours);
        assert!(number(state.current) <= most + 1e-5);
        // Short steps together stay a little behind one of an hour, but not by more than this.
        let rate = number(params.max_rise_per_hour);
        let least = 0.02 * (hours * rate / (1.0 + rate)).exp();
        if hours < 12.0 {
            assert!(
                number(state.current) >= least - 1e-5,
                "{} of {least}",
                number(state.current)
            );
        }
        if state.binding > before.binding {
            first_bound.get_or_insert(now - calm);
        }
    }
    let bound = first_bound.unwrap();
    assert!((2 * HOUR..=4 * HOUR + 600).contains(&bound), "{bound}");
    let state = world.of(MARKET).volatility;
    assert!(state.binds_at > now && state.pending.announced > state.pending.ceiling);
    // Once the market is calm again everything comes back.
    wobble(&mut world, 0.01, HOUR, 1_500, now);
    assert_eq!(world.of(MARKET).volatility.current, ratio(0.02));
    world.check();
}

#[test]
fn what_operators_raise_counts_at_once_for_init_and_later_for_maintenance() {
    let mut world = World::standard();
    let mut now = wobble(&mut world, 0.01, 600, 1, START);
    let before = world.values(MARKET);
    world.underlyings[0].params.volatility_floor *= 2;
    world.model.params.collateral_deviations *= 2;
    world.derive(MARKET);
    let raised = world.values(MARKET);
    assert_eq!(raised[0], [2 * before[0][0], before[0][1]]);
    assert_eq!(raised[1], [2 * before[1][0], before[1][1]]);
    assert_eq!(raised[3], [4 * before[3][0], before[3][1]]);
    assert_eq!(world.model.factors[0].volatility, raised[1]);
    let edited = now;
    while world.values(MARKET)[0][1] < raised[0][0] || world.values(MARKET)[3][1] < raised[3][0] {
        now += 600;
        world.sample(MARKET, PRICE, now);
        world.check();
        if now - edited < i64::from(world.model.params.announcement_secs) {
            assert_eq!(world.values(MARKET)[0][1], before[0][1]);
            assert_eq!(world.values(MARKET)[3][1], before[3][1]);
        }
        assert!(now < edited + 10 * DAY);
    }
    // Lowered again, it counts at once.
    world.underlyings[0].params.volatility_floor /= 2;
    world.model.params.collateral_deviations /= 2;
    world.derive(MARKET);
    let lowered = world.values(MARKET);
    assert_eq!(lowered[0], [before[0][0]; 2]);
    assert_eq!(lowered[3], [before[3][0]; 2]);
}

#[test]
fn an_underlying_that_was_never_sampled_takes_its_floor_for_everything() {
    let mut world = World::standard();
    assert_eq!(world.values(MARKET)[0], [ratio(0.02); 2]);
    world.underlyings[0].params.volatility_floor = ratio(0.03);
    world.underlyings[0].params.idiosyncratic_floor = ratio(0.03);
    world.derive(MARKET);
    assert_eq!(world.values(MARKET)[0], [ratio(0.03); 2]);
    assert_eq!(world.model.factors[0].volatility, [ratio(0.03); 2]);
    world.check();
}

#[test]
fn an_edit_is_no_occasion_for_a_rise_that_only_time_allows() {
    let mut world = World::standard();
    let now = wobble(&mut world, 0.01, 600, 1, START);
    world.sample(MARKET, PRICE / 2, now + 600);
    let held_back = world.clone();
    for _ in 0..100 {
        world.derive(MARKET);
    }
    assert_eq!(world.values(MARKET), held_back.values(MARKET));
    assert_eq!(world.model.factors, held_back.model.factors);
}

#[test]
fn what_a_factor_explains_is_no_part_of_its_own() {
    let world = World::standard();
    let [market, second, _] = world.model.factors;
    assert_eq!(market.volatility, [ratio(0.02); 2]);
    // √(0.04² − 1.2²·0.02²) = 0.032
    assert!((number(second.volatility[0]) - 0.032).abs() < 1e-6);
    assert_eq!(world.of(SECOND).idiosyncratic, [0; 2]);
    // √(0.03² − 0.9²·0.02² − 0.5²·0.032²)
    let own = (0.03f64.powi(2) - 0.018f64.powi(2) - 0.016f64.powi(2)).sqrt();
    assert!((number(world.of(THIRD).idiosyncratic[0]) - own).abs() < 1e-6);
    assert!((number(world.of(THIRD).isolated[0]) - 0.03).abs() < 1e-6);
}

#[test]
fn another_driving_entry_starts_from_its_own_price() {
    let mut world = World::standard();
    let now = wobble(&mut world, 0.03, 600, 30, START);
    let learnt = world.of(MARKET).volatility;
    world.underlyings[0].volatility.sampled_price = 0;
    world.sample(MARKET, PRICE << 10, now + 600);
    let state = world.of(MARKET).volatility;
    assert_eq!(state.sampled_price, PRICE << 10);
    assert_eq!(state.fast_variance, learnt.fast_variance);
    assert_eq!(state.slow_variance, learnt.slow_variance);
    assert_eq!(state.current, learnt.current);
}

#[test]
fn an_unknown_number_is_refused() {
    let mut world = World::standard();
    for number in [0, 4, u8::MAX] {
        let (model, underlyings) = (&mut world.model, &mut world.underlyings);
        let unknown = Err(RiskError::UnknownUnderlying);
        assert_eq!(
            sample(model, underlyings, number, PRICE, START, false),
            unknown
        );
        assert_eq!(
            derive(model, underlyings, number),
            Err(RiskError::UnknownUnderlying)
        );
        assert_eq!(Haircut::of(model, underlyings, number), None);
    }
}
