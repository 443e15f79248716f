//! Where things are in the checkout.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The directory that everything built goes to.
pub fn target() -> PathBuf {
    root().join("target")
}

/// The crates of the on-chain build.
pub fn tools() -> PathBuf {
    root().join("tools")
}
