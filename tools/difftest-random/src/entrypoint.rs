//! The program: applies a module to every record in its instruction data, in place.
//!
//! Instruction data: the module's number, the number of records, and the records, each [`INPUTS`] words to read and one
//! to write. The caller passes no accounts.

use crate::{heap, run, Inputs, INPUTS};

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
        let (module, count) = (words.add(2).read(), words.add(3).read());
        let mut record = words.add(4);
        for _ in 0..count {
            heap::reset();
            let Some(result) = run(module as usize, &*record.cast::<Inputs>()) else {
                return 2;
            };
            record.add(INPUTS).write(result);
            record = record.add(INPUTS + 1);
        }
    }
    0
}
