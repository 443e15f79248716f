//! `cargo xtask app`: installs, checks and builds the web app and the TypeScript client.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{bail, Result};

use crate::{arguments, node, paths, wasm};

const HELP: &str = "\
Builds the web app into app/dist.

usage: cargo xtask app [--check]

  --check      also: fail when the generated client is out of date, check types, run the unit tests
  -h, --help   this text";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    let Some(check) = arguments::check(arguments, HELP)? else {
        return Ok(());
    };
    wasm::build(false)?;
    install()?;
    if check {
        npm(&["run", "generate", "--workspace", "client", "--", "--check"])?;
        npm(&["run", "typecheck", "--workspace", "client"])?;
        npm(&["run", "typecheck"])?;
        npm(&["test"])?;
    }
    npm(&["run", "build"])
}

/// Builds the app with all it needs.
pub fn build() -> Result<()> {
    run(&[])
}

/// Where the app is.
pub fn directory() -> PathBuf {
    paths::root().join("app")
}

/// Installs the locked packages unless they are there.
pub fn install() -> Result<()> {
    let wanted = modified("package-lock.json");
    // Written by npm at the end of an installation.
    let have = modified("node_modules/.package-lock.json");
    if have.is_some() && have >= wanted {
        return Ok(());
    }
    println!("      installing the app's packages");
    npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"])
}

fn modified(file: &str) -> Option<SystemTime> {
    directory().join(file).metadata().ok()?.modified().ok()
}

/// Runs npm in the app's directory.
pub fn npm(arguments: &[&str]) -> Result<()> {
    let mut command = node::command("npm")?;
    command
        .current_dir(directory())
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("CI", "1");
    if !command.status()?.success() {
        bail!("npm {} failed", arguments.join(" "));
    }
    Ok(())
}
