//! Calls that need more registers than the machine passes: five for arguments, one for the result.
//!
//! A result of more than one register is written where an added first argument says. Arguments beyond the fifth
//! register go, with all that follow the fourth, into memory that one last argument points to. Both are decided by
//! the function type alone, so that a call and what it reaches agree, also through a pointer.

use std::collections::HashMap;

use anyhow::{bail, Result};

use super::slots::Slots;
use crate::llvm::{
    Builder, Kind, Module, Opcode, Type, Value, FUNCTION_ATTRIBUTES, RETURN_ATTRIBUTES,
};
use crate::names::demangle;

/// Registers that carry arguments.
const ARGUMENT_REGISTERS: u32 = 5;

/// How a function type that does not fit the registers is passed.
struct Convention {
    /// The type to define and call at instead.
    ty: Type,
    /// Whether the first argument is where the result goes.
    result_in_memory: bool,
    /// How many of the original arguments stay in registers.
    kept: usize,
    /// The type and offset of every argument that travels in memory.
    packed: Vec<(Type, u64)>,
    /// Bytes that the packed arguments take.
    packed_size: u64,
}

/// Rewrites function definitions and every call.
pub fn lower(module: &Module<'_>) -> Result<()> {
    let slots = measure(module)?;
    rewrite_calls(module, &slots)?;
    for function in module.functions() {
        if !function.is_intrinsic() {
            rewrite_function(module, function)?;
        }
    }
    Ok(())
}

/// The registers that a value of type `ty` takes.
fn registers(ty: Type) -> Result<u32> {
    Ok(match ty.kind() {
        Kind::Void => 0,
        Kind::Int(bits) => bits.div_ceil(64),
        Kind::Pointer | Kind::Float | Kind::Double => 1,
        Kind::Struct => ty
            .fields()
            .into_iter()
            .map(registers)
            .sum::<Result<u32>>()?,
        Kind::Array(length) => u32::try_from(length)? * registers(ty.element())?,
        Kind::Vector(_) | Kind::Other => {
            bail!("a value of this type cannot be passed to a function")
        }
    })
}

/// The convention for a function type, or nothing where the registers do.
fn convention(module: &Module<'_>, ty: Type) -> Result<Option<Convention>> {
    let parameters = ty.parameters();
    let needed = parameters
        .iter()
        .copied()
        .map(registers)
        .collect::<Result<Vec<u32>>>()?;
    let result_in_memory = registers(ty.returns())? > 1;
    let mut used = u32::from(result_in_memory);
    let fits = used + needed.iter().sum::<u32>() <= ARGUMENT_REGISTERS;
    if fits && !result_in_memory {
        return Ok(None);
    }
    if ty.is_variadic() {
        bail!("variadic functions are not supported");
    }
    let mut kept = parameters.len();
    if !fits {
        let room = |count: &&u32| {
            used += **count;
            used < ARGUMENT_REGISTERS
        };
        kept = needed.iter().take_while(room).count();
    }
    let (packed, packed_size) = pack(module, &parameters[kept..]);
    let context = module.context();
    let mut new: Vec<Type> = if result_in_memory {
        vec![context.ptr()]
    } else {
        vec![]
    };
    new.extend(&parameters[..kept]);
    if !fits {
        new.push(context.ptr());
    }
    let returns = if result_in_memory {
        context.void()
    } else {
        ty.returns()
    };
    Ok(Some(Convention {
        ty: returns.function(&new),
        result_in_memory,
        kept,
        packed,
        packed_size,
    }))
}

/// Lays arguments out one after the other, each at a multiple of eight.
fn pack(module: &Module<'_>, types: &[Type]) -> (Vec<(Type, u64)>, u64) {
    let mut size = 0;
    let place = |&ty: &Type| {
        let offset = size;
        size += module.size_of(ty).next_multiple_of(8);
        (ty, offset)
    };
    let packed = types.iter().map(place).collect();
    (packed, size)
}

/// The memory that a function's calls share: for results, and for packed arguments.
#[derive(Default, Clone, Copy)]
struct Need {
    result: u64,
    arguments: u64,
}

/// How much memory each function's calls need.
fn measure(module: &Module<'_>) -> Result<HashMap<Value, Need>> {
    let mut needs: HashMap<Value, Need> = HashMap::new();
    for function in module.definitions() {
        for call in function.instructions() {
            if let Some(convention) = call_convention(module, call)? {
                let need = needs.entry(function).or_default();
                if convention.result_in_memory {
                    need.result = need.result.max(module.size_of(call.ty()));
                }
                need.arguments = need.arguments.max(convention.packed_size);
            }
        }
    }
    Ok(needs)
}

/// The convention that a call needs, if it is one and needs any.
fn call_convention(module: &Module<'_>, call: Value) -> Result<Option<Convention>> {
    if call.opcode() != Some(Opcode::LLVMCall) || call.inline_assembly().is_some() {
        return Ok(None);
    }
    if call.callee().is_some_and(Value::is_intrinsic) {
        return Ok(None);
    }
    let name = || demangle(&call.function().name());
    let found = convention(module, call.called_type());
    let found =
        found.map_err(|error| error.context(format!("in {}, at{}", name(), call.print())))?;
    if found.is_some() && call.is_must_tail() {
        bail!(
            "a tail call that must not use the stack needs it here: {}, at{}",
            name(),
            call.print()
        );
    }
    Ok(found)
}

fn rewrite_calls(module: &Module<'_>, needs: &HashMap<Value, Need>) -> Result<()> {
    let byte = module.context().int(8);
    let (mut results, mut arguments) = (Slots::new(module), Slots::new(module));
    let b = module.context().builder();
    for function in module.definitions() {
        let Some(need) = needs.get(&function) else {
            continue;
        };
        for call in function.instructions() {
            let Some(convention) = call_convention(module, call)? else {
                continue;
            };
            let result = convention
                .result_in_memory
                .then(|| results.get(function, byte.array(need.result)));
            let packed = (convention.packed_size > 0)
                .then(|| arguments.get(function, byte.array(need.arguments)));
            b.before(call);
            rewrite_call(module, &b, call, &convention, result, packed);
        }
    }
    Ok(())
}

fn rewrite_call(
    module: &Module<'_>,
    b: &Builder,
    call: Value,
    convention: &Convention,
    result: Option<Value>,
    memory: Option<Value>,
) {
    let (byte, word) = (module.context().int(8), module.context().int(64));
    let old = call.arguments();
    let mut new: Vec<Value> = result.into_iter().collect();
    new.extend(&old[..convention.kept]);
    if let Some(memory) = memory {
        for (value, (_, offset)) in old[convention.kept..].iter().zip(&convention.packed) {
            b.store(*value, b.offset(memory, *offset, byte, word), 8);
        }
        new.push(memory);
    }
    let made = b.call(convention.ty, call.called_value(), &new);
    made.copy_convention(call);
    made.clear_tail();
    let shift = u32::from(convention.result_in_memory);
    for index in 1..=convention.kept as u32 {
        for attribute in call
            .call_attributes(index)
            .into_iter()
            .filter(|a| !a.is("returned"))
        {
            made.add_call_attribute(index + shift, attribute);
        }
    }
    if let Some(slot) = result {
        let value = b.load(call.ty(), slot, 8);
        call.replace_uses(value);
    } else if call.ty().kind() != Kind::Void {
        for attribute in call.call_attributes(RETURN_ATTRIBUTES) {
            made.add_call_attribute(RETURN_ATTRIBUTES, attribute);
        }
        call.replace_uses(made);
    }
    call.erase();
}

/// Gives a function the type its convention asks for, and moves its body over.
fn rewrite_function(module: &Module<'_>, old: Value) -> Result<()> {
    let found = convention(module, old.value_type());
    let Some(convention) =
        found.map_err(|error| error.context(format!("in {}", demangle(&old.name()))))?
    else {
        return Ok(());
    };
    let name = old.name();
    if old.is_declaration() && old.is_used() {
        bail!(
            "{} is defined elsewhere, and takes or returns more than registers hold",
            demangle(&name)
        );
    }
    let new = module.add_function("", convention.ty)?;
    new.copy_identity(old);
    copy_function_attributes(old, new, &convention);
    if !old.is_declaration() {
        move_body(module, old, new, &convention)?;
    }
    old.replace_uses(new);
    old.delete_function();
    new.set_name(&name);
    Ok(())
}

fn copy_function_attributes(old: Value, new: Value, convention: &Convention) {
    // What the function said of its effect on memory no longer holds: it uses the caller's.
    for attribute in old.attributes(FUNCTION_ATTRIBUTES) {
        if !attribute.is("memory") && !attribute.is("speculatable") {
            new.add_attribute(FUNCTION_ATTRIBUTES, attribute);
        }
    }
    let shift = u32::from(convention.result_in_memory);
    for index in 1..=convention.kept as u32 {
        for attribute in old
            .attributes(index)
            .into_iter()
            .filter(|a| !a.is("returned"))
        {
            new.add_attribute(index + shift, attribute);
        }
    }
    if !convention.result_in_memory {
        for attribute in old.attributes(RETURN_ATTRIBUTES) {
            new.add_attribute(RETURN_ATTRIBUTES, attribute);
        }
    }
}

fn move_body(module: &Module<'_>, old: Value, new: Value, convention: &Convention) -> Result<()> {
    let (byte, word) = (module.context().int(8), module.context().int(64));
    let mut last = module.add_block(new);
    let seed = last;
    for block in old.blocks() {
        block.move_after(last);
        last = block;
    }
    seed.delete();
    let parameters = new.params();
    let shift = usize::from(convention.result_in_memory);
    let b = module.context().builder();
    b.before(new.blocks()[0].instructions()[0]);
    for (index, old_parameter) in old.params().into_iter().enumerate() {
        let value = match index.checked_sub(convention.kept) {
            None => parameters[index + shift],
            Some(place) => {
                let memory = parameters[parameters.len() - 1];
                let (ty, offset) = convention.packed[place];
                b.load(ty, b.offset(memory, offset, byte, word), 8)
            }
        };
        old_parameter.replace_uses(value);
    }
    if convention.result_in_memory {
        for instruction in new.instructions() {
            if instruction.opcode() == Some(Opcode::LLVMRet) {
                b.before(instruction);
                b.store(instruction.operand(0), parameters[0], 8);
                b.ret_void();
                instruction.erase();
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{failure, lowered};

    #[test]
    fn what_fits_stays() {
        let text = lowered(
            super::lower,
            "define i64 @f(i64 %a, i128 %b, i64 %c, ptr %d) {
               ret i64 %a
             }",
        );
        assert!(text.contains("define i64 @f(i64 %a, i128 %b, i64 %c, ptr %d)"));
    }

    #[test]
    fn wide_results_and_late_arguments_travel_in_memory() {
        let text = lowered(
            super::lower,
            "define internal { i64, i1 } @g(i64 %a, i128 %b, i64 %c, i64 %d) {
               %t = trunc i128 %b to i64
               %s = add i64 %a, %t
               %u = add i64 %c, %d
               %v = xor i64 %s, %u
               %x = insertvalue { i64, i1 } poison, i64 %v, 0
               %y = insertvalue { i64, i1 } %x, i1 true, 1
               ret { i64, i1 } %y
             }
             define i64 @f(ptr %p, i128 %w) {
               %r = call { i64, i1 } @g(i64 1, i128 %w, i64 2, i64 3)
               %q = tail call { i64, i1 } %p(i64 4, i128 %w, i64 5, i64 6)
               %a = extractvalue { i64, i1 } %r, 0
               %b = extractvalue { i64, i1 } %q, 0
               %c = add i64 %a, %b
               ret i64 %c
             }",
        );
        assert!(
            text.contains("define internal void @g(ptr %0, i64 %1, i128 %2, ptr %3)"),
            "{text}"
        );
        assert!(
            text.contains("call void @g(ptr") && text.contains("call void %p(ptr"),
            "{text}"
        );
        assert_eq!(text.matches("alloca").count(), 2, "{text}");
        assert!(!text.contains("tail call"), "{text}");
    }

    #[test]
    fn a_foreign_function_of_many_arguments_is_refused() {
        let message = failure(
            super::lower,
            "declare void @g(i64, i64, i64, i64, i64, i64)
             define void @f() {
               call void @g(i64 1, i64 2, i64 3, i64 4, i64 5, i64 6)
               ret void
             }",
        );
        assert!(message.contains("g is defined elsewhere"), "{message}");
    }
}
