//! The program's heap, which every record finds empty.

use core::alloc::{GlobalAlloc, Layout};

const HEAP: usize = 0x3_0000_0000;
/// The most that a transaction may ask for: nothing is ever given back.
const HEAP_LENGTH: usize = 256 * 1024;

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
pub fn reset() {
    // SAFETY: nothing allocated lives beyond the record it was allocated for.
    unsafe { (HEAP as *mut usize).write(HEAP + HEAP_LENGTH) };
}
