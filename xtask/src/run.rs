//! Running cargo, and counting the tests that its output reports.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{bail, Context as _, Result};

use crate::paths;

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were skipped.
    pub skipped: u64,
}

impl Tally {
    /// Adds the counts of a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; ...`, which cargo prints, or
    /// `Tests  1 failed | 3 passed (4)`, which Vitest does.
    fn count(&mut self, line: &str) {
        let counts = match line.split_once("test result: ") {
            Some((_, counts)) => counts,
            None => match line.trim_start().strip_prefix("Tests  ") {
                Some(counts) => counts,
                None => return,
            },
        };
        for part in counts.split([';', '.', '|', '(']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" | "skipped" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// Runs cargo at the root of the checkout.
pub fn cargo<const N: usize>(fixed: [&str; N], arguments: &[String]) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .current_dir(paths::root())
        .args(fixed)
        .args(arguments);
    let status = command.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("cargo {} failed", fixed.join(" "));
    }
    Ok(())
}

/// Builds a program of the workspace; where it is. The whole workspace is named, so that what it stands on is what the tests
/// stand on: a part of it would have other features.
pub fn built(binary: &str) -> Result<PathBuf> {
    let build = [
        "build",
        "--quiet",
        "--locked",
        "--workspace",
        "--bin",
        binary,
    ];
    cargo(build, &[])?;
    Ok(paths::target().join("debug").join(binary))
}

/// Runs a command, shows its output and adds the tests it reports to `tally`; whether it succeeded.
pub fn counted(command: &mut Command, tally: &mut Tally) -> Result<bool> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            tally.count(&line);
        }
    }
    Ok(child.wait()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_cargo_and_vitest_report() {
        let mut tally = Tally::default();
        tally.count("test result: ok. 42 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.11s");
        tally.count(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        tally.count("test some::name ... ok");
        tally.count("      Tests  1 failed | 12 passed | 2 skipped (15)");
        tally.count(" Test Files  3 passed (3)");
        assert_eq!(
            tally,
            Tally {
                passed: 57,
                failed: 3,
                skipped: 3
            }
        );
    }
}
