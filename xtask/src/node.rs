//! Finds a Node.js that is new enough for the web app's tools, or installs one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{bail, Context as _, Result};

use crate::{paths, system};

/// The oldest Node.js that the app's build tool runs on.
const OLDEST: (u32, u32) = (20, 19);
/// What is installed under `target/` where the system's is older.
const OWN: &str = "node@22";

/// A command of Node.js (`node`, `npm`, ...), with its directory in front of the `PATH`.
pub fn command(program: &str) -> Result<Command> {
    let directory = find()?;
    let mut command = Command::new(program);
    if let Some(directory) = directory {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(directory).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(all)?);
    }
    Ok(command)
}

/// The directory of the Node.js to use, `None` for the system's own.
fn find() -> Result<Option<PathBuf>> {
    if is_new_enough(Path::new("node")) && runs("npm") {
        return Ok(None);
    }
    let own = paths::target().join("node/node_modules/node/bin");
    if is_new_enough(&own.join("node")) {
        return Ok(Some(own));
    }
    if !runs("node") || !runs("npm") {
        system::install(&["nodejs", "npm"])?;
        if is_new_enough(Path::new("node")) {
            return Ok(None);
        }
    }
    install(&own)?;
    Ok(Some(own))
}

/// Installs Node.js from the npm registry into the target directory.
fn install(own: &Path) -> Result<()> {
    println!("      installing {OWN} under target/node: the system's is too old");
    let prefix = paths::target().join("node");
    std::fs::create_dir_all(&prefix)?;
    let status = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
        .arg("--prefix")
        .args([prefix.as_os_str(), OWN.as_ref()])
        .stdin(Stdio::null())
        .status()
        .context("cannot run npm")?;
    if !status.success() || !is_new_enough(&own.join("node")) {
        bail!(
            "Node.js {}.{} or later is needed; install it and run this again",
            OLDEST.0,
            OLDEST.1
        );
    }
    Ok(())
}

fn runs(program: &str) -> bool {
    version(Path::new(program)).is_some()
}

fn is_new_enough(node: &Path) -> bool {
    version(node)
        .and_then(|text| parse(&text))
        .is_some_and(|found| found >= OLDEST)
}

fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Major and minor number of a line such as `v20.19.2`.
fn parse(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(parse("v20.19.2\n"), Some((20, 19)));
        assert_eq!(parse("11.1.0"), None);
        assert!(parse("v18.20.4").is_some_and(|found| found < OLDEST));
        assert!(parse("v22.2.0").is_some_and(|found| found >= OLDEST));
    }
}
