//! Properties of the portfolio requirement: how it follows exposures and parameters.
//!
//! What is not exact holds up to [`unit`]: the rounding of exposures to 24 digits, of which every part takes a few.

mod common;

use common::portfolio::*;
use common::*;
use plimsoll_risk::entry_price::PriceDoubt;
use plimsoll_risk::portfolio::*;
use plimsoll_risk::*;
use proptest::prelude::*;

/// A few times the power of two that leaves the largest exposure 24 digits: what rounding may come to in any part.
fn unit(book: &Book, exposures: &Exposures) -> u128 {
    let most = exposures
        .items()
        .iter()
        .map(Exposure::size)
        .max()
        .unwrap_or(0);
    let grain = 1u128 << (64 - most.leading_zeros()).saturating_sub(24);
    let ratio = |ratio: u32| f64::from(ratio) / ONE as f64;
    let params = &book.model.params;
    let shocks = params.scenarios().iter().map(|scenario| {
        scenario
            .shocks
            .iter()
            .map(|shock| f64::from(shock.unsigned_abs()) / 256.0)
            .sum::<f64>()
    });
    let steepest = ratio(params.deviations)
        + ratio(params.crash_multiple)
        + ratio(params.gross_floor)
        + shocks.fold(1.0, f64::max);
    grain * (4.0 * steepest * (exposures.items().len() + 5) as f64).ceil() as u128
}

/// The parts that the maximum is taken over, and what they are made of.
fn measures(parts: &Requirement) -> [(&'static str, u128); 6] {
    [
        ("model", parts.model),
        ("isolated", parts.isolated),
        ("gross", parts.gross_floor),
        ("linear", parts.linear),
        ("shortfall", parts.shortfall),
        ("crash", parts.crash),
    ]
}

fn everything(parts: &Requirement) -> [(&'static str, u128); 10] {
    let [a, b, c, d, e, f] = measures(parts);
    [
        a,
        b,
        c,
        d,
        e,
        f,
        ("liquidity", parts.liquidity),
        ("basis", parts.basis),
        ("confidence", parts.confidence),
        ("total", parts.total()),
    ]
}

type Outcome = std::result::Result<(), TestCaseError>;

/// Every part of one is at most the other's.
fn within(least: &Requirement, most: &Requirement) -> Outcome {
    for ((name, less), (_, more)) in everything(least).into_iter().zip(everything(most)) {
        prop_assert!(less <= more, "{name}: {less} > {more}");
    }
    Ok(())
}

fn scaled(value: i64, ratio: u32) -> u128 {
    (u128::from(value.unsigned_abs()) * u128::from(ratio)) >> 24
}

/// The holdings of a book without orders, in numbers without fractions of the grain.
fn still(mut book: Book) -> Book {
    for (_, delta) in &mut book.holdings {
        delta.high = delta.low;
    }
    book
}

fn raise(volatility: &mut u32, part: u32) {
    let room = MAX_VOLATILITY - *volatility;
    *volatility += ((u64::from(room) * u64::from(part)) >> 8) as u32;
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn the_mix_is_between_its_ends(mut book in book(16, 54)) {
        book.model.params.gross_floor = 0;
        for which in Volatilities::ALL {
            let got = book.requirement(which);
            let broken = got.isolated * u128::from(book.model.params.correlation_breakdown);
            prop_assert!(got.linear << 24 >= broken, "d · ISO");
            prop_assert!(got.model <= got.linear && got.linear <= got.isolated);
        }
    }

    #[test]
    fn nothing_is_netted_in_one_underlying(mut book in book(6, 54)) {
        for (underlying, _) in &mut book.holdings {
            *underlying = 1;
        }
        let unit = unit(&book, &book.exposures());
        for which in Volatilities::ALL {
            let got = book.requirement(which);
            prop_assert!(got.model <= got.isolated && got.isolated <= got.model + unit);
            prop_assert_eq!(got.linear, got.linear.max(got.gross_floor));
            prop_assert!(got.linear >= got.model && got.linear <= got.isolated.max(got.gross_floor));
        }
    }

    /// To the unit by powers of two once the largest exposure has 24 digits, which a real account's has at 17 USD.
    #[test]
    fn twice_the_book_needs_twice_as_much(book in book(16, 44), power in 0u32..=8, factor in 1i64..=300) {
        let double = |factor: i64| {
            let mut out = book.clone();
            for (_, delta) in &mut out.holdings {
                (delta.low, delta.high) = (delta.low * factor, delta.high * factor);
            }
            out
        };
        let one = book.requirement(Volatilities::Current);
        let exposures = book.exposures();
        if exposures.items().iter().any(|item| item.size() >= 1 << 23) {
            let more = double(1 << power).requirement(Volatilities::Current);
            for ((name, one), (_, more)) in measures(&one).into_iter().zip(measures(&more)) {
                prop_assert_eq!(one << power, more, "{}", name);
            }
        }
        let larger = double(factor);
        let more = larger.requirement(Volatilities::Current);
        let factor = u128::from(factor.unsigned_abs());
        let unit = unit(&larger, &larger.exposures()) + factor * unit(&book, &exposures);
        for ((name, one), (_, more)) in measures(&one).into_iter().zip(measures(&more)) {
            prop_assert!((one * factor).abs_diff(more) <= unit, "{name}: {factor} · {one}, {more}");
        }
    }

    #[test]
    fn two_books_together_need_no_more_than_apart(book in book(16, 54), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(book.holdings.len() + 1);
        let (mut one, mut other) = (book.clone(), book.clone());
        one.holdings.truncate(cut);
        other.holdings.drain(..cut);
        let unit = unit(&book, &book.exposures());
        for which in Volatilities::ALL {
            let (one, other, both) = (one.requirement(which), other.requirement(which), book.requirement(which));
            let apart = measures(&one).into_iter().zip(measures(&other));
            for (((name, one), (_, other)), (_, both)) in apart.zip(measures(&both)) {
                prop_assert!(both <= one + other + unit, "{name}: {both} > {one} + {other}");
            }
            prop_assert!(both.base() <= one.base() + other.base() + unit);
        }
    }

    #[test]
    fn a_stricter_model_never_requires_less(
        book in book(16, 50), more in (any::<[u16; 4]>(), any::<[u16; 2]>()), confidence in 0u32..=RATIO_ONE,
    ) {
        let mut strict = book.clone();
        let params = &mut strict.model.params;
        let ([k, d, floor, h], [liquidity, basis]) = more;
        params.deviations += u32::from(k) << 8;
        params.correlation_breakdown = (params.correlation_breakdown + (u32::from(d) << 8)).min(RATIO_ONE);
        params.gross_floor += u32::from(floor) << 4;
        params.crash_multiple += u32::from(h) << 8;
        for risk in &mut strict.underlyings {
            risk.params.liquidity_ratio += u32::from(liquidity) << 4;
            risk.params.basis_ratio += u32::from(basis) << 4;
        }
        for (_, delta) in &mut strict.holdings {
            delta.doubt.confidence += confidence;
        }
        for which in Volatilities::ALL {
            within(&book.requirement(which), &strict.requirement(which))?;
        }
        let quote = 1i128 << 40;
        strict.model.params.depeg_ratio += u32::from(k);
        let parts = book.requirement(Volatilities::Current);
        prop_assert!(parts.with_depeg(&book.model, quote).unwrap().total()
            <= parts.with_depeg(&strict.model, quote).unwrap().total());
    }

    /// Init's requirement rises with every volatility of now by itself, in every part. A binding volatility is what a
    /// factor's gain counts at, so of a rise of one of those only the linear parts are sure.
    #[test]
    fn a_rise_of_any_volatility_never_requires_less(
        book in book(16, 54), factors in any::<[u8; 3]>(), own in prop::collection::vec(any::<u8>(), 16),
    ) {
        let rise = |index: usize| {
            let mut out = book.clone();
            for (factor, part) in out.model.factors.iter_mut().zip(factors) {
                raise(&mut factor.volatility[index], u32::from(part));
            }
            for (risk, part) in out.underlyings.iter_mut().zip(&own) {
                raise(&mut risk.idiosyncratic[index], u32::from(*part));
                derive(&out.model, risk);
            }
            out
        };
        within(&book.requirement(Volatilities::Current), &rise(0).requirement(Volatilities::Current))?;
        let (before, after) = (book.requirement(Volatilities::Binding), rise(1).requirement(Volatilities::Binding));
        prop_assert!(before.model <= after.model && before.isolated <= after.isolated && before.linear <= after.linear);
    }

    /// The standard table has every move with its opposite, so there the shortfall follows any volatility.
    #[test]
    fn with_the_standard_table_so_does_the_shortfall(book in book(16, 54), factors in any::<[u8; 3]>()) {
        let mut before = still(book);
        (before.model.params.scenarios, before.model.params.scenario_count) = (TABLE, MAX_SCENARIOS as u8);
        let mut after = before.clone();
        for (factor, part) in after.model.factors.iter_mut().zip(factors) {
            raise(&mut factor.volatility[1], u32::from(part));
        }
        let unit = unit(&before, &before.exposures());
        let (before, after) = (before.requirement(Volatilities::Binding), after.requirement(Volatilities::Binding));
        prop_assert!(after.shortfall + unit >= before.shortfall, "{} {}", before.shortfall, after.shortfall);
    }

    #[test]
    fn the_current_volatilities_require_no_less_than_the_binding_ones(book in book(32, 54)) {
        let (current, binding) = (book.requirement(Volatilities::Current), book.requirement(Volatilities::Binding));
        within(&binding, &current)?;
        prop_assert_eq!(binding.confidence, 0);
        let end = binding.total();
        let maint = maintenance(end, &book.model).unwrap();
        prop_assert!(maint >= 0 && maint.unsigned_abs() <= end);
        prop_assert!(maint.unsigned_abs() << 24 >= end * u128::from(book.model.params.maint_fraction));
    }

    #[test]
    fn whatever_fills_within_the_box_requires_no_more(
        book in book(16, 54), fills in prop::collection::vec((any::<u16>(), any::<u16>()), 16),
    ) {
        let mut inside = book.clone();
        for ((_, delta), (a, b)) in inside.holdings.iter_mut().zip(fills) {
            let at = |part: u16| {
                let width = i128::from(delta.high) - i128::from(delta.low);
                delta.low + ((width * i128::from(part)) / i128::from(u16::MAX)) as i64
            };
            (delta.low, delta.high) = (at(a.min(b)), at(a.max(b)));
        }
        for which in Volatilities::ALL {
            within(&inside.requirement(which), &book.requirement(which))?;
        }
    }

    /// What is hedged by the same underlying costs its basis, and what the rest of the book costs.
    #[test]
    fn a_hedge_in_the_same_underlying_costs_its_basis(book in book(16, 50), which in any::<prop::sample::Index>()) {
        let mut book = still(book);
        for (_, delta) in &mut book.holdings {
            delta.doubt = PriceDoubt::default();
        }
        let underlying = book.holdings[which.index(book.holdings.len())].0;
        let mut without = book.clone();
        without.holdings.retain(|(number, _)| *number != underlying);
        let hedges: Vec<_> = book.holdings.iter().filter(|(number, _)| *number == underlying).map(|(number, delta)| {
            (*number, Delta { low: -delta.high, high: -delta.low, ..*delta })
        }).collect();
        let mut hedged = book.clone();
        hedged.holdings.extend(hedges);
        let unit = unit(&hedged, &hedged.exposures());
        let gross: i64 = hedged.holdings.iter().filter(|(number, _)| *number == underlying).map(|(_, delta)| delta.high.max(0)).sum();
        let basis = scaled(gross, book.underlyings[usize::from(underlying) - 1].params.basis_ratio) + 1;
        for kind in Volatilities::ALL {
            let (without, hedged) = (without.requirement(kind), hedged.requirement(kind));
            prop_assert!(hedged.base() <= without.base() + unit);
            prop_assert!(hedged.total() <= without.total() + basis + unit);
        }
    }

    /// Hedged in the factor's driver, an underlying keeps the part of its risk that is its own and the charge for
    /// correlations that break down. On the way there the linear requirement rises by no more than that charge.
    #[test]
    fn a_hedge_in_the_driver_leaves_what_is_its_own(
        (model, mut underlyings) in market_model(2), worth in wide(54), part in 0i64..=256, beta in 0..=MAX_LOADING,
    ) {
        underlyings.resize(2, underlyings[0]);
        let mut model = model;
        model.params.gross_floor = 0;
        (underlyings[0].idiosyncratic, underlyings[0].params.loadings) = ([0; 2], [LOADING_ONE, 0, 0]);
        underlyings[1].params.loadings = [beta, 0, 0];
        for risk in &mut underlyings {
            derive(&model, risk);
        }
        let long = worth as i64;
        let short = -(((i128::from(long) * i128::from(beta)) >> LOADING_BITS) * i128::from(part) / 256) as i64;
        let delta = |value: i64| Delta { low: value, high: value, doubt: PriceDoubt::default() };
        let alone = Book { model, underlyings, holdings: vec![(2, delta(long))] };
        let mut hedged = alone.clone();
        hedged.holdings.push((1, delta(short)));
        let unit = unit(&hedged, &hedged.exposures());
        for which in Volatilities::ALL {
            let (before, after) = (alone.requirement(which), hedged.requirement(which));
            prop_assert!(after.model <= before.model + unit);
            let leg = scaled(short, which.of(&alone.underlyings[0].isolated));
            let charge = (leg * u128::from(model.params.deviations)) >> 24;
            let charge = (charge * u128::from(model.params.correlation_breakdown)) >> 24;
            prop_assert!(after.linear <= before.linear + charge + unit);
            if part == 256 {
                let own = scaled(long, which.of(&alone.underlyings[1].idiosyncratic));
                prop_assert!(after.model <= ((own * u128::from(model.params.deviations)) >> 24) + unit);
            }
        }
    }

    /// A deposit is worth more than it adds to the requirement where its own requirement, its basis and what it adds to
    /// the liquidity add-on come to less than its value: then and only then is it sure to help in every book.
    #[test]
    fn a_deposit_requires_no_more_than_alone(book in book(16, 50), deposit in wide(50), number in any::<prop::sample::Index>()) {
        let number = number.index(book.underlyings.len()) as u8 + 1;
        let deposit = deposit as i64;
        let delta = Delta { low: deposit, high: deposit, doubt: PriceDoubt::default() };
        let (mut with, mut alone) = (book.clone(), book.clone());
        with.holdings.push((number, delta));
        alone.holdings = vec![(number, delta)];
        let unit = unit(&with, &with.exposures());
        let risk = &book.underlyings[usize::from(number) - 1];
        for which in Volatilities::ALL {
            let (before, after, alone) = (book.requirement(which), with.requirement(which), alone.requirement(which));
            prop_assert!(after.base() <= before.base() + alone.base() + unit);
            prop_assert!(after.basis <= before.basis + scaled(deposit, risk.params.basis_ratio) + 1);
            // Alone: the steepest of its measures.
            let day = risk.params.crash_returns.into_iter().min().unwrap().min(0);
            let lost = (u128::from(deposit.unsigned_abs()) * u128::from(day.unsigned_abs())) >> LOADING_BITS;
            let crash = (lost * u128::from(book.model.params.crash_multiple)) >> RATIO_BITS;
            prop_assert!(alone.base() <= alone.isolated.max(alone.gross_floor).max(alone.shortfall).max(crash + unit));
            // The slope of w · f · (√(w/D) − 1) is f · (3/2 √(w/D) − 1) beyond the depth.
            let size = with.exposures().items().iter().find(|item| item.underlying == number).map_or(0, Exposure::size);
            let root = (size as f64 / risk.params.depth_notional as f64).sqrt();
            let ratio = f64::from(risk.params.liquidity_ratio) / ONE as f64;
            let slope = ratio * (1.5 * root - 1.0).max(0.0);
            let grown = after.liquidity.saturating_sub(before.liquidity) as f64;
            let digits = size as f64 * root.max(1.0) * (ratio / 1e9 + 2.0 / ONE as f64) + 4.0;
            prop_assert!(grown <= slope * deposit as f64 * (1.0 + 1e-9) + digits, "{grown} {slope}");
        }
    }

    /// A slot taken out of the exposures leaves what the others come to, and put back what there was.
    #[test]
    fn a_slot_can_be_taken_out_and_put_back(book in book(16, 54), which in any::<prop::sample::Index>()) {
        let which = which.index(book.holdings.len());
        let slot = *exposures(&book.holdings[which..=which]).items().first().unwrap();
        let mut without = book.clone();
        without.holdings.remove(which);
        let (all, rest) = (book.exposures(), without.exposures());
        let mut changed = all;
        changed.remove(&slot).unwrap();
        for item in changed.items() {
            let nothing = Exposure { underlying: item.underlying, ..Exposure::default() };
            prop_assert_eq!(item, rest.get(item.underlying).unwrap_or(&nothing));
        }
        for kind in Volatilities::ALL {
            prop_assert_eq!(book.requirement_of(&changed, kind), without.requirement(kind));
        }
        changed.merge(&slot).unwrap();
        prop_assert_eq!(changed.items(), all.items());
        let mut merged = rest;
        merged.merge(&slot).unwrap();
        for kind in Volatilities::ALL {
            prop_assert_eq!(book.requirement_of(&merged, kind), book.requirement(kind));
        }
    }
}
