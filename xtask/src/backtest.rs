//! `cargo xtask estimate` and `cargo xtask backtest`: the portfolio model's parameters from daily prices, and its history.

use std::process::Command;

use anyhow::{bail, Context as _, Result};

use crate::paths;

/// Estimates the model's parameters.
pub fn estimate(arguments: &[String]) -> Result<()> {
    run("estimate", arguments)
}

/// Measures the margin models on history.
pub fn backtest(arguments: &[String]) -> Result<()> {
    run("backtest", arguments)
}

/// Runs the crate of both where the caller stands, so that paths mean what they say.
fn run(name: &str, arguments: &[String]) -> Result<()> {
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--locked", "--release"])
        .arg("--manifest-path")
        .arg(paths::root().join("Cargo.toml"))
        .args(["--package", "plimsoll-backtest", "--", name])
        .args(arguments)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("{name} failed");
    }
    Ok(())
}
