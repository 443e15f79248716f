//! `cargo xtask difftest`: runs every rewritten operation, and random programs, in the virtual machine and compares with
//! native results.

use std::process::Command;

use anyhow::{bail, ensure, Context as _, Result};

use crate::build::{self, Program, Tools};
use crate::paths;

const HELP: &str = "\
Builds the difftest program for the chain, runs it in the virtual machine on edge values and random ones, and compares
every result with the native one. Then does the same with programs of random modules.

usage: cargo xtask difftest [--tools auto|platform|bundled] [options]

  --seeds N    how many random programs (default 1; with 0 only the operations are run)
  --from N     the seed of the first (default 1); with it, or with --seeds above 1, only random programs are run
  --random N   random inputs for each operation (default 10000)
  --seed N     where the random inputs of the operations start (default: the time)
  --costs      tell what each operation costs on average";

/// The variable that tells the random crate's build its seed.
const SEED: &str = "DIFFTEST_SEED";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments
        .iter()
        .any(|argument| argument == "-h" || argument == "--help")
    {
        println!("{HELP}");
        return Ok(());
    }
    let mut rest = arguments.to_vec();
    let tools =
        take(&mut rest, "--tools")?.map_or(Ok(Tools::Auto), |value| Tools::parse(&value))?;
    let number = |value: Option<String>| -> Result<Option<u64>> {
        let number = value.map(|text| text.parse()).transpose();
        number.context("--seeds and --from need a number")
    };
    let seeds = number(take(&mut rest, "--seeds")?)?;
    let from = number(take(&mut rest, "--from")?)?;
    if from.is_none() && seeds.unwrap_or(1) <= 1 {
        operations(tools, &rest)?;
    } else {
        ensure!(rest.is_empty(), "unknown option {}\n\n{HELP}", rest[0]);
    }
    let (first, count) = (from.unwrap_or(1), seeds.unwrap_or(1));
    let mut failed = Vec::new();
    for seed in first..first + count {
        if let Err(error) = random_program(tools, seed) {
            println!("random program {seed}: {error:#}");
            failed.push(seed);
        }
    }
    ensure!(failed.is_empty(), "random programs fail: {failed:?}");
    Ok(())
}

/// Takes an option and its value out of the arguments.
fn take(arguments: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let Some(at) = arguments.iter().position(|argument| argument == name) else {
        return Ok(None);
    };
    ensure!(at + 1 < arguments.len(), "{name} needs a value");
    Ok(arguments.drain(at..at + 2).nth(1))
}

fn operations(tools: Tools, arguments: &[String]) -> Result<()> {
    let mut program = Program::at(&paths::tools().join("difftest-program/Cargo.toml"))?;
    program.tools = tools;
    compare(&program, "difftest", arguments)
}

fn random_program(tools: Tools, seed: u64) -> Result<()> {
    let mut program = Program::at(&paths::tools().join("difftest-random/Cargo.toml"))?;
    program.tools = tools;
    program.variables = vec![(SEED, seed.to_string())];
    compare(&program, "difftest-random", &[])
}

/// Builds the program for the chain, and runs the package that knows what it must compute.
fn compare(program: &Program, package: &str, arguments: &[String]) -> Result<()> {
    build::program(program)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(paths::tools())
        .args(["run", "--quiet", "--locked", "--package", package])
        .arg("--target-dir")
        .arg(paths::target().join("tools-host"))
        .envs(program.variables.iter().cloned());
    command.arg("--").arg(&program.out).args(arguments);
    if !command.status().context("cannot run cargo")?.success() {
        bail!("the differential test failed");
    }
    Ok(())
}
