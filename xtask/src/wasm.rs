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
/// What the module exports, besides its memory.
const EXPORTS: [&str; 4] = ["alloc", "dealloc", "call", "last_panic"];
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
    let archive = compile(&compiler)?;
    let module = link(&compiler, &archive)?;
    let directory = out.parent().context("the output has no directory")?;
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    fs::write(&out, module).with_context(|| format!("cannot write {}", out.display()))?;
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

/// Compiles the crate and all it depends on into one archive.
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
        .args(["rustc", "--quiet", "--locked", "--release", "--lib"])
        .args(["--crate-type", "staticlib", "--package", PACKAGE])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&directory);
    // Small rather than fast: the module is downloaded. A panic traps.
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
            // Some dependencies are libraries of their own, which cargo links along.
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
    }
    let status = command.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("{PACKAGE} does not build for {TARGET}");
    }
    let file = format!("lib{}.a", PACKAGE.replace('-', "_"));
    Ok(directory.join(TARGET).join("release").join(file))
}

/// Links the archive into a module that exports the crate's own functions only. Some dependencies export JavaScript
/// glue for `wasm-bindgen`, which cargo's own link would keep, with all that it imports.
fn link(compiler: &Compiler, archive: &Path) -> Result<Vec<u8>> {
    let module = archive.with_extension("wasm");
    let mut command = match compiler {
        Compiler::System => Command::new(LINKER),
        Compiler::Toolchain => {
            let mut lld = Command::new(toolchain_linker()?);
            lld.args(["-flavor", "wasm"]);
            lld
        }
    };
    command.args(["--no-entry", "--gc-sections", "--strip-all", "-O2"]);
    // A stack that overflows must trap, not run into the data.
    command.args(["--stack-first", "-z", "stack-size=1048576"]);
    command.args(EXPORTS.map(|name| format!("--export={name}")));
    command.arg(archive).arg("-o").arg(&module);
    let status = command.status().context("cannot run the linker")?;
    if !status.success() {
        bail!("{PACKAGE} does not link for {TARGET}");
    }
    let linked = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    without_custom_sections(&linked).context("the linker wrote no module")
}

/// The linker that comes with the toolchain on the path.
fn toolchain_linker() -> Result<PathBuf> {
    let output = |arguments: &[&str]| {
        let made = Command::new("rustc").args(arguments).output();
        let made = made.context("cannot run rustc")?;
        anyhow::Ok(String::from_utf8_lossy(&made.stdout).trim().to_owned())
    };
    let about = output(&["-vV"])?;
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc tells no host")?;
    let sysroot = output(&["--print", "sysroot"])?;
    Ok(Path::new(&sysroot)
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld"))
}

/// A module without its custom sections, which nothing needs to run it.
fn without_custom_sections(module: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 8;
    const CUSTOM: u8 = 0;
    let (header, mut rest) = module.split_at_checked(HEADER)?;
    let mut out = header.to_vec();
    while let Some((id, after)) = rest.split_first() {
        let (len, prefix) = leb128(after)?;
        let (section, left) = rest.split_at_checked(1 + prefix + len)?;
        if *id != CUSTOM {
            out.extend_from_slice(section);
        }
        rest = left;
    }
    Some(out)
}

/// An unsigned number of seven bits a byte, and how many bytes it takes.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (i, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_sections_are_left_out() {
        let header = b"\0asm\x01\0\0\0".as_slice();
        let module = [header, &[0, 3, 1, b'x', 9], &[1, 1, 0], &[0, 2, 1, b'y']].concat();
        let kept = [header, &[1, 1, 0]].concat();
        assert_eq!(without_custom_sections(&module), Some(kept));
        assert_eq!(without_custom_sections(&module[..10]), None);
    }
}
