//! Settlement of profits, health and risk reports, liquidation and bankruptcy: anyone may send these.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{accounts, instruction};

use super::{build, build_with, orders::writable};
use crate::{AssetRef, ExchangeRef, MarketRef};

/// Turns a market's profit or loss into quote balance. Nobody signs.
pub fn settle_pnl(
    exchange: &ExchangeRef,
    margin_account: Pubkey,
    market: &MarketRef,
    quote: &AssetRef,
) -> Instruction {
    build(
        accounts::SettlePnl {
            risk_state: exchange.risk_state,
            market: market.address,
            margin_account,
            quote_bank: quote.bank,
        },
        instruction::SettlePnl {},
    )
}

/// Marks accounts' profits in a market, at most [`MARKED_AT_ONCE`] of them, so that collected losses, or its shortfall, are
/// shared by all of them. Nobody signs.
pub fn mark_profits(
    exchange: &ExchangeRef,
    market: &MarketRef,
    margin_accounts: &[Pubkey],
) -> Instruction {
    build_with(
        accounts::MarkProfits {
            risk_state: exchange.risk_state,
            market: market.address,
            fill_queue: market.fill_queue,
        },
        writable(margin_accounts),
        instruction::MarkProfits {},
    )
}

/// Accounts that one [`mark_profits`] takes within a legacy transaction.
pub const MARKED_AT_ONCE: usize = 24;

/// Ends a market's epoch once nearly all its profits are marked in it. Nobody signs.
pub fn share_shortfall(exchange: &ExchangeRef, market: &MarketRef) -> Instruction {
    build(
        accounts::ShareShortfall {
            risk_state: exchange.risk_state,
            market: market.address,
        },
        instruction::ShareShortfall {},
    )
}

/// Returns a [`plimsoll::HealthReport`] as return data; made for simulation. Nobody signs.
pub fn account_health(exchange: &ExchangeRef, margin_account: Pubkey) -> Instruction {
    build(
        accounts::AccountHealth {
            risk_state: exchange.risk_state,
            margin_account,
        },
        instruction::AccountHealth {},
    )
}

/// Returns a [`plimsoll::AccountRiskReport`] as return data: what portfolio margin says of the account, in either mode. Made
/// for simulation. Nobody signs.
pub fn account_risk(exchange: &ExchangeRef, margin_account: Pubkey) -> Instruction {
    build(
        accounts::AccountRisk {
            risk_state: exchange.risk_state,
            margin_account,
        },
        instruction::AccountRisk {},
    )
}

/// What a liquidation is to do, in this order.
#[derive(Clone, Debug, Default)]
pub struct Liquidation {
    /// Cancel the account's orders in these markets.
    pub cancel_in: Vec<MarketRef>,
    /// Those of them in which everything that waits for the account is settled first, whatever its number, and the slots of
    /// expired orders are freed. Naming one where nothing waits is no error, so all can be named where they fit.
    pub settle_in: Vec<MarketRef>,
    /// Take over up to so many lots of the position in this market.
    pub position: Option<(MarketRef, u64)>,
    /// Take over as much in value of the positions in these markets, which hedge that one. Of an account in portfolio
    /// margin all that is taken is judged together: where no leg of a hedge can go alone, two can.
    pub hedges: Vec<MarketRef>,
    /// Swap collateral for debt.
    pub swap: Option<Swap>,
    /// The worst price of the position, in price lots: the highest where the liquidator buys, the lowest where it sells. Zero
    /// for any.
    pub limit_price: u64,
    /// The least reward for all that is taken, native quote; an auction's discount is not counted.
    pub least_reward: u64,
}

/// A swap of collateral for debt: each a bank, or a market with a profit or loss and no position.
#[derive(Clone, Copy, Debug)]
pub struct Swap {
    pub collateral: Pubkey,
    pub debt: Pubkey,
    /// Most native units of debt to repay.
    pub max_debt: u64,
    /// Bank of the quote asset, when either is a market.
    pub quote_bank: Option<Pubkey>,
}

/// Liquidates `margin_account`; owner `liquidator` of `liquidator_account` signs, or a delegate ([`super::by_delegate`]).
pub fn liquidate(
    exchange: &ExchangeRef,
    liquidator: Pubkey,
    liquidator_account: Pubkey,
    margin_account: Pubkey,
    what: &Liquidation,
) -> Instruction {
    let mut others = Vec::new();
    for market in &what.cancel_in {
        others.push(market.book);
        if what.settle_in.contains(market) {
            others.extend([market.fill_queue, market.address]);
        }
    }
    others.extend(what.hedges.iter().map(|market| market.address));
    build_with(
        accounts::Liquidate {
            liquidator,
            liquidator_account,
            margin_account,
            risk_state: exchange.risk_state,
            position_market: what.position.map(|(market, _)| market.address),
            collateral: what.swap.map(|swap| swap.collateral),
            debt: what.swap.map(|swap| swap.debt),
            quote_bank: what.swap.and_then(|swap| swap.quote_bank),
        },
        writable(&others),
        instruction::Liquidate {
            max_position_lots: what.position.map_or(0, |(_, lots)| lots),
            max_debt: what.swap.map_or(0, |swap| swap.max_debt),
            limit_price: what.limit_price,
            least_reward: what.least_reward,
        },
    )
}

/// A debt that bankruptcy leaves.
#[derive(Clone, Copy, Debug)]
pub enum BadDebt {
    /// A borrow. What insurance sets aside for it may be earned at once: `resolver_account` sells up to `max_repay` native units.
    Asset {
        bank: Pubkey,
        resolver_account: Option<Pubkey>,
        max_repay: u64,
    },
    /// A market's loss; the fill queue is needed when its other side has to bear it.
    Market { market: MarketRef },
}

/// Resolves one debt of an account that has nothing left; `resolver` signs. `dust` are the banks of deposits that nobody can
/// seize now and that are dust all together: they are forfeited to those banks' insurance first.
pub fn resolve_bankruptcy(
    exchange: &ExchangeRef,
    resolver: Pubkey,
    margin_account: Pubkey,
    debt: &BadDebt,
    quote: &AssetRef,
    dust: &[Pubkey],
) -> Instruction {
    let (debt, resolver_account, max_repay) = match *debt {
        BadDebt::Asset {
            bank,
            resolver_account,
            max_repay,
        } => (bank, resolver_account, max_repay),
        BadDebt::Market { market } => (market.address, None, 0),
    };
    build_with(
        accounts::ResolveBankruptcy {
            resolver,
            resolver_account,
            margin_account,
            risk_state: exchange.risk_state,
            exchange: exchange.address,
            debt,
            quote_bank: quote.bank,
            vault: quote.vault,
            insurance_vault: exchange.insurance_vault,
            quote_mint: quote.mint,
            token_program: quote.token_program,
        },
        writable(dust),
        instruction::ResolveBankruptcy { max_repay },
    )
}

/// Sells a bank up to `max_amount` native units that it lacks, out of a margin account's deposit; its owner signs.
pub fn restock_bank(
    exchange: &ExchangeRef,
    trader: Pubkey,
    seller: Pubkey,
    bank: Pubkey,
    quote_bank: Pubkey,
    max_amount: u64,
) -> Instruction {
    build(
        accounts::RestockBank {
            trader,
            seller,
            risk_state: exchange.risk_state,
            bank,
            quote_bank,
        },
        instruction::RestockBank { max_amount },
    )
}
