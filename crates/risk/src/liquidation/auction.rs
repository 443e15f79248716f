//! What changes hands although nobody knows its price: once nothing is left of doubt's benefit it is auctioned, at the last
//! price first and then at one that falls ([`EntryPrice::auctioned`]).
//!
//! The discount is what whoever takes it earns, so there is no fee on top, and it is the account's to give: all of what is
//! auctioned costs it no more than its equity at last prices. A deeper discount would be paid by insurance, and nobody but
//! the two who trade could say whether it was deserved: an owner could sell himself, under another name, what may be worth
//! more and leave the hole to others. What nobody takes for that waits for the price, or for a final one.

use crate::asset::AssetRisk;
use crate::balance::{spot_value, Balance};
use crate::entry_price::{EntryPrice, InDoubt};
use crate::fixed::{add, div_ceil, div_floor, Result, RiskError};
use crate::health::{HealthKind, Policy, Portfolio, RiskView};
use crate::market::MarketRisk;
use crate::position::PerpPosition;
use crate::standard::{equity_at, PerpTerms};

const KIND: HealthKind = HealthKind::LiquidationEnd;

/// The auction of what an account holds in doubt.
#[derive(Clone, Copy, Debug)]
pub struct Auction<'a> {
    view: &'a RiskView<'a>,
    /// What the discount may cost, native quote.
    allowance: u64,
}

impl<'a> Auction<'a> {
    /// Of an account; the view is the one that it is measured in.
    ///
    /// # Errors
    /// As [`equity_at_last`].
    pub fn of(view: &'a RiskView<'a>, portfolio: &Portfolio<'_>) -> Result<Self> {
        let equity = equity_at_last(view, portfolio)?.max(0).unsigned_abs();
        Ok(Self {
            view,
            allowance: u64::try_from(equity).unwrap_or(u64::MAX),
        })
    }

    /// For no discount: of the second leg of a swap whose first one gives it.
    #[must_use]
    pub fn at_last(self) -> Self {
        Self {
            allowance: 0,
            ..self
        }
    }

    /// The entry at which a deposit in doubt is seized, or a debt in doubt repaid: traded at the auction's price, and counted
    /// at what doubt leaves of it, as the account's health counts it. None while the price may come back.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when a price does not fit; [`RiskError::Overflow`].
    #[inline(never)]
    pub fn asset(&self, balance: &Balance, risk: &AssetRisk) -> Result<Option<AssetRisk>> {
        let is_owned = balance.shares.0 >= 0;
        let amount = balance.native(risk.indices())?.unsigned_abs();
        let Some(price) = self.price(&risk.price, is_owned, amount, risk.shift)? else {
            return Ok(None);
        };
        let counted = self.counted(&risk.price)?;
        let mut entry = *risk;
        entry.price.spot = price;
        entry.price.flags = 0;
        let [_, asset_price, _] = &mut entry.asset_price;
        *asset_price = risk.asset_price_at(counted.owned, KIND)?;
        let [_, liability_price, _] = &mut entry.liability_price;
        *liability_price = risk.liability_price_at(counted.owed, KIND)?;
        // Weights of what is traded: what the account gives or is freed of counts at another price than it is traded for.
        let [_, weight, _] = &mut entry.asset_weight;
        *weight = rescaled(*weight, counted.owned, price, div_ceil)?;
        let [_, weight, _] = &mut entry.liability_weight;
        *weight = rescaled(*weight, counted.owed, price, div_floor)?;
        Ok(Some(entry))
    }

    /// The entry at which a position in doubt is taken over, likewise.
    ///
    /// # Errors
    /// As [`Auction::asset`].
    #[inline(never)]
    pub fn market(&self, perp: &PerpPosition, risk: &MarketRisk) -> Result<Option<MarketRisk>> {
        let is_owned = perp.position.0 >= 0;
        let lots = perp.position.abs();
        let Some(price) = self.price(&risk.price, is_owned, lots, risk.shift)? else {
            return Ok(None);
        };
        let counted = self.counted(&risk.price)?;
        let terms = PerpTerms::in_doubt(KIND, risk, counted, Policy::BenefitOfDoubt)?;
        let mut entry = *risk;
        entry.price.spot = price;
        entry.price.flags = 0;
        let [_, low, _] = &mut entry.price_low;
        *low = terms.low;
        let [_, high, _] = &mut entry.price_high;
        *high = terms.high;
        let [_, requirement_price, _] = &mut entry.requirement_price;
        *requirement_price = terms.requirement_price;
        Ok(Some(entry))
    }

    /// The price, such that all of it costs the account no more than its allowance.
    fn price(
        &self,
        price: &EntryPrice,
        is_owned: bool,
        amount: u64,
        shift: u8,
    ) -> Result<Option<u64>> {
        let Some(auctioned) = price.auctioned(&self.view.clock)? else {
            return Ok(None);
        };
        let InDoubt { owned, owed } = self.view.one_price.of(price.moves_with, auctioned);
        let most = u128::from(self.allowance)
            .wrapping_shl(u32::from(shift & 63))
            .checked_div(u128::from(amount));
        let most = most.map_or(u64::MAX, |most| u64::try_from(most).unwrap_or(u64::MAX));
        Ok(Some(match is_owned {
            true => owned.max(price.last().saturating_sub(most)),
            false => owed.min(price.last().saturating_add(most)),
        }))
    }

    fn counted(&self, price: &EntryPrice) -> Result<InDoubt> {
        let counted = price.in_doubt(&self.view.clock)?;
        Ok(self.view.one_price.of(price.moves_with, counted))
    }
}

/// A weight of what counts at `counted` and is traded at `price`.
fn rescaled(
    weight: u32,
    counted: u64,
    price: u64,
    divide: fn(u128, u128) -> Result<u128>,
) -> Result<u32> {
    // 32 and 64 bits.
    let product = u128::from(weight).wrapping_mul(u128::from(counted));
    u32::try_from(divide(product, u128::from(price))?).map_err(|_| RiskError::PriceOutOfRange)
}

/// What closing everything would leave, in native quote: at spot, and at the last price of what is in doubt.
///
/// # Errors
/// [`RiskError::UnknownAsset`], [`RiskError::UnknownMarket`] for an index that is not listed; [`RiskError::Overflow`].
#[inline(never)]
pub fn equity_at_last(view: &RiskView<'_>, portfolio: &Portfolio<'_>) -> Result<i128> {
    let at = |price: &EntryPrice| match view.is_fresh(price) {
        true => price.spot,
        false => price.last(),
    };
    let mut equity = 0;
    for balance in portfolio.balances.iter().filter(|b| !b.is_free()) {
        let risk = view.assets.get(usize::from(balance.asset));
        let risk = risk.ok_or(RiskError::UnknownAsset)?;
        let value = spot_value(balance, risk.indices(), at(&risk.price), risk.shift)?;
        equity = add(equity, value)?;
    }
    for perp in portfolio.perps.iter().filter(|p| !p.is_free()) {
        let risk = view.markets.get(usize::from(perp.market));
        let risk = risk.ok_or(RiskError::UnknownMarket)?;
        equity = add(equity, equity_at(perp, risk, at(&risk.price))?)?;
    }
    Ok(equity)
}
