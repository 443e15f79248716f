//! The deltas of an account, netted per underlying, as intervals over what its resting orders may do.

use crate::entry_price::PriceDoubt;
use crate::fixed::{Result, RiskError, RATIO_BITS};

/// Underlyings that one account can be exposed to: one per slot.
pub const MAX_EXPOSURES: usize = 32;

/// The account's delta in one underlying, native quote at spot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Zeroable)]
pub struct Exposure {
    /// Net delta when every order that sells has filled and none that buys.
    pub low: i64,
    /// Net delta when every order that buys has filled and none that sells.
    pub high: i64,
    /// Most that the longs alone can come to.
    pub long: i64,
    /// Most that the shorts alone can come to, counted positive.
    pub short: i64,
    /// Loss if every entry moved to its stable price where that is below spot. The same price's lag cancels between a
    /// long and a short; of two feeds of which one was pumped, it does not.
    pub below: i64,
    /// Loss if every entry moved to its stable price where that is above spot.
    pub above: i64,
    /// Loss if every holding's price were wrong by its confidence interval: two feeds may err in opposite directions.
    pub confidence: i64,
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
    /// How uncertain the entry's price is.
    pub doubt: PriceDoubt,
}

/// Largest delta that one holding may have, native quote: sums of the largest account's stay within 64 bits.
const MAX_DELTA: i64 = 1 << 57;

impl Delta {
    /// The delta of a value at spot that no order can change.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] beyond 2⁵⁷ native quote.
    #[inline(always)]
    pub fn fixed(value: i128, doubt: PriceDoubt) -> Result<Self> {
        let low = narrow(value)?;
        Ok(Self {
            low,
            // The value was rounded down.
            high: low.wrapping_add(1),
            doubt,
        })
    }

    /// An interval whose ends were both rounded down.
    ///
    /// # Errors
    /// As [`Delta::fixed`].
    #[inline(always)]
    pub fn between(low: i128, high: i128, doubt: PriceDoubt) -> Result<Self> {
        Ok(Self {
            low: narrow(low)?,
            high: narrow(high)?.wrapping_add(1),
            doubt,
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
#[derive(Clone, Copy, Debug, bytemuck::Zeroable)]
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
    #[inline(always)]
    pub fn new() -> Self {
        // In place: an array made element by element is copied once more, and two do not fit a frame of the chain.
        bytemuck::Zeroable::zeroed()
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.count = 0;
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
            *item = Exposure {
                underlying,
                ..Exposure::default()
            };
            self.count = self.count.wrapping_add(1);
        }
        let (long, short) = (delta.high.max(0), delta.low.min(0));
        item.long = item.long.checked_add(long).ok_or(RiskError::Overflow)?;
        item.short = item.short.checked_sub(short).ok_or(RiskError::Overflow)?;
        // Both are between what is short and what is long, hence fit where those do.
        item.low = item.low.wrapping_add(delta.low);
        item.high = item.high.wrapping_add(delta.high);
        let [down, up] = delta.doubt.lag;
        item.below = sum(item.below, lost(delta.high, down)?)?;
        item.above = sum(item.above, lost(delta.low.wrapping_neg(), up)?)?;
        let size = delta.low.wrapping_abs().max(delta.high.wrapping_abs());
        item.confidence = sum(item.confidence, lost(size, delta.doubt.confidence)?)?;
        Ok(())
    }

    /// The exposure to an underlying, if any slot named it.
    pub fn get(&self, underlying: u8) -> Option<&Exposure> {
        self.items()
            .iter()
            .find(|item| item.underlying == underlying)
    }

    /// Counts what a single slot is exposed to; nothing when it names no underlying.
    ///
    /// # Errors
    /// As [`Exposures::add`].
    pub fn merge(&mut self, other: &Exposure) -> Result<()> {
        if other.underlying == 0 {
            return Ok(());
        }
        let nothing = Delta {
            low: 0,
            high: 0,
            doubt: PriceDoubt::default(),
        };
        self.add(other.underlying, &nothing)?;
        self.change(other, sum)
    }

    /// Stops counting what a slot is exposed to.
    ///
    /// # Errors
    /// [`RiskError::Overflow`].
    pub fn remove(&mut self, other: &Exposure) -> Result<()> {
        self.change(other, |a, b| a.checked_sub(b).ok_or(RiskError::Overflow))
    }

    fn change(&mut self, other: &Exposure, by: fn(i64, i64) -> Result<i64>) -> Result<()> {
        let mut used = self.items.iter_mut().take(self.count);
        if let Some(item) = used.find(|item| item.underlying == other.underlying) {
            *item = Exposure {
                low: by(item.low, other.low)?,
                high: by(item.high, other.high)?,
                long: by(item.long, other.long)?,
                short: by(item.short, other.short)?,
                below: by(item.below, other.below)?,
                above: by(item.above, other.above)?,
                confidence: by(item.confidence, other.confidence)?,
                underlying: item.underlying,
            };
        }
        Ok(())
    }
}

#[inline(always)]
fn sum(a: i64, b: i64) -> Result<i64> {
    a.checked_add(b).ok_or(RiskError::Overflow)
}

/// What a delta loses by an adverse move of its price; less than nothing for one on the other side. Rounded up, and the
/// ratio, which was rounded up, is taken one unit lower where it is a gain.
#[inline(always)]
fn lost(delta: i64, ratio: u32) -> Result<i64> {
    if ratio == 0 {
        return Ok(0);
    }
    let ratio = if delta >= 0 {
        ratio
    } else {
        ratio.wrapping_sub(1)
    };
    // Below 2¹²⁰; rounding up is rounding the negated number down.
    let product = i128::from(delta)
        .wrapping_neg()
        .wrapping_mul(i128::from(ratio));
    i64::try_from(product.wrapping_shr(RATIO_BITS).wrapping_neg()).map_err(|_| RiskError::Overflow)
}
