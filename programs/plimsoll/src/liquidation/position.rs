//! Phase 2: the liquidator takes over a slice of a position.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    fixed::div_ceil,
    liquidation::{is_sliver, Charged, Portion, PositionSlice},
    MarketRisk, QuoteNative, Side,
};

use super::{reward::Fund, unsigned, Liquidation, Part};
use crate::{
    error::{OrRefuse, PlimsollError},
    events::PositionLiquidated,
    state::Market,
};

impl Liquidation<'_> {
    /// Phase 2: moves up to `max_lots` of the account's position in `market` to the liquidator at spot less the fee, as
    /// a trade between the two. Both settle their funding up to the market's entry, where health measures it too. The
    /// insurance's part of the fee becomes a claim on the market's pool. Returns the slice's notional.
    ///
    /// With `is_followed` the call takes something else after it that may hedge it.
    ///
    /// # Errors
    /// `NothingToLiquidate` without a position; `StaleEntry`, `BrokenFeed`; `SliceTooSmall` and `LiquidationHarms` when
    /// it would not help; `NoFreePerpSlot` of the liquidator.
    #[inline(never)]
    pub fn take_over(
        &mut self,
        market: &mut Market,
        max_lots: u64,
        is_followed: bool,
    ) -> Result<u64> {
        require_keys_eq!(
            market.exchange,
            self.risk.exchange,
            PlimsollError::WrongExchange
        );
        let slot = self
            .account
            .find_perp(market.index)
            .ok_or(PlimsollError::NothingToLiquidate)?;
        let is_first = self.done.slots == 0;
        let (mut slice, is_auctioned) = self.position_slice(market, slot, max_lots, is_followed)?;
        slice.top_up = self.top_up(market, slice.top_up)?;

        let before = self.standing.footing();
        let held = self.account.perps.get(slot).or_refuse()?.position.abs();
        self.standing.take_out(self.account, Part::Perp(slot))?;
        let lots = self.exchange(market, slot, &slice)?;
        if is_first {
            let (size, notional) = (lots.unsigned_abs(), unsigned(slice.notional.0)?);
            let tick = market.terms.tick;
            self.limits.require_price(lots > 0, size, notional, tick)?;
        }
        let kept = slice.penalty.0.saturating_sub(slice.insurance.0);
        let reward = i128::from(kept).saturating_add(i128::from(slice.top_up.0));
        self.done.reward = self.done.reward.saturating_add(reward);
        self.standing.count_in(self.account, Part::Perp(slot))?;
        self.standing.update()?;
        self.require_helped(before, is_auctioned)?;
        let charged = Charged {
            paid: unsigned(slice.penalty.0)?.into(),
            counted: slice.counted,
        };
        let is_sliver = is_sliver(lots.unsigned_abs(), held);
        self.note_taken(&[Part::Perp(slot)], charged, is_sliver);
        self.account.release_perp(slot);
        emit!(PositionLiquidated {
            margin_account: self.account_key,
            liquidator: self.liquidator_key,
            market: market.index,
            lots,
            notional: unsigned(slice.notional.0)?,
            fee: unsigned(slice.penalty.0)?,
            insurance_fee: unsigned(slice.insurance.0)?,
            liquidation_end_health: super::saturated(self.standing.end()),
            top_up: unsigned(slice.top_up.0)?,
        });
        unsigned(slice.notional.0)
    }

    /// What insurance adds to the liquidator's part of the fee, as far as it can.
    fn top_up(&mut self, market: &mut Market, wanted: QuoteNative) -> Result<QuoteNative> {
        let wanted = unsigned(wanted.0)?;
        if wanted == 0 || market.insurance_accrued == 0 {
            return Ok(QuoteNative::ZERO);
        }
        let fund = Fund::of_market(market, self.clock.unix_timestamp);
        let (from, to) = (&mut self.account.topped_up, &mut self.liquidator.topped_up);
        let paid = fund.add(wanted, None, from, to);
        Ok(QuoteNative(i64::try_from(paid).ok().or_refuse()?))
    }

    /// Takes over, beside a slice that was taken over for `notional`, as much of another position at most: the other leg
    /// of a hedge, without which the first would leave the account worse.
    ///
    /// # Errors
    /// As [`Liquidation::take_over`].
    #[inline(never)]
    pub fn take_over_hedge(
        &mut self,
        market: &mut Market,
        notional: u64,
        is_followed: bool,
    ) -> Result<()> {
        let lots = lots_worth(notional, self.risk.market(market.index)?)?;
        self.take_over(market, lots, is_followed)?;
        Ok(())
    }

    #[inline(never)]
    fn position_slice(
        &mut self,
        market: &Market,
        slot: usize,
        max_lots: u64,
        is_followed: bool,
    ) -> Result<(PositionSlice, bool)> {
        let terms = &market.params.liquidation;
        let perp = self.account.perps.get(slot).or_refuse()?;
        let offer = self.market_on_offer(perp)?;
        let target = match offer.is_auctioned {
            true => self.auction_target(),
            false => self.target(self.fee(terms), terms.insurance_share, terms.reward_min),
        };
        let portion = Portion {
            most: max_lots.min(offer.most),
            dust: unsigned(market.params.dust_lots)?,
            opened: self.openable(perp.market)?,
            collateral_dust: 0,
            is_followed: is_followed || self.has_waited(),
        };
        let slice = self
            .standing
            .position_slice(perp, &offer.entry, &target, &portion)
            .or_refuse()?;
        Ok((slice, offer.is_auctioned))
    }

    /// Lots of a market that the swap which is to follow can close in value.
    fn openable(&self, market: u16) -> Result<u64> {
        if self.closable == u64::MAX {
            return Ok(u64::MAX);
        }
        lots_worth(self.closable, self.risk.market(market)?)
    }

    /// Trades the slice between the two accounts; returns the signed lots that the liquidator took.
    fn exchange(&mut self, market: &mut Market, slot: usize, slice: &PositionSlice) -> Result<i64> {
        let funding = self.risk.market(market.index)?.funding();
        let reward = slice
            .insurance
            .checked_sub(slice.penalty)
            .and_then(|kept| kept.checked_sub(slice.top_up))
            .or_refuse()?;
        let perp = self.account.perps.get_mut(slot).or_refuse()?;
        let side = Side::closing(perp.position);
        market.change(perp, |perp, _| {
            perp.apply_fill(side, slice.lots, slice.notional, slice.penalty, funding)
                .or_refuse()
        })?;

        let own_slot = self.liquidator.open_perp(market.index)?;
        let own = self.liquidator.perps.get_mut(own_slot).or_refuse()?;
        market.change(own, |own, _| {
            own.apply_fill(side.opposite(), slice.lots, slice.notional, reward, funding)
                .or_refuse()
        })?;
        self.liquidator.release_perp(own_slot);
        let insurance = unsigned(slice.insurance.0)?;
        market.insurance_accrued = market
            .insurance_accrued
            .checked_add(insurance)
            .or_refuse()?;
        Ok(match side {
            Side::Ask => slice.lots.0,
            Side::Bid => slice.lots.0.saturating_neg(),
        })
    }
}

/// Lots worth native quote, rounded up.
fn lots_worth(quote: u64, entry: &MarketRisk) -> Result<u64> {
    let mantissa = u128::from(quote)
        .checked_shl(u32::from(entry.shift))
        .or_refuse()?;
    let lots = div_ceil(mantissa, u128::from(entry.price.spot)).or_refuse()?;
    Ok(u64::try_from(lots).unwrap_or(u64::MAX))
}
