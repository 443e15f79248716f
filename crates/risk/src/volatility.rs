//! The volatility of an underlying, learnt from its own prices: two exponentially weighted variances, a floor, a bounded
//! rise, and an announcement before a rise reaches the maintenance line.

/// What the prices of an underlying taught about its volatility.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct VolatilityState {
    /// Publish time of the last sample, Unix seconds.
    pub sampled_at: i64,
    /// Price of the last sample, a mantissa of the driving entry; zero before the first.
    pub sampled_price: u64,
    /// Variance per day, fast decay, Q16.48.
    pub fast_variance: u64,
    /// Variance per day, slow decay, Q16.48.
    pub slow_variance: u64,
    /// When `announced` becomes binding, Unix seconds.
    pub binds_at: i64,
    /// Volatility per square root of a day that Init uses, Q8.24.
    pub current: u32,
    /// Volatility that LiquidationEnd and Maint use; never above `current`.
    pub binding: u32,
    /// What `binding` becomes at `binds_at`, unless `current` is lower by then.
    pub announced: u32,
    /// Unused.
    pub padding: u32,
}

const _: () = assert!(core::mem::size_of::<VolatilityState>() == 56);
