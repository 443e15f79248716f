//! Changes that operators make, and the rule that a loosening waits out the exchange's delay.
//!
//! A tightening runs at once. A loosening, a listing or a change of oracle or authority is proposed first; the
//! same instruction that would make it then takes the matured proposal and must match it byte for byte.
use anchor_lang::prelude::*;
use plimsoll_risk::{AssetParams, FeedLimits, MarketParams, ModelParams, UnderlyingParams};

use crate::{
    error::PlimsollError,
    state::{market::ContractTerms, mode, Exchange, OracleSources, PendingChange},
};

/// A matured proposal that nobody executes within this many seconds lapses: an old one must not lie in wait.
pub const CHANGE_LIFETIME: i64 = 14 * 24 * 3600;

/// Longest delay, thirty days. A longer one, which takes effect at once, could never be shortened in time: whoever held
/// the authority's key for a moment could freeze every control, and with a pause every deposit, for good.
pub const MAX_CHANGE_DELAY: u64 = 30 * 24 * 3600;

/// What can be proposed, one variant for each instruction that can loosen something.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq)]
pub enum Change {
    ListAsset {
        mint: Pubkey,
        params: Box<AssetParams>,
        feed: u8,
    },
    CreateMarket {
        terms: ContractTerms,
        params: Box<MarketParams>,
        feed: u8,
    },
    EditAsset {
        asset: u16,
        params: Box<AssetParams>,
        feed: u8,
    },
    EditMarket {
        market: u16,
        params: Box<MarketParams>,
        feed: u8,
    },
    EditExchange {
        authority: Pubkey,
        guardian: Pubkey,
        change_delay: u64,
    },
    SetExchangeMode {
        mode: u8,
    },
    SetAssetMode {
        asset: u16,
        mode: u8,
    },
    SetMarketMode {
        market: u16,
        mode: u8,
    },
    EditPortfolioModel {
        params: Box<ModelParams>,
    },
    EditUnderlying {
        number: u8,
        params: Box<UnderlyingParams>,
    },
    AssignUnderlying {
        is_market: bool,
        index: u16,
        underlying: u8,
        samples: bool,
    },
    ListFeed {
        name: [u8; 16],
        sources: Box<OracleSources>,
        limits: FeedLimits,
    },
    EditFeed {
        feed: u8,
        sources: Box<OracleSources>,
        limits: FeedLimits,
    },
}

/// Lets a loosening pass only with a matured proposal of exactly this change, which it consumes.
pub fn require_delay<'info>(
    exchange: &Exchange,
    exchange_key: &Pubkey,
    change: &Change,
    pending: Option<&Account<'info, PendingChange>>,
    rent_to: &AccountInfo<'info>,
) -> Result<()> {
    let Some(pending) = pending else {
        require!(exchange.change_delay == 0, PlimsollError::ChangeNeedsDelay);
        return Ok(());
    };
    require_keys_eq!(
        pending.exchange,
        *exchange_key,
        PlimsollError::WrongExchange
    );
    require!(
        pending.change == serialize(change)?,
        PlimsollError::ChangeMismatch
    );
    let now = Clock::get()?.unix_timestamp;
    require!(now >= pending.ready_at, PlimsollError::ChangeNotReady);
    require!(
        now <= pending.ready_at.saturating_add(CHANGE_LIFETIME),
        PlimsollError::ChangeExpired
    );
    require_keys_eq!(
        pending.proposer,
        *rent_to.key,
        PlimsollError::ChangeMismatch
    );
    pending.close(rent_to.clone())
}

/// Modes rise from active to paused, so a higher one is tighter: guardian or authority set it at once. Lowering
/// takes the authority and the delay.
pub fn require_mode_change<'info>(
    exchange: &AccountLoader<'info, Exchange>,
    signer: &Pubkey,
    (old, new): (u8, u8),
    change: &Change,
    pending: Option<&Account<'info, PendingChange>>,
    rent_to: &AccountInfo<'info>,
) -> Result<()> {
    require!(new <= mode::PAUSED, PlimsollError::InvalidParameter);
    let key = exchange.key();
    let exchange = exchange.load()?;
    exchange.require_guardian(signer)?;
    if new >= old {
        return Ok(());
    }
    require_keys_eq!(exchange.authority, *signer, PlimsollError::NotAuthority);
    require_delay(&exchange, &key, change, pending, rent_to)
}

/// The bytes that a proposal stores.
pub fn serialize(change: &Change) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    change.serialize(&mut bytes)?;
    Ok(bytes)
}
