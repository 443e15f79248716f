//! `cargo xtask demo`: builds the program and plays a crash on an embedded chain.

use anyhow::Result;

use crate::build::{self, Program};
use crate::run::cargo;
use crate::system;

/// Builds the program, then hands all arguments to the demo.
pub fn run(arguments: &[String]) -> Result<()> {
    let arguments = arguments
        .strip_prefix(&["--".to_owned()])
        .unwrap_or(arguments);
    if !arguments.iter().any(|a| a == "-h" || a == "--help") {
        build::program(&Program::plimsoll()?)?;
        system::require(system::NATIVE_PACKAGES)?;
        eprintln!("building the embedded chain (several minutes the first time)");
    }
    cargo(
        [
            "run",
            "--locked",
            "--package",
            "plimsoll-localnet",
            "--bin",
            "plimsoll-demo",
            "--",
        ],
        arguments,
    )
}
