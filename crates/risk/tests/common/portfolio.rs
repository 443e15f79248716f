//! Generators for portfolio margin: models over the whole of their bounds, underlyings whose derived fields agree with
//! them, exposures, and accounts whose entries follow underlyings or are not covered.

use plimsoll_risk::entry_price::PriceDoubt;
use plimsoll_risk::portfolio::*;
use plimsoll_risk::position::PerpPosition;
use plimsoll_risk::*;
use proptest::prelude::*;

use super::{account, order_seeds, rest, signed_wide, wide, Account};

/// Largest volatility of a day that the model takes: a half.
pub const MAX_VOLATILITY: u32 = RATIO_ONE / 2;
/// Largest loading either way.
pub const MAX_LOADING: i32 = 4 * LOADING_ONE;

/// A part of a ratio: `ratio · part / 2^20`, rounded down.
fn share(ratio: u32, part: u32) -> u32 {
    ((u64::from(ratio) * u64::from(part.min(1 << 20))) >> 20) as u32
}

/// A volatility over orders of magnitude, none and the largest included.
pub fn volatility() -> impl Strategy<Value = u32> {
    prop_oneof![
        1 => Just(0),
        6 => RATIO_ONE / 200..=RATIO_ONE / 8,
        2 => 0..=MAX_VOLATILITY,
        1 => Just(MAX_VOLATILITY),
    ]
}

/// The two volatilities of an entry: the binding one is never above the current one, and often the same.
pub fn volatilities() -> impl Strategy<Value = [u32; 2]> {
    let part = prop_oneof![Just(1u32 << 20), 0u32..=1 << 20];
    (volatility(), part).prop_map(|(current, part)| [current, share(current, part)])
}

/// A ratio up to `most`, often none of it or all.
pub fn ratio(most: u32) -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(0), 1 => Just(most), 6 => 0..=most]
}

/// Scenarios: mostly the standard table, otherwise any.
pub fn scenarios() -> impl Strategy<Value = (u8, [Scenario; MAX_SCENARIOS])> {
    let shock =
        prop_oneof![1 => Just(0i16), 3 => -3 * RANGE..=3 * RANGE, 1 => -16 * RANGE..=16 * RANGE];
    let one = (
        [shock.clone(), shock.clone(), shock],
        -256i16..=256,
        1..=WEIGHT_ONE,
    )
        .prop_map(|(shocks, volatility, weight)| Scenario {
            shocks,
            volatility,
            weight,
            padding: 0,
        });
    let any = (1..=MAX_SCENARIOS, prop::collection::vec(one, MAX_SCENARIOS)).prop_map(
        |(count, scenarios)| {
            let mut out = [Scenario::default(); MAX_SCENARIOS];
            out[..count].copy_from_slice(&scenarios[..count]);
            (count as u8, out)
        },
    );
    prop_oneof![3 => Just((MAX_SCENARIOS as u8, TABLE)), 1 => any]
}

/// A model over its bounds and somewhat beyond; factors beyond those in use have no volatility.
pub fn model() -> impl Strategy<Value = PortfolioModel> {
    let multiples = (
        RATIO_ONE..=8 * RATIO_ONE,
        ratio(RATIO_ONE),
        prop_oneof![4 => 0..=RATIO_ONE / 8, 1 => ratio(RATIO_ONE)],
        ratio(2 * RATIO_ONE),
        RATIO_ONE / 2..=RATIO_ONE,
        ratio(RATIO_ONE / 2),
    );
    let factors = [volatilities(), volatilities(), volatilities()];
    (multiples, 1..=MAX_FACTORS, factors, scenarios()).prop_map(
        |((k, d, floor, h, maint, depeg), count, volatilities, (scenario_count, scenarios))| {
            let mut model = PortfolioModel::default();
            model.params.deviations = k;
            model.params.correlation_breakdown = d;
            model.params.gross_floor = floor;
            model.params.crash_multiple = h;
            model.params.maint_fraction = maint;
            model.params.depeg_ratio = depeg;
            model.params.factor_count = count as u8;
            (model.params.scenario_count, model.params.scenarios) = (scenario_count, scenarios);
            for (factor, volatility) in model.factors.iter_mut().zip(volatilities).take(count) {
                factor.volatility = volatility;
            }
            model
        },
    )
}

/// `√(Σ β²σ_F² + σ_ε²)`, rounded up: what an underlying's entry must hold as its volatility in all.
pub fn isolated(
    model: &PortfolioModel,
    loadings: &[i32; MAX_FACTORS],
    own: u32,
    which: Volatilities,
) -> u32 {
    // In units of 2^-44.
    let squares: u128 = model
        .factors
        .iter()
        .zip(loadings)
        .map(|(factor, loading)| {
            let move_ =
                u128::from(which.of(&factor.volatility)) * u128::from(loading.unsigned_abs());
            move_ * move_
        })
        .sum::<u128>()
        + (u128::from(own) << LOADING_BITS).pow(2);
    let root = squares.isqrt();
    let root = root + u128::from(root * root < squares);
    root.div_ceil(1 << LOADING_BITS) as u32
}

/// Fills in the fields of an underlying's entry that follow from its parameters, its own volatility and the factors'.
pub fn derive(model: &PortfolioModel, risk: &mut UnderlyingRisk) {
    let own = risk.idiosyncratic;
    let of = |which: Volatilities| isolated(model, &risk.params.loadings, which.of(&own), which);
    risk.isolated = Volatilities::ALL.map(of);
    let square = (1u128 << 126).div_ceil(u128::from(risk.params.depth_notional));
    let root = square.isqrt();
    risk.depth_inverse_root = (root + u128::from(root * root < square)) as u64;
}

/// What an underlying is made of besides the model: loadings, returns on crash days, add-ons, own volatilities.
fn underlying_seed() -> impl Strategy<Value = (UnderlyingParams, [u32; 2])> {
    let loading = || {
        prop_oneof![
            1 => Just(0),
            4 => LOADING_ONE / 2..=2 * LOADING_ONE,
            2 => -MAX_LOADING..=MAX_LOADING,
        ]
    };
    let day = prop_oneof![
        4 => -LOADING_ONE / 2..=LOADING_ONE / 10,
        1 => -LOADING_ONE / 20 * 19..=4 * LOADING_ONE,
    ];
    let depth = prop_oneof![wide(60).prop_map(|x| x + 1), Just(u64::MAX)];
    (
        [loading(), loading(), loading()],
        prop::collection::vec(day, CRASH_DAYS),
        depth,
        ratio(RATIO_ONE),
        ratio(RATIO_ONE / 2),
        volatilities(),
    )
        .prop_map(|(loadings, days, depth_notional, liquidity, basis, own)| {
            let mut params = UnderlyingParams {
                loadings,
                depth_notional,
                liquidity_ratio: liquidity,
                basis_ratio: basis,
                ..UnderlyingParams::default()
            };
            params.crash_returns.copy_from_slice(&days);
            (params, own)
        })
}

/// A model and up to `most` underlyings; sometimes the first ones drive the factors.
pub fn market_model(most: usize) -> impl Strategy<Value = (PortfolioModel, Vec<UnderlyingRisk>)> {
    let seeds = prop::collection::vec(underlying_seed(), 1..=most);
    (model(), seeds, any::<bool>()).prop_map(|(model, seeds, driven)| {
        let in_use = usize::from(model.params.factor_count);
        let entry = |(i, (mut params, own)): (usize, (UnderlyingParams, [u32; 2]))| {
            params.loadings[in_use..].fill(0);
            let mut risk = UnderlyingRisk {
                idiosyncratic: own,
                ..UnderlyingRisk::default()
            };
            if driven && i < in_use {
                params.factor = i as u8 + 1;
                params.loadings[i] = LOADING_ONE;
                params.loadings[i + 1..].fill(0);
                risk.idiosyncratic = [0; 2];
            }
            risk.params = params;
            derive(&model, &mut risk);
            risk
        };
        let underlyings = seeds.into_iter().enumerate().map(entry).collect();
        (model, underlyings)
    })
}

/// A holding's delta: its lowest value, what orders add to it, and the doubt about its entry's price.
pub fn delta(bits: u32) -> impl Strategy<Value = Delta> {
    let orders = prop_oneof![2 => Just(0u64), 1 => wide(bits)];
    let gap = || prop_oneof![2 => Just(0u32), 2 => 0..=RATIO_ONE / 4, 1 => 0..=4 * RATIO_ONE];
    let doubt = (gap(), any::<bool>(), gap()).prop_map(|(lag, below, confidence)| PriceDoubt {
        lag: if below { [lag, 0] } else { [0, lag] },
        confidence,
        padding: 0,
    });
    (signed_wide(bits), orders, doubt).prop_map(|(low, orders, doubt)| Delta {
        low,
        high: low + orders as i64,
        doubt,
    })
}

/// The exposures of holdings in numbered underlyings.
pub fn exposures(holdings: &[(u8, Delta)]) -> Exposures {
    let mut out = Exposures::new();
    for (underlying, delta) in holdings {
        out.add(*underlying, delta).unwrap();
    }
    out
}

/// A model with underlyings, and holdings in them whose deltas have up to `bits` binary digits.
#[derive(Clone, Debug)]
pub struct Book {
    pub model: PortfolioModel,
    pub underlyings: Vec<UnderlyingRisk>,
    pub holdings: Vec<(u8, Delta)>,
}

impl Book {
    pub fn exposures(&self) -> Exposures {
        exposures(&self.holdings)
    }

    pub fn requirement(&self, which: Volatilities) -> Requirement {
        self.requirement_of(&self.exposures(), which)
    }

    pub fn requirement_of(&self, exposures: &Exposures, which: Volatilities) -> Requirement {
        requirement(&self.model, &self.underlyings, exposures, &[], which).unwrap()
    }
}

pub fn book(most: usize, bits: u32) -> impl Strategy<Value = Book> {
    let holdings = prop::collection::vec((any::<prop::sample::Index>(), delta(bits)), 1..=most);
    (market_model(most), holdings).prop_map(|((model, underlyings), holdings)| Book {
        holdings: holdings
            .into_iter()
            .map(|(which, delta)| (which.index(underlyings.len()) as u8 + 1, delta))
            .collect(),
        model,
        underlyings,
    })
}

/// A whole account with every entry it uses, margined as a portfolio.
#[derive(Clone, Debug)]
pub struct PortfolioAccount {
    pub account: Account,
    pub model: PortfolioModel,
    pub underlyings: Vec<UnderlyingRisk>,
}

impl PortfolioAccount {
    pub fn view(&self) -> RiskView<'_> {
        RiskView {
            underlyings: &self.underlyings,
            model: &self.model,
            ..self.account.view()
        }
    }

    pub fn portfolio(&self) -> Portfolio<'_> {
        Portfolio {
            mode: MarginMode::Portfolio,
            ..self.account.portfolio()
        }
    }

    pub fn health(&self, kind: HealthKind, policy: Policy) -> Health {
        AccountMargin::health(&self.view(), &self.portfolio(), kind, policy).unwrap()
    }

    pub fn assess(&self, policy: Policy) -> Assessment {
        AccountMargin::assess(&self.view(), &self.portfolio(), policy).unwrap()
    }

    pub fn lines(&self, policy: Policy) -> Lines {
        PortfolioMargin::lines(&self.view(), &self.portfolio(), policy).unwrap()
    }

    /// Makes every entry fresh.
    pub fn refresh(&mut self) {
        self.account.refresh();
    }

    /// Makes every entry's price what it is at spot: no confidence, no other stable price, nothing crowded.
    pub fn calm(&mut self) {
        let totals = BankTotals::default();
        for (risk, params) in self
            .account
            .assets
            .iter_mut()
            .zip(&self.account.asset_params)
        {
            (risk.price.conf, risk.price.stable) = (0, risk.price.spot);
            risk.recompute(params, &totals, None).unwrap();
        }
        for (risk, params) in self
            .account
            .markets
            .iter_mut()
            .zip(&self.account.market_params)
        {
            (risk.price.conf, risk.price.stable) = (0, risk.price.spot);
            risk.recompute(params, None).unwrap();
        }
    }
}

/// Shares, positive or negative, worth about `value` at spot.
pub fn shares_worth(risk: &AssetRisk, value: i64) -> Shares {
    let price = risk.share_price[usize::from(value < 0)].max(1);
    let shares = (u128::from(value.unsigned_abs()) << risk.shift) / u128::from(price);
    let shares = shares.min(1 << 55) as i64;
    Shares(if value < 0 { -shares } else { shares })
}

/// Lots worth about `value` at spot.
pub fn lots_worth(risk: &MarketRisk, value: i64) -> BaseLots {
    let lots = (u128::from(value.unsigned_abs()) << risk.shift) / u128::from(risk.price.spot);
    let lots = lots.min(1 << 40) as i64;
    BaseLots(if value < 0 { -lots } else { lots })
}

/// An account of up to four balances and three positions with orders, worth up to 2⁵⁰ each, most of whose entries follow
/// one of up to five underlyings. Asset 0 is the quote asset, which none covers. About half of the entries are stale.
pub fn portfolio_account() -> impl Strategy<Value = PortfolioAccount> {
    let worth = || prop::collection::vec(signed_wide(50), 4);
    let follows =
        prop::collection::vec(prop::option::weighted(0.8, any::<prop::sample::Index>()), 8);
    let orders = prop::collection::vec(order_seeds(5), 3);
    (
        account(),
        market_model(5),
        worth(),
        worth(),
        follows,
        orders,
    )
        .prop_map(
            |(mut account, (model, underlyings), balances, positions, follows, orders)| {
                let number = |i: usize| {
                    follows[i].map_or(0, |which| which.index(underlyings.len()) as u8 + 1)
                };
                for (i, risk) in account.assets.iter_mut().enumerate().skip(1) {
                    risk.underlying = number(i);
                }
                for (i, risk) in account.markets.iter_mut().enumerate() {
                    risk.underlying = number(4 + i);
                }
                for (i, balance) in account.balances.iter_mut().enumerate() {
                    balance.shares = shares_worth(&account.assets[i], balances[i]);
                }
                account.orders.clear();
                for (i, perp) in account.perps.iter_mut().enumerate() {
                    let position = lots_worth(&account.markets[i], positions[i]);
                    let quote = perp.quote;
                    let funding_entry = if position.is_zero() {
                        0
                    } else {
                        perp.funding_entry
                    };
                    *perp = PerpPosition {
                        position,
                        quote,
                        funding_entry,
                        // Traded at any price, next to the present one in half of the cases.
                        opened: if i % 2 == 0 {
                            quote
                        } else {
                            QuoteNative(-positions[i] + (quote.0 >> 4))
                        },
                        ..PerpPosition::of(i as u16)
                    };
                    rest(perp, &mut account.orders, &account.markets[i], &orders[i]);
                }
                PortfolioAccount {
                    account,
                    model,
                    underlyings,
                }
            },
        )
}

/// One order of an account, filled in part or whole at its limit; `false` when the slot is free.
pub fn fill(account: &mut Account, slot: usize, percent: u32, fees: bool) -> bool {
    let Some(mut order) = account
        .orders
        .get(slot)
        .copied()
        .filter(|order| !order.is_free())
    else {
        return false;
    };
    let market = usize::from(order.market);
    let risk = &account.markets[market];
    let lots = BaseLots((order.lots.0 * i64::from(percent) / 100).max(1));
    let (side, notional) = (order.side(), lots.notional(order.price, risk.tick).unwrap());
    let rate = if fees { risk.maker_fee } else { 0 };
    let fee = plimsoll_risk::position::trading_fee(notional, rate).unwrap();
    let perp = &mut account.perps[market];
    perp.reduce_order(slot, &mut order, lots, risk.tick)
        .unwrap();
    perp.apply_fill(side, lots, notional, fee, risk.funding())
        .unwrap();
    account.orders[slot] = order;
    true
}
