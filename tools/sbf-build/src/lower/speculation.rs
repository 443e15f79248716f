//! Keeps divisions behind the checks of their divisors.
//!
//! The kernel's BPF divides by zero without a fault, so the back end's passes may move a division out of a loop or ahead
//! of a branch, past the check. This machine ends the transaction instead. As assembly with an effect of its own a
//! division stays where it is.

use anyhow::Result;

use super::{rewrite_each, Rewrite};
use crate::llvm::{Kind, Module, Opcode, Value};
use crate::names::{QUOTIENT, REMAINDER};

/// Rewrites what divides by a value that is not known.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let word = module.context().int(64);
    let ty = word.function(&[word, word]);
    rewrite_each(module, |b, instruction| {
        let text = match instruction.opcode() {
            Some(Opcode::LLVMUDiv) => QUOTIENT,
            Some(Opcode::LLVMURem) => REMAINDER,
            _ => return Ok(Rewrite::Keep),
        };
        let is_word = matches!(instruction.ty().kind(), Kind::Int(bits) if bits <= 64);
        if !is_word || instruction.operand(1).as_u64().is_some_and(|by| by != 0) {
            return Ok(Rewrite::Keep);
        }
        let [x, y] = [0, 1].map(|index| b.zext(instruction.operand(index), word));
        let assembly = Value::assembly(ty, text, "=r,0,r");
        let result = b.call(ty, assembly, &[x, y]);
        Ok(Rewrite::Replace(b.trunc(result, instruction.ty())))
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn only_divisors_that_may_be_zero_matter() {
        let text = lowered(
            super::lower,
            "define i32 @f(i32 %a, i32 %b, i64 %c, i64 %d) {
               %q = udiv i32 %a, %b
               %r = urem i64 %c, %d
               %s = udiv i64 %r, 10
               %t = trunc i64 %s to i32
               %u = add i32 %q, %t
               ret i32 %u
             }",
        );
        assert_eq!(text.matches("call i64 asm sideeffect").count(), 2, "{text}");
        assert!(
            !text.contains("udiv i32") && !text.contains("urem"),
            "{text}"
        );
        assert_eq!(text.matches("udiv i64").count(), 1, "{text}");
    }
}
