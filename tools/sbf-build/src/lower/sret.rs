//! Drops the `sret` mark, which the back end refuses.
//!
//! The caller passes the place for the result as an ordinary first argument either way.

use anyhow::Result;

use crate::llvm::{Module, Opcode};

/// Removes the mark from functions and calls.
pub fn strip(module: &Module<'_>) -> Result<()> {
    for function in module.functions() {
        for index in 1..=function.value_type().parameters().len() as u32 {
            for attribute in function
                .attributes(index)
                .into_iter()
                .filter(|a| a.is("sret"))
            {
                function.remove_attribute(index, attribute);
            }
        }
        for call in function.instructions() {
            if call.opcode() != Some(Opcode::LLVMCall) {
                continue;
            }
            for index in 1..=call.arguments().len() as u32 {
                for attribute in call
                    .call_attributes(index)
                    .into_iter()
                    .filter(|a| a.is("sret"))
                {
                    call.remove_call_attribute(index, attribute);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn the_mark_goes_and_the_argument_stays() {
        let text = lowered(
            super::strip,
            "declare void @g(ptr sret([3 x i64]) align 8, i64)
             define void @f(ptr sret([3 x i64]) align 8 %out, i64 %a) {
               call void @g(ptr sret([3 x i64]) align 8 %out, i64 %a)
               ret void
             }",
        );
        assert!(!text.contains("sret(") && text.contains("call void @g(ptr align 8 %out, i64 %a)"));
    }
}
