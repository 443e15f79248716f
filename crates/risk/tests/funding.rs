//! Funding: bounded, conserved, and the same however time is divided.
use plimsoll_risk::{
    fixed::RATIO_ONE,
    funding::{self, Funding, MAX_SAMPLE_SECS, PREMIUM_BITS, WINDOW_SECS},
    position::FundingIndices,
    BaseLots, PerpPosition,
};
use proptest::prelude::*;

const MAX_PER_DAY: u32 = RATIO_ONE / 50;
/// A lot of 0.01 SOL at 150 USD, as a mantissa with this shift.
const SHIFT: u8 = 20;
const SPOT: u64 = 1_500_000 << SHIFT;

fn as_ratio(average: i64) -> f64 {
    average as f64 / f64::from(PREMIUM_BITS).exp2()
}

/// A number below `2^bits`, of every size.
fn wide(bits: u32) -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..bits).prop_map(move |(value, less)| value >> (64 - bits + less))
}

/// The average and the indices after looking at a book, whose premium (a ratio) changes by the second, at given intervals.
fn look(book: &[i32], every: impl Iterator<Item = usize>) -> (i64, Funding) {
    let (mut at, mut average, mut funding) = (0, 0, Funding::default());
    for secs in every {
        if at >= book.len() {
            break;
        }
        let secs = secs.clamp(1, book.len() - at);
        let sample = book[at..at + secs]
            .iter()
            .map(|p| i64::from(*p))
            .sum::<i64>()
            / secs as i64;
        let elapsed = funding::elapse(average, Some(sample as i32), secs as u64).unwrap();
        let charged = funding::within_rate(elapsed.charged, MAX_PER_DAY, secs as u64);
        average = elapsed.average;
        funding = funding.advance(SPOT, SHIFT, charged).unwrap();
        at += secs;
    }
    (average, funding)
}

/// The same in real numbers, and continuously: the average, and what a lot owes.
fn exact(book: &[i32]) -> (f64, f64) {
    let kept = (-1.0 / WINDOW_SECS as f64).exp();
    let (mut average, mut owed) = (0.0, 0.0);
    for premium in book {
        let premium = f64::from(*premium) / f64::from(RATIO_ONE);
        let next = premium + (average - premium) * kept;
        owed += premium + WINDOW_SECS as f64 * (average - next);
        average = next;
    }
    (average, owed * 1_500_000.0 / 86_400.0)
}

proptest! {
    #[test]
    fn an_hour_is_the_same_at_every_rate_of_refreshes(
        tenths_of_a_point in prop::collection::vec(-200i32..=200, 60), every in prop::sample::select(vec![1usize, 20, 60]),
        odd in prop::collection::vec(1usize..=60, 60),
    ) {
        // A premium of every minute, in tenths of a basis point.
        let unit = RATIO_ONE as i32 / 100_000;
        let book: Vec<i32> = tenths_of_a_point.iter().flat_map(|p| [p * unit; 60]).collect();
        let (average, owed) = exact(&book);
        let scale = book.iter().map(|p| f64::from(p.abs())).sum::<f64>() / book.len() as f64 / f64::from(RATIO_ONE);
        for steps in [vec![every; 3_600], odd.repeat(60)] {
            let (found, funding) = look(&book, steps.into_iter());
            prop_assert!((as_ratio(found) - average).abs() <= 0.01 * scale, "{} {average}", as_ratio(found));
            let index = funding.indices.long as f64 / f64::from(RATIO_ONE);
            prop_assert!((index - owed).abs() <= 0.01 * scale * 1_500_000.0 / 24.0, "{index} {owed}");
        }
    }

    #[test]
    fn a_steady_premium_is_charged_whole(premium in 1i32..=RATIO_ONE as i32 / 100, every in 1usize..=120) {
        // From the smallest ratio that there is.
        let book = vec![premium; 7_200];
        let (average, owed) = exact(&book);
        let (found, funding) = look(&book, std::iter::repeat(every));
        prop_assert!((as_ratio(found) / average - 1.0).abs() < 1e-4, "{} {average}", as_ratio(found));
        let index = funding.indices.long as f64 / f64::from(RATIO_ONE);
        prop_assert!((index - owed).abs() <= owed * 1e-3 + 1.0 / f64::from(RATIO_ONE), "{index} {owed}");
    }

    #[test]
    fn an_empty_book_ends_every_premium(average in -(1i64 << PREMIUM_BITS)..=1 << PREMIUM_BITS, secs in 1u64..=120) {
        let (mut average, mut steps) = (average, 0);
        while average != 0 {
            let next = funding::elapse(average, Some(0), secs).unwrap();
            prop_assert!(next.average.abs() < average.abs(), "stuck at {average}");
            prop_assert!(next.charged.signum() == average.signum());
            average = next.average;
            steps += 1;
        }
        prop_assert!(steps < 200_000 / secs + 2);
    }

    #[test]
    fn an_outage_charges_less_than_an_hour_of_the_premium_before(average in 0i64..=1 << PREMIUM_BITS, sample in any::<i16>(), secs in wide(40)) {
        let secs = secs.max(MAX_SAMPLE_SECS + 1);
        let out = funding::elapse(average, Some(i32::from(sample)), secs).unwrap();
        prop_assert_eq!(out, funding::elapse(average, None, secs).unwrap(), "nothing is sampled over it");
        prop_assert!(out.charged >= 0 && out.charged <= average * WINDOW_SECS as i64);
        let least = funding::within_rate(out.charged, MAX_PER_DAY, secs);
        prop_assert!(as_ratio(least) / 3_600.0 <= f64::from(MAX_PER_DAY) / f64::from(RATIO_ONE));
    }

    #[test]
    fn an_average_is_between_what_it_was_and_the_sample(
        average in -(1i64 << PREMIUM_BITS)..=1 << PREMIUM_BITS, sample in -(RATIO_ONE as i32)..=RATIO_ONE as i32, secs in 1..=MAX_SAMPLE_SECS,
    ) {
        let out = funding::elapse(average, Some(sample), secs).unwrap();
        let sample = i64::from(sample) << (PREMIUM_BITS - 24);
        prop_assert!(out.average >= average.min(sample) && out.average <= average.max(sample));
        let secs = secs as i64;
        let rounding = WINDOW_SECS as i64;
        prop_assert!(out.charged >= average.min(sample) * secs - rounding && out.charged <= average.max(sample) * secs + rounding);
    }

    #[test]
    fn funding_is_paid_by_one_side_to_the_other(
        native in 1u64..1 << 36, shift in 0u8..=27, premium in -(RATIO_ONE as i32)..=RATIO_ONE as i32, secs in 1i64..3_600,
        lots in 1i64..1 << 30, fraction in any::<u32>(),
    ) {
        let spot = native << shift;
        let before = Funding { indices: FundingIndices { long: 3 << 24, short: -9 << 24, loss: 0 }, fraction };
        let charged = (i64::from(premium) << (PREMIUM_BITS - 24)) * secs;
        let after = before.advance(spot, shift, charged).unwrap();
        let moved = after.indices.long - before.indices.long;
        prop_assert_eq!(after.indices.short - before.indices.short, moved);
        let exact = native as f64 * f64::from(premium) * secs as f64 / 86_400.0;
        let found = moved as f64 + (f64::from(after.fraction) - f64::from(fraction)) / 32f64.exp2();
        prop_assert!((found - exact).abs() <= exact.abs() * 1e-6 + 1e-6 + native as f64 / 32f64.exp2(), "{found} {exact}");
        let mut payments = [(before.indices.long, lots), (before.indices.short, -lots)].into_iter().map(|(funding_entry, n)| {
            PerpPosition { position: BaseLots(n), funding_entry, ..PerpPosition::of(0) }.funding_due(after.indices).unwrap()
        });
        let sum = payments.next().unwrap() + payments.next().unwrap();
        prop_assert!((0..=1).contains(&sum), "what one side pays the other gets, less a rounding");
    }

    #[test]
    fn the_premium_and_the_rate_are_bounded(
        spot in 1u64..1 << 50, bid in prop::option::of(wide(51)), ask in prop::option::of(wide(51)), limit in 0..=RATIO_ONE,
    ) {
        let premium = funding::premium(spot, bid, ask, limit).unwrap();
        prop_assert!(premium.unsigned_abs() <= limit);
        prop_assert!(premium <= 0 || bid.is_some_and(|bid| bid > spot));
        prop_assert!(premium >= 0 || ask.is_some_and(|ask| ask < spot));
        prop_assert!(funding::rate_per_day(premium, limit / 2).unsigned_abs() <= limit / 2);
        let mark = funding::mark_price(spot, premium);
        prop_assert!((mark >= spot) == (premium >= 0) || mark == spot);
    }
}

#[test]
fn what_is_kept_is_the_exponential() {
    let whole = 1i64 << PREMIUM_BITS;
    for secs in (1..20_000)
        .step_by(7)
        .chain([65_535, 100_000, 131_071, 131_072, u64::MAX])
    {
        let kept = as_ratio(funding::elapse(whole, None, secs).unwrap().average);
        let exact = (-(secs as f64) / WINDOW_SECS as f64).exp();
        assert!((kept - exact).abs() < 1e-8, "{secs}: {kept} {exact}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for average in [i64::MIN, i64::MAX] {
        assert!(funding::elapse(average, Some(1), 120).is_err());
    }
    let indices = FundingIndices {
        long: i64::MAX,
        short: 0,
        loss: 0,
    };
    let funding = Funding {
        indices,
        fraction: 0,
    };
    assert!(funding.advance(SPOT, SHIFT, 1 << 50).is_err());
    assert!(Funding::default().advance(SPOT, SHIFT, i64::MAX).is_err());
}
