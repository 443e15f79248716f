//! The part of LLVM's C API that the build uses, behind small copyable handles.
//!
//! Every handle borrows, in fact if not in type, from the [`Context`] it was made in: a program makes one context,
//! keeps it for as long as it works, and drops it last. The rewrites in [`crate::lower`] then need no `unsafe`.

mod builder;
mod module;
mod target;
mod value;

use std::cell::RefCell;
use std::ffi::{c_char, c_void, CStr};

use llvm_sys::core::*;
use llvm_sys::prelude::*;
use llvm_sys::LLVMDiagnosticSeverity;

pub use builder::Builder;
pub use llvm_sys::{
    LLVMIntPredicate as IntPredicate, LLVMLinkage as Linkage, LLVMOpcode as Opcode,
    LLVMRealPredicate as RealPredicate,
};
pub use module::Module;
pub use target::{initialize, Target};
pub use value::{Attribute, Block, Kind, Type, Value, FUNCTION_ATTRIBUTES, RETURN_ATTRIBUTES};

/// What LLVM had to say while it worked.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Whether LLVM calls it an error (as opposed to a warning, remark or note).
    pub is_error: bool,
    /// LLVM's sentence.
    pub message: String,
}

/// An LLVM context that collects the diagnostics raised in it.
pub struct Context {
    raw: LLVMContextRef,
    diagnostics: Box<RefCell<Vec<Diagnostic>>>,
}

impl Context {
    /// A fresh context.
    pub fn new() -> Self {
        let diagnostics = Box::new(RefCell::new(Vec::new()));
        // SAFETY: the boxed list outlives the context, which is disposed in `drop` while the box is still alive.
        let raw = unsafe {
            let raw = LLVMContextCreate();
            let list: *const RefCell<Vec<Diagnostic>> = &*diagnostics;
            LLVMContextSetDiagnosticHandler(raw, Some(collect), list as *mut c_void);
            raw
        };
        Self { raw, diagnostics }
    }

    /// Takes the diagnostics raised since the last call.
    pub fn take_diagnostics(&self) -> Vec<Diagnostic> {
        self.diagnostics.take()
    }

    /// The integer type of `bits` bits.
    pub fn int(&self, bits: u32) -> Type {
        // SAFETY: the context is alive.
        Type(unsafe { LLVMIntTypeInContext(self.raw, bits) })
    }

    /// The opaque pointer type.
    pub fn ptr(&self) -> Type {
        // SAFETY: the context is alive.
        Type(unsafe { LLVMPointerTypeInContext(self.raw, 0) })
    }

    /// The type of nothing.
    pub fn void(&self) -> Type {
        // SAFETY: the context is alive.
        Type(unsafe { LLVMVoidTypeInContext(self.raw) })
    }

    /// The `double` type.
    pub fn double(&self) -> Type {
        // SAFETY: the context is alive.
        Type(unsafe { LLVMDoubleTypeInContext(self.raw) })
    }

    /// A builder that is not yet placed anywhere.
    pub fn builder(&self) -> Builder {
        Builder::new(self.raw)
    }

    pub(crate) fn raw(&self) -> LLVMContextRef {
        self.raw
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: modules and builders of this context are dropped before it by every caller.
        unsafe { LLVMContextDispose(self.raw) }
    }
}

extern "C" fn collect(info: LLVMDiagnosticInfoRef, list: *mut c_void) {
    // SAFETY: LLVM passes a live diagnostic and the pointer registered in `Context::new`.
    unsafe {
        let list = &*(list as *const RefCell<Vec<Diagnostic>>);
        let is_error = LLVMGetDiagInfoSeverity(info) == LLVMDiagnosticSeverity::LLVMDSError;
        let message = take_message(LLVMGetDiagInfoDescription(info));
        list.borrow_mut().push(Diagnostic { is_error, message });
    }
}

/// Copies and frees a message that LLVM allocated.
///
/// # Safety
/// `raw` is null or a string that LLVM returned for the caller to dispose of.
pub(crate) unsafe fn take_message(raw: *mut c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: by the contract above.
    unsafe {
        let text = CStr::from_ptr(raw).to_string_lossy().into_owned();
        LLVMDisposeMessage(raw);
        text
    }
}
