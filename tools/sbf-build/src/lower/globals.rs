//! Gives constants of no size one byte, since the object linker wants each symbol to have an extent.

use anyhow::Result;

use crate::llvm::Module;

/// Replaces every empty constant that is used.
pub fn pad_empty(module: &Module<'_>) -> Result<()> {
    for global in module.globals() {
        if global.is_declaration()
            || module.size_of(global.value_type()) != 0
            || global.name().starts_with("llvm.")
        {
            continue;
        }
        if global.is_used() {
            let padded = module.add_constant("sbf.empty", module.context().int(8))?;
            padded.set_linkage(crate::llvm::Linkage::LLVMPrivateLinkage);
            padded.set_alignment(global.alignment());
            global.replace_uses(padded);
        }
        module.delete_global(global);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn an_empty_constant_gets_a_byte() {
        let text = lowered(
            super::pad_empty,
            "@e = private constant [0 x i8] zeroinitializer, align 16
             define ptr @f() {
               ret ptr @e
             }",
        );
        assert!(text.contains("private constant i8 0, align 16") && !text.contains("[0 x i8]"));
    }
}
