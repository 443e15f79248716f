//! The requirement of a box of exposures in exact arithmetic, written from the formulas and not from the engine.
//!
//! A number is an integer over `2^SCALE`. Only roots and quotients are not exact; they are rounded down here, by less than
//! `2^-100` of a native unit.

use num_bigint::BigInt;
use plimsoll_risk::portfolio::*;

/// Binary places of every result.
pub const SCALE: u32 = 160;
/// Binary places of a delta.
pub const DELTA_BITS: u32 = 64;

/// The delta of one underlying, as an interval, with [`DELTA_BITS`] binary places.
#[derive(Clone, Debug)]
pub struct Interval {
    pub underlying: u8,
    pub low: BigInt,
    pub high: BigInt,
}

/// The parts of a requirement that exposures alone decide.
#[derive(Clone, Debug)]
pub struct Exact {
    pub model: BigInt,
    pub isolated: BigInt,
    pub gross_floor: BigInt,
    pub linear: BigInt,
    pub shortfall: BigInt,
    pub crash: BigInt,
    pub liquidity: BigInt,
}

/// Whole native units as a result.
pub fn units(value: impl Into<BigInt>) -> BigInt {
    value.into() << SCALE
}

/// The intervals of exposures, moved outwards by a number of native units.
pub fn intervals(exposures: &Exposures, wider: u64) -> Vec<Interval> {
    let of = |item: &Exposure| Interval {
        underlying: item.underlying,
        low: (BigInt::from(item.low) - wider) << DELTA_BITS,
        high: (BigInt::from(item.high) + wider) << DELTA_BITS,
    };
    exposures.items().iter().map(of).collect()
}

fn abs(value: BigInt) -> BigInt {
    if value < BigInt::ZERO {
        -value
    } else {
        value
    }
}

fn rescale(value: BigInt, bits: u32) -> BigInt {
    value << (SCALE - bits)
}

/// `max(|low|, |high|)`.
fn size(low: &BigInt, high: &BigInt) -> BigInt {
    abs(low.clone()).max(abs(high.clone()))
}

/// Exposure to a factor, with 20 more binary places.
fn factor_exposure(
    underlyings: &[UnderlyingRisk],
    of: &[Interval],
    factor: usize,
) -> (BigInt, BigInt) {
    let mut sum = (BigInt::ZERO, BigInt::ZERO);
    for item in of {
        let loading = underlyings[usize::from(item.underlying) - 1]
            .params
            .loadings[factor];
        let (a, b) = (&item.low * loading, &item.high * loading);
        sum.0 += a.clone().min(b.clone());
        sum.1 += a.max(b);
    }
    sum
}

/// The requirement's parts, exact but for the rounding of roots.
pub fn exact(
    model: &PortfolioModel,
    underlyings: &[UnderlyingRisk],
    of: &[Interval],
    which: Volatilities,
) -> Exact {
    let params = &model.params;
    let k = params.deviations;
    let entry = |item: &Interval| &underlyings[usize::from(item.underlying) - 1];
    let factors: Vec<(BigInt, BigInt)> = (0..MAX_FACTORS)
        .map(|factor| factor_exposure(underlyings, of, factor))
        .collect();

    // 64 + 20 + 24 binary places; squares have twice that.
    let mut squares = BigInt::ZERO;
    for ((low, high), factor) in factors.iter().zip(&model.factors) {
        squares += (size(low, high) * which.of(&factor.volatility)).pow(2);
    }
    let (mut isolated, mut gross) = (BigInt::ZERO, BigInt::ZERO);
    for item in of {
        let risk = entry(item);
        let size = size(&item.low, &item.high);
        let own = (size.clone() * which.of(&risk.idiosyncratic)) << LOADING_BITS;
        squares += own.pow(2);
        let mut alone = own.pow(2);
        for (factor, loading) in model.factors.iter().zip(risk.params.loadings) {
            alone += (size.clone() * loading * which.of(&factor.volatility)).pow(2);
        }
        isolated += alone.sqrt();
        gross += size;
    }
    let modelled = squares.sqrt() * k;
    let isolated = isolated * k;
    let d = params.correlation_breakdown;
    let one = 1u32 << 24;
    let linear = rescale(
        modelled.clone() * (one - d) + isolated.clone() * d,
        108 + 48,
    );
    let gross_floor = rescale(gross * params.gross_floor, 64 + 24);
    Exact {
        model: rescale(modelled, 108 + 24),
        isolated: rescale(isolated, 108 + 24),
        linear: linear.max(gross_floor.clone()),
        gross_floor,
        shortfall: shortfall(model, &factors, which),
        crash: crash(model, underlyings, of),
        liquidity: of
            .iter()
            .map(|item| liquidity(entry(item), size(&item.low, &item.high)))
            .sum(),
    }
}

/// The loss of one factor's move, 64 + 20 + 24 + 8 binary places: the worst of the interval, a gain at the lower of the
/// volatilities that count.
fn factor_loss(
    low: &BigInt,
    high: &BigInt,
    factor: &FactorRisk,
    shock: i16,
    which: Volatilities,
) -> BigInt {
    let [_, binding] = factor.volatility;
    let ends = [low, high].into_iter();
    let of = |volatility: u32| ends.clone().map(move |end| -(end * volatility * shock));
    of(which.of(&factor.volatility))
        .chain(of(binding))
        .max()
        .unwrap()
}

fn shortfall(model: &PortfolioModel, factors: &[(BigInt, BigInt)], which: Volatilities) -> BigInt {
    let scenarios = model.params.scenarios();
    let mut losses: Vec<BigInt> = scenarios
        .iter()
        .map(|scenario| {
            let loss: BigInt = factors
                .iter()
                .zip(&model.factors)
                .zip(scenario.shocks)
                .map(|(((low, high), factor), shock)| factor_loss(low, high, factor, shock, which))
                .sum();
            rescale((loss * scenario.weight).max(BigInt::ZERO), 116 + 15)
        })
        .collect();
    losses.sort();
    let tail = scenarios.len().div_ceil(4);
    losses.iter().rev().take(tail).sum::<BigInt>() / tail
}

fn crash(model: &PortfolioModel, underlyings: &[UnderlyingRisk], of: &[Interval]) -> BigInt {
    let day = |day: usize| -> BigInt {
        of.iter()
            .map(|item| {
                let moved = underlyings[usize::from(item.underlying) - 1]
                    .params
                    .crash_returns[day];
                (-(&item.low * moved)).max(-(&item.high * moved))
            })
            .sum()
    };
    let worst = (0..CRASH_DAYS).map(day).max().unwrap().max(BigInt::ZERO);
    rescale(worst * model.params.crash_multiple, 64 + 20 + 24)
}

/// `w · f · (√(w / D) − 1)` beyond the depth.
fn liquidity(risk: &UnderlyingRisk, size: BigInt) -> BigInt {
    let depth = BigInt::from(risk.params.depth_notional) << DELTA_BITS;
    if size <= depth {
        return BigInt::ZERO;
    }
    // w³/D with 192 binary places: its root has 96.
    let grown: BigInt = (size.clone().pow(3) << 64) / depth;
    let grown = grown.sqrt();
    let plain = size << 32;
    rescale((grown - plain) * risk.params.liquidity_ratio, 96 + 24)
}

/// What a book's holdings cost for their basis, and for the uncertainty of their prices.
pub fn doubts(underlyings: &[UnderlyingRisk], holdings: &[(u8, Delta)]) -> (BigInt, BigInt) {
    let (mut basis, mut uncertain) = (BigInt::ZERO, BigInt::ZERO);
    for (i, risk) in underlyings.iter().enumerate() {
        let of = || {
            holdings
                .iter()
                .filter(|(number, _)| usize::from(*number) == i + 1)
                .map(|(_, delta)| delta)
        };
        let long: BigInt = of().map(|delta| BigInt::from(delta.high.max(0))).sum();
        let short: BigInt = of().map(|delta| -BigInt::from(delta.low.min(0))).sum();
        basis += long.min(short) * risk.params.basis_ratio;
        // To the stable prices below spot, or to those above it.
        let below: BigInt = of()
            .map(|delta| BigInt::from(delta.high) * delta.doubt.lag[0])
            .sum();
        let above: BigInt = of()
            .map(|delta| BigInt::from(-delta.low) * delta.doubt.lag[1])
            .sum();
        uncertain += below.max(above).max(BigInt::ZERO);
        uncertain += of()
            .map(|delta| size(&delta.low.into(), &delta.high.into()) * delta.doubt.confidence)
            .sum::<BigInt>();
    }
    (rescale(basis, 24), rescale(uncertain, 24))
}
