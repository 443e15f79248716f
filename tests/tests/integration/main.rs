//! Integration tests on the built program, one binary so that the bank is linked once.
mod accounts;
mod fees;
mod mints;
mod modes;
mod operators;
mod oracles;
mod setup;
mod timelock;
