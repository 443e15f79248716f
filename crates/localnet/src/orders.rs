//! Orders in whole units: what participants mean, turned into lots and price lots.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::orders::terms::{OrderSide, OrderTerms, OrderType, SelfTradeBehavior};
use plimsoll_client::instructions as ix;
use solana_signer::Signer;

use crate::{
    participants::Participant,
    setup::{ListedMarket, World},
};

/// Most resting orders that one order of the demonstration touches.
const MAX_FILLS: u8 = 16;

/// An order in whole units.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Index of the market.
    pub market: usize,
    /// Units of the base, positive to buy.
    pub size: f64,
    /// Limit in USD per unit; `None` takes what the band allows.
    pub limit: Option<f64>,
    pub reduce_only: bool,
    /// Rests instead of trading.
    pub post: bool,
}

impl ListedMarket {
    /// Base units of one lot.
    pub fn lot(&self) -> f64 {
        self.terms.base_lot_size as f64 / 10f64.powi(i32::from(self.terms.base_decimals))
    }

    /// USD per base unit of one price lot.
    pub fn price_lot(&self) -> f64 {
        self.terms.tick as f64 / 1e6 / self.lot()
    }
}

/// The instruction that places an order; `makers` are settled in place.
pub fn place(world: &World, who: &Participant, order: &Order, makers: &[Pubkey]) -> Instruction {
    let listed = &world.markets[order.market];
    let side = if order.size > 0.0 {
        OrderSide::Bid
    } else {
        OrderSide::Ask
    };
    let worst = match side {
        OrderSide::Bid => u64::MAX,
        OrderSide::Ask => 0,
    };
    let terms = OrderTerms {
        side,
        price: order
            .limit
            .map_or(worst, |usd| (usd / listed.price_lot()).round() as u64),
        lots: ((order.size.abs() / listed.lot()).round() as i64).max(1),
        kind: match (order.post, order.limit) {
            (true, _) => OrderType::PostOnlySlide,
            (false, Some(_)) => OrderType::ImmediateOrCancel,
            (false, None) => OrderType::Market,
        },
        max_quote: None,
        reduce_only: order.reduce_only,
        expiry: 0,
        client_id: 0,
        self_trade: SelfTradeBehavior::CancelProvide,
        max_fills: MAX_FILLS,
    };
    ix::place_order(
        &world.exchange,
        who.keys.pubkey(),
        who.account,
        &listed.market,
        terms,
        makers,
    )
}

/// The instruction that cancels all orders of a participant, in all markets.
pub fn cancel_all(world: &World, who: &Participant) -> Instruction {
    let markets: Vec<_> = world.markets.iter().map(|m| m.market).collect();
    ix::cancel_orders(who.keys.pubkey(), who.account, &markets, None, u8::MAX)
}
