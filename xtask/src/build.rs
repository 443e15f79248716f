//! `cargo xtask build`: makes the on-chain artifact, with platform-tools or with the project's own build.

mod bundled;
mod library;
mod platform;
mod toolchain;

use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use crate::paths;

const HELP: &str = "\
Builds a program crate into a Solana shared object.

usage: cargo xtask build [options]

  --manifest PATH    the program's Cargo.toml (default programs/plimsoll/Cargo.toml)
  --package NAME     its package name (default: read from the manifest)
  --out PATH         the file to write (default target/deploy/<package>.so)
  --features LIST    cargo features to build with
  --tools WHICH      auto: cargo build-sbf where it is installed, otherwise bundled (the default)
                     platform: cargo build-sbf
                     bundled: the project's own build in tools/, see tools/README.md
  --frames N         list the N largest stack frames (bundled only; relinks)
  --keep             keep the lowered module and object in target/sbf (bundled only; relinks)
  -h, --help         this text";

/// Which build makes the artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tools {
    /// `cargo build-sbf` where it is installed, otherwise the project's own.
    Auto,
    /// `cargo build-sbf`.
    Platform,
    /// The project's own.
    Bundled,
}

impl Tools {
    /// Reads the value of `--tools`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "platform" => Ok(Self::Platform),
            "bundled" => Ok(Self::Bundled),
            other => bail!("--tools is auto, platform or bundled, not {other}"),
        }
    }
}

/// What to build, and how.
#[derive(Debug, Clone)]
pub struct Program {
    /// The crate's manifest.
    pub manifest: PathBuf,
    /// The crate's package name.
    pub package: String,
    /// The file to write.
    pub out: PathBuf,
    /// Cargo features, comma separated.
    pub features: Option<String>,
    /// Environment variables that its build scripts read.
    pub variables: Vec<(&'static str, String)>,
    /// Which build makes it.
    pub tools: Tools,
    /// How many stack frames to list.
    pub frames: usize,
    /// Whether to keep intermediate files.
    pub keep: bool,
}

impl Program {
    /// The crate at `manifest`, built with defaults.
    pub fn at(manifest: &Path) -> Result<Self> {
        let package = package_name(manifest)?;
        let file = format!("{}.so", package.replace('-', "_"));
        let out = paths::target().join("deploy").join(file);
        let manifest = std::path::absolute(manifest).context("the manifest's path")?;
        Ok(Self {
            manifest,
            package,
            out,
            features: None,
            variables: Vec::new(),
            tools: Tools::Auto,
            frames: 0,
            keep: false,
        })
    }

    /// The project's program.
    pub fn plimsoll() -> Result<Self> {
        Self::at(&paths::root().join("programs/plimsoll/Cargo.toml"))
    }

    /// The name that the crate's files carry.
    pub fn stem(&self) -> String {
        self.package.replace('-', "_")
    }
}

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments
        .iter()
        .any(|argument| argument == "-h" || argument == "--help")
    {
        println!("{HELP}");
        return Ok(());
    }
    program(&parse(arguments)?)
}

/// Builds a program.
pub fn program(program: &Program) -> Result<()> {
    let platform = match program.tools {
        Tools::Auto => platform::is_installed(),
        Tools::Platform => true,
        Tools::Bundled => false,
    };
    if platform {
        platform::build(program)?;
    } else {
        bundled::build(program)?;
    }
    let artifact = std::fs::read(&program.out)
        .with_context(|| format!("cannot read {}", program.out.display()))?;
    require_version_3(&artifact).with_context(|| format!("in {}", program.out.display()))
}

/// Refuses an artifact that no cluster would let anybody deploy: the ELF header's flags hold the SBPF version.
fn require_version_3(artifact: &[u8]) -> Result<()> {
    let is_elf = artifact.starts_with(b"\x7fELF\x02\x01");
    let flags = artifact.get(48..52).filter(|_| is_elf);
    let flags = flags.and_then(|bytes| bytes.try_into().ok());
    match flags.map(u32::from_le_bytes) {
        Some(3) => Ok(()),
        Some(version) => bail!("the program is of SBPF version {version}, and must be of 3"),
        None => bail!("the program is no ELF file"),
    }
}

fn parse(arguments: &[String]) -> Result<Program> {
    let value = |name: &str| -> Result<Option<String>> {
        let Some(at) = arguments.iter().position(|argument| argument == name) else {
            return Ok(None);
        };
        let value = arguments
            .get(at + 1)
            .with_context(|| format!("{name} needs a value"))?;
        Ok(Some(value.clone()))
    };
    const WITH_VALUE: [&str; 6] = [
        "--manifest",
        "--package",
        "--out",
        "--features",
        "--tools",
        "--frames",
    ];
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if WITH_VALUE.contains(&argument.as_str()) {
            rest.next();
        } else if argument != "--keep" {
            bail!("unknown option {argument}\n\n{HELP}");
        }
    }
    let mut program = match value("--manifest")? {
        Some(manifest) => Program::at(Path::new(&manifest))?,
        None => Program::plimsoll()?,
    };
    if let Some(package) = value("--package")? {
        program.package = package;
        program.out = paths::target()
            .join("deploy")
            .join(format!("{}.so", program.stem()));
    }
    if let Some(out) = value("--out")? {
        program.out = std::path::absolute(out)?;
    }
    program.features = value("--features")?;
    if let Some(tools) = value("--tools")? {
        program.tools = Tools::parse(&tools)?;
    }
    program.frames = value("--frames")?
        .map(|n| n.parse())
        .transpose()
        .context("--frames needs a number")?
        .unwrap_or(0);
    program.keep = arguments.iter().any(|argument| argument == "--keep");
    Ok(program)
}

/// Reads a package's name from its manifest.
fn package_name(manifest: &Path) -> Result<String> {
    let text = std::fs::read_to_string(manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let package = text.split("[package]").nth(1).unwrap_or_default();
    let package = package.split("\n[").next().unwrap_or_default();
    let name = package.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "name").then(|| value.trim().trim_matches('"').to_owned())
    });
    name.with_context(|| format!("{} names no package", manifest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_version_3_passes() {
        let mut artifact = [0u8; 64];
        assert!(require_version_3(&artifact).is_err());
        artifact[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert!(require_version_3(&artifact[..50]).is_err());
        for version in 0..5 {
            artifact[48] = version;
            assert_eq!(require_version_3(&artifact).is_ok(), version == 3);
        }
    }
}
