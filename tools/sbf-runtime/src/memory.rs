//! The C memory routines, on the machine's syscalls.

extern "C" {
    fn sol_memcmp_(a: *const u8, b: *const u8, n: u64, result: *mut i32);
    fn sol_memmove_(to: *mut u8, from: *const u8, n: u64);
    fn sol_memset_(to: *mut u8, value: u8, n: u64);
}

/// Up to here comparing words costs less than the syscall.
const COMPARE_LIMIT: u64 = 32;

/// The order of two words as their bytes in memory order them: a little-endian word's first byte is its lowest.
#[inline(always)]
fn order(a: u64, b: u64) -> i32 {
    if a.swap_bytes() < b.swap_bytes() {
        -1
    } else {
        1
    }
}

#[no_mangle]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: u64) -> i32 {
    // SAFETY: the caller vouches for `n` bytes at both places, and no read goes beyond.
    unsafe {
        if n > COMPARE_LIMIT {
            let mut result = 0;
            sol_memcmp_(a, b, n, &mut result);
            return result;
        }
        let mut at = 0;
        while at + 8 <= n {
            let x = a.add(at as usize).cast::<u64>().read_unaligned();
            let y = b.add(at as usize).cast::<u64>().read_unaligned();
            if x != y {
                return order(x, y);
            }
            at += 8;
        }
        while at < n {
            let (x, y) = (a.add(at as usize).read(), b.add(at as usize).read());
            if x != y {
                return x as i32 - y as i32;
            }
            at += 1;
        }
    }
    0
}

#[no_mangle]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: u64) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, n) }
}

#[no_mangle]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: u64) -> *mut u8 {
    // SAFETY: the caller vouches for `n` bytes at both places. `sol_memcpy_` would refuse equal places.
    unsafe { sol_memmove_(to, from, n) };
    to
}

#[no_mangle]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: u64) -> *mut u8 {
    // SAFETY: the caller vouches for `n` bytes at both places.
    unsafe { sol_memmove_(to, from, n) };
    to
}

#[no_mangle]
unsafe extern "C" fn memset(to: *mut u8, value: i32, n: u64) -> *mut u8 {
    // SAFETY: the caller vouches for `n` bytes.
    unsafe { sol_memset_(to, value as u8, n) };
    to
}
