//! `sbf-build`: lowers linked bitcode and writes the shared object.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, Context as _, Result};
use sbf_build::llvm::{Context, Linkage, Module, Target};
use sbf_build::names::{ENTRYPOINT, RUNTIME};
use sbf_build::{check, emit, lower};

const HELP: &str = "\
Lowers a program's linked bitcode and writes the shared object that the chain loads.

usage: sbf-build [options] --runtime RUNTIME.bc -o OUT.so PROGRAM.bc

  --runtime FILE   bitcode of tools/sbf-runtime
  -o FILE          the shared object to write
  --frames N       list the N largest stack frames
  --keep DIR       also write the lowered module (lowered.ll) and the object (program.o) there
  -h, --help       this text";

struct Options {
    program: PathBuf,
    runtime: PathBuf,
    output: PathBuf,
    frames: usize,
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "-h" || argument == "--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match parse().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let (mut program, mut runtime, mut output, mut frames, mut keep) = (None, None, None, 0, None);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .with_context(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--runtime" => runtime = Some(PathBuf::from(value()?)),
            "-o" => output = Some(PathBuf::from(value()?)),
            "--frames" => frames = value()?.parse().context("--frames needs a number")?,
            "--keep" => keep = Some(PathBuf::from(value()?)),
            option if option.starts_with('-') => bail!("unknown option {option}\n\n{HELP}"),
            path => program = Some(PathBuf::from(path)),
        }
    }
    let (Some(program), Some(runtime), Some(output)) = (program, runtime, output) else {
        bail!("{HELP}")
    };
    Ok(Options {
        program,
        runtime,
        output,
        frames,
        keep,
    })
}

fn run(options: &Options) -> Result<()> {
    let target = Target::sbpf()?;
    let context = Context::new();
    let read = |path: &PathBuf| {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Module::from_bitcode(&context, &bytes, &path.display().to_string())
    };
    let mut module = read(&options.program)?;
    if module
        .function(ENTRYPOINT)
        .is_none_or(|function| function.is_declaration())
    {
        bail!("the program defines no `{ENTRYPOINT}`");
    }
    // Both may hold copies of the same library code, which must not meet: only what the other side calls stays public.
    module.internalize(|name| name == ENTRYPOINT);
    let runtime = read(&options.runtime)?;
    let soft_float: Vec<String> = sbf_build::names::soft_float().collect();
    runtime.internalize(|name| {
        RUNTIME.contains(&name) || soft_float.iter().any(|known| known == name)
    });
    module.link(runtime)?;
    lower_module(&module, &target)?;
    check::check(&module)?;
    if let Some(directory) = &options.keep {
        std::fs::write(directory.join("lowered.ll"), module.print())
            .context("cannot write lowered.ll")?;
    }
    let (object, frames) = emit::object(&context, &module, &target)?;
    if let Some(directory) = &options.keep {
        std::fs::write(directory.join("program.o"), &object).context("cannot write program.o")?;
    }
    let shared = emit::shared_object(&object)?;
    std::fs::write(&options.output, &shared)
        .with_context(|| format!("cannot write {}", options.output.display()))?;
    for frame in frames.iter().take(options.frames) {
        println!(
            "      frame {:>4} of {} bytes: {}",
            frame.bytes,
            emit::STACK_FRAME,
            frame.function
        );
    }
    Ok(())
}

/// Drops what the program does not reach, rewrites the rest, and makes all but the entry point private.
fn lower_module(module: &Module<'_>, target: &Target) -> Result<()> {
    lower::tidy(module, target)?;
    lower::lower(module, target)?;
    module.internalize(|name| name == ENTRYPOINT);
    debug_assert!(module
        .function(ENTRYPOINT)
        .is_some_and(|f| f.linkage() == Linkage::LLVMExternalLinkage));
    lower::tidy(module, target)
}
