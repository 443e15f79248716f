//! A thief who got hold of a delegate's key and trades the owner's account against its own.
use plimsoll::{
    error::PlimsollError as E,
    orders::terms::{OrderTerms, OrderType},
    state::delegation::DelegateTerms,
};
use plimsoll_client::instructions::{self as ix, by_delegate};
use plimsoll_tests::{
    env::{SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, Trader,
};

use super::assert_one_of;

const SPOT: u64 = 15_000;
/// Native quote that the delegate may lose a day.
const BUDGET: u64 = 500_000_000;

struct Heist {
    env: Env,
    owner: Trader,
    thief: Trader,
}

impl Heist {
    async fn new() -> Self {
        let mut env = Env::new().await;
        env.refresh_all().await;
        let owner = env.trader_with(&[(USDC, usd(100_000))]).await;
        let thief = env.trader_with(&[(USDC, usd(110_000))]).await;
        let terms = env.anything(BUDGET / 1_000_000).await;
        env.delegate(&owner, &thief.key, terms).await;
        Self { env, owner, thief }
    }

    fn as_delegate(
        &self,
        terms: OrderTerms,
        makers: &[&Trader],
    ) -> anchor_lang::solana_program::instruction::Instruction {
        let makers: Vec<_> = makers.iter().map(|maker| maker.margin).collect();
        let (key, margin) = (self.thief.pubkey(), self.owner.margin);
        let market = self.env.markets[SOL_PERP].market;
        let order = ix::place_order(&self.env.exchange, key, margin, &market, terms, &makers);
        by_delegate(order, margin, key)
    }

    /// Lets the owner's account trade against the thief's, as taker or as maker; in halves until one is accepted.
    async fn wash(&mut self, buys: bool, price: u64, takes: bool) -> bool {
        let mut lots = 290_000;
        while lots > 0 {
            let (mut victims, own) = match buys {
                true => (bid(price, lots), ask(price, lots)),
                false => (ask(price, lots), bid(price, lots)),
            };
            let both = if takes {
                victims.kind = OrderType::ImmediateOrCancel;
                let rest = self.env.order_ix(&self.thief, own, &[]);
                [rest, self.as_delegate(victims, &[&self.thief])]
            } else {
                let take = self.env.order_ix(&self.thief, own, &[&self.owner]);
                [self.as_delegate(victims, &[]), take]
            };
            let done = self.env.send(&both, &[&self.thief.key]).await;
            if done.is_ok() {
                return true;
            }
            assert_one_of(
                done,
                &[
                    E::LossBudget,
                    E::InsufficientHealth,
                    E::InvalidOrderSize,
                    E::OpenInterestCap,
                ],
            );
            lots /= 2;
        }
        false
    }

    async fn equity(&mut self) -> i64 {
        self.env.health(&self.owner).await.equity
    }
}

/// Buying dear and selling cheap, at the band's edges or near the oracle, as taker or maker: the budget is all that goes.
#[tokio::test]
async fn washing_back_and_forth_takes_no_more_than_the_budget() {
    for takes in [true, false] {
        let mut heist = Heist::new().await;
        let before = heist.equity().await;
        let mut trades = 0;
        for step in [1_500, 300, 30, 3] {
            for _ in 0..4 {
                for (buys, price) in [(true, SPOT + step), (false, SPOT - step)] {
                    trades += u32::from(heist.wash(buys, price, takes).await);
                }
            }
        }
        let lost = before - heist.equity().await;
        println!("{trades} trades, as taker {takes}: {lost} of {BUDGET} lost");
        assert!(trades > 1);
        assert!(lost > 0 && lost <= BUDGET as i64);
        heist.env.assert_conserved().await;
    }
}

/// Trading at the oracle's price for nothing but its fees is bounded as well.
#[tokio::test]
async fn paying_fees_takes_no_more_than_the_budget() {
    let mut heist = Heist::new().await;
    let before = heist.equity().await;
    let mut trades = 0;
    for turn in 0..24 {
        trades += u32::from(heist.wash(turn % 2 == 0, SPOT, true).await);
    }
    let lost = before - heist.equity().await;
    println!("{trades} trades at the oracle: {lost} of {BUDGET} lost in fees");
    assert!(lost > 0 && lost <= BUDGET as i64);
    heist.env.assert_conserved().await;
}

/// A budget that is used up comes back evenly: after half a day as much as half of it can go, and not more.
#[tokio::test]
async fn half_a_day_later_half_of_the_budget_can_go() {
    let mut heist = Heist::new().await;
    let before = heist.equity().await;
    let mut lost = Vec::new();
    for _ in 0..2 {
        for step in [1_500, 150, 15] {
            for _ in 0..3 {
                for (buys, price) in [(true, SPOT + step), (false, SPOT - step)] {
                    heist.wash(buys, price, true).await;
                }
            }
        }
        lost.push(before - heist.equity().await);
        heist.env.advance(43_200).await;
        heist.env.refresh_all().await;
    }
    println!("lost {lost:?}");
    let budget = BUDGET as i64;
    assert!(lost[0] <= budget);
    assert!(lost[1] > lost[0] && lost[1] <= budget + budget / 2);
    heist.env.assert_conserved().await;
}

/// Orders that rest are charged when they are placed: fills that come after the delegation has expired, all at once, cost no more
/// at the oracle's price then.
#[tokio::test]
async fn orders_that_fill_after_the_expiry_were_charged_before() {
    let mut heist = Heist::new().await;
    let mut placed = 0;
    for lots in [40_000, 10_000, 3_000, 1_000, 300] {
        for _ in 0..6 {
            let order = heist.as_delegate(bid(SPOT + 150, lots), &[]);
            match heist.env.send(&[order], &[&heist.thief.key]).await {
                Ok(_) => placed += 1,
                refused => assert_one_of(refused, &[E::LossBudget, E::InsufficientHealth]),
            }
            heist.env.advance(1).await;
        }
    }
    assert!(placed > 1);
    heist.env.advance(8 * 86_400).await;
    heist.env.refresh_all().await;
    let before = heist.equity().await;
    let late = heist.as_delegate(bid(SPOT, 10), &[]);
    heist
        .env
        .refuse(&[late], &[&heist.thief.key], E::DelegationExpired)
        .await;
    heist
        .env
        .place(&heist.thief, ask(SPOT - 1_000, 100_000), &[&heist.owner])
        .await;
    let lost = before - heist.equity().await;
    println!("{placed} orders, {lost} of {BUDGET} lost when they filled");
    assert!(lost > 0 && lost <= BUDGET as i64);
    heist.env.assert_conserved().await;
}

/// Quotes a hair better than the oracle count nothing when they are placed, and trade at the oracle's next price: turn by turn that
/// takes as much as the owner allows to be lost in sum, and no more.
#[tokio::test]
async fn quotes_that_the_oracle_passes_take_no_more_than_down_to_the_owners_line() {
    let mut heist = Heist::new().await;
    let line = usd(98_000);
    let terms = DelegateTerms {
        least_equity: line,
        ..heist.env.anything(0).await
    };
    let (owner, key) = (&heist.owner, &heist.thief.key);
    heist.env.delegate(owner, key, terms).await;
    let (mut lots, mut turns) = (20_000, 0);
    while lots >= 100 && turns < 60 {
        turns += 1;
        let low = if turns % 2 == 1 { 150.0 } else { 149.4 };
        reprice(&mut heist.env, low).await;
        // Bids before the fall, asks before the rise.
        let spot = (low * 100.0) as u64;
        let (quote, take) = match turns % 2 {
            1 => (bid(spot - 2, lots), ask(spot - 2, lots)),
            _ => (ask(spot + 2, lots), bid(spot + 2, lots)),
        };
        let quote = heist.as_delegate(quote, &[]);
        let take = heist.env.order_ix(&heist.thief, take, &[&heist.owner]);
        let done = heist.env.send(&[quote, take], &[&heist.thief.key]).await;
        if done.is_err() {
            assert_one_of(
                done,
                &[E::BelowLeastEquity, E::InsufficientHealth, E::LossBudget],
            );
            lots /= 2;
        }
    }
    let left = heist.equity().await;
    println!("{turns} turns leave {left} of {line}");
    let line = line.cast_signed();
    // One order's last move beyond it: 20,000 lots at 0.4 %.
    assert!(left < line + usd(500).cast_signed(), "{left}");
    assert!(left > line - usd(200).cast_signed(), "{left}");
    // Reducing is let, adding nothing is.
    let add = heist.as_delegate(bid(14_000, 1), &[]);
    heist
        .env
        .refuse(&[add], &[&heist.thief.key], E::BelowLeastEquity)
        .await;
    heist.env.assert_conserved().await;
}

async fn reprice(env: &mut Env, dollars: f64) {
    env.assets[plimsoll_tests::env::SOL].usd = dollars;
    env.advance(1).await;
    env.refresh_all().await;
}
