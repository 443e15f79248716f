//! The build with platform-tools: `cargo build-sbf`.

use std::process::{Command, Stdio};

use anyhow::{bail, Context as _, Result};

use super::Program;

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
    let directory = program
        .out
        .parent()
        .context("the output has no directory")?;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    println!("building {} with cargo build-sbf", program.package);
    let mut command = Command::new("cargo-build-sbf");
    command
        .arg("--manifest-path")
        .arg(&program.manifest)
        .arg("--sbf-out-dir")
        .arg(directory);
    if let Some(features) = &program.features {
        command.args(["--features", features]);
    }
    let status = command
        .status()
        .context("cannot run cargo-build-sbf; is it installed?")?;
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
