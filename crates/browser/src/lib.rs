//! Health and previews for the browser: the program's own code, compiled to WebAssembly.
//!
//! The module is called by name: [`call::call`] takes the name of a question and its input, and answers in JSON. An
//! input is a list of parts, the first of them JSON, the others bytes of accounts, which the JSON names by their number
//! in the list. 64-bit integers are decimal strings on both sides, because JavaScript's numbers hold 53 bits.
//!
//! - [`call`]: the exported functions and the table of questions;
//! - [`input`], [`output`]: parts and JSON in, JSON out;
//! - [`questions`], [`doubt`], [`orders`], [`funds`]: health, stress, prices in doubt and previews;
//! - [`schema`], [`accounts`], [`events`]: accounts and events by the program's interface file.
pub mod accounts;
pub mod call;
pub mod doubt;
pub mod events;
pub mod funds;
pub mod input;
pub mod orders;
pub mod output;
pub mod questions;
pub mod schema;
