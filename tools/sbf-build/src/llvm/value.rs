//! Types, values and basic blocks.

use std::ffi::CStr;

use llvm_sys::core::*;
use llvm_sys::prelude::*;
use llvm_sys::{
    LLVMAttributeFunctionIndex, LLVMAttributeReturnIndex, LLVMInlineAsmDialect, LLVMIntPredicate,
    LLVMLinkage, LLVMOpcode, LLVMRealPredicate, LLVMTailCallKind, LLVMTypeKind,
};

/// The attribute position of a function or call itself.
pub const FUNCTION_ATTRIBUTES: u32 = LLVMAttributeFunctionIndex;
/// The attribute position of a returned value; parameter `n` is at `n + 1`.
pub const RETURN_ATTRIBUTES: u32 = LLVMAttributeReturnIndex;

/// The kinds of type that the rewrites tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Void,
    /// An integer of so many bits.
    Int(u32),
    /// A pointer.
    Pointer,
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// A struct.
    Struct,
    /// An array of so many elements.
    Array(u64),
    /// A fixed vector of so many elements.
    Vector(u32),
    /// Anything else.
    Other,
}

/// A type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Type(pub(crate) LLVMTypeRef);

impl Type {
    /// The function type that takes `parameters` and returns `self`.
    pub fn function(self, parameters: &[Type]) -> Type {
        let mut raw: Vec<LLVMTypeRef> = parameters.iter().map(|ty| ty.0).collect();
        // SAFETY: types of a live context; the array is read during the call only.
        Type(unsafe { LLVMFunctionType(self.0, raw.as_mut_ptr(), raw.len() as u32, 0) })
    }

    /// What kind of type this is.
    pub fn kind(self) -> Kind {
        // SAFETY: a type of a live context, asked only what its kind allows.
        unsafe {
            match LLVMGetTypeKind(self.0) {
                LLVMTypeKind::LLVMVoidTypeKind => Kind::Void,
                LLVMTypeKind::LLVMIntegerTypeKind => Kind::Int(LLVMGetIntTypeWidth(self.0)),
                LLVMTypeKind::LLVMPointerTypeKind => Kind::Pointer,
                LLVMTypeKind::LLVMFloatTypeKind => Kind::Float,
                LLVMTypeKind::LLVMDoubleTypeKind => Kind::Double,
                LLVMTypeKind::LLVMStructTypeKind => Kind::Struct,
                LLVMTypeKind::LLVMArrayTypeKind => Kind::Array(LLVMGetArrayLength2(self.0)),
                LLVMTypeKind::LLVMVectorTypeKind => Kind::Vector(LLVMGetVectorSize(self.0)),
                _ => Kind::Other,
            }
        }
    }

    /// Whether this is the integer type of `bits` bits.
    pub fn is_int(self, bits: u32) -> bool {
        self.kind() == Kind::Int(bits)
    }

    /// The element type of an array or vector.
    pub fn element(self) -> Type {
        // SAFETY: callers ask this of arrays and vectors only.
        Type(unsafe { LLVMGetElementType(self.0) })
    }

    /// The field types of a struct.
    pub fn fields(self) -> Vec<Type> {
        // SAFETY: callers ask this of structs only.
        unsafe {
            let count = LLVMCountStructElementTypes(self.0);
            (0..count)
                .map(|index| Type(LLVMStructGetTypeAtIndex(self.0, index)))
                .collect()
        }
    }

    /// The parameter types of a function type.
    pub fn parameters(self) -> Vec<Type> {
        // SAFETY: callers ask this of function types only; the array has room for every parameter.
        unsafe {
            let mut raw = vec![std::ptr::null_mut(); LLVMCountParamTypes(self.0) as usize];
            LLVMGetParamTypes(self.0, raw.as_mut_ptr());
            raw.into_iter().map(Type).collect()
        }
    }

    /// The type a function type returns.
    pub fn returns(self) -> Type {
        // SAFETY: callers ask this of function types only.
        Type(unsafe { LLVMGetReturnType(self.0) })
    }

    /// Whether a function type takes a variable number of arguments.
    pub fn is_variadic(self) -> bool {
        // SAFETY: callers ask this of function types only.
        unsafe { LLVMIsFunctionVarArg(self.0) != 0 }
    }

    /// The array type of `length` elements of this type.
    pub fn array(self, length: u64) -> Type {
        // SAFETY: a type of a live context.
        Type(unsafe { LLVMArrayType2(self.0, length) })
    }

    /// An integer constant of this type, at most 64 bits of it, sign-extended.
    pub fn constant(self, value: i64) -> Value {
        // SAFETY: callers ask this of integer types only.
        Value(unsafe { LLVMConstInt(self.0, value as u64, 1) })
    }

    /// The constant whose bytes are all zero.
    pub fn zero(self) -> Value {
        // SAFETY: a type of a live context.
        Value(unsafe { LLVMConstNull(self.0) })
    }

    /// An undefined value.
    pub fn poison(self) -> Value {
        // SAFETY: a type of a live context.
        Value(unsafe { LLVMGetPoison(self.0) })
    }
}

/// A basic block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Block(pub(crate) LLVMBasicBlockRef);

impl Block {
    /// The block's instructions, in order, as they are now.
    pub fn instructions(self) -> Vec<Value> {
        let mut list = Vec::new();
        // SAFETY: the block is alive; the walk ends at null.
        unsafe {
            let mut next = LLVMGetFirstInstruction(self.0);
            while !next.is_null() {
                list.push(Value(next));
                next = LLVMGetNextInstruction(next);
            }
        }
        list
    }

    /// Moves the block behind `other`, which may belong to another function.
    pub fn move_after(self, other: Block) {
        // SAFETY: both blocks are alive.
        unsafe { LLVMMoveBasicBlockAfter(self.0, other.0) }
    }

    /// Deletes the block.
    pub fn delete(self) {
        // SAFETY: the block is alive and its instructions are unused, as callers see to.
        unsafe { LLVMDeleteBasicBlock(self.0) }
    }
}

/// A value: an instruction, a function, a global, a constant or an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value(pub(crate) LLVMValueRef);

/// Wraps a C call that returns null for "none".
fn some(raw: LLVMValueRef) -> Option<Value> {
    (!raw.is_null()).then_some(Value(raw))
}

// SAFETY of this block: every handle is a value of a live module (see the module documentation), and each question
// is one that LLVM answers for any value, or that the callers ask of the right kind of value only.
impl Value {
    /// The value's type.
    pub fn ty(self) -> Type {
        Type(unsafe { LLVMTypeOf(self.0) })
    }

    /// The value's name, empty when it has none.
    pub fn name(self) -> String {
        let mut length = 0;
        unsafe {
            let raw = LLVMGetValueName2(self.0, &mut length);
            String::from_utf8_lossy(std::slice::from_raw_parts(raw.cast(), length)).into_owned()
        }
    }

    /// Renames the value; LLVM adds a number where the name is taken.
    pub fn set_name(self, name: &str) {
        unsafe { LLVMSetValueName2(self.0, name.as_ptr().cast(), name.len()) }
    }

    /// The value as LLVM prints it.
    pub fn print(self) -> String {
        unsafe { super::take_message(LLVMPrintValueToString(self.0)) }
    }

    /// Puts `other` in the place of every use of this value.
    pub fn replace_uses(self, other: Value) {
        unsafe { LLVMReplaceAllUsesWith(self.0, other.0) }
    }

    /// Whether anything uses the value.
    pub fn is_used(self) -> bool {
        unsafe { !LLVMGetFirstUse(self.0).is_null() }
    }

    /// The values that use this one.
    pub fn users(self) -> Vec<Value> {
        let mut list = Vec::new();
        unsafe {
            let mut next = LLVMGetFirstUse(self.0);
            while !next.is_null() {
                list.push(Value(LLVMGetUser(next)));
                next = LLVMGetNextUse(next);
            }
        }
        list
    }

    /// Deletes an instruction that nothing uses any more.
    pub fn erase(self) {
        unsafe { LLVMInstructionEraseFromParent(self.0) }
    }

    /// The opcode of an instruction or constant expression.
    pub fn opcode(self) -> Option<LLVMOpcode> {
        let is_code = unsafe { !LLVMIsAInstruction(self.0).is_null() };
        is_code.then(|| unsafe { LLVMGetInstructionOpcode(self.0) })
    }

    /// The `index`th operand.
    pub fn operand(self, index: u32) -> Value {
        Value(unsafe { LLVMGetOperand(self.0, index) })
    }

    /// Every operand.
    pub fn operands(self) -> Vec<Value> {
        let count = unsafe { LLVMGetNumOperands(self.0) } as u32;
        (0..count).map(|index| self.operand(index)).collect()
    }

    /// The block an instruction stands in.
    pub fn block(self) -> Block {
        Block(unsafe { LLVMGetInstructionParent(self.0) })
    }

    /// The function an instruction stands in.
    pub fn function(self) -> Value {
        Value(unsafe { LLVMGetBasicBlockParent(LLVMGetInstructionParent(self.0)) })
    }

    /// A constant integer's value, when it fits 64 bits without sign.
    pub fn as_u64(self) -> Option<u64> {
        if unsafe { LLVMIsAConstantInt(self.0).is_null() } {
            return None;
        }
        match self.ty().kind() {
            Kind::Int(bits) if bits <= 64 => Some(unsafe { LLVMConstIntGetZExtValue(self.0) }),
            _ => {
                // The C API has no accessor for wide constants; their text is the decimal value.
                let text = self.print();
                text.rsplit(' ').next()?.parse().ok()
            }
        }
    }

    /// A 128-bit constant's value.
    pub fn as_i128(self) -> Option<i128> {
        if unsafe { LLVMIsAConstantInt(self.0).is_null() } {
            return None;
        }
        self.print().rsplit(' ').next()?.parse().ok()
    }

    /// Whether the value is a constant of any kind.
    pub fn is_constant(self) -> bool {
        unsafe { LLVMIsConstant(self.0) != 0 }
    }

    /// Whether the value is an instruction.
    pub fn is_instruction(self) -> bool {
        unsafe { !LLVMIsAInstruction(self.0).is_null() }
    }

    /// The comparison that an `icmp` makes.
    pub fn int_predicate(self) -> LLVMIntPredicate {
        unsafe { LLVMGetICmpPredicate(self.0) }
    }

    /// The comparison that an `fcmp` makes.
    pub fn real_predicate(self) -> LLVMRealPredicate {
        unsafe { LLVMGetFCmpPredicate(self.0) }
    }

    /// Marks a load or store as one that must be made as written.
    pub fn set_volatile(self) {
        unsafe { LLVMSetVolatile(self.0, 1) }
    }
}

// Calls. SAFETY as above; asked of call instructions only.
impl Value {
    /// The function that a call names, if it names one.
    pub fn callee(self) -> Option<Value> {
        let callee = self.called_value();
        unsafe { some(LLVMIsAFunction(callee.0)) }
    }

    /// What a call calls: a function or a pointer to one.
    pub fn called_value(self) -> Value {
        Value(unsafe { LLVMGetCalledValue(self.0) })
    }

    /// The inline assembly that a call runs, if it does.
    pub fn inline_assembly(self) -> Option<String> {
        let callee = self.called_value();
        unsafe {
            if LLVMIsAInlineAsm(callee.0).is_null() {
                return None;
            }
            let mut length = 0;
            let raw = LLVMGetInlineAsmAsmString(callee.0, &mut length);
            Some(
                String::from_utf8_lossy(std::slice::from_raw_parts(raw.cast(), length))
                    .into_owned(),
            )
        }
    }

    /// Assembly to call at function type `ty`; it must be made as written, where it is written.
    pub fn assembly(ty: Type, text: &str, constraints: &str) -> Value {
        Value(unsafe {
            LLVMGetInlineAsm(
                ty.0,
                text.as_ptr().cast(),
                text.len(),
                constraints.as_ptr().cast(),
                constraints.len(),
                1,
                0,
                LLVMInlineAsmDialect::LLVMInlineAsmDialectATT,
                0,
            )
        })
    }

    /// The function type a call is made at.
    pub fn called_type(self) -> Type {
        Type(unsafe { LLVMGetCalledFunctionType(self.0) })
    }

    /// A call's arguments.
    pub fn arguments(self) -> Vec<Value> {
        let count = unsafe { LLVMGetNumArgOperands(self.0) };
        (0..count).map(|index| self.operand(index)).collect()
    }

    /// Whether a call must be made as a tail call.
    pub fn is_must_tail(self) -> bool {
        unsafe { LLVMGetTailCallKind(self.0) == LLVMTailCallKind::LLVMTailCallKindMustTail }
    }

    /// Forbids a tail call: the callee will be handed the caller's memory.
    pub fn clear_tail(self) {
        unsafe { LLVMSetTailCallKind(self.0, LLVMTailCallKind::LLVMTailCallKindNone) }
    }

    /// Gives this call the calling convention of another.
    pub fn copy_convention(self, from: Value) {
        unsafe { LLVMSetInstructionCallConv(self.0, LLVMGetInstructionCallConv(from.0)) }
    }

    /// The call's attributes at a position.
    pub fn call_attributes(self, index: u32) -> Vec<Attribute> {
        unsafe {
            let mut raw =
                vec![std::ptr::null_mut(); LLVMGetCallSiteAttributeCount(self.0, index) as usize];
            LLVMGetCallSiteAttributes(self.0, index, raw.as_mut_ptr());
            raw.into_iter().map(Attribute).collect()
        }
    }

    /// Adds an attribute to a call.
    pub fn add_call_attribute(self, index: u32, attribute: Attribute) {
        unsafe { LLVMAddCallSiteAttribute(self.0, index, attribute.0) }
    }

    /// Removes an attribute from a call.
    pub fn remove_call_attribute(self, index: u32, attribute: Attribute) {
        unsafe { LLVMRemoveCallSiteEnumAttribute(self.0, index, attribute.kind()) }
    }
}

// Functions and globals. SAFETY as above; asked of functions and global variables only.
impl Value {
    /// The type of what a function or global is (its own type is `ptr`).
    pub fn value_type(self) -> Type {
        Type(unsafe { LLVMGlobalGetValueType(self.0) })
    }

    /// Whether the module only declares it.
    pub fn is_declaration(self) -> bool {
        unsafe { LLVMIsDeclaration(self.0) != 0 }
    }

    /// Whether a function is one of LLVM's intrinsics.
    pub fn is_intrinsic(self) -> bool {
        unsafe { LLVMGetIntrinsicID(self.0) != 0 }
    }

    /// Sets the linkage.
    pub fn set_linkage(self, linkage: LLVMLinkage) {
        unsafe { LLVMSetLinkage(self.0, linkage) }
    }

    /// The linkage.
    pub fn linkage(self) -> LLVMLinkage {
        unsafe { LLVMGetLinkage(self.0) }
    }

    /// Whether a global is constant.
    pub fn is_global_constant(self) -> bool {
        unsafe { LLVMIsGlobalConstant(self.0) != 0 }
    }

    /// A global's alignment in bytes, 0 where it is left to the type.
    pub fn alignment(self) -> u32 {
        unsafe { LLVMGetAlignment(self.0) }
    }

    /// Sets a global's alignment in bytes.
    pub fn set_alignment(self, bytes: u32) {
        unsafe { LLVMSetAlignment(self.0, bytes) }
    }

    /// Whether a global is thread local.
    pub fn is_thread_local(self) -> bool {
        unsafe { LLVMIsThreadLocal(self.0) != 0 }
    }

    /// A function's parameters.
    pub fn params(self) -> Vec<Value> {
        let count = unsafe { LLVMCountParams(self.0) };
        (0..count)
            .map(|index| Value(unsafe { LLVMGetParam(self.0, index) }))
            .collect()
    }

    /// A function's blocks.
    pub fn blocks(self) -> Vec<Block> {
        let mut list = Vec::new();
        unsafe {
            let mut next = LLVMGetFirstBasicBlock(self.0);
            while !next.is_null() {
                list.push(Block(next));
                next = LLVMGetNextBasicBlock(next);
            }
        }
        list
    }

    /// A function's instructions.
    pub fn instructions(self) -> Vec<Value> {
        self.blocks()
            .into_iter()
            .flat_map(Block::instructions)
            .collect()
    }

    /// Gives this function the linkage, visibility, calling convention and address significance of another.
    pub fn copy_identity(self, from: Value) {
        unsafe {
            LLVMSetLinkage(self.0, LLVMGetLinkage(from.0));
            LLVMSetVisibility(self.0, LLVMGetVisibility(from.0));
            LLVMSetFunctionCallConv(self.0, LLVMGetFunctionCallConv(from.0));
            LLVMSetUnnamedAddress(self.0, LLVMGetUnnamedAddress(from.0));
        }
    }

    /// Deletes a function that nothing uses any more.
    pub fn delete_function(self) {
        unsafe { LLVMDeleteFunction(self.0) }
    }

    /// A function's attributes at a position.
    pub fn attributes(self, index: u32) -> Vec<Attribute> {
        unsafe {
            let mut raw =
                vec![std::ptr::null_mut(); LLVMGetAttributeCountAtIndex(self.0, index) as usize];
            LLVMGetAttributesAtIndex(self.0, index, raw.as_mut_ptr());
            raw.into_iter().map(Attribute).collect()
        }
    }

    /// Adds an attribute to a function.
    pub fn add_attribute(self, index: u32, attribute: Attribute) {
        unsafe { LLVMAddAttributeAtIndex(self.0, index, attribute.0) }
    }

    /// Removes a (non-string) attribute from a function.
    pub fn remove_attribute(self, index: u32, attribute: Attribute) {
        unsafe { LLVMRemoveEnumAttributeAtIndex(self.0, index, attribute.kind()) }
    }
}

/// An attribute of a function, a parameter or a returned value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute(pub(crate) LLVMAttributeRef);

impl Attribute {
    /// Whether this is the (non-string) attribute called `name`.
    pub fn is(self, name: &str) -> bool {
        // SAFETY: attributes live as long as their context.
        unsafe {
            LLVMIsStringAttribute(self.0) == 0
                && LLVMGetEnumAttributeKindForName(name.as_ptr().cast(), name.len())
                    == LLVMGetEnumAttributeKind(self.0)
        }
    }

    fn kind(self) -> u32 {
        // SAFETY: asked of non-string attributes only.
        unsafe { LLVMGetEnumAttributeKind(self.0) }
    }

    /// The value of a string attribute called `name`, or nothing.
    pub fn string(context: &super::Context, name: &str, value: &str) -> Attribute {
        // SAFETY: the context is alive; the strings are copied.
        Attribute(unsafe {
            LLVMCreateStringAttribute(
                context.raw(),
                name.as_ptr().cast(),
                name.len() as u32,
                value.as_ptr().cast(),
                value.len() as u32,
            )
        })
    }
}

/// Copies a C string that LLVM keeps.
///
/// # Safety
/// `raw` is a live, terminated string.
pub(crate) unsafe fn borrowed(raw: *const std::ffi::c_char) -> String {
    // SAFETY: by the contract above.
    unsafe { CStr::from_ptr(raw).to_string_lossy().into_owned() }
}
