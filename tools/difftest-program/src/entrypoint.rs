//! The program: applies an operation to every record in its instruction data, in place.
//!
//! Instruction data: the operation's number, the number of records, and the records, each [`INPUTS`] words to read
//! and [`OUTPUTS`] words to write. The caller passes no accounts.

use crate::{descend, heap, operation, Inputs, Outputs, DESCENT, INPUTS, OUTPUTS, OVERFLOW};

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
        let mut record = words.add(4);
        if number == DESCENT {
            let outputs = &mut *record.add(INPUTS).cast::<Outputs>();
            descend(count, &*record.cast::<Inputs>(), outputs);
            return 0;
        }
        let Some(operation) = operation(number as usize) else {
            return 2;
        };
        for _ in 0..count {
            heap::reset();
            operation(
                &*record.cast::<Inputs>(),
                &mut *record.add(INPUTS).cast::<Outputs>(),
            );
            record = record.add(INPUTS + OUTPUTS);
        }
    }
    0
}
