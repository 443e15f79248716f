//! `cargo xtask difftest`: runs every rewritten operation in the virtual machine and compares with native results.

use std::process::Command;

use anyhow::{bail, Context as _, Result};

use crate::build::{self, Program};
use crate::paths;

const HELP: &str = "\
Builds the difftest program for the chain, runs it in the virtual machine on edge values and random ones, and compares
every result with the native one.

usage: cargo xtask difftest [--tools auto|platform|bundled] [options]

  --random N   random inputs for each operation (default 10000)
  --seed N     where the random inputs start (default: the time)
  --costs      tell what each operation costs on average";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments
        .iter()
        .any(|argument| argument == "-h" || argument == "--help")
    {
        println!("{HELP}");
        return Ok(());
    }
    let mut program = Program::at(&paths::tools().join("difftest-program/Cargo.toml"))?;
    let mut rest = arguments.to_vec();
    if let Some(at) = rest.iter().position(|argument| argument == "--tools") {
        let value = rest.get(at + 1).context("--tools needs a value")?;
        program.tools = build::Tools::parse(value)?;
        rest.drain(at..at + 2);
    }
    build::program(&program)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(paths::tools()).args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "difftest",
    ]);
    command
        .arg("--target-dir")
        .arg(paths::target().join("tools-host"));
    command.arg("--").arg(&program.out).args(rest);
    if !command.status().context("cannot run cargo")?.success() {
        bail!("the differential test failed");
    }
    Ok(())
}
