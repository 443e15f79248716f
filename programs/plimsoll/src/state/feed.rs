//! A feed: one price, where it comes from, and who follows it.
use anchor_lang::prelude::*;
use plimsoll_risk::{feed::Outcome, FeedLimits, FeedPrice, Observation, Origin};

pub use plimsoll_risk::feed::MAX_FEEDS;
/// No feed, where one may be named.
pub const NO_FEED: u8 = u8::MAX;
/// Fraction bits of a derived feed's rate.
pub const RATE_BITS: u32 = 48;

/// Where a price comes from.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    bytemuck::Pod,
    bytemuck::Zeroable,
    AnchorSerialize,
    AnchorDeserialize,
)]
#[repr(C)]
pub struct OracleSource {
    /// The Pyth feed id (`PYTH_PULL`); the number of the Pyth Pro feed, little-endian (`PYTH_PRO`); the address of the price
    /// account (`PYTH_LEGACY`) or of the stake pool (`DERIVED`); the price itself, little-endian in the first eight bytes
    /// (`FINAL`).
    pub feed: [u8; 32],
    /// One of [`oracle_kind`].
    pub kind: u8,
    /// `PYTH_PULL`: the receiver deployment that must own the update, one of [`receiver`].
    pub receiver: u8,
    /// `DERIVED`: the feed that the rate multiplies.
    pub base: u8,
    /// `DERIVED`: the feed of the token's own market, whose price is never exceeded, or [`NO_FEED`].
    pub cap: u8,
    /// `PYTH_PRO`: the exponent that every price must have. `FINAL`: the price's.
    pub exponent: i8,
    pub padding: [u8; 3],
}

impl OracleSource {
    /// The number of the Pyth Pro feed, where its prices come in signed messages.
    pub fn pro_number(&self) -> Option<u32> {
        let [a, b, c, d, ..] = self.feed;
        (self.kind == oracle_kind::PYTH_PRO).then(|| u32::from_le_bytes([a, b, c, d]))
    }
}

/// Kinds of [`OracleSource`].
pub mod oracle_kind {
    /// No source (a missing fallback).
    pub const NONE: u8 = 0;
    /// Pyth `PriceUpdateV2`, posted by a receiver deployment.
    pub const PYTH_PULL: u8 = 1;
    /// Legacy Pyth push account.
    pub const PYTH_LEGACY: u8 = 2;
    /// A message signed by Pyth Pro, in the transaction itself.
    pub const PYTH_PRO: u8 = 3;
    /// The exchange rate of a stake pool times a base feed.
    pub const DERIVED: u8 = 4;
    /// A final price, USD per whole token, at which everything that follows the feed is wound down. A primary source without
    /// fallback, to which only a feed that is gone can be edited, and which no edit changes again.
    pub const FINAL: u8 = 5;
}

/// Deployments of the Pyth receiver.
pub mod receiver {
    /// The original deployment.
    pub const DEFAULT: u8 = 1;
    /// The Pyth-Pro compatible deployment.
    pub const PRO_COMPATIBLE: u8 = 2;
}

/// A feed's source, and the one to fall back to when that has long been silent.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    bytemuck::Pod,
    bytemuck::Zeroable,
    AnchorSerialize,
    AnchorDeserialize,
)]
#[repr(C)]
pub struct OracleSources {
    pub primary: OracleSource,
    pub fallback: OracleSource,
}

impl OracleSources {
    /// The source that an origin names.
    pub const fn of(&self, origin: Origin) -> &OracleSource {
        match origin {
            Origin::Primary => &self.primary,
            Origin::Fallback => &self.fallback,
        }
    }

    /// Whether they state a final price.
    pub const fn is_final(&self) -> bool {
        self.primary.kind == oracle_kind::FINAL
    }
}

/// One price of the risk state: assets and markets that follow it hold it in their own unit.
#[cfg_attr(feature = "idl-build", derive(AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Feed {
    /// USD (native quote) per whole token, as mantissas at `shift`.
    pub price: FeedPrice,
    pub limits: FeedLimits,
    pub sources: OracleSources,
    /// Display name, UTF-8, zero-padded.
    pub name: [u8; 16],
    /// Bit i: asset i follows.
    pub assets: u64,
    /// Bit i: market i follows.
    pub markets: u64,
    /// Bit i: feed i is derived from this one, or capped by it.
    pub derived: u64,
    /// `DERIVED`: base tokens per token, over 2^[`RATE_BITS`]; zero before the first.
    pub rate: u64,
    /// `DERIVED`: when the rate was last read, Unix seconds.
    pub rate_read_at: i64,
    /// Binary places of the prices; chosen with the first.
    pub shift: u8,
    pub padding: [u8; 7],
}

const _: () = assert!(core::mem::size_of::<Feed>() == 272);

impl Feed {
    /// Whether the feed has had a price.
    pub fn is_priced(&self) -> bool {
        self.price.spot != 0
    }

    /// Takes an observation at this feed's scale.
    pub fn update(
        &mut self,
        seen: &Observation,
        origin: Origin,
        now_ms: i64,
        doubt_ms: u64,
    ) -> Outcome {
        self.price
            .update(seen, origin, now_ms, doubt_ms, &self.limits)
    }

    /// The feed that its price moves with, where its own index is this.
    pub fn moves_with(&self, index: u8) -> u8 {
        match self.is_derived() {
            true => self.sources.primary.base,
            false => index,
        }
    }

    /// Whether its price is the product of another feed's and a rate.
    pub fn is_derived(&self) -> bool {
        self.sources.primary.kind == oracle_kind::DERIVED
    }
}

/// The indices of a set's bits, lowest first.
pub fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        if set == 0 {
            return None;
        }
        let lowest = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        usize::try_from(lowest).ok()
    })
}
