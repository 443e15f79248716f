//! Traps: the `abort` syscall ends the transaction.

use anyhow::Result;

use super::{rewrite_each, Rewrite};
use crate::llvm::{Module, Opcode, Value};
use crate::names::ABORT;

/// Rewrites the trap intrinsics, which every panic ends in.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let ty = module.context().void().function(&[]);
    rewrite_each(module, |b, instruction| {
        if instruction.opcode() != Some(Opcode::LLVMCall) {
            return Ok(Rewrite::Keep);
        }
        match instruction.callee().map(Value::name).as_deref() {
            Some("llvm.trap" | "llvm.debugtrap" | "llvm.ubsantrap") => {
                b.call(ty, module.declare(ABORT, ty)?, &[]);
                Ok(Rewrite::Erase)
            }
            _ => Ok(Rewrite::Keep),
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn a_trap_aborts_the_transaction() {
        let text = lowered(
            super::lower,
            "declare void @llvm.trap()
             define void @f() {
               call void @llvm.trap()
               unreachable
             }",
        );
        assert!(text.contains("call void @abort()") && !text.contains("call void @llvm.trap"));
    }
}
