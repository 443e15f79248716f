//! The virtual machine that programs are compared in.

pub mod machine;
