//! Instructions on orders, and those that anyone may send for an order book.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::instruction::{AccountMeta, Instruction},
};
use plimsoll::{
    accounts, instruction,
    orders::terms::{OrderRef, OrderSide, OrderTerms},
};

use super::build_with;
use crate::{ExchangeRef, MarketRef};

/// Places an order of a margin account, whose owner `trader` signs, or a delegate ([`super::by_delegate`]). Fills of makers whose margin accounts
/// are given are settled in place, those of others wait in the fill queue.
pub fn place_order(
    exchange: &ExchangeRef,
    trader: Pubkey,
    margin_account: Pubkey,
    market: &MarketRef,
    terms: OrderTerms,
    makers: &[Pubkey],
) -> Instruction {
    build_with(
        accounts::PlaceOrder {
            trader,
            margin_account,
            risk_state: exchange.risk_state,
            market: market.address,
            book: market.book,
            fill_queue: market.fill_queue,
        },
        writable(makers),
        instruction::PlaceOrder { terms },
    )
}

/// Cancels one order; owner `trader` signs, or a delegate ([`super::by_delegate`]).
pub fn cancel_order(
    trader: Pubkey,
    margin_account: Pubkey,
    market: &MarketRef,
    order: OrderRef,
) -> Instruction {
    build_with(
        accounts::CancelOrder {
            trader,
            margin_account,
            book: market.book,
        },
        [],
        instruction::CancelOrder { order },
    )
}

/// Cancels up to `limit` orders in some markets, of one side or of both; owner `trader` signs, or a delegate
/// ([`super::by_delegate`]).
pub fn cancel_orders(
    trader: Pubkey,
    margin_account: Pubkey,
    markets: &[MarketRef],
    side: Option<OrderSide>,
    limit: u8,
) -> Instruction {
    let books: Vec<Pubkey> = markets.iter().map(|market| market.book).collect();
    build_with(
        accounts::CancelOrders {
            trader,
            margin_account,
        },
        writable(&books),
        instruction::CancelOrders { side, limit },
    )
}

/// Removes up to `limit` expired orders, or any of a market that is being wound down; `owners` are margin accounts whose slots
/// of such orders are freed, removed now or before. Nobody signs.
pub fn prune_orders(
    exchange: &ExchangeRef,
    market: &MarketRef,
    owners: &[Pubkey],
    limit: u16,
) -> Instruction {
    build_with(
        accounts::PruneOrders {
            risk_state: exchange.risk_state,
            book: market.book,
            fill_queue: market.fill_queue,
        },
        writable(owners),
        instruction::PruneOrders { limit },
    )
}

/// Settles up to `limit` queued entries of these margin accounts, and frees the slots of their expired orders in the market.
/// Nobody signs.
pub fn settle_fills(market: &MarketRef, margin_accounts: &[Pubkey], limit: u16) -> Instruction {
    build_with(
        accounts::SettleFills {
            market: market.address,
            book: market.book,
            fill_queue: market.fill_queue,
        },
        writable(margin_accounts),
        instruction::SettleFills { limit },
    )
}

/// Remaining accounts that the program may write.
pub(super) fn writable(keys: &[Pubkey]) -> Vec<AccountMeta> {
    keys.iter()
        .map(|key| AccountMeta::new(*key, false))
        .collect()
}
