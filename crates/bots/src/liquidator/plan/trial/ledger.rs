//! What a trial does to a market's claims and to what is set aside for them, as the program's ledger would.
use plimsoll_risk::{
    fixed::RiskError,
    profits::{Covering, Moment, ProfitLedger},
    PerpPosition, QuoteNative,
};

use crate::liquidator::plan::terms::MarketTerms;

/// A market's pool, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ledger {
    profits: ProfitLedger,
    pool: u64,
    interest: [i64; 2],
    when: Covering,
}

impl Ledger {
    /// As it is at a time, Unix seconds.
    pub fn of(terms: &MarketTerms, now: i64) -> Self {
        Self {
            profits: terms.profits,
            pool: terms.pnl_pool,
            interest: terms.interest,
            when: Covering {
                floor: terms.shortfall_floor,
                delay_secs: terms.cover_delay_secs,
                now,
            },
        }
    }

    /// Adds to a claim in a market without position. The market's sums stay as they were: the account may be known later than
    /// they are.
    pub fn add_claim(&mut self, perp: &mut PerpPosition, amount: i64) -> Result<(), RiskError> {
        self.profits.prepare(perp)?;
        perp.quote = perp.quote.checked_add(QuoteNative(amount))?;
        match perp.share.is_none() {
            true => Ok(()),
            false => self.profits.cut(perp),
        }
    }

    /// What of its claim an account can be paid: its part of the pool.
    pub fn payable(
        &mut self,
        perp: &mut PerpPosition,
        claim: i64,
        at: &Moment,
        is_payable: bool,
    ) -> Result<u64, RiskError> {
        if !self.profits.is_open() {
            self.profits.note_unmarked(self.interest, at)?;
        }
        let profit = claim.max(0).unsigned_abs();
        self.profits.mark_in_time(perp, profit, &self.when)?;
        if is_payable {
            let (pool, when) = (self.pool, self.when);
            self.profits.cover_from(pool, self.interest, at, &when)?;
        }
        self.profits.harvest(perp)?;
        let payable = ProfitLedger::payable(self.pool, self.interest, at);
        Ok(perp.share.covered.min(payable))
    }

    /// Pays a claim out of the pool, or a loss into it.
    pub fn pay(&mut self, perp: &mut PerpPosition, amount: i64) -> Result<(), RiskError> {
        if amount > 0 {
            self.profits.pay(perp, amount.unsigned_abs())?;
            self.pool = self.pool.saturating_sub(amount.unsigned_abs());
        } else {
            self.pool = self.pool.saturating_add(amount.unsigned_abs());
        }
        self.add_claim(perp, amount.saturating_neg())
    }

    /// Takes in what somebody else pays of a loss.
    pub fn receive(&mut self, perp: &mut PerpPosition, amount: u64) -> Result<(), RiskError> {
        let paid = i64::try_from(amount).map_err(|_| RiskError::Overflow)?;
        self.pool = self.pool.saturating_add(amount);
        self.add_claim(perp, paid)
    }

    /// Moves a claim to the liquidator, who receives another amount; what stands behind it goes along.
    pub fn seize(
        &mut self,
        from: &mut PerpPosition,
        to: &mut PerpPosition,
        amount: u64,
        received: u64,
    ) -> Result<(), RiskError> {
        let signed = |amount: u64| i64::try_from(amount).map_err(|_| RiskError::Overflow);
        self.add_claim(from, 0)?;
        self.add_claim(to, 0)?;
        self.profits.hand_over(from, to, amount)?;
        self.add_claim(from, signed(amount)?.saturating_neg())?;
        self.add_claim(to, signed(received)?)
    }
}
