//! Standard margin: each balance and position is measured by itself and the results are added.
//!
//! A balance is one multiply: its shares by the weighted price per share of the kind. A position `n` with resting
//! bids `B` and asks `A`, quote `q`, at the kind's prices `low ≤ high`:
//!
//! ```text
//! pnl  = V(n) + q − funding − Σ losses of orders priced worse than the oracle − fees of all resting orders
//! V(n) = n·low for a long, n·high for a short
//! perp = u(pnl) − requirement(max(|n + B|, |n − A|))
//! ```
//!
//! where `u` scales a profit by the market's profit weight and leaves a loss whole. The losses of both sides are
//! charged at once, not the worse side's alone: charging one side lets a fill on the other lower health. With both
//! charged, filling any subset of orders, in part or whole, at their limits never does: a fill moves value from the
//! loss reserved for it into the position, `V` is concave, and the range `[n − A, n + B]` only shrinks. All of it is
//! summed in mantissa units and rounded once, so this holds to the last unit but for the rounding of fees.

use crate::asset::AssetRisk;
use crate::balance::{spot_value, Balance, Indices};
use crate::crowding::held;
use crate::entry_price::{EntryPrice, InDoubt};
use crate::fixed::{
    add, scale_ceil, scale_floor, shift_ceil, sqrt_ceil, sub, to_i128, Result, RiskError,
    RATIO_BITS, RATIO_ONE,
};
use crate::health::{
    entry_bit, Assessment, Health, HealthKind, MarginModel, Policy, Portfolio, RiskView, StaleSet,
};
use crate::market::{requirement_per_lot, MarketRisk, INVERSE_ROOT_BITS};
use crate::position::{trading_fee, OpenOrder, PerpPosition, Side};

/// The standard margin engine.
#[derive(Clone, Copy, Debug)]
pub struct StandardMargin;

impl MarginModel for StandardMargin {
    fn health(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        kind: HealthKind,
        policy: Policy,
    ) -> Result<Health> {
        let mut value = 0;
        let mut stale = StaleSet::default();
        for balance in portfolio.balances {
            if balance.shares.is_zero() || balance.is_free() {
                continue;
            }
            let risk = view
                .assets
                .get(usize::from(balance.asset))
                .ok_or(RiskError::UnknownAsset)?;
            let part = if view.is_fresh(&risk.price) {
                balance_value(kind, balance, risk)
            } else {
                let doubted = view.doubted(&risk.price, policy)?;
                stale_balance_value(kind, balance, risk, policy, doubted, &mut stale)?
            };
            let part = held_part(part, kind, balance, risk, view)?;
            value = add(value, part)?;
        }
        for perp in portfolio.perps {
            if perp.is_free() {
                continue;
            }
            let risk = view
                .markets
                .get(usize::from(perp.market))
                .ok_or(RiskError::UnknownMarket)?;
            let mut terms = PerpTerms::of(kind, risk);
            if perp.is_exposed() && !view.is_fresh(&risk.price) {
                stale.markets |= entry_bit(perp.market);
                if let Some(price) = view.doubted(&risk.price, policy)? {
                    terms = PerpTerms::in_doubt(kind, risk, price, policy)?;
                }
            }
            value = add(value, value_at(perp, portfolio.orders, risk, &terms)?)?;
        }
        Ok(Health { value, stale })
    }

    fn assess(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        policy: Policy,
    ) -> Result<Assessment> {
        walk::<true>(view, portfolio, policy)
    }
}

impl StandardMargin {
    /// Health at which a liquidation starts and ends, and equity; Init's is left at zero.
    ///
    /// # Errors
    /// As [`MarginModel::assess`].
    #[inline(never)]
    pub fn lines(
        view: &RiskView<'_>,
        portfolio: &Portfolio<'_>,
        policy: Policy,
    ) -> Result<Assessment> {
        walk::<false>(view, portfolio, policy)
    }
}

#[inline(always)]
fn walk<const WITH_INIT: bool>(
    view: &RiskView<'_>,
    portfolio: &Portfolio<'_>,
    policy: Policy,
) -> Result<Assessment> {
    let mut out = Assessment::default();
    for balance in portfolio.balances {
        if balance.shares.is_zero() || balance.is_free() {
            continue;
        }
        let risk = view
            .assets
            .get(usize::from(balance.asset))
            .ok_or(RiskError::UnknownAsset)?;
        assess_balance::<WITH_INIT>(&mut out, view, balance, risk, policy)?;
    }
    for perp in portfolio.perps {
        if perp.is_free() {
            continue;
        }
        let risk = view
            .markets
            .get(usize::from(perp.market))
            .ok_or(RiskError::UnknownMarket)?;
        assess_perp::<WITH_INIT>(&mut out, view, perp, portfolio.orders, risk, policy)?;
    }
    Ok(out)
}

/// The kinds with their totals: all of them, or all but Init.
#[inline(always)]
fn kinds<const WITH_INIT: bool>(
    totals: &mut [i128; 3],
) -> impl Iterator<Item = (&mut i128, HealthKind)> {
    let all = totals.iter_mut().zip(HealthKind::ALL);
    all.skip(usize::from(!WITH_INIT))
}

/// What a balance adds to the health of a kind, its entry taken as fresh. Rounded down.
#[inline(always)]
pub fn balance_value(kind: HealthKind, balance: &Balance, risk: &AssetRisk) -> i128 {
    let price = if balance.shares.0 >= 0 {
        kind.of(&risk.asset_price)
    } else {
        kind.of(&risk.liability_price)
    };
    scale_floor(balance.shares.0, price, risk.shift)
}

/// The part of a balance in a kind's health, under what the balance itself is held to.
#[inline(always)]
pub(crate) fn held_part(
    part: i128,
    kind: HealthKind,
    balance: &Balance,
    risk: &AssetRisk,
    view: &RiskView<'_>,
) -> Result<i128> {
    if kind != HealthKind::Init {
        return Ok(part);
    }
    match balance.held_to(view.clock.now_ms) {
        None => Ok(part),
        Some(own) => held(part, own, risk),
    }
}

/// What a position and its resting orders add to the health of a kind, the entry taken as fresh. Rounded down.
///
/// # Errors
/// [`RiskError::Overflow`]; [`RiskError::OrderSlotMismatch`] when the mask names a slot that `orders` lacks.
#[inline]
pub fn perp_value(
    kind: HealthKind,
    perp: &PerpPosition,
    orders: &[OpenOrder],
    risk: &MarketRisk,
) -> Result<i128> {
    value_at(perp, orders, risk, &PerpTerms::of(kind, risk))
}

/// What closing a position at spot would leave, resting orders aside: `n·spot + q − funding`, rounded down.
///
/// # Errors
/// [`RiskError::Overflow`].
pub fn perp_equity(perp: &PerpPosition, risk: &MarketRisk) -> Result<i128> {
    equity_at(perp, risk, risk.price.spot)
}

/// Margin that a position of `lots` needs at a kind's prices, rounded up: `lots · requirement_price`, times
/// `√(notional / size_scale_notional)` where that is above one.
///
/// # Errors
/// [`RiskError::Overflow`] when the notional exceeds 64 bits of native quote.
#[inline]
pub fn requirement(
    lots: u64,
    high: u64,
    requirement_price: u64,
    risk: &MarketRisk,
) -> Result<u128> {
    let base = scale_ceil(lots, requirement_price, risk.shift);
    if lots <= risk.size_threshold_lots {
        return Ok(base);
    }
    scaled_requirement(
        base,
        scale_ceil(lots, high, risk.shift),
        risk.size_inverse_root,
    )
}

#[inline(never)]
fn scaled_requirement(base: u128, notional: u128, inverse_root: u64) -> Result<u128> {
    let notional = u64::try_from(notional).map_err(|_| RiskError::Overflow)?;
    let growth = growth(notional, inverse_root).max(u128::from(RATIO_ONE));
    Ok(shift_ceil(
        base.checked_mul(growth).ok_or(RiskError::Overflow)?,
        RATIO_BITS,
    ))
}

/// `√(notional / scale)` as a ratio, rounded up, from `2^63 / √scale`.
#[inline(always)]
pub(crate) fn growth(notional: u64, inverse_root: u64) -> u128 {
    // An even number of leading zeros is shifted out before the root, to keep 32 significant bits in it.
    let half = notional.leading_zeros() / 2;
    let root = sqrt_ceil(notional.wrapping_shl(half * 2));
    let places = half + INVERSE_ROOT_BITS - RATIO_BITS;
    shift_ceil(
        u128::from(root).wrapping_mul(u128::from(inverse_root)),
        places,
    )
}

/// The prices and ratios at which a position is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerpTerms {
    pub low: u64,
    pub high: u64,
    pub requirement_price: u64,
    pub profit_weight: u32,
    /// Whether a profit that an open epoch has marked counts as owed.
    pub is_strict: bool,
}

impl PerpTerms {
    /// What an open epoch may take of a marked profit, for Init.
    #[inline(always)]
    pub fn at_risk(&self, perp: &PerpPosition, risk: &MarketRisk) -> i128 {
        if !self.is_strict || perp.share.epoch == 0 {
            return 0;
        }
        i128::from(risk.haircuts.at_risk(&perp.share))
    }

    #[inline(always)]
    pub fn of(kind: HealthKind, risk: &MarketRisk) -> Self {
        Self {
            low: kind.of(&risk.price_low),
            high: kind.of(&risk.price_high),
            requirement_price: kind.of(&risk.requirement_price),
            profit_weight: kind.of(&risk.profit_weight),
            is_strict: kind == HealthKind::Init,
        }
    }

    /// A stale market at a price in doubt: longs and bids at what is owned, shorts and asks at what is owed, margin on the lower
    /// of spot and stable; for whoever takes over, the margin of new risk.
    #[inline(never)]
    pub fn in_doubt(
        kind: HealthKind,
        risk: &MarketRisk,
        price: InDoubt,
        policy: Policy,
    ) -> Result<Self> {
        let InDoubt {
            owned: low,
            owed: high,
        } = price;
        let ratio = kind.of(&risk.ratios());
        let mut requirement_price = requirement_per_lot(risk.price.lower(), ratio)?;
        if policy == Policy::Taker {
            requirement_price = requirement_price.max(kind.of(&risk.requirement_price));
        }
        Ok(Self {
            low,
            high,
            requirement_price,
            profit_weight: kind.of(&risk.profit_weight),
            is_strict: kind == HealthKind::Init,
        })
    }
}

#[inline(always)]
pub(crate) fn value_at(
    perp: &PerpPosition,
    orders: &[OpenOrder],
    risk: &MarketRisk,
    terms: &PerpTerms,
) -> Result<i128> {
    let settled = settled_quote(perp, risk)?;
    let pnl = pnl_at(perp, orders, risk, settled, terms.low, terms.high)?;
    let pnl = sub(pnl, terms.at_risk(perp, risk))?;
    sub(
        weighted(pnl, terms.profit_weight)?,
        to_i128(perp_requirement(perp, risk, terms)?)?,
    )
}

/// `q − funding − fees of the resting orders`, common to all kinds.
#[inline(always)]
pub(crate) fn settled_quote(perp: &PerpPosition, risk: &MarketRisk) -> Result<i128> {
    let mut quote = sub(i128::from(perp.quote.0), perp.owed(risk)?)?;
    if risk.maker_fee > 0 && !perp.open_notional.is_zero() {
        quote = sub(
            quote,
            i128::from(trading_fee(perp.open_notional, risk.maker_fee)?.0),
        )?;
    }
    Ok(quote)
}

/// The position's profit after the losses of its resting orders, at a kind's prices.
#[inline(always)]
pub(crate) fn pnl_at(
    perp: &PerpPosition,
    orders: &[OpenOrder],
    risk: &MarketRisk,
    settled: i128,
    low: u64,
    high: u64,
) -> Result<i128> {
    let mut pnl = settled;
    let mut mantissa =
        i128::from(perp.position.0) * i128::from(if perp.position.0 >= 0 { low } else { high });
    if perp.order_mask != 0 {
        let losing = losing_orders(perp, orders, risk, low, high)?;
        mantissa = add(
            mantissa,
            i128::from(losing.bid_lots).wrapping_mul(i128::from(low)),
        )?;
        mantissa = sub(
            mantissa,
            i128::from(losing.ask_lots).wrapping_mul(i128::from(high)),
        )?;
        pnl = add(pnl, i128::from(losing.proceeds))?;
    }
    add(pnl, mantissa.wrapping_shr(u32::from(risk.shift)))
}

/// The margin on the largest position that fills of one side can lead to.
#[inline(always)]
fn perp_requirement(perp: &PerpPosition, risk: &MarketRisk, terms: &PerpTerms) -> Result<u128> {
    let most = perp.position.checked_add(perp.bid_lots)?.abs();
    let least = perp.position.checked_sub(perp.ask_lots)?.abs();
    let largest = most.max(least);
    if largest == 0 {
        return Ok(0);
    }
    requirement(largest, terms.high, terms.requirement_price, risk)
}

/// A profit counts by its weight, rounded down; a loss counts whole.
#[inline(always)]
pub(crate) fn weighted(pnl: i128, profit_weight: u32) -> Result<i128> {
    if pnl <= 0 {
        return Ok(pnl);
    }
    Ok(pnl
        .checked_mul(i128::from(profit_weight))
        .ok_or(RiskError::Overflow)?
        >> RATIO_BITS)
}

/// Orders whose limit is worse than the oracle's price: what filling them would add to the position, and bring.
#[derive(Default)]
struct LosingOrders {
    bid_lots: i64,
    ask_lots: i64,
    /// Notional of the asks less that of the bids.
    proceeds: i64,
}

#[inline]
fn losing_orders(
    perp: &PerpPosition,
    orders: &[OpenOrder],
    risk: &MarketRisk,
    low: u64,
    high: u64,
) -> Result<LosingOrders> {
    let mut losing = LosingOrders::default();
    // A bid loses when its limit exceeds `low`: for whole native quote, when it exceeds ⌊low⌋; an ask below ⌈high⌉.
    let shift = u32::from(risk.shift);
    let floor = low.checked_shr(shift).unwrap_or(0);
    let ceil = u64::try_from(shift_ceil(u128::from(high), shift)).unwrap_or(u64::MAX);
    let loses = |side: Side, limit: u64| match side {
        Side::Bid => limit > floor,
        Side::Ask => limit < ceil,
    };
    // Bounds that overflow are beyond any price: the walk then decides order by order.
    let bids_lose = perp
        .best_bid
        .0
        .checked_mul(risk.tick)
        .is_none_or(|limit| loses(Side::Bid, limit));
    let asks_lose = perp
        .best_ask
        .0
        .checked_mul(risk.tick)
        .is_some_and(|limit| loses(Side::Ask, limit));
    if !bids_lose && !asks_lose {
        return Ok(losing);
    }
    let mut mask = perp.order_mask;
    while mask != 0 {
        let slot =
            usize::try_from(mask.trailing_zeros()).map_err(|_| RiskError::OrderSlotMismatch)?;
        mask &= mask.wrapping_sub(1);
        let order = orders.get(slot).ok_or(RiskError::OrderSlotMismatch)?;
        let limit = order
            .price
            .0
            .checked_mul(risk.tick)
            .ok_or(RiskError::Overflow)?;
        if loses(order.side(), limit) {
            losing.count(order, limit)?;
        }
    }
    Ok(losing)
}

impl LosingOrders {
    #[inline(always)]
    fn count(&mut self, order: &OpenOrder, limit: u64) -> Result<()> {
        let limit = i64::try_from(limit).map_err(|_| RiskError::Overflow)?;
        let notional = order.lots.0.checked_mul(limit).ok_or(RiskError::Overflow)?;
        let (lots, proceeds) = match order.side() {
            Side::Bid => (&mut self.bid_lots, self.proceeds.checked_sub(notional)),
            Side::Ask => (&mut self.ask_lots, self.proceeds.checked_add(notional)),
        };
        *lots = lots.checked_add(order.lots.0).ok_or(RiskError::Overflow)?;
        self.proceeds = proceeds.ok_or(RiskError::Overflow)?;
        Ok(())
    }
}

#[inline(never)]
pub(crate) fn stale_balance_value(
    kind: HealthKind,
    balance: &Balance,
    risk: &AssetRisk,
    policy: Policy,
    doubted: Option<InDoubt>,
    stale: &mut StaleSet,
) -> Result<i128> {
    let deposit = balance.shares.0 >= 0;
    let mask = if deposit {
        &mut stale.deposits
    } else {
        &mut stale.debts
    };
    *mask |= entry_bit(balance.asset);
    if policy == Policy::Taker && balance.asset == 0 {
        return Ok(balance_value(kind, balance, risk));
    }
    if policy != Policy::BenefitOfDoubt && deposit {
        return Ok(0);
    }
    let price = match doubted {
        None => return Ok(balance_value(kind, balance, risk)),
        Some(price) if deposit => risk.asset_price_at(price.owned, kind)?,
        Some(price) => risk.liability_price_at(price.owed, kind)?,
    };
    Ok(scale_floor(balance.shares.0, price, risk.shift))
}

#[inline(never)]
fn assess_balance<const WITH_INIT: bool>(
    out: &mut Assessment,
    view: &RiskView<'_>,
    balance: &Balance,
    risk: &AssetRisk,
    policy: Policy,
) -> Result<()> {
    let fresh = view.is_fresh(&risk.price);
    let doubted = if fresh {
        None
    } else {
        view.doubted(&risk.price, policy)?
    };
    for (total, kind) in kinds::<WITH_INIT>(&mut out.health) {
        let part = if fresh {
            balance_value(kind, balance, risk)
        } else {
            stale_balance_value(kind, balance, risk, policy, doubted, &mut out.stale)?
        };
        *total = add(*total, held_part(part, kind, balance, risk, view)?)?;
    }
    let price = equity_price(&risk.price, doubted, balance.shares.0 >= 0);
    let indices = Indices {
        deposit: risk.deposit_index,
        borrow: risk.borrow_index,
    };
    out.equity = add(out.equity, spot_value(balance, indices, price, risk.shift)?)?;
    Ok(())
}

fn assess_perp<const WITH_INIT: bool>(
    out: &mut Assessment,
    view: &RiskView<'_>,
    perp: &PerpPosition,
    orders: &[OpenOrder],
    risk: &MarketRisk,
    policy: Policy,
) -> Result<()> {
    let stale = perp.is_exposed() && !view.is_fresh(&risk.price);
    if stale {
        out.stale.markets |= entry_bit(perp.market);
    }
    let in_doubt = if stale {
        view.doubted(&risk.price, policy)?
    } else {
        None
    };
    let settled = settled_quote(perp, risk)?;
    // LiquidationEnd and Maint share their prices, so the profit is computed anew only where the prices differ.
    let mut last: Option<(u64, u64, i128)> = None;
    for (total, kind) in kinds::<WITH_INIT>(&mut out.health) {
        let terms = match in_doubt {
            Some(price) => PerpTerms::in_doubt(kind, risk, price, policy)?,
            None => PerpTerms::of(kind, risk),
        };
        let pnl = match last {
            Some((low, high, pnl)) if low == terms.low && high == terms.high => pnl,
            _ => pnl_at(perp, orders, risk, settled, terms.low, terms.high)?,
        };
        last = Some((terms.low, terms.high, pnl));
        let pnl = sub(pnl, terms.at_risk(perp, risk))?;
        let margin = to_i128(perp_requirement(perp, risk, &terms)?)?;
        *total = add(*total, sub(weighted(pnl, terms.profit_weight)?, margin)?)?;
    }
    let price = equity_price(&risk.price, in_doubt, perp.position.0 >= 0);
    out.equity = add(out.equity, equity_at(perp, risk, price)?)?;
    Ok(())
}

/// The price at which what is owned, or owed, counts for equity.
pub(crate) fn equity_price(price: &EntryPrice, doubted: Option<InDoubt>, owned: bool) -> u64 {
    match doubted {
        None => price.spot,
        Some(doubted) if owned => doubted.owned,
        Some(doubted) => doubted.owed,
    }
}

pub(crate) fn equity_at(perp: &PerpPosition, risk: &MarketRisk, price: u64) -> Result<i128> {
    let owned = sub(i128::from(perp.quote.0), perp.owed(risk)?)?;
    add(owned, scale_floor(perp.position.0, price, risk.shift))
}
