//! Builds instructions in front of another or at the end of a block.

use llvm_sys::core::*;
use llvm_sys::prelude::*;
use llvm_sys::{LLVMIntPredicate, LLVMOpcode};

use super::{Block, Type, Value};

const UNNAMED: *const std::ffi::c_char = c"".as_ptr();

/// An instruction builder.
pub struct Builder(LLVMBuilderRef);

impl Drop for Builder {
    fn drop(&mut self) {
        // SAFETY: made in `new`, disposed once.
        unsafe { LLVMDisposeBuilder(self.0) }
    }
}

// SAFETY of this block: values, types and blocks are alive (see the module documentation) and of one context; LLVM's
// verifier, which runs after the rewrites, catches operands of the wrong type.
impl Builder {
    pub(crate) fn new(context: LLVMContextRef) -> Self {
        Self(unsafe { LLVMCreateBuilderInContext(context) })
    }

    /// Builds in front of `instruction` from now on.
    pub fn before(&self, instruction: Value) -> &Self {
        unsafe { LLVMPositionBuilderBefore(self.0, instruction.0) };
        self
    }

    /// Builds at the end of `block` from now on.
    pub fn at_end(&self, block: Block) -> &Self {
        unsafe { LLVMPositionBuilderAtEnd(self.0, block.0) };
        self
    }

    /// Any two-operand instruction.
    pub fn binary(&self, opcode: LLVMOpcode, a: Value, b: Value) -> Value {
        Value(unsafe { LLVMBuildBinOp(self.0, opcode, a.0, b.0, UNNAMED) })
    }

    /// `a + b`, wrapping.
    pub fn add(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMAdd, a, b)
    }

    /// `a - b`, wrapping.
    pub fn sub(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMSub, a, b)
    }

    /// `a * b`, wrapping.
    pub fn mul(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMMul, a, b)
    }

    /// `a / b`, without sign.
    pub fn udiv(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMUDiv, a, b)
    }

    /// `a % b`, without sign.
    pub fn urem(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMURem, a, b)
    }

    /// `a & b`.
    pub fn and(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMAnd, a, b)
    }

    /// `a | b`.
    pub fn or(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMOr, a, b)
    }

    /// `a ^ b`.
    pub fn xor(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMXor, a, b)
    }

    /// `a << b`.
    pub fn shl(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMShl, a, b)
    }

    /// `a >> b`, filling with zeros.
    pub fn lshr(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMLShr, a, b)
    }

    /// `a >> b`, filling with the sign.
    pub fn ashr(&self, a: Value, b: Value) -> Value {
        self.binary(LLVMOpcode::LLVMAShr, a, b)
    }

    /// An integer comparison.
    pub fn icmp(&self, predicate: LLVMIntPredicate, a: Value, b: Value) -> Value {
        Value(unsafe { LLVMBuildICmp(self.0, predicate, a.0, b.0, UNNAMED) })
    }

    /// `condition ? yes : no`.
    pub fn select(&self, condition: Value, yes: Value, no: Value) -> Value {
        Value(unsafe { LLVMBuildSelect(self.0, condition.0, yes.0, no.0, UNNAMED) })
    }

    /// The low bits.
    pub fn trunc(&self, value: Value, ty: Type) -> Value {
        Value(unsafe { LLVMBuildTrunc(self.0, value.0, ty.0, UNNAMED) })
    }

    /// Widens with zeros.
    pub fn zext(&self, value: Value, ty: Type) -> Value {
        Value(unsafe { LLVMBuildZExt(self.0, value.0, ty.0, UNNAMED) })
    }

    /// Widens with the sign.
    pub fn sext(&self, value: Value, ty: Type) -> Value {
        Value(unsafe { LLVMBuildSExt(self.0, value.0, ty.0, UNNAMED) })
    }

    /// The same bits as another type.
    pub fn bitcast(&self, value: Value, ty: Type) -> Value {
        Value(unsafe { LLVMBuildBitCast(self.0, value.0, ty.0, UNNAMED) })
    }

    /// Fixes an undefined value, so that each use sees the same bits.
    pub fn freeze(&self, value: Value) -> Value {
        Value(unsafe { LLVMBuildFreeze(self.0, value.0, UNNAMED) })
    }

    /// Puts `field` into a struct.
    pub fn insert(&self, aggregate: Value, field: Value, index: u32) -> Value {
        Value(unsafe { LLVMBuildInsertValue(self.0, aggregate.0, field.0, index, UNNAMED) })
    }

    /// Reserves stack for a value of type `ty`, aligned to `alignment` bytes.
    pub fn alloca(&self, ty: Type, alignment: u32) -> Value {
        unsafe {
            let slot = LLVMBuildAlloca(self.0, ty.0, UNNAMED);
            LLVMSetAlignment(slot, alignment);
            Value(slot)
        }
    }

    /// The address `offset` bytes after `pointer`.
    pub fn offset(&self, pointer: Value, offset: u64, byte: Type, index: Type) -> Value {
        if offset == 0 {
            return pointer;
        }
        let mut indices = [index.constant(offset as i64).0];
        Value(unsafe {
            LLVMBuildInBoundsGEP2(self.0, byte.0, pointer.0, indices.as_mut_ptr(), 1, UNNAMED)
        })
    }

    /// Reads a value of type `ty`.
    pub fn load(&self, ty: Type, pointer: Value, alignment: u32) -> Value {
        unsafe {
            let load = LLVMBuildLoad2(self.0, ty.0, pointer.0, UNNAMED);
            LLVMSetAlignment(load, alignment);
            Value(load)
        }
    }

    /// Writes a value, and returns the instruction that does.
    pub fn store(&self, value: Value, pointer: Value, alignment: u32) -> Value {
        unsafe {
            let store = LLVMBuildStore(self.0, value.0, pointer.0);
            LLVMSetAlignment(store, alignment);
            Value(store)
        }
    }

    /// Calls `callee` at function type `ty`.
    pub fn call(&self, ty: Type, callee: Value, arguments: &[Value]) -> Value {
        let mut raw: Vec<LLVMValueRef> = arguments.iter().map(|value| value.0).collect();
        Value(unsafe {
            LLVMBuildCall2(
                self.0,
                ty.0,
                callee.0,
                raw.as_mut_ptr(),
                raw.len() as u32,
                UNNAMED,
            )
        })
    }

    /// Returns a value.
    pub fn ret(&self, value: Value) {
        unsafe { LLVMBuildRet(self.0, value.0) };
    }

    /// Returns nothing.
    pub fn ret_void(&self) {
        unsafe { LLVMBuildRetVoid(self.0) };
    }

    /// Marks a place that is never reached.
    pub fn unreachable(&self) {
        unsafe { LLVMBuildUnreachable(self.0) };
    }
}
