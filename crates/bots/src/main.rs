//! `plimsoll-bots`.
fn main() {}
