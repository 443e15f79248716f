//! The program's accounts: zero-copy, versioned, with room to grow.
pub mod bank;
pub mod book;
pub mod delegation;
pub mod exchange;
pub mod feed;
pub mod fill_queue;
pub mod margin_account;
pub mod market;
pub mod pending_change;
pub mod risk_state;

pub use bank::Bank;
pub use book::Book;
pub use delegation::Delegation;
pub use exchange::Exchange;
pub use feed::{Feed, OracleSource, OracleSources};
pub use fill_queue::FillQueueAccount;
pub use margin_account::MarginAccount;
pub use market::Market;
pub use pending_change::PendingChange;
pub use risk_state::RiskState;

/// Seeds of every program-derived address.
pub mod seeds {
    pub const EXCHANGE: &[u8] = b"exchange";
    pub const RISK: &[u8] = b"risk";
    pub const BANK: &[u8] = b"bank";
    pub const VAULT: &[u8] = b"vault";
    pub const MARKET: &[u8] = b"market";
    pub const BOOK: &[u8] = b"book";
    pub const FILLS: &[u8] = b"fills";
    pub const MARGIN: &[u8] = b"margin";
    pub const INSURANCE: &[u8] = b"insurance";
    pub const CHANGE: &[u8] = b"change";
    pub const DELEGATE: &[u8] = b"delegate";
}

/// The layout version written into every account.
pub const VERSION: u8 = 1;

/// What operators allow in an exchange, a bank or a market.
pub mod mode {
    /// Everything.
    pub const ACTIVE: u8 = 0;
    /// Only what lowers risk: repayments, withdrawals of deposits, reduce-only orders.
    pub const REDUCE_ONLY: u8 = 1;
    /// Only cancels, settlement, refreshes and liquidations.
    pub const PAUSED: u8 = 2;
}

/// Accounts larger than 10,240 bytes are created at this size and grown by `extend_account`, because the
/// runtime lets an instruction grow an account by no more.
pub const CREATE_SPACE: usize = 10_240;
