//! `cargo xtask idl`: writes the program's interface file, or checks that the committed one is up to date.

use std::fs;

use anchor_lang_idl::build::IdlBuilder;
use anyhow::{bail, Context as _, Result};

use crate::{arguments, paths};

const HELP: &str = "\
Builds the interface file (IDL) that clients are generated from, without the Anchor CLI.

usage: cargo xtask idl [--check]

  --check   write nothing; fail when idl/plimsoll.json is not what the program says";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    let Some(check) = arguments::check(arguments, HELP)? else {
        return Ok(());
    };
    // The builder runs cargo with flags of its own, which would rebuild everything in the shared directory, and takes a
    // toolchain named in the environment for one to install.
    std::env::set_var("CARGO_TARGET_DIR", paths::target().join("idl-build"));
    std::env::remove_var("RUSTUP_TOOLCHAIN");
    let idl = IdlBuilder::new()
        .program_path(paths::root().join("programs/plimsoll"))
        .build()
        .context("the interface file could not be built; ANCHOR_LOG=1 shows more")?;
    let mut text = serde_json::to_string_pretty(&idl)?;
    text.push('\n');

    let path = paths::root().join("idl/plimsoll.json");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == text {
        println!(
            "idl/plimsoll.json is up to date: {} instructions",
            idl.instructions.len()
        );
    } else if check {
        bail!("idl/plimsoll.json is out of date: run `cargo xtask idl` and commit it");
    } else {
        fs::create_dir_all(paths::root().join("idl"))?;
        fs::write(&path, text)?;
        println!(
            "wrote idl/plimsoll.json: {} instructions",
            idl.instructions.len()
        );
    }
    // Where `anchor build` would leave it, for tools that look there.
    fs::create_dir_all(paths::target().join("idl"))?;
    fs::copy(&path, paths::target().join("idl/plimsoll.json"))
        .context("no idl/plimsoll.json yet")?;
    Ok(())
}
