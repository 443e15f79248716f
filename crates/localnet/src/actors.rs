//! Makers and traders: quotes on several levels around the oracle, the traders' first positions, and a flow of small
//! orders both ways.
use anchor_lang::prelude::Pubkey;
use anyhow::Result;
use plimsoll::error::PlimsollError;
use plimsoll_risk::MarginMode;

use crate::{
    orders::{cancel_all, place, Order},
    participants::{borrow, choose_mode, Participant, Plan},
    random::Random,
    scenario::{Tick, START},
    setup::World,
    wire::{expect_refusal, Wire},
};

/// Distance of each level from the oracle's price, in parts of it, at rest.
const LEVELS: [f64; 4] = [0.0004, 0.0010, 0.0022, 0.0045];
/// Units of the base on each level, by market.
const LEVEL_SIZE: [f64; 4] = [600.0, 1.5, 40.0, 300.0];
/// Largest order of the flow, units of the base, by market.
const FLOW_SIZE: [f64; 4] = [40.0, 0.08, 2.0, 20.0];
/// What the program may answer to an order without anything being wrong with the run.
pub const EXPECTED: &[PlimsollError] = &[
    PlimsollError::InsufficientHealth,
    PlimsollError::NotReducing,
    PlimsollError::PriceOutOfBand,
];

/// Everybody who trades, with the connection they share.
pub struct Actors<'a> {
    pub wire: &'a Wire,
    pub world: &'a World,
    pub makers: &'a [Participant],
    pub flow: &'a [Participant],
}

impl Actors<'_> {
    /// Margin accounts of the makers, to settle their fills in place.
    pub fn maker_accounts(&self) -> Vec<Pubkey> {
        self.makers.iter().map(|m| m.account).collect()
    }

    /// Makers take their quotes back and quote around new prices, wider after a move of `moved` (a ratio).
    pub async fn requote(&self, tick: &Tick, moved: f64) -> Result<()> {
        self.withdraw_quotes().await?;
        for maker in self.makers {
            let mut instructions = self.world.refreshed(self.wire, []).await?;
            for market in 0..self.world.markets.len() {
                let price = tick.prices[self.world.markets[market].base];
                instructions.extend(
                    quotes(market, price, 1.0 + 20.0 * moved)
                        .iter()
                        .map(|order| place(self.world, maker, order, &[])),
                );
            }
            if let Err(refusal) = self.wire.send_all(instructions, &[&maker.keys]).await {
                expect_refusal(refusal, EXPECTED)?;
            }
        }
        Ok(())
    }

    /// Makers take their quotes back.
    pub async fn withdraw_quotes(&self) -> Result<()> {
        for maker in self.makers {
            self.wire
                .send(&[cancel_all(self.world, maker)], &[&maker.keys])
                .await?;
        }
        Ok(())
    }

    /// A trader chooses how it is margined, and takes its positions and its loan: what hedges comes before what is lent
    /// on it.
    pub async fn enter(&self, plan: &Plan, who: &Participant, tick: &Tick) -> Result<()> {
        if plan.mode != MarginMode::Standard {
            choose_mode(self.wire, self.world, who, plan.mode).await?;
        }
        for (market, size) in plan.positions {
            // Half of all takers have the makers' accounts in their transaction; the others leave fills to the queue.
            let at_hand = who.account.as_array()[0].is_multiple_of(2);
            let base = self.world.markets[*market].base;
            let size = size * START[base] / tick.prices[base];
            let makers = if at_hand {
                self.maker_accounts()
            } else {
                Vec::new()
            };
            self.take(who, *market, size, &makers).await?;
        }
        if let Some(loan) = plan.borrow {
            borrow(self.wire, self.world, who, loan).await?;
        }
        for (market, size, factor) in plan.resting {
            let price = tick.prices[self.world.markets[*market].base] * factor;
            self.rest(who, *market, *size, price).await?;
        }
        if !plan.positions.is_empty() {
            self.requote(tick, 0.0).await?;
        }
        Ok(())
    }

    /// Small orders both ways, which nobody in particular minds; half of them settle with `makers` in place.
    pub async fn trade_small(&self, random: &mut Random, makers: &[Pubkey]) -> Result<()> {
        for who in self.flow {
            let last = FLOW_SIZE.len() as u64 - 1;
            let market = usize::try_from(random.between(0, last))?;
            let size = FLOW_SIZE[market] * random.signed_unit();
            let at_hand = random.between(0, 1) == 0;
            let makers = if at_hand { makers } else { &[] };
            let outcome = self.take(who, market, size, makers).await;
            if let Err(error) = outcome {
                expect_refusal(error.downcast()?, EXPECTED)?;
            }
        }
        Ok(())
    }

    /// A limit order away from the price.
    async fn rest(&self, who: &Participant, market: usize, size: f64, price: f64) -> Result<()> {
        let order = Order {
            market,
            size,
            limit: Some(price),
            reduce_only: false,
            post: true,
        };
        let order = place(self.world, who, &order, &[]);
        let instructions = self.world.refreshed(self.wire, [order]).await?;
        self.wire.send(&instructions, &[&who.keys]).await?;
        Ok(())
    }

    /// A market order, with the refreshes that it needs in front.
    async fn take(
        &self,
        who: &Participant,
        market: usize,
        size: f64,
        makers: &[Pubkey],
    ) -> Result<()> {
        let order = Order {
            market,
            size,
            limit: None,
            reduce_only: false,
            post: false,
        };
        let order = place(self.world, who, &order, makers);
        let instructions = self.world.refreshed(self.wire, [order]).await?;
        self.wire.send(&instructions, &[&who.keys]).await?;
        Ok(())
    }
}

/// Both sides of one maker's quotes, `stretch` times as wide as at rest.
fn quotes(market: usize, price: f64, stretch: f64) -> Vec<Order> {
    let level = |distance: f64, size: f64| Order {
        market,
        size,
        limit: Some(price * (1.0 - distance * stretch * size.signum())),
        reduce_only: false,
        post: true,
    };
    LEVELS
        .into_iter()
        .flat_map(|distance| {
            let size = LEVEL_SIZE[market];
            [level(distance, size), level(distance, -size)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stand_on_their_side_of_the_price() {
        let orders = quotes(0, 200.0, 1.0);
        assert_eq!(orders.len(), 2 * LEVELS.len());
        for order in orders {
            let limit = order.limit.unwrap();
            assert!(if order.size > 0.0 {
                limit < 200.0
            } else {
                limit > 200.0
            });
            assert!((limit / 200.0 - 1.0).abs() < 0.01);
        }
    }
}
