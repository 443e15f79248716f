//! `cargo xtask test`: everything that must hold before a change lands, in the order of what fails fastest.

use std::process::Command;
use std::time::Instant;

use anyhow::{bail, Result};

use crate::build::{self, Program};
use crate::paths;
use crate::run::{counted, Tally};
use crate::system;

const HELP: &str = "\
Formats, lints, builds the program, checks the interface file, runs every test, compares compute units with the
committed table and plays the demo's crash.

usage: cargo xtask test [--only STEP]... [--skip STEP]... [--seed NUMBER|new]

--seed: from which the property tests draw their cases; always the same ones unless told, so that what passes once passes again.
        `new` draws others each time


steps, in order:";

/// The variable by which property tests are told their seed.
const SEED_VARIABLE: &str = "PROPTEST_RNG_SEED";
const SEED: &str = "20240";

/// A step: its name, what it does, and the cargo command that does it.
struct Step {
    name: &'static str,
    about: &'static str,
    directory: &'static str,
    arguments: &'static [&'static str],
}

const fn step(name: &'static str, about: &'static str, arguments: &'static [&'static str]) -> Step {
    Step {
        name,
        about,
        directory: "",
        arguments,
    }
}

/// A step on the crates of the on-chain build, which have a workspace and settings of their own.
const fn tools_step(
    name: &'static str,
    about: &'static str,
    arguments: &'static [&'static str],
) -> Step {
    Step {
        directory: "tools",
        ..step(name, about, arguments)
    }
}

/// What is compiled is compiled for the whole workspace at once: of a part of it dependencies would have other features, and
/// all that stands on them would be compiled again.
const STEPS: &[Step] = &[
    step("fmt", "formatting", &["fmt", "--all", "--check"]),
    tools_step(
        "tools-fmt",
        "formatting of the on-chain build",
        &["fmt", "--all", "--check"],
    ),
    step(
        "build",
        "the program, built for the chain",
        &["xtask", "build"],
    ),
    step(
        "prove",
        "the margin engine's claims, decided by a solver",
        &["xtask", "prove"],
    ),
    tools_step(
        "tools-unit",
        "tests of the on-chain build",
        &[
            "test",
            "--locked",
            "--target-dir",
            "../target/tools-host",
            "--package",
            "sbf-build",
            "--package",
            "sbf-runtime",
        ],
    ),
    step(
        "difftest",
        "the on-chain build's arithmetic, and a random program, against native results",
        &["xtask", "difftest"],
    ),
    step(
        "idl",
        "the committed interface file",
        &["xtask", "idl", "--check"],
    ),
    step(
        "pyth-pro",
        "Pyth's own program, built for the chain",
        &[
            "xtask",
            "build",
            "--manifest",
            "tests/programs/pyth-pro/Cargo.toml",
        ],
    ),
    step(
        "reader",
        "the program that reads signed prices, built for the chain",
        &[
            "xtask",
            "build",
            "--manifest",
            "tests/programs/pyth-pro-reader/Cargo.toml",
        ],
    ),
    step(
        "test",
        "every test: units and properties, the built program, the embedded chain",
        &["test", "--locked", "--workspace", "--no-fail-fast"],
    ),
    step(
        "bench",
        "compute units against the committed table",
        &["xtask", "bench", "--check"],
    ),
    step(
        "demo",
        "a crash on the embedded chain",
        &["xtask", "demo", "--headless"],
    ),
    step(
        "postgres",
        "the recorder on PostgreSQL",
        &["xtask", "postgres"],
    ),
    step(
        "docs",
        "the guides' code against the files it comes from",
        &["xtask", "docs", "--check"],
    ),
    step(
        "app",
        "the web app and the TypeScript client: types, unit tests, build",
        &["xtask", "app", "--check"],
    ),
    step(
        "e2e",
        "the TypeScript client and the web app on a local chain",
        &["xtask", "e2e"],
    ),
    step(
        "lint",
        "clippy, warnings denied",
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
    tools_step(
        "tools-lint",
        "clippy on the on-chain build",
        &[
            "clippy",
            "--locked",
            "--target-dir",
            "../target/tools-host",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    ),
];

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    let Some((steps, seed)) = select(arguments)? else {
        return Ok(());
    };
    system::require(system::NATIVE_PACKAGES)?;
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        println!(
            "\n== [{}/{}] {}: {}",
            at + 1,
            steps.len(),
            step.name,
            step.about
        );
        let start = Instant::now();
        let ok = if step.name == "build" {
            build::program(&Program::plimsoll()?).map(|()| true)?
        } else {
            let directory = paths::root().join(step.directory);
            let mut command = Command::new("cargo");
            if let Some(seed) = &seed {
                command.env(SEED_VARIABLE, seed);
            }
            counted(
                command.current_dir(directory).args(step.arguments),
                &mut tally,
            )?
        };
        let verdict = if ok { "ok" } else { "FAILED" };
        println!(
            "== {}: {verdict} in {:.0} s",
            step.name,
            start.elapsed().as_secs_f64()
        );
        if !ok {
            broken.push(step.name);
        }
    }
    println!(
        "\n{} steps ok, {} failed{}",
        steps.len() - broken.len(),
        broken.len(),
        list(&broken)
    );
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    if !broken.is_empty() {
        bail!("failed: {}", broken.join(", "));
    }
    Ok(())
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!(" ({})", names.join(", "))
}

/// The steps asked for and the seed for property tests, if they have one; `None` when only help was asked for.
fn select(arguments: &[String]) -> Result<Option<(Vec<&'static Step>, Option<String>)>> {
    let (mut only, mut skip) = (Vec::new(), Vec::new());
    let mut seed = Some(SEED.to_owned());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--only" | "--skip" => {
                let name = rest.next().map(String::as_str).unwrap_or_default();
                if !STEPS.iter().any(|step| step.name == name) {
                    bail!("no step is called {name:?}; `cargo xtask test --help` lists them");
                }
                let names = if argument == "--only" {
                    &mut only
                } else {
                    &mut skip
                };
                names.push(name.to_owned());
            }
            "--seed" => {
                seed = match rest.next().map(String::as_str) {
                    Some("new") => None,
                    Some(number) if number.parse::<u64>().is_ok() => Some(number.to_owned()),
                    _ => bail!("--seed takes a number or `new`\n\n{HELP}"),
                };
            }
            "-h" | "--help" => {
                println!("{HELP}");
                for step in STEPS {
                    println!("  {:<12} {}", step.name, step.about);
                }
                return Ok(None);
            }
            other => bail!("unknown argument {other}\n\n{HELP}"),
        }
    }
    let wanted = |step: &&Step| {
        (only.is_empty() || only.iter().any(|name| name == step.name))
            && !skip.iter().any(|name| name == step.name)
    };
    Ok(Some((STEPS.iter().filter(wanted).collect(), seed)))
}
