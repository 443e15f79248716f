//! System packages: what is missing is installed where we may, and named in one line where we may not.

use std::process::{Command, Stdio};

use anyhow::{bail, Context as _, Result};

/// What the embedded chain and the test runtime link with.
pub const NATIVE_PACKAGES: &[&str] = &["build-essential", "pkg-config", "libssl-dev"];

/// Makes sure that Debian's packages are there. On another system this does nothing: its user knows better.
pub fn require(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() || !has("apt-get") {
        return Ok(());
    }
    install(&missing)
}

/// Installs packages as root; otherwise fails with the line that does it.
pub fn install(packages: &[&str]) -> Result<()> {
    let line = format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    if !is_root() {
        bail!("packages are missing; install them with:\n  sudo {line}");
    }
    println!("      installing {}", packages.join(" "));
    apt_get(&["update", "-q"])?;
    apt_get(
        &[
            &["install", "-y", "-q", "--no-install-recommends"],
            packages,
        ]
        .concat(),
    )
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let made = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .context("cannot run apt-get")?;
    if !made.status.success() {
        bail!(
            "apt-get {} failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&made.stderr)
        );
    }
    Ok(())
}

/// Whether we may install things.
pub fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.starts_with(b"0\n"))
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["-W", "-f", "${Status}", package])
        .output();
    query.is_ok_and(|query| query.stdout.ends_with(b"ok installed"))
}

/// Whether a program is there to be run.
pub fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok()
}
