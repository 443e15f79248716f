//! 128-bit multiplication, division and remainder.
//!
//! The back end would call `__multi3` and its kin, which it then refuses to call. A product is put together from
//! 64-bit ones, with a function for the upper half of a 64 by 64 product and without the terms that are known to be
//! zero; quotients and remainders come from the runtime, unless both operands fit 64 bits.

use anyhow::Result;

use super::halves::{is_small, join, Halves, High};
use super::slots::Slots;
use super::{rewrite_each, Rewrite};
use crate::llvm::{Builder, Context, Kind, Linkage, Module, Opcode, Type, Value};
use crate::names::HIGH_PRODUCT;

/// Rewrites the operations.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let context = module.context();
    let mut slots = Slots::new(module);
    rewrite_each(module, |b, instruction| {
        let Some(opcode) = instruction.opcode() else {
            return Ok(Rewrite::Keep);
        };
        if routine(opcode).is_none() && opcode != Opcode::LLVMMul {
            return Ok(Rewrite::Keep);
        }
        let bits = match instruction.ty().kind() {
            Kind::Int(bits @ 65..=128) => bits,
            _ => return Ok(Rewrite::Keep),
        };
        let signed = matches!(opcode, Opcode::LLVMSDiv | Opcode::LLVMSRem);
        let [left, right] =
            [0, 1].map(|index| to_wide(context, b, instruction.operand(index), bits, signed));
        let result = match routine(opcode) {
            None => multiply(module, b, left, right)?,
            Some(name) => divide(
                module,
                b,
                &mut slots,
                (opcode, name),
                (left, right),
                instruction,
            )?,
        };
        let result = if bits == 128 {
            result
        } else {
            b.trunc(result, instruction.ty())
        };
        Ok(Rewrite::Replace(result))
    })
}

/// The runtime routine that does what `opcode` says.
fn routine(opcode: Opcode) -> Option<&'static str> {
    match opcode {
        Opcode::LLVMUDiv => Some("sbf_udiv128"),
        Opcode::LLVMURem => Some("sbf_urem128"),
        Opcode::LLVMSDiv => Some("sbf_sdiv128"),
        Opcode::LLVMSRem => Some("sbf_srem128"),
        _ => None,
    }
}

/// Widens an integer of an unusual width (65 to 127 bits) to 128.
pub fn to_wide(context: &Context, b: &Builder, value: Value, bits: u32, signed: bool) -> Value {
    match (bits, signed) {
        (128, _) => value,
        (_, true) => b.sext(value, context.int(128)),
        (_, false) => b.zext(value, context.int(128)),
    }
}

/// `left * right`, the lower 128 bits.
pub fn multiply(module: &Module<'_>, b: &Builder, left: Value, right: Value) -> Result<Value> {
    let context = module.context();
    let (x, y) = (
        Halves::split(context, b, left),
        Halves::split(context, b, right),
    );
    let low = b.mul(x.low, y.low);
    let mut high = high_product(module, b, x.low, y.low)?;
    for (upper, lower) in [(x.high, y.low), (y.high, x.low)] {
        high = match upper {
            High::Zero => high,
            // The upper half is 0 or -1: its product with `lower` is 0 or `-lower`.
            High::Sign(sign) => b.sub(high, b.and(sign, lower)),
            High::Any(value) => b.add(high, b.mul(value, lower)),
        };
    }
    Ok(join(context, b, low, high))
}

/// The upper half of the 128-bit product of two 64-bit values.
pub fn high_product(module: &Module<'_>, b: &Builder, x: Value, y: Value) -> Result<Value> {
    let word = module.context().int(64);
    if is_small(x) && is_small(y) {
        return Ok(word.zero());
    }
    let (small, other) = if is_small(x) { (x, y) } else { (y, x) };
    if is_small(small) {
        let half = word.constant(32);
        let lower = b.mul(b.and(other, word.constant(0xffff_ffff)), small);
        let upper = b.mul(b.lshr(other, half), small);
        return Ok(b.lshr(b.add(upper, b.lshr(lower, half)), half));
    }
    let ty = word.function(&[word, word]);
    let routine = match module.function(HIGH_PRODUCT) {
        Some(function) => function,
        None => write_high_product(module, ty)?,
    };
    Ok(b.call(ty, routine, &[x, y]))
}

/// Writes the function that multiplies half words.
///
/// It is not written in Rust because LLVM's optimiser recognises the pattern and makes a 128-bit product of it, which
/// would be rewritten to a call of itself. No such pass runs after this.
fn write_high_product(module: &Module<'_>, ty: Type) -> Result<Value> {
    let function = module.add_function(HIGH_PRODUCT, ty)?;
    function.set_linkage(Linkage::LLVMInternalLinkage);
    let b = module.context().builder();
    b.at_end(module.add_block(function));
    let word = module.context().int(64);
    let (mask, half) = (word.constant(0xffff_ffff), word.constant(32));
    let parameters = function.params();
    let [x_low, y_low] = [0, 1].map(|index| b.and(parameters[index], mask));
    let [x_high, y_high] = [0, 1].map(|index| b.lshr(parameters[index], half));
    let carried = b.lshr(b.mul(x_low, y_low), half);
    let first = b.add(b.mul(x_high, y_low), carried);
    let second = b.add(b.mul(x_low, y_high), b.and(first, mask));
    let cross = b.add(b.lshr(first, half), b.lshr(second, half));
    b.ret(b.add(b.mul(x_high, y_high), cross));
    Ok(function)
}

fn divide(
    module: &Module<'_>,
    b: &Builder,
    slots: &mut Slots<'_, '_>,
    (opcode, name): (Opcode, &str),
    (left, right): (Value, Value),
    instruction: Value,
) -> Result<Value> {
    let context = module.context();
    let (x, y) = (
        Halves::split(context, b, left),
        Halves::split(context, b, right),
    );
    if x.is_narrow() && y.is_narrow() {
        let narrow = match opcode {
            Opcode::LLVMUDiv | Opcode::LLVMSDiv => b.udiv(x.low, y.low),
            _ => b.urem(x.low, y.low),
        };
        return Ok(b.zext(narrow, context.int(128)));
    }
    let slot = slots.get(instruction.function(), context.int(128));
    let ty = routine_type(context, context.void());
    let arguments = [
        slot,
        x.low,
        x.high_value(context),
        y.low,
        y.high_value(context),
    ];
    b.call(ty, module.declare(name, ty)?, &arguments);
    Ok(b.load(context.int(128), slot, 8))
}

/// The type of the runtime's 128-bit routines: where the result goes, then both operands in halves.
pub fn routine_type(context: &Context, returns: Type) -> Type {
    let word = context.int(64);
    returns.function(&[context.ptr(), word, word, word, word])
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn a_product_of_widened_words_takes_one_call_and_no_cross_terms() {
        let text = lowered(
            super::lower,
            "define i128 @f(i64 %a, i64 %b) {
               %x = sext i64 %a to i128
               %y = sext i64 %b to i128
               %p = mul i128 %x, %y
               ret i128 %p
             }",
        );
        assert!(!text.contains("mul i128"));
        assert_eq!(text.matches("call i64 @sbf_mulhi").count(), 1);
        let body = text
            .split("define")
            .find(|part| part.contains("@f("))
            .expect("the function is there");
        assert_eq!(body.matches(" mul ").count(), 1);
    }

    #[test]
    fn a_product_with_a_small_constant_takes_no_call() {
        let text = lowered(
            super::lower,
            "define i128 @f(i128 %a) {
               %p = mul i128 %a, 10000
               ret i128 %p
             }",
        );
        assert!(!text.contains("mul i128") && !text.contains("call"));
    }

    #[test]
    fn quotients_come_from_the_runtime() {
        let text = lowered(
            super::lower,
            "define i128 @f(i128 %a, i128 %b, i100 %c, i100 %d) {
               %q = sdiv i128 %a, %b
               %r = urem i100 %c, %d
               %w = zext i100 %r to i128
               %s = add i128 %q, %w
               ret i128 %s
             }",
        );
        assert!(text.contains("call void @sbf_sdiv128") && text.contains("call void @sbf_urem128"));
        assert!(!text.contains("sdiv i128") && !text.contains("urem i100"));
        assert_eq!(text.matches("alloca").count(), 1);
    }

    #[test]
    fn words_divide_as_words() {
        let text = lowered(
            super::lower,
            "define i128 @f(i64 %a, i64 %b) {
               %x = zext i64 %a to i128
               %y = zext i64 %b to i128
               %q = udiv i128 %x, %y
               ret i128 %q
             }",
        );
        assert!(text.contains("udiv i64") && !text.contains("call"));
    }
}
