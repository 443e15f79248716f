//! The system allocator of a Solana program: hands out its 32 KB heap from the top down and takes nothing back.
//!
//! The heap's first word, which the loader zeroes, holds the lowest address handed out: a program has no writable
//! static data to keep it in. Programs that install an allocator of their own, as entry point macros do, replace it.

use crate::alloc::{GlobalAlloc, Layout, System};
use crate::ptr;

const START: usize = 0x3_0000_0000;
const LENGTH: usize = 32 * 1024;

#[stable(feature = "alloc_system_type", since = "1.28.0")]
unsafe impl GlobalAlloc for System {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let lowest = START as *mut usize;
        // SAFETY: the loader maps the heap there for every program, and one thread runs it.
        unsafe {
            let top = if *lowest == 0 { START + LENGTH } else { *lowest };
            let address = top.saturating_sub(layout.size()) & !(layout.align() - 1);
            if address < START + size_of::<usize>() {
                return ptr::null_mut();
            }
            *lowest = address;
            address as *mut u8
        }
    }

    #[inline]
    unsafe fn dealloc(&self, _ptr: *mut u8, _layout: Layout) {}

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract is the same.
        unsafe { super::realloc_fallback(self, ptr, layout, new_size) }
    }
}
