//! `cargo xtask wasm`: builds the browser's module, with a rustup toolchain's target or with Debian's packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{bail, Context as _, Result};

use crate::{paths, stamp, system};

const HELP: &str = "\
Builds health and previews for the browser into app/client/src/wasm/plimsoll.wasm.

usage: cargo xtask wasm [options]

  --force       build even when nothing has changed
  -h, --help    this text";

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "plimsoll-browser";
/// What the module is made of.
const SOURCES: [&str; 6] = [
    "Cargo.lock",
    "idl/plimsoll.json",
    "crates/browser",
    "crates/client",
    "crates/risk",
    "programs/plimsoll",
];
/// Debian's packages, where no toolchain has the target.
const PACKAGES: [&str; 4] = ["rustc-web", "rust-web-src", "cargo-web", "lld-22"];
const LINKER: &str = "/usr/bin/wasm-ld-22";
/// Variables that would make cargo build something else.
const FOREIGN: [&str; 7] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTUP_TOOLCHAIN",
];

/// What compiles to WebAssembly here.
enum Compiler {
    /// The `cargo` on the path, whose toolchain has the target's library.
    Toolchain,
    /// Debian's, which builds the library along.
    System,
}

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    let mut force = false;
    for argument in arguments {
        match argument.as_str() {
            "--force" => force = true,
            "-h" | "--help" => {
                println!("{HELP}");
                return Ok(());
            }
            other => bail!("unknown option {other}\n\n{HELP}"),
        }
    }
    build(force)
}

/// Builds the module unless it is up to date.
pub fn build(force: bool) -> Result<()> {
    let started = Instant::now();
    let out = paths::root().join("app/client/src/wasm/plimsoll.wasm");
    let mark = paths::target().join("wasm/plimsoll.stamp");
    let sources = SOURCES.map(|source| paths::root().join(source));
    if !force && fs::read_to_string(&mark).is_ok_and(|found| is_current(&found, &out, &sources)) {
        return told(&out, "is up to date", started);
    }
    let compiler = compiler()?;
    println!("building {PACKAGE} for {TARGET}");
    let made = compile(&compiler)?;
    let directory = out.parent().context("the output has no directory")?;
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    fs::copy(&made, &out).with_context(|| format!("cannot copy {}", made.display()))?;
    fs::write(&mark, digest(&out, &sources)?)
        .with_context(|| format!("cannot write {}", mark.display()))?;
    told(&out, "is built", started)
}

fn is_current(found: &str, out: &Path, sources: &[PathBuf]) -> bool {
    digest(out, sources).is_ok_and(|now| now == found)
}

/// A digest of the module and of what it is made of.
fn digest(out: &Path, sources: &[PathBuf]) -> Result<String> {
    let all: Vec<&Path> = (sources.iter().map(PathBuf::as_path))
        .chain([out])
        .collect();
    stamp::of(&all)
}

fn told(out: &Path, what: &str, started: Instant) -> Result<()> {
    let size = fs::metadata(out)
        .with_context(|| format!("cannot read {}", out.display()))?
        .len();
    let took = started.elapsed().as_secs_f32();
    println!("{} {what}: {size} bytes ({took:.1} s)", out.display());
    Ok(())
}

/// A toolchain with the target where there is one, otherwise Debian's, installed where it is missing and we may.
fn compiler() -> Result<Compiler> {
    if has_target() {
        return Ok(Compiler::Toolchain);
    }
    if !is_complete() {
        println!("      no toolchain here has the target {TARGET}");
        system::install(&PACKAGES)
            .with_context(|| format!("with rustup, `rustup target add {TARGET}` does as well"))?;
    }
    Ok(Compiler::System)
}

/// Whether the toolchain on the path has the target's library.
fn has_target() -> bool {
    let mut query = Command::new("rustc");
    query.args(["--print", "target-libdir", "--target", TARGET]);
    let Ok(made) = query.output() else {
        return false;
    };
    let directory = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    made.status.success() && names.into_iter().any(|name| name.starts_with("libstd-"))
}

fn is_complete() -> bool {
    ["/usr/bin/rustc", "/usr/bin/cargo", LINKER]
        .iter()
        .all(|path| Path::new(path).exists())
        && library().is_some_and(|library| library.exists())
}

/// The library source of the system's compiler.
fn library() -> Option<PathBuf> {
    let made = Command::new("/usr/bin/rustc")
        .args(["--print", "sysroot"])
        .output()
        .ok()?;
    let sysroot = String::from_utf8(made.stdout).ok()?;
    Some(Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml"))
}

fn compile(compiler: &Compiler) -> Result<PathBuf> {
    let directory = paths::target().join("wasm");
    let mut command = match compiler {
        Compiler::Toolchain => Command::new("cargo"),
        Compiler::System => Command::new("/usr/bin/cargo"),
    };
    for name in FOREIGN {
        command.env_remove(name);
    }
    command
        .current_dir(paths::root())
        .args(["build", "--quiet", "--locked", "--release", "--lib"])
        .args(["--package", PACKAGE, "--target", TARGET, "--target-dir"])
        .arg(&directory);
    // Small before fast, and without symbols: the module is downloaded. A panic traps.
    command
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    if matches!(compiler, Compiler::System) {
        command
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC", "/usr/bin/rustc")
            // Building std is an unstable feature; the compiler and its library come from one package.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
    }
    let status = command.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("{PACKAGE} does not build for {TARGET}");
    }
    let file = format!("{}.wasm", PACKAGE.replace('-', "_"));
    Ok(directory.join(TARGET).join("release").join(file))
}
