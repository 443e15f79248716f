//! A leaky bucket: how much of something may happen in a time, without a moment at which the count starts anew.

/// Microseconds in a second.
const MICROS: u64 = 1_000_000;

/// What has been poured in and has not leaked out yet. A bucket of a capacity that drains in a window lets no more through in
/// any time `t` than `capacity · (1 + t / window)`, whoever calls and however often.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Bucket {
    /// What is in it.
    pub level: u64,
    /// Unix time in microseconds up to which it has drained: finer than any clock on chain, so that what is less than a
    /// unit is not lost however often it is called.
    pub updated_at: i64,
}

const _: () = assert!(core::mem::size_of::<Bucket>() == 16);

impl Bucket {
    /// Drains `capacity` per `window_secs` up to `now`, unix seconds. A part of a unit waits for the next call. One of no
    /// capacity does not drain.
    pub fn leak(&mut self, capacity: u64, window_secs: u32, now: i64) {
        let now = now.saturating_mul(1_000_000);
        let elapsed = u64::try_from(now.saturating_sub(self.updated_at)).unwrap_or(0);
        if elapsed == 0 {
            return;
        }
        self.updated_at = now;
        if self.level == 0 || capacity == 0 {
            return;
        }
        let window = u64::from(window_secs.max(1)).wrapping_mul(MICROS);
        let (drained, left) = match capacity.checked_mul(elapsed) {
            Some(product) => (product / window, (product % window) / capacity),
            None => wide(capacity, elapsed, window),
        };
        self.level = self.level.saturating_sub(drained);
        if self.level > 0 {
            // Of what is left of the time no whole unit has drained; at most the elapsed time, hence positive.
            self.updated_at = now.saturating_sub_unsigned(left);
        }
    }

    /// What may still be poured in.
    pub const fn room(&self, capacity: u64) -> u64 {
        capacity.saturating_sub(self.level)
    }

    /// Pours in, all or nothing. The bucket must have leaked up to now.
    ///
    /// # Errors
    /// The room there is, when that is less.
    pub fn fill(&mut self, amount: u64, capacity: u64) -> Result<(), u64> {
        let room = self.room(capacity);
        if amount > room {
            return Err(room);
        }
        self.pour(amount);
        Ok(())
    }

    /// Pours in what cannot be refused, above the capacity if it must be.
    pub const fn pour(&mut self, amount: u64) {
        self.level = self.level.saturating_add(amount);
    }

    /// Takes back out what did not happen after all; what exceeds the level is returned.
    pub const fn give_back(&mut self, amount: u64) -> u64 {
        let excess = amount.saturating_sub(self.level);
        self.level = self.level.saturating_sub(amount);
        excess
    }
}

/// What drains, and what of the time is left, where the product exceeds 64 bits.
#[inline(never)]
fn wide(capacity: u64, elapsed: u64, window: u64) -> (u64, u64) {
    let product = u128::from(capacity).wrapping_mul(u128::from(elapsed));
    let drained = product / u128::from(window);
    // Below the window, hence 64 bits.
    let rest = product.wrapping_sub(drained.wrapping_mul(u128::from(window)));
    (
        u64::try_from(drained).unwrap_or(u64::MAX),
        u64::try_from(rest).unwrap_or(0) / capacity.max(1),
    )
}
