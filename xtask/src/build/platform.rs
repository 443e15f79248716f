//! The build with platform-tools: `cargo build-sbf`.

use std::process::{Command, Stdio};

use anyhow::{bail, ensure, Context as _, Result};

use super::Program;

/// The first platform-tools whose version 3 programs run as written.
const TOOLS: Version = [1, 54, 0];
/// The first Rust that they may be based on.
const RUST: Version = [1, 89, 0];

/// What to do when they are older.
const INSTALL: &str = "install newer ones with\n  \
    sh -c \"$(curl -sSfL https://release.anza.xyz/stable/install)\"\n\
    or build without them: cargo xtask build --tools bundled";

/// Major, minor and patch number.
type Version = [u32; 3];

/// Whether `cargo build-sbf` can be run.
pub fn is_installed() -> bool {
    let mut command = Command::new("cargo-build-sbf");
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Builds the program.
pub fn build(program: &Program) -> Result<()> {
    let said = Command::new("cargo-build-sbf").arg("--version").output();
    let said = said.context("cannot run cargo-build-sbf; is it installed?")?;
    require_recent(&String::from_utf8_lossy(&said.stdout))?;
    let directory = program
        .out
        .parent()
        .context("the output has no directory")?;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    println!("building {} with cargo build-sbf", program.package);
    let mut command = Command::new("cargo-build-sbf");
    command
        .args(["--arch", "v3"])
        .arg("--manifest-path")
        .arg(&program.manifest)
        .arg("--sbf-out-dir")
        .arg(directory)
        .envs(program.variables.iter().cloned());
    if let Some(features) = &program.features {
        command.args(["--features", features]);
    }
    let status = command.status().context("cannot run cargo-build-sbf")?;
    if !status.success() {
        bail!("cargo build-sbf failed");
    }
    let made = directory.join(format!("{}.so", program.stem()));
    if made != program.out {
        std::fs::rename(&made, &program.out)
            .with_context(|| format!("cannot move {}", made.display()))?;
    }
    println!("{}", program.out.display());
    Ok(())
}

/// Reads what `cargo-build-sbf --version` says of its tools, and refuses those that are too old. It names the compiler
/// only once the tools are downloaded, which the first build does.
fn require_recent(said: &str) -> Result<()> {
    let version = |name: &str| said.lines().find_map(|line| line.strip_prefix(name));
    let tools = version("platform-tools ").context("cargo-build-sbf names no platform-tools");
    let found = [
        ("platform-tools v", Some(tools.context(INSTALL)?), TOOLS),
        ("Rust ", version("rustc "), RUST),
    ];
    for (name, text, least) in found {
        let Some(text) = text else { continue };
        let known = parse(text)
            .with_context(|| format!("cargo-build-sbf has {name}{text}, which is no version"))?;
        ensure!(
            known >= least,
            "cargo build-sbf has {name}{}, and SBPF version 3 needs {name}{} or later: {INSTALL}",
            dotted(known),
            dotted(least),
        );
    }
    Ok(())
}

/// Reads `v1.54`, `1.89.0` or `1.89.0-dev`.
fn parse(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches('v');
    let text = text.split(['-', ' ', '+']).next()?;
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let version = [
        parts.next()??,
        parts.next()??,
        parts.next().unwrap_or(Some(0))?,
    ];
    parts.next().is_none().then_some(version)
}

fn dotted(version: Version) -> String {
    let [major, minor, patch] = version;
    match patch {
        0 => format!("{major}.{minor}"),
        _ => format!("{major}.{minor}.{patch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_every_form_they_come_in() {
        assert_eq!(parse("v1.54"), Some([1, 54, 0]));
        assert_eq!(parse("v1.51.1"), Some([1, 51, 1]));
        assert_eq!(parse("1.89.0-dev"), Some([1, 89, 0]));
        assert_eq!(parse("1.89.0 (abc 2026-01-01)"), Some([1, 89, 0]));
        for bad in ["", "v", "1", "1.x", "1.2.3.4", "edge"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn recent_tools_pass() {
        for said in [
            "solana-cargo-build-sbf 4.2.0\nplatform-tools v1.54\nrustc 1.89.0\n",
            "solana-cargo-build-sbf 4.2.0\nplatform-tools v1.54\n",
            "solana-cargo-build-sbf 5.0.0\nplatform-tools v2.0\nrustc 1.100.0-dev\n",
        ] {
            assert!(require_recent(said).is_ok(), "{said}");
        }
    }

    #[test]
    fn old_tools_are_refused_with_the_line_that_installs_others() {
        for (said, what) in [
            (
                "solana-cargo-build-sbf 2.3.0\nplatform-tools v1.48\nrustc 1.84.1\n",
                "has platform-tools v1.48, and SBPF version 3 needs platform-tools v1.54 or later",
            ),
            (
                "solana-cargo-build-sbf 3.1.0\nplatform-tools v1.51.1\n",
                "has platform-tools v1.51.1",
            ),
            (
                "solana-cargo-build-sbf 4.2.0\nplatform-tools v1.54\nrustc 1.88.2\n",
                "has Rust 1.88.2, and SBPF version 3 needs Rust 1.89 or later",
            ),
            ("solana-cargo-build-sbf 1.14\n", "release.anza.xyz"),
        ] {
            let error = require_recent(said).map_err(|error| format!("{error:#}"));
            let message = error.expect_err("the tools are too old");
            assert!(message.contains(what), "{message}");
            assert!(message.contains("--tools bundled"), "{message}");
        }
    }
}
