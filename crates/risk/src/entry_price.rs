//! The price of an asset or market: its feed's, in its own unit, with what says how far it may be relied on.

use crate::feed::{FeedLimits, FeedPrice, Purpose, BROKEN, FINAL_MS, REFUSED, YOUNG_FALLBACK};
use crate::fixed::{ratio_ceil, ratio_floor, to_u64, Result, RiskError, RATIO_BITS, RATIO_ONE};
use crate::health::Clock;
use crate::price::EntryUnit;

/// Doubt counts in full for this part of the time over which it decays: a tenth.
pub const DOUBT_HOLD_PART: u64 = 10;

/// For how long doubt counts in full that decays over so many seconds, milliseconds.
pub(crate) fn doubt_hold_ms(secs: u32) -> u64 {
    u64::from(secs).wrapping_mul(1_000) / DOUBT_HOLD_PART
}

/// A feed's price in an entry's unit. All prices are mantissas at the shift of the entry that holds it. Rewritten with the
/// feed, never by itself.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct EntryPrice {
    /// When the oracle published `spot`, Unix milliseconds.
    pub published_ms: i64,
    /// The exchange's clock of doubt, milliseconds, when the feed last had a price that is not doubted.
    pub doubt_from: u64,
    /// Last accepted price; zero before the first.
    pub spot: u64,
    /// How uncertain it is ([`FeedPrice::confidence`]), rounded up.
    pub conf: u64,
    /// Follows spot at a bounded rate.
    pub stable: u64,
    /// How many confidence intervals Init steps back, as a ratio.
    pub conf_multiple: u32,
    /// [`FeedLimits::doubt_benefit`].
    pub doubt_benefit: u32,
    /// [`FeedLimits::doubt_floor`].
    pub doubt_floor: u32,
    /// [`FeedLimits::doubt_secs`].
    pub doubt_secs: u16,
    /// Index of the feed that it moves with: its own, or the base of a derived one. What owns and what owes by prices that move
    /// together is a hedge, whatever feed is doubted.
    pub moves_with: u8,
    /// Unused.
    pub padding: u8,
    /// Oldest publish time by [`Purpose`], in seconds.
    pub max_age_secs: [u16; 3],
    /// A set of [`BROKEN`], [`REFUSED`], [`crate::feed::FALLBACK`] and [`YOUNG_FALLBACK`].
    pub flags: u8,
    /// Index of the feed.
    pub feed: u8,
}

const _: () = assert!(core::mem::size_of::<EntryPrice>() == 64);

impl EntryPrice {
    /// Takes a feed's price and limits.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit the entry's scale; nothing is changed then.
    pub fn follow(&mut self, feed: &FeedPrice, limits: &FeedLimits, unit: EntryUnit) -> Result<()> {
        let spot = unit.floor(feed.spot)?;
        let stable = unit.floor(feed.stable)?;
        if spot == 0 || stable == 0 {
            return Err(RiskError::PriceOutOfRange);
        }
        *self = Self {
            published_ms: feed.published_ms,
            doubt_from: feed.doubt_from,
            spot,
            conf: unit.ceil(feed.confidence(limits))?,
            stable,
            conf_multiple: limits.conf_multiple,
            doubt_benefit: limits.doubt_benefit,
            doubt_floor: limits.doubt_floor,
            doubt_secs: u16::try_from(limits.doubt_secs).unwrap_or(u16::MAX),
            moves_with: self.moves_with,
            padding: 0,
            max_age_secs: limits.ages(),
            flags: feed.flags(),
            feed: self.feed,
        };
        Ok(())
    }

    /// True while the price may be relied on: young enough for its purpose, not broken, and for whatever carries new risk or
    /// pays not followed by an observation that was refused. A fallback's price carries trades at once; it pays and seizes only
    /// once it has spoken for so long that nobody has merely withheld the primary.
    #[inline(always)]
    pub fn is_fresh(&self, clock: &Clock, purpose: Purpose) -> bool {
        let [trade, pay, seize] = self.max_age_secs;
        let (age, flags) = match purpose {
            Purpose::Trade => (trade, BROKEN | REFUSED),
            Purpose::Pay => (pay, BROKEN | REFUSED | YOUNG_FALLBACK),
            Purpose::Seize => (seize, BROKEN | YOUNG_FALLBACK),
        };
        clock.now_ms.saturating_sub(self.published_ms) <= i64::from(age).wrapping_mul(1_000)
            && self.flags & flags == 0
    }

    /// Whether it is final: the asset or market is being wound down at it. It is fresh for every purpose, for ever.
    #[inline]
    pub const fn is_final(&self) -> bool {
        self.published_ms == FINAL_MS
    }

    /// True when spot is more than half away from its own recent average: nothing may be seized at it.
    #[inline]
    pub const fn is_broken(&self) -> bool {
        self.flags & BROKEN != 0
    }

    /// What is known of a price in doubt: the last one, that of a broken feed being its stable price.
    #[inline]
    pub const fn last(&self) -> u64 {
        if self.is_broken() {
            self.stable
        } else {
            self.spot
        }
    }

    /// The lower of spot and stable.
    #[inline]
    pub fn lower(&self) -> u64 {
        self.spot.min(self.stable)
    }

    /// The higher of spot and stable.
    #[inline]
    pub fn higher(&self) -> u64 {
        self.spot.max(self.stable)
    }

    /// How long the price has been doubted, by the exchange's clock of doubt, milliseconds; a final one never is.
    #[inline]
    pub fn doubted_ms(&self, clock: &Clock) -> u64 {
        if self.is_final() {
            return 0;
        }
        clock.doubt_ms.saturating_sub(self.doubt_from)
    }

    /// Whether doubt has lasted so long that nothing is left of its benefit.
    #[inline]
    pub fn has_doubt_decayed(&self, clock: &Clock) -> bool {
        self.doubted_ms(clock) >= u64::from(self.doubt_secs).wrapping_mul(1_000)
    }

    /// What a price in doubt counts for in a liquidation, for whoever owns and for whoever owes: at first the better of spot
    /// and stable, and better by the benefit of doubt; after a while it falls in a straight line to the floor of the last
    /// price, that of a broken feed being its stable price. Rounded against the account.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    #[inline(never)]
    pub fn in_doubt(&self, clock: &Clock) -> Result<InDoubt> {
        let last = u128::from(self.last());
        let benefit = self.doubt_benefit;
        let owned = ratio_floor(u128::from(self.higher()), RATIO_ONE.saturating_add(benefit))?;
        let owed = ratio_ceil(u128::from(self.lower()), RATIO_ONE.saturating_sub(benefit))?;
        let out_of_range = |_| RiskError::PriceOutOfRange;
        let part = self.decayed(clock);
        if part == 0 {
            return Ok(InDoubt {
                owned: to_u64(owned).map_err(out_of_range)?,
                owed: to_u64(owed).map_err(out_of_range)?,
            });
        }
        let floor = ratio_floor(last, self.doubt_floor)?;
        let ceiling = ratio_ceil(last, (2 * RATIO_ONE).saturating_sub(self.doubt_floor))?;
        // No part of a distance is more than the distance.
        let falls = ratio_ceil(owned.saturating_sub(floor), part)?;
        let rises = ratio_ceil(ceiling.saturating_sub(owed), part)?;
        Ok(InDoubt {
            owned: to_u64(owned.saturating_sub(falls)).map_err(out_of_range)?,
            owed: to_u64(owed.saturating_add(rises)).map_err(out_of_range)?,
        })
    }

    /// The worst that a price in doubt can count for: what is left when doubt has decayed, and no better than what new risk is
    /// measured at.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    #[inline(never)]
    pub fn at_worst(&self) -> Result<InDoubt> {
        let decayed = self.in_doubt(&Clock {
            now_ms: 0,
            doubt_ms: u64::MAX,
        })?;
        let margin = confidence_margin(self)?;
        Ok(InDoubt {
            owned: decayed.owned.min(self.lower().saturating_sub(margin)),
            owed: decayed.owed.max(self.higher().saturating_add(margin)),
        })
    }

    /// What is seized, or repaid, in doubt changes hands for: nothing does before doubt has decayed; then at the last price,
    /// that of a broken feed being its stable price, and from there in a straight line, over as long again, to what the floor
    /// leaves of it, so that a market finds the price. None while the price may come back.
    ///
    /// # Errors
    /// [`RiskError::PriceOutOfRange`] when it does not fit.
    #[inline(never)]
    pub fn auctioned(&self, clock: &Clock) -> Result<Option<InDoubt>> {
        if !self.has_doubt_decayed(clock) {
            return Ok(None);
        }
        let last = u128::from(self.last());
        let whole = u64::from(self.doubt_secs).wrapping_mul(1_000);
        let elapsed = self.doubted_ms(clock).saturating_sub(whole).min(whole);
        let span = u64::from(RATIO_ONE.saturating_sub(self.doubt_floor));
        // 24 and 27 bits.
        let fallen = span
            .wrapping_mul(elapsed)
            .checked_div(whole)
            .unwrap_or(span);
        let fallen = u32::try_from(fallen).unwrap_or(RATIO_ONE);
        let out_of_range = |_| RiskError::PriceOutOfRange;
        let owned = ratio_floor(last, RATIO_ONE.saturating_sub(fallen))?;
        let owed = ratio_ceil(last, RATIO_ONE.saturating_add(fallen))?;
        Ok(Some(InDoubt {
            owned: to_u64(owned).map_err(out_of_range)?,
            owed: to_u64(owed).map_err(out_of_range)?,
        }))
    }

    /// How far doubt has decayed, as a ratio of at most one, rounded up: not at all for a while, then in a straight line.
    fn decayed(&self, clock: &Clock) -> u32 {
        let whole = u64::from(self.doubt_secs).wrapping_mul(1_000);
        let hold = doubt_hold_ms(self.doubt_secs.into());
        let lasts = whole.saturating_sub(hold);
        let elapsed = self.doubted_ms(clock).saturating_sub(hold);
        if elapsed >= lasts {
            return RATIO_ONE;
        }
        // 24 bits, and 27 within the bounds of the limits; the result is at most one.
        u32::try_from((elapsed << RATIO_BITS).div_ceil(lasts)).unwrap_or(RATIO_ONE)
    }
}

/// A price in doubt, as mantissas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InDoubt {
    /// Of what is owned: deposits and longs.
    pub owned: u64,
    /// Of what is owed: debts and shorts.
    pub owed: u64,
}

/// How uncertain a spot price is, as ratios of it, rounded up: for margin that nets what has the same price.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PriceDoubt {
    /// How far the stable price is below spot, and how far above it; one of them is zero.
    pub lag: [u32; 2],
    /// The confidence interval times its multiple.
    pub confidence: u32,
    /// Unused.
    pub padding: u32,
}

impl PriceDoubt {
    /// Of a price and its confidence interval times its multiple.
    pub(crate) fn of(price: &EntryPrice, margin: u64) -> Self {
        Self {
            confidence: ratio_of(margin, price.spot),
            ..Self::default()
        }
        .at(price)
    }

    /// The same at another price, whose confidence interval is as large a part of it.
    #[must_use]
    pub fn at(self, price: &EntryPrice) -> Self {
        let distance = ratio_of(price.spot.abs_diff(price.stable), price.spot);
        let lag = if price.stable <= price.spot {
            [distance, 0]
        } else {
            [0, distance]
        };
        Self { lag, ..self }
    }
}

/// `⌈distance / price⌉` as a ratio, at most the largest. In 64 bits: what does not fit is first shifted down, outwards.
pub(crate) fn ratio_of(distance: u64, price: u64) -> u32 {
    if distance == 0 {
        return 0;
    }
    let excess = RATIO_BITS.saturating_sub(distance.leading_zeros());
    let (distance, price) = match excess {
        0 => (distance, price),
        excess => (
            distance.wrapping_shr(excess).saturating_add(1),
            price.wrapping_shr(excess),
        ),
    };
    if price == 0 || distance.leading_zeros() < RATIO_BITS {
        return u32::MAX;
    }
    u32::try_from(distance.wrapping_shl(RATIO_BITS).div_ceil(price)).unwrap_or(u32::MAX)
}

/// `k · conf`, rounded up, at an entry's scale.
pub(crate) fn confidence_margin(price: &EntryPrice) -> Result<u64> {
    to_u64(ratio_ceil(u128::from(price.conf), price.conf_multiple)?)
        .map_err(|_| RiskError::PriceOutOfRange)
}
