//! The three rules: who bears what nobody can pay, and who is paid first.

use anyhow::Result;

use super::history::USD;
use super::market::Market;
use plimsoll_risk::profits::{Covering, ProfitLedger};

/// A shortfall of less than 100 USD waits for more.
const FLOOR: u64 = (100.0 * USD) as u64;
/// Keepers mark everybody within so many steps.
const ROUND: usize = 6;

/// How a loss that nobody can pay is borne, and a profit paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Whoever asks first is paid; what is missing is charged to the winning side's open positions by their lots.
    FirstCome,
    /// The program's: profits are covered in proportion, and give up a shortfall in proportion.
    Shared,
    /// The positions with the highest profit × leverage are closed at the price at which the loser had nothing left.
    Ranked,
}

impl Rule {
    /// All of them, as the table has them.
    pub const ALL: [Self; 3] = [Self::FirstCome, Self::Shared, Self::Ranked];

    /// As the table has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstCome => "first come, charge by lots",
            Self::Shared => "in proportion to profits",
            Self::Ranked => "ranked deleveraging",
        }
    }
}

impl Market {
    /// What somebody who has left is paid now.
    pub(super) fn payment(&mut self, who: usize) -> Result<u64> {
        if self.rule == Rule::Shared {
            self.mark(who)?;
            self.cover()?;
            self.ledger.harvest(&mut self.traders[who].perp)?;
            let payable = ProfitLedger::payable(self.pool, self.interest, &self.moment());
            let perp = &mut self.traders[who].perp;
            let claim = perp.quote.0.max(0).unsigned_abs();
            let amount = claim.min(perp.share.covered).min(payable);
            self.ledger.pay(perp, amount)?;
            return Ok(amount);
        }
        let claim = self.traders[who].perp.quote.0.max(0).unsigned_abs();
        Ok(claim.min(self.pool))
    }

    /// What keepers do: mark, cover, and share a shortfall.
    pub(super) fn tend(&mut self) -> Result<()> {
        if self.rule != Rule::Shared {
            return Ok(());
        }
        let at = self.moment();
        if self.ledger.may_open(FLOOR, &at) {
            let now = i64::try_from(self.step).unwrap_or(i64::MAX);
            self.ledger
                .open(&at, Default::default(), self.interest, now)?;
        }
        for who in (self.step % ROUND..self.traders.len()).step_by(ROUND) {
            self.mark(who)?;
        }
        // Everybody is marked, sooner or later: there is nothing to be patient with.
        if self.ledger.is_complete(0) {
            self.ledger.close(0)?;
        }
        self.cover()
    }

    fn cover(&mut self) -> Result<()> {
        let (pool, interest, at) = (self.pool, self.interest, self.moment());
        // Whoever is paid by turns has nothing from being marked first.
        let when = Covering {
            floor: FLOOR,
            delay_secs: 0,
            now: 0,
        };
        self.ledger.cover_from(pool, interest, &at, &when)?;
        Ok(())
    }

    /// `mark_profits` of one account.
    fn mark(&mut self, who: usize) -> Result<()> {
        self.add_claim(who, 0)?;
        if self.ledger.is_marked_now(&self.traders[who].perp) {
            return Ok(());
        }
        let worse = |at| self.worth(who, at);
        let profit = worse(self.spot).min(worse(self.stable)).max(0);
        let at = self.moment();
        self.ledger.note_unmarked(self.interest, &at)?;
        let perp = &mut self.traders[who].perp;
        self.ledger.mark(perp, profit.unsigned_abs())?;
        Ok(())
    }

    /// The end of somebody who lacks `missing` after all that it has.
    pub(super) fn resolve(&mut self, who: usize, missing: u64) -> Result<()> {
        let lots = self.traders[who].perp.position.0;
        let left = missing.saturating_sub(self.insurance);
        if self.rule == Rule::Ranked && left > 0 {
            self.deleverage(who, lots, missing, left)?;
        }
        let rest = self.traders[who].perp.position.0;
        self.trade(who, -rest, self.spot)?;
        self.collect(who)?;
        let loss = (-self.traders[who].perp.quote.0).max(0).unsigned_abs();
        let left = self.insure(loss);
        self.pool += loss - left;
        self.add_claim(who, loss as i64)?;
        match self.rule {
            Rule::Shared => {
                self.ledger.shortfall += left;
                self.uncollectable += left;
            }
            Rule::FirstCome => {
                self.uncollectable += left;
                self.charge(left, -lots.signum())?;
            }
            // Less than a unit per lot may be left by rounding.
            Rule::Ranked => {}
        }
        Ok(())
    }

    /// Charges a loss to one side's open positions by their lots.
    fn charge(&mut self, loss: u64, side: i64) -> Result<()> {
        let of_side =
            |market: &Self, who: usize| (market.traders[who].perp.position.0 * side).max(0);
        let mut all: i64 = (0..self.traders.len()).map(|who| of_side(self, who)).sum();
        let mut left = loss;
        for who in 0..self.traders.len() {
            let lots = of_side(self, who);
            if lots == 0 || left == 0 {
                continue;
            }
            let part = (u128::from(left) * lots as u128 / all as u128) as u64;
            let profit = self.worth(who, self.spot);
            self.give_up(who, part, profit);
            self.add_claim(who, -(part as i64))?;
            left -= part;
            all -= lots;
        }
        Ok(())
    }

    /// Closes the loser's part that insurance cannot pay for against those with the highest profit × leverage.
    fn deleverage(&mut self, who: usize, lots: i64, missing: u64, left: u64) -> Result<()> {
        let per_lot = missing.div_ceil(lots.unsigned_abs());
        let price = self
            .spot
            .saturating_add_signed(lots.signum() * per_lot as i64);
        let share = u128::from(lots.unsigned_abs()) * u128::from(left);
        let mut wanted = share.div_ceil(u128::from(missing)) as i64;
        for other in self.ranking(lots.signum()) {
            let taken = wanted.min(self.traders[other].perp.position.0.abs());
            if taken == 0 {
                continue;
            }
            let given = taken.unsigned_abs() * per_lot;
            let profit = self.worth(other, self.spot);
            self.give_up(other, given, profit);
            self.uncollectable += given;
            self.trade_with(who, other, -lots.signum() * taken, price)?;
            wanted -= taken;
        }
        Ok(())
    }

    /// Those on the other side of a position, highest profit × leverage first; whoever takes over last.
    fn ranking(&self, sign: i64) -> Vec<usize> {
        let score = |who: usize| {
            let trader = &self.traders[who];
            let profit = self.worth(who, self.spot) as f64;
            let equity = (profit + trader.deposit as f64).max(1.0);
            if who == self.taker() {
                return f64::NEG_INFINITY;
            }
            // Profit ÷ value × value ÷ equity.
            profit / equity
        };
        let mut found: Vec<usize> = (0..self.traders.len())
            .filter(|who| self.traders[*who].perp.position.0.signum() == -sign)
            .collect();
        found.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
        found
    }
}
