//! Collected losses: announced, and then set aside for all marked profits alike.

use super::ledger::FACTOR_BITS;
use super::{Moment, ProfitLedger};
use crate::fixed::{to_u64, Result, RiskError};
use crate::position::PerpPosition;

/// Seconds for which what was announced long enough may be set aside at least, before it is announced anew.
const COVER_WINDOW_SECS: i64 = 60;

/// When collected losses are set aside for profits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covering {
    /// A shortfall of so much, in native quote, holds everything back until it is shared.
    pub floor: u64,
    /// Seconds for which they are announced before.
    pub delay_secs: u32,
    /// Unix seconds.
    pub now: i64,
}

/// How far an announcement has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is none, or nobody has taken it up.
    None,
    /// Whoever is marked now shares what is announced.
    Open,
    /// It shares the next.
    Late,
    /// It is set aside at the next touch.
    Due,
}

impl ProfitLedger {
    /// Sets aside for uncovered profits what of a pool may be paid, is nobody's yet and was announced long enough ago, and announces
    /// what else there is. So whoever is marked first has no more of it than whoever is marked in the first half of the delay. An
    /// announcement that nobody takes up for as long again, or a minute, is made anew; so is the part of profits that nobody has
    /// marked. Nothing while a shortfall of the floor or more waits to be shared. Returns what was set aside for marked profits.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn cover_from(
        &mut self,
        pool: u64,
        interest: [i64; 2],
        at: &Moment,
        when: &Covering,
    ) -> Result<u64> {
        if self.is_frozen(when.floor) {
            self.announced = 0;
            return Ok(0);
        }
        self.note_unmarked(interest, at)?;
        let payable = Self::payable(pool, interest, at);
        let free = |ledger: &Self| payable.saturating_sub(ledger.set_aside());
        let known = free(self).min(self.announced);
        if when.delay_secs == 0 {
            return self.cover(free(self), true);
        }
        let stage = self.stage(when);
        let is_due = stage == Stage::Due;
        if matches!(stage, Stage::Open | Stage::Late) || (is_due && known == 0) {
            return Ok(0);
        }
        let covered = if is_due { self.cover(known, false)? } else { 0 };
        (self.announced, self.announced_at) = (free(self), when.now);
        Ok(covered)
    }

    /// How far what is announced has come.
    fn stage(&self, when: &Covering) -> Stage {
        let delay = i64::from(when.delay_secs);
        let age = when.now.saturating_sub(self.announced_at);
        let window = delay.max(COVER_WINDOW_SECS);
        match age {
            _ if self.announced == 0 || age > delay.saturating_add(window) => Stage::None,
            _ if age >= delay => Stage::Due,
            _ if age >= delay / 2 => Stage::Late,
            _ => Stage::Open,
        }
    }

    /// Marks a slot as [`Self::mark`] does, but at no more than before in the second half of an announcement and until that is taken
    /// up: what was won, or made up, too late for others to be marked at theirs has no part in it.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn mark_in_time(
        &mut self,
        perp: &mut PerpPosition,
        profit: u64,
        when: &Covering,
    ) -> Result<()> {
        if self.is_in_time(when) {
            return self.mark(perp, profit);
        }
        self.harvest(perp)?;
        let marked = perp.share.covered.saturating_add(perp.share.uncovered);
        self.mark(perp, profit.min(marked))
    }

    /// Whether marks may rise.
    pub fn is_in_time(&self, when: &Covering) -> bool {
        when.delay_secs == 0
            || self.is_frozen(when.floor)
            || matches!(self.stage(when), Stage::None | Stage::Open)
    }

    /// When what is announced will be set aside, Unix seconds; `None` while nothing is.
    pub fn covers_at(&self, delay_secs: u32) -> Option<i64> {
        (self.announced > 0).then(|| self.announced_at.saturating_add(i64::from(delay_secs)))
    }

    /// Sets collected losses of up to `free` aside for all uncovered profits alike; the part of unmarked ones is nobody's, or is
    /// reserved for whoever is marked next. Returns what was set aside for marked ones.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    fn cover(&mut self, free: u64, reserves: bool) -> Result<u64> {
        let bare = self.unmarked.saturating_sub(self.reserved);
        let all = u128::from(self.uncovered).saturating_add(u128::from(bare));
        if all == 0 || free == 0 {
            return Ok(0);
        }
        let part = |of: u64| {
            let product = u128::from(free).min(all).wrapping_mul(u128::from(of));
            to_u64(product.checked_div(all).unwrap_or(0))
        };
        if reserves {
            self.reserved = self.reserved.saturating_add(part(bare)?);
        }
        let part = part(self.uncovered)?;
        if part == 0 {
            return Ok(0);
        }
        let left = self.uncovered.saturating_sub(part);
        if left == 0 {
            // Halved so often that nothing is left of any amount.
            self.exponent = self.exponent.saturating_add(u64::BITS.into());
        } else {
            self.lower_factor(left, self.uncovered)?;
        }
        self.uncovered = left;
        self.covered = self.covered.checked_add(part).ok_or(RiskError::Overflow)?;
        Ok(part)
    }

    /// Multiplies the factor by `left / whole`, rounded up, and keeps its places.
    fn lower_factor(&mut self, left: u64, whole: u64) -> Result<()> {
        let product = u128::from(self.factor()) * u128::from(left);
        let raised = product.leading_zeros();
        let quotient = product
            .wrapping_shl(raised)
            .div_ceil(u128::from(whole).max(1));
        // The quotient has between 64 and 128 places.
        let places = 128u32.saturating_sub(quotient.leading_zeros());
        let spare = places.saturating_sub(FACTOR_BITS.saturating_add(1));
        let mut factor = quotient.div_ceil(1u128 << spare.min(127));
        let mut spare = spare;
        if factor >> (FACTOR_BITS + 1) != 0 {
            factor = factor.div_ceil(2);
            spare = spare.saturating_add(1);
        }
        self.factor = to_u64(factor)?;
        self.exponent = self
            .exponent
            .checked_add(raised.into())
            .and_then(|exponent| exponent.checked_sub(spare.into()))
            .ok_or(RiskError::Overflow)?;
        Ok(())
    }
}
