//! `cargo xtask bench`: measures compute units on the built program.

use anyhow::Result;

use crate::build::{self, Program};
use crate::run::cargo;
use crate::system;

/// Builds the program, then hands all arguments to the benchmark.
pub fn run(arguments: &[String]) -> Result<()> {
    let arguments = arguments
        .strip_prefix(&["--".to_owned()])
        .unwrap_or(arguments);
    if !arguments.iter().any(|a| a == "-h" || a == "--help") {
        system::require(system::NATIVE_PACKAGES)?;
        build::program(&Program::plimsoll()?)?;
    }
    cargo(
        [
            "run",
            "--locked",
            "--package",
            "plimsoll-tests",
            "--bin",
            "plimsoll-bench",
            "--",
        ],
        arguments,
    )
}
