//! `cargo xtask`: the project's commands, one file each.

mod app;
mod arguments;
mod backtest;
mod bench;
mod build;
mod demo;
mod difftest;
mod docs;
mod e2e;
mod idl;
mod node;
mod paths;
mod postgres;
mod prove;
mod run;
mod stamp;
mod system;
mod test;
mod wasm;

use std::process::ExitCode;

use anyhow::{bail, Result};

/// A command: its name, a line of help, and what runs it with the arguments that follow its name.
type Command = (&'static str, &'static str, fn(&[String]) -> Result<()>);

const COMMANDS: [Command; 14] = [
    (
        "demo",
        "start a local chain with the web app, or play a crash headless",
        demo::run,
    ),
    (
        "test",
        "check everything that must hold before a change lands",
        test::run,
    ),
    ("app", "build the web app into app/dist", app::run),
    (
        "e2e",
        "walk through the web app in a headless browser",
        e2e::run,
    ),
    (
        "postgres",
        "run the recorder's tests on PostgreSQL",
        postgres::run,
    ),
    (
        "prove",
        "let a solver decide what the margin engine claims",
        prove::run,
    ),
    ("docs", "put the tested code into the guides", docs::run),
    (
        "build",
        "build the program into target/deploy/plimsoll.so",
        build::run,
    ),
    (
        "wasm",
        "build health and previews for the browser into app/client/src/wasm",
        wasm::run,
    ),
    (
        "idl",
        "write the interface file idl/plimsoll.json",
        idl::run,
    ),
    (
        "bench",
        "measure compute units on the built program",
        bench::run,
    ),
    (
        "backtest",
        "measure the margin models on daily prices",
        backtest::backtest,
    ),
    (
        "estimate",
        "estimate the portfolio model's parameters from daily prices",
        backtest::estimate,
    ),
    (
        "difftest",
        "compare the on-chain build's arithmetic with native results",
        difftest::run,
    ),
];

fn main() -> ExitCode {
    // The test runtime logs every transaction unless it is told not to.
    if std::env::var_os("RUST_LOG").is_none() {
        std::env::set_var("RUST_LOG", "error");
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let name = arguments.first().map(String::as_str).unwrap_or("--help");
    if let Some((_, _, run)) = COMMANDS.iter().find(|(known, ..)| *known == name) {
        return run(&arguments[1..]);
    }
    let lines: Vec<String> = COMMANDS
        .iter()
        .map(|(name, help, _)| format!("  {name:<10} {help}"))
        .collect();
    let help = format!(
        "usage: cargo xtask <command> [options]\n\n{}",
        lines.join("\n")
    );
    if matches!(name, "-h" | "--help" | "help") {
        println!("{help}\n\n`cargo xtask <command> --help` tells a command's options.");
        return Ok(());
    }
    bail!("no command is called {name}\n\n{help}")
}
