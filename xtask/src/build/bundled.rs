//! The project's own build: Debian's compiler makes bitcode, `tools/sbf-build` makes the shared object of it.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{bail, Context as _, Result};

use super::toolchain::{self, Toolchain};
use super::{library, Program};
use crate::paths;

/// The name of the target, which cargo takes from the file that describes it.
const TARGET: &str = "sbpf-solana-solana";

/// What rustc is told besides what the target says.
const RUSTC_FLAGS: [&str; 6] = [
    "-Crelocation-model=static",
    // At the default, 225, the program is a quarter larger and one per cent faster.
    "-Cllvm-args=-inline-threshold=100",
    // Errors are built out of line: a tenth of the size again.
    "-Cllvm-args=-inlinecold-threshold=0",
    "-Cllvm-args=-inline-cold-callsite-threshold=0",
    // Both serve the Linux kernel's verifier, at the price of slower code.
    "-Cllvm-args=-bpf-disable-serialize-icmp",
    "-Cllvm-args=-bpf-disable-avoid-speculation",
];

/// Variables that would make cargo build something else.
const FOREIGN: [&str; 8] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOCFLAGS",
];

/// The steps, timed and told.
struct Steps(Instant, u32);

impl Steps {
    fn next(&mut self, what: &str) {
        self.1 += 1;
        println!(
            "[{}/5] {what} ({:.1} s)",
            self.1,
            self.0.elapsed().as_secs_f32()
        );
    }
}

/// The binaries of `tools/sbf-build`.
struct Tool {
    linker: PathBuf,
    builder: PathBuf,
}

/// Builds the program.
pub fn build(program: &Program) -> Result<()> {
    let mut steps = Steps(Instant::now(), 0);
    steps.next("finding the compiler, its library source and LLVM");
    let toolchain = toolchain::find()?;
    let library = library::prepare(&toolchain)?;
    steps.next("building the tool");
    let tool = build_tool(&toolchain)?;
    steps.next(&format!("compiling {} to bitcode", program.package));
    let runtime = Program::at(&paths::tools().join("sbf-runtime/Cargo.toml"))?;
    let cargo = Cargo {
        toolchain: &toolchain,
        library: &library,
        tool: &tool,
    };
    let bitcode = cargo.bitcode(program)?;
    let runtime = cargo.bitcode(&runtime)?;
    let stamp = program.out.with_extension("stamp");
    let inputs = [&bitcode, &runtime, &tool.builder, &program.out];
    let listing = program.frames > 0 || program.keep;
    if !listing
        && fs::read_to_string(&stamp).is_ok_and(|found| hash(&inputs).is_ok_and(|now| now == found))
    {
        println!(
            "{} is up to date ({:.1} s)",
            program.out.display(),
            steps.0.elapsed().as_secs_f32()
        );
        return Ok(());
    }
    steps.next("lowering and selecting instructions");
    // New files rather than new contents: a copy made by linking keeps what it had, and a failure leaves none behind.
    for old in [&stamp, &program.out] {
        if old.exists() {
            fs::remove_file(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    lower(program, &tool, &bitcode, &runtime)?;
    let size = fs::metadata(&program.out)
        .with_context(|| format!("cannot read {}", program.out.display()))?
        .len();
    fs::write(&stamp, hash(&inputs)?)
        .with_context(|| format!("cannot write {}", stamp.display()))?;
    steps.next(&format!("{}: {size} bytes", program.out.display()));
    Ok(())
}

/// A digest of files' contents.
fn hash(files: &[&PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        bytes.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn build_tool(toolchain: &Toolchain) -> Result<Tool> {
    let directory = paths::target().join("tools");
    let mut command = Command::new(&toolchain.cargo);
    command.current_dir(paths::tools()).args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "sbf-build",
    ]);
    command.arg("--target-dir").arg(&directory);
    clean(&mut command)
        .env("RUSTC", &toolchain.rustc)
        .env("LLVM_PREFIX", &toolchain.llvm);
    check(&mut command, "the tool does not build")?;
    let binaries = directory.join("debug");
    Ok(Tool {
        linker: binaries.join("sbf-ld"),
        builder: binaries.join("sbf-build"),
    })
}

/// Runs cargo for the chain's target.
struct Cargo<'b> {
    toolchain: &'b Toolchain,
    library: &'b Path,
    tool: &'b Tool,
}

impl Cargo<'_> {
    /// Compiles a program crate and everything it depends on, and returns the file of the linked bitcode.
    fn bitcode(&self, program: &Program) -> Result<PathBuf> {
        let directory = work_directory(program);
        let target = paths::tools().join(format!("{TARGET}.json"));
        let mut command = Command::new(&self.toolchain.cargo);
        command.args([
            "rustc",
            "--quiet",
            "--locked",
            "--release",
            "--lib",
            "--crate-type",
            "cdylib",
        ]);
        command
            .arg("--manifest-path")
            .arg(&program.manifest)
            .args(["--package", &program.package]);
        command
            .arg("--target")
            .arg(target)
            .arg("--target-dir")
            .arg(&directory);
        command.args(["-Zjson-target-spec", "-Zbuild-std=std,panic_abort"]);
        // Leaves core's large sorts out, whose frames do not fit.
        command.arg("-Zbuild-std-features=optimize_for_size");
        // A panic aborts at once: its message would cost space, and std's panic machinery needs writable statics.
        command.args([
            "-Zpanic-immediate-abort",
            "--config",
            "profile.release.panic='immediate-abort'",
        ]);
        if let Some(features) = &program.features {
            command.args(["--features", features]);
        }
        let linker = format!("-Clinker={}", self.tool.linker.display());
        let flags: Vec<&str> = RUSTC_FLAGS.into_iter().chain([linker.as_str()]).collect();
        clean(&mut command)
            .envs(program.variables.iter().cloned())
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .env("RUSTC", &self.toolchain.rustc)
            // Building std and describing a target are unstable features; the compiler is pinned, so they hold.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("__CARGO_TESTS_ONLY_SRC_ROOT", self.library);
        check(
            &mut command,
            &format!("{} does not compile for the chain", program.package),
        )?;
        Ok(directory
            .join(TARGET)
            .join("release")
            .join(format!("lib{}.so", program.stem())))
    }
}

/// Where cargo builds a program.
///
/// Cargo tells the library source's path by the workspace, so workspaces that shared a directory would keep
/// rebuilding it.
fn work_directory(program: &Program) -> PathBuf {
    let is_of = |workspace: PathBuf| program.manifest.starts_with(workspace);
    let name = if is_of(paths::tools()) {
        "sbf-tools"
    } else if is_of(paths::root().join("tests/programs/pyth-pro")) {
        "sbf-tests"
    } else {
        "sbf"
    };
    paths::target().join(name)
}

fn lower(program: &Program, tool: &Tool, bitcode: &Path, runtime: &Path) -> Result<()> {
    let directory = program
        .out
        .parent()
        .context("the output has no directory")?;
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let mut command = Command::new(&tool.builder);
    command
        .arg("--runtime")
        .arg(runtime)
        .arg("-o")
        .arg(&program.out)
        .arg(bitcode);
    if program.frames > 0 {
        command.arg("--frames").arg(program.frames.to_string());
    }
    if program.keep {
        command.arg("--keep").arg(work_directory(program));
    }
    check(
        &mut command,
        &format!("{} cannot be built for the chain", program.package),
    )
}

/// Takes the variables away that steer cargo from outside.
fn clean(command: &mut Command) -> &mut Command {
    FOREIGN.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

fn check(command: &mut Command, failure: &str) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{failure}");
    }
    Ok(())
}
