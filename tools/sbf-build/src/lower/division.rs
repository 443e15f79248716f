//! Signed division and remainder of up to 64 bits: version 0 of the machine divides without sign only.

use anyhow::Result;

use super::halves::{magnitude, with_sign};
use super::{rewrite_each, Rewrite};
use crate::llvm::{Kind, Module, Opcode};

/// Rewrites the operations.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let word = module.context().int(64);
    rewrite_each(module, |b, instruction| {
        let remainder = match instruction.opcode() {
            Some(Opcode::LLVMSDiv) => false,
            Some(Opcode::LLVMSRem) => true,
            _ => return Ok(Rewrite::Keep),
        };
        if !matches!(instruction.ty().kind(), Kind::Int(bits) if bits <= 64) {
            return Ok(Rewrite::Keep);
        }
        let [x, y] = [0, 1].map(|index| b.freeze(b.sext(instruction.operand(index), word)));
        let ((ux, sx), (uy, sy)) = (magnitude(b, x), magnitude(b, y));
        let result = if remainder {
            with_sign(b, b.urem(ux, uy), sx)
        } else {
            with_sign(b, b.udiv(ux, uy), b.xor(sx, sy))
        };
        Ok(Rewrite::Replace(b.trunc(result, instruction.ty())))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn signed_operations_become_unsigned_ones() {
        let text = lowered(
            super::lower,
            "define i32 @f(i32 %a, i32 %b) {
               %q = sdiv i32 %a, %b
               %r = srem i32 %a, 10
               %s = add i32 %q, %r
               ret i32 %s
             }",
        );
        assert!(!text.contains("sdiv") && !text.contains("srem"));
        assert!(text.contains("udiv i64") && text.contains("urem i64"));
    }
}
