//! 128-bit shifts by an amount that is not constant.
//!
//! The back end would call `__ashlti3` and its kin. Shifts by a constant it splits itself.

use anyhow::Result;

use super::halves::{join, Halves};
use super::wide_arithmetic::to_wide;
use super::{rewrite_each, Rewrite};
use crate::llvm::{Builder, Context, IntPredicate, Kind, Module, Opcode, Value};

/// Rewrites the shifts, and the funnel shifts that rotations become.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let context = module.context();
    rewrite_each(module, |b, instruction| {
        let Some(opcode) = instruction.opcode() else {
            return Ok(Rewrite::Keep);
        };
        if opcode == Opcode::LLVMCall {
            return Ok(funnel(context, b, instruction));
        }
        let bits = match instruction.ty().kind() {
            Kind::Int(bits @ 65..=128) => bits,
            _ => return Ok(Rewrite::Keep),
        };
        let is_shift = matches!(
            opcode,
            Opcode::LLVMShl | Opcode::LLVMLShr | Opcode::LLVMAShr
        );
        if !is_shift || instruction.operand(1).is_constant() {
            return Ok(Rewrite::Keep);
        }
        let value = to_wide(
            context,
            b,
            instruction.operand(0),
            bits,
            opcode == Opcode::LLVMAShr,
        );
        let amount = b.trunc(instruction.operand(1), context.int(64));
        let result = shift(context, b, opcode, value, amount);
        let result = if bits == 128 {
            result
        } else {
            b.trunc(result, instruction.ty())
        };
        Ok(Rewrite::Replace(result))
    })
}

/// Shifts a 128-bit value by a 64-bit amount below 128.
fn shift(context: &Context, b: &Builder, opcode: Opcode, value: Value, amount: Value) -> Value {
    let word = context.int(64);
    let (amount, value) = (b.freeze(amount), b.freeze(value));
    let halves = Halves::split(context, b, value);
    let (low, high) = (halves.low, halves.high_value(context));
    let within = b.and(amount, word.constant(63));
    // Shifting by one and then by `63 - within` avoids a shift by 64, which means nothing, when `within` is zero.
    let rest = b.sub(word.constant(63), within);
    let across = b.icmp(IntPredicate::LLVMIntUGT, amount, word.constant(63));
    if opcode == Opcode::LLVMShl {
        let shifted = b.shl(low, within);
        let carried = b.lshr(b.lshr(low, word.constant(1)), rest);
        let upper = b.or(b.shl(high, within), carried);
        return join(
            context,
            b,
            b.select(across, word.zero(), shifted),
            b.select(across, shifted, upper),
        );
    }
    let shifted = b.binary(opcode, high, within);
    let carried = b.shl(b.shl(high, word.constant(1)), rest);
    let lower = b.or(b.lshr(low, within), carried);
    let fill = match opcode {
        Opcode::LLVMAShr => b.ashr(high, word.constant(63)),
        _ => word.zero(),
    };
    join(
        context,
        b,
        b.select(across, shifted, lower),
        b.select(across, fill, shifted),
    )
}

/// `fshl` and `fshr` of 128 bits by an amount that is not constant, as two shifts.
fn funnel(context: &Context, b: &Builder, call: Value) -> Rewrite {
    let left = match call.callee().map(Value::name).as_deref() {
        Some("llvm.fshl.i128") => true,
        Some("llvm.fshr.i128") => false,
        _ => return Rewrite::Keep,
    };
    let (upper, lower, amount) = (call.operand(0), call.operand(1), call.operand(2));
    if amount.is_constant() {
        return Rewrite::Keep;
    }
    let (word, wide) = (context.int(64), context.int(128));
    let amount = b.freeze(b.and(b.trunc(amount, word), word.constant(127)));
    let rest = b.sub(word.constant(127), amount);
    // As above: the opposite shift, by `128 - amount`, is made of a shift by one and one by `127 - amount`.
    let (kept, carried) = if left {
        let carried = shift(
            context,
            b,
            Opcode::LLVMLShr,
            b.lshr(lower, wide.constant(1)),
            rest,
        );
        (shift(context, b, Opcode::LLVMShl, upper, amount), carried)
    } else {
        let carried = shift(
            context,
            b,
            Opcode::LLVMShl,
            b.shl(upper, wide.constant(1)),
            rest,
        );
        (shift(context, b, Opcode::LLVMLShr, lower, amount), carried)
    };
    Rewrite::Replace(b.or(kept, carried))
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn variable_shifts_are_split_and_constant_ones_stay() {
        let text = lowered(
            super::lower,
            "declare i128 @llvm.fshl.i128(i128, i128, i128)
             define i128 @f(i128 %a, i128 %n) {
               %x = shl i128 %a, %n
               %y = ashr i128 %x, 5
               %z = call i128 @llvm.fshl.i128(i128 %y, i128 %y, i128 %n)
               ret i128 %z
             }",
        );
        assert!(!text.contains("shl i128 %a, %n") && !text.contains("call i128 @llvm.fshl"));
        assert!(text.contains("ashr i128 %") && text.contains(", 5"));
    }
}
