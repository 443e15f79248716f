//! The deltas of an account, netted per underlying, as intervals over what its resting orders may do.

use crate::fixed::{Result, RiskError};

/// Underlyings that one account can be exposed to: one per slot.
pub const MAX_EXPOSURES: usize = 32;

/// The account's delta in one underlying, native quote at spot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Net delta when every order that sells has filled and none that buys.
    pub low: i64,
    /// Net delta when every order that buys has filled and none that sells.
    pub high: i64,
    /// Most that the longs alone can come to.
    pub long: i64,
    /// Most that the shorts alone can come to, counted positive.
    pub short: i64,
    /// How far below spot a long is counted at Init, as a ratio: the worst of the entries used.
    pub down: u32,
    /// How far above spot a short is counted at Init.
    pub up: u32,
    /// Number of the underlying, from 1.
    pub underlying: u8,
}

impl Exposure {
    /// The larger end of the interval, unsigned.
    #[inline(always)]
    pub fn size(&self) -> u64 {
        self.low.unsigned_abs().max(self.high.unsigned_abs())
    }
}

/// One holding's delta, as an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// After every order that sells.
    pub low: i64,
    /// After every order that buys.
    pub high: i64,
    /// [`Exposure::down`] and [`Exposure::up`] of the entry.
    pub gap: [u32; 2],
}

/// Largest delta that one holding may have, native quote: sums of the largest account's stay within 64 bits.
const MAX_DELTA: i64 = 1 << 57;

impl Delta {
    /// The delta of a value at spot that no order can change.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] beyond 2⁵⁷ native quote.
    #[inline(always)]
    pub fn fixed(value: i128, gap: [u32; 2]) -> Result<Self> {
        let low = narrow(value)?;
        Ok(Self {
            low,
            // The value was rounded down.
            high: low.wrapping_add(1),
            gap,
        })
    }

    /// An interval whose ends were both rounded down.
    ///
    /// # Errors
    /// As [`Delta::fixed`].
    #[inline(always)]
    pub fn between(low: i128, high: i128, gap: [u32; 2]) -> Result<Self> {
        Ok(Self {
            low: narrow(low)?,
            high: narrow(high)?.wrapping_add(1),
            gap,
        })
    }
}

#[inline(always)]
fn narrow(value: i128) -> Result<i64> {
    match i64::try_from(value) {
        Ok(value) if (-MAX_DELTA..=MAX_DELTA).contains(&value) => Ok(value),
        _ => Err(RiskError::Overflow),
    }
}

/// The exposures of an account, in the order in which its slots named their underlyings.
#[derive(Clone, Copy, Debug)]
pub struct Exposures {
    items: [Exposure; MAX_EXPOSURES],
    count: usize,
}

impl Default for Exposures {
    fn default() -> Self {
        Self::new()
    }
}

impl Exposures {
    /// None.
    pub const fn new() -> Self {
        Self {
            items: [Exposure {
                low: 0,
                high: 0,
                long: 0,
                short: 0,
                down: 0,
                up: 0,
                underlying: 0,
            }; MAX_EXPOSURES],
            count: 0,
        }
    }

    /// Those in use.
    #[inline(always)]
    pub fn items(&self) -> &[Exposure] {
        self.items.get(..self.count).unwrap_or(&[])
    }

    /// Counts a holding's delta in an underlying.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] when more underlyings are named than an account has slots, or a sum does not fit.
    #[inline]
    pub fn add(&mut self, underlying: u8, delta: &Delta) -> Result<()> {
        let known = self
            .items()
            .iter()
            .position(|item| item.underlying == underlying);
        let at = known.unwrap_or(self.count);
        let item = self.items.get_mut(at).ok_or(RiskError::Overflow)?;
        if known.is_none() {
            item.underlying = underlying;
            self.count = self.count.wrapping_add(1);
        }
        let (long, short) = (delta.high.max(0), delta.low.min(0));
        item.long = item.long.checked_add(long).ok_or(RiskError::Overflow)?;
        item.short = item.short.checked_sub(short).ok_or(RiskError::Overflow)?;
        // Both are between what is short and what is long, hence fit where those do.
        item.low = item.low.wrapping_add(delta.low);
        item.high = item.high.wrapping_add(delta.high);
        let [down, up] = delta.gap;
        item.down = item.down.max(down);
        item.up = item.up.max(up);
        Ok(())
    }
}
