//! What changes hands although nobody knows its price: once nothing is left of doubt's benefit it is auctioned, at the last
//! price first and then at one that falls ([`EntryPrice::auctioned`]).
//!
//! The discount is what whoever takes it earns, so there is no fee on top, and it is the account's to give: all of what is
//! auctioned costs it no more than its equity, with all that moves with it at last prices and nothing else in doubt better than at its
//! last. A deeper discount would be
//! paid by insurance, and nobody but the two who trade could say whether it was deserved: an owner could sell himself, under
//! another name, what may be worth more and leave the hole to others. For the same reason a hedge is not taken apart: of what an
//! account owns and owes by prices that move together only the excess is auctioned. What nobody takes for that waits for the
//! price, or for a final one.

use crate::asset::AssetRisk;
use crate::balance::{spot_value, Balance};
use crate::entry_price::{EntryPrice, InDoubt};
use crate::feed::MAX_FEEDS;
use crate::fixed::{add, div_ceil, div_floor, scale_floor, sub, Result, RiskError};
use crate::health::{HealthKind, Policy, Portfolio, RiskView};
use crate::market::MarketRisk;
use crate::position::PerpPosition;
use crate::standard::PerpTerms;

const KIND: HealthKind = HealthKind::LiquidationEnd;

/// The auction of what an account holds in doubt.
#[derive(Clone, Copy, Debug)]
pub struct Auction<'a> {
    /// The view that the account is measured in.
    pub view: &'a RiskView<'a>,
    /// The account.
    pub portfolio: Portfolio<'a>,
    /// Its equity in that view, native quote.
    pub equity: i128,
    /// Whether there is a discount: of the second leg of a swap whose first one gives it there is none.
    pub is_discounted: bool,
}

/// What is auctioned: the entry at which it changes hands, and how much of it may, in native units or lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auctioned<T> {
    /// Its spot price is what it is traded at; it counts as the account's health counts it.
    pub entry: T,
    /// No more than what nothing of the account hedges; the highest number where nothing does.
    pub most: u64,
}

impl Auction<'_> {
    /// A deposit in doubt that is seized, or a debt in doubt that is repaid. None while the price may come back.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when a price does not fit; [`RiskError::Overflow`].
    #[inline(never)]
    pub fn asset(
        &self,
        balance: &Balance,
        risk: &AssetRisk,
    ) -> Result<Option<Auctioned<AssetRisk>>> {
        let amount = balance.native(risk.indices())?;
        let Some(price) = self.price(&risk.price, amount, risk.shift)? else {
            return Ok(None);
        };
        let most = self.unhedged(&risk.price, amount, risk.shift)?;
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
        Ok(Some(Auctioned { entry, most }))
    }

    /// A position in doubt that is taken over, likewise.
    ///
    /// # Errors
    /// As [`Auction::asset`].
    #[inline(never)]
    pub fn market(
        &self,
        perp: &PerpPosition,
        risk: &MarketRisk,
    ) -> Result<Option<Auctioned<MarketRisk>>> {
        let lots = perp.position.0;
        let Some(price) = self.price(&risk.price, lots, risk.shift)? else {
            return Ok(None);
        };
        let most = self.unhedged(&risk.price, lots, risk.shift)?;
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
        Ok(Some(Auctioned { entry, most }))
    }

    /// The price, such that all of an amount (below zero of what is owed) costs the account no more than its equity.
    fn price(&self, price: &EntryPrice, amount: i64, shift: u8) -> Result<Option<u64>> {
        let Some(InDoubt { owned, owed }) = price.auctioned(&self.view.clock)? else {
            return Ok(None);
        };
        let equity = match self.is_discounted {
            true => self.equity_beside(price.moves_with)?,
            false => 0,
        };
        let equity = u64::try_from(equity.max(0)).unwrap_or(u64::MAX);
        let most = u128::from(equity)
            .wrapping_shl(u32::from(shift & 63))
            .checked_div(u128::from(amount.unsigned_abs()));
        let most = most.map_or(u64::MAX, |most| u64::try_from(most).unwrap_or(u64::MAX));
        let last = price.last();
        Ok(Some(match amount >= 0 {
            true => owned.max(last.saturating_sub(most)),
            false => owed.min(last.saturating_add(most)),
        }))
    }

    /// The account's equity with all that moves with a feed at last prices, and nothing else in doubt better than at its last:
    /// what was only left out must not make room for a discount.
    #[inline(never)]
    fn equity_beside(&self, feed: u8) -> Result<i128> {
        // What doubt takes, by the feed that prices move with.
        let mut taken = [0i128; MAX_FEEDS];
        let mut count =
            |price: &EntryPrice, is_owned, worth: &dyn Fn(u64) -> Result<i128>| -> Result<()> {
                if self.view.is_fresh(price) {
                    return Ok(());
                }
                let InDoubt { owned, owed } = self.counted(price)?;
                let counted = if is_owned { owned } else { owed };
                if let Some(sum) = taken.get_mut(usize::from(price.moves_with)) {
                    *sum = add(*sum, sub(worth(price.last())?, worth(counted)?)?)?;
                }
                Ok(())
            };
        for balance in self.portfolio.balances.iter().filter(|b| !b.is_free()) {
            let risk = self.view.assets.get(usize::from(balance.asset));
            let risk = risk.ok_or(RiskError::UnknownAsset)?;
            let worth = |at| spot_value(balance, risk.indices(), at, risk.shift);
            count(&risk.price, balance.shares.0 >= 0, &worth)?;
        }
        for perp in self.portfolio.perps.iter().filter(|p| !p.is_free()) {
            let risk = self.view.markets.get(usize::from(perp.market));
            let risk = risk.ok_or(RiskError::UnknownMarket)?;
            let worth = |at| Ok(scale_floor(perp.position.0, at, risk.shift));
            count(&risk.price, perp.position.0 >= 0, &worth)?;
        }
        let mut equity = self.equity;
        for (other, taken) in taken.into_iter().enumerate() {
            let given_back = match other == usize::from(feed) {
                true => taken,
                false => taken.min(0),
            };
            equity = add(equity, given_back)?;
        }
        Ok(equity)
    }

    /// How much of an amount nothing else hedges that moves with the same feed, at last prices. What is worth less than the quote
    /// asset's dust goes whole: it must hold nothing up, and leaves no more than itself open.
    #[inline(never)]
    fn unhedged(&self, price: &EntryPrice, amount: i64, shift: u8) -> Result<u64> {
        let own = scale_floor(amount, price.last(), shift);
        let net = self.net_at_last(price.moves_with)?;
        let dust = self
            .view
            .assets
            .first()
            .map_or(0, |quote| quote.terms.dust_usd);
        let is_excess = (own > 0) == (net > 0) && own.unsigned_abs() <= net.unsigned_abs();
        if is_excess || own.unsigned_abs() < u128::from(dust) {
            return Ok(u64::MAX);
        }
        if net == 0 || (own > 0) != (net > 0) {
            return Ok(0);
        }
        let most = u128::from(amount.unsigned_abs())
            .checked_mul(net.unsigned_abs())
            .ok_or(RiskError::Overflow)?;
        let most = div_floor(most, own.unsigned_abs())?;
        Ok(u64::try_from(most).unwrap_or(u64::MAX))
    }

    /// What the account owns less what it owes that moves with a feed, in doubt or not, at last prices.
    #[inline(never)]
    fn net_at_last(&self, feed: u8) -> Result<i128> {
        let mut net = 0;
        for balance in self.portfolio.balances.iter().filter(|b| !b.is_free()) {
            let risk = self.view.assets.get(usize::from(balance.asset));
            let risk = risk.ok_or(RiskError::UnknownAsset)?;
            if risk.price.moves_with == feed {
                let value = spot_value(balance, risk.indices(), risk.price.last(), risk.shift)?;
                net = add(net, value)?;
            }
        }
        for perp in self.portfolio.perps.iter().filter(|p| !p.is_free()) {
            let risk = self.view.markets.get(usize::from(perp.market));
            let risk = risk.ok_or(RiskError::UnknownMarket)?;
            if risk.price.moves_with == feed {
                net = add(
                    net,
                    scale_floor(perp.position.0, risk.price.last(), risk.shift),
                )?;
            }
        }
        Ok(net)
    }

    fn counted(&self, price: &EntryPrice) -> Result<InDoubt> {
        let counted = price.in_doubt(&self.view.clock)?;
        Ok(self.view.one_price.of(price, counted))
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

/// Native units of a debt (quote, without an entry) that [`Auctioned::most`] of collateral pays for at the prices of both, without
/// a fee.
///
/// # Errors
/// [`RiskError::DivisionByZero`] before a first price; [`RiskError::Overflow`].
pub fn debt_paid_by(given: &AssetRisk, amount: u64, taken: Option<&AssetRisk>) -> Result<u64> {
    if amount == u64::MAX {
        return Ok(u64::MAX);
    }
    let value = (u128::from(amount) * u128::from(given.price.spot)) >> (given.shift & 63);
    let Some(taken) = taken else {
        return Ok(u64::try_from(value).unwrap_or(u64::MAX));
    };
    if value.leading_zeros() < u32::from(taken.shift) {
        return Ok(u64::MAX);
    }
    let units = div_floor(value << (taken.shift & 63), u128::from(taken.price.spot))?;
    Ok(u64::try_from(units).unwrap_or(u64::MAX))
}
