//! Multiplication that reports overflow, of 64 and 128 bits.
//!
//! The back end would want the upper half of the product. For 64 bits a division tells as much, and on this machine
//! it costs no more than any other instruction; for 128 bits the runtime does the work.

use anyhow::Result;

use super::halves::{differ, magnitude, Halves};
use super::slots::Slots;
use super::wide_arithmetic::{multiply, routine_type};
use super::{rewrite_each, Rewrite};
use crate::llvm::{Builder, IntPredicate, Module, Opcode, Type, Value};

/// Rewrites the intrinsics.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let mut slots = Slots::new(module);
    rewrite_each(module, |b, instruction| {
        if instruction.opcode() != Some(Opcode::LLVMCall) {
            return Ok(Rewrite::Keep);
        }
        let Some(name) = instruction.callee().map(Value::name) else {
            return Ok(Rewrite::Keep);
        };
        let (signed, bits) = match name.as_str() {
            "llvm.umul.with.overflow.i64" => (false, 64),
            "llvm.smul.with.overflow.i64" => (true, 64),
            "llvm.umul.with.overflow.i128" => (false, 128),
            "llvm.smul.with.overflow.i128" => (true, 128),
            _ => return Ok(Rewrite::Keep),
        };
        let (x, y) = (instruction.operand(0), instruction.operand(1));
        let (product, overflow) = match (bits, signed) {
            (64, false) => unsigned_word(module, b, x, y),
            (64, true) => signed_word(module, b, x, y),
            _ => wide(module, b, &mut slots, signed, (x, y), instruction)?,
        };
        Ok(Rewrite::Replace(pair(
            b,
            instruction.ty(),
            product,
            overflow,
        )))
    })
}

/// The struct of a product and its overflow bit.
fn pair(b: &Builder, ty: Type, product: Value, overflow: Value) -> Value {
    b.insert(b.insert(ty.poison(), product, 0), overflow, 1)
}

/// Overflow shows when dividing the product by one factor does not give the other back.
fn unsigned_word(module: &Module<'_>, b: &Builder, x: Value, y: Value) -> (Value, Value) {
    // Each use of a value left undefined may see other bits; the check needs them to agree.
    let (x, y) = (b.freeze(x), b.freeze(y));
    // A constant divisor that is not zero saves the test for zero.
    let (divisor, other) = if x.as_u64().is_some() { (x, y) } else { (y, x) };
    let product = b.mul(x, y);
    let word = module.context().int(64);
    let zero = b.icmp(IntPredicate::LLVMIntEQ, divisor, word.zero());
    // `divisor + (divisor == 0)` is never zero; a zero divisor makes a zero product, which does not overflow.
    let safe = b.add(divisor, b.zext(zero, word));
    let wrong = differ(b, b.udiv(product, safe), other);
    (
        product,
        b.and(wrong, b.xor(zero, module.context().int(1).constant(1))),
    )
}

/// As without sign on the magnitudes, whose product must also fit the sign it is given.
fn signed_word(module: &Module<'_>, b: &Builder, x: Value, y: Value) -> (Value, Value) {
    let (x, y) = (b.freeze(x), b.freeze(y));
    let ((ux, sx), (uy, sy)) = (magnitude(b, x), magnitude(b, y));
    let (size, carried) = unsigned_word(module, b, ux, uy);
    let word = module.context().int(64);
    let negative = b.xor(sx, sy);
    // The largest magnitude: 2^63 - 1, or 2^63 below zero.
    let limit = b.sub(word.constant(i64::MAX), negative);
    let large = b.icmp(IntPredicate::LLVMIntUGT, size, limit);
    (b.mul(x, y), b.or(carried, large))
}

fn wide(
    module: &Module<'_>,
    b: &Builder,
    slots: &mut Slots<'_, '_>,
    signed: bool,
    (x, y): (Value, Value),
    instruction: Value,
) -> Result<(Value, Value)> {
    let context = module.context();
    let (left, right) = (Halves::split(context, b, x), Halves::split(context, b, y));
    if !signed && left.is_narrow() && right.is_narrow() {
        return Ok((multiply(module, b, x, y)?, context.int(1).zero()));
    }
    let slot = slots.get(instruction.function(), context.int(128));
    let ty = routine_type(context, context.int(64));
    let routine = module.declare(
        if signed {
            "sbf_smulo128"
        } else {
            "sbf_umulo128"
        },
        ty,
    )?;
    let arguments = [
        slot,
        left.low,
        left.high_value(context),
        right.low,
        right.high_value(context),
    ];
    let overflow = b.call(ty, routine, &arguments);
    let product = b.load(context.int(128), slot, 8);
    Ok((product, differ(b, overflow, context.int(64).zero())))
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn words_are_checked_by_division() {
        let text = lowered(
            super::lower,
            "declare { i64, i1 } @llvm.umul.with.overflow.i64(i64, i64)
             define i1 @f(i64 %a, i64 %b) {
               %p = call { i64, i1 } @llvm.umul.with.overflow.i64(i64 %a, i64 %b)
               %o = extractvalue { i64, i1 } %p, 1
               ret i1 %o
             }",
        );
        assert!(text.contains("udiv i64") && !text.contains(" call "));
    }

    #[test]
    fn wide_products_come_from_the_runtime() {
        let text = lowered(
            super::lower,
            "declare { i128, i1 } @llvm.smul.with.overflow.i128(i128, i128)
             define i1 @f(i128 %a, i128 %b) {
               %p = call { i128, i1 } @llvm.smul.with.overflow.i128(i128 %a, i128 %b)
               %o = extractvalue { i128, i1 } %p, 1
               ret i1 %o
             }",
        );
        assert!(text.contains("call i64 @sbf_smulo128"));
    }
}
