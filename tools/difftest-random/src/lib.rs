//! Random modules, run on chain and natively and compared.
//!
//! `generate` writes them from a seed when the crate is built. Each has types, constants, and functions that call
//! each other; its entry takes six words and returns a hash of everything that the functions return.

#[cfg(target_os = "solana")]
mod entrypoint;
#[cfg(target_os = "solana")]
#[path = "../../difftest-program/src/heap.rs"]
mod heap;
mod support;

/// Words that a module reads.
pub const INPUTS: usize = 6;
/// What a module reads.
pub type Inputs = [u64; INPUTS];

/// Calls a module's entry.
pub fn run(module: usize, inputs: &Inputs) -> Option<u64> {
    Some(ENTRIES.get(module)?(inputs))
}

pub use modules::{ENTRIES, SEED};

// Random programs are neither tidy nor sensible.
#[allow(
    warnings,
    arithmetic_overflow,
    unconditional_panic,
    unconditional_recursion,
    clippy::all
)]
mod modules {
    include!(concat!(env!("OUT_DIR"), "/modules.rs"));
}
