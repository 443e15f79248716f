//! The BPF back end, set up the way the SBF virtual machine needs it.

use std::sync::Once;

use anyhow::{bail, Result};
use llvm_sys::core::{LLVMDisposeMemoryBuffer, LLVMGetBufferSize, LLVMGetBufferStart};
use llvm_sys::support::LLVMParseCommandLineOptions;
use llvm_sys::target::*;
use llvm_sys::target_machine::*;

use super::{take_message, Module};

/// Bytes of stack that one call may use.
pub const STACK_FRAME: u32 = 4096;

/// Prepares LLVM: the back end and its options. Safe to call more than once.
pub fn initialize() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let stack = format!("-bpf-stack-size={STACK_FRAME}\0");
        let arguments = [c"sbf-build".as_ptr(), stack.as_ptr().cast()];
        // SAFETY: runs once, before any other use of LLVM's back ends; the strings outlive the call.
        unsafe {
            LLVMInitializeBPFTargetInfo();
            LLVMInitializeBPFTarget();
            LLVMInitializeBPFTargetMC();
            LLVMInitializeBPFAsmPrinter();
            LLVMInitializeBPFAsmParser();
            LLVMParseCommandLineOptions(
                arguments.len() as i32,
                arguments.as_ptr(),
                std::ptr::null(),
            );
        }
    });
}

/// The code generator for SBPF version 3.
pub struct Target(LLVMTargetMachineRef);

impl Target {
    /// Sets the code generator up.
    pub fn sbpf() -> Result<Self> {
        initialize();
        let mut target = std::ptr::null_mut();
        let mut message = std::ptr::null_mut();
        // SAFETY: out pointers are valid, strings terminated, the options disposed after use.
        unsafe {
            if LLVMGetTargetFromTriple(c"bpfel".as_ptr(), &mut target, &mut message) != 0 {
                bail!("this LLVM has no BPF back end: {}", take_message(message));
            }
            let options = LLVMCreateTargetMachineOptions();
            // A later CPU has 32-bit arithmetic that zero-extends its results, where SBPF extends their sign.
            LLVMTargetMachineOptionsSetCPU(options, c"v2".as_ptr());
            LLVMTargetMachineOptionsSetFeatures(options, c"+allows-misaligned-mem-access".as_ptr());
            LLVMTargetMachineOptionsSetCodeGenOptLevel(
                options,
                LLVMCodeGenOptLevel::LLVMCodeGenLevelAggressive,
            );
            LLVMTargetMachineOptionsSetRelocMode(options, LLVMRelocMode::LLVMRelocStatic);
            let machine = LLVMCreateTargetMachineWithOptions(target, c"bpfel".as_ptr(), options);
            LLVMDisposeTargetMachineOptions(options);
            Ok(Self(machine))
        }
    }

    /// Selects instructions for the module and returns the object file.
    pub fn emit_object(&self, module: &Module<'_>) -> Result<Vec<u8>> {
        let mut buffer = std::ptr::null_mut();
        let mut message = std::ptr::null_mut();
        // SAFETY: module and machine are alive; buffer and message are taken over.
        unsafe {
            let kind = LLVMCodeGenFileType::LLVMObjectFile;
            if LLVMTargetMachineEmitToMemoryBuffer(
                self.0,
                module.raw(),
                kind,
                &mut message,
                &mut buffer,
            ) != 0
            {
                bail!("LLVM cannot generate code: {}", take_message(message));
            }
            let start: *const u8 = LLVMGetBufferStart(buffer).cast();
            let object = std::slice::from_raw_parts(start, LLVMGetBufferSize(buffer)).to_vec();
            LLVMDisposeMemoryBuffer(buffer);
            Ok(object)
        }
    }

    pub(crate) fn raw(&self) -> LLVMTargetMachineRef {
        self.0
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // SAFETY: made in `sbpf`, disposed once.
        unsafe { LLVMDisposeTargetMachine(self.0) }
    }
}
