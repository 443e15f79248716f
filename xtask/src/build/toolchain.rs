//! Finds the compiler, its library source and LLVM, which the project's own build takes from Debian's packages.
//!
//! A toolchain from rustup will not do: the library source must match the compiler exactly, and LLVM must be the
//! version that the compiler writes bitcode for.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context as _, Result};

use crate::system;

/// The LLVM that `tools/sbf-build` is written for.
const LLVM: u32 = 22;
/// Debian's packages.
const PACKAGES: [&str; 4] = ["rustc-web", "rust-web-src", "cargo-web", "llvm-22-dev"];

/// What the build runs.
#[derive(Debug)]
pub struct Toolchain {
    /// The compiler.
    pub rustc: PathBuf,
    /// Cargo, of the same version as the compiler.
    pub cargo: PathBuf,
    /// The compiler's library source.
    pub library: PathBuf,
    /// Where LLVM is installed.
    pub llvm: PathBuf,
    /// The compiler's version, in full.
    pub version: String,
}

/// Finds the tools, installing the packages first where they are missing and we may.
pub fn find() -> Result<Toolchain> {
    match locate() {
        Ok(found) => Ok(found),
        Err(missing) => {
            println!("      {missing:#}");
            system::install(&PACKAGES).context(
                "neither platform-tools (`cargo build-sbf`) nor what replaces them is installed",
            )?;
            locate().context("after installing the packages")
        }
    }
}

fn locate() -> Result<Toolchain> {
    let rustc = existing("/usr/bin/rustc", "the system's rustc")?;
    let cargo = existing("/usr/bin/cargo", "the system's cargo")?;
    let llvm = existing(&format!("/usr/lib/llvm-{LLVM}"), &format!("LLVM {LLVM}"))?;
    existing(
        &format!("/usr/lib/llvm-{LLVM}/lib/libLLVM.so"),
        &format!("LLVM {LLVM}'s library for linking"),
    )?;
    let version = output(Command::new(&rustc).arg("-vV"))?;
    let release = field(&version, "release").context("rustc tells no version")?;
    let major =
        field(&version, "LLVM version").and_then(|text| text.split('.').next()?.parse().ok());
    if major != Some(LLVM) {
        let found = major.map_or("unknown".to_owned(), |found: u32| found.to_string());
        bail!(
            "{} {release} is built on LLVM {found}, and the build needs LLVM {LLVM}",
            rustc.display()
        );
    }
    let library = library_source(&rustc, release)?;
    let cargo_version = output(Command::new(&cargo).arg("-V"))?;
    if cargo_version.split(' ').nth(1) != Some(release) {
        bail!(
            "{} is not of rustc's version {release}: {}",
            cargo.display(),
            cargo_version.trim()
        );
    }
    Ok(Toolchain {
        rustc,
        cargo,
        library,
        llvm,
        version,
    })
}

/// The library source, checked to be of the compiler's version.
fn library_source(rustc: &Path, release: &str) -> Result<PathBuf> {
    let sysroot = output(Command::new(rustc).args(["--print", "sysroot"]))?;
    let source = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
    let library = source.join("library");
    existing(
        &library.join("std/Cargo.toml").to_string_lossy(),
        "Rust's library source",
    )?;
    let real = source
        .canonicalize()
        .with_context(|| format!("cannot resolve {}", source.display()))?;
    let name = real
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    if let Some(found) = name
        .strip_prefix("rustc-")
        .filter(|found| *found != release)
    {
        bail!("the library source is of Rust {found}, the compiler of {release}");
    }
    Ok(library)
}

fn existing(path: &str, what: &str) -> Result<PathBuf> {
    let path = PathBuf::from(path);
    if !path.exists() {
        bail!(
            "{what} is not installed ({} does not exist)",
            path.display()
        );
    }
    Ok(path)
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn output(command: &mut Command) -> Result<String> {
    let made = command
        .output()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !made.status.success() {
        bail!(
            "{:?} failed: {}",
            command.get_program(),
            String::from_utf8_lossy(&made.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&made.stdout).into_owned())
}
