//! The exported functions: memory, calls by name, and what a panic said.
//!
//! Everything runs on one thread. A panic traps and leaves the module unusable; the caller reads [`last_panic`] and
//! makes a new instance.
use std::{
    alloc::{alloc as take, dealloc as give_back, Layout},
    sync::{Mutex, Once, PoisonError},
};

use crate::{
    accounts, doubt, events, funds,
    input::Parts,
    orders,
    output::{failed, Answer},
    questions,
};

/// Alignment of every buffer, so that account bytes may be read in place.
const ALIGN: usize = 8;
/// Bytes of the length in front of an answer.
const LENGTH: usize = 4;

type Question = fn(&Parts) -> Answer;

/// Every question, by name.
const QUESTIONS: &[(&str, Question)] = &[
    ("health", questions::health),
    ("risk_report", questions::risk_report),
    ("preview_order", orders::preview_order),
    ("preview_cancel", orders::preview_cancel),
    ("preview_deposit", funds::preview_deposit),
    ("preview_withdraw", funds::preview_withdraw),
    ("max_order", orders::max_order),
    ("max_withdraw", funds::max_withdraw),
    ("liquidation_prices", questions::liquidation_prices),
    ("stress", questions::stress),
    ("prices_in_doubt", doubt::prices_in_doubt),
    ("describe_error", questions::describe_error),
    ("events", events::events),
    ("decode_margin_account", accounts::margin_account),
    ("decode_risk_state", accounts::risk_state),
    ("decode_market", accounts::market),
    ("decode_bank", accounts::bank),
    ("decode_book", accounts::book),
    ("decode_fill_queue", accounts::fill_queue),
    ("decode_exchange", accounts::exchange),
    ("decode_pending_change", accounts::pending_change),
];

/// Answers a question, in JSON: what was asked for, or `{"error": {"code", "name", "message"}}`.
pub fn ask(name: &str, input: &[u8]) -> Vec<u8> {
    let Some((_, question)) = QUESTIONS.iter().find(|(known, _)| *known == name) else {
        return failed(&format!("no question is called {name}"));
    };
    match Parts::read(input) {
        Ok(parts) => question(&parts).unwrap_or_else(|failure| failure.into_json()),
        Err(problem) => failed(&problem),
    }
}

/// A buffer of `len` bytes, or null.
#[cfg_attr(target_family = "wasm", no_mangle)]
pub extern "C" fn alloc(len: usize) -> *mut u8 {
    match Layout::from_size_align(len.max(1), ALIGN) {
        // SAFETY: the layout has a size.
        Ok(layout) => unsafe { take(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// Frees a buffer of [`alloc`], or an answer: `len` is then that of its text and four more.
///
/// # Safety
/// `pointer` must come from this module with this length, and not have been freed.
#[cfg_attr(target_family = "wasm", no_mangle)]
pub unsafe extern "C" fn dealloc(pointer: *mut u8, len: usize) {
    if let (false, Ok(layout)) = (
        pointer.is_null(),
        Layout::from_size_align(len.max(1), ALIGN),
    ) {
        // SAFETY: by the caller's promise, `alloc` made it with the same layout.
        unsafe { give_back(pointer, layout) }
    }
}

/// Answers the question of a name. The answer is a length of four bytes, little endian, and that many bytes of JSON; it
/// is the caller's to free. Null when there is no memory for it.
///
/// # Safety
/// Both buffers must be readable for their lengths.
#[cfg_attr(target_family = "wasm", no_mangle)]
pub unsafe extern "C" fn call(
    name: *const u8,
    name_len: usize,
    input: *const u8,
    input_len: usize,
) -> *mut u8 {
    note_panics();
    // SAFETY: by the caller's promise.
    let (name, input) = unsafe {
        (
            std::slice::from_raw_parts(name, name_len),
            std::slice::from_raw_parts(input, input_len),
        )
    };
    let json = ask(&String::from_utf8_lossy(name), input);
    deliver(&json)
}

/// Text of the last panic, as an answer; null when there was none. Readable even after the trap.
#[cfg_attr(target_family = "wasm", no_mangle)]
pub extern "C" fn last_panic() -> *mut u8 {
    let said = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    if said.is_empty() {
        return std::ptr::null_mut();
    }
    deliver(said.as_bytes())
}

static PANIC: Mutex<String> = Mutex::new(String::new());

fn note_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            if let Ok(mut said) = PANIC.lock() {
                *said = info.to_string();
            }
        }));
    });
}

/// Copies an answer into a buffer of the caller's.
fn deliver(json: &[u8]) -> *mut u8 {
    let Ok(len) = u32::try_from(json.len()) else {
        return std::ptr::null_mut();
    };
    let pointer = alloc(json.len().saturating_add(LENGTH));
    if pointer.is_null() {
        return pointer;
    }
    // SAFETY: the buffer has room for the length and the text, and nobody else knows of it yet.
    unsafe {
        pointer.copy_from_nonoverlapping(len.to_le_bytes().as_ptr(), LENGTH);
        pointer
            .add(LENGTH)
            .copy_from_nonoverlapping(json.as_ptr(), json.len());
    }
    pointer
}
