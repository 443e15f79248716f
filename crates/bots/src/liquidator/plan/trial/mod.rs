//! A liquidation tried out on copies of both accounts, step by step as the program would do it.
mod ledger;
mod offers;

use plimsoll::{liquidation::PATIENCE_SECS, state::market::moment};
use plimsoll_risk::{
    fixed::{scale_floor, to_i64, RiskError},
    liquidation::{
        is_sliver, ramped_fee, Auctioned, Charged, Footing, Netted, Portion, Stand, Target,
        ROUNDING,
    },
    Assessment, HealthKind, LiquidationTerms, MarginMode, QuoteNative, RiskView, Side,
};

use super::{
    holdings::Holdings,
    search::Move,
    terms::{Episode, Leg, Obstacle, Terms},
};
use crate::liquidator::outlook::Outlook;
use ledger::Ledger;
use offers::worth;

const END: HealthKind = HealthKind::LiquidationEnd;

/// What a step brings the liquidator, in native quote at spot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gain {
    /// Value received beyond value given.
    pub reward: i128,
    /// Value by which the liquidator's position grows; negative when it shrinks.
    pub position: i128,
    /// Value of tokens other than quote that change hands.
    pub tokens: i128,
    /// How much of what the step's limit counts, lots or native units of debt, the step used.
    pub amount: u64,
}

/// What a call has taken so far.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    /// The slots that something was taken of, as in [`Episode::opened_slots`].
    slots: u32,
    /// What that cost the account.
    charged: Charged,
    /// Whether so little was taken of something that it may improve nothing alone.
    is_sliver: bool,
}

/// Both accounts in the midst of a liquidation. After a step that met an obstacle it is not to be used any more.
#[derive(Clone)]
pub struct Trial<'a> {
    pub outlook: &'a Outlook,
    /// What the account is measured in, from the first step to the last.
    view: RiskView<'a>,
    pub terms: &'a Terms,
    /// Who is liquidated, its orders cancelled.
    pub account: Holdings,
    /// The liquidator.
    pub own: Holdings,
    /// What its flag says of fees.
    episode: Episode,
    /// What was taken.
    done: Done,
    /// What a swap that is to follow can close of what is opened before it, native quote; the highest number without a limit.
    closable: u64,
    /// The markets whose claims were settled or seized.
    markets: Vec<(u16, Ledger)>,
    /// Where the account stands.
    pub standing: Assessment,
    /// The same where slots net.
    netted: Option<Box<Netted>>,
    /// Where it stood before the first of the steps that are judged together.
    start: Stand,
    /// Value of the last takeover.
    notional: u64,
}

impl<'a> Trial<'a> {
    /// Starts with both accounts as they are.
    ///
    /// # Errors
    /// When the account cannot be valued.
    pub fn new(
        outlook: &'a Outlook,
        terms: &'a Terms,
        account: Holdings,
        own: Holdings,
        episode: Episode,
    ) -> Result<Self, RiskError> {
        let view = outlook.view_of(&account.portfolio())?;
        let standing = account.assess(&view)?;
        let netted = netted(&view, &account)?;
        let start = stand(&standing, netted.as_deref());
        Ok(Self {
            outlook,
            view,
            terms,
            account,
            own,
            episode,
            done: Done::default(),
            closable: u64::MAX,
            markets: Vec::new(),
            standing,
            netted,
            start,
            notional: 0,
        })
    }

    /// Whether the account is in portfolio margin, where all that a call takes is judged together.
    pub fn is_netted(&self) -> bool {
        self.netted.is_some()
    }

    /// Refuses, as the program does at the end of a call, what left an account in portfolio margin no better.
    ///
    /// # Errors
    /// [`Obstacle::Harms`].
    pub fn judge(&self) -> Result<(), Obstacle> {
        let Some(netted) = &self.netted else {
            return Ok(());
        };
        let after = Stand::of(netted);
        let is_free = self.done.charged.paid <= u128::from(ROUNDING);
        let is_first = self.done.slots & self.episode.opened_slots == 0;
        let is_its_turn = self.has_waited() && is_first && !self.done.is_sliver;
        let is_accepted = self.start.is_improved_by(&after)
            || is_free && (is_its_turn || self.start.is_improved_apart_by(&after));
        match is_accepted {
            true => Ok(()),
            false => Err(Obstacle::Harms),
        }
    }

    /// Makes ready for moves that go in one call: before a takeover that a swap follows no more may be opened than that can close.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn prepare(&mut self, moves: &[Move]) -> Result<(), Obstacle> {
        let takes = |made: &Move| matches!(made, Move::TakeOver { .. } | Move::Open { .. });
        match moves {
            [first, .., Move::Swap { debt, max_debt, .. }] if takes(first) => {
                self.limit_opening(*debt, *max_debt)
            }
            _ => Ok(()),
        }
    }

    /// The debt that a swap may repay, as the program counts it.
    fn limit_opening(&mut self, debt: Leg, max_debt: u64) -> Result<(), Obstacle> {
        let Leg::Asset(asset) = debt else {
            return Ok(());
        };
        if !self.is_netted() || max_debt == u64::MAX && self.start.footing.value > 0 {
            return Ok(());
        }
        let entry = self.asset_entry(asset)?;
        let owed = match self.account.balance(asset) {
            Some(balance) => balance.native(entry.indices())?.min(0).unsigned_abs(),
            None => 0,
        };
        let worth = scale_floor(signed(max_debt.min(owed))?, entry.price.spot, entry.shift);
        self.closable = u64::try_from(worth).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Whether everything that a move takes has a price of now.
    pub fn is_fresh(&self, made: &Move) -> bool {
        let is_fresh = |market| {
            let price = self.last_price(market);
            price.is_ok_and(|price| self.view.is_fresh(price))
        };
        match *made {
            Move::TakeOver { market, .. } | Move::Open { market, .. } | Move::Hedge { market } => {
                is_fresh(market)
            }
            Move::Swap {
                collateral, debt, ..
            } => [collateral, debt]
                .into_iter()
                .all(|leg| self.is_auctioned(leg) == Ok(false)),
        }
    }

    /// True once LiquidationEnd health is at least zero.
    pub fn is_over(&self) -> bool {
        self.standing.of(END) >= 0
    }

    /// The liquidator's Init health; `None` when it cannot be known.
    pub fn own_init(&self) -> Option<i128> {
        self.outlook.own_init(&self.own.portfolio())
    }

    fn has_waited(&self) -> bool {
        self.episode.secs >= PATIENCE_SECS
    }

    /// Takes over up to `max_lots` of a position.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn take_over(&mut self, market: u16, max_lots: u64) -> Result<Gain, Obstacle> {
        self.take(market, max_lots, false)
    }

    /// Takes over up to `max_lots` of a position, to be followed by what it hedges.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn open(&mut self, market: u16, max_lots: u64) -> Result<Gain, Obstacle> {
        self.take(market, max_lots, true)
    }

    fn take(&mut self, market: u16, max_lots: u64, is_followed: bool) -> Result<Gain, Obstacle> {
        let perp = self.account.perp(market).ok_or(Obstacle::NoSlot)?;
        let is_long = perp.position.0 > 0;
        let Auctioned { entry, most } = self.takeable(perp)?;
        let terms = self.terms.market(market)?;
        let of = &terms.liquidation;
        let target = match self.view.is_fresh(self.last_price(market)?) {
            true => self.target(self.fee(of), of.insurance_share, of.reward_min)?,
            false => self.target(0, 0, 0)?,
        };
        let portion = Portion {
            most: max_lots.min(most),
            dust: terms.dust_lots.unsigned_abs(),
            opened: match self.closable {
                u64::MAX => u64::MAX,
                closable => self.lots_worth(closable, market)?,
            },
            collateral_dust: 0,
            is_followed: is_followed || self.has_waited(),
        };
        let mut slice = self.position_slice(&entry, market, &target, &portion)?;
        let now = self.outlook.unix_time();
        let wanted = slice.top_up.0.unsigned_abs();
        let added = terms
            .insurance
            .add(wanted, of, None, now, &mut self.episode.topped_up);
        slice.top_up = QuoteNative(signed(added)?);
        let slot = self.account.perps.iter().position(|p| p.market == market);
        let held = self.account.perp(market).map_or(0, |p| p.position.abs());
        let charged = Charged {
            paid: slice.penalty.0.unsigned_abs().into(),
            counted: slice.counted,
        };
        self.note_taken(&[slot], charged, is_sliver(slice.lots.abs(), held));
        let perp = self.account.perp_mut(market).ok_or(Obstacle::NoSlot)?;

        let (side, funding) = (Side::closing(perp.position), entry.funding());
        perp.apply_fill(side, slice.lots, slice.notional, slice.penalty, funding)?;
        let cost = slice
            .insurance
            .checked_sub(slice.penalty)?
            .checked_sub(slice.top_up)?;
        let own = self.own.open_perp(market).ok_or(Obstacle::NoSlot)?;
        let before = own.position.abs();
        own.apply_fill(side.opposite(), slice.lots, slice.notional, cost, funding)?;
        let grown = to_i64(i128::from(own.position.abs()) - i128::from(before))?;
        self.reassess(self.is_last(market)?)?;
        self.notional = slice.notional.0.unsigned_abs();
        let taken = match is_long {
            true => slice.lots.0,
            false => slice.lots.0.saturating_neg(),
        };
        let value = |price| scale_floor(taken, price, entry.shift);
        let worth = worth(&self.view, self.last_price(market)?, is_long);
        let better = value(worth) - value(entry.price.spot);
        Ok(Gain {
            reward: better - i128::from(cost.0),
            position: scale_floor(grown, entry.price.spot, entry.shift),
            tokens: 0,
            amount: slice.lots.abs(),
        })
    }

    /// Takes over as much in value of another position as the last takeover did.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn take_over_hedge(&mut self, market: u16) -> Result<Gain, Obstacle> {
        let lots = self.lots_worth(self.notional, market)?;
        self.take_over(market, lots)
    }

    /// Lots of a market worth native quote, rounded up.
    fn lots_worth(&self, quote: u64, market: u16) -> Result<u64, Obstacle> {
        let entry = self.outlook.risk().market(market);
        let entry = entry.map_err(|_| Obstacle::NotPriced)?;
        let mantissa = u128::from(quote) << entry.shift;
        let lots = mantissa.div_ceil(u128::from(entry.price.spot.max(1)));
        Ok(u64::try_from(lots).unwrap_or(u64::MAX))
    }

    /// Repays up to `max_debt` native units of a debt and takes collateral for it. Claims are settled first; where that
    /// leaves nothing to swap, the gain is zero.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn swap(&mut self, collateral: Leg, debt: Leg, max_debt: u64) -> Result<Gain, Obstacle> {
        let mut settled = false;
        for leg in [collateral, debt] {
            if let Leg::Claim(market) = leg {
                settled |= self.settle_claim(market)?;
            }
        }
        let (given_terms, collateral_dust, insurance) = self.terms_of(collateral)?;
        let (taken_terms, dust, _) = self.terms_of(debt)?;
        // A loss is owed in quote, which costs no bonus of its own.
        let fee = match debt {
            Leg::Asset(_) => self.fee(&given_terms).max(self.fee(&taken_terms)),
            Leg::Claim(_) => self.fee(&given_terms),
        };
        let reward_min = given_terms.reward_min.min(taken_terms.reward_min);
        let target = match self.is_auctioned(collateral)? || self.is_auctioned(debt)? {
            true => self.target(0, 0, 0)?,
            false => self.target(fee, given_terms.insurance_share, reward_min)?,
        };
        let portion = Portion {
            most: max_debt,
            dust,
            opened: u64::MAX,
            collateral_dust,
            is_followed: self.has_waited(),
        };
        let slice = match self.swap_slice(collateral, debt, &target, &portion) {
            Err(Obstacle::Risk(RiskError::NothingToLiquidate)) if settled => {
                self.account.release();
                return Ok(Gain::default());
            }
            slice => slice?,
        };
        let now = self.outlook.unix_time();
        let entry = match collateral {
            Leg::Asset(asset) => Some(self.asset_entry(asset)?),
            Leg::Claim(_) => None,
        };
        let paid_before = &mut self.episode.topped_up;
        let top_up = insurance.add(slice.top_up, &given_terms, entry, now, paid_before);
        let is_sliver = is_sliver(slice.debt, self.amount(debt)?)
            && is_sliver(slice.collateral, self.amount(collateral)?);
        let slots = [collateral, debt].map(|leg| self.slot_of(leg));
        self.note_taken(&slots, slice.charged(), is_sliver);
        let is_auctioned = self.is_auctioned(collateral)? || self.is_auctioned(debt)?;
        let paid = self.repay(debt, slice.debt)?;
        let received = slice.collateral.saturating_sub(slice.insurance);
        let received = received.saturating_add(top_up);
        let got = self.seize(collateral, slice.collateral, received)?;
        self.reassess(is_auctioned)?;
        let tokens = |leg, value| match leg {
            Leg::Asset(1..) => value,
            _ => 0,
        };
        Ok(Gain {
            reward: got - paid,
            position: 0,
            tokens: tokens(collateral, got) + tokens(debt, paid),
            amount: slice.debt,
        })
    }

    fn fee(&self, terms: &LiquidationTerms) -> u32 {
        ramped_fee(terms, self.episode.secs)
    }

    fn target(&self, fee: u32, insurance_share: u32, reward_min: u32) -> Result<Target, RiskError> {
        Ok(Target {
            standing: footing(&self.standing, self.netted.as_deref()),
            from: self.start.footing.without_loss(self.episode.opened_loss),
            fee,
            charged: self.done.charged,
            allowance: self.episode.fee_allowance.into(),
            insurance_share,
            reward_min,
        })
    }

    /// Notes what was taken, and for which fee.
    fn note_taken(&mut self, slots: &[Option<usize>], charged: Charged, is_sliver: bool) {
        for slot in slots.iter().flatten() {
            let bit = u32::try_from(*slot).ok();
            self.done.slots |= bit.and_then(|bit| 1u32.checked_shl(bit)).unwrap_or(0);
        }
        self.done.charged = self.done.charged.and(charged);
        self.done.is_sliver |= is_sliver;
        let fee = u64::try_from(charged.paid).unwrap_or(u64::MAX);
        self.episode.fee_allowance = self.episode.fee_allowance.saturating_sub(fee);
    }

    /// A leg's slot: positions first, then balances.
    fn slot_of(&self, leg: Leg) -> Option<usize> {
        let (perps, balances) = (&self.account.perps, &self.account.balances);
        match leg {
            Leg::Claim(market) => perps.iter().position(|p| p.market == market),
            Leg::Asset(asset) => {
                let slot = balances.iter().position(|b| b.asset == asset);
                slot.map(|slot| slot + perps.len())
            }
        }
    }

    /// Measures anew, and refuses a step that left the account worse off, unless that is judged later; an auction's discount may
    /// take of equity what it has to.
    fn reassess(&mut self, is_auctioned: bool) -> Result<(), Obstacle> {
        let before = footing(&self.standing, None);
        self.standing = self.account.assess(&self.view)?;
        let after = footing(&self.standing, None);
        let harms = match is_auctioned {
            true => after.health() < before.health(),
            false => !before.is_kept_by(&after, ROUNDING),
        };
        self.netted = netted(&self.view, &self.account)?;
        self.account.release();
        self.own.release();
        match harms && !self.is_netted() {
            true => Err(Obstacle::Harms),
            false => Ok(()),
        }
    }

    /// Pays a claim out of the market's pool, or a loss out of the quote deposit, as far as either goes. What follows
    /// is measured against health after it.
    fn settle_claim(&mut self, market: u16) -> Result<bool, Obstacle> {
        self.claim(market)?;
        let entry = self.outlook.risk().market(market);
        let entry = *entry.map_err(|_| Obstacle::NotPriced)?;
        let mut ledger = self.ledger(market)?;
        let perp = self.account.perp_mut(market).ok_or(Obstacle::NoSlot)?;
        // What it gives up for a shortfall is taken first: it counted as owed already. So did interest on a loss.
        ledger.add_claim(perp, 0)?;
        perp.settle_funding(entry.funding())?;
        let claim = perp.quote.0;
        let payable = match claim >= 0 {
            true => {
                let is_payable = self.outlook.is_payable(&entry.price);
                ledger.payable(perp, claim, &moment(&entry), is_payable)?
            }
            false => 0,
        };
        let indices = self.asset_entry(0)?.indices();
        let quote = self.account.open_balance(0).ok_or(Obstacle::NoSlot)?;
        let limit = match claim >= 0 {
            true => payable,
            false => quote.native(indices)?.max(0).unsigned_abs(),
        };
        let amount = claim.unsigned_abs().min(limit);
        if amount == 0 {
            self.keep(market, ledger);
            return Ok(false);
        }
        let paid = match claim >= 0 {
            true => quote.credit(amount, indices).map(|_| signed(amount))?,
            false => quote
                .debit(amount, indices)
                .map(|_| signed(amount).map(i64::saturating_neg))?,
        };
        let perp = self.account.perp_mut(market).ok_or(Obstacle::NoSlot)?;
        ledger.pay(perp, paid?)?;
        self.keep(market, ledger);
        let before = stand(&self.standing, self.netted.as_deref());
        self.standing = self.account.assess(&self.view)?;
        self.netted = netted(&self.view, &self.account)?;
        let now = stand(&self.standing, self.netted.as_deref());
        self.start = self.start.moved(&before, &now)?;
        Ok(true)
    }

    /// A market's ledger as the steps have left it.
    fn ledger(&self, market: u16) -> Result<Ledger, Obstacle> {
        let known = self.markets.iter().find(|(index, _)| *index == market);
        match known {
            Some((_, ledger)) => Ok(*ledger),
            None => Ok(Ledger::of(
                &self.terms.market(market)?,
                self.outlook.unix_time(),
            )),
        }
    }

    fn keep(&mut self, market: u16, ledger: Ledger) {
        self.markets.retain(|(index, _)| *index != market);
        self.markets.push((market, ledger));
    }

    /// Native units of a leg, owned or owed.
    fn amount(&self, leg: Leg) -> Result<u64, Obstacle> {
        match leg {
            Leg::Claim(market) => Ok(self.claim(market)?.unsigned_abs()),
            Leg::Asset(asset) => {
                let indices = self.asset_entry(asset)?.indices();
                let balance = self.account.balance(asset).ok_or(Obstacle::NoSlot)?;
                Ok(balance.native(indices)?.unsigned_abs())
            }
        }
    }

    /// Whether a position's price is the last one that is known, at which it is auctioned.
    fn is_last(&self, market: u16) -> Result<bool, Obstacle> {
        Ok(!self.view.is_fresh(self.last_price(market)?))
    }

    fn claim(&self, market: u16) -> Result<i64, Obstacle> {
        let perp = self.account.perp(market).ok_or(Obstacle::NoSlot)?;
        match perp.position.is_zero() {
            true => Ok(perp.quote.0),
            false => Err(RiskError::NothingToLiquidate.into()),
        }
    }

    /// The liquidator's balance pays the debt, in kind or in quote; the value of that.
    fn repay(&mut self, debt: Leg, amount: u64) -> Result<i128, Obstacle> {
        let asset = match debt {
            Leg::Asset(asset) => asset,
            Leg::Claim(_) => 0,
        };
        let entry = self.asset_entry(asset)?;
        match debt {
            Leg::Asset(asset) => {
                let owed = self.account.open_balance(asset).ok_or(Obstacle::NoSlot)?;
                owed.credit(amount, entry.indices())?;
            }
            Leg::Claim(market) => {
                let mut ledger = self.ledger(market)?;
                let perp = self.account.perp_mut(market).ok_or(Obstacle::NoSlot)?;
                ledger.receive(perp, amount)?;
                self.keep(market, ledger);
            }
        }
        let own = self.own.open_balance(asset).ok_or(Obstacle::NoSlot)?;
        own.debit(amount, entry.indices())?;
        self.value(entry, amount, false)
    }

    /// The collateral goes to the liquidator, less what insurance keeps; the value of what it receives.
    fn seize(&mut self, collateral: Leg, amount: u64, received: u64) -> Result<i128, Obstacle> {
        match collateral {
            Leg::Asset(asset) => {
                let entry = self.asset_entry(asset)?;
                let held = self.account.open_balance(asset).ok_or(Obstacle::NoSlot)?;
                held.debit(amount, entry.indices())?;
                let own = self.own.open_balance(asset).ok_or(Obstacle::NoSlot)?;
                own.credit(received, entry.indices())?;
                self.value(entry, received, true)
            }
            Leg::Claim(market) => {
                let mut ledger = self.ledger(market)?;
                let perp = self.account.perp_mut(market).ok_or(Obstacle::NoSlot)?;
                let own = self.own.open_perp(market).ok_or(Obstacle::NoSlot)?;
                ledger.seize(perp, own, amount, received)?;
                self.keep(market, ledger);
                Ok(i128::from(received))
            }
        }
    }
}

/// The sums of an account in portfolio margin; none in standard margin.
fn netted(view: &RiskView<'_>, account: &Holdings) -> Result<Option<Box<Netted>>, RiskError> {
    let portfolio = account.portfolio();
    if portfolio.mode == MarginMode::Standard {
        return Ok(None);
    }
    let mut netted = Box::new(Netted::new());
    netted.assess(view, &portfolio)?;
    Ok(Some(netted))
}

/// Everything that a change is judged by.
fn stand(standing: &Assessment, netted: Option<&Netted>) -> Stand {
    match netted {
        Some(netted) => Stand::of(netted),
        None => Stand {
            footing: footing(standing, None),
            apart: footing(standing, None),
            equity: standing.equity,
        },
    }
}

/// Both sides of LiquidationEnd health, as the program takes them.
fn footing(standing: &Assessment, netted: Option<&Netted>) -> Footing {
    match netted {
        Some(netted) => netted.end(),
        None => Footing {
            value: standing.equity,
            requirement: standing.equity.saturating_sub(standing.of(END)),
        },
    }
}

fn signed(amount: u64) -> Result<i64, Obstacle> {
    i64::try_from(amount).map_err(|_| Obstacle::Risk(RiskError::Overflow))
}
