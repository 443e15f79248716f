//! `cargo xtask demo`: builds everything and starts a local chain with the web app; headless, plays a crash.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Instant;

use anyhow::{bail, Context as _, Result};

use crate::build::{self, Program};
use crate::{paths, run, system, wasm};

const HELP: &str = "\
Builds the program and the web app, and starts a local chain with traders, bots and prices that move. Ctrl-C ends it.

usage: cargo xtask demo [options]

  --headless    play one price crash without the web app, report and end
  --no-app      neither build nor serve the web app

All other options are the chain's own:
";

/// Debian's packages that build the web app.
const NODE_PACKAGES: [&str; 2] = ["nodejs", "npm"];
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
        app()?;
    }
    step("building the local chain (several minutes the first time)");
    chain(arguments)
}

/// Builds the chain and becomes it, so that it gets the signals that end it, and its exit code is ours.
fn chain(arguments: &[String]) -> Result<()> {
    const BINARY: &str = "plimsoll-demo";
    let build = [
        "build",
        "--quiet",
        "--locked",
        "--package",
        "plimsoll-localnet",
        "--bin",
        BINARY,
    ];
    run::cargo(build, &[])?;
    let program = paths::target().join("debug").join(BINARY);
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// Builds the web app with the browser's module in it.
fn app() -> Result<()> {
    let directory = paths::root().join("app");
    let manifest = std::fs::read_to_string(directory.join("package.json"))
        .context("cannot read app/package.json")?;
    if !manifest.contains("\"build\"") {
        return Ok(());
    }
    if !system::has("npm") {
        system::install(&NODE_PACKAGES)
            .context("the web app needs Node.js and npm; --no-app does without")?;
    }
    wasm::build(false)?;
    // What npm installed last is in node_modules/.package-lock.json: nothing to do when it is newer than what is asked.
    let modified = |path: &str| std::fs::metadata(directory.join(path)).and_then(|m| m.modified());
    let installed = modified("node_modules/.package-lock.json").ok();
    if installed.is_none() || installed < modified("package-lock.json").ok() {
        npm(&["ci", "--no-audit", "--no-fund"])?;
    }
    npm(&["run", "build"])
}

fn npm(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("npm");
    command
        .current_dir(paths::root().join("app"))
        .args(arguments);
    let status = command.status().context("cannot run npm")?;
    if !status.success() {
        bail!("npm {} failed in app/", arguments.join(" "));
    }
    Ok(())
}
