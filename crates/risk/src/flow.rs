//! What leaves less what comes back: a limit on the net of both that a round trip neither uses up nor widens.

use crate::bucket::Bucket;

/// Seconds within which what came in may leave again beside the limit. Long enough for any round trip that is one piece of
/// business; after it, what came in is as everybody's.
pub const CREDIT_SECS: u32 = 600;

/// A net outflow. What leaves takes up first what came in lately, then room in a leaky bucket; what comes in gives back room
/// first, and what exceeds it may leave again within [`CREDIT_SECS`]. So
///
/// - what comes in and leaves at one moment, in either order, changes nothing for anybody, however much it is;
/// - from any moment on, what leaves exceeds what comes in by at most `capacity · (1 + t / window)` and what came in within
///   [`CREDIT_SECS`] before it;
/// - nothing that came in earlier makes room.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Flow {
    /// What has left and not leaked out yet.
    pub left: Bucket,
    /// What has come in lately and may leave again.
    pub credit: Bucket,
    /// All that came in since the credit was last empty, less what left again: it drains in a straight line of this.
    pub credited: u64,
}

const _: () = assert!(core::mem::size_of::<Flow>() == 40);

impl Flow {
    /// Brings both buckets up to now, unix seconds. To be called before anything else.
    pub fn leak(&mut self, capacity: u64, window_secs: u32, now: i64) {
        self.left.leak(capacity, window_secs, now);
        self.credit.leak(self.credited, CREDIT_SECS, now);
        if self.credit.level == 0 {
            self.credited = 0;
        }
    }

    /// What may leave.
    pub const fn room(&self, capacity: u64) -> u64 {
        self.left.room(capacity).saturating_add(self.credit.level)
    }

    /// Lets an amount leave, all or nothing.
    ///
    /// # Errors
    /// What may leave, when that is less.
    pub fn leave(&mut self, amount: u64, capacity: u64) -> Result<(), u64> {
        let room = self.room(capacity);
        if amount > room {
            return Err(room);
        }
        self.pour(amount);
        Ok(())
    }

    /// Counts what leaves whatever the limit.
    pub const fn pour(&mut self, amount: u64) {
        let rest = self.credit.give_back(amount);
        self.credited = self.credited.saturating_sub(amount.saturating_sub(rest));
        self.left.pour(rest);
    }

    /// Counts what comes in.
    pub const fn come_back(&mut self, amount: u64) {
        let rest = self.left.give_back(amount);
        self.credit.pour(rest);
        self.credited = self.credited.saturating_add(rest);
    }
}
