//! The routines that `sbf-build` calls where the machine has no instruction for an operation.
//!
//! They work on 64-bit words, and on the 128-bit product of two words, which the build writes out: any other 128-bit
//! operation in here would become a call to itself. Every instruction of the machine, division included, costs one
//! compute unit, so the routines divide freely and avoid loops.
//!
//! On the host the crate is an ordinary library, and its tests compare it with the processor's arithmetic.

#![cfg_attr(target_os = "solana", no_std)]

pub mod divide;
#[cfg(target_os = "solana")]
mod exports;
#[cfg(target_os = "solana")]
mod memory;
pub mod multiply;

#[cfg(target_os = "solana")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// A 128-bit value: the lower word, then the upper.
pub type Wide = (u64, u64);

/// The two's complement of `value` where `sign` is all ones, `value` where it is zero.
#[inline(always)]
pub(crate) fn with_sign(value: Wide, sign: u64) -> Wide {
    let (low, high) = (value.0 ^ sign, value.1 ^ sign);
    let negated = low.wrapping_sub(sign);
    // Adding one to the lower word carries only where that word becomes zero.
    let carry = sign & (negated == 0) as u64;
    (negated, high.wrapping_add(carry))
}

/// The sign of `value`: all ones below zero, otherwise zero.
#[inline(always)]
pub(crate) fn sign(value: Wide) -> u64 {
    ((value.1 as i64) >> 63) as u64
}
