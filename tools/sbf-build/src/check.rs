//! Refuses whatever would not run: after the rewrites, nothing may be left that the machine or the back end lacks.
//!
//! Without this a construct might be selected into something that fails on chain, or worse, computes something else.

use anyhow::{bail, Result};

use crate::llvm::{Kind, Module, Opcode, Type, Value};
use crate::names::{demangle, is_syscall, HIGH_PRODUCT, QUOTIENT, REMAINDER, RUNTIME};

/// Intrinsics that the back end expands without help, at any width up to 128 bits.
const INTRINSICS: [&str; 40] = [
    "llvm.abs.",
    "llvm.assume",
    "llvm.bitreverse.",
    "llvm.bpf.",
    "llvm.bswap.",
    "llvm.copysign.",
    "llvm.ctlz.",
    "llvm.ctpop.",
    "llvm.cttz.",
    "llvm.dbg.",
    "llvm.donothing",
    "llvm.expect.",
    "llvm.experimental.noalias.",
    "llvm.fabs.",
    "llvm.fake.use",
    "llvm.fshl.",
    "llvm.fshr.",
    "llvm.invariant.",
    "llvm.is.constant.",
    "llvm.launder.invariant.",
    "llvm.lifetime.",
    "llvm.objectsize.",
    "llvm.ptrmask.",
    "llvm.sadd.sat.",
    "llvm.sadd.with.overflow.",
    "llvm.scmp.",
    "llvm.sideeffect",
    "llvm.smax.",
    "llvm.smin.",
    "llvm.smul.with.overflow.",
    "llvm.ssa.copy.",
    "llvm.ssub.sat.",
    "llvm.ssub.with.overflow.",
    "llvm.strip.invariant.",
    "llvm.uadd.",
    "llvm.ucmp.",
    "llvm.umax.",
    "llvm.umin.",
    "llvm.umul.with.overflow.",
    "llvm.usub.",
];

/// Checks the whole module and names every offence.
pub fn check(module: &Module<'_>) -> Result<()> {
    let mut found = Vec::new();
    globals(module, &mut found);
    for function in module.functions() {
        declaration(function, &mut found);
        endless(function, &mut found);
        for instruction in function.instructions() {
            if let Some(reason) = offence(instruction) {
                let place = demangle(&function.name());
                found.push(format!(
                    "{reason}\n    in {place}\n    at {}",
                    instruction.print().trim()
                ));
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let shown = found.len().min(20);
    let more = if shown < found.len() {
        format!("\n  ... and {} more", found.len() - shown)
    } else {
        String::new()
    };
    bail!(
        "the program holds what cannot run on chain:\n  {}{more}",
        found[..shown].join("\n  ")
    )
}

fn globals(module: &Module<'_>, found: &mut Vec<String>) {
    if !module.inline_assembly().is_empty() {
        found.push("assembly at module level is not supported".to_owned());
    }
    for global in module.globals() {
        let name = global.name();
        if name.starts_with("llvm.") {
            continue;
        }
        let user = global
            .users()
            .into_iter()
            .find(|user| user.is_instruction());
        let user = user
            .map(|user| format!(", used in {}", demangle(&user.function().name())))
            .unwrap_or_default();
        let name = demangle(&name);
        if global.is_thread_local() {
            found.push(format!("thread-local data is not supported: {name}{user}"));
        } else if global.is_declaration() {
            found.push(format!("undefined data: {name}{user}"));
        } else if !global.is_global_constant() {
            found.push(format!(
                "writable static data does not exist on chain: {name}{user}"
            ));
        }
    }
}

fn declaration(function: Value, found: &mut Vec<String>) {
    let name = function.name();
    if function.is_intrinsic()
        || !function.is_declaration()
        || !function.is_used()
        || is_syscall(&name)
    {
        return;
    }
    let user = function
        .users()
        .into_iter()
        .find(|user| user.is_instruction());
    let user = user
        .map(|user| format!(", needed by {}", demangle(&user.function().name())))
        .unwrap_or_default();
    found.push(format!(
        "undefined function, and not a syscall: {}{user}",
        demangle(&name)
    ));
}

/// An operation in a runtime routine may have been rewritten to a call of that very routine.
fn endless(function: Value, found: &mut Vec<String>) {
    let is_routine = |name: &str| RUNTIME.contains(&name) || name == HIGH_PRODUCT;
    let name = function.name();
    if !is_routine(&name) {
        return;
    }
    for callee in function
        .instructions()
        .into_iter()
        .filter(|i| i.opcode() == Some(Opcode::LLVMCall))
    {
        let callee = callee.callee().map(Value::name).unwrap_or_default();
        let known =
            callee == HIGH_PRODUCT && name != HIGH_PRODUCT || callee == "memcmp" && name == "bcmp";
        if is_routine(&callee) && !known {
            found.push(format!(
                "the runtime's {name} calls {callee}, and may never end"
            ));
            return;
        }
    }
}

/// What is wrong with an instruction, if anything is.
fn offence(instruction: Value) -> Option<String> {
    use Opcode::*;
    let opcode = instruction.opcode()?;
    let ty = instruction.ty();
    let wide = |limit: u32| matches!(ty.kind(), Kind::Int(bits) if bits > limit);
    let says = |text: &str| Some(text.to_owned());
    match opcode {
        LLVMMul | LLVMUDiv | LLVMURem if wide(64) => {
            says("multiplication or division beyond 128 bits")
        }
        LLVMSDiv | LLVMSRem => says("signed division"),
        LLVMShl | LLVMLShr | LLVMAShr if wide(64) && !instruction.operand(1).is_constant() => {
            says("a shift by a variable amount beyond 128 bits")
        }
        LLVMFAdd | LLVMFSub | LLVMFMul | LLVMFDiv | LLVMFRem | LLVMFCmp | LLVMFPToSI
        | LLVMFPToUI | LLVMSIToFP | LLVMUIToFP | LLVMFPExt | LLVMFPTrunc => {
            says("floating-point operation without a routine")
        }
        LLVMAtomicCmpXchg | LLVMAtomicRMW | LLVMFence => says("atomic operation"),
        LLVMInvoke | LLVMLandingPad | LLVMResume | LLVMCallBr | LLVMCleanupPad | LLVMCatchPad => {
            says("unwinding: build with panics that abort")
        }
        LLVMVAArg => says("variadic function"),
        LLVMIndirectBr => says("computed jump"),
        LLVMAlloca if instruction.operand(0).as_u64().is_none() => {
            says("stack memory of a size known only at run time")
        }
        LLVMCall => call(instruction),
        LLVMMul | LLVMUDiv | LLVMURem if matches!(ty.kind(), Kind::Vector(_)) => {
            says("vector arithmetic")
        }
        _ => unsupported_type(ty),
    }
}

fn unsupported_type(ty: Type) -> Option<String> {
    match ty.kind() {
        // The back end takes vectors apart; what it cannot do to an element it cannot do to a vector.
        Kind::Vector(_) => unsupported_element(ty.element()),
        Kind::Other => Some("value of an unsupported type".to_owned()),
        Kind::Int(bits) if bits > 512 => Some(format!("integer of {bits} bits")),
        _ => None,
    }
}

fn unsupported_element(ty: Type) -> Option<String> {
    match ty.kind() {
        Kind::Int(bits) if bits <= 64 => None,
        Kind::Pointer => None,
        _ => Some("vector of an unsupported type".to_owned()),
    }
}

fn call(call: Value) -> Option<String> {
    if let Some(assembly) = call.inline_assembly() {
        let known = assembly.is_empty() || assembly == QUOTIENT || assembly == REMAINDER;
        return (!known).then(|| "inline assembly".to_owned());
    }
    let ty = call.called_type();
    let Some(intrinsic) = call.callee().filter(|callee| callee.is_intrinsic()) else {
        return ordinary_call(ty);
    };
    let name = intrinsic.name();
    let known = INTRINSICS.iter().any(|known| match known.ends_with('.') {
        true => name.starts_with(known),
        false => name == *known || name.starts_with(&format!("{known}.")),
    });
    if !known {
        return Some(format!("intrinsic without an expansion ({name})"));
    }
    // What the back end cannot do to an element it cannot do to a vector.
    let first = call.operand(0).ty();
    let bits = match first.kind() {
        Kind::Vector(_) => width(first.element()),
        _ => width(first),
    };
    let product = name.contains("mul.with.overflow");
    let funnel = name.starts_with("llvm.fsh") && !call.operand(2).is_constant();
    if (product || funnel) && bits > if product { 32 } else { 64 } {
        return Some(format!("intrinsic without an expansion ({name})"));
    }
    None
}

/// An integer's bits, and none of anything else.
fn width(ty: Type) -> u32 {
    match ty.kind() {
        Kind::Int(bits) => bits,
        _ => 0,
    }
}

/// The rewritten calls fit the registers, so what does not was missed.
fn ordinary_call(ty: Type) -> Option<String> {
    let registers = |ty: &Type| match ty.kind() {
        Kind::Int(bits) => bits.div_ceil(64),
        Kind::Void => 0,
        Kind::Struct | Kind::Array(_) => 6,
        _ => 1,
    };
    if ty.is_variadic() {
        Some("variadic call".to_owned())
    } else if ty.parameters().iter().map(registers).sum::<u32>() > 5 || registers(&ty.returns()) > 1
    {
        Some("call of more registers than the machine has".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{failure, lowered};

    #[test]
    fn a_sound_module_passes() {
        lowered(
            super::check,
            "declare void @sol_log_(ptr, i64)
             define i64 @entrypoint(ptr %input) {
               call void @sol_log_(ptr %input, i64 1)
               ret i64 0
             }",
        );
    }

    #[test]
    fn each_offence_is_named_with_its_place() {
        let message = failure(
            super::check,
            "@counter = global i64 0
             @local = thread_local global i64 0
             declare void @elsewhere()
             declare double @llvm.sqrt.f64(double)
             declare void @printf(ptr, ...)
             define i256 @entrypoint(i256 %a, i256 %b, ptr %p, double %d) {
               %n = load i64, ptr @counter
               %t = load i64, ptr @local
               %x = mul i256 %a, %b
               %o = atomicrmw add ptr %p, i64 1 seq_cst
               %s = call double @llvm.sqrt.f64(double %d)
               call void @elsewhere()
               call void (ptr, ...) @printf(ptr %p)
               ret i256 %x
             }",
        );
        for part in [
            "writable static data does not exist on chain: counter, used in entrypoint",
            "thread-local data is not supported: local",
            "undefined function, and not a syscall: elsewhere, needed by entrypoint",
            "multiplication or division beyond 128 bits\n    in entrypoint\n    at %x = mul i256 %a, %b",
            "atomic operation",
            "intrinsic without an expansion (llvm.sqrt.f64)",
            "variadic call",
        ] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }

    #[test]
    fn intrinsics_on_vectors_are_held_to_their_elements() {
        let message = failure(
            super::check,
            "declare { <2 x i64>, <2 x i1> } @llvm.umul.with.overflow.v2i64(<2 x i64>, <2 x i64>)
             declare <2 x i128> @llvm.fshl.v2i128(<2 x i128>, <2 x i128>, <2 x i128>)
             define i64 @entrypoint(<2 x i64> %a, <2 x i128> %b) {
               %p = call { <2 x i64>, <2 x i1> } @llvm.umul.with.overflow.v2i64(<2 x i64> %a, <2 x i64> %a)
               %s = call <2 x i128> @llvm.fshl.v2i128(<2 x i128> %b, <2 x i128> %b, <2 x i128> %b)
               ret i64 0
             }",
        );
        for name in ["umul.with.overflow.v2i64", "fshl.v2i128"] {
            let part = format!("intrinsic without an expansion (llvm.{name})");
            assert!(message.contains(&part), "{part} is not in: {message}");
        }
    }
}
