//! Selects instructions and links the object into the file that the chain loads.

use anyhow::{bail, Context as _, Result};
use sbpf_linker::{link_program, OptimizationConfig, ProgramOptions, SbpfArch, SbpfLinkerError};

use crate::llvm::{Attribute, Context, Module, Target, FUNCTION_ATTRIBUTES};
use crate::names::demangle;
use crate::shared;

/// Bytes of stack that the machine gives each call.
pub const STACK_FRAME: u64 = 4096;

/// What the read-only data begins with. Version 3 puts it at address 0, where in Rust nothing lies: a reference to what
/// lies there would read as `None`, so this is nothing that the program refers to.
pub const GUARD: &str = "no object at 0";

/// Writes the guard, ahead of the constants that the back end emits with the functions.
fn guard() -> String {
    format!(
        ".section .rodata,\"a\",@progbits\n.type sbf_guard,@object\n\
         sbf_guard:\n.asciz \"{GUARD}\"\n.size sbf_guard, {}\n.balign 16\n",
        GUARD.len() + 1
    )
}

/// The stack that one function uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The function, as a person writes it.
    pub function: String,
    /// Bytes of stack.
    pub bytes: u64,
}

/// Generates the object file, and tells each function's stack frame, largest first.
pub fn object(
    context: &Context,
    module: &Module<'_>,
    target: &Target,
) -> Result<(Vec<u8>, Vec<Frame>)> {
    // Has the back end report every frame, not only those that are too large.
    let report = Attribute::string(context, "warn-stack-size", "0");
    for function in module.definitions() {
        function.add_attribute(FUNCTION_ATTRIBUTES, report);
    }
    module.set_inline_assembly(&guard());
    context.take_diagnostics();
    let object = target.emit_object(module)?;
    let mut frames = Vec::new();
    let mut errors = Vec::new();
    for diagnostic in context.take_diagnostics() {
        match frame(&diagnostic.message) {
            Some(frame) => frames.push(frame),
            None if is_frame_error(&diagnostic.message) => {}
            None if diagnostic.is_error => errors.push(readable(&diagnostic.message)),
            None => {}
        }
    }
    frames.sort_by(|a, b| {
        b.bytes
            .cmp(&a.bytes)
            .then_with(|| a.function.cmp(&b.function))
    });
    frames.dedup();
    let excess = frames.iter().filter(|frame| frame.bytes > STACK_FRAME);
    errors.extend(excess.map(|frame| {
        format!(
            "stack frame of {} bytes, {} over the limit, in {}",
            frame.bytes,
            frame.bytes - STACK_FRAME,
            frame.function
        )
    }));
    if !errors.is_empty() {
        errors.dedup();
        bail!(
            "the back end refuses the program:\n  {}",
            errors.join("\n  ")
        );
    }
    Ok((object, frames))
}

/// Reads LLVM's sentence about a frame.
fn frame(message: &str) -> Option<Frame> {
    let rest = message.split("stack frame size (").nth(1)?;
    let (bytes, rest) = rest.split_once(')')?;
    let function = rest.split('\'').nth(1)?;
    Some(Frame {
        function: demangle(function),
        bytes: bytes.parse().ok()?,
    })
}

/// Whether the message is the back end's own complaint of a large frame, which names no size.
fn is_frame_error(message: &str) -> bool {
    message.contains("BPF stack limit")
}

/// Demangles the symbols in a message.
fn readable(message: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || c == '.';
    let symbols = message
        .split(|c| !is_word(c))
        .filter(|word| word.starts_with("_R") || word.starts_with("_ZN"));
    symbols.fold(message.to_owned(), |text, symbol| {
        text.replace(symbol, &demangle(symbol))
    })
}

/// Links the object into an SBPF version 3 shared object, and checks what came out.
pub fn shared_object(object: &[u8]) -> Result<Vec<u8>> {
    let options = ProgramOptions::new(
        OptimizationConfig::disabled(),
        SbpfArch::V3,
        STACK_FRAME as i32,
    );
    let linked = link_program(object, options)
        .map_err(|errors| anyhow::anyhow!("{}", readable(&SbpfLinkerError::format_errors(&errors))))
        .context("cannot link the shared object")?;
    shared::check(&linked).context("the linked object would not run as written")?;
    Ok(linked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(text: &str) -> Result<(Vec<u8>, Vec<Frame>)> {
        let context = Context::new();
        let target = Target::sbpf()?;
        let module = Module::from_text(&context, &format!("target triple = \"bpfel\"\n{text}"))?;
        object(&context, &module, &target)
    }

    #[test]
    fn a_large_frame_is_refused_with_its_size() {
        let text = "declare void @sol_log_(ptr, i64)
             define void @_RNvCs1234_7example4deep() {
               %a = alloca [5000 x i8]
               call void @sol_log_(ptr %a, i64 5000)
               ret void
             }";
        let message = format!("{:#}", compile(text).expect_err("the frame is too large"));
        assert!(
            message.contains("stack frame of 5000 bytes, 904 over the limit, in example::deep"),
            "{message}"
        );
    }

    #[test]
    fn frames_are_reported() {
        let text = "declare void @sol_log_(ptr, i64)
             define void @small() {
               %a = alloca [64 x i8]
               call void @sol_log_(ptr %a, i64 64)
               ret void
             }";
        let (_, frames) = compile(text).expect("the module compiles");
        assert_eq!(
            frames,
            [Frame {
                function: "small".to_owned(),
                bytes: 64
            }]
        );
    }
}
