//! Who is paid how much of a market's profits: in proportion to what is claimed, out of collected losses alone, and less the
//! market's shortfall.
//!
//! What losers pay is collected in the market's pool, and belongs to those who won, in proportion to their profits: not to
//! whoever asks first. So every position slot keeps a [`ProfitShare`]: the profit at which it was last marked, split into what
//! collected losses *cover* and what is *uncovered*. [`ProfitLedger::cover`] gives collected losses to all uncovered profits
//! alike by lowering one factor; nobody's slot is touched. Only what is covered is paid.
//!
//! A market does not know what profits nobody has marked: only what each of its sides has won net. So that being marked first is
//! worth nothing, collected losses are announced before they are given to anybody ([`ProfitLedger::cover_from`]): in the first half
//! of that delay anybody can mark everybody, up or down, and in the second anybody down.
//!
//! When a loser has nothing left, nor insurance for its market, the rest is recorded as the market's **shortfall**: somebody's
//! profit is not there. It is taken from the uncovered profits, in proportion, once, in an *epoch*:
//!
//! 1. [`ProfitLedger::open`] takes down the price and the funding of the moment. From there on each slot is marked by what it
//!    held then, at that price ([`ProfitLedger::mark_epoch`]): before anything else changes it, or by anybody who passes it.
//!    No profit is covered until the epoch is over.
//! 2. [`ProfitLedger::close`], once both sides' lots and the claims of those who have closed are marked (after an hour, 99 % of
//!    them), records the part that every profit marked in the epoch gives up: shortfall ÷ their sum, at most all of it.
//! 3. Each slot gives it up at its next touch ([`ProfitLedger::harvest`]); until then health counts it as owed
//!    ([`PerpPosition::owed`]), and Init health counts all of a marked profit as owed while the epoch is open, so that nobody
//!    trades or withdraws away what it may have to give up.
//!
//! So what a winner is left with does not depend on when it closes, settles or withdraws, nor on who shows the loss; it gives
//! up at most its own profit; whoever made none gives nothing. What was paid before was covered by losses that were collected,
//! and leaves everybody else's part as it is.

mod covering;
mod ledger;
mod share;

pub use covering::Covering;
pub use ledger::{Moment, ProfitLedger, EPOCH_PATIENCE_SECS};
pub use share::{Harvest, ProfitShare};

use crate::position::PerpPosition;

/// Binary places of a haircut: the part of a profit that is given up.
pub const HAIRCUT_BITS: u32 = 32;

/// What became of the profits marked in the last epoch.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Haircuts {
    /// The part that was given up of what was not covered, in 2⁻³².
    pub part: u64,
    /// The part that was covered first of what had never been marked before, in 2⁻³².
    pub granted: u64,
    /// The last epoch that was closed, from 1; zero before there was one.
    pub closed: u32,
    /// The epoch that is open; zero when none is.
    pub open: u32,
}

const _: () = assert!(core::mem::size_of::<Haircuts>() == 24);

impl Haircuts {
    /// Whether a slot was marked in the last epoch, that is over, and has not taken what that made of it yet.
    #[inline(always)]
    pub const fn is_pending(&self, share: &ProfitShare) -> bool {
        share.epoch != 0 && share.epoch == self.closed
    }

    /// What of a slot's profit was covered when the epoch was closed in which it was first marked.
    pub(crate) fn granted(&self, share: &ProfitShare) -> u64 {
        if !self.is_pending(share) {
            return 0;
        }
        let part = u128::from(share.fresh).wrapping_mul(u128::from(self.granted));
        let part = u64::try_from(part >> HAIRCUT_BITS).unwrap_or(u64::MAX);
        part.min(share.uncovered)
    }

    /// What a slot gives up for the epoch in which it was marked, native quote: nothing while that is open. No epoch is opened
    /// while anything is due for the one before, so that of every mark the part is known.
    #[inline]
    pub fn due(&self, share: &ProfitShare) -> u64 {
        if !self.is_pending(share) {
            return 0;
        }
        let bare = share.uncovered.saturating_sub(self.granted(share));
        let owed = (u128::from(bare) * u128::from(self.part)).div_ceil(1 << HAIRCUT_BITS);
        u64::try_from(owed).map_or(bare, |owed| owed.min(bare))
    }

    /// What a slot that the open epoch has marked may have to give up: all that is not covered.
    #[inline]
    pub const fn at_risk(&self, share: &ProfitShare) -> u64 {
        if share.epoch == 0 || share.epoch != self.open {
            return 0;
        }
        share.uncovered
    }
}

/// Profit of a claim and lots at a price, native quote, rounded down; zero for a loss. `due` is what the slot owes besides.
#[inline]
pub fn profit_at(perp: &PerpPosition, due: i128, price: u64, shift: u8) -> u64 {
    let value = crate::fixed::scale_floor(perp.position.0, price, shift);
    let profit = i128::from(perp.quote.0)
        .saturating_sub(due)
        .saturating_add(value);
    u64::try_from(profit.max(0)).unwrap_or(u64::MAX)
}
