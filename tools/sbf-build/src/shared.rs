//! Checks the linked file: version, guard, and every instruction. Whatever went before may change; this is what runs.

use anyhow::{ensure, Context as _, Result};
use object::elf::{PF_R, PF_X};
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::LittleEndian;

use crate::emit::{GUARD, STACK_FRAME};

/// The only version that the chain lets anybody deploy.
const VERSION: u32 = 3;
/// Bytes of an instruction.
const INSTRUCTION: usize = 8;
/// The register that points to the end of the running function's frame.
const FRAME_POINTER: u8 = 10;

/// The low bits of an opcode: what kind of instruction it is.
mod class {
    pub const LOAD_CONSTANT: u8 = 0;
    pub const LOAD: u8 = 1;
    pub const STORE_CONSTANT: u8 = 2;
    pub const STORE: u8 = 3;
    pub const ARITHMETIC_32: u8 = 4;
    pub const JUMP_32: u8 = 6;
}

/// Opcodes that the checks tell apart.
mod opcode {
    /// Loads a constant of 64 bits; takes two places.
    pub const LOAD_WIDE: u8 = 0x18;
    /// Adds a constant.
    pub const ADD: u8 = 0x07;
    /// Copies a register.
    pub const MOVE: u8 = 0xbf;
    /// Both reverse bytes; they share the class of 32-bit arithmetic, and work alike everywhere.
    pub const SWAPS: [u8; 2] = [0xd4, 0xdc];
}

/// Checks the file.
pub fn check(shared: &[u8]) -> Result<()> {
    let file = ElfFile64::<LittleEndian>::parse(shared).context("no ELF file")?;
    let version = file.elf_header().e_flags(LittleEndian).0;
    ensure!(
        version == VERSION,
        "its SBPF version is {version}, not {VERSION}"
    );
    let segment = |flags| {
        let mut headers = file.elf_program_headers().iter();
        let found = headers.find(|header| header.p_flags(LittleEndian) == flags);
        let found = found.with_context(|| format!("no segment has the flags {flags}"))?;
        found
            .data(LittleEndian, shared)
            .ok()
            .context("a segment lies beyond the end of the file")
    };
    ensure!(
        segment(PF_R)?.starts_with(GUARD.as_bytes()),
        "its read-only data does not begin with the guard"
    );
    instructions(segment(PF_X)?)
}

/// Checks every instruction, each with the one behind it.
fn instructions(code: &[u8]) -> Result<()> {
    let mut places = code.chunks_exact(INSTRUCTION).enumerate().peekable();
    while let Some((at, bytes)) = places.next() {
        let here = Instruction::read(bytes);
        let next = places.peek().map(|(_, bytes)| Instruction::read(bytes));
        here.check(next)
            .with_context(|| format!("instruction {at} ({bytes:02x?})"))?;
        if here.opcode == opcode::LOAD_WIDE {
            places.next();
        }
    }
    Ok(())
}

/// One instruction, taken apart.
struct Instruction {
    opcode: u8,
    to: u8,
    from: u8,
    offset: i16,
    constant: i32,
}

impl Instruction {
    fn read(bytes: &[u8]) -> Self {
        Self {
            opcode: bytes[0],
            to: bytes[1] & 15,
            from: bytes[1] >> 4,
            offset: i16::from_le_bytes([bytes[2], bytes[3]]),
            constant: i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        }
    }

    fn check(&self, next: Option<Instruction>) -> Result<()> {
        let (class, frame) = (self.opcode & 7, STACK_FRAME as i64);
        // LLVM takes their upper half for zero; the machine extends the sign of sums, differences and products.
        ensure!(
            class != class::ARITHMETIC_32 && class != class::JUMP_32
                || opcode::SWAPS.contains(&self.opcode),
            "32-bit arithmetic, which the machine does otherwise than LLVM thinks"
        );
        let width = [4, 2, 1, 8][usize::from(self.opcode >> 3 & 3)];
        let within = |from: i64, length: i64| from >= -frame && from + length <= 0;
        let sound = match class {
            class::LOAD if self.from == FRAME_POINTER => within(i64::from(self.offset), width),
            class::STORE if self.from == FRAME_POINTER => false,
            class::STORE | class::STORE_CONSTANT if self.to == FRAME_POINTER => {
                within(i64::from(self.offset), width)
            }
            // An address in the frame is put together right away.
            _ if self.opcode == opcode::MOVE && self.from == FRAME_POINTER => {
                next.is_some_and(|next| {
                    next.opcode == opcode::ADD
                        && next.to == self.to
                        && within(i64::from(next.constant), 1)
                })
            }
            class::LOAD | class::LOAD_CONSTANT => self.to != FRAME_POINTER,
            _ => self.to != FRAME_POINTER && self.from != FRAME_POINTER,
        };
        // Without gaps between the frames nothing else would stop it.
        ensure!(
            sound,
            "it reaches beyond its function's stack frame of {frame} bytes"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::linked;

    const PROGRAM: &str = "
        @a = internal constant [3 x i8] c\"one\"
        @b = internal constant [16 x i8] c\"sixteen bytes ..\", align 16
        @c = internal constant [5 x i8] c\"three\"
        @d = internal constant [4 x i8] c\"four\", align 64
        declare void @sol_log_(ptr, i64)
        define i64 @entrypoint(ptr %input) {
          call void @sol_log_(ptr @d, i64 4)
          call void @sol_log_(ptr @c, i64 5)
          call void @sol_log_(ptr @b, i64 16)
          call void @sol_log_(ptr @a, i64 3)
          ret i64 0
        }";

    fn says(made: Result<impl Sized>) -> String {
        made.err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default()
    }

    #[test]
    fn the_header_says_version_3_and_another_is_refused() {
        let mut file = linked(PROGRAM).expect("the program links");
        assert_eq!(file[48..52], 3u32.to_le_bytes());
        file[48] = 0;
        assert!(says(check(&file)).contains("its SBPF version is 0, not 3"));
    }

    #[test]
    fn read_only_objects_lie_behind_the_guard_and_are_aligned() {
        let file = linked(PROGRAM).expect("the program links");
        let parsed = ElfFile64::<LittleEndian>::parse(&*file).expect("an ELF file");
        let header = &parsed.elf_program_headers()[0];
        assert_eq!(header.p_vaddr(LittleEndian), 0);
        let data = header.data(LittleEndian, &*file).expect("its data");
        for (text, alignment) in [
            ("one", 1),
            ("sixteen bytes ..", 16),
            ("three", 1),
            ("four", 64),
        ] {
            let found = data
                .windows(text.len())
                .position(|part| part == text.as_bytes());
            let at = found.expect("the object is there");
            assert!(at >= GUARD.len() && at % alignment == 0, "{text} at {at}");
        }
    }

    #[test]
    fn a_program_without_the_guard_is_refused() {
        let mut file = linked(PROGRAM).expect("the program links");
        let at = file
            .windows(GUARD.len())
            .position(|part| part == GUARD.as_bytes());
        file[at.expect("the guard is there")] ^= 1;
        assert!(says(check(&file)).contains("does not begin with the guard"));
    }

    #[test]
    fn arithmetic_of_32_bits_is_refused() {
        // Sums, differences and products with a constant and a register, a copy, and a jump; then both swaps of bytes.
        for opcode in [0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0xbc, 0x16] {
            let message = says(instructions(&[opcode, 0x21, 0, 0, 0, 0, 0, 0]));
            assert!(
                message.contains("32-bit arithmetic"),
                "{opcode:x}: {message}"
            );
        }
        for opcode in opcode::SWAPS {
            assert!(instructions(&[opcode, 1, 0, 0, 64, 0, 0, 0]).is_ok());
        }
        // Half of a wide constant is no instruction.
        let wide = [0x18, 1, 0, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0, 0, 0];
        assert!(instructions(&wide).is_ok());
    }

    #[test]
    fn addresses_beyond_the_frame_are_refused() {
        // Loads and stores of eight bytes, an address put together, and what else could be done with the register.
        let load = |offset: i16| (0x79, 1, FRAME_POINTER, offset, 0);
        let store = |offset: i16| (0x7b, FRAME_POINTER, 1, offset, 0);
        let copy = (opcode::MOVE, 1, FRAME_POINTER, 0, 0);
        let add = |constant: i32| (opcode::ADD, 1, 0, 0, constant);
        let sound = |list: &[(u8, u8, u8, i16, i32)]| {
            let bytes = list
                .iter()
                .flat_map(|(opcode, to, from, offset, constant)| {
                    let mut bytes = vec![*opcode, from << 4 | to];
                    bytes.extend(offset.to_le_bytes());
                    bytes.extend(constant.to_le_bytes());
                    bytes
                });
            instructions(&bytes.collect::<Vec<_>>()).is_ok()
        };
        for good in [
            vec![load(-8)],
            vec![load(-4096)],
            vec![store(-8)],
            vec![copy, add(-4096)],
        ] {
            assert!(sound(&good), "{good:?}");
        }
        for bad in [
            vec![load(-4)],
            vec![load(-4104)],
            vec![store(0)],
            vec![store(-4097)],
            vec![copy],
            vec![copy, load(-8)],
            vec![copy, add(8)],
            vec![copy, add(-4097)],
            vec![(opcode::ADD, FRAME_POINTER, 0, 0, -8)],
            vec![(0x7b, 1, FRAME_POINTER, 0, 0)],
        ] {
            assert!(!sound(&bad), "{bad:?}");
        }
    }
}
