//! One price: what an observation may change, how the stable price and the average follow it, and when it is doubted.
//!
//! A price is stored once, in its feed. Assets and markets that follow the feed hold it converted to their own unit
//! ([`crate::entry_price::EntryPrice`]), rewritten by the instruction that changes the feed, so that no two of them can
//! differ.

use crate::entry_price::{doubt_hold_ms, DOUBT_HOLD_PART};
use crate::fixed::{div_ceil, to_u64, RATIO_BITS, RATIO_ONE};
use crate::params::{first_loosening, require, BadParameter};

/// Longest time, in milliseconds, that the stable price catches up on in one update. Sponsored feeds beat every minute;
/// after a longer silence the stable price still moves no faster than by five minutes' allowance.
pub const STABLE_MAX_STEP_MS: i64 = 300_000;
/// Time constant of the average, in milliseconds.
pub const AVERAGE_MS: i64 = 300_000;
/// Longest time, in milliseconds, that the average gives to one observation, so that a first bad price after an outage
/// stands out.
pub const AVERAGE_MAX_STEP_MS: i64 = 60_000;
/// Feeds that an exchange can list: as many as a set of bits holds.
pub const MAX_FEEDS: usize = 64;
/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;
/// How far, in milliseconds, an observation may be ahead of the chain's clock, which is an estimate.
pub const MAX_CLOCK_LEAD_MS: i64 = 10_000;
/// Observations after a jump that confirm it by agreeing with it.
pub const JUMP_CONFIRMATIONS: u8 = 6;
/// Least time between two observations that count as confirmations, in milliseconds.
pub const JUMP_SPACING_MS: i64 = 10_000;
/// Most publishers that may be demanded behind a price: more could never be had, and a demand for them would silence a feed.
pub const MAX_MIN_PUBLISHERS: u16 = 16;
/// Publish time of a final price: it is of every moment from its own on, so that it never ages and nothing comes after it.
pub const FINAL_MS: i64 = i64::MAX;
/// Observations agree that differ by no more than this part of the earlier one: a half. A trend that goes on agrees with
/// itself; a feed that flips between two prices does not.
const AGREEMENT_SHIFT: u32 = 1;

/// What a price is used for: how old it may be depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// New risk in a trade.
    #[default]
    Trade = 0,
    /// Whatever leaves: withdrawals, borrows, profits, what insurance buys.
    Pay = 1,
    /// Flagging an account and seizing what it owns.
    Seize = 2,
}

/// What a feed accepts, for how long it counts, and what it is worth in doubt.
#[cfg_attr(
    feature = "anchor",
    derive(anchor_lang::AnchorSerialize, anchor_lang::AnchorDeserialize)
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct FeedLimits {
    /// Widest confidence interval accepted, as a ratio of the price. Any change loosens: a narrower one
    /// may refuse every price.
    pub max_conf_ratio: u32,
    /// How many confidence intervals Init prices step back from the price, as a ratio. Looser down.
    pub conf_multiple: u32,
    /// Fastest relative move of the stable price, as a ratio per hour. Looser up: a pump counts sooner.
    pub stable_rate_per_hour: u32,
    /// Furthest that a fallback's price may be from the nearer of the primary's last and the stable price, as a ratio of the
    /// lower of them, and how uncertain it is beyond its own confidence. Any change loosens.
    pub max_divergence: u32,
    /// By how much a price in doubt counts better for an account in liquidation than it was last, as a ratio: what may have
    /// happened since. Any change loosens.
    pub doubt_benefit: u32,
    /// The part of its last price that a deposit still counts once doubt has lasted; a debt counts by as much more. Any change
    /// loosens.
    pub doubt_floor: u32,
    /// Seconds over which what doubt is worth decays. Any change loosens.
    pub doubt_secs: u32,
    /// Fastest growth of a derived rate, as a ratio per day. Looser up.
    pub max_growth_per_day: u32,
    /// Oldest publish time for [`Purpose::Trade`], in seconds. Any change loosens: a shorter one may hold back an exit.
    pub trade_age_secs: u16,
    /// Oldest publish time for [`Purpose::Pay`], in seconds. Any change loosens.
    pub pay_age_secs: u16,
    /// Oldest publish time for [`Purpose::Seize`], in seconds. Any change loosens: a longer one seizes at older prices, a
    /// shorter one may seize nothing.
    pub seize_age_secs: u16,
    /// Fewest publishers behind a price of a source that tells their number. Any change loosens.
    pub min_publishers: u16,
}

const _: () = assert!(core::mem::size_of::<FeedLimits>() == 40);

impl FeedLimits {
    /// Limits for a source that anybody can post at any time: a minute for trades, 20 seconds for payments, 10 for seizures;
    /// doubt decays from a tenth above the last price to half of it within an hour.
    pub const DEFAULT: Self = Self {
        max_conf_ratio: RATIO_ONE / 50,
        conf_multiple: 2 * RATIO_ONE,
        stable_rate_per_hour: RATIO_ONE / 5,
        max_divergence: RATIO_ONE / 20,
        doubt_benefit: RATIO_ONE / 10,
        doubt_floor: RATIO_ONE / 2,
        doubt_secs: 3_600,
        max_growth_per_day: RATIO_ONE / 1_000,
        trade_age_secs: 60,
        pay_age_secs: 20,
        seize_age_secs: 10,
        min_publishers: 0,
    };

    /// The same for signed messages, which come several times a second.
    pub const SIGNED: Self = Self {
        trade_age_secs: 5,
        pay_age_secs: 5,
        seize_age_secs: 3,
        min_publishers: 3,
        ..Self::DEFAULT
    };

    /// Checks every field against its bounds. Ages rise from seizing to trading, as the costs of a wrong price fall; nothing
    /// decays in the time for which a price may still be seized at.
    ///
    /// # Errors
    /// The first field that is out of bounds.
    pub fn validate(&self) -> Result<(), BadParameter> {
        require! {
            (RATIO_ONE / 1_000..=RATIO_ONE / 4).contains(&self.max_conf_ratio) => "max_conf_ratio",
            self.conf_multiple <= 16 * RATIO_ONE => "conf_multiple",
            (1..=16 * RATIO_ONE).contains(&self.stable_rate_per_hour) => "stable_rate_per_hour",
            (1..=RATIO_ONE / 4).contains(&self.max_divergence) => "max_divergence",
            self.doubt_benefit <= RATIO_ONE / 4 => "doubt_benefit",
            (RATIO_ONE / 4..=RATIO_ONE).contains(&self.doubt_floor) => "doubt_floor",
            (600..=64_800).contains(&self.doubt_secs) => "doubt_secs",
            self.max_growth_per_day <= RATIO_ONE / 10 => "max_growth_per_day",
            (3..=600).contains(&self.trade_age_secs) => "trade_age_secs",
            self.min_publishers <= MAX_MIN_PUBLISHERS => "min_publishers",
            (1..=self.trade_age_secs).contains(&self.pay_age_secs) => "pay_age_secs",
            (1..=self.pay_age_secs).contains(&self.seize_age_secs) => "seize_age_secs",
            u64::from(self.seize_age_secs) * DOUBT_HOLD_PART <= u64::from(self.doubt_secs) => "seize_age_secs",
        }
        Ok(())
    }

    /// The first field that `new` loosens, `None` when it only tightens or changes nothing.
    pub fn first_loosening(&self, new: &Self) -> Option<&'static str> {
        first_loosening! { self, new;
            max_conf_ratio: any,
            conf_multiple: down,
            stable_rate_per_hour: up,
            max_divergence: any,
            doubt_benefit: any,
            doubt_floor: any,
            doubt_secs: any,
            max_growth_per_day: up,
            trade_age_secs: any,
            pay_age_secs: any,
            seize_age_secs: any,
            min_publishers: any,
        }
        None
    }

    /// For how long doubt counts in full, milliseconds.
    pub fn doubt_hold_ms(&self) -> u64 {
        doubt_hold_ms(self.doubt_secs)
    }

    /// Oldest publish times by [`Purpose`], in seconds.
    pub const fn ages(&self) -> [u16; 3] {
        [self.trade_age_secs, self.pay_age_secs, self.seize_age_secs]
    }
}

/// A price as an oracle gave it, converted to the feed's mantissa.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Mantissa: native quote per whole token times 2^shift.
    pub price: u64,
    /// Confidence interval, same scale.
    pub conf: u64,
    /// When the oracle published it, Unix milliseconds.
    pub published_ms: i64,
}

/// Which of a feed's sources an observation is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The primary.
    Primary,
    /// The fallback, which counts only once the primary has been silent for more than twice the age that trades allow.
    Fallback,
}

/// Why an observation was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The price is zero.
    ZeroPrice,
    /// Published before the one that the feed holds.
    Older,
    /// Published longer ago than a trade allows.
    TooOld,
    /// Published further ahead of the chain's clock than the clock can be wrong.
    FromTheFuture,
    /// The confidence interval is wider than the limit.
    WideConfidence,
    /// The primary is not silent, or gave no price yet that a fallback's could be held against.
    PrimaryAlive,
    /// A fallback's price is too far from both the primary's last and the stable price.
    Diverged,
}

/// What became of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is the price now.
    Accepted,
    /// It was the price already: posting it again renews nothing.
    Known,
    /// It is not the price; the feed is as it was, but for [`FeedPrice::refused_ms`].
    Refused(Rejection),
}

/// A validated price and its followers. All prices are mantissas at the feed's shift.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct FeedPrice {
    /// When the oracle published `spot`, Unix milliseconds.
    pub published_ms: i64,
    /// The same of the newest observation from the primary.
    pub primary_ms: i64,
    /// Publish time of the newest observation that was refused for its width or its distance; zero for none.
    pub refused_ms: i64,
    /// Last accepted price; zero before the first.
    pub spot: u64,
    /// Last accepted price of the primary.
    pub primary_spot: u64,
    /// Confidence interval of `spot`.
    pub conf: u64,
    /// Follows spot at a bounded rate.
    pub stable: u64,
    /// Exponential average of spot over about five minutes.
    pub average: u64,
    /// The exchange's clock of doubt, milliseconds, when a price was last accepted that is not doubted.
    pub doubt_from: u64,
    /// Publish time of the last observation that counted as a confirmation of a jump.
    pub jumped_ms: i64,
    /// Observations so far that agree with a jump.
    pub jump_count: u8,
    /// What does not follow from the numbers: [`FALLBACK`] and [`YOUNG_FALLBACK`] of a price that is the fallback's, and of a
    /// derived one those and [`BROKEN`] of what it is derived from.
    pub marks: u8,
    /// Unused.
    pub padding: [u8; 2],
    /// The exchange's clock of doubt, seconds, when the fallback spoke first after the primary.
    pub fallback_from: u32,
}

const _: () = assert!(core::mem::size_of::<FeedPrice>() == 88);

/// The entry that follows: nothing may be seized at a price that is more than half away from its own average.
pub const BROKEN: u8 = 1;
/// A newer observation was refused: the price carries no new risk and pays nothing.
pub const REFUSED: u8 = 2;
/// The price is the fallback's.
pub const FALLBACK: u8 = 4;
/// The fallback has not spoken for long: nothing is paid or seized at its price, until everybody could see that it speaks, and
/// post the primary.
pub const YOUNG_FALLBACK: u8 = 8;

impl FeedPrice {
    /// The price at which everything that follows the feed is wound down, known for certain, set while the exchange's clock of
    /// doubt stood at `doubt_ms`.
    pub fn of_winding_down(price: u64, doubt_ms: u64) -> Self {
        Self {
            published_ms: FINAL_MS,
            primary_ms: FINAL_MS,
            spot: price,
            primary_spot: price,
            stable: price,
            average: price,
            doubt_from: doubt_ms,
            ..Self::default()
        }
    }

    /// Whether it is final: everything that follows the feed is being wound down.
    #[inline]
    pub const fn is_final(&self) -> bool {
        self.published_ms == FINAL_MS
    }

    /// Takes an observation, or says why not.
    ///
    /// The same publish time changes nothing, so that one observation can neither be replayed into the stable price nor
    /// keep an old price young. One that is newer and too wide, or too far, is remembered: the price is no longer known.
    pub fn update(
        &mut self,
        seen: &Observation,
        origin: Origin,
        now_ms: i64,
        doubt_ms: u64,
        limits: &FeedLimits,
    ) -> Outcome {
        if let Err(rejection) = self.admit(seen, origin, now_ms, limits) {
            let doubts = matches!(rejection, Rejection::WideConfidence | Rejection::Diverged);
            if doubts && seen.published_ms > self.published_ms {
                self.refused_ms = self.refused_ms.max(seen.published_ms);
                if origin == Origin::Primary {
                    // It was heard, though it does not know.
                    self.primary_ms = self.primary_ms.max(seen.published_ms);
                }
            }
            return Outcome::Refused(rejection);
        }
        if self.spot == 0 {
            self.stable = seen.price;
            self.average = seen.price;
        } else if seen.published_ms == self.published_ms {
            return Outcome::Known;
        } else {
            let elapsed = seen.published_ms.saturating_sub(self.published_ms);
            self.stable = follow(
                self.stable,
                seen.price,
                elapsed,
                limits.stable_rate_per_hour,
            );
            self.average = blend(self.average, seen.price, elapsed);
        }
        let before = self.spot;
        self.spot = seen.price;
        self.conf = seen.conf;
        self.published_ms = seen.published_ms;
        match origin {
            Origin::Primary => {
                self.primary_ms = seen.published_ms;
                self.primary_spot = seen.price;
                self.marks = 0;
            }
            Origin::Fallback => self.mark_fallback(doubt_ms, limits),
        }
        if !self.confirm_jump(before) {
            self.doubt_from = doubt_ms;
        }
        Outcome::Accepted
    }

    /// Marks the price as the fallback's, and as young for as long as doubt would count in full.
    #[inline(never)]
    fn mark_fallback(&mut self, doubt_ms: u64, limits: &FeedLimits) {
        let now = u32::try_from(doubt_ms / 1_000).unwrap_or(u32::MAX);
        if self.marks & FALLBACK == 0 {
            self.fallback_from = now;
        }
        let spoken_ms = u64::from(now.saturating_sub(self.fallback_from)).wrapping_mul(1_000);
        self.marks = match spoken_ms < limits.doubt_hold_ms() {
            true => FALLBACK | YOUNG_FALLBACK,
            false => FALLBACK,
        };
    }

    /// Refuses what cannot be the price.
    #[inline(always)]
    fn admit(
        &self,
        seen: &Observation,
        origin: Origin,
        now_ms: i64,
        limits: &FeedLimits,
    ) -> Result<(), Rejection> {
        if seen.price == 0 {
            return Err(Rejection::ZeroPrice);
        }
        if seen.published_ms > now_ms.saturating_add(MAX_CLOCK_LEAD_MS) {
            return Err(Rejection::FromTheFuture);
        }
        let age = i64::from(limits.trade_age_secs).wrapping_mul(1_000);
        if now_ms.saturating_sub(seen.published_ms) > age {
            return Err(Rejection::TooOld);
        }
        if self.spot != 0 && seen.published_ms < self.published_ms {
            return Err(Rejection::Older);
        }
        if origin == Origin::Fallback {
            let silent = now_ms.saturating_sub(self.primary_ms);
            if self.spot == 0 || silent <= age.wrapping_mul(2) {
                return Err(Rejection::PrimaryAlive);
            }
            // Stable stands still while nothing is accepted: after a fast move the primary's last price is the nearer one. Of
            // the fallback's own prices only what stable has followed counts, or it could walk anywhere.
            let from_stable = seen.price.abs_diff(self.stable);
            let from_primary = seen.price.abs_diff(self.primary_spot);
            let lower = self.stable.min(self.primary_spot);
            if from_stable.min(from_primary) > divergence(lower, limits) {
                return Err(Rejection::Diverged);
            }
        }
        let widest = (u128::from(seen.price) * u128::from(limits.max_conf_ratio)) >> RATIO_BITS;
        if u128::from(seen.conf) > widest {
            return Err(Rejection::WideConfidence);
        }
        Ok(())
    }

    /// Counts an observation that agrees with the one before towards the confirmation of a jump; once there are enough the
    /// average moves to it, and the price is doubted no more. Whether it still is.
    #[inline(always)]
    fn confirm_jump(&mut self, before: u64) -> bool {
        if !self.is_far() {
            self.jump_count = 0;
            return false;
        }
        let agrees = self.spot.abs_diff(before) <= before >> AGREEMENT_SHIFT;
        if self.jump_count == 0 || !agrees {
            self.jump_count = 1;
            self.jumped_ms = self.published_ms;
            return true;
        }
        if self.published_ms.saturating_sub(self.jumped_ms) < JUMP_SPACING_MS {
            return true;
        }
        self.jumped_ms = self.published_ms;
        self.jump_count = self.jump_count.saturating_add(1);
        if self.jump_count > JUMP_CONFIRMATIONS {
            self.average = self.spot;
            self.jump_count = 0;
            return false;
        }
        true
    }

    /// True when spot is more than half away from its own average: the feed, or what it is derived from, is broken, or the
    /// price jumped and nobody has confirmed it yet.
    #[inline]
    pub fn is_broken(&self) -> bool {
        self.marks & BROKEN != 0 || self.is_far()
    }

    #[inline(always)]
    fn is_far(&self) -> bool {
        self.spot.abs_diff(self.average) > self.average / 2
    }

    /// [`BROKEN`] and [`REFUSED`], as far as they apply.
    #[inline]
    pub fn flags(&self) -> u8 {
        let broken = if self.is_far() { BROKEN } else { 0 };
        let refused = if self.refused_ms > self.published_ms {
            REFUSED
        } else {
            0
        };
        broken | refused | self.marks
    }

    /// How uncertain the price is: its confidence interval, and of a fallback's price as much more as it may diverge.
    #[inline]
    pub fn confidence(&self, limits: &FeedLimits) -> u64 {
        if self.marks & FALLBACK == 0 {
            return self.conf;
        }
        self.conf.saturating_add(divergence(self.spot, limits))
    }

    /// Whether nothing was heard from it for longer than a trade allows.
    #[inline]
    pub fn is_silent(&self, now_ms: i64, limits: &FeedLimits) -> bool {
        let age = now_ms.saturating_sub(self.published_ms);
        age > i64::from(limits.trade_age_secs).wrapping_mul(1_000)
    }
}

/// How far a fallback may be from a price.
fn divergence(price: u64, limits: &FeedLimits) -> u64 {
    let furthest = (u128::from(price) * u128::from(limits.max_divergence)) >> RATIO_BITS;
    u64::try_from(furthest).unwrap_or(u64::MAX)
}

/// Moves `stable` towards `spot` by at most `rate` an hour (one mantissa unit at least, so that it never sticks).
fn follow(stable: u64, spot: u64, elapsed_ms: i64, rate_per_hour: u32) -> u64 {
    let ms = elapsed_ms.clamp(0, STABLE_MAX_STEP_MS).unsigned_abs();
    // 32 and 19 bits, times 64.
    let rate = u64::from(rate_per_hour).wrapping_mul(ms);
    let hourly = u128::from(stable).wrapping_mul(u128::from(rate)) >> RATIO_BITS;
    // The narrow division is the one of any real price, and far cheaper on chain.
    let allowed = match u64::try_from(hourly) {
        Ok(hourly) => hourly / HOUR_MS,
        Err(_) => u64::try_from(hourly / u128::from(HOUR_MS)).unwrap_or(u64::MAX),
    };
    let step = allowed.max(1).min(stable.abs_diff(spot));
    if spot >= stable {
        stable.saturating_add(step)
    } else {
        stable.saturating_sub(step)
    }
}

/// One step of the average: weight `t / (T + t)`, which is stable for any spacing of observations.
fn blend(average: u64, spot: u64, elapsed_ms: i64) -> u64 {
    let ms = elapsed_ms.clamp(0, AVERAGE_MAX_STEP_MS).unsigned_abs();
    let whole = AVERAGE_MS.unsigned_abs().wrapping_add(ms);
    let distance = average.abs_diff(spot);
    // The step is at most the distance, hence fits; the time is not zero.
    let step = if distance >> 48 == 0 {
        // The milliseconds have 16 bits.
        distance.wrapping_mul(ms).div_ceil(whole)
    } else {
        div_ceil(u128::from(distance) * u128::from(ms), u128::from(whole))
            .and_then(to_u64)
            .unwrap_or(u64::MAX)
    };
    if spot >= average {
        average.saturating_add(step)
    } else {
        average.saturating_sub(step)
    }
}
