//! What to do about one account: the most profitable next step, sized by the liquidator's own means, with all that has
//! to go before it. Pure: the program decides anew what a call comes to.
mod bankruptcy;
mod holdings;
mod search;
mod terms;
#[cfg(test)]
mod tests;
mod trial;

pub use holdings::Holdings;
pub use search::{Limits, Move, Sized};
pub use terms::{AssetTerms, Episode, Insurance, Leg, MarketTerms, Obstacle, Terms};
pub use trial::{Gain, Trial};

pub use super::outlook::Due;

use anchor_lang::prelude::Pubkey;
use plimsoll::{health::portfolio, state::MarginAccount};
use plimsoll_client::rpc::{Entries, Freshness};
use plimsoll_risk::{
    fixed::scale_ceil, liquidation::Observation, Assessment, EntryPrice, HealthKind,
};

use super::{
    outlook::{Flag, Outlook},
    valuation::{need, Need},
};

/// Everything that a plan follows from.
pub struct Situation<'a> {
    pub outlook: &'a Outlook,
    pub terms: &'a Terms,
    pub limits: &'a Limits,
    /// Who is to be liquidated.
    pub address: Pubkey,
    pub account: &'a MarginAccount,
    /// The liquidator's own account.
    pub own: &'a MarginAccount,
    /// The accounts for which something waits in a market's fill queue, in order.
    pub waiting: &'a dyn Fn(u16) -> Vec<Pubkey>,
}

/// What a call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Cancel orders in these markets and make these moves, at most a takeover and then a swap; with neither, the
    /// account is flagged, or cleared when it has recovered.
    Liquidate {
        cancel_in: Vec<u16>,
        moves: Vec<Move>,
    },
    /// Have a debt of a bankrupt account borne by insurance and those behind it; of an asset, repay at most so many
    /// native units for what insurance pays. The account's deposits of some assets, dust out of reach, are forfeited first.
    Resolve {
        debt: Leg,
        max_repay: u64,
        dust: Vec<u16>,
    },
}

/// How long a call may take to land, seconds.
const LANDING_SECS: i64 = 60;

/// A planned call.
#[derive(Clone, Debug)]
pub struct Plan {
    pub address: Pubkey,
    /// What waits in queues and has to be settled: of which accounts, by market. A liquidation settles its account itself.
    pub settle: Vec<(u16, Vec<Pubkey>)>,
    pub step: Step,
    /// Feeds to refresh for it, the one with the oldest price first.
    pub refresh: Vec<Due>,
    /// Value received less value given, native quote.
    pub reward: i128,
    /// The reward less what getting rid of what was taken over, and the transaction, are expected to cost.
    pub profit: i128,
    /// Init health that it takes the liquidator, native quote: what other calls at the same time cannot count on.
    pub margin: i128,
    /// Where the account stood, orders included.
    pub value: Assessment,
    /// The worst price of the position to take over, in price lots; zero for any.
    pub limit_price: u64,
    /// The least that the call is to bring, native quote: half of what it costs and `min_profit`, as it may find less to take.
    pub least_reward: u64,
}

/// The price at which a position is taken over may be worse by this part than it was when the plan was made.
const PRICE_TOLERANCE_PART: u64 = 100;

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlan {
    /// The account needs nothing.
    Healthy,
    /// The best step would bring so much, native quote, which is less than wanted.
    Unprofitable(i128),
    /// The liquidator's own margin does not suffice for any step.
    OwnMargin,
    /// No step is possible now: what is left cannot be priced, or would not help.
    Stuck(Obstacle),
}

impl Step {
    /// A word for logs and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "resolve",
            Self::Liquidate { moves, .. } => match moves.as_slice() {
                [] => "flag",
                [Move::TakeOver { .. }] => "position",
                [Move::Open { .. }, Move::Hedge { .. }] => "hedged position",
                [Move::Swap { .. }] => "swap",
                _ => "position and swap",
            },
        }
    }
}

impl Situation<'_> {
    /// The next step for the account. With `single` at most one move is made: for an account of which a call with two
    /// was refused.
    ///
    /// # Errors
    /// [`NoPlan`].
    pub fn plan(&self, single: bool) -> Result<Plan, NoPlan> {
        let stuck = |error| NoPlan::Stuck(Obstacle::Risk(error));
        let value = Holdings::of(self.account)
            .assess(&self.outlook.view())
            .map_err(stuck)?;
        let (flag, now) = (Flag::of(self.account), self.outlook.unix_time());
        if let Some(dust) = bankruptcy::forfeited(self.account, self.outlook) {
            return self.resolve(value, dust);
        }
        match need(flag, &value, now) {
            None => return Err(NoPlan::Healthy),
            Some(Need::Clear) => return self.chore(Vec::new(), value),
            Some(Need::Liquidate) => {}
        }
        let cancel_in = self.markets_with_orders();
        // Nothing is seized at the prices of a flag, nor at an old one, which is set anew, nor at the first price of a
        // feed that was in doubt until then.
        let known = Observation::of(&self.outlook.view(), &portfolio(self.account)).known;
        let is_past = |flag: &Flag| flag.is_old(now) || known & flag.unknown != 0;
        let lapsed = |flag: &Flag| is_past(flag) && value.of(HealthKind::Maint) < 0;
        if flag.filter(|flag| !lapsed(flag)).is_none() {
            return self.chore(cancel_in, value);
        }
        let account = Holdings::without_orders(self.account);
        let own = Holdings::of(self.own);
        let trial = Trial::new(
            self.outlook,
            self.terms,
            account,
            own,
            Episode::of(self.account, now),
        );
        let trial = trial.map_err(stuck)?;
        if trial.is_over() {
            return self.chore(cancel_in, value);
        }
        let (opening, first) = match self.best(&trial) {
            Ok(first) => first,
            Err(_) if !cancel_in.is_empty() => return self.chore(cancel_in, value),
            Err(reason) => return Err(reason),
        };
        let mut moves: Vec<Move> = opening.into_iter().chain([first.made]).collect();
        let mut total = first.score;
        let mut reward = first.gain.reward;
        let mut own_after = first.trial.own_init();
        let after_takeover = matches!(first.made, Move::TakeOver { .. });
        if !single && !trial.is_netted() && after_takeover && !first.trial.is_over() {
            if let Ok(second) = search::best(&first.trial, self.limits, false) {
                if second.score > 0 {
                    moves.push(second.made);
                    total += second.score;
                    reward += second.gain.reward;
                    own_after = second.trial.own_init();
                }
            }
        }
        let profit = total - self.limits.transaction_cost;
        let settles_only = first.gain.amount == 0 && self.limits.chores;
        if profit < self.limits.min_profit && !settles_only {
            // The fee ramps from when the account is flagged: later it may pay.
            return Err(NoPlan::Unprofitable(profit));
        }
        let taken = trial.own_init().zip(own_after);
        // What is auctioned pays by its price, which the limit holds.
        let needed = (reward - (profit - self.limits.min_profit).max(0)) / 2;
        let is_fresh = moves.iter().all(|made| trial.is_fresh(made));
        let least_reward = match is_fresh {
            true => u64::try_from(needed).unwrap_or(0),
            false => 0,
        };
        Ok(Plan {
            limit_price: self.limit_price(&moves),
            least_reward,
            margin: taken.map_or(0, |(before, after)| (before - after).max(0)),
            ..self.finished(Step::Liquidate { cancel_in, moves }, reward, profit, value)
        })
    }

    /// The best single move; of an account in portfolio margin, or two that are judged together where one is not enough.
    fn best<'a>(&self, trial: &Trial<'a>) -> Result<(Option<Move>, Sized<'a>), NoPlan> {
        let alone = search::best(trial, self.limits, true);
        if alone.as_ref().is_ok_and(|alone| alone.ends()) {
            return alone.map(|alone| (None, alone));
        }
        let pair = search::best_pair(trial, self.limits);
        match (alone, pair) {
            (Ok(alone), Some((opening, pair))) if pair.is_better_than(&alone) => {
                Ok((Some(opening), pair))
            }
            (Ok(alone), _) => Ok((None, alone)),
            (Err(_), Some((opening, pair))) => Ok((Some(opening), pair)),
            (Err(reason), None) => Err(reason),
        }
    }

    /// A call that brings no reward: it flags, cancels or clears.
    fn chore(&self, cancel_in: Vec<u16>, value: Assessment) -> Result<Plan, NoPlan> {
        let cost = -self.limits.transaction_cost;
        if !self.limits.chores {
            return Err(NoPlan::Unprofitable(cost));
        }
        let moves = Vec::new();
        Ok(self.finished(Step::Liquidate { cancel_in, moves }, 0, cost, value))
    }

    fn resolve(&self, value: Assessment, dust: Vec<u16>) -> Result<Plan, NoPlan> {
        let debt = bankruptcy::next_debt(self.account).ok_or(NoPlan::Healthy)?;
        let own = Holdings::of(self.own);
        let (max_repay, reward) = match debt {
            Leg::Asset(asset @ 1..) => bankruptcy::buyout(
                self.outlook,
                self.terms,
                self.limits,
                self.account,
                own,
                asset,
            ),
            _ => (0, 0),
        };
        let profit = reward - self.limits.transaction_cost;
        if profit < self.limits.min_profit && !self.limits.chores {
            return Err(NoPlan::Unprofitable(profit));
        }
        let step = Step::Resolve {
            debt,
            max_repay,
            dust,
        };
        Ok(self.finished(step, reward, profit, value))
    }

    fn finished(&self, step: Step, reward: i128, profit: i128, value: Assessment) -> Plan {
        Plan {
            address: self.address,
            settle: self.settle_first(&step),
            refresh: self.refresh_first(&step),
            step,
            reward,
            profit,
            margin: 0,
            value,
            limit_price: 0,
            least_reward: 0,
        }
    }

    /// A price somewhat worse than the last one of the position that is taken over first; zero without one.
    fn limit_price(&self, moves: &[Move]) -> u64 {
        let Some(Move::TakeOver { market, .. } | Move::Open { market, .. }) = moves.first() else {
            return 0;
        };
        let perp = self.account.perps.iter().find(|p| p.market == *market);
        let (Some(perp), Ok(entry)) = (perp, self.outlook.risk().market(*market)) else {
            return 0;
        };
        let tick = self
            .terms
            .market(*market)
            .map_or(1, |terms| terms.tick.max(1));
        let price = scale_ceil(1, entry.price.last(), entry.shift) / u128::from(tick);
        let tolerance = price.div_ceil(u128::from(PRICE_TOLERANCE_PART)).max(1);
        let limit = match perp.position.0 > 0 {
            true => price.saturating_add(tolerance),
            false => price.saturating_sub(tolerance),
        };
        u64::try_from(limit).unwrap_or(0)
    }

    fn markets_with_orders(&self) -> Vec<u16> {
        let perps = self.account.perps.iter().filter(|perp| !perp.is_free());
        perps
            .filter(|perp| perp.order_mask != 0)
            .map(|perp| perp.market)
            .collect()
    }

    /// Fills of the account that wait belong to it before anything is seized, and an order of it that has expired may have left
    /// its book without a word; before the other side of a market bears a loss nothing at all may wait there.
    fn settle_first(&self, step: &Step) -> Vec<(u16, Vec<Pubkey>)> {
        if let Step::Resolve { debt, .. } = step {
            let Leg::Claim(market) = *debt else {
                return Vec::new();
            };
            let waiting = (self.waiting)(market);
            return match waiting.is_empty() {
                true => Vec::new(),
                false => vec![(market, waiting)],
            };
        }
        let perps = self.account.perps.iter().filter(|perp| !perp.is_free());
        // An order may expire until the call lands.
        let soon = self.outlook.unix_time().saturating_add(LANDING_SECS);
        perps
            .filter(|perp| perp.order_mask != 0)
            .filter(|perp| {
                perp.may_have_expired(soon) || (self.waiting)(perp.market).contains(&self.address)
            })
            .map(|perp| (perp.market, vec![self.address]))
            .collect()
    }

    /// A liquidation counts on all that the account uses, at prices that are young and, to confirm a flag, later than the
    /// flag's; a resolution on the prices of the debt and of quote; both on what the liquidator will hold.
    fn refresh_first(&self, step: &Step) -> Vec<Due> {
        let (outlook, clock) = (self.outlook, self.outlook.clock());
        let age = |price: &EntryPrice| clock.now_ms.saturating_sub(price.published_ms);
        let own = outlook.feeds(&Entries::of(self.own), |price| {
            Freshness::TRADE.is_due(price, &clock)
        });
        let needed = match step {
            Step::Resolve { debt, .. } => {
                let entries = match *debt {
                    Leg::Asset(asset) => Entries::default().and_asset(asset),
                    Leg::Claim(market) => Entries::default().and_market(market),
                };
                outlook.feeds(&entries.and_asset(0), |price| {
                    Freshness::PAY.is_due(price, &clock)
                })
            }
            Step::Liquidate { .. } => {
                let flag = Flag::of(self.account).filter(|flag| !flag.is_confirmed);
                outlook.feeds(&Entries::of(self.account), |price| {
                    age(price) > self.limits.fresh_ms
                        || Freshness::SEIZE.is_due(price, &clock)
                        || flag.is_some_and(|flag| price.published_ms <= flag.price_ms)
                })
            }
        };
        outlook.oldest_first(own.into_iter().chain(needed).collect())
    }
}
