//! Modules: reading, linking, running passes, verifying.

use std::ffi::CString;
use std::path::Path;

use anyhow::{anyhow, bail, Context as _, Result};
use llvm_sys::analysis::{LLVMVerifierFailureAction, LLVMVerifyModule};
use llvm_sys::bit_reader::LLVMParseBitcodeInContext2;
use llvm_sys::bit_writer::LLVMWriteBitcodeToFile;
use llvm_sys::core::*;
use llvm_sys::error::{LLVMDisposeErrorMessage, LLVMGetErrorMessage};
use llvm_sys::ir_reader::LLVMParseIRInContext2;
use llvm_sys::linker::LLVMLinkModules2;
use llvm_sys::prelude::*;
use llvm_sys::target::{LLVMABISizeOfType, LLVMGetModuleDataLayout};
use llvm_sys::transforms::pass_builder::*;

use super::value::borrowed;
use super::{take_message, Block, Context, Target, Type, Value};

/// A module. It must be dropped before its context.
pub struct Module<'c> {
    raw: LLVMModuleRef,
    context: &'c Context,
}

impl Drop for Module<'_> {
    fn drop(&mut self) {
        // SAFETY: owned, and disposed once: linking forgets the module it consumes.
        unsafe { LLVMDisposeModule(self.raw) }
    }
}

impl<'c> Module<'c> {
    /// An empty module.
    pub fn empty(context: &'c Context, name: &str) -> Result<Self> {
        let name = CString::new(name)?;
        // SAFETY: the context is alive; the name is copied.
        let raw = unsafe { LLVMModuleCreateWithNameInContext(name.as_ptr(), context.raw()) };
        Ok(Self { raw, context })
    }

    /// Reads bitcode; `origin` names it in errors.
    pub fn from_bitcode(context: &'c Context, bitcode: &[u8], origin: &str) -> Result<Self> {
        let buffer = memory_buffer(bitcode)?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: the buffer is alive during the call, which does not take it.
        let failed = unsafe {
            let failed = LLVMParseBitcodeInContext2(context.raw(), buffer, &mut raw) != 0;
            LLVMDisposeMemoryBuffer(buffer);
            failed
        };
        if failed {
            bail!(
                "{origin} is not bitcode that LLVM {} reads: {}",
                version(),
                errors(context)
            );
        }
        Ok(Self { raw, context })
    }

    /// Reads textual IR, which tests are written in.
    pub fn from_text(context: &'c Context, text: &str) -> Result<Self> {
        let buffer = memory_buffer(text.as_bytes())?;
        let (mut raw, mut message) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: the buffer is alive during the call, which does not take it.
        unsafe {
            let failed = LLVMParseIRInContext2(context.raw(), buffer, &mut raw, &mut message) != 0;
            LLVMDisposeMemoryBuffer(buffer);
            if failed {
                bail!("cannot parse IR: {}", take_message(message));
            }
        }
        Ok(Self { raw, context })
    }

    /// The context the module lives in.
    pub fn context(&self) -> &'c Context {
        self.context
    }

    /// Links `other` into this module.
    pub fn link(&mut self, other: Module<'c>) -> Result<()> {
        let source = other.raw;
        std::mem::forget(other);
        // SAFETY: both modules are of one context; the call consumes the source.
        if unsafe { LLVMLinkModules2(self.raw, source) } != 0 {
            bail!("cannot link the modules: {}", errors(self.context));
        }
        Ok(())
    }

    /// Writes the module's bitcode to a file.
    pub fn write_bitcode(&self, path: &Path) -> Result<()> {
        let name = CString::new(path.as_os_str().as_encoded_bytes())?;
        // SAFETY: the module is alive.
        if unsafe { LLVMWriteBitcodeToFile(self.raw, name.as_ptr()) } != 0 {
            bail!("cannot write {}", path.display());
        }
        Ok(())
    }

    /// Runs passes, named as `opt -passes=` names them.
    pub fn run_passes(&self, passes: &str, target: &Target) -> Result<()> {
        let names = CString::new(passes)?;
        // SAFETY: the module and target are alive; the options are disposed after use.
        unsafe {
            let options = LLVMCreatePassBuilderOptions();
            let error = LLVMRunPasses(self.raw, names.as_ptr(), target.raw(), options);
            LLVMDisposePassBuilderOptions(options);
            if !error.is_null() {
                let message = LLVMGetErrorMessage(error);
                let text = borrowed(message);
                LLVMDisposeErrorMessage(message);
                bail!("LLVM cannot run the passes {passes}: {text}");
            }
        }
        Ok(())
    }

    /// Checks that the module is well formed.
    pub fn verify(&self) -> Result<()> {
        let mut message = std::ptr::null_mut();
        // SAFETY: the module is alive; the message is taken over.
        unsafe {
            let action = LLVMVerifierFailureAction::LLVMReturnStatusAction;
            let broken = LLVMVerifyModule(self.raw, action, &mut message) != 0;
            let text = take_message(message);
            if broken {
                bail!("the module is not well formed: {text}");
            }
        }
        Ok(())
    }

    /// The module as text.
    pub fn print(&self) -> String {
        // SAFETY: the module is alive.
        unsafe { take_message(LLVMPrintModuleToString(self.raw)) }
    }

    /// Every function, declared or defined.
    pub fn functions(&self) -> Vec<Value> {
        let mut list = Vec::new();
        // SAFETY: the module is alive; the walk ends at null.
        unsafe {
            let mut next = LLVMGetFirstFunction(self.raw);
            while !next.is_null() {
                list.push(Value(next));
                next = LLVMGetNextFunction(next);
            }
        }
        list
    }

    /// Every function with a body.
    pub fn definitions(&self) -> Vec<Value> {
        self.functions()
            .into_iter()
            .filter(|function| !function.is_declaration())
            .collect()
    }

    /// Every global variable.
    pub fn globals(&self) -> Vec<Value> {
        let mut list = Vec::new();
        // SAFETY: the module is alive; the walk ends at null.
        unsafe {
            let mut next = LLVMGetFirstGlobal(self.raw);
            while !next.is_null() {
                list.push(Value(next));
                next = LLVMGetNextGlobal(next);
            }
        }
        list
    }

    /// The function called `name`.
    pub fn function(&self, name: &str) -> Option<Value> {
        let name = CString::new(name).ok()?;
        // SAFETY: the module is alive.
        let raw = unsafe { LLVMGetNamedFunction(self.raw, name.as_ptr()) };
        (!raw.is_null()).then_some(Value(raw))
    }

    /// The global variable called `name`.
    pub fn global(&self, name: &str) -> Option<Value> {
        let name = CString::new(name).ok()?;
        // SAFETY: the module is alive.
        let raw = unsafe { LLVMGetNamedGlobal(self.raw, name.as_ptr()) };
        (!raw.is_null()).then_some(Value(raw))
    }

    /// Adds a function.
    pub fn add_function(&self, name: &str, ty: Type) -> Result<Value> {
        let name = CString::new(name).map_err(|_| anyhow!("a function name holds a zero byte"))?;
        // SAFETY: the module is alive; the name is copied.
        Ok(Value(unsafe {
            LLVMAddFunction(self.raw, name.as_ptr(), ty.0)
        }))
    }

    /// The function called `name`, declared at `ty` where the module does not have it yet.
    pub fn declare(&self, name: &str, ty: Type) -> Result<Value> {
        match self.function(name) {
            Some(function) => Ok(function),
            None => self.add_function(name, ty),
        }
    }

    /// Adds a zero-filled constant of type `ty`.
    pub fn add_constant(&self, name: &str, ty: Type) -> Result<Value> {
        let name = CString::new(name).map_err(|_| anyhow!("a global's name holds a zero byte"))?;
        // SAFETY: the module is alive; the name is copied.
        unsafe {
            let global = LLVMAddGlobal(self.raw, ty.0, name.as_ptr());
            LLVMSetInitializer(global, LLVMConstNull(ty.0));
            LLVMSetGlobalConstant(global, 1);
            Ok(Value(global))
        }
    }

    /// Deletes a global variable that nothing uses any more.
    pub fn delete_global(&self, global: Value) {
        // SAFETY: the global is of this module and unused, as callers see to.
        unsafe { LLVMDeleteGlobal(global.0) }
    }

    /// Appends an empty block to a function.
    pub fn add_block(&self, function: Value) -> Block {
        // SAFETY: the function is of this module.
        Block(unsafe {
            LLVMAppendBasicBlockInContext(self.context.raw(), function.0, c"".as_ptr())
        })
    }

    /// The bytes that a value of type `ty` takes in memory.
    pub fn size_of(&self, ty: Type) -> u64 {
        // SAFETY: the module is alive; the layout belongs to it.
        unsafe { LLVMABISizeOfType(LLVMGetModuleDataLayout(self.raw), ty.0) }
    }

    /// The assembly written at module level.
    pub fn inline_assembly(&self) -> String {
        let mut length = 0;
        // SAFETY: the module is alive and keeps the text.
        unsafe {
            let raw = LLVMGetModuleInlineAsm(self.raw, &mut length);
            String::from_utf8_lossy(std::slice::from_raw_parts(raw.cast(), length)).into_owned()
        }
    }

    /// Writes the assembly at module level, which comes first in the object.
    pub fn set_inline_assembly(&self, text: &str) {
        // SAFETY: the module is alive; the text is copied.
        unsafe { LLVMSetModuleInlineAsm2(self.raw, text.as_ptr().cast(), text.len()) }
    }

    /// Makes every definition private to the module, except those called `keep`.
    pub fn internalize(&self, keep: impl Fn(&str) -> bool) {
        let symbols = self.functions().into_iter().chain(self.globals());
        for symbol in symbols.filter(|symbol| !symbol.is_declaration()) {
            let name = symbol.name();
            if !keep(&name) && !name.starts_with("llvm.") {
                // SAFETY: a local symbol must have default visibility, so that comes first.
                unsafe {
                    LLVMSetVisibility(symbol.0, llvm_sys::LLVMVisibility::LLVMDefaultVisibility);
                    llvm_sys::comdat::LLVMSetComdat(symbol.0, std::ptr::null_mut());
                }
                symbol.set_linkage(super::Linkage::LLVMInternalLinkage);
            }
        }
    }

    pub(crate) fn raw(&self) -> LLVMModuleRef {
        self.raw
    }
}

fn memory_buffer(bytes: &[u8]) -> Result<LLVMMemoryBufferRef> {
    let name = CString::new("input").context("buffer name")?;
    // SAFETY: the bytes are copied into a buffer that the caller disposes of.
    Ok(unsafe {
        LLVMCreateMemoryBufferWithMemoryRangeCopy(bytes.as_ptr().cast(), bytes.len(), name.as_ptr())
    })
}

fn errors(context: &Context) -> String {
    let list: Vec<String> = context
        .take_diagnostics()
        .into_iter()
        .map(|d| d.message)
        .collect();
    list.join("; ")
}

/// The version of the LLVM library in use.
pub(crate) fn version() -> String {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: three valid out pointers.
    unsafe { LLVMGetVersion(&mut major, &mut minor, &mut patch) };
    format!("{major}.{minor}.{patch}")
}
