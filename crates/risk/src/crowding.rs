//! How crowded a bank is, for whom: who adds to it is held to what it is afterwards, all others see it move at a rate.
//!
//! Init weights shrink with total deposits and grow with total borrows. The totals that everybody's weights are scaled by
//! follow the true ones by no more than the scale's start in [`crate::AssetParams::scale_secs`], up or down, so that nobody
//! moves the lines of others at once. Whoever adds a deposit or a debt is held to the true totals until the others have
//! caught up: the balance remembers how crowded its bank was, and until when that is to be remembered.
//!
//! All that is new, which others do not see yet, counts together no more than if one account had added it at once, whatever
//! accounts hold it: what comes after other new deposits counts only what the whole then counts more. Of what others see
//! everybody's counts at their weights. What lies below the start scales nothing, and counts besides.

use crate::asset::AssetRisk;
use crate::balance::Balance;
use crate::fixed::{div_ceil, div_floor, to_i128, to_u64, Result, RiskError, RATIO_BITS};

/// Fraction bits of a balance's crowding.
const MARK_BITS: u32 = 16;
/// No crowding at all.
const MARK_ONE: u64 = 1 << MARK_BITS;

/// A total after so many seconds in which the true one was `total`: below the `start` of a scale, where it scales nothing,
/// it is the true one; above, it moves by `start` in `scale_secs`.
pub fn follow(scaled: u64, total: u64, start: u64, scale_secs: u32, secs: u64) -> u64 {
    let scaled = scaled.max(total.min(start));
    if scaled == total || scaled <= start && total <= start {
        return total;
    }
    let step = u128::from(start).wrapping_mul(u128::from(secs));
    let step = div_ceil(step, u128::from(scale_secs.max(1))).unwrap_or(0);
    let step = u64::try_from(step).unwrap_or(u64::MAX);
    if scaled < total {
        return scaled.saturating_add(step).min(total);
    }
    let lower = scaled.saturating_sub(step).max(total);
    if lower <= start {
        total
    } else {
        lower
    }
}

/// Seconds until a total that scales has followed to the true, larger one.
pub fn catch_up_secs(scaled: u64, total: u64, start: u64, scale_secs: u32) -> u64 {
    let behind = total.saturating_sub(scaled.max(start));
    let secs = u128::from(behind).wrapping_mul(u128::from(scale_secs));
    let secs = div_ceil(secs, u128::from(start.max(1))).unwrap_or(0);
    u64::try_from(secs).unwrap_or(u64::MAX)
}

/// Seconds in which a total that scales moves by an amount, rounded down.
pub fn own_secs(amount: u64, start: u64, scale_secs: u32) -> u64 {
    let secs = u128::from(amount).wrapping_mul(u128::from(scale_secs));
    u64::try_from(secs / u128::from(start.max(1))).unwrap_or(u64::MAX)
}

/// What adds to a balance, for [`Balance::crowd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// Native units that the balance had before, counted positive.
    pub before: u64,
    /// Native units added.
    pub amount: u64,
    /// What they are worth, USD.
    pub amount_usd: u128,
    /// What of the bank's true total after it is not this balance's, of deposits or of borrows, in USD.
    pub others_usd: u128,
    /// That total.
    pub total_usd: u128,
    /// The total that others see, USD.
    pub seen_usd: u128,
    /// The start of its scale.
    pub start_usd: u64,
    /// How long others need to see as much.
    pub secs: u64,
    /// How long they need for the amount alone, rounded down.
    pub own_secs: u64,
}

impl Added {
    /// What the part counts at that was there before: its own ratio says at which total that was. Without one that is the true
    /// total, or what others see where that is less.
    fn and_the_old(&self, ratio: u64, is_held: bool) -> u64 {
        let scaled = u128::from(self.start_usd).saturating_mul(u128::from(MARK_ONE));
        let counted = scaled / u128::from(ratio.max(1));
        let counted = match is_held {
            true => counted,
            false => counted.min(self.total_usd.saturating_sub(self.amount_usd)),
        };
        let total = counted.saturating_add(self.amount_usd).max(1);
        // To the nearest, so that dust changes nothing.
        let ratio = scaled.saturating_add(total / 2) / total;
        u64::try_from(ratio).unwrap_or(u64::MAX)
    }

    /// What the new part counts at: the bank's total, and besides what others have added that nobody sees yet. With a total T of
    /// which S is seen all that is new counts `(T − S) · start / T` as a deposit and `(T − S) · T / start` as a debt; so what is
    /// added to new ones that go `before` it, up to D, counts at `start / T · S / D`, or at `(T + D − S) / start`.
    fn fresh(&self, before: u128, is_deposit: bool) -> u64 {
        let start = u128::from(self.start_usd);
        if self.total_usd <= start {
            return MARK_ONE;
        }
        let seen = self.seen_usd.max(start);
        let before = before.max(seen);
        let ratio = |part: u128, whole: u128| {
            part.saturating_mul(u128::from(MARK_ONE))
                .checked_div(whole)
                .unwrap_or(0)
                .min(u128::from(MARK_ONE))
        };
        let counted = match is_deposit {
            true => ratio(start, self.total_usd).saturating_mul(ratio(seen, before)) >> MARK_BITS,
            false => ratio(
                start,
                self.total_usd.saturating_add(before.saturating_sub(seen)),
            ),
        };
        u64::try_from(counted).unwrap_or(MARK_ONE)
    }

    /// What the whole counts at where its two parts count at these. To the nearest, so that somebody's dust changes nothing.
    fn mixed(&self, old: u64, fresh: u64, is_deposit: bool) -> Result<u64> {
        let (had, new) = (u128::from(self.before), u128::from(self.amount));
        let all = had.saturating_add(new).max(1);
        let (old, fresh) = (u128::from(old), u128::from(fresh));
        if is_deposit {
            let sum = had.wrapping_mul(old).wrapping_add(new.wrapping_mul(fresh));
            return to_u64(sum.wrapping_add(all / 2) / all);
        }
        // Debts add up by the inverse.
        let parts = had.wrapping_mul(fresh).wrapping_add(new.wrapping_mul(old));
        let whole = old.wrapping_mul(fresh).saturating_mul(all);
        to_u64(
            whole
                .wrapping_add(parts / 2)
                .checked_div(parts)
                .unwrap_or(0),
        )
    }
}

impl Balance {
    /// Holds the balance to how crowded its bank is now, by the stricter of two measures. By the first it is as if the balance had
    /// been added at once, after what others have just added: what is new counts at the total as it is, and the part that it had
    /// at the total that it counted at before and the new amount. By the second the old part counts as before, and what is new
    /// only what all that is new then counts more. So neither slices nor several accounts make a deposit count more, and
    /// what a stranger holds there for a moment changes nothing for who had his before. Unix seconds.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] when nothing fits.
    pub fn crowd(&mut self, added: &Added, risk: &AssetRisk, now: i64) -> Result<()> {
        let now = u64::try_from(now).unwrap_or(0);
        let left = u64::from(self.crowded_until).saturating_sub(now);
        let bank = self.bank_mark(risk);
        let kept = if left > 0 {
            bank.min(u64::from(self.crowding))
        } else {
            bank
        };
        let is_deposit = self.shares.0 >= 0;
        let old = bank.min(added.and_the_old(kept, left > 0));
        let fresh = bank.min(added.fresh(added.others_usd, is_deposit));
        if old >= bank && fresh >= bank {
            (self.crowding, self.crowded_until) = (0, 0);
            return Ok(());
        }
        let all_others = added.total_usd.saturating_sub(added.amount_usd);
        let last = bank.min(added.fresh(all_others, is_deposit));
        let mixed = added.mixed(old, fresh, is_deposit)?;
        let mixed = mixed.min(added.mixed(kept, last, is_deposit)?).min(bank);
        let missing = |amount: u64, ratio: u64| {
            u128::from(amount).wrapping_mul(u128::from(bank.saturating_sub(ratio)))
        };
        let (old_part, fresh_part) = (missing(added.before, old), missing(added.amount, fresh));
        let parts = old_part.saturating_add(fresh_part);
        if mixed == bank || parts == 0 {
            (self.crowding, self.crowded_until) = (0, 0);
            return Ok(());
        }
        let weighted =
            |part: u128, secs: u64| part.saturating_mul(u128::from(secs.min(u64::from(u32::MAX))));
        let secs = div_ceil(
            weighted(old_part, left.saturating_add(added.own_secs))
                .saturating_add(weighted(fresh_part, added.secs)),
            parts,
        )?;
        let until = now.saturating_add(to_u64(secs)?);
        self.crowding = u16::try_from(mixed).unwrap_or(u16::MAX);
        self.crowded_until = u32::try_from(until).unwrap_or(u32::MAX);
        Ok(())
    }

    /// Takes over, for an amount that comes from another balance of the same kind, what that one is held to.
    ///
    /// # Errors
    /// As [`Balance::crowd`].
    pub fn crowd_like(
        &mut self,
        other: &Self,
        before: u64,
        amount: u64,
        risk: &AssetRisk,
        now: i64,
    ) -> Result<()> {
        let left = i64::from(other.crowded_until).saturating_sub(now);
        let start_usd = if left > 0 {
            u64::from(other.crowding)
        } else {
            MARK_ONE
        };
        let added = Added {
            before,
            amount,
            amount_usd: 0,
            others_usd: 0,
            total_usd: u128::from(MARK_ONE),
            seen_usd: u128::from(MARK_ONE),
            start_usd,
            secs: u64::try_from(left).unwrap_or(0),
            own_secs: 0,
        };
        self.crowd(&added, risk, now)
    }

    /// The bank's own crowding for a balance of this sign, to the nearest.
    fn bank_mark(&self, risk: &AssetRisk) -> u64 {
        let [shrunk, grown] = risk.crowding;
        let half = 1u64 << (RATIO_BITS - MARK_BITS - 1);
        if self.shares.0 >= 0 {
            return (u64::from(shrunk).wrapping_add(half)) >> (RATIO_BITS - MARK_BITS);
        }
        let grown = u64::from(grown.max(1));
        ((1u64 << (RATIO_BITS + MARK_BITS)).wrapping_add(grown / 2)) / grown
    }

    /// By how much Init shrinks this deposit, or grows this debt, at least, if that is still remembered.
    #[inline(always)]
    pub fn held_to(&self, now_ms: i64) -> Option<u32> {
        if i64::from(self.crowded_until).wrapping_mul(1_000) <= now_ms {
            return None;
        }
        Some(self.mark())
    }

    #[inline(never)]
    fn mark(&self) -> u32 {
        if self.shares.0 >= 0 {
            return u32::from(self.crowding) << (RATIO_BITS - MARK_BITS);
        }
        let one = 1u64 << (RATIO_BITS + MARK_BITS);
        u32::try_from(one.div_ceil(u64::from(self.crowding.max(1)))).unwrap_or(u32::MAX)
    }
}

/// An Init value at the bank's weights, with those of the balance's own crowding where they are stricter. Rounded down.
///
/// # Errors
/// [`RiskError::Overflow`].
#[inline(never)]
pub fn held(value: i128, own: u32, risk: &AssetRisk) -> Result<i128> {
    let [shrunk, grown] = risk.crowding;
    let scaled = |bank: u32| {
        value
            .unsigned_abs()
            .checked_mul(u128::from(own))
            .ok_or(RiskError::Overflow)
            .map(|product| (product, u128::from(bank)))
    };
    if value >= 0 {
        if own >= shrunk {
            return Ok(value);
        }
        let (product, bank) = scaled(shrunk)?;
        return to_i128(div_floor(product, bank)?);
    }
    if own <= grown {
        return Ok(value);
    }
    let (product, bank) = scaled(grown)?;
    Ok(to_i128(div_ceil(product, bank)?)?.wrapping_neg())
}
