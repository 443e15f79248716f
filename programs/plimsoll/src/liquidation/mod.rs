//! Liquidation of an account below its maintenance line, phase by phase, and what follows when nothing is left.
//!
//! 1. [`Liquidation::cancel_orders`]: resting orders leave their books;
//! 2. [`Liquidation::take_over`]: the liquidator takes a slice of a position at the oracle's price less a fee;
//! 3. [`Liquidation::swap`]: it pays a slice of debt for a slice of collateral at the oracle's price plus a bonus.
//!
//! # Portfolio margin
//!
//! Where slots net, what a call takes is accepted if it leaves requirement ÷ equity lower and health higher
//! ([`plimsoll_risk::liquidation::Footing`]). Closing one leg of a hedge does neither, and a hedged account may have no
//! single leg that does: long SOL against short SOL-PERP stands on the edge from which either leg's closing opens the
//! other. Yet every such account can be liquidated:
//! - Requirements grow at least in proportion to exposures, and fees give way to half of what is improved. Closing
//!   the same part of every leg therefore improves any account of which something is required. So a call may take
//!   several legs, and is judged once they are all taken: a position with others that hedge it, then collateral for
//!   debt. A leg that by itself would leave the account worse is as large a part as of every leg would have to go,
//!   and earns no fee; what the legs improve together pays for the last.
//! - More legs than a call can take could depend on each other, and a hedge of which nothing is required while nothing
//!   is left either improves by nothing. So [`PATIENCE_SECS`] after it was flagged any leg may be taken, for no fee, in
//!   proportion as all would have to go; the same one again only [`PATIENCE_SECS`] later, so that the others have their turn.
//!   What the account lost by it is made up for without a fee, and no more than that: no liquidator gains by choosing the wrong
//!   one, or by opening a hedge to be paid for closing the rest, and nobody frees an account from fees with a sliver. Nor does
//!   one take a leg's turn: it is a sixty-fourth of the leg at least.
//!
//! No mode, cap or window holds any of it back. Nothing is seized on one observation: an account is flagged at some prices and
//! seized at prices that were all published later. What is stale, or priced by a broken feed, counts in the account's favour,
//! less and less as doubt lasts, and is neither seized nor repaid before that benefit has decayed; then it is auctioned
//! ([`plimsoll_risk::liquidation::Auction`]). An account with nothing but debt left goes to [`bankruptcy`].
pub mod bankruptcy;
pub mod dust;
mod leg;
mod position;
pub mod restock;
pub mod reward;
mod standing;
mod swap;
#[cfg(test)]
mod tests;

pub use leg::Leg;
pub use standing::{Part, Standing};

use anchor_lang::prelude::*;
use plimsoll_risk::{
    balance::Indices,
    liquidation::{
        ramped_fee, Auction, Auctioned, Charged, Footing, Observation, Target, ROUNDING,
    },
    AccountMargin, AssetRisk, Balance, EntryPrice, HealthKind, LiquidationTerms, MarginModel,
    MarketRisk, PerpPosition, Policy, Purpose,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    events::LiquidationFlag,
    health::{portfolio, view},
    orders::cancel_all_in_book,
    state::{
        margin_account::{account_state, confirmation, MAX_PERPS},
        Book, MarginAccount, RiskState,
    },
};

/// Seconds after which a flag no longer says anything about the account of now. Otherwise an account
/// that recovered, with nobody there to clear it, would be liquidated at the highest fee whenever it next met the end
/// line, still above maintenance.
pub const FLAG_SECS: u64 = 3_600;

/// Seconds after which an account in portfolio margin is liquidated leg by leg even where that raises
/// what is required of the rest.
pub const PATIENCE_SECS: u64 = 60;

/// Seconds for which an account must have been flagged before what is in doubt changes hands: time for anybody to post the
/// price, where there is one and it was only left out.
pub const DOUBT_PATIENCE_SECS: u64 = 600;

/// What may change hands, at the spot price of its entry.
struct OnOffer<T> {
    entry: T,
    /// No more than so many native units or lots of it.
    most: u64,
    /// Whether its price is that of an auction: there is no fee then.
    is_auctioned: bool,
}

impl<T> OnOffer<T> {
    fn at_spot(entry: T) -> Self {
        Self {
            entry,
            most: u64::MAX,
            is_auctioned: false,
        }
    }
}

/// One call of the instruction: both parties and where the account stands.
pub struct Liquidation<'a> {
    pub risk: &'a RiskState,
    pub clock: &'a Clock,
    pub account: &'a mut MarginAccount,
    pub account_key: Pubkey,
    pub liquidator: &'a mut MarginAccount,
    pub liquidator_key: Pubkey,
    pub standing: Standing<'a>,
    /// What the call did.
    pub done: Done,
    /// What a swap that is to follow can close of what is opened before it, native quote; the highest number without a limit.
    pub closable: u64,
    pub limits: LiquidatorLimits,
}

/// What a call has taken so far.
#[derive(Default)]
pub struct Done {
    /// The slots it was taken from, as in [`MarginAccount::opened_slots`].
    slots: u32,
    /// What it cost the account.
    charged: Charged,
    /// Whether so little was taken of something that it may improve nothing alone.
    is_sliver: bool,
    /// What the liquidator received beyond what it gave, native quote, but for an auction's discount.
    reward: i128,
}

/// What the liquidator asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct LiquidatorLimits {
    /// The worst price of the position that is taken over first, in price lots: the highest where the liquidator buys, the lowest
    /// where it sells. Zero for none.
    pub price: u64,
    /// The least reward of all that a call takes, native quote.
    pub reward: u64,
}

impl LiquidatorLimits {
    /// Refuses a takeover of so many lots, which the liquidator buys or sells, for their value in a market of this tick.
    fn require_price(&self, buys: bool, lots: u64, notional: u64, tick: u64) -> Result<()> {
        if self.price == 0 {
            return Ok(());
        }
        let at_limit = u128::from(self.price)
            .checked_mul(u128::from(lots))
            .and_then(|lots| lots.checked_mul(u128::from(tick)))
            .or_refuse()?;
        let is_within = match buys {
            true => u128::from(notional) <= at_limit,
            false => u128::from(notional) >= at_limit,
        };
        if !is_within {
            msg!("{} for {} lots, limit {}", notional, lots, self.price);
        }
        require!(is_within, PlimsollError::PriceBeyondLimit);
        Ok(())
    }
}

impl Liquidation<'_> {
    /// Flags an account below its maintenance line; one that is flagged stays liquidatable until
    /// [`Liquidation::finish`]. An old flag is set anew, so that the fee ramps from its bottom again. A flag is confirmed by
    /// prices that were all published after those it was set at, if the account is below its maintenance line at them too.
    ///
    /// # Errors
    /// `NotLiquidatable`.
    pub fn begin(&mut self) -> Result<()> {
        let maintained = self.standing.maintenance() >= 0;
        if self.account.state == account_state::LIQUIDATING && (maintained || !self.is_flag_old()) {
            if !maintained {
                self.confirm();
            }
            return Ok(());
        }
        require!(!maintained, PlimsollError::NotLiquidatable);
        self.account.state = account_state::LIQUIDATING;
        self.account.flagged_at = self.clock.unix_timestamp;
        (self.account.flag_doubts, self.account.flag_known) = (0, 0);
        let half = self.standing.equity().max(0) / 2;
        self.account
            .start_fees(u64::try_from(half).unwrap_or(u64::MAX));
        self.observe();
        self.emit_flag(true);
        Ok(())
    }

    /// Makes the prices of now the first observation.
    fn observe(&mut self) {
        // What confirms was published after this call, whatever moments the prices of this one are from: both observations
        // could lie in one dip that is over otherwise.
        let now_ms = self.clock.unix_timestamp.saturating_mul(1_000);
        let seen = self.standing.observation();
        self.account.flagged_price_ms = seen.newest_ms.max(now_ms);
        self.account.flag_confirmed = confirmation::NONE;
        self.note(&seen);
    }

    /// Remembers what was known.
    fn note(&mut self, seen: &Observation) {
        self.account.flag_known |= seen.known;
        self.account.flag_doubts |= seen.doubted;
    }

    /// Takes another observation. The first price of a feed that was in doubt at an earlier one is a first observation of the
    /// account. A second is one at prices that were all published after the first; those in doubt are not asked.
    fn confirm(&mut self) {
        let seen = self.standing.observation();
        let is_later = self.clock.unix_timestamp > self.account.flagged_at
            && seen.oldest_ms > self.account.flagged_price_ms;
        if seen.known & self.account.flag_doubts & !self.account.flag_known != 0 {
            self.observe();
        } else if is_later && self.account.flag_confirmed != confirmation::CERTAIN {
            self.account.flag_confirmed = match seen.doubted {
                0 => confirmation::CERTAIN,
                _ => confirmation::IN_DOUBT,
            };
            self.note(&seen);
        }
    }

    /// Refuses to seize anything on one observation: the account must have been below its line at the flag's prices, and at
    /// later ones too, all of them.
    ///
    /// # Errors
    /// `SameObservation`.
    pub fn require_second_observation(&self) -> Result<()> {
        require!(
            self.account.flag_confirmed != confirmation::NONE,
            PlimsollError::SameObservation
        );
        Ok(())
    }

    /// True when there is nothing to liquidate: LiquidationEnd health is at least zero, or maintenance health is when
    /// the flag is old or was never confirmed with every price known. That clears the flag, unless it is young and stale entries
    /// count in the account's favour: a call without a refresh could otherwise start the fee's ramp anew at will.
    pub fn finish(&mut self) -> bool {
        let maintained = self.standing.maintenance() >= 0;
        let is_weak = self.account.flag_confirmed != confirmation::CERTAIN;
        if self.standing.end() < 0 && !(maintained && (self.is_flag_old() || is_weak)) {
            return false;
        }
        // In doubt an account looks better than it may be: that clears no young flag.
        if self.standing.is_certain() || (maintained && self.is_flag_old()) {
            self.account.clear_liquidation();
            self.emit_flag(false);
        }
        true
    }

    /// Whether an account that recovered unseen may still carry this flag: nobody has to call when one does.
    fn is_flag_old(&self) -> bool {
        self.secs_since_flag() > FLAG_SECS
    }

    fn secs_since_flag(&self) -> u64 {
        let secs = self
            .clock
            .unix_timestamp
            .saturating_sub(self.account.flagged_at);
        u64::try_from(secs).unwrap_or(0)
    }

    fn emit_flag(&self, flagged: bool) {
        emit!(LiquidationFlag {
            margin_account: self.account_key,
            flagged,
            maintenance_health: saturated(self.standing.maintenance()),
            liquidation_end_health: saturated(self.standing.end()),
        });
    }

    /// Phase 1: cancels the account's orders in a book. [`Liquidation::reassess`] after the last book: one pass over the
    /// account costs less than two over each market's orders.
    ///
    /// # Errors
    /// `FillsPending` when something that happened to an order still waits in the market's fill queue.
    #[inline(never)]
    pub fn cancel_orders(&mut self, book: &mut Book) -> Result<()> {
        let Some(slot) = self.account.find_perp(book.index) else {
            return Ok(());
        };
        cancel_all_in_book(&self.account_key, self.account, book)?;
        let perp = self.account.perps.get(slot).or_refuse()?;
        require!(perp.order_mask == 0, PlimsollError::FillsPending);
        Ok(())
    }

    /// Looks anew at where the account stands, after its orders were cancelled.
    pub fn reassess(&mut self) -> Result<()> {
        self.standing = Standing::of(self.risk, self.account, self.clock)?;
        Ok(())
    }

    /// Refuses to seize anything while orders rest: their fills could change it.
    pub fn require_no_orders(&self) -> Result<()> {
        let rest = self.account.perps.iter().any(|p| p.order_mask != 0);
        require!(!rest, PlimsollError::OrdersRemain);
        Ok(())
    }

    /// What a slice is measured against, at the fee of now.
    fn target(&self, fee: u32, insurance_share: u32, reward_min: u32) -> Target {
        Target {
            standing: self.standing.footing(),
            from: self.standing.start().without_loss(self.account.opened_loss),
            fee,
            charged: self.done.charged,
            allowance: self.account.fee_allowance.into(),
            insurance_share,
            reward_min,
        }
    }

    /// The same for what is auctioned: the discount is the reward.
    fn auction_target(&self) -> Target {
        self.target(0, 0, 0)
    }

    /// Notes what was taken, and for which fee.
    fn note_taken(&mut self, parts: &[Part], charged: Charged, is_sliver: bool) {
        for part in parts {
            let bit = match *part {
                Part::Perp(slot) => slot,
                Part::Balance(slot) => slot.saturating_add(MAX_PERPS),
            };
            let bit = u32::try_from(bit).unwrap_or(u32::BITS);
            self.done.slots |= 1u32.checked_shl(bit).unwrap_or(0);
        }
        self.done.charged = self.done.charged.and(charged);
        self.done.is_sliver |= is_sliver;
        let fee = u64::try_from(charged.paid).unwrap_or(u64::MAX);
        self.account.fee_allowance = self.account.fee_allowance.saturating_sub(fee);
    }

    /// The fee, which ramps with the time since the account was flagged.
    fn fee(&self, terms: &LiquidationTerms) -> u32 {
        ramped_fee(terms, self.secs_since_flag())
    }

    /// What a deposit is seized at or a debt repaid: spot, or, once its price has been doubted for so long that nothing is left of
    /// doubt's benefit, the price that doubt auctions it for: the last one, and where nothing else gives a discount less that.
    /// `indices` are the bank's of now.
    #[inline(never)]
    fn asset_on_offer(
        &self,
        balance: &Balance,
        indices: Indices,
        is_discounted: bool,
    ) -> Result<OnOffer<AssetRisk>> {
        let mut entry = *self.risk.asset(balance.asset)?;
        entry.deposit_index = indices.deposit;
        entry.borrow_index = indices.borrow;
        if self.standing.view().is_fresh(&entry.price) {
            return Ok(OnOffer::at_spot(entry));
        }
        let auction = self.auction(is_discounted);
        let auctioned = auction.asset(balance, &entry).or_refuse()?;
        self.on_offer(auctioned, &entry.price)
    }

    /// What a position is taken over at, likewise.
    #[inline(never)]
    fn market_on_offer(&self, perp: &PerpPosition) -> Result<OnOffer<MarketRisk>> {
        let entry = self.risk.market(perp.market)?;
        if self.standing.view().is_fresh(&entry.price) {
            return Ok(OnOffer::at_spot(*entry));
        }
        let auctioned = self.auction(true).market(perp, entry).or_refuse()?;
        self.on_offer(auctioned, &entry.price)
    }

    fn auction(&self, is_discounted: bool) -> Auction<'_> {
        Auction {
            view: self.standing.view(),
            portfolio: portfolio(self.account),
            equity: self.standing.equity(),
            is_discounted,
        }
    }

    /// # Errors
    /// `BrokenFeed` and `StaleEntry` for what is not auctioned, as its price may come back; `DoubtTooYoung` while that could
    /// still be shown.
    fn on_offer<T>(
        &self,
        auctioned: Option<Auctioned<T>>,
        price: &EntryPrice,
    ) -> Result<OnOffer<T>> {
        match auctioned {
            Some(Auctioned { entry, most }) => {
                require!(
                    self.secs_since_flag() >= DOUBT_PATIENCE_SECS,
                    PlimsollError::DoubtTooYoung
                );
                Ok(OnOffer {
                    entry,
                    most,
                    is_auctioned: true,
                })
            }
            None if price.is_broken() => err!(PlimsollError::BrokenFeed),
            None => err!(PlimsollError::StaleEntry),
        }
    }

    /// Refuses a slice that leaves LiquidationEnd health, or equity ÷ requirement, lower than it was; an auction's discount may take
    /// of equity what it has to. Where slots net, all that a call takes is judged together: [`Liquidation::require_improved`].
    fn require_helped(&self, before: Footing, is_auctioned: bool) -> Result<()> {
        if self.standing.is_judged_as_a_whole() {
            return Ok(());
        }
        let after = self.standing.footing();
        let is_helped = match is_auctioned {
            true => after.health() >= before.health(),
            false => before.is_kept_by(&after, ROUNDING),
        };
        require!(is_helped, PlimsollError::LiquidationHarms);
        Ok(())
    }

    /// Refuses what leaves an account in portfolio margin no better than it was before the call took anything, unless that is
    /// only for the hedge that it closed and cost nothing, or nobody has found anything better for [`PATIENCE_SECS`], it was for no
    /// fee, and of slots that were not taken so before. What the account lost by that no fee takes a part of when it is made up for.
    ///
    /// # Errors
    /// `LiquidationHarms`; `SliceTooSmall` for a sliver of a slot whose turn is over once it is taken.
    pub fn require_improved(&mut self) -> Result<()> {
        let is_improved = self.standing.is_improved();
        if is_improved && self.account.opened_loss == 0 {
            return Ok(());
        }
        let is_free = self.done.charged.paid <= u128::from(ROUNDING);
        let is_better = is_improved || is_free && self.standing.is_improved_apart();
        if !is_better {
            self.require_turn(is_free)?;
        }
        let from = self.standing.start().without_loss(self.account.opened_loss);
        let lost = from.lost_at(&self.standing.footing()).or_refuse()?;
        self.account.opened_loss = u64::try_from(lost).unwrap_or(u64::MAX);
        // Worse off with nothing lost, a leg has had its turn all the same.
        if lost == 0 && is_better {
            self.account.start_fees(self.account.fee_allowance);
        }
        Ok(())
    }

    /// Refuses what makes the account worse before it has waited, for a fee, or of a slot that had its turn.
    fn require_turn(&mut self, is_free: bool) -> Result<()> {
        let (now, patience) = (self.clock.unix_timestamp, i64::try_from(PATIENCE_SECS));
        let is_over = now.saturating_sub(self.account.opened_at) >= patience.unwrap_or(i64::MAX);
        if is_over {
            (self.account.opened_slots, self.account.opened_at) = (0, now);
        }
        require!(
            self.has_waited() && is_free && self.account.opened_slots & self.done.slots == 0,
            PlimsollError::LiquidationHarms
        );
        require!(!self.done.is_sliver, PlimsollError::SliceTooSmall);
        self.account.opened_slots |= self.done.slots;
        Ok(())
    }

    /// Refuses a call that took something for less than the liquidator asks for.
    ///
    /// # Errors
    /// `RewardTooSmall`.
    pub fn require_reward(&self) -> Result<()> {
        let is_enough = self.done.reward >= i128::from(self.limits.reward);
        if !is_enough {
            msg!("reward {}, least {}", self.done.reward, self.limits.reward);
        }
        require!(is_enough, PlimsollError::RewardTooSmall);
        Ok(())
    }

    /// Whether the account has been flagged for [`PATIENCE_SECS`].
    fn has_waited(&self) -> bool {
        self.secs_since_flag() >= PATIENCE_SECS
    }
}

/// Refuses unless the Init health of whoever took something over is at least zero, whatever it was before. What it owes, or has
/// a position in, and cannot be priced counts at the worst that doubt leaves of it ([`Policy::Taker`]), so that whoever has the
/// margin can take over what depends on a dead feed.
///
/// # Errors
/// `InsufficientHealth`.
pub fn require_own_init(risk: &RiskState, account: &MarginAccount, clock: &Clock) -> Result<()> {
    // A price that is followed by a refused one carries no trade, and what may be seized at it may be taken over at it.
    own_init(risk, account, Purpose::Trade, clock)
        .or_else(|refused| own_init(risk, account, Purpose::Seize, clock).map_err(|_| refused))
}

#[inline(never)]
fn own_init(
    risk: &RiskState,
    account: &MarginAccount,
    purpose: Purpose,
    clock: &Clock,
) -> Result<()> {
    let health = AccountMargin::health(
        &view(risk, clock, purpose),
        &portfolio(account),
        HealthKind::Init,
        Policy::Taker,
    )
    .or_refuse()?;
    require!(health.value >= 0, PlimsollError::InsufficientHealth);
    Ok(())
}

/// An account's claim or amount as the unsigned number that it was checked to be.
fn unsigned(amount: i64) -> Result<u64> {
    u64::try_from(amount).map_err(|_| PlimsollError::Overflow.into())
}

fn saturated(value: i128) -> i64 {
    let limit = if value < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(value).unwrap_or(limit)
}
