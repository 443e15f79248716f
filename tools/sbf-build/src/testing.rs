//! Helpers for the rewrites' unit tests.

use anyhow::Result;

use crate::emit;
use crate::llvm::{Context, Module, Target};

/// The text of a module after a rewrite, which must leave it well formed.
pub fn lowered(rewrite: fn(&Module<'_>) -> Result<()>, text: &str) -> String {
    let context = Context::new();
    let module = parse(&context, text);
    rewrite(&module).expect("the rewrite succeeds");
    module.verify().expect("the result is well formed");
    module.print()
}

/// What a rewrite or check says when it refuses a module.
pub fn failure(rewrite: fn(&Module<'_>) -> Result<()>, text: &str) -> String {
    let context = Context::new();
    let module = parse(&context, text);
    format!("{:#}", rewrite(&module).expect_err("the module is refused"))
}

/// The shared object that a module becomes without any rewrite.
pub fn linked(text: &str) -> Result<Vec<u8>> {
    let context = Context::new();
    let module = parse(&context, text);
    let (object, _) = emit::object(&context, &module, &Target::sbpf()?)?;
    emit::shared_object(&object)
}

fn parse<'c>(context: &'c Context, text: &str) -> Module<'c> {
    let layout = "target datalayout = \"e-m:e-p:64:64-i64:64-i128:128-n32:64-S128\"\ntarget triple = \"bpfel\"\n";
    Module::from_text(context, &format!("{layout}{text}")).expect("the test's IR parses")
}
