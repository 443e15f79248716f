//! `cargo xtask bench`: measures compute units on the built program.

use std::process::Command;

use anyhow::{ensure, Context as _, Result};

use crate::build::{self, Program};
use crate::{paths, run, system};

/// Builds the program, then hands all arguments to the benchmark.
pub fn run(arguments: &[String]) -> Result<()> {
    let arguments = arguments
        .strip_prefix(&["--".to_owned()])
        .unwrap_or(arguments);
    if !arguments.iter().any(|a| a == "-h" || a == "--help") {
        system::require(system::NATIVE_PACKAGES)?;
        build::program(&Program::plimsoll()?)?;
    }
    let program = run::built("plimsoll-bench")?;
    let mut command = Command::new(&program);
    let status = command.current_dir(paths::root()).args(arguments).status();
    let status = status.with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(status.success(), "the benchmark failed");
    Ok(())
}
