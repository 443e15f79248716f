//! Copies and fills of memory.
//!
//! Small ones of known size become plain loads and stores. The rest become syscalls, which cost ten compute units
//! plus one for each 250 bytes: a loop would cost more from about ten words on. Copies always use `sol_memmove_`,
//! because `sol_memcpy_` refuses source and destination that are equal, which `llvm.memcpy` allows.

use anyhow::Result;

use super::{rewrite_each, Rewrite};
use crate::llvm::{Builder, Kind, Module, Opcode, Value};

/// Largest copy that is written out, in bytes: up to here loads and stores cost no more than the syscall.
const COPY_LIMIT: u64 = 64;
/// The same for copies whose ends may overlap: every word must fit a register before the first is stored.
const MOVE_LIMIT: u64 = 32;
/// The same for fills, which take one store for each word.
const FILL_LIMIT: u64 = 104;

/// Rewrites the intrinsics.
pub fn lower(module: &Module<'_>) -> Result<()> {
    rewrite_each(module, |b, instruction| {
        if instruction.opcode() != Some(Opcode::LLVMCall) {
            return Ok(Rewrite::Keep);
        }
        let Some(name) = instruction.callee().map(Value::name) else {
            return Ok(Rewrite::Keep);
        };
        let arguments = instruction.arguments();
        let accesses = if name.starts_with("llvm.memset.") {
            fill(module, b, &arguments)?
        } else if name.starts_with("llvm.memcpy.") {
            copy(module, b, &arguments, COPY_LIMIT, false)?
        } else if name.starts_with("llvm.memmove.") {
            copy(module, b, &arguments, MOVE_LIMIT, true)?
        } else {
            return Ok(Rewrite::Keep);
        };
        // A syscall is made as written anyway.
        if arguments[3].as_u64() != Some(0) {
            accesses.into_iter().for_each(Value::set_volatile);
        }
        Ok(Rewrite::Erase)
    })
}

/// The offsets and widths in bits of the accesses that cover `size` bytes, the last of which may overlap.
fn cover(size: u64) -> Vec<(u64, u32)> {
    let mut accesses: Vec<(u64, u32)> = (0..size / 8).map(|word| (word * 8, 64)).collect();
    let rest = size % 8;
    let start = size - rest;
    match rest {
        0 => {}
        1 | 2 | 4 => accesses.push((start, rest as u32 * 8)),
        _ if size > 8 => accesses.push((size - 8, 64)),
        3 => accesses.extend([(start, 16), (start + 2, 8)]),
        _ => accesses.extend([(start, 32), (size - 4, 32)]),
    }
    accesses
}

fn length(module: &Module<'_>, b: &Builder, value: Value) -> Value {
    match value.ty().kind() {
        Kind::Int(64) => value,
        _ => b.zext(value, module.context().int(64)),
    }
}

/// Returns the loads and stores it was written out as, none where it became a syscall.
fn copy(
    module: &Module<'_>,
    b: &Builder,
    arguments: &[Value],
    limit: u64,
    overlap: bool,
) -> Result<Vec<Value>> {
    let context = module.context();
    let (to, from) = (arguments[0], arguments[1]);
    let (byte, word) = (context.int(8), context.int(64));
    match arguments[2].as_u64() {
        Some(size) if size <= limit => {
            let place = |pointer, offset| b.offset(pointer, offset, byte, word);
            let read = |(offset, bits): (u64, u32)| {
                let value = b.load(context.int(bits), place(from, offset), 1);
                (offset, value)
            };
            let write = |(offset, value)| [value, b.store(value, place(to, offset), 1)];
            let reads = cover(size).into_iter().map(read);
            Ok(if overlap {
                let values: Vec<_> = reads.collect();
                values.into_iter().flat_map(write).collect()
            } else {
                reads.flat_map(write).collect()
            })
        }
        _ => {
            let ty = context
                .void()
                .function(&[context.ptr(), context.ptr(), word]);
            let syscall = module.declare("sol_memmove_", ty)?;
            b.call(ty, syscall, &[to, from, length(module, b, arguments[2])]);
            Ok(Vec::new())
        }
    }
}

/// As [`copy`].
fn fill(module: &Module<'_>, b: &Builder, arguments: &[Value]) -> Result<Vec<Value>> {
    let context = module.context();
    let (to, value) = (arguments[0], arguments[1]);
    let (byte, word) = (context.int(8), context.int(64));
    let widened = b.zext(value, word);
    match arguments[2].as_u64() {
        Some(size) if size <= FILL_LIMIT => {
            let pattern = b.mul(widened, word.constant(0x0101_0101_0101_0101));
            let write = |(offset, bits)| {
                let part = if bits == 64 {
                    pattern
                } else {
                    b.trunc(pattern, context.int(bits))
                };
                b.store(part, b.offset(to, offset, byte, word), 1)
            };
            Ok(cover(size).into_iter().map(write).collect())
        }
        _ => {
            let ty = context.void().function(&[context.ptr(), word, word]);
            let syscall = module.declare("sol_memset_", ty)?;
            b.call(ty, syscall, &[to, widened, length(module, b, arguments[2])]);
            Ok(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cover;
    use crate::testing::lowered;

    #[test]
    fn every_byte_is_covered_and_none_beyond() {
        for size in 0..=super::FILL_LIMIT {
            let mut seen = vec![false; size as usize];
            for (offset, bits) in cover(size) {
                let bytes = offset as usize..offset as usize + bits as usize / 8;
                seen[bytes].fill(true);
            }
            assert!(seen.into_iter().all(|byte| byte), "size {size}");
        }
    }

    #[test]
    fn small_copies_are_written_out_and_large_ones_are_syscalls() {
        let text = lowered(
            super::lower,
            "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
             declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
             define void @f(ptr %a, ptr %b, i64 %n) {
               call void @llvm.memcpy.p0.p0.i64(ptr %a, ptr %b, i64 32, i1 false)
               call void @llvm.memcpy.p0.p0.i64(ptr %a, ptr %b, i64 %n, i1 false)
               call void @llvm.memset.p0.i64(ptr %a, i8 0, i64 500, i1 false)
               ret void
             }",
        );
        assert_eq!(text.matches("load i64").count(), 4);
        assert!(
            text.contains("call void @sol_memmove_") && text.contains("call void @sol_memset_")
        );
        assert!(!text.contains("call void @llvm"));
    }

    #[test]
    fn volatile_copies_and_fills_stay_volatile() {
        let text = lowered(
            super::lower,
            "declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
             declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
             define void @f(ptr %a, ptr %b) {
               call void @llvm.memmove.p0.p0.i64(ptr %a, ptr %b, i64 16, i1 true)
               call void @llvm.memset.p0.i64(ptr %b, i8 0, i64 16, i1 true)
               ret void
             }",
        );
        assert_eq!(text.matches("load volatile i64").count(), 2, "{text}");
        assert_eq!(text.matches("store volatile i64").count(), 4, "{text}");
    }
}
