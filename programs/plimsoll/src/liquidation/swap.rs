//! Phase 3: the liquidator pays a slice of the account's debt and takes a slice of its collateral for it.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    fixed::scale_floor,
    liquidation::{debt_paid_by, is_sliver, Holding, Portion, SwapSlice},
    AssetRisk, Balance, LiquidationTerms, RiskError,
};

use super::{reward::Fund, Leg, Liquidation, Part};
use crate::{
    error::{OrRefuse, PlimsollError},
    events::{CollateralLiquidated, PnlSettled},
    ledger, profits,
    state::{Bank, MarginAccount, Market, RiskState},
};

/// The account's side of a leg, read once.
struct Stake {
    index: u16,
    part: Part,
    /// A balance and its entry, with the bank's indices of now; none for a claim on a market in which no position is left.
    token: Option<(Balance, AssetRisk)>,
    /// No more than so many native units of it change hands.
    most: u64,
    /// Whether that is at the price of an auction.
    is_auctioned: bool,
    terms: LiquidationTerms,
    /// Less than this, in native quote, goes whole; a claim takes the quote asset's.
    dust: u64,
}

impl Stake {
    /// Native quote that an amount is worth, at the price at which it changes hands.
    fn value(&self, amount: u64) -> i128 {
        let Some((_, entry)) = &self.token else {
            return i128::from(amount);
        };
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        scale_floor(amount, entry.price.spot, entry.shift)
    }
}

/// The account's side of a leg as the risk crate takes it.
fn holding<'a>(
    risk: &'a RiskState,
    account: &'a MarginAccount,
    stake: &'a Stake,
) -> core::result::Result<Holding<'a>, RiskError> {
    match (&stake.token, stake.part) {
        (Some((balance, entry)), _) => Ok(Holding::Token(balance, entry)),
        (None, Part::Perp(slot)) => {
            let perp = account.perps.get(slot);
            let entry = risk.markets.get(usize::from(stake.index));
            let claim = perp.zip(entry).ok_or(RiskError::UnknownMarket)?;
            Ok(Holding::Claim(claim.0, claim.1))
        }
        (None, Part::Balance(_)) => Err(RiskError::UnknownMarket),
    }
}

impl Liquidation<'_> {
    /// Notes how much a swap that follows can close of what is opened before it: the debt that it may repay, native quote.
    #[inline(never)]
    pub fn limit_opening(&mut self, debt: &Leg, max_debt: u64) -> Result<()> {
        let Leg::Bank(bank) = debt else {
            return Ok(());
        };
        let bank = bank.load()?;
        let slot = self.account.find_balance(bank.index);
        let balance = slot.and_then(|slot| self.account.balances.get(slot));
        let owed = balance.map(|balance| balance.native(bank.indices()));
        let owed = owed.transpose().or_refuse()?.unwrap_or(0);
        let amount = max_debt.min(owed.min(0).unsigned_abs());
        let entry = self.risk.asset(bank.index)?;
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        let worth = scale_floor(amount, entry.price.spot, entry.shift);
        self.closable = u64::try_from(worth).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Phase 3: swaps collateral (a deposit, or a profit in a market without position) for at most `max_debt` native
    /// units of debt (a borrow, or a loss in a market without position) at spot prices plus the bonus: the higher of
    /// the collateral's fee and a borrow's, as far as the account can bear it. The insurance's part stays in kind, in the bank or as a claim on the
    /// market's pool. `quote_bank` is needed as soon as a market is involved.
    ///
    /// Claims are settled with the pool and the quote deposit first, one to one, and only what is left is swapped; the
    /// slice is what may not lower LiquidationEnd health. Returns whether the liquidator's account was touched.
    ///
    /// # Errors
    /// `NothingToLiquidate` without such collateral or debt; `MissingAccount`; `StaleEntry`, `BrokenFeed`;
    /// `SliceTooSmall` and `LiquidationHarms` when it would not help; no free slot of the liquidator.
    #[inline(never)]
    pub fn swap<'info>(
        &mut self,
        collateral: &Leg<'info>,
        debt: &Leg<'info>,
        quote_bank: Option<&AccountLoader<Bank>>,
        max_debt: u64,
    ) -> Result<bool> {
        let mut settled = false;
        for leg in [collateral, debt] {
            if let Leg::Market(market) = leg {
                let bank = quote_bank.ok_or(PlimsollError::MissingAccount)?;
                settled |= self.settle_claim(market, bank)?;
            }
        }
        let quote_dust = match quote_bank {
            Some(bank) => bank.load()?.params.dust_usd,
            None => 0,
        };
        let given = self.stake(collateral, quote_dust, true)?;
        let taken = self.stake(debt, quote_dust, !given.is_auctioned)?;
        let mut slice = match self.swap_slice(&given, &taken, max_debt) {
            Err(RiskError::NothingToLiquidate) if settled => None,
            slice => Some(slice.or_refuse()?),
        };
        if let Some(slice) = &mut slice {
            self.top_up_in_kind(collateral, &given, slice)?;
            self.move_slice(collateral, debt, &given, &taken, quote_bank, slice)?;
        }
        for stake in [&given, &taken] {
            release(self.account, stake.part);
        }
        Ok(slice.is_some())
    }

    #[inline(never)]
    fn move_slice(
        &mut self,
        collateral: &Leg,
        debt: &Leg,
        given: &Stake,
        taken: &Stake,
        quote_bank: Option<&AccountLoader<Bank>>,
        slice: &SwapSlice,
    ) -> Result<()> {
        let before = self.standing.footing();
        let given_held = self.amount(given)?;
        let debt_held = self.amount(taken)?;
        for stake in [given, taken] {
            self.standing.take_out(self.account, stake.part)?;
        }
        self.repay(debt, taken.part, quote_bank, slice.debt)?;
        self.seize(collateral, given.part, slice)?;
        for stake in [given, taken] {
            self.standing.count_in(self.account, stake.part)?;
        }
        self.standing.update()?;
        self.require_helped(before, given.is_auctioned || taken.is_auctioned)?;
        if self.limits.reward > 0 {
            let received = slice.collateral.saturating_sub(slice.insurance);
            let received = given.value(received.saturating_add(slice.top_up));
            let reward = received.saturating_sub(taken.value(slice.debt));
            self.done.reward = self.done.reward.saturating_add(reward);
        }
        let is_sliver = is_sliver(slice.debt, debt_held) && is_sliver(slice.collateral, given_held);
        self.note_taken(&[given.part, taken.part], slice.charged(), is_sliver);
        emit!(CollateralLiquidated {
            margin_account: self.account_key,
            liquidator: self.liquidator_key,
            collateral: given.index,
            collateral_is_pnl: collateral.is_market(),
            seized: slice.collateral,
            insurance: slice.insurance,
            debt: taken.index,
            debt_is_pnl: debt.is_market(),
            repaid: slice.debt,
            liquidation_end_health: super::saturated(self.standing.end()),
            top_up: slice.top_up,
        });
        Ok(())
    }

    /// Native units of a leg, owned or owed.
    fn amount(&self, stake: &Stake) -> Result<u64> {
        match (&stake.token, stake.part) {
            (Some((balance, entry)), _) => {
                Ok(balance.native(entry.indices()).or_refuse()?.unsigned_abs())
            }
            (None, Part::Perp(slot)) => {
                let perp = self.account.perps.get(slot).or_refuse()?;
                Ok(perp.quote.0.unsigned_abs())
            }
            (None, Part::Balance(_)) => Ok(0),
        }
    }

    /// What insurance adds to the liquidator's part of the bonus, in kind, as far as it can.
    #[inline(never)]
    fn top_up_in_kind(
        &mut self,
        collateral: &Leg,
        given: &Stake,
        slice: &mut SwapSlice,
    ) -> Result<()> {
        if slice.top_up == 0 {
            return Ok(());
        }
        let (now, wanted) = (self.clock.unix_timestamp, slice.top_up);
        let entry = given.token.as_ref().map(|(_, entry)| entry);
        let (from, to) = (&mut self.account.topped_up, &mut self.liquidator.topped_up);
        slice.top_up = match collateral {
            Leg::Bank(bank) => {
                let mut bank = bank.load_mut()?;
                if bank.insurance == 0 {
                    slice.top_up = 0;
                    return Ok(());
                }
                let fund = Fund::of_bank(&mut bank, now);
                fund.add(wanted, entry, from, to)
            }
            Leg::Market(market) => {
                let mut market = market.load_mut()?;
                let fund = Fund::of_market(&mut market, now);
                fund.add(wanted, entry, from, to)
            }
        };
        Ok(())
    }

    /// Pays a claim out of the market's pool, or a loss out of the quote deposit, as far as either goes.
    #[inline(never)]
    fn settle_claim(
        &mut self,
        market: &AccountLoader<Market>,
        bank: &AccountLoader<Bank>,
    ) -> Result<bool> {
        let mut market = market.load_mut()?;
        let mut bank = bank.load_mut()?;
        let (slot, _) = self.claim(market.index)?;
        // What it gives up for a shortfall is taken first: it counted as owed already.
        ledger::add_claim(
            &mut market,
            self.account.perps.get_mut(slot).or_refuse()?,
            0,
        )?;
        let (slot, claim) = self.claim(market.index)?;
        let [quote, ..] = &self.account.balances;
        let limit = if claim >= 0 {
            let perp = self.account.perps.get_mut(slot).or_refuse()?;
            let entry = self.risk.market(market.index)?;
            market.mark(perp, claim.into(), entry, self.clock.unix_timestamp)?;
            profits::cover(&mut market, perp, self.risk, self.clock)?;
            ledger::payable_profit(&market, entry, perp)
        } else {
            ledger::held(&bank, quote)?
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let amount = claim.clamp(limit.saturating_neg(), limit);
        if amount == 0 {
            return Ok(false);
        }
        let before = self.standing.stand();
        let parts = [Part::Balance(0), Part::Perp(slot)];
        for part in parts {
            self.standing.take_out(self.account, part)?;
        }
        let quote = (self.risk.asset(0)?, self.clock.unix_timestamp);
        ledger::settle(self.account, slot, &mut market, &mut bank, amount, quote)?;
        for part in parts {
            self.standing.count_in(self.account, part)?;
        }
        self.standing.update()?;
        self.standing.pass_over(&before)?;
        emit!(PnlSettled {
            margin_account: self.account_key,
            market: market.index,
            amount,
        });
        Ok(true)
    }

    /// Slot and amount of the account's claim on a market in which no position is left.
    fn claim(&self, market: u16) -> Result<(usize, i64)> {
        let slot = self
            .account
            .find_perp(market)
            .ok_or(PlimsollError::NothingToLiquidate)?;
        let perp = self.account.perps.get(slot).or_refuse()?;
        require!(perp.position.is_zero(), PlimsollError::NothingToLiquidate);
        Ok((slot, perp.quote.0))
    }

    #[inline(never)]
    fn stake(&self, leg: &Leg, quote_dust: u64, is_discounted: bool) -> Result<Stake> {
        match leg {
            Leg::Bank(bank) => {
                let bank = bank.load()?;
                let slot = self
                    .account
                    .find_balance(bank.index)
                    .ok_or(PlimsollError::NothingToLiquidate)?;
                let balance = *self.account.balances.get(slot).or_refuse()?;
                let offer = self.asset_on_offer(&balance, bank.indices(), is_discounted)?;
                Ok(Stake {
                    index: bank.index,
                    part: Part::Balance(slot),
                    token: Some((balance, offer.entry)),
                    most: offer.most,
                    is_auctioned: offer.is_auctioned,
                    terms: bank.params.liquidation,
                    dust: bank.params.dust_usd,
                })
            }
            Leg::Market(market) => {
                let market = market.load()?;
                let (slot, _) = self.claim(market.index)?;
                Ok(Stake {
                    index: market.index,
                    part: Part::Perp(slot),
                    token: None,
                    most: u64::MAX,
                    is_auctioned: false,
                    terms: market.params.liquidation,
                    dust: quote_dust,
                })
            }
        }
    }

    #[inline(never)]
    fn swap_slice(
        &mut self,
        given: &Stake,
        taken: &Stake,
        max_debt: u64,
    ) -> core::result::Result<SwapSlice, RiskError> {
        let own_fee = self.fee(&given.terms);
        let fee = match &taken.token {
            Some(_) => own_fee.max(self.fee(&taken.terms)),
            None => own_fee,
        };
        // Insurance adds no more than the opening of either side leaves room for.
        let reward_min = given.terms.reward_min.min(taken.terms.reward_min);
        let target = match given.is_auctioned || taken.is_auctioned {
            true => self.auction_target(),
            false => self.target(fee, given.terms.insurance_share, reward_min),
        };
        // Of collateral that hedges a part goes, for as much debt as that pays for.
        let repaid = taken.token.as_ref().map(|(_, entry)| entry);
        let paid = match &given.token {
            Some((_, entry)) => debt_paid_by(entry, given.most, repaid)?,
            None => u64::MAX,
        };
        let portion = Portion {
            most: max_debt.min(taken.most).min(paid),
            dust: taken.dust,
            opened: u64::MAX,
            collateral_dust: given.dust,
            is_followed: self.has_waited(),
        };
        let collateral = holding(self.risk, self.account, given)?;
        let debt = holding(self.risk, self.account, taken)?;
        self.standing
            .swap_slice(&collateral, &debt, &target, &portion)
    }

    /// The liquidator's balance pays the debt: in kind, or in quote into the market's pool.
    #[inline(never)]
    fn repay(
        &mut self,
        debt: &Leg,
        part: Part,
        quote_bank: Option<&AccountLoader<Bank>>,
        amount: u64,
    ) -> Result<()> {
        let now = self.clock.unix_timestamp;
        match (debt, part) {
            (Leg::Bank(bank), Part::Balance(slot)) => {
                let mut bank = bank.load_mut()?;
                let owed = self.account.balances.get_mut(slot).or_refuse()?;
                ledger::credit(&mut bank, owed, amount)?;
                let own_slot = self.liquidator.open_balance(bank.index)?;
                let own = self.liquidator.balances.get_mut(own_slot).or_refuse()?;
                let entry = self.risk.asset(bank.index)?;
                ledger::charge(&mut bank, own, amount, entry, now)?;
                self.liquidator.release_balance(own_slot);
            }
            (Leg::Market(market), Part::Perp(slot)) => {
                let mut market = market.load_mut()?;
                let quote_bank = quote_bank.ok_or(PlimsollError::MissingAccount)?;
                let [own, ..] = &mut self.liquidator.balances;
                let entry = self.risk.asset(0)?;
                ledger::charge(&mut *quote_bank.load_mut()?, own, amount, entry, now)?;
                market.pnl_pool = market.pnl_pool.checked_add(amount).or_refuse()?;
                let perp = self.account.perps.get_mut(slot).or_refuse()?;
                ledger::add_claim(&mut market, perp, signed(amount)?)?;
            }
            _ => return err!(PlimsollError::NothingToLiquidate),
        }
        Ok(())
    }

    /// The collateral goes to the liquidator, less what insurance keeps.
    #[inline(never)]
    fn seize(&mut self, collateral: &Leg, part: Part, slice: &SwapSlice) -> Result<()> {
        let kept = slice.collateral.checked_sub(slice.insurance).or_refuse()?;
        let reward = kept.checked_add(slice.top_up).or_refuse()?;
        match (collateral, part) {
            (Leg::Bank(bank), Part::Balance(slot)) => {
                let mut bank = bank.load_mut()?;
                let held = self.account.balances.get_mut(slot).or_refuse()?;
                let borrowed = ledger::debit(&mut bank, held, slice.collateral)?;
                require!(borrowed == 0, PlimsollError::NothingToLiquidate);
                bank.insurance = bank.insurance.checked_add(slice.insurance).or_refuse()?;
                let own_slot = self.liquidator.open_balance(bank.index)?;
                let own = self.liquidator.balances.get_mut(own_slot).or_refuse()?;
                let (entry, now) = (self.risk.asset(bank.index)?, self.clock.unix_timestamp);
                ledger::give(&mut bank, own, reward, entry, now)?;
                self.liquidator.release_balance(own_slot);
            }
            (Leg::Market(market), Part::Perp(slot)) => {
                let mut market = market.load_mut()?;
                let perp = self.account.perps.get_mut(slot).or_refuse()?;
                let own_slot = self.liquidator.open_perp(market.index)?;
                let own = self.liquidator.perps.get_mut(own_slot).or_refuse()?;
                for perp in [&mut *perp, &mut *own] {
                    ledger::add_claim(&mut market, perp, 0)?;
                }
                // What is set aside for the claim goes along, and what it may have to give up.
                let profits = &mut market.profits;
                profits.hand_over(perp, own, slice.collateral).or_refuse()?;
                let seized = signed(slice.collateral)?.saturating_neg();
                ledger::add_claim(&mut market, perp, seized)?;
                ledger::add_claim(&mut market, own, signed(reward)?)?;
                self.liquidator.release_perp(own_slot);
                market.insurance_accrued = market
                    .insurance_accrued
                    .checked_add(slice.insurance)
                    .or_refuse()?;
            }
            _ => return err!(PlimsollError::NothingToLiquidate),
        }
        Ok(())
    }
}

fn release(account: &mut MarginAccount, part: Part) {
    match part {
        Part::Balance(slot) => account.release_balance(slot),
        Part::Perp(slot) => account.release_perp(slot),
    }
}

fn signed(amount: u64) -> Result<i64> {
    i64::try_from(amount).map_err(|_| PlimsollError::Overflow.into())
}
