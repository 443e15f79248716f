//! A market that runs a history: takeovers, losses collected, winners who leave. Who bears what is its rule's.

use anyhow::{Context as _, Result};
use plimsoll_risk::position::{FundingIndices, PerpPosition, Side};
use plimsoll_risk::profits::{Moment, ProfitLedger};
use plimsoll_risk::units::{BaseLots, QuoteNative};

use super::history::{History, STEP_SECS};
use super::rules::Rule;
use crate::random::Random;

/// Part of a position's value below which an account is liquidated.
const MAINTENANCE: f64 = 0.025;
/// Seconds in which the stable price makes up for 1 − 1/e of its distance.
const STABLE_SECS: f64 = 600.0;

/// A trader and what has become of it.
#[derive(Clone, Debug)]
pub struct Trader {
    /// Its slot.
    pub perp: PerpPosition,
    /// Its quote balance, native.
    pub deposit: u64,
    /// Whether it won, and is measured.
    pub is_winner: bool,
    /// Whether it entered at the price that most did.
    pub is_usual: bool,
    /// Step in which it closed or was closed.
    pub left: Option<usize>,
    /// Profit that was paid to it.
    pub paid: u64,
    /// Amount × steps that it waited for it.
    pub waited: f64,
    /// What it gave up for others' losses.
    pub given_up: u64,
    /// What of that exceeded its profit of then.
    pub principal: u64,
    lots: i64,
    enters: usize,
    leaves: usize,
    lag: usize,
    endangered: Option<usize>,
}

/// A market under a rule. The last trader takes over what others close; it is rich, and not measured.
#[derive(Clone, Debug)]
pub struct Market {
    /// Who is paid how much, where the rule is the program's; the sums of claims elsewhere.
    pub ledger: ProfitLedger,
    /// Collected losses.
    pub pool: u64,
    /// What insurance may still pay.
    pub insurance: u64,
    /// What it paid.
    pub insured: u64,
    /// Losses that neither losers nor insurance could pay.
    pub uncollectable: u64,
    /// Everybody.
    pub traders: Vec<Trader>,
    pub(super) rule: Rule,
    pub(super) interest: [i64; 2],
    pub(super) spot: u64,
    pub(super) stable: u64,
    pub(super) step: usize,
    random: Random,
}

impl Market {
    /// Everybody has entered, nothing has happened.
    ///
    /// # Errors
    /// On an overflow.
    pub fn open(history: &History, rule: Rule) -> Result<Self> {
        let start = *history.prices.first().context("no prices")?;
        let mut market = Self {
            ledger: ProfitLedger::default(),
            pool: 0,
            insurance: history.insurance,
            insured: 0,
            uncollectable: 0,
            traders: Vec::new(),
            rule,
            interest: [0; 2],
            spot: start,
            stable: start,
            step: 0,
            random: Random::new(history.seed),
        };
        let nobody = Trader {
            perp: PerpPosition::of(0),
            deposit: 1 << 52,
            is_winner: false,
            is_usual: false,
            left: None,
            paid: 0,
            waited: 0.0,
            given_up: 0,
            principal: 0,
            lots: 0,
            enters: usize::MAX,
            leaves: usize::MAX,
            lag: 0,
            endangered: None,
        };
        market.traders = history
            .plans
            .iter()
            .map(|plan| Trader {
                deposit: plan.deposit,
                is_winner: plan.lots < 0,
                is_usual: plan.is_usual,
                lots: plan.lots,
                enters: plan.enters,
                leaves: plan.leaves,
                lag: plan.lag,
                ..nobody.clone()
            })
            .collect();
        market.traders.push(nobody);
        for (who, plan) in history.plans.iter().enumerate() {
            if plan.enters == 0 {
                market.trade(who, plan.lots, plan.entry)?;
            }
        }
        Ok(market)
    }

    /// Who takes over.
    pub(super) fn taker(&self) -> usize {
        self.traders.len() - 1
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            spot: self.spot,
            stable: self.stable,
            shift: 0,
        }
    }

    /// Profit or loss at a price, what it still gives up counted.
    pub(super) fn worth(&self, who: usize, price: u64) -> i64 {
        let perp = &self.traders[who].perp;
        let owed = self.ledger.haircuts.due(&perp.share) as i64;
        perp.quote.0 - owed + perp.position.0 * price as i64
    }

    /// Changes a slot as the program does, and counts what it gives up on the way.
    pub(super) fn change(
        &mut self,
        who: usize,
        change: impl FnOnce(&mut PerpPosition) -> Result<[i64; 2]>,
    ) -> Result<()> {
        let owed = self.ledger.haircuts.due(&self.traders[who].perp.share);
        if owed > 0 {
            let profit = self.worth(who, self.spot) + owed as i64;
            self.give_up(who, owed, profit);
        }
        let perp = &mut self.traders[who].perp;
        self.ledger.prepare(perp)?;
        self.ledger.count(perp, -1)?;
        let [long, short] = change(perp)?;
        self.ledger.count(perp, 1)?;
        self.interest = [self.interest[0] + long, self.interest[1] + short];
        let is_marked = self.rule == Rule::Shared && perp.position.is_zero();
        if is_marked && (perp.quote.0 > 0 || !perp.share.is_none()) {
            let claim = perp.quote.0.max(0).unsigned_abs();
            self.ledger.mark(perp, claim)?;
        }
        Ok(())
    }

    /// Writes down what somebody gives up, with its profit of then.
    pub(super) fn give_up(&mut self, who: usize, amount: u64, profit: i64) {
        let trader = &mut self.traders[who];
        trader.given_up += amount;
        trader.principal += amount.saturating_sub(profit.max(0).unsigned_abs());
    }

    pub(super) fn add_claim(&mut self, who: usize, amount: i64) -> Result<()> {
        self.change(who, |perp| {
            perp.quote = perp.quote.checked_add(QuoteNative(amount))?;
            Ok([0; 2])
        })
    }

    /// Buys or sells (negative lots) from whoever takes over, at a price.
    pub(super) fn trade(&mut self, who: usize, lots: i64, price: u64) -> Result<()> {
        self.trade_with(who, self.taker(), lots, price)
    }

    pub(super) fn trade_with(
        &mut self,
        who: usize,
        other: usize,
        lots: i64,
        price: u64,
    ) -> Result<()> {
        let notional = QuoteNative(lots.abs() * price as i64);
        for (who, lots) in [(who, lots), (other, -lots)] {
            if lots == 0 {
                continue;
            }
            let side = if lots > 0 { Side::Bid } else { Side::Ask };
            self.change(who, |perp| {
                let change = perp.apply_fill(
                    side,
                    BaseLots(lots.abs()),
                    notional,
                    QuoteNative::ZERO,
                    FundingIndices::default(),
                )?;
                Ok([change.long, change.short])
            })?;
            let (step, trader) = (self.step, &mut self.traders[who]);
            if trader.perp.position.is_zero() {
                trader.left = trader.left.or(Some(step));
            }
        }
        Ok(())
    }

    /// Ten seconds.
    ///
    /// # Errors
    /// On an overflow.
    pub fn step(&mut self, history: &History, step: usize) -> Result<()> {
        self.step = step;
        self.spot = *history.prices.get(step).context("no price")?;
        let follows = 1.0 - (-(STEP_SECS as f64) / STABLE_SECS).exp();
        let distance = self.spot as f64 - self.stable as f64;
        self.stable = (self.stable as f64 + follows * distance) as u64;
        self.liquidate()?;
        for who in 0..self.traders.len() {
            // Keepers collect a loss within minutes, and from whoever takes over at once.
            if who == self.taker() || self.random.below(20) == 0 {
                self.collect(who)?;
            }
            if step > 0 && self.traders[who].enters == step {
                let lots = self.traders[who].lots;
                self.trade(who, lots, self.spot)?;
            }
            if self.traders[who].leaves == step {
                let lots = self.traders[who].perp.position.0;
                self.trade(who, -lots, self.spot)?;
            }
        }
        self.tend()?;
        self.pay_all()
    }

    /// Takes over accounts that have been below maintenance for their lag.
    fn liquidate(&mut self) -> Result<()> {
        for who in 0..self.taker() {
            let trader = &self.traders[who];
            let lots = trader.perp.position.0;
            let equity = self.worth(who, self.spot) + trader.deposit as i64;
            let least = MAINTENANCE * lots.abs() as f64 * self.spot as f64;
            if lots == 0 || equity as f64 >= least {
                self.traders[who].endangered = None;
                continue;
            }
            let since = *self.traders[who].endangered.get_or_insert(self.step);
            if self.step < since + self.traders[who].lag {
                continue;
            }
            if equity < 0 {
                self.resolve(who, equity.unsigned_abs())?;
            } else {
                self.trade(who, -lots, self.spot)?;
            }
        }
        Ok(())
    }

    /// Insurance pays what it may of a loss; returns the rest.
    pub(super) fn insure(&mut self, loss: u64) -> u64 {
        let paid = loss.min(self.insurance);
        self.insurance -= paid;
        self.insured += paid;
        loss - paid
    }

    /// Collects what an account has of its loss.
    pub(super) fn collect(&mut self, who: usize) -> Result<()> {
        let loss = (-self.worth(who, self.spot)).max(0).unsigned_abs();
        let amount = loss.min(self.traders[who].deposit);
        if amount > 0 {
            self.add_claim(who, amount as i64)?;
            self.pool += amount;
            self.traders[who].deposit -= amount;
        }
        Ok(())
    }

    /// Pays those who have left, in the order in which they did.
    fn pay_all(&mut self) -> Result<()> {
        let mut queue: Vec<(usize, usize)> = self
            .traders
            .iter()
            .enumerate()
            .filter(|(_, trader)| trader.perp.position.is_zero() && trader.perp.quote.0 > 0)
            .filter_map(|(who, trader)| Some((trader.left?, who)))
            .collect();
        queue.sort_unstable();
        for (left, who) in queue {
            let amount = self.payment(who)?;
            if amount == 0 {
                continue;
            }
            self.add_claim(who, -(amount as i64))?;
            self.pool = self.pool.checked_sub(amount).context("the pool is short")?;
            let trader = &mut self.traders[who];
            trader.deposit += amount;
            trader.paid += amount;
            trader.waited += amount as f64 * (self.step - left) as f64;
        }
        Ok(())
    }

    /// Everybody has closed; what losers have is collected, and what winners were not paid is lost to them.
    ///
    /// # Errors
    /// On an overflow.
    pub fn finish(&mut self) -> Result<()> {
        for who in 0..self.traders.len() {
            let lots = self.traders[who].perp.position.0;
            if who != self.taker() {
                self.trade(who, -lots, self.spot)?;
            }
            self.collect(who)?;
        }
        for _ in 0..60 {
            self.step += 1;
            self.tend()?;
            self.pay_all()?;
        }
        for who in 0..self.taker() {
            let claim = self.traders[who].perp.quote.0;
            if claim > 0 {
                self.give_up(who, claim.unsigned_abs(), claim);
            }
        }
        Ok(())
    }
}
