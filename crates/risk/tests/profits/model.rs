//! A market in small: what the program does to its sums, its pool and its slots, with money that may run out.

use plimsoll_risk::fixed::{scale_floor, Result};
use plimsoll_risk::position::{FundingIndices, OpenInterestChange, PerpPosition, Side};
use plimsoll_risk::profits::{profit_at, Covering, Moment, ProfitLedger};
use plimsoll_risk::units::{BaseLots, QuoteNative};

/// Binary places of the prices.
pub const SHIFT: u8 = 4;

/// One thing that somebody does.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// `who` buys (`lots` > 0) from or sells to `other`, at spot plus a part of it in thousandths.
    Trade {
        who: usize,
        other: usize,
        lots: i64,
        off: i64,
    },
    /// Spot moves to so many thousandths of itself, the stable price half of the way.
    Move { thousandths: u64 },
    /// Both funding indices move.
    Fund { by: i64 },
    /// `settle_pnl`.
    Settle { who: usize },
    /// `mark_profits` of one account, which opens an epoch where there is something to share.
    Mark { who: usize },
    /// Whoever has lost more than it has is taken over by `other` at spot, and resolved.
    Resolve { who: usize, other: usize },
    /// Everybody is marked and the epoch closed.
    Share,
    /// `share_shortfall`, as soon as it is let.
    Close,
}

/// A market, its slots and their owners' deposits.
#[derive(Clone, Debug)]
pub struct World {
    pub ledger: ProfitLedger,
    pub interest: [i64; 2],
    pub funding: FundingIndices,
    pub pool: u64,
    pub spot: u64,
    pub stable: u64,
    pub when: Covering,
    pub slots: Vec<PerpPosition>,
    pub deposits: Vec<u64>,
    /// Changes of slots so far: each may round a unit away.
    pub changes: u64,
}

impl World {
    pub fn new(deposits: &[u64], spot: u64, floor: u64) -> Self {
        Self {
            ledger: ProfitLedger::default(),
            interest: [0; 2],
            funding: FundingIndices::default(),
            pool: 0,
            spot: spot << SHIFT,
            stable: spot << SHIFT,
            when: Covering {
                floor,
                delay_secs: 0,
                now: 0,
            },
            slots: vec![PerpPosition::of(0); deposits.len()],
            deposits: deposits.to_vec(),
            changes: 0,
        }
    }

    pub fn moment(&self) -> Moment {
        Moment {
            spot: self.spot,
            stable: self.stable,
            shift: SHIFT,
        }
    }

    /// `Market::change`.
    pub fn change(
        &mut self,
        who: usize,
        change: impl FnOnce(&mut PerpPosition, FundingIndices) -> Result<OpenInterestChange>,
    ) -> Result<()> {
        self.changes += 1;
        let perp = &mut self.slots[who];
        self.ledger.prepare(perp)?;
        self.ledger.count(perp, -1)?;
        let interest = change(perp, self.funding)?;
        self.ledger.count(perp, 1)?;
        self.interest[0] += interest.long;
        self.interest[1] += interest.short;
        if perp.position.is_zero() && !perp.share.is_none() {
            self.ledger.cut(perp)?;
        }
        Ok(())
    }

    /// `profits::settle_funding`.
    pub fn settle_funding(&mut self, who: usize) -> Result<()> {
        self.change(who, |perp, funding| {
            perp.settle_funding(funding)?;
            Ok(OpenInterestChange::default())
        })
    }

    fn add_claim(&mut self, who: usize, amount: i64) -> Result<()> {
        self.change(who, |perp, _| {
            perp.quote = perp.quote.checked_add(QuoteNative(amount))?;
            Ok(OpenInterestChange::default())
        })
    }

    pub fn cover(&mut self) -> Result<()> {
        let at = self.moment();
        self.ledger
            .cover_from(self.pool, self.interest, &at, &self.when)
            .map(drop)
    }

    fn release(&mut self, who: usize) {
        if self.slots[who].is_closed() {
            self.slots[who] = PerpPosition::of(0);
        }
    }

    /// A trade at a price's mantissa.
    pub fn trade(&mut self, who: usize, other: usize, lots: i64, price: u64) -> Result<()> {
        if who == other || lots == 0 {
            return Ok(());
        }
        let (buyer, seller) = if lots > 0 { (who, other) } else { (other, who) };
        let lots = lots.abs();
        let notional = QuoteNative(i64::try_from(scale_floor(lots, price, SHIFT)).unwrap());
        for (who, side) in [(buyer, Side::Bid), (seller, Side::Ask)] {
            self.change(who, |perp, funding| {
                perp.apply_fill(side, BaseLots(lots), notional, QuoteNative(0), funding)
            })?;
            self.release(who);
        }
        Ok(())
    }

    /// What a slot's settled claim comes to, as far as spot and stable price both show it.
    pub fn settleable(&self, who: usize) -> i128 {
        let perp = &self.slots[who];
        let at = |price| i128::from(perp.quote.0) + scale_floor(perp.position.0, price, SHIFT);
        let pnl = at(self.spot);
        match pnl {
            _ if perp.position.is_zero() => pnl,
            0.. => pnl.min(at(self.stable)).max(0),
            _ => pnl.max(at(self.stable)).min(0),
        }
    }

    /// `profits::mark`: what is reserved is for all profits that are known to be there now.
    fn mark_at(&mut self, who: usize, profit: u64) -> Result<()> {
        if !self.ledger.is_open() {
            let at = self.moment();
            self.ledger.note_unmarked(self.interest, &at)?;
        }
        self.ledger
            .mark_in_time(&mut self.slots[who], profit, &self.when)
    }

    pub fn settle(&mut self, who: usize) -> Result<()> {
        self.settle_funding(who)?;
        let pnl = self.settleable(who);
        self.mark_at(who, pnl.max(0) as u64)?;
        if pnl > 0 {
            self.cover()?;
            self.ledger.harvest(&mut self.slots[who])?;
            let payable = ProfitLedger::payable(self.pool, self.interest, &self.moment());
            let amount = (pnl as u64).min(self.slots[who].share.covered).min(payable);
            self.ledger.pay(&mut self.slots[who], amount)?;
            self.add_claim(who, -(amount as i64))?;
            self.pool -= amount;
            self.deposits[who] += amount;
        } else {
            let amount = self.deposits[who].min(pnl.unsigned_abs() as u64);
            self.add_claim(who, amount as i64)?;
            self.pool += amount;
            self.deposits[who] -= amount;
        }
        self.release(who);
        Ok(())
    }

    /// `mark_profits` of one account.
    pub fn mark(&mut self, who: usize) -> Result<()> {
        self.open()?;
        self.settle_funding(who)?;
        if !self.ledger.is_marked_now(&self.slots[who]) {
            let profit = self.settleable(who).max(0) as u64;
            self.mark_at(who, profit)?;
        }
        self.release(who);
        self.cover()
    }

    /// `Market::open_epoch`.
    pub fn open(&mut self) -> Result<()> {
        // As if the stable price had followed.
        let at = Moment {
            stable: self.spot,
            ..self.moment()
        };
        if !self.ledger.may_open(self.when.floor, &at) {
            return Ok(());
        }
        self.ledger.open(&at, self.funding, self.interest, 0)
    }

    pub fn mark_all(&mut self) -> Result<()> {
        (0..self.slots.len()).try_for_each(|who| self.mark(who))
    }

    /// A takeover at spot and the end of whoever has nothing left; nothing for everybody else.
    pub fn resolve(&mut self, who: usize, other: usize) -> Result<()> {
        self.settle_funding(who)?;
        let worth = self.value(who);
        if who == other || worth >= 0 || worth.unsigned_abs() <= u128::from(self.deposits[who]) {
            return Ok(());
        }
        let lots = self.slots[who].position.0;
        self.trade(other, who, lots, self.spot)?;
        self.settle(who)?;
        let left = self.slots[who].quote.0;
        if left < 0 {
            self.ledger.shortfall += left.unsigned_abs();
            self.add_claim(who, -left)?;
            self.release(who);
        }
        Ok(())
    }

    /// Profit or loss at spot, funding and what is given up counted.
    pub fn value(&self, who: usize) -> i128 {
        let perp = &self.slots[who];
        i128::from(perp.quote.0)
            - perp.funding_due(self.funding).unwrap()
            - i128::from(self.ledger.haircuts.due(&perp.share))
            + scale_floor(perp.position.0, self.spot, SHIFT)
    }

    /// What an owner has in all.
    pub fn wealth(&self, who: usize) -> i128 {
        self.value(who) + i128::from(self.deposits[who])
    }

    /// Profits as the next epoch would find them.
    pub fn profits(&self) -> Vec<u64> {
        let profit = |perp: &PerpPosition| {
            let due = perp.funding_due(self.funding).unwrap()
                + i128::from(self.ledger.haircuts.due(&perp.share));
            profit_at(perp, due, self.spot, SHIFT)
        };
        self.slots.iter().map(profit).collect()
    }

    pub fn act(&mut self, act: Act) -> Result<()> {
        match act {
            Act::Trade {
                who,
                other,
                lots,
                off,
            } => {
                let price = self.spot as i64 * (1_000 + off) / 1_000;
                self.trade(who, other, lots, price as u64)
            }
            Act::Move { thousandths } => {
                let spot = self.spot * thousandths / 1_000;
                self.spot = spot.clamp(1 << SHIFT, 1 << 30);
                self.stable = (self.stable + self.spot) / 2;
                Ok(())
            }
            Act::Fund { by } => {
                self.funding.long += by;
                self.funding.short += by;
                Ok(())
            }
            Act::Settle { who } => self.settle(who),
            Act::Mark { who } => self.mark(who),
            Act::Resolve { who, other } => self.resolve(who, other),
            Act::Share => {
                self.mark_all()?;
                self.close_if_complete()
            }
            Act::Close => self.close_if_complete(),
        }
    }

    fn close_if_complete(&mut self) -> Result<()> {
        if self.ledger.is_complete(0) {
            self.ledger.close(0)?;
        }
        Ok(())
    }

    /// What must hold after everything that anybody does.
    pub fn check(&self) {
        let ledger = &self.ledger;
        let claims: i128 = self
            .slots
            .iter()
            .map(|perp| i128::from(perp.quote.0) - perp.funding_due(self.funding).unwrap())
            .sum();
        let backed = i128::from(self.pool) + i128::from(ledger.missing());
        let most = i128::from(self.changes) + self.slots.len() as i128;
        assert!(claims <= backed, "{claims} claimed of {backed}");
        assert!(backed - claims <= most, "{backed} for {claims}");

        let sum = |of: &dyn Fn(&PerpPosition) -> i128| self.slots.iter().map(of).sum::<i128>();
        let covered = sum(&|perp| i128::from(perp.share.harvest(ledger).covered));
        assert!(
            covered <= i128::from(ledger.covered),
            "{covered} covered of {}",
            ledger.covered
        );
        let uncovered = sum(&|perp| i128::from(perp.share.harvest(ledger).uncovered));
        // Each slot rounds up by less than a unit until it is touched.
        let least = i128::from(ledger.uncovered) + self.slots.len() as i128;
        assert!(uncovered <= least, "{uncovered} uncovered of {least}");
        assert!(
            ledger.set_aside() <= self.pool,
            "{} set aside of {}",
            ledger.set_aside(),
            self.pool
        );
        let quote = |of: &dyn Fn(&PerpPosition) -> bool| {
            sum(&|perp| {
                if of(perp) {
                    i128::from(perp.quote.0)
                } else {
                    0
                }
            })
        };
        let bare = quote(&|perp| perp.position.0 == 0 && perp.quote.0 > 0);
        assert_eq!(bare, i128::from(ledger.claims));
        assert_eq!(
            quote(&|perp| perp.position.0 > 0),
            i128::from(ledger.long_quote)
        );
        assert_eq!(
            quote(&|perp| perp.position.0 < 0),
            i128::from(ledger.short_quote)
        );
        let long = sum(&|perp| i128::from(perp.position.0.max(0)));
        assert_eq!([long; 2], self.interest.map(i128::from));
    }
}
