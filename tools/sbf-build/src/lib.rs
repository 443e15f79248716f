//! Turns the bitcode that rustc emits for a Solana program into the shared object that the chain loads.
//!
//! LLVM's BPF back end comes close to what the SBF virtual machine runs, but cannot select everything that Rust code
//! holds: 128-bit multiplication, calls of more than five registers, floating point, and so on. [`lower`] rewrites
//! those on the module before selection, [`check`] refuses whatever is left that would not run, and [`emit`] selects
//! instructions and links the object, and [`shared`] checks what came out. `tools/README.md` tells the whole story.

pub mod check;
pub mod emit;
pub mod link;
pub mod llvm;
pub mod lower;
pub mod names;
pub mod shared;
#[cfg(test)]
mod testing;
