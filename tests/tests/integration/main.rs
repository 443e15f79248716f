//! Integration tests on the built program, one binary so that the bank is linked once.
mod setup;
