//! The rewrites, each in a file of its own, and the order they run in.

pub mod calls;
pub mod division;
pub mod float;
pub mod globals;
pub mod halves;
pub mod huge;
pub mod memory;
pub mod overflow;
pub mod shifts;
pub mod slots;
pub mod speculation;
pub mod sret;
pub mod traps;
pub mod wide_arithmetic;

use anyhow::{Context as _, Result};

use crate::llvm::{Builder, Module, Target, Value};

/// What a rewrite decides about one instruction.
pub enum Rewrite {
    /// Leave it.
    Keep,
    /// Delete it; its effect has been rebuilt and it has no result.
    Erase,
    /// Put this value in the place of its result.
    Replace(Value),
}

/// Passes of LLVM's own that take constructs away: atomics (the machine runs one thread), comparisons of memory of a
/// known small size, vectors and what is summed up over them.
const OWN_PASSES: &str =
    "function(lower-atomic,expand-memcmp,expand-reductions,scalarizer<load-store>,early-cse)";

/// Tidies up after the rewrites. Only passes that never invent an operation: `instcombine` would recognise the
/// expanded idioms and turn them back into what the back end cannot select.
const TIDY_PASSES: &str = "globaldce,function(early-cse<memssa>,simplifycfg,adce)";

/// Rewrites everything that the back end cannot select.
pub fn lower(module: &Module<'_>, target: &Target) -> Result<()> {
    module.run_passes(OWN_PASSES, target)?;
    sret::strip(module)?;
    traps::lower(module)?;
    memory::lower(module)?;
    float::lower(module)?;
    overflow::lower(module)?;
    huge::lower(module)?;
    wide_arithmetic::lower(module)?;
    shifts::lower(module)?;
    division::lower(module)?;
    globals::pad_empty(module)?;
    calls::lower(module)?;
    // The others make divisions.
    speculation::lower(module)?;
    module.verify().context("after the rewrites")
}

/// Removes what the rewrites left without use. Runs after everything but the entry point has been made private.
pub fn tidy(module: &Module<'_>, target: &Target) -> Result<()> {
    module.run_passes(TIDY_PASSES, target)
}

/// Offers every instruction of the module to `rewrite`, with a builder in front of it.
pub fn rewrite_each(
    module: &Module<'_>,
    mut rewrite: impl FnMut(&Builder, Value) -> Result<Rewrite>,
) -> Result<()> {
    let builder = module.context().builder();
    for function in module.definitions() {
        for instruction in function.instructions() {
            builder.before(instruction);
            match rewrite(&builder, instruction)? {
                Rewrite::Keep => {}
                Rewrite::Erase => instruction.erase(),
                Rewrite::Replace(value) => {
                    instruction.replace_uses(value);
                    instruction.erase();
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::llvm::Target;
    use crate::testing::lowered;

    #[test]
    fn sums_over_vectors_are_taken_apart() {
        let text = lowered(
            |module| {
                super::lower(module, &Target::sbpf()?)?;
                crate::check::check(module)
            },
            "declare i64 @llvm.vector.reduce.add.v4i64(<4 x i64>)
             declare i64 @llvm.vector.reduce.umax.v2i64(<2 x i64>)
             define i64 @entrypoint(ptr %input) {
               %a = load <4 x i64>, ptr %input
               %b = load <2 x i64>, ptr %input
               %s = call i64 @llvm.vector.reduce.add.v4i64(<4 x i64> %a)
               %m = call i64 @llvm.vector.reduce.umax.v2i64(<2 x i64> %b)
               %r = xor i64 %s, %m
               ret i64 %r
             }",
        );
        assert!(
            !text.contains("call i64 @llvm.vector") && !text.contains("load <"),
            "{text}"
        );
    }
}
