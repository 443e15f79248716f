//! Refusals of the program: from a custom error code or an error to what it means.
use anchor_lang::{error::Error, solana_program::program_error::ProgramError};
use plimsoll::error::PlimsollError;
use serde::Serialize;

/// The first code of the program's own errors; lower ones are Anchor's.
pub const FIRST_CODE: u32 = 6000;

macro_rules! refusals {
    ($($name:ident),+ $(,)?) => {
        /// Every refusal, in the order of its code.
        pub const ALL: &[PlimsollError] = &[$(PlimsollError::$name),+];
    };
}

refusals! {
    Overflow,
    InvalidParameter,
    ZeroAmount,
    NotAuthority,
    NotGuardian,
    NotOwner,
    NotOwnerOrDelegate,
    WrongExchange,
    WrongMarketAccount,
    WrongVault,
    WrongMint,
    WrongTokenAccount,
    DuplicateAccount,
    WrongRemainingAccount,
    DifferentOwners,
    ExchangeGated,
    BankGated,
    MarketGated,
    AccountGated,
    AccountNotExtended,
    AlreadyExtended,
    TooManyAssets,
    TooManyMarkets,
    QuoteNotListed,
    MintHasTransferFee,
    MintHasPermanentDelegate,
    MintHasTransferHook,
    MintStartsFrozen,
    MintExtensionRefused,
    TooManyDecimals,
    ChangeNeedsDelay,
    ChangeMismatch,
    ChangeNotReady,
    ChangeExpired,
    WrongOracleAccount,
    WrongOracleOwner,
    WrongFeed,
    NotFullyVerified,
    InvalidOraclePrice,
    OracleTooWide,
    OracleTooOld,
    StaleEntry,
    InsufficientBalance,
    InsufficientLiquidity,
    DepositCap,
    BorrowCap,
    NetBorrowLimit,
    OutflowLimit,
    AssetReduceOnly,
    InsufficientHealth,
    NoFreeBalanceSlot,
    NoFreePerpSlot,
    NoFreeOrderSlot,
    NoSuchPosition,
    AccountNotEmpty,
    PriceOutOfBand,
    InvalidOrderSize,
    WouldCross,
    CannotFill,
    SelfTrade,
    AlreadyExpired,
    MarketReduceOnly,
    NotReducing,
    OpenInterestCap,
    BookFull,
    NoSuchOrder,
    FillQueueFull,
    NotLiquidatable,
    SelfLiquidation,
    FillsPending,
    OrdersRemain,
    NothingToLiquidate,
    NotBankrupt,
    BrokenFeed,
    NothingToSettle,
    NothingToCollect,
    CannotPayLoss,
    OrderMismatch,
    MissingAccount,
    SliceTooSmall,
    LiquidationHarms,
    NobodyCanPay,
    NoPortfolioModel,
    UnknownUnderlying,
    TooManyUnderlyings,
    QuoteHasNoUnderlying,
    UnknownFeed,
    TooManyFeeds,
    PrimaryAlive,
    FallbackDiverged,
    DepositInDoubt,
    SameObservation,
    DoubtTooYoung,
    TooFewPublishers,
    WrongExponent,
    FeedLeftOut,
    WrongInstructionsSysvar,
    NotASignedMessage,
    WrongSignerAccount,
    UntrustedSigner,
    MalformedMessage,
    UnknownProperty,
    MessageFromTheFuture,
    MissingProperty,
    WindingDown,
    NotWindingDown,
    FeedAlive,
    QuoteCannotWindDown,
    NothingToCloseOut,
    NothingToMark,
    EpochIncomplete,
    ReduceOnlyExceeded,
    WithdrawnInSlot,
    NothingMissing,
    MintScalesAmounts,
    MustImprove,
    PriceBeyondLimit,
    RewardTooSmall,
    DelegationExpired,
    OutsideScope,
    MarketNotDelegated,
    LossBudget,
    RestsTooLong,
    DelegatesRemain,
    BelowLeastEquity,
    TooManyDelegates,
}

/// The refusal of a custom error code, if it is one of this program's. Its `name()` is the variant's name and its
/// `Display` the message.
pub fn from_code(code: u32) -> Option<PlimsollError> {
    let index = usize::try_from(code.checked_sub(FIRST_CODE)?).ok()?;
    ALL.get(index).copied()
}

/// The custom error code of a refusal.
pub fn code(refusal: PlimsollError) -> u32 {
    refusal.into()
}

/// A custom error code for people: name and message of a refusal, or whose code it is.
pub fn describe(code: u32) -> String {
    match from_code(code) {
        Some(refusal) => format!("{}: {refusal}", refusal.name()),
        None if code < FIRST_CODE => format!("error {code} of Anchor or of another program"),
        None => format!("unknown error {code}"),
    }
}

/// Why the program would refuse an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The custom error code that the chain would report.
    pub code: u32,
    /// The variant's name.
    pub name: String,
    /// A plain sentence.
    pub message: String,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::AnchorError(error) => Self {
                code: error.error_code_number,
                name: error.error_name,
                message: error.error_msg,
            },
            Error::ProgramError(error) => match error.program_error {
                ProgramError::Custom(code) => Self {
                    code,
                    name: "Custom".into(),
                    message: describe(code),
                },
                other => Self {
                    code: 0,
                    name: "ProgramError".into(),
                    message: other.to_string(),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The variants as the program's source lists them.
    fn declared() -> Vec<&'static str> {
        let source = include_str!("../../../programs/plimsoll/src/error.rs");
        let body = source
            .split("pub enum PlimsollError {")
            .nth(1)
            .expect("the enum");
        let body = body.split("\n}").next().unwrap_or_default();
        // Variants stand alone, before a comma; what is a message does not.
        let is_name = |line: &&str| line.chars().all(|c| c.is_ascii_alphanumeric());
        let named = body
            .lines()
            .filter_map(|line| line.trim().strip_suffix(','));
        named.filter(is_name).collect()
    }

    #[test]
    fn lists_every_refusal_at_its_code() {
        let names: Vec<String> = ALL.iter().map(|e| e.name()).collect();
        assert_eq!(names, declared());
        for (i, refusal) in ALL.iter().enumerate() {
            assert_eq!(code(*refusal), FIRST_CODE + u32::try_from(i).expect("few"));
        }
    }

    #[test]
    fn tells_a_refusal_as_the_chain_does() {
        let refusal = Refusal::from(Error::from(PlimsollError::StaleEntry));
        assert_eq!(refusal.code, code(PlimsollError::StaleEntry));
        assert_eq!(refusal.name, "StaleEntry");
        assert_eq!(refusal.message, PlimsollError::StaleEntry.to_string());
    }

    #[test]
    fn describes_codes() {
        assert_eq!(describe(6000), "Overflow: Arithmetic overflow");
        assert!(describe(3012).contains("Anchor"));
        assert!(describe(9999).contains("unknown"));
    }
}
