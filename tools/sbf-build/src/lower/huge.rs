//! Products of 129 to 256 bits.
//!
//! Nobody writes them, but LLVM recognises a full 128 by 128 product put together from parts, as in the standard
//! library's formatting of 128-bit integers, and makes one multiplication of it.

use anyhow::Result;

use super::{rewrite_each, Rewrite};
use crate::llvm::{Builder, Context, Kind, Module, Opcode, Value};

/// Rewrites the products in terms of 128-bit ones, which are rewritten in turn.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let context = module.context();
    rewrite_each(module, |b, instruction| {
        let is_huge = matches!(instruction.ty().kind(), Kind::Int(129..=256));
        if instruction.opcode() != Some(Opcode::LLVMMul) || !is_huge {
            return Ok(Rewrite::Keep);
        }
        let huge = context.int(256);
        let [x, y] = [0, 1].map(|index| split(context, b, instruction.operand(index)));
        let (low, mut high) = full_product(context, b, x.0, y.0);
        for (upper, lower) in [(x.1, y.0), (y.1, x.0)] {
            if let Some(upper) = upper {
                high = b.add(high, b.mul(upper, lower));
            }
        }
        let result = b.or(
            b.shl(b.zext(high, huge), huge.constant(128)),
            b.zext(low, huge),
        );
        let fits = instruction.ty() == huge;
        Ok(Rewrite::Replace(if fits {
            result
        } else {
            b.trunc(result, instruction.ty())
        }))
    })
}

/// The lower 128 bits, and the upper ones unless they are known to be zero.
fn split(context: &Context, b: &Builder, value: Value) -> (Value, Option<Value>) {
    let (wide, huge) = (context.int(128), context.int(256));
    if value.opcode() == Some(Opcode::LLVMZExt) {
        let source = value.operand(0);
        match source.ty().kind() {
            Kind::Int(128) => return (source, None),
            Kind::Int(bits) if bits < 128 => return (b.zext(source, wide), None),
            _ => {}
        }
    }
    let value = if value.ty() == huge {
        value
    } else {
        b.zext(value, huge)
    };
    (
        b.trunc(value, wide),
        Some(b.trunc(b.lshr(value, huge.constant(128)), wide)),
    )
}

/// `x * y` in full: the lower and the upper 128 bits.
fn full_product(context: &Context, b: &Builder, x: Value, y: Value) -> (Value, Value) {
    let (word, wide) = (context.int(64), context.int(128));
    let half = wide.constant(64);
    let lower = |value| b.zext(b.trunc(value, word), wide);
    let (x_low, x_high) = (lower(x), lower(b.lshr(x, half)));
    let (y_low, y_high) = (lower(y), lower(b.lshr(y, half)));
    let bottom = b.mul(x_low, y_low);
    let first = b.add(b.mul(x_high, y_low), b.lshr(bottom, half));
    let second = b.add(b.mul(x_low, y_high), lower(first));
    let high = b.add(
        b.mul(x_high, y_high),
        b.add(b.lshr(first, half), b.lshr(second, half)),
    );
    (b.or(b.shl(second, half), lower(bottom)), high)
}

#[cfg(test)]
mod tests {
    use crate::testing::lowered;

    #[test]
    fn a_full_product_is_put_together() {
        let text = lowered(
            super::lower,
            "define i128 @f(i128 %a, i128 %b) {
               %x = zext i128 %a to i256
               %y = zext i128 %b to i256
               %p = mul i256 %x, %y
               %s = lshr i256 %p, 128
               %h = trunc i256 %s to i128
               ret i128 %h
             }",
        );
        assert!(!text.contains("mul i256"));
        assert_eq!(text.matches("mul i128").count(), 4);
    }
}
