//! `cargo xtask demo`: builds everything and starts a local chain with the web app; headless, plays a crash.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::build::{self, Program};
use crate::{app, run, system};

const HELP: &str = "\
Builds the program and the web app, and starts a local chain with traders, bots and prices that move. Ctrl-C ends it.

usage: cargo xtask demo [options]

  --headless    play one price crash without the web app, report and end
  --no-app      neither build nor serve the web app

All other options are the chain's own:
";

/// Builds what is to be started, then hands all arguments to the chain.
pub fn run(arguments: &[String]) -> Result<()> {
    let arguments = arguments
        .strip_prefix(&["--".to_owned()])
        .unwrap_or(arguments);
    let has = |names: &[&str]| arguments.iter().any(|a| names.contains(&a.as_str()));
    if has(&["-h", "--help"]) {
        println!("{HELP}");
        return chain(&["--help".to_owned()]);
    }
    let since = Instant::now();
    let step = |what: &str| eprintln!("[{:5.1} s] {what}", since.elapsed().as_secs_f64());
    system::require(system::NATIVE_PACKAGES)?;
    step("building the program");
    build::program(&Program::plimsoll()?)?;
    if !has(&["--headless", "--no-app"]) {
        step("building the web app");
        app::build().context("the web app; --no-app does without")?;
    }
    step("building the local chain (several minutes the first time)");
    chain(arguments)
}

/// Builds the chain and becomes it, so that it gets the signals that end it, and its exit code is ours.
fn chain(arguments: &[String]) -> Result<()> {
    let program = built_chain()?;
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// Builds the chain; where it is.
pub fn built_chain() -> Result<PathBuf> {
    run::built("plimsoll-demo")
}
