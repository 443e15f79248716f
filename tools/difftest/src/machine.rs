//! The virtual machine, with the syscalls that the program needs.

use std::ptr::NonNull;
use std::sync::Arc;

use anyhow::{anyhow, bail, Result};
use solana_sbpf::aligned_memory::AlignedMemory;
use solana_sbpf::ebpf::{HOST_ALIGN, MM_HEAP_START, MM_INPUT_START, MM_STACK_START};
use solana_sbpf::elf::Executable;
use solana_sbpf::error::EbpfError;
use solana_sbpf::memory_region::{AccessType, MemoryMapping, MemoryRegion};
use solana_sbpf::program::{BuiltinFunctionDefinition, BuiltinProgram, SBPFVersion};
use solana_sbpf::verifier::RequisiteVerifier;
use solana_sbpf::vm::{CallFrame, Config, ContextObject, EbpfVm, ExecutionMode};

/// The most that a transaction may ask for.
const HEAP: usize = 256 * 1024;
/// More than any batch takes; a chain allows 1.4 million.
const UNITS: u64 = 4_000_000_000;
/// What a memory syscall costs at least.
const SYSCALL: u64 = 10;

type Error = Box<dyn std::error::Error>;

/// What the running program can reach.
struct Chain {
    remaining: u64,
    mapping: MemoryMapping,
}

impl ContextObject for Chain {
    fn consume(&mut self, amount: u64) {
        self.remaining = self.remaining.saturating_sub(amount);
    }

    fn get_remaining(&self) -> u64 {
        self.remaining
    }

    fn active_mapping_ptr(&mut self) -> NonNull<MemoryMapping> {
        NonNull::from(&mut self.mapping)
    }
}

impl Chain {
    /// The host's view of the program's memory.
    fn reach(&self, access: AccessType, address: u64, length: u64) -> Result<*mut u8, Error> {
        if length == 0 {
            return Ok(NonNull::dangling().as_ptr());
        }
        let host = Result::from(self.mapping.map(access, address, length));
        host.map(|address| address as *mut u8)
            .map_err(|error: EbpfError| error.into())
    }

    fn charge(&mut self, length: u64) {
        self.consume(SYSCALL.max(length / 250));
    }
}

struct Abort;

impl BuiltinFunctionDefinition<Chain> for Abort {
    type Error = Error;

    fn rust(_chain: &mut Chain, _a: u64, _b: u64, _c: u64, _d: u64, _e: u64) -> Result<u64, Error> {
        Err("the program aborted".into())
    }
}

struct Move;

impl BuiltinFunctionDefinition<Chain> for Move {
    type Error = Error;

    fn rust(chain: &mut Chain, to: u64, from: u64, n: u64, _d: u64, _e: u64) -> Result<u64, Error> {
        chain.charge(n);
        let (from, to) = (
            chain.reach(AccessType::Load, from, n)?,
            chain.reach(AccessType::Store, to, n)?,
        );
        // SAFETY: both ranges are mapped for as long as the program runs.
        unsafe { std::ptr::copy(from, to, n as usize) };
        Ok(0)
    }
}

struct Copy;

impl BuiltinFunctionDefinition<Chain> for Copy {
    type Error = Error;

    fn rust(chain: &mut Chain, to: u64, from: u64, n: u64, d: u64, e: u64) -> Result<u64, Error> {
        if to < from.saturating_add(n) && from < to.saturating_add(n) {
            return Err("sol_memcpy_ with ranges that overlap".into());
        }
        Move::rust(chain, to, from, n, d, e)
    }
}

struct Set;

impl BuiltinFunctionDefinition<Chain> for Set {
    type Error = Error;

    fn rust(
        chain: &mut Chain,
        to: u64,
        value: u64,
        n: u64,
        _d: u64,
        _e: u64,
    ) -> Result<u64, Error> {
        chain.charge(n);
        // SAFETY: the range is mapped for as long as the program runs.
        unsafe {
            std::ptr::write_bytes(
                chain.reach(AccessType::Store, to, n)?,
                value as u8,
                n as usize,
            )
        };
        Ok(0)
    }
}

struct Compare;

impl BuiltinFunctionDefinition<Chain> for Compare {
    type Error = Error;

    fn rust(chain: &mut Chain, a: u64, b: u64, n: u64, result: u64, _e: u64) -> Result<u64, Error> {
        chain.charge(n);
        let (a, b) = (
            chain.reach(AccessType::Load, a, n)?,
            chain.reach(AccessType::Load, b, n)?,
        );
        let result = chain.reach(AccessType::Store, result, 4)?;
        // SAFETY: all three ranges are mapped for as long as the program runs.
        unsafe {
            let (a, b) = (
                std::slice::from_raw_parts(a, n as usize),
                std::slice::from_raw_parts(b, n as usize),
            );
            let differ = a.iter().zip(b).find(|(x, y)| x != y);
            let order = differ.map_or(0, |(x, y)| i32::from(*x) - i32::from(*y));
            result.cast::<i32>().write_unaligned(order);
        }
        Ok(0)
    }
}

struct Log;

impl BuiltinFunctionDefinition<Chain> for Log {
    type Error = Error;

    fn rust(chain: &mut Chain, text: u64, n: u64, _c: u64, _d: u64, _e: u64) -> Result<u64, Error> {
        let text = chain.reach(AccessType::Load, text, n)?;
        // SAFETY: the range is mapped for as long as the program runs.
        let text = unsafe { std::slice::from_raw_parts(text, n as usize) };
        println!("program log: {}", String::from_utf8_lossy(text));
        Ok(0)
    }
}

/// A loaded program.
pub struct Machine(Executable<Chain>);

impl Machine {
    /// Loads and verifies a shared object.
    pub fn load(bytes: &[u8]) -> Result<Self> {
        // As the chain sets it up where a program is deployed.
        let config = Config {
            reject_broken_elfs: true,
            enabled_sbpf_versions: SBPFVersion::V3..=SBPFVersion::V3,
            ..Config::default()
        };
        let mut loader = BuiltinProgram::new_loader(config);
        loader.register_definition::<Abort>("abort")?;
        loader.register_definition::<Abort>("sol_panic_")?;
        loader.register_definition::<Move>("sol_memmove_")?;
        loader.register_definition::<Copy>("sol_memcpy_")?;
        loader.register_definition::<Set>("sol_memset_")?;
        loader.register_definition::<Compare>("sol_memcmp_")?;
        loader.register_definition::<Log>("sol_log_")?;
        let executable = Executable::from_elf(bytes, Arc::new(loader))
            .map_err(|e| anyhow!("cannot load: {e}"))?;
        executable
            .verify::<RequisiteVerifier>()
            .map_err(|e| anyhow!("the verifier refuses the program: {e}"))?;
        #[cfg(all(target_arch = "x86_64", not(target_os = "windows")))]
        executable
            .jit_compile()
            .map_err(|e| anyhow!("cannot compile the program: {e}"))?;
        Ok(Self(executable))
    }

    /// Runs the program on instruction data, and returns the data as the program left it, and the cost.
    pub fn run(&self, data: &[u64]) -> Result<(Vec<u64>, u64)> {
        let version = self.0.get_sbpf_version();
        let config = self.0.get_config();
        let mut stack = AlignedMemory::<HOST_ALIGN>::zero_filled(config.stack_size());
        let mut heap = AlignedMemory::<HOST_ALIGN>::zero_filled(HEAP);
        let mut input: Vec<u64> = vec![0, data.len() as u64 * 8];
        input.extend_from_slice(data);
        // The program's address would follow.
        input.extend_from_slice(&[0; 4]);
        // SAFETY: any bytes are valid words, and the vector is not touched while the program runs.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(input.as_mut_ptr().cast::<u8>(), input.len() * 8)
        };
        let stack_length = stack.len();
        let regions = vec![
            self.0.get_ro_region(),
            MemoryRegion::new(&mut stack, MM_STACK_START),
            MemoryRegion::new(&mut heap, MM_HEAP_START),
            MemoryRegion::new(&raw mut *bytes, MM_INPUT_START),
        ];
        // SAFETY: every region outlives the run and accepts any bytes.
        let mapping = unsafe { MemoryMapping::new(regions, config, version) };
        let mapping = mapping.map_err(|e| anyhow!("cannot map the memory: {e}"))?;
        let mut chain = Chain {
            remaining: UNITS,
            mapping,
        };
        let mut vm = EbpfVm::new(
            self.0.get_loader().clone(),
            version,
            &mut chain,
            stack_length,
        );
        let mut frames = vec![CallFrame::default(); config.max_call_depth];
        vm.registers[1] = MM_INPUT_START;
        let (units, result) =
            vm.execute_program(&self.0, &mut ExecutionMode::PreferJit, &mut frames);
        match Result::from(result) {
            Ok(0) => {}
            Ok(code) => bail!("the program returned {code}"),
            Err(error) => bail!("{error}"),
        }
        input.truncate(2 + data.len());
        input.drain(..2);
        Ok((input, units))
    }
}
