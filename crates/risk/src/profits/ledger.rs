//! A market's sums of claims on its pool, and the epochs in which a shortfall is shared.

use super::{profit_at, Haircuts, ProfitShare, HAIRCUT_BITS};
use crate::fixed::{scale_ceil, scale_floor, to_u64, Result, RiskError};
use crate::position::{FundingIndices, PerpPosition};
use crate::units::QuoteNative;

/// Binary places of the factor's mantissa, whose highest is always set.
pub(super) const FACTOR_BITS: u32 = 62;
const FACTOR_ONE: u64 = 1 << FACTOR_BITS;
/// An epoch is opened while spot is no further from the stable price than this part of it.
const EPOCH_GAP_PART: u64 = 20;
/// Seconds after which an epoch may close with a hundredth of the lots or claims not marked: everybody can be marked by
/// anybody, so that nothing but a fault leaves anything out.
pub const EPOCH_PATIENCE_SECS: i64 = 3_600;
/// The part that may be left out then.
const UNMARKED_PART: i64 = 100;

/// Prices at which profits are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Mantissa of the price per lot.
    pub spot: u64,
    /// Mantissa of the stable price.
    pub stable: u64,
    /// Binary places of both.
    pub shift: u8,
}

/// A market's claims on its pool of collected losses. All amounts are native quote.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct ProfitLedger {
    /// Marked profits that no collected loss covers.
    pub uncovered: u64,
    /// Collected losses in the pool that are set aside for profits.
    pub covered: u64,
    /// Profits that are known to be there and were not marked, at the last covering.
    pub unmarked: u64,
    /// Collected losses in the pool that are kept for them: whoever is marked later gets its part of it.
    pub reserved: u64,
    /// What is left uncovered of a unit: mantissa of 62 places, never falling below its half; zero stands for one.
    pub factor: u64,
    /// Claims of those who have closed their positions, where they are profits.
    pub claims: u64,
    /// Sum of the quote claims of accounts with a long position, funding up to their entries.
    pub long_quote: i64,
    /// Of accounts with a short position.
    pub short_quote: i64,
    /// Losses that nobody can pay and no profit has given up yet.
    pub shortfall: u64,
    /// What slots have still to give up for the last epoch.
    pub due: u64,
    /// What became of the profits of the last epoch.
    pub haircuts: Haircuts,
    /// Spot price at which the open epoch marks.
    pub epoch_price: u64,
    /// Funding indices to which the open epoch settles.
    pub epoch_funding: [i64; 2],
    /// Long and short lots still to be marked before the open epoch may close.
    pub epoch_lots: [i64; 2],
    /// Claims of closed positions still to be marked.
    pub epoch_claims: i64,
    /// Uncovered profits marked in the open epoch.
    pub epoch_uncovered: u64,
    /// Those of them that had never been marked before.
    pub epoch_fresh: u64,
    /// The shortfall that the open epoch shares.
    pub epoch_shortfall: u64,
    /// The last epoch that was opened.
    pub epoch: u32,
    /// Binary places of `epoch_price`.
    pub epoch_shift: u8,
    /// Unused.
    pub padding: [u8; 3],
    /// How often the factor was doubled to keep its places.
    pub exponent: u64,
    /// Lots and claims that may be left out once the epoch has been open for [`EPOCH_PATIENCE_SECS`].
    pub epoch_spare: [i64; 3],
    /// When the epoch was opened, Unix seconds.
    pub opened_at: i64,
    /// Collected losses in the pool that are nobody's yet and will be set aside for profits.
    pub announced: u64,
    /// Since when they are known, Unix seconds.
    pub announced_at: i64,
}

const _: () = assert!(core::mem::size_of::<ProfitLedger>() == 240);

impl ProfitLedger {
    /// Mantissa of what is left of a unit.
    pub(super) const fn factor(&self) -> u64 {
        if self.factor == 0 {
            FACTOR_ONE
        } else {
            self.factor
        }
    }

    /// True while an epoch is open.
    pub const fn is_open(&self) -> bool {
        self.haircuts.open != 0
    }

    /// True from the moment a shortfall of at least `floor` is known until it is shared: no profit is covered meanwhile.
    pub const fn is_frozen(&self, floor: u64) -> bool {
        self.is_open() || self.is_shareable(floor)
    }

    /// Whether the shortfall is large enough to be shared.
    pub const fn is_shareable(&self, floor: u64) -> bool {
        self.shortfall > 0 && self.shortfall >= floor
    }

    /// Collected losses that are somebody's.
    pub const fn set_aside(&self) -> u64 {
        self.covered.saturating_add(self.reserved)
    }

    /// Everything that is missing: the pool and what losers can pay are at least what is claimed less this.
    pub fn missing(&self) -> u64 {
        self.shortfall.saturating_add(self.due)
    }

    /// Takes a slot out of the sums of claims before it changes, or counts it in after (`sign` −1 or 1).
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn count(&mut self, perp: &PerpPosition, sign: i64) -> Result<()> {
        let quote = perp.quote.0.checked_mul(sign).ok_or(RiskError::Overflow)?;
        match perp.position.0 {
            0 if perp.quote.0 > 0 => {
                self.claims = self
                    .claims
                    .checked_add_signed(quote)
                    .ok_or(RiskError::Overflow)?;
            }
            0 => {}
            lots if lots > 0 => {
                self.long_quote = self
                    .long_quote
                    .checked_add(quote)
                    .ok_or(RiskError::Overflow)?;
            }
            _ => {
                self.short_quote = self
                    .short_quote
                    .checked_add(quote)
                    .ok_or(RiskError::Overflow)?;
            }
        }
        Ok(())
    }

    /// Before a slot changes: what it owes for an epoch that is over is taken, and in an open epoch it is marked by what it
    /// holds. A slot that was marked in the open epoch stays as it was marked until that is over.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    #[inline]
    pub fn prepare(&mut self, perp: &mut PerpPosition) -> Result<()> {
        // As the epoch counted it when it was opened.
        let claim = if perp.position.is_zero() {
            perp.quote.0.max(0)
        } else {
            0
        };
        if self.haircuts.is_pending(&perp.share) {
            self.harvest(perp)?;
        }
        if self.is_open() && perp.share.epoch != self.epoch {
            self.mark_epoch(perp, claim)?;
        }
        Ok(())
    }

    /// Brings a slot's share up to date and takes what it gives up. Returns that.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn harvest(&mut self, perp: &mut PerpPosition) -> Result<u64> {
        if self.is_marked_now(perp) {
            return Ok(0);
        }
        let now = perp.share.harvest(self);
        if now.given_up > 0 {
            self.count(perp, -1)?;
            let given = i64::try_from(now.given_up).map_err(|_| RiskError::Overflow)?;
            perp.quote = perp.quote.checked_sub(QuoteNative(given))?;
            self.count(perp, 1)?;
            self.due = self.due.saturating_sub(now.given_up);
        }
        let is_rounded = now.uncovered > 0
            && (perp.share.fresh > 0
                || (perp.share.factor, perp.share.exponent) != (self.factor(), self.exponent));
        // The sum stays at least what slots make of it.
        self.uncovered = self.uncovered.saturating_add(u64::from(is_rounded));
        perp.share = ProfitShare {
            uncovered: now.uncovered,
            covered: now.covered,
            factor: self.factor(),
            exponent: self.exponent,
            ..ProfitShare::NONE
        };
        Ok(now.given_up)
    }

    /// Marks a slot at a profit, its share up to date: what is set aside for more than it claims now is free again.
    /// Nothing happens to a slot that the open epoch has marked.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn mark(&mut self, perp: &mut PerpPosition, profit: u64) -> Result<()> {
        if self.is_marked_now(perp) {
            return Ok(());
        }
        self.harvest(perp)?;
        let share = &mut perp.share;
        self.uncovered = self.uncovered.saturating_sub(share.uncovered);
        let known = share.covered.saturating_add(share.uncovered);
        let fresh = profit.saturating_sub(known);
        // In an epoch all of them are granted the same part when it is closed.
        let granted = if self.haircuts.open != 0 {
            share.fresh = fresh;
            0
        } else {
            self.grant(fresh)?
        };
        let had = share.covered.saturating_add(granted);
        share.covered = had.min(profit);
        share.uncovered = profit.saturating_sub(share.covered);
        self.covered = self
            .covered
            .saturating_add(granted)
            .saturating_sub(had.saturating_sub(share.covered));
        self.uncovered = self
            .uncovered
            .checked_add(share.uncovered)
            .ok_or(RiskError::Overflow)?;
        Ok(())
    }

    /// Marks a slot without a position at its claim, where it is marked at more.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn cut(&mut self, perp: &mut PerpPosition) -> Result<()> {
        let claim = perp.quote.0.max(0).unsigned_abs();
        let marked = perp.share.covered.saturating_add(perp.share.uncovered);
        if marked > claim {
            self.mark(perp, claim)?;
        }
        Ok(())
    }

    /// Lets the part of a slot's share that stands behind `amount` of its claim go along with it to another slot. Both are prepared.
    /// Rounded so that what the first one may have to give up does not fall behind.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn hand_over(
        &mut self,
        from: &mut PerpPosition,
        to: &mut PerpPosition,
        amount: u64,
    ) -> Result<()> {
        self.harvest(from)?;
        self.harvest(to)?;
        // Of a slot that an open epoch has marked the claim may be less by now than what it was marked at.
        let marked = from.share.covered.saturating_add(from.share.uncovered);
        let claim = u64::try_from(from.quote.0).unwrap_or(0).max(marked);
        if claim == 0 {
            return Ok(());
        }
        let part = |of: u64| {
            let part = u128::from(of).wrapping_mul(u128::from(amount.min(claim)));
            to_u64(part.div_ceil(u128::from(claim)))
        };
        let (uncovered, covered, fresh) = (
            part(from.share.uncovered)?,
            part(from.share.covered)?,
            part(from.share.fresh)?,
        );
        for (given, taken, amount) in [
            (
                &mut from.share.uncovered,
                &mut to.share.uncovered,
                uncovered,
            ),
            (&mut from.share.covered, &mut to.share.covered, covered),
            (&mut from.share.fresh, &mut to.share.fresh, fresh),
        ] {
            *given = given.saturating_sub(amount);
            *taken = taken.checked_add(amount).ok_or(RiskError::Overflow)?;
        }
        Ok(())
    }

    /// Takes the part of what is reserved that belongs to a profit which was not marked before.
    fn grant(&mut self, profit: u64) -> Result<u64> {
        let newly = profit.min(self.unmarked);
        let part = u128::from(self.reserved)
            .wrapping_mul(u128::from(newly))
            .checked_div(u128::from(self.unmarked))
            .unwrap_or(0);
        let part = to_u64(part)?;
        self.unmarked = self.unmarked.saturating_sub(newly);
        self.reserved = self.reserved.saturating_sub(part);
        Ok(part)
    }

    /// Whether the open epoch has marked the slot.
    #[inline]
    pub const fn is_marked_now(&self, perp: &PerpPosition) -> bool {
        self.is_open() && perp.share.epoch == self.epoch
    }

    /// Pays a slot out of what is set aside for it.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] beyond that.
    pub fn pay(&mut self, perp: &mut PerpPosition, amount: u64) -> Result<()> {
        let share = &mut perp.share;
        share.covered = share
            .covered
            .checked_sub(amount)
            .ok_or(RiskError::Overflow)?;
        self.covered = self.covered.saturating_sub(amount);
        Ok(())
    }

    /// Profits that are known to be there and are not marked: each side's net profit at the price, and the claims of those who
    /// have closed, less what is marked.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    fn known_unmarked(&self, interest: [i64; 2], at: &Moment) -> Result<u64> {
        let [long, short] = interest;
        let side = |lots: i64, quote: i64| {
            let profit = scale_floor(lots, at.spot, at.shift).saturating_add(i128::from(quote));
            profit.max(0).unsigned_abs()
        };
        let short = short.checked_neg().ok_or(RiskError::Overflow)?;
        let known = side(long, self.long_quote)
            .saturating_add(side(short, self.short_quote))
            .saturating_add(u128::from(self.claims));
        let marked = u128::from(self.uncovered).saturating_add(u128::from(self.covered));
        to_u64(known.saturating_sub(marked))
    }

    /// What of a pool may be paid as profits now: all but open interest × |spot − stable|, which a return of the price to the
    /// stable one would take back from those who have won by its move.
    pub fn payable(pool: u64, interest: [i64; 2], at: &Moment) -> u64 {
        let [long, short] = interest;
        let lots = long.max(short).max(0).unsigned_abs();
        let kept = scale_ceil(lots, at.spot.abs_diff(at.stable), at.shift);
        pool.saturating_sub(u64::try_from(kept).unwrap_or(u64::MAX))
    }

    /// Whether an epoch may be opened: none is open, there is a shortfall of `floor` to share, and nothing is due any more for
    /// the one before, for which its slots are marked.
    ///
    /// The stable price must be near spot: in a pump every profit is high that its move made, and gone when it is over.
    pub const fn may_open(&self, floor: u64, at: &Moment) -> bool {
        self.is_shareable(floor)
            && !self.is_open()
            && self.due == 0
            && at.spot.abs_diff(at.stable) <= at.spot / EPOCH_GAP_PART
    }

    /// Opens an epoch at a spot price and the market's funding and open interest.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn open(
        &mut self,
        at: &Moment,
        funding: FundingIndices,
        interest: [i64; 2],
        now: i64,
    ) -> Result<()> {
        self.note_unmarked(interest, at)?;
        let claims = i64::try_from(self.claims).map_err(|_| RiskError::Overflow)?;
        let [long, short] = interest;
        self.epoch = self.epoch.checked_add(1).ok_or(RiskError::Overflow)?;
        self.haircuts.open = self.epoch;
        self.opened_at = now;
        (self.epoch_price, self.epoch_shift) = (at.spot, at.shift);
        self.epoch_funding = [funding.long, funding.short];
        (self.epoch_lots, self.epoch_claims) = (interest, claims);
        self.epoch_spare = [long, short, claims].map(|all| all / UNMARKED_PART);
        (self.epoch_uncovered, self.epoch_fresh) = (0, 0);
        self.epoch_shortfall = self.shortfall;
        Ok(())
    }

    /// Takes down what profits are known to be there and not marked: whoever is marked next gets its part of what is reserved.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn note_unmarked(&mut self, interest: [i64; 2], at: &Moment) -> Result<()> {
        self.unmarked = self.known_unmarked(interest, at)?;
        self.reserved = self.reserved.min(self.unmarked);
        Ok(())
    }

    /// Marks a slot in the open epoch by what it holds, at the epoch's price and funding.
    fn mark_epoch(&mut self, perp: &mut PerpPosition, claim: i64) -> Result<()> {
        let [long, short] = self.epoch_funding;
        // A loss bears no mark.
        let loss = perp.funding_entry;
        let due = perp.funding_due(FundingIndices { long, short, loss })?;
        let profit = profit_at(perp, due, self.epoch_price, self.epoch_shift);
        self.mark(perp, profit)?;
        perp.share.epoch = self.epoch;
        self.epoch_uncovered = self
            .epoch_uncovered
            .checked_add(perp.share.uncovered)
            .ok_or(RiskError::Overflow)?;
        self.epoch_fresh = self.epoch_fresh.saturating_add(perp.share.fresh);
        let [long, short] = &mut self.epoch_lots;
        let lots = perp.position.0;
        *long = long.saturating_sub(lots.max(0));
        *short = short.saturating_add(lots.min(0));
        self.epoch_claims = self.epoch_claims.saturating_sub(claim);
        Ok(())
    }

    /// Whether enough is marked to close the epoch.
    pub fn is_complete(&self, now: i64) -> bool {
        let is_late = now.saturating_sub(self.opened_at) >= EPOCH_PATIENCE_SECS;
        let [long, short] = self.epoch_lots;
        let left = [long, short, self.epoch_claims];
        let mut left = left.iter().zip(&self.epoch_spare);
        self.is_open() && left.all(|(left, spare)| *left <= if is_late { *spare } else { 0 })
    }

    /// Closes the epoch: every profit marked in it gives up the same part. Returns what they give up in all.
    ///
    /// # Errors
    /// [`RiskError::EpochIncomplete`] while too little is marked; [`RiskError::Overflow`].
    pub fn close(&mut self, now: i64) -> Result<u64> {
        if !self.is_complete(now) {
            return Err(RiskError::EpochIncomplete);
        }
        let whole = 1u128 << HAIRCUT_BITS;
        // What is reserved for profits that were not marked before covers the same part of each.
        let granted = (u128::from(self.reserved) << HAIRCUT_BITS)
            .checked_div(u128::from(self.epoch_fresh))
            .unwrap_or(0)
            .min(whole);
        let grants = to_u64((u128::from(self.epoch_fresh) * granted) >> HAIRCUT_BITS)?;
        self.reserved = self.reserved.saturating_sub(grants);
        self.unmarked = self.unmarked.saturating_sub(self.epoch_fresh);
        self.covered = self.covered.saturating_add(grants);
        self.uncovered = self.uncovered.saturating_sub(grants);
        let bare = self.epoch_uncovered.saturating_sub(grants);
        let part = match bare {
            0 => 0,
            bare => (u128::from(self.epoch_shortfall) << HAIRCUT_BITS)
                .div_ceil(u128::from(bare))
                .min(whole),
        };
        let given = self.epoch_shortfall.min(bare);
        self.due = given;
        self.haircuts = Haircuts {
            part: to_u64(part)?,
            granted: to_u64(granted)?,
            closed: self.epoch,
            open: 0,
        };
        self.shortfall = self.shortfall.saturating_sub(given);
        self.uncovered = self.uncovered.saturating_sub(given);
        Ok(given)
    }
}
