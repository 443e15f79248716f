//! The symbols that `sbf-build` calls: operands in words, results of two words through a pointer.

use crate::{divide, multiply, Wide};

#[inline(always)]
unsafe fn put(out: *mut u64, value: Wide) {
    // SAFETY: the build passes a slot of 16 bytes.
    unsafe {
        out.write(value.0);
        out.add(1).write(value.1);
    }
}

macro_rules! product {
    ($name:ident, $function:path) => {
        #[no_mangle]
        unsafe extern "C" fn $name(out: *mut u64, a0: u64, a1: u64, b0: u64, b1: u64) -> u64 {
            let (value, overflow) = $function((a0, a1), (b0, b1));
            // SAFETY: as `put` requires.
            unsafe { put(out, value) };
            overflow as u64
        }
    };
}

macro_rules! quotient {
    ($name:ident, $function:path, $part:tt) => {
        #[no_mangle]
        unsafe extern "C" fn $name(out: *mut u64, a0: u64, a1: u64, b0: u64, b1: u64) {
            // SAFETY: as `put` requires.
            unsafe { put(out, $function((a0, a1), (b0, b1)).$part) };
        }
    };
}

product!(sbf_umulo128, multiply::unsigned);
product!(sbf_smulo128, multiply::signed);
quotient!(sbf_udiv128, divide::unsigned, 0);
quotient!(sbf_urem128, divide::unsigned, 1);
quotient!(sbf_sdiv128, divide::signed, 0);
quotient!(sbf_srem128, divide::signed, 1);
