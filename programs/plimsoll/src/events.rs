//! What the program tells indexers: one event for each change that a user would want to see.
use anchor_lang::prelude::*;

use crate::orders::report::{CancelledOrder, MakerFill};

#[event]
pub struct ExchangeCreated {
    pub exchange: Pubkey,
    pub authority: Pubkey,
}

#[event]
pub struct ExchangeEdited {
    pub exchange: Pubkey,
    pub authority: Pubkey,
    pub guardian: Pubkey,
    pub change_delay: u64,
}

#[event]
pub struct AssetListed {
    pub exchange: Pubkey,
    pub bank: Pubkey,
    pub mint: Pubkey,
    pub asset: u16,
}

/// Parameters or feed of an asset changed; the bank account holds the new ones.
#[event]
pub struct AssetEdited {
    pub bank: Pubkey,
    pub asset: u16,
}

#[event]
pub struct MarketCreated {
    pub exchange: Pubkey,
    pub market: Pubkey,
    pub index: u16,
}

/// Parameters or feed of a market changed; the market account holds the new ones.
#[event]
pub struct MarketEdited {
    pub market: Pubkey,
    pub index: u16,
}

/// The portfolio model's parameters changed; the risk state holds the new ones.
#[event]
pub struct PortfolioModelEdited {
    pub exchange: Pubkey,
}

/// An underlying was added or its parameters changed; the risk state holds the new ones.
#[event]
pub struct UnderlyingEdited {
    pub exchange: Pubkey,
    /// From 1.
    pub underlying: u8,
}

/// An asset or market follows an underlying from now on (0: none).
#[event]
pub struct UnderlyingAssigned {
    pub exchange: Pubkey,
    /// Asset, or market when `is_market`.
    pub index: u16,
    pub is_market: bool,
    pub underlying: u8,
    /// Whether the underlying learns its volatility from this price.
    pub samples: bool,
}

/// `account` is an exchange, a bank or a market.
#[event]
pub struct ModeSet {
    pub account: Pubkey,
    pub mode: u8,
    pub by: Pubkey,
}

#[event]
pub struct ChangeProposed {
    pub exchange: Pubkey,
    pub pending_change: Pubkey,
    pub ready_at: i64,
}

#[event]
pub struct ChangeCancelled {
    pub exchange: Pubkey,
    pub pending_change: Pubkey,
    pub by: Pubkey,
}

#[event]
pub struct InsuranceFunded {
    pub exchange: Pubkey,
    pub amount: u64,
}

/// `account` is the bank or market whose fees were collected; `insurance` went to the insurance vault.
#[event]
pub struct FeesCollected {
    pub account: Pubkey,
    pub fees: u64,
    pub insurance: u64,
}

/// A feed, bank or market that `refresh` left as it was; `feed` is 255 where it is no feed, `account` the oracle's, bank's or
/// market's, `reason` the program's error code.
#[event]
pub struct RefreshSkipped {
    pub account: Pubkey,
    pub feed: u8,
    pub reason: u32,
}

#[event]
pub struct FeedListed {
    pub exchange: Pubkey,
    pub feed: u8,
}

/// Limits or sources of a feed changed; the risk state holds the new ones.
#[event]
pub struct FeedEdited {
    pub exchange: Pubkey,
    pub feed: u8,
}

#[event]
pub struct MarginAccountCreated {
    pub margin_account: Pubkey,
    pub owner: Pubkey,
    pub sub_account: u16,
}

#[event]
pub struct MarginAccountClosed {
    pub margin_account: Pubkey,
    pub owner: Pubkey,
}

/// What a delegate may do from now on: as [`crate::state::delegation::DelegateTerms`].
#[event]
pub struct DelegateSet {
    pub margin_account: Pubkey,
    pub delegate: Pubkey,
    pub scope: u8,
    pub markets: u64,
    pub expires_at: i64,
    pub loss_per_day: u64,
    pub rest_secs: u32,
    pub least_equity: u64,
}

#[event]
pub struct DelegateRevoked {
    pub margin_account: Pubkey,
    pub delegate: Pubkey,
}

/// How an account is margined from now on: 0 standard, 1 portfolio.
#[event]
pub struct MarginModeSet {
    pub margin_account: Pubkey,
    pub mode: u8,
}

/// `amount` is what arrived in the vault; `shares` is the balance afterwards.
#[event]
pub struct Deposited {
    pub margin_account: Pubkey,
    pub asset: u16,
    pub amount: u64,
    pub shares: i64,
}

/// `borrowed` is the part of `amount` that was borrowed; `shares` is the balance afterwards.
#[event]
pub struct Withdrawn {
    pub margin_account: Pubkey,
    pub asset: u16,
    pub amount: u64,
    pub borrowed: u64,
    pub shares: i64,
}

#[event]
pub struct Transferred {
    pub from: Pubkey,
    pub to: Pubkey,
    pub asset: u16,
    pub amount: u64,
}

/// `order_id` counts the orders of a market without a gap: an indexer that misses one missed its trades.
#[event]
pub struct OrderPlaced {
    pub margin_account: Pubkey,
    pub market: u16,
    pub order_id: u64,
    pub client_id: u64,
    /// 0 bid, 1 ask.
    pub side: u8,
    pub price: u64,
    /// Lots that were filled at once.
    pub filled_lots: i64,
    /// Native quote of those fills, before fees.
    pub filled_quote: u64,
    pub fee: i64,
    /// Lots that now rest in the book.
    pub resting_lots: i64,
}

/// Lots of an account's orders in a market that left the book without trading.
#[event]
pub struct OrdersCancelled {
    pub margin_account: Pubkey,
    pub market: u16,
    pub orders: Vec<CancelledOrder>,
}

/// Trades of one order. The fills of all events with one `taker_order_id` have the lots that its [`OrderPlaced`] names.
#[event]
pub struct OrderFilled {
    pub market: u16,
    pub taker: Pubkey,
    pub taker_order_id: u64,
    /// 0 when the makers bought.
    pub maker_side: u8,
    pub fills: Vec<MakerFill>,
}

/// Queued fills and removals of a maker that are now in its account.
#[event]
pub struct FillsSettled {
    pub margin_account: Pubkey,
    pub market: u16,
    pub count: u16,
}

/// Positive `amount`: a profit paid from the pool; negative: a loss paid into it.
#[event]
pub struct PnlSettled {
    pub margin_account: Pubkey,
    pub market: u16,
    pub amount: i64,
}

/// A market's shortfall is about to be shared: profits are marked by what was held now.
#[event]
pub struct EpochOpened {
    pub market: u16,
    pub epoch: u32,
    /// What is to be given up, native quote.
    pub shortfall: u64,
    /// Mantissa of the entry's spot price, at which profits are marked.
    pub price: u64,
}

/// Accounts were marked in a market.
#[event]
pub struct ProfitsMarked {
    pub market: u16,
    /// The open epoch; zero when none is.
    pub epoch: u32,
    /// How many accounts.
    pub marked: u16,
    /// Marked profits of the market that no collected loss covers, native quote.
    pub uncovered: u64,
    /// Collected losses that are set aside for profits, native quote.
    pub covered: u64,
}

/// The profits marked in an epoch gave up the same part for the market's shortfall.
#[event]
pub struct ShortfallShared {
    pub market: u16,
    pub epoch: u32,
    /// What was marked, native quote.
    pub profits: u64,
    /// What all of them together give up.
    pub given_up: u64,
    /// The shortfall that is left for a later epoch.
    pub left: u64,
}

/// An account fell below its maintenance line and was flagged, or was cleared again.
#[event]
pub struct LiquidationFlag {
    pub margin_account: Pubkey,
    pub flagged: bool,
    pub maintenance_health: i64,
    pub liquidation_end_health: i64,
}

#[event]
pub struct PositionLiquidated {
    pub margin_account: Pubkey,
    pub liquidator: Pubkey,
    pub market: u16,
    /// Signed lots that the liquidator took over.
    pub lots: i64,
    /// Native quote at the oracle price.
    pub notional: u64,
    /// Native quote; the part for insurance is included.
    pub fee: u64,
    pub insurance_fee: u64,
    pub liquidation_end_health: i64,
    /// Native quote that insurance added to the liquidator's part of the fee.
    pub top_up: u64,
}

#[event]
pub struct CollateralLiquidated {
    pub margin_account: Pubkey,
    pub liquidator: Pubkey,
    /// Asset (or market, for a claim on its pool) that was seized.
    pub collateral: u16,
    pub collateral_is_pnl: bool,
    pub seized: u64,
    /// The part of `seized` that stays with the protocol as insurance.
    pub insurance: u64,
    /// Asset (or market, for its negative PnL) that was repaid.
    pub debt: u16,
    pub debt_is_pnl: bool,
    pub repaid: u64,
    pub liquidation_end_health: i64,
    /// What insurance added to what the liquidator received of `seized`, in kind.
    pub top_up: u64,
}

/// Dust that nobody could seize went to its bank's insurance, so that it holds no bankruptcy up.
#[event]
pub struct DustForfeited {
    pub margin_account: Pubkey,
    pub asset: u16,
    /// Native units of the asset.
    pub amount: u64,
}

#[event]
pub struct BankruptcyResolved {
    pub margin_account: Pubkey,
    /// Asset, or market when `is_pnl`.
    pub index: u16,
    pub is_pnl: bool,
    /// Native units of the debt.
    pub loss: u64,
    pub from_insurance: u64,
    /// Trading fees of the market that were waived for it.
    pub from_fees: u64,
    /// What depositors bear, or the market's profits will share.
    pub socialized: u64,
}

/// A bank bought what it lacked of its asset with quote that insurance had set aside.
#[event]
pub struct BankRestocked {
    pub bank: Pubkey,
    /// Margin account whose deposit it bought.
    pub seller: Pubkey,
    /// Native units of the asset.
    pub amount: u64,
    /// Native quote for them.
    pub paid: u64,
    /// Native units that depositors bear, since no quote was left to buy them with.
    pub socialized: u64,
}

/// Two opposite positions of a market that is being wound down were closed against each other at its final price.
#[event]
pub struct PositionsClosedOut {
    pub market: u16,
    /// Margin account that held the long position.
    pub long: Pubkey,
    /// Margin account that held the short one.
    pub short: Pubkey,
    pub lots: i64,
    /// Native quote at the final price.
    pub notional: i64,
}

/// A debt in an asset that is being wound down was settled with a deposit of it, or with what the bank was owed.
#[event]
pub struct DebtClosedOut {
    pub asset: u16,
    /// Margin account whose deposit paid; the default key where it was the bank's fees or insurance.
    pub depositor: Pubkey,
    /// Margin account that owed.
    pub debtor: Pubkey,
    /// Native units of the asset.
    pub amount: u64,
    /// Native quote that the debtor paid.
    pub paid: u64,
    /// Native quote that the depositor, or the quote bank, received.
    pub received: u64,
}
