//! Floating point: arithmetic, comparisons and conversions become calls to `compiler_builtins`' routines.
//!
//! The machine has no floating point. The back end would make the same calls, but refuses calls that it invents.
//! Negation, absolute value and moves are bit operations, which it does itself.

use anyhow::{bail, Context as _, Result};

use super::slots::Slots;
use super::{rewrite_each, Rewrite};
use crate::llvm::{Builder, IntPredicate, Kind, Module, Opcode, RealPredicate, Type, Value};
use crate::names::demangle;

/// Rewrites the operations.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let mut slots = Slots::new(module);
    rewrite_each(module, |b, instruction| {
        let Some(opcode) = instruction.opcode() else {
            return Ok(Rewrite::Keep);
        };
        let mut float = Float {
            module,
            b,
            slots: &mut slots,
            at: instruction,
        };
        let result = match opcode {
            Opcode::LLVMFAdd => float.arithmetic("add")?,
            Opcode::LLVMFSub => float.arithmetic("sub")?,
            Opcode::LLVMFMul => float.arithmetic("mul")?,
            Opcode::LLVMFDiv => float.arithmetic("div")?,
            Opcode::LLVMFCmp => float.comparison()?,
            Opcode::LLVMSIToFP => float.float_of_integer(true)?,
            Opcode::LLVMUIToFP => float.float_of_integer(false)?,
            Opcode::LLVMFPToSI => float.integer_of_float(true)?,
            Opcode::LLVMFPToUI => float.integer_of_float(false)?,
            Opcode::LLVMFPExt => float.call("__extendsfdf2", &[instruction.operand(0)])?,
            Opcode::LLVMFPTrunc => float.call("__truncdfsf2", &[instruction.operand(0)])?,
            Opcode::LLVMCall => match instruction.callee().map(Value::name) {
                Some(name) if name.starts_with("llvm.fptosi.sat.") => {
                    float.saturated_integer_of_float(true)?
                }
                Some(name) if name.starts_with("llvm.fptoui.sat.") => {
                    float.saturated_integer_of_float(false)?
                }
                _ => return Ok(Rewrite::Keep),
            },
            _ => return Ok(Rewrite::Keep),
        };
        Ok(Rewrite::Replace(result))
    })
}

/// One operation being rewritten.
struct Float<'r, 'm, 'c> {
    module: &'m Module<'c>,
    b: &'r Builder,
    slots: &'r mut Slots<'m, 'c>,
    at: Value,
}

impl Float<'_, '_, '_> {
    /// The letter that `compiler_builtins` marks the operand type with.
    fn letter(&self, ty: Type) -> Result<char> {
        match ty.kind() {
            Kind::Double => Ok('d'),
            Kind::Float => Ok('s'),
            _ => bail!(
                "floating point of this type is not supported, in {}:{}",
                demangle(&self.at.function().name()),
                self.at.print()
            ),
        }
    }

    /// Calls a routine.
    ///
    /// The C calling convention passes and returns 128-bit integers in memory, everything else in registers. A
    /// conversion has one such integer at most, so the slot serves either way.
    fn call(&mut self, name: &str, arguments: &[Value]) -> Result<Value> {
        let routine = self.module.function(name).with_context(|| {
            let function = demangle(&self.at.function().name());
            format!(
                "the soft-float routine {name} is not linked in; {function} needs it for{}",
                self.at.print()
            )
        })?;
        let ty = routine.value_type();
        let slot = self
            .slots
            .get(self.at.function(), self.module.context().int(128));
        let in_memory = ty.returns().kind() == Kind::Void;
        let mut passed: Vec<Value> = if in_memory { vec![slot] } else { vec![] };
        for value in arguments {
            let by_pointer = ty
                .parameters()
                .get(passed.len())
                .is_some_and(|ty| ty.kind() == Kind::Pointer);
            if by_pointer {
                self.b.store(*value, slot, 8);
            }
            passed.push(if by_pointer { slot } else { *value });
        }
        let result = self.b.call(ty, routine, &passed);
        Ok(if in_memory {
            self.b.load(self.module.context().int(128), slot, 8)
        } else {
            result
        })
    }

    fn arithmetic(&mut self, name: &str) -> Result<Value> {
        let letter = self.letter(self.at.ty())?;
        self.call(&format!("__{name}{letter}f3"), &self.at.operands())
    }

    /// The routines return a number to compare with zero; on NaN each answers "no".
    fn comparison(&mut self) -> Result<Value> {
        use IntPredicate::*;
        use RealPredicate::*;
        let bit = self.module.context().int(1);
        let (name, predicate) = match self.at.real_predicate() {
            LLVMRealPredicateFalse => return Ok(bit.zero()),
            LLVMRealPredicateTrue => return Ok(bit.constant(1)),
            LLVMRealOEQ => ("eq", LLVMIntEQ),
            LLVMRealUNE => ("ne", LLVMIntNE),
            LLVMRealOGT => ("gt", LLVMIntSGT),
            LLVMRealOGE => ("ge", LLVMIntSGE),
            LLVMRealOLT => ("lt", LLVMIntSLT),
            LLVMRealOLE => ("le", LLVMIntSLE),
            // An unordered comparison is the negation of the opposite ordered one.
            LLVMRealULT => ("ge", LLVMIntSLT),
            LLVMRealULE => ("gt", LLVMIntSLE),
            LLVMRealUGT => ("le", LLVMIntSGT),
            LLVMRealUGE => ("lt", LLVMIntSGE),
            LLVMRealUNO => ("unord", LLVMIntNE),
            LLVMRealORD => ("unord", LLVMIntEQ),
            LLVMRealUEQ => {
                let equal = self.compare("eq", LLVMIntEQ)?;
                let unordered = self.compare("unord", LLVMIntNE)?;
                return Ok(self.b.or(equal, unordered));
            }
            LLVMRealONE => {
                let differ = self.compare("ne", LLVMIntNE)?;
                let ordered = self.compare("unord", LLVMIntEQ)?;
                return Ok(self.b.and(differ, ordered));
            }
        };
        self.compare(name, predicate)
    }

    fn compare(&mut self, name: &str, predicate: IntPredicate) -> Result<Value> {
        let letter = self.letter(self.at.operand(0).ty())?;
        let answer = self.call(&format!("__{name}{letter}f2"), &self.at.operands())?;
        Ok(self.b.icmp(predicate, answer, answer.ty().zero()))
    }

    fn float_of_integer(&mut self, signed: bool) -> Result<Value> {
        let letter = self.letter(self.at.ty())?;
        let value = self.at.operand(0);
        let (mode, bits) = self.mode(value.ty())?;
        let wide = self.module.context().int(bits);
        let value = match value.ty() == wide {
            true => value,
            false if signed => self.b.sext(value, wide),
            false => self.b.zext(value, wide),
        };
        self.call(
            &format!("__float{}{mode}{letter}f", if signed { "" } else { "un" }),
            &[value],
        )
    }

    /// Out of range the result means nothing, so the routine's may be cut to size.
    fn integer_of_float(&mut self, signed: bool) -> Result<Value> {
        let ty = self.at.ty();
        let result = self.fix(signed)?;
        Ok(if result.ty() == ty {
            result
        } else {
            self.b.trunc(result, ty)
        })
    }

    /// The routines saturate at their own width and take NaN to zero; narrower results are clamped.
    fn saturated_integer_of_float(&mut self, signed: bool) -> Result<Value> {
        use IntPredicate::*;
        let ty = self.at.ty();
        let result = self.fix(signed)?;
        let (Kind::Int(bits), false) = (ty.kind(), result.ty() == ty) else {
            return Ok(result);
        };
        let b = self.b;
        let clamp = |value, limit, beyond| b.select(b.icmp(beyond, value, limit), limit, value);
        let wide = result.ty();
        let clamped = if bits > 63 {
            bail!(
                "a saturating conversion to {bits} bits is not supported, in {}",
                self.at.function().name()
            );
        } else if signed {
            let top = (1i64 << (bits - 1)) - 1;
            let upper = clamp(result, wide.constant(top), LLVMIntSGT);
            clamp(upper, wide.constant(-top - 1), LLVMIntSLT)
        } else {
            clamp(
                result,
                wide.constant(((1u64 << bits) - 1) as i64),
                LLVMIntUGT,
            )
        };
        Ok(b.trunc(clamped, ty))
    }

    fn fix(&mut self, signed: bool) -> Result<Value> {
        let value = self.at.operand(0);
        let letter = self.letter(value.ty())?;
        let (mode, _) = self.mode(self.at.ty())?;
        self.call(
            &format!("__fix{}{letter}f{mode}", if signed { "" } else { "uns" }),
            &[value],
        )
    }

    /// The integer width that the routines have for `ty`, and how they name it.
    fn mode(&self, ty: Type) -> Result<(&'static str, u32)> {
        match ty.kind() {
            Kind::Int(bits) if bits <= 64 => Ok(("di", 64)),
            Kind::Int(bits) if bits <= 128 => Ok(("ti", 128)),
            _ => bail!(
                "this conversion is not supported, in {}:{}",
                self.at.function().name(),
                self.at.print()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{failure, lowered};

    #[test]
    fn operations_become_calls() {
        let text = lowered(
            super::lower,
            "declare double @__adddf3(double, double)
             declare i64 @__gedf2(double, double)
             declare i64 @__fixdfdi(double)
             declare void @__fixdfti(ptr, double)
             define i32 @f(double %a, double %b) {
               %s = fadd double %a, %b
               %c = fcmp ult double %s, %b
               %i = fptosi double %s to i16
               %w = fptosi double %a to i128
               %t = trunc i128 %w to i32
               %e = sext i16 %i to i32
               %r = select i1 %c, i32 %e, i32 %t
               ret i32 %r
             }",
        );
        for routine in [
            "double @__adddf3",
            "i64 @__gedf2",
            "i64 @__fixdfdi",
            "void @__fixdfti",
        ] {
            assert!(text.contains(&format!("call {routine}")), "{routine}");
        }
        assert!(text.contains("icmp slt i64") && !text.contains("fadd") && !text.contains("fcmp"));
    }

    #[test]
    fn a_missing_routine_is_named() {
        let message = failure(
            super::lower,
            "define double @f(double %a) {
               %s = fadd double %a, %a
               ret double %s
             }",
        );
        assert!(
            message.contains("__adddf3") && message.contains("fadd double"),
            "{message}"
        );
    }
}
