//! Funding of a market as time passes: what rested on its book is sampled, averaged and charged. Nothing runs while it is paused.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    fixed::{div_ceil, div_floor},
    funding::{self, Funding},
    MarketRisk,
};

use crate::{
    error::OrRefuse,
    matching::{Orders, Rested, Side},
    state::{mode, Market, RiskState},
};

/// Whether time passes for a market's funding.
pub fn runs(risk: &RiskState, market: &Market) -> bool {
    risk.mode != mode::PAUSED && market.mode != mode::PAUSED
}

/// Starts a market's funding anew after a pause that ended at `now`: without a premium, for nobody could trade against what
/// is left of it, and without charging the pause. What rests now counts from the next look at the book.
pub fn restart(market: &mut Market, now: i64) {
    market.premium = 0;
    market.sampled_order_id = 0;
    market.funded_until = now;
}

/// Advances a market's funding up to now, at a spot price that its feed accepted in this very instruction.
///
/// An order counts only if it rested at the last look at the book, too: what is placed and cancelled around a refresh moves
/// nothing, and what rests for a second counts for a second.
pub fn advance(
    market: &mut Market,
    entry: &MarketRisk,
    orders: &Orders,
    resumed_at: i64,
    now: i64,
) -> Result<()> {
    if resumed_at > market.funded_until {
        restart(market, resumed_at);
    }
    let secs = u64::try_from(now.saturating_sub(market.funded_until)).unwrap_or(0);
    if secs == 0 {
        return Ok(());
    }
    let sample = match secs {
        0..=funding::MAX_SAMPLE_SECS => Some(sample(market, entry, orders, now)?),
        _ => None,
    };
    let elapsed = funding::elapse(market.premium, sample, secs).or_refuse()?;
    let charged = funding::within_rate(elapsed.charged, market.params.max_funding_per_day, secs);
    let moved = Funding {
        indices: market.funding(),
        fraction: market.funding_fraction,
    }
    .advance(entry.price.spot, entry.shift, charged)
    .or_refuse()?;
    market.funding_long = moved.indices.long;
    market.funding_short = moved.indices.short;
    market.funding_fraction = moved.fraction;
    market.premium = elapsed.average;
    market.sampled_order_id = market.next_order_id;
    market.funded_until = now;
    Ok(())
}

/// The premium of what rested since the last look at the book.
#[inline(never)]
fn sample(market: &Market, entry: &MarketRisk, orders: &Orders, now: i64) -> Result<i32> {
    let Some(impact) = Impact::of(market, entry) else {
        return Ok(0);
    };
    let rested = Rested {
        before: market.sampled_order_id,
        now,
    };
    let price = |side| impact.price(orders, side, &rested);
    let (bid, ask) = (price(Side::Bid), price(Side::Ask));
    funding::premium(entry.price.spot, bid, ask, market.params.max_premium).or_refuse()
}

/// The trade that the book is sampled with.
struct Impact {
    /// Lots worth the impact notional at the oracle's price, at least one.
    lots: i64,
    /// The oracle's price in whole price lots, rounded down, and up.
    spot: [u64; 2],
    tick: u64,
    shift: u8,
}

impl Impact {
    fn of(market: &Market, entry: &MarketRisk) -> Option<Self> {
        let (spot, tick, shift) = (entry.price.spot, market.terms.tick, entry.shift);
        let scaled = u128::from(market.params.impact_notional) << shift;
        let lots = scaled.checked_div(u128::from(spot))?;
        let native = spot.checked_shr(u32::from(shift))?;
        let floor = native.checked_div(tick)?;
        Some(Self {
            lots: i64::try_from(lots).ok()?.max(1),
            spot: [floor, floor.checked_add(1)?],
            tick,
            shift,
        })
    }

    /// What the trade costs per lot against a side, as an entry's mantissa rounded towards the oracle's; none where the side is
    /// too thin, or no better than the oracle.
    fn price(&self, orders: &Orders, side: Side, rested: &Rested) -> Option<u64> {
        let [floor, ceil] = self.spot;
        let limit = match side {
            Side::Bid => floor,
            Side::Ask => ceil,
        };
        let notional = orders.impact(side, self.lots, limit, rested)?;
        let native = u128::from(notional.checked_mul(self.tick)?) << self.shift;
        let lots = u128::try_from(self.lots).ok()?;
        let price = match side {
            Side::Bid => div_floor(native, lots),
            Side::Ask => div_ceil(native, lots),
        };
        u64::try_from(price.ok()?).ok()
    }
}
