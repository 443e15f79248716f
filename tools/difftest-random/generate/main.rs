//! Writes the random modules that the crate is made of. The same seed writes the same modules for the chain and for
//! the host.

mod expressions;
mod functions;
mod module;
mod random;
mod statements;
mod types;

use std::fmt::Write;

use random::Random;

/// The variable that holds the seed.
const SEED: &str = "DIFFTEST_SEED";
/// Modules of one program.
const MODULES: usize = 50;

fn main() {
    println!("cargo:rerun-if-changed=generate");
    println!("cargo:rerun-if-env-changed={SEED}");
    let seed = std::env::var(SEED).unwrap_or_else(|_| "1".to_owned());
    let seed: u64 = seed.parse().expect("the seed is a number");
    let mut random = Random(seed.wrapping_mul(0xd134_2543_de82_ef95));
    let mut text = String::new();
    for number in 0..MODULES {
        text += &module::write(number, Random(random.word()));
    }
    let _ = writeln!(text, "pub const SEED: u64 = {seed};");
    let _ = writeln!(
        text,
        "pub static ENTRIES: [fn(&[u64; 6]) -> u64; {MODULES}] = ["
    );
    for number in 0..MODULES {
        let _ = writeln!(text, "    m{number}::entry,");
    }
    text += "];\n";
    let directory = std::env::var("OUT_DIR").expect("cargo tells where to write");
    std::fs::write(format!("{directory}/modules.rs"), text).expect("the modules can be written");
}
