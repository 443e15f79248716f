//! Plimsoll: a cross-margin clearing program.
//!
//! A trader's margin account holds many collateral assets and positions in many markets; one health number,
//! computed against the exchange's [`state::RiskState`], decides what is allowed. This file lists the
//! instructions; each has its own file under `instructions`, with its accounts and checks.
use anchor_lang::prelude::*;

pub mod change;
pub mod delegation;
pub mod error;
pub mod events;
pub mod funding;
pub mod gates;
pub mod health;
pub mod instructions;
pub mod ledger;
pub mod liquidation;
pub mod matching;
pub mod oracle;
pub mod orders;
pub mod profits;
pub mod state;
pub mod token;

pub use change::Change;
pub use instructions::*;

use liquidation::LiquidatorLimits;
use orders::terms::{OrderRef, OrderSide, OrderTerms};
use plimsoll_risk::{AssetParams, FeedLimits, MarketParams, ModelParams, UnderlyingParams};
use state::{delegation::DelegateTerms, market::ContractTerms, OracleSources};

declare_id!("2ducq5nhMgwuZ8EaTgmrR8uwVEtZFzkvxhC1LJifVZsS");

#[program]
pub mod plimsoll {
    use super::*;

    // Operators

    pub fn create_exchange(
        ctx: Context<CreateExchange>,
        id: u16,
        guardian: Pubkey,
        change_delay: u64,
    ) -> Result<()> {
        instructions::create_exchange::create_exchange(ctx, id, guardian, change_delay)
    }

    pub fn extend_account(ctx: Context<ExtendAccount>) -> Result<()> {
        instructions::extend_account::extend_account(ctx)
    }

    pub fn edit_exchange(
        ctx: Context<EditExchange>,
        authority: Pubkey,
        guardian: Pubkey,
        change_delay: u64,
    ) -> Result<()> {
        instructions::edit_exchange::edit_exchange(ctx, authority, guardian, change_delay)
    }

    pub fn list_feed(
        ctx: Context<ListFeed>,
        name: [u8; 16],
        sources: OracleSources,
        limits: FeedLimits,
    ) -> Result<()> {
        instructions::list_feed::list_feed(ctx, name, sources, limits)
    }

    pub fn edit_feed(
        ctx: Context<EditFeed>,
        feed: u8,
        sources: OracleSources,
        limits: FeedLimits,
    ) -> Result<()> {
        instructions::edit_feed::edit_feed(ctx, feed, sources, limits)
    }

    pub fn list_asset(ctx: Context<ListAsset>, params: AssetParams, feed: u8) -> Result<()> {
        instructions::list_asset::list_asset(ctx, params, feed)
    }

    pub fn edit_asset(ctx: Context<EditAsset>, params: AssetParams, feed: u8) -> Result<()> {
        instructions::edit_asset::edit_asset(ctx, params, feed)
    }

    pub fn create_market(
        ctx: Context<CreateMarket>,
        terms: ContractTerms,
        params: MarketParams,
        feed: u8,
    ) -> Result<()> {
        instructions::create_market::create_market(ctx, terms, params, feed)
    }

    pub fn edit_market(ctx: Context<EditMarket>, params: MarketParams, feed: u8) -> Result<()> {
        instructions::edit_market::edit_market(ctx, params, feed)
    }

    pub fn set_exchange_mode(ctx: Context<SetExchangeMode>, mode: u8) -> Result<()> {
        instructions::set_exchange_mode::set_exchange_mode(ctx, mode)
    }

    pub fn set_asset_mode(ctx: Context<SetAssetMode>, mode: u8) -> Result<()> {
        instructions::set_asset_mode::set_asset_mode(ctx, mode)
    }

    pub fn set_market_mode(ctx: Context<SetMarketMode>, mode: u8) -> Result<()> {
        instructions::set_market_mode::set_market_mode(ctx, mode)
    }

    pub fn edit_portfolio_model(
        ctx: Context<EditPortfolioModel>,
        params: ModelParams,
    ) -> Result<()> {
        instructions::edit_portfolio_model::edit_portfolio_model(ctx, params)
    }

    pub fn edit_underlying(
        ctx: Context<EditUnderlying>,
        number: u8,
        params: UnderlyingParams,
    ) -> Result<()> {
        instructions::edit_underlying::edit_underlying(ctx, number, params)
    }

    pub fn assign_underlying(
        ctx: Context<AssignUnderlying>,
        is_market: bool,
        index: u16,
        underlying: u8,
        samples: bool,
    ) -> Result<()> {
        instructions::assign_underlying::assign_underlying(
            ctx, is_market, index, underlying, samples,
        )
    }

    pub fn propose_change(ctx: Context<ProposeChange>, change: Change) -> Result<()> {
        instructions::propose_change::propose_change(ctx, change)
    }

    pub fn cancel_change(ctx: Context<CancelChange>) -> Result<()> {
        instructions::cancel_change::cancel_change(ctx)
    }

    pub fn fund_insurance(ctx: Context<FundInsurance>, amount: u64) -> Result<()> {
        instructions::fund_insurance::fund_insurance(ctx, amount)
    }

    pub fn collect_asset_fees(ctx: Context<CollectAssetFees>) -> Result<()> {
        instructions::collect_asset_fees::collect_asset_fees(ctx)
    }

    pub fn collect_market_fees(ctx: Context<CollectMarketFees>) -> Result<()> {
        instructions::collect_market_fees::collect_market_fees(ctx)
    }

    // Oracles

    pub fn refresh<'info>(
        ctx: Context<'info, Refresh<'info>>,
        feeds: Vec<u8>,
        message: Option<SignedPrices>,
    ) -> Result<()> {
        instructions::refresh::refresh(ctx, feeds, message)
    }

    // Traders

    pub fn create_margin_account(
        ctx: Context<CreateMarginAccount>,
        sub_account: u16,
    ) -> Result<()> {
        instructions::create_margin_account::create_margin_account(ctx, sub_account)
    }

    pub fn close_margin_account(ctx: Context<CloseMarginAccount>) -> Result<()> {
        instructions::close_margin_account::close_margin_account(ctx)
    }

    pub fn set_delegate(
        ctx: Context<SetDelegate>,
        delegate: Pubkey,
        terms: DelegateTerms,
    ) -> Result<()> {
        instructions::set_delegate::set_delegate(ctx, delegate, &terms)
    }

    pub fn revoke_delegate(ctx: Context<RevokeDelegate>) -> Result<()> {
        instructions::revoke_delegate::revoke_delegate(ctx)
    }

    pub fn set_margin_mode(ctx: Context<SetMarginMode>, mode: u8) -> Result<()> {
        instructions::set_margin_mode::set_margin_mode(ctx, mode)
    }

    pub fn deposit(ctx: Context<Deposit>, amount: u64) -> Result<()> {
        instructions::deposit::deposit(ctx, amount)
    }

    pub fn withdraw(ctx: Context<Withdraw>, amount: u64, allow_borrow: bool) -> Result<()> {
        instructions::withdraw::withdraw(ctx, amount, allow_borrow)
    }

    pub fn transfer(ctx: Context<Transfer>, amount: u64, allow_borrow: bool) -> Result<()> {
        instructions::transfer::transfer(ctx, amount, allow_borrow)
    }

    pub fn place_order<'info>(
        ctx: Context<'info, PlaceOrder<'info>>,
        terms: OrderTerms,
    ) -> Result<u64> {
        instructions::place_order::place_order(ctx, terms)
    }

    pub fn cancel_order<'info>(
        ctx: Context<'info, CancelOrder<'info>>,
        order: OrderRef,
    ) -> Result<()> {
        instructions::cancel_order::cancel_order(ctx, order)
    }

    pub fn cancel_orders<'info>(
        ctx: Context<'info, CancelOrders<'info>>,
        side: Option<OrderSide>,
        limit: u8,
    ) -> Result<()> {
        instructions::cancel_orders::cancel_orders(ctx, side, limit)
    }

    // Anyone: the order books

    pub fn prune_orders<'info>(ctx: Context<'info, PruneOrders<'info>>, limit: u16) -> Result<()> {
        instructions::prune_orders::prune_orders(ctx, limit)
    }

    pub fn settle_fills<'info>(ctx: Context<'info, SettleFills<'info>>, limit: u16) -> Result<u16> {
        instructions::settle_fills::settle_fills(ctx, limit)
    }
    // Anyone: settlement and liquidation

    pub fn settle_pnl(ctx: Context<SettlePnl>) -> Result<()> {
        instructions::settle_pnl::settle_pnl(ctx)
    }

    pub fn mark_profits<'info>(ctx: Context<'info, MarkProfits<'info>>) -> Result<()> {
        instructions::mark_profits::mark_profits(ctx)
    }

    pub fn share_shortfall(ctx: Context<ShareShortfall>) -> Result<()> {
        instructions::share_shortfall::share_shortfall(ctx)
    }

    pub fn account_health(ctx: Context<AccountHealth>) -> Result<HealthReport> {
        instructions::account_health::account_health(ctx)
    }

    pub fn account_risk(ctx: Context<AccountRisk>) -> Result<AccountRiskReport> {
        instructions::account_risk::account_risk(ctx)
    }

    pub fn liquidate<'info>(
        ctx: Context<'info, Liquidate<'info>>,
        max_position_lots: u64,
        max_debt: u64,
        limit_price: u64,
        least_reward: u64,
    ) -> Result<()> {
        let limits = LiquidatorLimits {
            price: limit_price,
            reward: least_reward,
        };
        instructions::liquidate::liquidate(ctx, max_position_lots, max_debt, &limits)
    }

    pub fn resolve_bankruptcy<'info>(
        ctx: Context<'info, ResolveBankruptcy<'info>>,
        max_repay: u64,
    ) -> Result<()> {
        instructions::resolve_bankruptcy::resolve_bankruptcy(ctx, max_repay)
    }

    pub fn restock_bank(ctx: Context<RestockBank>, max_amount: u64) -> Result<()> {
        instructions::restock_bank::restock_bank(ctx, max_amount)
    }

    // Anyone: what has a final price is wound down

    pub fn close_out_position(ctx: Context<CloseOutPosition>) -> Result<()> {
        instructions::close_out_position::close_out_position(ctx)
    }

    pub fn close_out_debt(ctx: Context<CloseOutDebt>) -> Result<()> {
        instructions::close_out_debt::close_out_debt(ctx)
    }

    pub fn return_deposit(ctx: Context<ReturnDeposit>) -> Result<()> {
        instructions::return_deposit::return_deposit(ctx)
    }
}
