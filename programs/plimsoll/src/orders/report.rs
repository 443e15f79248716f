//! What orders tell indexers: many trades or removals in one event, written without a byte of heap for each.
use anchor_lang::{prelude::*, solana_program::log::sol_log_data, Discriminator};

use crate::{
    error::OrRefuse,
    events::{OrderFilled, OrdersCancelled},
};

/// Most trades that one event tells of.
const FILLS: usize = 12;
/// Most removals that one event tells of.
const REMOVALS: usize = 32;
/// No event of orders is larger.
const MAX_EVENT: usize = 1_024;

/// Logs an event as `emit!` does, which takes memory from the heap for each that it never gives back.
#[inline(never)]
pub fn log<T: AnchorSerialize + Discriminator>(event: &T) -> Result<()> {
    let mut bytes = [0u8; MAX_EVENT];
    let mut left = bytes.as_mut_slice();
    let written = std::io::Write::write_all(&mut left, T::DISCRIMINATOR);
    written
        .and_then(|()| event.serialize(&mut left))
        .ok()
        .or_refuse()?;
    let unused = left.len();
    let len = MAX_EVENT.checked_sub(unused).or_refuse()?;
    sol_log_data(&[bytes.get(..len).or_refuse()?]);
    Ok(())
}

/// One order of [`OrdersCancelled`].
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelledOrder {
    pub order_id: u64,
    pub client_id: u64,
    pub lots: i64,
}

/// One trade of [`OrderFilled`].
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct MakerFill {
    pub maker: Pubkey,
    pub maker_order_id: u64,
    pub price: u64,
    pub lots: i64,
    pub maker_fee: i64,
    /// False while the maker's side waits in the queue.
    pub settled: bool,
}

/// The trades of an order, until they are told.
pub struct FillLog {
    event: OrderFilled,
}

impl FillLog {
    /// For the order `taker_order_id` of a market.
    pub fn new(market: u16, taker: Pubkey, taker_order_id: u64) -> Self {
        Self {
            event: OrderFilled {
                market,
                taker,
                taker_order_id,
                maker_side: 0,
                fills: Vec::new(),
            },
        }
    }

    /// Adds a trade with an order of `maker_side`.
    pub fn push(&mut self, maker_side: u8, fill: MakerFill) -> Result<()> {
        let event = &mut self.event;
        if event.fills.capacity() == 0 {
            event.fills.reserve_exact(FILLS);
        }
        event.maker_side = maker_side;
        event.fills.push(fill);
        if event.fills.len() < FILLS {
            return Ok(());
        }
        self.flush()
    }

    /// Tells what has not been told.
    pub fn flush(&mut self) -> Result<()> {
        if self.event.fills.is_empty() {
            return Ok(());
        }
        log(&self.event)?;
        self.event.fills.clear();
        Ok(())
    }
}

/// Removals of an account's orders in a market, until they are told.
pub struct RemovalLog {
    event: OrdersCancelled,
}

impl RemovalLog {
    /// For an account's orders in a market.
    pub fn new(margin_account: Pubkey, market: u16) -> Self {
        Self {
            event: OrdersCancelled {
                margin_account,
                market,
                orders: Vec::new(),
            },
        }
    }

    /// Adds lots that left the book.
    pub fn push(&mut self, order_id: u64, client_id: u64, lots: i64) -> Result<()> {
        let orders = &mut self.event.orders;
        orders.push(CancelledOrder {
            order_id,
            client_id,
            lots,
        });
        if orders.len() < REMOVALS {
            return Ok(());
        }
        self.flush()
    }

    /// The same, if there are any lots.
    pub fn push_some(&mut self, order_id: u64, client_id: u64, lots: i64) -> Result<()> {
        if lots == 0 {
            return Ok(());
        }
        self.push(order_id, client_id, lots)
    }

    /// Tells what has not been told.
    pub fn flush(&mut self) -> Result<()> {
        if self.event.orders.is_empty() {
            return Ok(());
        }
        log(&self.event)?;
        self.event.orders.clear();
        Ok(())
    }
}
