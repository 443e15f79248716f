//! Every reason for which the program refuses an instruction. A refusal changes nothing.
use anchor_lang::prelude::*;
use plimsoll_risk::RiskError;

use crate::matching::MatchError;

/// Codes start at Anchor's offset of 6000, in this order: append, never reorder.
#[error_code]
pub enum PlimsollError {
    // Arithmetic and parameters
    #[msg("Arithmetic overflow")]
    Overflow,
    #[msg("A risk parameter is out of its bounds or order")]
    InvalidParameter,
    #[msg("Amount must be positive")]
    ZeroAmount,

    // Authorities and relations between accounts
    #[msg("Signer is not the exchange authority")]
    NotAuthority,
    #[msg("Signer is neither the exchange authority nor the guardian")]
    NotGuardian,
    #[msg("Signer is not the owner of the margin account")]
    NotOwner,
    #[msg("Signer is neither the owner of the margin account nor a delegate whose delegation is the last account passed")]
    NotOwnerOrDelegate,
    #[msg("Accounts belong to different exchanges")]
    WrongExchange,
    #[msg("Account does not belong to this market")]
    WrongMarketAccount,
    #[msg("Vault does not belong to this bank")]
    WrongVault,
    #[msg("Mint does not belong to this bank")]
    WrongMint,
    #[msg("Token account is not acceptable here")]
    WrongTokenAccount,
    #[msg("The same account was passed twice")]
    DuplicateAccount,
    #[msg("A remaining account is missing or is not of the expected kind")]
    WrongRemainingAccount,
    #[msg("Both margin accounts must have the same owner")]
    DifferentOwners,

    // States
    #[msg("The exchange's mode forbids this instruction")]
    ExchangeGated,
    #[msg("The bank's mode forbids this instruction")]
    BankGated,
    #[msg("The market's mode forbids this instruction")]
    MarketGated,
    #[msg("The margin account is in liquidation")]
    AccountGated,
    #[msg("The account has not been extended to its full size yet")]
    AccountNotExtended,
    #[msg("The account already has its full size")]
    AlreadyExtended,

    // Listing
    #[msg("The exchange has no room for another asset")]
    TooManyAssets,
    #[msg("The exchange has no room for another market")]
    TooManyMarkets,
    #[msg("The quote asset must be listed first and have 6 decimals")]
    QuoteNotListed,
    #[msg("Mint extension refused: transfer fee")]
    MintHasTransferFee,
    #[msg("Mint extension refused: permanent delegate")]
    MintHasPermanentDelegate,
    #[msg("Mint extension refused: transfer hook")]
    MintHasTransferHook,
    #[msg("Mint extension refused: new accounts start frozen")]
    MintStartsFrozen,
    #[msg("Mint extension refused: not on the list of harmless extensions")]
    MintExtensionRefused,
    #[msg("Mint has too many decimals")]
    TooManyDecimals,

    // Timelock
    #[msg("This loosens a limit: propose it and wait out the delay first")]
    ChangeNeedsDelay,
    #[msg("The pending change does not describe this change")]
    ChangeMismatch,
    #[msg("The pending change has not waited out its delay")]
    ChangeNotReady,
    #[msg("The pending change has expired")]
    ChangeExpired,

    // Oracles
    #[msg("The oracle account is not the one configured")]
    WrongOracleAccount,
    #[msg("The oracle account is owned by the wrong program")]
    WrongOracleOwner,
    #[msg("The oracle update is for another feed")]
    WrongFeed,
    #[msg("The oracle update is not fully verified")]
    NotFullyVerified,
    #[msg("The oracle price is not positive")]
    InvalidOraclePrice,
    #[msg("The oracle's confidence interval is too wide")]
    OracleTooWide,
    #[msg("The oracle update is too old")]
    OracleTooOld,
    #[msg("An entry of the risk state that this action needs is stale: refresh it first")]
    StaleEntry,

    // Balances and caps
    #[msg("Insufficient balance: borrowing was not asked for")]
    InsufficientBalance,
    #[msg("The vault does not hold enough tokens")]
    InsufficientLiquidity,
    #[msg("The deposit cap of the asset is reached")]
    DepositCap,
    #[msg("The borrow cap of the asset is reached")]
    BorrowCap,
    #[msg("The net-borrow limit of the current window is reached")]
    NetBorrowLimit,
    #[msg("The outflow limit of the current window is reached")]
    OutflowLimit,
    #[msg("The asset is in reduce-only mode")]
    AssetReduceOnly,
    #[msg("Initial health would be negative")]
    InsufficientHealth,
    #[msg("The margin account has no free slot for another asset")]
    NoFreeBalanceSlot,
    #[msg("The margin account has no free slot for another market")]
    NoFreePerpSlot,
    #[msg("The margin account has no free slot for another order")]
    NoFreeOrderSlot,
    #[msg("The margin account holds nothing in this asset or market")]
    NoSuchPosition,
    #[msg("The margin account still holds balances, positions or orders")]
    AccountNotEmpty,

    // Orders
    #[msg("Order price is zero, too large, or outside the band around the oracle")]
    PriceOutOfBand,
    #[msg("Order size is below the market's minimum or too large")]
    InvalidOrderSize,
    #[msg("Post-only order would cross the book")]
    WouldCross,
    #[msg("Fill-or-kill order cannot be filled in whole")]
    CannotFill,
    #[msg("The order would trade with its own account")]
    SelfTrade,
    #[msg("Order expiry is in the past")]
    AlreadyExpired,
    #[msg("The market is in reduce-only mode")]
    MarketReduceOnly,
    #[msg("The order does not reduce the position")]
    NotReducing,
    #[msg("The open-interest cap of the market is reached")]
    OpenInterestCap,
    #[msg("The book is full at this price")]
    BookFull,
    #[msg("No such order")]
    NoSuchOrder,
    #[msg("The fill queue is full")]
    FillQueueFull,

    // Liquidation and bankruptcy
    #[msg("The margin account is not liquidatable")]
    NotLiquidatable,
    #[msg("An account cannot liquidate itself")]
    SelfLiquidation,
    #[msg("The account has fills waiting in this market's queue: settle them first")]
    FillsPending,
    #[msg("The account still has open orders: pass the books of their markets")]
    OrdersRemain,
    #[msg("What was asked to be taken over or swapped is not there")]
    NothingToLiquidate,
    #[msg("The account still holds something of value: liquidate that first")]
    NotBankrupt,
    #[msg("The spot price is more than half away from its own recent average")]
    BrokenFeed,

    // Settlement and fees
    #[msg("Nothing to settle")]
    NothingToSettle,
    #[msg("Nothing to collect")]
    NothingToCollect,
    #[msg("Realised loss cannot be paid: the account has neither quote nor room to borrow it")]
    CannotPayLoss,

    // Orders, continued
    #[msg("Book, fill queue and margin account disagree about an order")]
    OrderMismatch,

    // Liquidation, continued
    #[msg("An optional account that this needs was not passed")]
    MissingAccount,
    #[msg("The liquidation slice is too small to help")]
    SliceTooSmall,
    #[msg("The liquidation would lower the account's health")]
    LiquidationHarms,
    #[msg("Neither insurance nor anyone else can bear the loss now")]
    NobodyCanPay,

    // The portfolio model
    #[msg("The exchange has no portfolio model yet")]
    NoPortfolioModel,
    #[msg("The exchange has no such underlying")]
    UnknownUnderlying,
    #[msg("The exchange has no room for another underlying")]
    TooManyUnderlyings,
    #[msg("The quote asset follows no underlying: every price is told in it")]
    QuoteHasNoUnderlying,

    // Feeds
    #[msg("The exchange has no such feed")]
    UnknownFeed,
    #[msg("The exchange has no room for another feed")]
    TooManyFeeds,
    #[msg("The fallback counts only once the primary has long been silent")]
    PrimaryAlive,
    #[msg("The fallback's price is too far from the primary's last and the stable price")]
    FallbackDiverged,
    #[msg("Nothing may be added in an asset whose price is in doubt: refresh its feed first")]
    DepositInDoubt,
    #[msg(
        "Nothing is seized at the prices that the account was flagged at: refresh its feeds first"
    )]
    SameObservation,
    #[msg("What is in doubt changes hands only once the account has been flagged for ten minutes")]
    DoubtTooYoung,
    #[msg("Too few publishers stand behind the price")]
    TooFewPublishers,
    #[msg("The price's exponent is not the one that the feed expects")]
    WrongExponent,
    #[msg("The message has a price for a listed feed that was left out")]
    FeedLeftOut,

    // Signed messages
    #[msg("The account is not the instructions sysvar")]
    WrongInstructionsSysvar,
    #[msg("The named instruction is not the check of one signature over a message that it carries itself")]
    NotASignedMessage,
    #[msg("The account is not the one in which Pyth lists its trusted signers")]
    WrongSignerAccount,
    #[msg("The message's signer is not trusted, or no longer")]
    UntrustedSigner,
    #[msg("The signed message is not a price message, or is cut short")]
    MalformedMessage,
    #[msg("The signed message has a property of unknown length")]
    UnknownProperty,
    #[msg("The signed message is dated ahead of the chain's clock")]
    MessageFromTheFuture,
    #[msg("The signed message lacks a property that a price needs")]
    MissingProperty,

    // Winding down
    #[msg("The asset or market is being wound down at a final price: nothing may be added, changed or traded any more")]
    WindingDown,
    #[msg("The asset or market has no final price: it is not being wound down")]
    NotWindingDown,
    #[msg("The feed is not gone: a price that was not doubted is younger than doubt lasts")]
    FeedAlive,
    #[msg("The quote asset cannot be wound down: every price is told in it")]
    QuoteCannotWindDown,
    #[msg("The two accounts hold nothing that could be closed out against each other")]
    NothingToCloseOut,
    #[msg("None of the accounts has anything in the market that could be marked")]
    NothingToMark,
    #[msg("No epoch is open, or something in the market is not marked in it yet")]
    EpochIncomplete,

    // Orders
    #[msg("The account's reduce-only orders in the market are larger than the position would be: cancel them first")]
    ReduceOnlyExceeded,
    #[msg("Depositors who would bear a part of the loss have withdrawn in this slot")]
    WithdrawnInSlot,
    #[msg("The bank lacks nothing that could be bought")]
    NothingMissing,
    #[msg("The mint's displayed amounts are multiplied; its feed must be one per raw unit, and say so")]
    MintScalesAmounts,
    #[msg("An account flagged for liquidation may reduce only in a way that improves it")]
    MustImprove,
    #[msg("The price is worse than the liquidator's limit")]
    PriceBeyondLimit,
    #[msg("The reward is below the least that the liquidator asks for")]
    RewardTooSmall,

    // Delegates
    #[msg("The delegation has expired")]
    DelegationExpired,
    #[msg("The delegate may not do this")]
    OutsideScope,
    #[msg("The delegate may not act in this market")]
    MarketNotDelegated,
    #[msg("It might lose more against the oracle than is left of the delegate's budget")]
    LossBudget,
    #[msg("A delegate's order must expire within the time for which it may rest")]
    RestsTooLong,
    #[msg("The margin account still has delegates: revoke them first")]
    DelegatesRemain,
    #[msg("The account is worth less than its owner lets a delegate add risk with")]
    BelowLeastEquity,
    #[msg("The account has as many delegates as there can be: 255")]
    TooManyDelegates,
}

impl From<RiskError> for PlimsollError {
    fn from(error: RiskError) -> Self {
        match error {
            RiskError::InvalidParameter => Self::InvalidParameter,
            RiskError::NothingToLiquidate => Self::NothingToLiquidate,
            RiskError::SliceTooSmall => Self::SliceTooSmall,
            RiskError::RaisesRisk => Self::LiquidationHarms,
            RiskError::UnknownUnderlying => Self::UnknownUnderlying,
            RiskError::EpochIncomplete => Self::EpochIncomplete,
            _ => Self::Overflow,
        }
    }
}

impl From<MatchError> for PlimsollError {
    fn from(error: MatchError) -> Self {
        match error {
            MatchError::InvalidLots => Self::InvalidOrderSize,
            MatchError::InvalidPrice => Self::PriceOutOfBand,
            MatchError::Expired => Self::AlreadyExpired,
            MatchError::WouldCross => Self::WouldCross,
            MatchError::NotFillable => Self::CannotFill,
            MatchError::SelfTrade => Self::SelfTrade,
            MatchError::BookFull => Self::BookFull,
            MatchError::OrderNotFound => Self::NoSuchOrder,
            MatchError::InvalidSequence | MatchError::Overflow => Self::Overflow,
            MatchError::DuplicateOrder => Self::OrderMismatch,
        }
    }
}

impl From<MatchError> for Error {
    #[cold]
    fn from(error: MatchError) -> Self {
        PlimsollError::from(error).into()
    }
}

/// Lifts the risk crate's results into Anchor's, so that handlers can use `?`.
pub trait OrRefuse<T> {
    /// The value, or the program error that names the refusal.
    fn or_refuse(self) -> Result<T>;
}

impl<T> OrRefuse<T> for core::result::Result<T, RiskError> {
    fn or_refuse(self) -> Result<T> {
        self.map_err(|e| PlimsollError::from(e).into())
    }
}

impl<T> OrRefuse<T> for Option<T> {
    fn or_refuse(self) -> Result<T> {
        self.ok_or_else(|| PlimsollError::Overflow.into())
    }
}
