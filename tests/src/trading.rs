//! Trading: orders, quotes, settlement, and what accounts hold afterwards.
use anchor_lang::{
    prelude::{borsh::BorshDeserialize, Pubkey},
    solana_program::instruction::Instruction,
};
use plimsoll::{
    error::PlimsollError,
    events::OrderPlaced,
    orders::terms::{OrderRef, OrderSide, OrderTerms, OrderType, SelfTradeBehavior},
    AccountRiskReport, HealthReport,
};
use plimsoll_client::{events, instructions as ix};
use plimsoll_risk::{OpenOrder, PerpPosition};

use crate::{env::SOL_PERP, Env, TestError, Trader, TxOutcome};

/// A limit order to buy.
pub const fn bid(price: u64, lots: i64) -> OrderTerms {
    limit(OrderSide::Bid, price, lots)
}

/// A limit order to sell.
pub const fn ask(price: u64, lots: i64) -> OrderTerms {
    limit(OrderSide::Ask, price, lots)
}

const fn limit(side: OrderSide, price: u64, lots: i64) -> OrderTerms {
    OrderTerms {
        side,
        price,
        lots,
        kind: OrderType::Limit,
        max_quote: None,
        reduce_only: false,
        expiry: 0,
        client_id: 0,
        self_trade: SelfTradeBehavior::DecrementAndCancel,
        max_fills: 32,
    }
}

/// What the program said of an order that it accepted.
#[derive(Clone, Debug)]
pub struct Placed {
    pub id: u64,
    pub filled: i64,
    /// Native quote of the fills, before the fee.
    pub quote: i64,
    pub fee: i64,
    pub resting: i64,
    /// Where it rests, else its limit.
    pub price: u64,
    pub cu: u64,
}

impl Env {
    /// The instruction that places an order in the first market, with these makers at hand.
    pub fn order_ix(&self, trader: &Trader, terms: OrderTerms, makers: &[&Trader]) -> Instruction {
        self.order_in_ix(SOL_PERP, trader, terms, makers)
    }

    /// The same in any market.
    pub fn order_in_ix(
        &self,
        market: usize,
        trader: &Trader,
        terms: OrderTerms,
        makers: &[&Trader],
    ) -> Instruction {
        let makers: Vec<Pubkey> = makers.iter().map(|maker| maker.margin).collect();
        let market = self.markets[market].market;
        let (key, margin) = (trader.pubkey(), trader.margin);
        ix::place_order(&self.exchange, key, margin, &market, terms, &makers)
    }

    /// Places an order in the first market.
    pub async fn try_place(
        &mut self,
        trader: &Trader,
        terms: OrderTerms,
        makers: &[&Trader],
    ) -> Result<TxOutcome, TestError> {
        let order = self.order_ix(trader, terms, makers);
        self.send(&[order], &[&trader.key]).await
    }

    /// Places an order in the first market, which must go through.
    pub async fn place(
        &mut self,
        trader: &Trader,
        terms: OrderTerms,
        makers: &[&Trader],
    ) -> Placed {
        self.place_in(SOL_PERP, trader, terms, makers).await
    }

    /// The same in any market.
    pub async fn place_in(
        &mut self,
        market: usize,
        trader: &Trader,
        terms: OrderTerms,
        makers: &[&Trader],
    ) -> Placed {
        let order = self.order_in_ix(market, trader, terms, makers);
        let outcome = self.run(&[order], &[&trader.key]).await;
        placed(&outcome)
    }

    /// Places an order in the first market, which must be refused with exactly this error and change nothing.
    pub async fn refuse_order(
        &mut self,
        trader: &Trader,
        terms: OrderTerms,
        makers: &[&Trader],
        expected: PlimsollError,
    ) {
        let order = self.order_ix(trader, terms, makers);
        self.refuse(&[order], &[&trader.key], expected).await;
    }

    /// The instruction that cancels an order in the first market.
    pub fn cancel_ix(&self, trader: &Trader, order: OrderRef) -> Instruction {
        let market = self.markets[SOL_PERP].market;
        ix::cancel_order(trader.pubkey(), trader.margin, &market, order)
    }

    /// Cancels an order in the first market, which must go through.
    pub async fn cancel(&mut self, trader: &Trader, order: OrderRef) -> TxOutcome {
        let cancel = self.cancel_ix(trader, order);
        self.run(&[cancel], &[&trader.key]).await
    }

    /// Cancels every order of an account in the first market.
    pub async fn cancel_all(&mut self, trader: &Trader) -> TxOutcome {
        let markets = [self.markets[SOL_PERP].market];
        let all = ix::cancel_orders(trader.pubkey(), trader.margin, &markets, None, u8::MAX);
        self.run(&[all], &[&trader.key]).await
    }

    /// The instruction that settles what waits for accounts in the first market's queue.
    pub fn settle_fills_ix(&self, traders: &[&Trader]) -> Instruction {
        let keys: Vec<Pubkey> = traders.iter().map(|trader| trader.margin).collect();
        ix::settle_fills(&self.markets[SOL_PERP].market, &keys, u16::MAX)
    }

    /// Settles what waits for accounts in the first market's queue.
    pub async fn settle_fills(&mut self, traders: &[&Trader]) -> TxOutcome {
        let settle = self.settle_fills_ix(traders);
        self.run(&[settle], &[]).await
    }

    /// The instruction that settles the profit or loss of the first market.
    pub fn settle_pnl_ix(&self, trader: &Trader) -> Instruction {
        let (market, quote) = (self.markets[SOL_PERP].market, self.assets[0].asset);
        ix::settle_pnl(&self.exchange, trader.margin, &market, &quote)
    }

    /// Settles the profit or loss of the first market.
    pub async fn settle_pnl(&mut self, trader: &Trader) -> TxOutcome {
        let settle = self.settle_pnl_ix(trader);
        self.run(&[settle], &[]).await
    }

    /// The slot of a market in an account; an empty one when it has none.
    pub async fn perp_in(&self, market: usize, trader: &Trader) -> PerpPosition {
        let account = self.margin(trader.margin).await;
        let slot = account.find_perp(market as u16);
        slot.map_or_else(PerpPosition::default, |slot| account.perps[slot])
    }

    /// The slot of the first market.
    pub async fn perp(&self, trader: &Trader) -> PerpPosition {
        self.perp_in(SOL_PERP, trader).await
    }

    /// Position, claim on the pool with funding due taken off, in the first market.
    pub async fn holding(&self, trader: &Trader) -> (i64, i64) {
        let perp = self.perp(trader).await;
        let funding = self.market(SOL_PERP).await.funding();
        let due = perp.funding_due(funding).expect("fits");
        let due = i64::try_from(due).expect("fits");
        (perp.position.0, perp.quote.0 - due)
    }

    /// Resting orders of an account in all markets, by slot.
    pub async fn open_orders(&self, trader: &Trader) -> Vec<OpenOrder> {
        let account = self.margin(trader.margin).await;
        let open = account.orders.iter().filter(|order| !order.is_free());
        open.copied().collect()
    }

    /// What the program says of an account's health.
    pub async fn health(&mut self, trader: &Trader) -> HealthReport {
        let ask = ix::account_health(&self.exchange, trader.margin);
        let outcome = self.run(&[ask], &[]).await;
        // The runtime drops trailing zeros of what a program returns.
        let mut data = outcome.return_data;
        data.resize(1_024, 0);
        HealthReport::deserialize(&mut &data[..]).expect("a health report")
    }

    /// What the program says portfolio margin makes of an account.
    pub async fn account_risk(&mut self, trader: &Trader) -> AccountRiskReport {
        let ask = ix::account_risk(&self.exchange, trader.margin);
        let outcome = self.run(&[ask], &[]).await;
        let mut data = outcome.return_data;
        data.resize(1_024, 0);
        AccountRiskReport::deserialize(&mut &data[..]).expect("a risk report")
    }
}

/// What an accepted order came to, by its event; its id also by the return data.
pub fn placed(outcome: &TxOutcome) -> Placed {
    let mut events: Vec<OrderPlaced> = events::of_kind(&outcome.logs);
    let event = events.pop().expect("an order that was placed");
    let mut id = outcome.return_data.clone();
    id.resize(8, 0);
    assert_eq!(id, event.order_id.to_le_bytes(), "the id that is returned");
    Placed {
        id: event.order_id,
        filled: event.filled_lots,
        quote: i64::try_from(event.filled_quote).expect("fits"),
        fee: event.fee,
        resting: event.resting_lots,
        price: event.price,
        cu: outcome.cu,
    }
}
