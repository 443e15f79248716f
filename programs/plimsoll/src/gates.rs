//! The table of states in which each instruction may run. What the table does not allow is refused.
//!
//! Staleness, caps and health are separate checks; this table is about modes that operators set and the
//! liquidation flag of an account.
use anchor_lang::prelude::*;

use crate::{
    error::PlimsollError,
    state::{margin_account::account_state, mode},
};

const ACTIVE: u8 = 1 << mode::ACTIVE;
const REDUCE_ONLY: u8 = 1 << mode::REDUCE_ONLY;
const PAUSED: u8 = 1 << mode::PAUSED;
const RUNNING: u8 = ACTIVE | REDUCE_ONLY;
const ALWAYS: u8 = ACTIVE | REDUCE_ONLY | PAUSED;

const NORMAL: u8 = 1 << account_state::ACTIVE;
const FLAGGED: u8 = 1 << account_state::LIQUIDATING;
const ANY_ACCOUNT: u8 = NORMAL | FLAGGED;

/// The states in which an instruction may run; a field an instruction has no such account for is `ALWAYS`.
pub struct Gate {
    /// Name of the instruction, as in `lib.rs`.
    pub instruction: &'static str,
    /// Modes of the exchange.
    pub exchange: u8,
    /// Modes of the bank or banks.
    pub bank: u8,
    /// Modes of the market.
    pub market: u8,
    /// States of the margin account that acts (for liquidations: of the liquidator).
    pub account: u8,
}

const fn gate(instruction: &'static str, exchange: u8, bank: u8, market: u8, account: u8) -> Gate {
    Gate {
        instruction,
        exchange,
        bank,
        market,
        account,
    }
}

// Operators and configuration: modes never lock the operators out of the controls that set them.
pub const CREATE_EXCHANGE: Gate = gate("create_exchange", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const EXTEND_ACCOUNT: Gate = gate("extend_account", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const EDIT_EXCHANGE: Gate = gate("edit_exchange", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const LIST_ASSET: Gate = gate("list_asset", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const EDIT_ASSET: Gate = gate("edit_asset", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const CREATE_MARKET: Gate = gate("create_market", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const EDIT_MARKET: Gate = gate("edit_market", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const SET_EXCHANGE_MODE: Gate = gate("set_exchange_mode", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const SET_ASSET_MODE: Gate = gate("set_asset_mode", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const SET_MARKET_MODE: Gate = gate("set_market_mode", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const PROPOSE_CHANGE: Gate = gate("propose_change", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const CANCEL_CHANGE: Gate = gate("cancel_change", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const LIST_FEED: Gate = gate("list_feed", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const EDIT_FEED: Gate = gate("edit_feed", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const EDIT_PORTFOLIO_MODEL: Gate =
    gate("edit_portfolio_model", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const EDIT_UNDERLYING: Gate = gate("edit_underlying", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const ASSIGN_UNDERLYING: Gate = gate("assign_underlying", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const FUND_INSURANCE: Gate = gate("fund_insurance", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const COLLECT_ASSET_FEES: Gate =
    gate("collect_asset_fees", RUNNING, RUNNING, ALWAYS, ANY_ACCOUNT);
pub const COLLECT_MARKET_FEES: Gate = gate(
    "collect_market_fees",
    RUNNING,
    RUNNING,
    RUNNING,
    ANY_ACCOUNT,
);
pub const REFRESH: Gate = gate("refresh", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);

// Traders.
pub const CREATE_MARGIN_ACCOUNT: Gate = gate(
    "create_margin_account",
    RUNNING,
    ALWAYS,
    ALWAYS,
    ANY_ACCOUNT,
);
pub const CLOSE_MARGIN_ACCOUNT: Gate = gate("close_margin_account", ALWAYS, ALWAYS, ALWAYS, NORMAL);
pub const SET_DELEGATE: Gate = gate("set_delegate", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const REVOKE_DELEGATE: Gate = gate("revoke_delegate", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
/// An account in liquidation stays in the mode in which it fell below its line.
pub const SET_MARGIN_MODE: Gate = gate("set_margin_mode", RUNNING, ALWAYS, ALWAYS, NORMAL);
/// In reduce-only mode of the exchange or bank a deposit may only repay (checked where the amount is known).
pub const DEPOSIT: Gate = gate("deposit", RUNNING, RUNNING, ALWAYS, ANY_ACCOUNT);
/// In reduce-only mode of the exchange or bank nothing may be borrowed.
pub const WITHDRAW: Gate = gate("withdraw", RUNNING, RUNNING, ALWAYS, NORMAL);
pub const TRANSFER: Gate = gate("transfer", RUNNING, RUNNING, ALWAYS, NORMAL);
/// In reduce-only mode of the exchange or market an order must be reduce-only. Of a flagged account one must leave Init health whole,
/// or reduce at once and improve the account (checked where the outcome is known).
pub const PLACE_ORDER: Gate = gate("place_order", RUNNING, ALWAYS, RUNNING, ANY_ACCOUNT);
pub const CANCEL_ORDER: Gate = gate("cancel_order", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const CANCEL_ORDERS: Gate = gate("cancel_orders", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const ACCOUNT_HEALTH: Gate = gate("account_health", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const ACCOUNT_RISK: Gate = gate("account_risk", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);

// Anyone. Nothing that settles or liquidates is ever gated by a mode.
pub const SETTLE_FILLS: Gate = gate("settle_fills", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const SETTLE_PNL: Gate = gate("settle_pnl", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const MARK_PROFITS: Gate = gate("mark_profits", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const SHARE_SHORTFALL: Gate = gate("share_shortfall", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const PRUNE_ORDERS: Gate = gate("prune_orders", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const LIQUIDATE: Gate = gate("liquidate", ALWAYS, ALWAYS, ALWAYS, NORMAL);
pub const RESOLVE_BANKRUPTCY: Gate = gate("resolve_bankruptcy", ALWAYS, ALWAYS, ALWAYS, NORMAL);
pub const RESTOCK_BANK: Gate = gate("restock_bank", ALWAYS, ALWAYS, ALWAYS, NORMAL);

/// What has a final price is closed out in every mode and state: it adds to nobody's risk.
pub const CLOSE_OUT_POSITION: Gate =
    gate("close_out_position", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
pub const CLOSE_OUT_DEBT: Gate = gate("close_out_debt", ALWAYS, ALWAYS, ALWAYS, ANY_ACCOUNT);
/// Tokens leave: as a withdrawal.
pub const RETURN_DEPOSIT: Gate = gate("return_deposit", RUNNING, RUNNING, ALWAYS, NORMAL);

/// Every row; a test compares it with the instructions of the program.
pub const TABLE: &[&Gate] = &[
    &CREATE_EXCHANGE,
    &EXTEND_ACCOUNT,
    &EDIT_EXCHANGE,
    &LIST_FEED,
    &EDIT_FEED,
    &LIST_ASSET,
    &EDIT_ASSET,
    &CREATE_MARKET,
    &EDIT_MARKET,
    &SET_EXCHANGE_MODE,
    &SET_ASSET_MODE,
    &SET_MARKET_MODE,
    &PROPOSE_CHANGE,
    &CANCEL_CHANGE,
    &EDIT_PORTFOLIO_MODEL,
    &EDIT_UNDERLYING,
    &ASSIGN_UNDERLYING,
    &FUND_INSURANCE,
    &COLLECT_ASSET_FEES,
    &COLLECT_MARKET_FEES,
    &REFRESH,
    &CREATE_MARGIN_ACCOUNT,
    &CLOSE_MARGIN_ACCOUNT,
    &SET_DELEGATE,
    &REVOKE_DELEGATE,
    &SET_MARGIN_MODE,
    &DEPOSIT,
    &WITHDRAW,
    &TRANSFER,
    &PLACE_ORDER,
    &CANCEL_ORDER,
    &CANCEL_ORDERS,
    &ACCOUNT_HEALTH,
    &ACCOUNT_RISK,
    &SETTLE_FILLS,
    &SETTLE_PNL,
    &MARK_PROFITS,
    &SHARE_SHORTFALL,
    &PRUNE_ORDERS,
    &LIQUIDATE,
    &RESOLVE_BANKRUPTCY,
    &RESTOCK_BANK,
    &CLOSE_OUT_POSITION,
    &CLOSE_OUT_DEBT,
    &RETURN_DEPOSIT,
];

impl Gate {
    /// Refuses unless the exchange's mode is allowed.
    pub fn exchange(&self, mode: u8) -> Result<&Self> {
        require!(allows(self.exchange, mode), PlimsollError::ExchangeGated);
        Ok(self)
    }

    /// Refuses unless the bank's mode is allowed.
    pub fn bank(&self, mode: u8) -> Result<&Self> {
        require!(allows(self.bank, mode), PlimsollError::BankGated);
        Ok(self)
    }

    /// Refuses unless the market's mode is allowed.
    pub fn market(&self, mode: u8) -> Result<&Self> {
        require!(allows(self.market, mode), PlimsollError::MarketGated);
        Ok(self)
    }

    /// Refuses unless the margin account's state is allowed.
    pub fn account(&self, state: u8) -> Result<&Self> {
        require!(allows(self.account, state), PlimsollError::AccountGated);
        Ok(self)
    }
}

fn allows(set: u8, state: u8) -> bool {
    1u8.checked_shl(u32::from(state))
        .is_some_and(|bit| set & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Names of the handlers inside `#[program] pub mod plimsoll`.
    fn instructions() -> BTreeSet<String> {
        let source = include_str!("lib.rs");
        let program = source.split("#[program]").nth(1).expect("a program module");
        program
            .lines()
            .filter_map(|l| l.trim().strip_prefix("pub fn "))
            .map(|l| l.split(['(', '<']).next().unwrap_or_default().to_string())
            .collect()
    }

    #[test]
    fn every_instruction_has_exactly_one_row() {
        let rows: BTreeSet<String> = TABLE.iter().map(|g| g.instruction.to_string()).collect();
        assert_eq!(rows.len(), TABLE.len(), "a row stands twice");
        assert_eq!(rows, instructions());
    }

    /// A row that no handler consults guards nothing.
    #[test]
    fn gated_rows_are_consulted_by_their_handler() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/instructions");
        for row in TABLE.iter().filter(|g| {
            g.exchange != ALWAYS
                || g.bank != ALWAYS
                || g.market != ALWAYS
                || g.account != ANY_ACCOUNT
        }) {
            let source = std::fs::read_to_string(dir.join(format!("{}.rs", row.instruction)))
                .expect("one file per instruction");
            let name = format!("gates::{}", row.instruction.to_uppercase());
            assert!(
                source.contains(&name),
                "{} never asks {name}",
                row.instruction
            );
        }
    }

    #[test]
    fn liquidation_passes_every_mode() {
        for mode in [mode::ACTIVE, mode::REDUCE_ONLY, mode::PAUSED] {
            for gate in [
                &LIQUIDATE,
                &RESOLVE_BANKRUPTCY,
                &SETTLE_FILLS,
                &CANCEL_ORDER,
            ] {
                assert!(gate.exchange(mode).is_ok());
                assert!(gate.bank(mode).is_ok());
                assert!(gate.market(mode).is_ok());
            }
        }
    }

    #[test]
    fn unknown_states_are_refused() {
        assert!(LIQUIDATE.exchange(3).is_err());
        assert!(LIQUIDATE.exchange(255).is_err());
    }
}
