//! The program: applies an operation to every record in its instruction data, in place.
//!
//! Instruction data: the operation's number, the number of records, and the records, each [`INPUTS`] words to read
//! and [`OUTPUTS`] words to write. The caller passes no accounts.

use core::alloc::{GlobalAlloc, Layout};

use crate::{operation, Inputs, Outputs, INPUTS, OUTPUTS, OVERFLOW};

const HEAP: usize = 0x3_0000_0000;
const HEAP_LENGTH: usize = 32 * 1024;

/// Hands out the heap from the top down; [`reset`] takes everything back.
struct Heap;

#[global_allocator]
static ALLOCATOR: Heap = Heap;

unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the loader maps the heap there; its first word holds the lowest address handed out.
        unsafe {
            let lowest = HEAP as *mut usize;
            let address = lowest.read().wrapping_sub(layout.size()) & !(layout.align() - 1);
            if address < HEAP + 8 || address > HEAP + HEAP_LENGTH {
                return core::ptr::null_mut();
            }
            lowest.write(address);
            address as *mut u8
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Makes the whole heap free again.
fn reset() {
    // SAFETY: nothing allocated lives beyond the record it was allocated for.
    unsafe { (HEAP as *mut usize).write(HEAP + HEAP_LENGTH) };
}

/// What the loader calls with the serialised input.
///
/// # Safety
/// `input` is the loader's buffer for an instruction without accounts.
#[no_mangle]
pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
    // SAFETY: by the contract above; the words of a record are eight bytes apart and aligned.
    unsafe {
        let words = input.cast::<u64>();
        if words.read() != 0 {
            return 1;
        }
        let (number, count) = (words.add(2).read(), words.add(3).read());
        if number == OVERFLOW {
            return (count + OVERFLOW == 0) as u64;
        }
        let Some(operation) = operation(number as usize) else {
            return 2;
        };
        let mut record = words.add(4);
        for _ in 0..count {
            reset();
            operation(
                &*record.cast::<Inputs>(),
                &mut *record.add(INPUTS).cast::<Outputs>(),
            );
            record = record.add(INPUTS + OUTPUTS);
        }
    }
    0
}
