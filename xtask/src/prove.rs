//! `cargo xtask prove`: what the margin engine's claims say in real numbers and on machine words, decided by a solver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{bail, Context as _, Result};

use crate::{arguments, paths, system};

const HELP: &str = "\
Gives every file of crates/risk/proofs to the solver Z3 (installing Debian's package where it is missing) and compares its
answers with the ones that the file says. The README beside them says what is proved.

usage: cargo xtask prove";

/// Debian's package, and the program.
const SOLVER: &str = "z3";
/// Longest that a file may take, in seconds; the slowest takes two or three.
const LIMIT: u32 = 60;

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments::none(arguments, HELP)?.is_none() {
        return Ok(());
    }
    if !system::has(SOLVER) {
        system::install(&[SOLVER])?;
    }
    let (mut passed, mut failed) = (0, 0);
    for file in files()? {
        let start = Instant::now();
        let text = fs::read_to_string(&file)?;
        let (expected, answers) = (expected(&text), answers(&file)?);
        let wrong = mismatches(&expected, &answers);
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let took = start.elapsed().as_secs_f64();
        println!(
            "{name:<14} {} of {} claims hold, {took:.1} s",
            expected.len() - wrong.len(),
            expected.len()
        );
        for at in &wrong {
            let said = answers.get(*at).map_or("nothing", String::as_str);
            println!(
                "  claim {}: {said} where {} was expected",
                at + 1,
                expected[*at]
            );
        }
        passed += expected.len() - wrong.len();
        failed += wrong.len();
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed");
    if failed > 0 {
        bail!("{failed} claims do not hold");
    }
    Ok(())
}

/// The files of claims, in order.
fn files() -> Result<Vec<PathBuf>> {
    let directory = paths::root().join("crates/risk/proofs");
    let entries =
        fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "smt2")
        {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("{} holds no claims", directory.display());
    }
    Ok(files)
}

/// What a file says that each of its checks must answer.
fn expected(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("(set-info :status ")?
                .strip_suffix(')')
        })
        .collect()
}

/// What the solver answers, an error included.
fn answers(file: &Path) -> Result<Vec<String>> {
    let out = Command::new(SOLVER)
        .arg(format!("-T:{LIMIT}"))
        .arg("-smt2")
        .arg(file)
        .output()
        .context("cannot run z3")?;
    Ok(String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(str::to_owned)
        .collect())
}

/// The places of the answers that are not the expected ones; an answer too many counts against the last.
fn mismatches(expected: &[&str], answers: &[String]) -> Vec<usize> {
    let wrong = |at: &usize| answers.get(*at).map(String::as_str) != Some(expected[*at]);
    let mut places: Vec<usize> = (0..expected.len()).filter(wrong).collect();
    let last = expected.len().saturating_sub(1);
    if answers.len() > expected.len() && !places.contains(&last) {
        places.push(last);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_expected_is_found() {
        let text = "(push)\n(set-info :status unsat)\n(check-sat)\n  (set-info :status sat)\n(check-sat)\n; (set-info :x 1)";
        let expected = expected(text);
        assert_eq!(expected, ["unsat", "sat"]);
        let of = |answers: &[&str]| {
            mismatches(
                &expected,
                &answers
                    .iter()
                    .map(|answer| (*answer).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert!(of(&["unsat", "sat"]).is_empty());
        assert_eq!(of(&["sat", "sat"]), [0]);
        assert_eq!(of(&["unsat", "unknown"]), [1]);
        assert_eq!(of(&["unsat"]), [1]);
        assert_eq!(of(&[]), [0, 1]);
        assert_eq!(of(&["unsat", "sat", "timeout"]), [1]);
    }

    #[test]
    fn every_check_says_what_it_expects() {
        for file in files().unwrap() {
            let text = fs::read_to_string(&file).unwrap();
            let checks = text
                .lines()
                .filter(|line| line.trim() == "(check-sat)")
                .count();
            assert!(
                checks > 0 && checks == expected(&text).len(),
                "{}",
                file.display()
            );
        }
    }
}
