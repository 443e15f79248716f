//! Memory that the allocator holds on to after it was freed.

/// Gives it back to the system. The GNU C library keeps what a thread has freed for that thread, and the validator, its
/// servers and the bots have some sixty threads: within an hour that is more than everything that is in use.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    // SAFETY: it may be called at any time by any thread, and moves nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do so by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
