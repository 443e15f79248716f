//! The linker that rustc calls: links bitcode into one bitcode module, and leaves the rest to `sbf-build`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, Result};
use sbf_build::link::link;
use sbf_build::llvm::Context;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Understands what rustc's `bpf` linker flavour passes; all but the inputs and the output has no bearing here.
fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut inputs, mut output) = (Vec::new(), None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-o" => output = arguments.next().map(PathBuf::from),
            "-L" | "--export-symbols" | "--export" | "--cpu" | "--cpu-features" | "--target" => {
                arguments.next();
            }
            option if option.starts_with('-') => {}
            input => inputs.push(PathBuf::from(input)),
        }
    }
    let Some(output) = output else {
        bail!("no output named: this is the linker that rustc calls")
    };
    let context = Context::new();
    let program = link(&context, &inputs)?;
    program.write_bitcode(&output)
}
