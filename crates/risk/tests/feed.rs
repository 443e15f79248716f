//! Properties of the state machine of a feed's price: what an observation may change, and what nobody can make it do.

mod common;

use common::*;
use plimsoll_risk::feed::*;
use plimsoll_risk::*;
use proptest::prelude::*;

/// Limits under which nothing but the rule under test refuses anything.
const OPEN: FeedLimits = FeedLimits {
    max_conf_ratio: RATIO_ONE / 4,
    trade_age_secs: 600,
    ..FeedLimits::DEFAULT
};

fn seen(price: u64, published_ms: i64) -> Observation {
    Observation {
        price,
        conf: 0,
        published_ms,
    }
}

/// Posts what the primary published, at once.
fn post(state: &mut FeedPrice, price: u64, published_ms: i64, limits: &FeedLimits) -> Outcome {
    let seen = seen(price, published_ms);
    state.update(&seen, Origin::Primary, published_ms, DOUBT, limits)
}

/// A feed that has one price.
fn begun(price: u64, limits: &FeedLimits) -> FeedPrice {
    let mut state = FeedPrice::default();
    assert_eq!(post(&mut state, price, NOW, limits), Outcome::Accepted);
    state
}

/// One step of a history: price, confidence as a percentage, time since the last observation, how late it is posted, and
/// whether by the fallback.
type Step = (u64, u64, i64, i64, bool);

fn history() -> impl Strategy<Value = Vec<Step>> {
    let price = prop_oneof![3 => (1u64 << 40) / 10 * 9..(1 << 40) / 10 * 11, 1 => wide(55)];
    let elapsed = prop_oneof![2 => 0i64..=2_000, 2 => -50_000i64..=400_000, 1 => 0i64..=2_000_000];
    let late = prop_oneof![2 => -20_000i64..=20_000, 1 => 0i64..=700_000];
    prop::collection::vec((price, 0u64..=40, elapsed, late, any::<bool>()), 1..40)
}

/// The most that the stable price may move, but for the one unit that it always may.
fn allowance(stable: u64, elapsed_ms: i64, rate: u32) -> u128 {
    let ms = elapsed_ms.min(STABLE_MAX_STEP_MS).unsigned_abs();
    (u128::from(stable) * u128::from(rate) * u128::from(ms) / 3_600_000) >> RATIO_BITS
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn every_update_keeps_the_rules(limits in feed_limits(), steps in history()) {
        let mut state = FeedPrice::default();
        let (mut last, mut now, mut doubt) = (NOW, NOW, DOUBT);
        for (price, conf_percent, elapsed, late, fallback) in steps {
            let before = state;
            last += elapsed;
            now = now.max(last + late);
            doubt += 1_000;
            let seen = Observation { price, conf: price / 100 * conf_percent, published_ms: last };
            let origin = if fallback { Origin::Fallback } else { Origin::Primary };
            let age = i64::from(limits.trade_age_secs) * 1_000;
            let nearer = before.stable.min(before.primary_spot);
            let far = (u128::from(nearer) * u128::from(limits.max_divergence)) >> RATIO_BITS;
            let off = u128::from(price.abs_diff(before.stable).min(price.abs_diff(before.primary_spot)));
            let wide = u128::from(seen.conf)
                > (u128::from(price) * u128::from(limits.max_conf_ratio)) >> RATIO_BITS;
            let newer = before.spot == 0 || last > before.published_ms;
            match state.update(&seen, origin, now, doubt, &limits) {
                Outcome::Refused(reason) => {
                    let holds = match reason {
                        Rejection::ZeroPrice => price == 0,
                        Rejection::Older => last < before.published_ms,
                        Rejection::TooOld => now - last > age,
                        Rejection::FromTheFuture => last > now + MAX_CLOCK_LEAD_MS,
                        Rejection::WideConfidence => wide,
                        Rejection::PrimaryAlive => fallback && (before.spot == 0 || now - before.primary_ms <= 2 * age),
                        Rejection::Diverged => fallback && off > far,
                    };
                    prop_assert!(holds, "{reason:?}");
                    let doubts = matches!(reason, Rejection::WideConfidence | Rejection::Diverged);
                    let heard = reason == Rejection::WideConfidence && !fallback && last > before.published_ms;
                    let primary_ms = if heard { before.primary_ms.max(last) } else { before.primary_ms };
                    prop_assert_eq!(state, FeedPrice { refused_ms: state.refused_ms, primary_ms, ..before });
                    let refused = if doubts && last > before.published_ms { last } else { 0 };
                    prop_assert_eq!(state.refused_ms, before.refused_ms.max(refused));
                    prop_assert!(refused == 0 || state.flags() & REFUSED != 0);
                }
                Outcome::Known => {
                    prop_assert_eq!(last, before.published_ms);
                    prop_assert_eq!(state, before);
                }
                Outcome::Accepted => {
                    prop_assert!(price > 0 && newer && !wide);
                    prop_assert!(now - last <= age && last <= now + MAX_CLOCK_LEAD_MS);
                    prop_assert_eq!((state.spot, state.conf, state.published_ms), (price, seen.conf, last));
                    prop_assert_eq!(state.refused_ms, before.refused_ms);
                    let doubted = state.flags() & BROKEN != 0;
                    prop_assert_eq!(state.doubt_from, if doubted { before.doubt_from } else { doubt });
                    let first = if before.flags() & FALLBACK == 0 { doubt / 1_000 } else { u64::from(before.fallback_from) };
                    let is_young = (doubt / 1_000 - first) * 1_000 < limits.doubt_hold_ms();
                    prop_assert_eq!(state.flags() & YOUNG_FALLBACK != 0, fallback && is_young);
                    prop_assert_eq!(state.primary_spot, if fallback { before.primary_spot } else { price });
                    prop_assert_eq!(state.flags() & FALLBACK != 0, fallback);
                    if fallback {
                        prop_assert!(before.spot > 0 && now - before.primary_ms > 2 * age);
                        prop_assert!(off <= far);
                    }
                    prop_assert_eq!(state.primary_ms, if fallback { before.primary_ms } else { last });
                    if before.spot == 0 {
                        prop_assert_eq!([state.stable, state.average], [price; 2]);
                        continue;
                    }
                    let most = allowance(before.stable, last - before.published_ms, limits.stable_rate_per_hour);
                    let moved = state.stable.abs_diff(before.stable);
                    prop_assert!(u128::from(moved) <= most.max(1), "{moved} > {most}");
                    // As far as it may, and never past spot.
                    let distance = before.stable.abs_diff(price);
                    prop_assert_eq!(u128::from(moved), most.max(1).min(u128::from(distance)));
                    prop_assert_eq!(state.stable.abs_diff(price), distance - moved);
                    let (low, high) = (before.average.min(price), before.average.max(price));
                    prop_assert!(state.average >= low && state.average <= high);
                }
            }
        }
    }

    /// Whichever of a source's observations an attacker posts, and however often.
    #[test]
    fn no_history_moves_the_stable_price_faster_than_its_rate(
        rate in 1..=RATIO_ONE, steps in prop::collection::vec((wide(24), 1i64..=90_000), 1..80), up in any::<bool>(),
    ) {
        let limits = FeedLimits { stable_rate_per_hour: rate, ..OPEN };
        let start = 1u64 << 45;
        let mut state = begun(start, &limits);
        let (mut at, mut posted) = (NOW, 0);
        for (factor, elapsed) in steps {
            at += elapsed;
            let price = if up { start.saturating_mul(factor.max(1)) } else { (start / factor.max(1)).max(1) };
            prop_assert_eq!(post(&mut state, price, at, &limits), Outcome::Accepted);
            posted += 1;
        }
        let hours = (at - NOW) as f64 / 3_600_000.0;
        let most = (f64::from(rate) / ONE as f64 * hours).exp() * start as f64;
        let units = f64::from(posted);
        prop_assert!(state.stable as f64 <= most * (1.0 + 1e-12) + units);
        if !up {
            // Steps of at most five minutes, each at most a twelfth of the rate.
            let least = start as f64 * (1.0 - f64::from(rate) / ONE as f64 * hours);
            prop_assert!(state.stable as f64 >= least * (1.0 - 1e-12) - units);
        }
    }

    /// Nor does posting often hold it back: with observations every 200 ms it goes as far as with one a minute.
    #[test]
    fn posting_often_holds_neither_the_stable_price_nor_the_average_back(
        beat in 1i64..=2_000, other in 2_000i64..=60_000, up in any::<bool>(),
    ) {
        let limits = FeedLimits { stable_rate_per_hour: RATIO_ONE / 5, ..OPEN };
        let start = 1u64 << 44;
        let target = if up { start / 10 * 14 } else { start / 10 * 6 };
        let run = |beat: i64| {
            let mut state = begun(start, &limits);
            let mut at = NOW;
            while at < NOW + 240_000 {
                at += beat;
                post(&mut state, target, at, &limits);
            }
            let hours = (at - NOW) as f64 / 3_600_000.0;
            let followed = (state.stable as f64 / start as f64 - 1.0).abs() / (0.2 * hours);
            let left = state.average.abs_diff(target) as f64 / start.abs_diff(target) as f64;
            (followed, left, (-(at - NOW) as f64 / 300_000.0).exp())
        };
        for beat in [beat, other] {
            let (followed, left, exact) = run(beat);
            prop_assert!((followed - 1.0).abs() < 0.02, "{followed} of the rate, every {beat} ms");
            prop_assert!(left >= exact - 1e-6 && left <= exact * 1.1, "{left} instead of {exact}, every {beat} ms");
        }
    }

    #[test]
    fn posting_again_changes_nothing(
        limits in feed_limits(), steps in history(), again in (wide(55), 0u64..=1, any::<bool>(), 0i64..=1_000_000),
    ) {
        let mut state = begun(1 << 40, &limits);
        let (mut last, mut now) = (NOW, NOW);
        for (price, conf_percent, elapsed, late, fallback) in steps {
            last += elapsed;
            now = now.max(last + late);
            let seen = Observation { price, conf: price / 100 * conf_percent, published_ms: last };
            let origin = if fallback { Origin::Fallback } else { Origin::Primary };
            state.update(&seen, origin, now, DOUBT, &limits);
        }
        let (price, conf, fallback, later) = again;
        let before = state;
        let held = Observation { price: state.spot, conf: state.conf, published_ms: state.published_ms };
        let other = Observation { price, conf, ..held };
        let origin = if fallback { Origin::Fallback } else { Origin::Primary };
        for seen in [held, other] {
            for now in [state.published_ms, now, now + later] {
                for origin in [Origin::Primary, origin] {
                    let outcome = state.update(&seen, origin, now, DOUBT + 1_000_000, &limits);
                    prop_assert!(matches!(outcome, Outcome::Known | Outcome::Refused(_)));
                    prop_assert_eq!(state, before);
                }
            }
        }
        let at = state.published_ms;
        prop_assert_eq!(state.update(&held, Origin::Primary, at, DOUBT, &limits), Outcome::Known);
    }

    #[test]
    fn a_refused_newer_observation_stops_trades_and_payments_at_once_and_no_seizure(
        limits in feed_limits(), after in 1i64..=900, next in 1i64..=100, price in 1u64 << 20..1 << 40,
    ) {
        let mut state = begun(1 << 40, &limits);
        let wide = Observation { price, conf: price, published_ms: NOW + after };
        // One that is no newer says nothing.
        let mut same = state;
        same.update(&Observation { published_ms: NOW, ..wide }, Origin::Primary, NOW, DOUBT, &limits);
        prop_assert_eq!(same, state);
        let refused = Outcome::Refused(Rejection::WideConfidence);
        prop_assert_eq!(state.update(&wide, Origin::Primary, NOW + after, DOUBT, &limits), refused);
        prop_assert_eq!(state.flags(), REFUSED);
        let unit = price::EntryUnit::new(price::PriceUnit::WHOLE, 0, 0).unwrap();
        let mut entry = EntryPrice::default();
        entry.follow(&state, &limits, unit).unwrap();
        let clock = Clock { now_ms: NOW + after, doubt_ms: DOUBT };
        let fresh = [Purpose::Trade, Purpose::Pay, Purpose::Seize].map(|purpose| entry.is_fresh(&clock, purpose));
        prop_assert_eq!(fresh, [false, false, true]);
        // A good one from before the refused one changes that no more than the price that was held.
        let mut late = state;
        post(&mut late, 1 << 40, NOW + after - 1, &limits);
        prop_assert_eq!(late.flags(), REFUSED);
        prop_assert_eq!(post(&mut state, 1 << 40, NOW + after + next, &limits), Outcome::Accepted);
        prop_assert_eq!(state.flags(), 0);
    }

    #[test]
    fn a_fallback_counts_after_twice_the_age_and_within_the_divergence(limits in feed_limits(), up in any::<bool>()) {
        let state = begun(1 << 40, &limits);
        let silence = 2_000 * i64::from(limits.trade_age_secs);
        let try_it = |price, after| {
            let mut state = state;
            let seen = seen(price, NOW + after);
            let outcome = state.update(&seen, Origin::Fallback, NOW + after, DOUBT, &limits);
            (outcome, state)
        };
        prop_assert_eq!(try_it(1 << 40, silence).0, Outcome::Refused(Rejection::PrimaryAlive));
        let furthest = u64::from(limits.max_divergence) << 16;
        let at = |distance| if up { (1 << 40) + distance } else { (1 << 40) - distance };
        let (outcome, counted) = try_it(at(furthest), silence + 1);
        prop_assert_eq!(outcome, Outcome::Accepted);
        prop_assert_eq!(counted.primary_ms, NOW, "the primary is as silent as before");
        prop_assert_eq!(counted.doubt_from, DOUBT, "it is held back from its first price on");
        prop_assert_eq!(counted.confidence(&limits), ((u128::from(counted.spot) * u128::from(limits.max_divergence)) >> RATIO_BITS) as u64);
        let (outcome, refused) = try_it(at(furthest + 1), silence + 1);
        prop_assert_eq!(outcome, Outcome::Refused(Rejection::Diverged));
        prop_assert_eq!(FeedPrice { refused_ms: NOW + silence + 1, ..state }, refused);
        // Nor is a fallback the first price: there is nothing to hold it against.
        let mut none = FeedPrice::default();
        let outcome = none.update(&seen(1, NOW), Origin::Fallback, NOW, DOUBT, &limits);
        prop_assert_eq!((outcome, none), (Outcome::Refused(Rejection::PrimaryAlive), FeedPrice::default()));
    }

    /// Its own prices take it no further than the stable price follows them.
    #[test]
    fn a_fallback_does_not_walk_away(steps in prop::collection::vec((1i64..=60_000, 0u64..=100), 1..60), up in any::<bool>()) {
        let limits = OPEN;
        let start = 1u64 << 40;
        let mut state = begun(start, &limits);
        let mut at = NOW + 2_000 * i64::from(limits.trade_age_secs);
        for (elapsed, percent) in steps {
            at += elapsed;
            let nearer = state.stable.min(start);
            let most = ((u128::from(nearer) * u128::from(limits.max_divergence)) >> RATIO_BITS) as u64;
            let step = most / 100 * percent + 1;
            // As far as it may go, and a little further.
            let price = if up { state.stable.max(start) + step } else { nearer - step };
            let next = seen(price, at);
            state.update(&next, Origin::Fallback, at, DOUBT, &limits);
        }
        let hours = (at - NOW) as f64 / 3_600_000.0;
        let drift = f64::from(limits.stable_rate_per_hour) / ONE as f64 * hours;
        let beyond = f64::from(limits.max_divergence) / ONE as f64;
        let moved = (state.spot as f64 / start as f64 - 1.0).abs();
        prop_assert!(moved <= (1.0 + beyond) * (1.0 + drift).powf(1.2) - 1.0 + 1e-6, "{moved}");
    }

    /// An attacker posts what suits them of the observations around a jump, as many and as late as they like.
    #[test]
    fn a_jump_is_not_confirmed_sooner_by_choosing_what_to_post(
        factor in 4u64..=1_000, up in any::<bool>(),
        observations in prop::collection::vec((1i64..=9_000, 0u64..=80, any::<bool>()), 1..120),
    ) {
        let start = 1u64 << 40;
        let level = if up { start * factor } else { start / factor };
        let mut state = begun(start, &OPEN);
        let (mut at, mut first, mut counted) = (NOW, None, 0);
        for (elapsed, noise, posted) in observations {
            at += elapsed;
            if !posted {
                continue;
            }
            let price = level / 1_000 * (960 + noise);
            prop_assert_eq!(post(&mut state, price, at, &OPEN), Outcome::Accepted);
            let begun = *first.get_or_insert(at);
            counted += 1;
            if !state.is_broken() {
                prop_assert!(at - begun >= i64::from(JUMP_CONFIRMATIONS) * JUMP_SPACING_MS, "{} ms", at - begun);
                prop_assert!(counted > JUMP_CONFIRMATIONS);
                prop_assert_eq!((state.average, state.jump_count), (state.spot, 0));
                break;
            }
            prop_assert!(state.jump_count <= JUMP_CONFIRMATIONS);
            prop_assert_eq!(state.doubt_from, DOUBT, "doubt is as old as the last price before");
        }
    }

    #[test]
    fn observations_that_disagree_confirm_nothing(
        observations in prop::collection::vec(1i64..=20_000, 1..40), low in 10u64..=100,
    ) {
        // Back and forth between two levels more than a half apart, both far above where it was.
        let mut state = begun(1 << 30, &OPEN);
        let mut at = NOW;
        for (i, elapsed) in observations.into_iter().enumerate() {
            at += elapsed;
            let level = if i % 2 == 0 { low } else { low * 3 };
            post(&mut state, level << 30, at, &OPEN);
            prop_assert!(!state.is_broken() || state.jump_count == 1);
        }
    }

    #[test]
    fn a_jump_is_confirmed_within_a_bounded_time(factor in 2u64..=10_000, up in any::<bool>(), beat in 100i64..=60_000) {
        let start = 1u64 << 42;
        let level = if up { start * factor } else { start / factor };
        let mut state = begun(start, &OPEN);
        let mut at = NOW;
        while at < NOW + beat + i64::from(JUMP_CONFIRMATIONS) * (JUMP_SPACING_MS + beat) {
            at += beat;
            post(&mut state, level, at, &OPEN);
        }
        prop_assert!(!state.is_broken());
        prop_assert_eq!(state.flags(), 0);
    }

    #[test]
    fn a_pump_cannot_be_borrowed_against_within_minutes(factor in 2u64..1_000, ms in 1i64..=300_000) {
        // A tenth an hour.
        let limits = FeedLimits { stable_rate_per_hour: RATIO_ONE / 10, ..OPEN };
        let mut state = begun(1 << 40, &limits);
        post(&mut state, (1 << 40) * factor, NOW + ms, &limits);
        prop_assert!(state.stable.min(state.spot) < (1 << 40) / 100 * 101);
        prop_assert!(state.is_broken(), "and nobody is liquidated at it either, at first");
    }

    #[test]
    fn a_crash_holds_liquidation_back_for_a_minute_only(left in 1u64..=99) {
        let limits = FeedLimits { stable_rate_per_hour: 1, ..OPEN };
        let mut state = begun(100 << 30, &limits);
        for i in 1..=900 {
            post(&mut state, left << 30, NOW + i * 1_000, &limits);
            if i > 60 || left > 50 {
                prop_assert!(!state.is_broken(), "after {i} s at {left} %");
            }
        }
    }
}

/// The longest time for which a trend is doubted, and the time in which it is not, in milliseconds.
fn doubted(permille: u64, beat: i64, up: bool) -> (i64, i64) {
    let mut state = begun(1 << if up { 20 } else { 60 }, &OPEN);
    let (mut longest, mut trusted, mut since) = (0, 0, None);
    let mut at = NOW;
    for _ in 0..3_000 {
        let price = match up {
            true => u128::from(state.spot) * u128::from(1_000 + permille) / 1_000 + 1,
            false => u128::from(state.spot) * u128::from(1_000 - permille) / 1_000,
        };
        if price >> 62 != 0 || price < 1 << 10 {
            break;
        }
        at += beat;
        assert_eq!(post(&mut state, price as u64, at, &OPEN), Outcome::Accepted);
        if state.is_broken() {
            longest = longest.max(at - *since.get_or_insert(at) + beat);
        } else {
            trusted += beat;
            since = None;
        }
    }
    (longest, trusted)
}

#[test]
fn a_sustained_trend_is_never_doubted_for_longer_than_a_bounded_time() {
    let mut ever = 0;
    for up in [true, false] {
        // A percent a step at beats from a fifth of a second to a minute, and a tenth a minute in as many steps.
        let steps = [200, 400, 1_000, 5_000, 20_000, 60_000];
        let percent = steps.map(|beat| (10, beat));
        let tenth = [(100, 60_000), (34, 20_000), (9, 5_000), (2, 1_000)];
        for (permille, beat) in percent.into_iter().chain(tenth) {
            let (longest, trusted) = doubted(permille, beat, up);
            let bound = i64::from(JUMP_CONFIRMATIONS) * (JUMP_SPACING_MS + beat) + beat;
            assert!(
                longest <= bound,
                "{longest} ms: {permille} a thousand every {beat} ms, {up}"
            );
            assert!(trusted > 0);
            ever = ever.max(longest);
        }
    }
    assert!(ever > 0, "some of them are doubted at all");
}

#[test]
fn a_feed_is_silent_once_no_trade_may_use_it() {
    let limits = FeedLimits::DEFAULT;
    let state = begun(1 << 40, &limits);
    assert!(!state.is_silent(NOW + 60_000, &limits) && state.is_silent(NOW + 60_001, &limits));
    assert_eq!(FeedPrice::default().flags(), 0);
    assert!(FeedPrice::default().is_silent(NOW, &limits));
}

#[test]
fn no_clock_is_so_far_off_that_it_overflows() {
    let mut state = begun(u64::MAX, &OPEN);
    let future = Outcome::Refused(Rejection::FromTheFuture);
    let cases = [
        (i64::MAX, NOW, future),
        (i64::MIN, NOW, Outcome::Refused(Rejection::TooOld)),
        (i64::MIN, i64::MIN, Outcome::Refused(Rejection::Older)),
        (NOW + 1, i64::MIN, future),
        (i64::MAX, i64::MAX, Outcome::Accepted),
    ];
    for (published_ms, now_ms, expected) in cases {
        let seen = seen(1, published_ms);
        let outcome = state.update(&seen, Origin::Primary, now_ms, u64::MAX, &OPEN);
        assert_eq!(outcome, expected, "{published_ms} {now_ms}");
    }
    // Five minutes of a fifth an hour, from the largest price to the least.
    let moved = u64::MAX - state.stable;
    let exact = (u64::MAX as f64) * 0.2 / 12.0;
    assert!((moved as f64 / exact - 1.0).abs() < 1e-6);
}
