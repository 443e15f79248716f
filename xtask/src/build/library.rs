//! A copy of Rust's library source that knows the `solana` operating system.
//!
//! Upstream's `std` has no allocator, error module or thread-local storage for it. The patch adds those, from the
//! files in `tools/std`, gives hash maps fixed keys, sorting a smaller buffer and errors no backtraces; the rest falls back to
//! `std`'s "unsupported" parts.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _, Result};

use super::toolchain::Toolchain;
use crate::paths;

/// One change: in `file`, `find` becomes `replace`, wherever it stands.
struct Edit {
    file: &'static str,
    find: &'static str,
    replace: &'static str,
}

/// Changed when the patch changes, so that an older copy is made anew.
const EDITS: [Edit; 11] = [
    Edit {
        file: "std/build.rs",
        find: "        || target_os == \"zkvm\"\n",
        replace: "        || target_os == \"zkvm\"\n        || target_os == \"solana\"\n",
    },
    Edit {
        file: "std/src/sys/alloc/mod.rs",
        find: "    target_arch = \"x86\",\n",
        replace: "    target_arch = \"bpf\",\n    target_arch = \"x86\",\n",
    },
    Edit {
        file: "std/src/sys/alloc/mod.rs",
        find: "    target_os = \"zkvm\" => {\n",
        replace: "    target_os = \"solana\" => {\n        mod solana;\n    }\n    target_os = \"zkvm\" => {\n",
    },
    Edit {
        file: "std/src/sys/io/error/mod.rs",
        find: "        target_os = \"zkvm\",\n",
        replace: "        target_os = \"zkvm\",\n        target_os = \"solana\",\n",
    },
    Edit {
        file: "std/src/sys/thread_local/mod.rs",
        find: "target_os = \"zkvm\",\n",
        replace: "target_os = \"zkvm\",\n        target_os = \"solana\",\n",
    },
    Edit {
        file: "std/src/sys/random/mod.rs",
        find: "    target_os = \"zkvm\" => {\n",
        replace: "    target_os = \"solana\" => {\n        mod solana;\n        pub use solana::{fill_bytes, hashmap_random_keys};\n    }\n    target_os = \"zkvm\" => {\n",
    },
    Edit {
        file: "std/src/sys/random/mod.rs",
        find: "    target_os = \"vexos\",\n)))]",
        replace: "    target_os = \"vexos\",\n    target_os = \"solana\",\n)))]",
    },
    // Its buffer on the stack would take the whole frame of a function that sorts.
    Edit {
        file: "core/src/slice/sort/stable/mod.rs",
        find: "AlignedStorage::<T, 4096>::new()",
        replace: "AlignedStorage::<T, 1024>::new()",
    },
    // The keys are kept in a thread-local otherwise, which would be writable static data.
    Edit {
        file: "std/src/hash/random.rs",
        find: "        thread_local!(static KEYS",
        replace: "        if cfg!(target_os = \"solana\") {\n            let (k0, k1) = hashmap_random_keys();\n            return RandomState { k0, k1 };\n        }\n        thread_local!(static KEYS",
    },
    Edit {
        file: "std/src/hash/random.rs",
        find: "        KEYS.with(|keys| {",
        replace: "        #[allow(unreachable_code)]\n        KEYS.with(|keys| {",
    },
    // Whether errors capture backtraces is kept in writable static data. There is nothing to capture.
    Edit {
        file: "std/src/backtrace.rs",
        find: "        static ENABLED: ",
        replace: "        if cfg!(target_os = \"solana\") {\n            return false;\n        }\n        static ENABLED: ",
    },
];

/// Makes the patched copy where it is missing or outdated, and returns its directory.
pub fn prepare(toolchain: &Toolchain) -> Result<PathBuf> {
    let copy = paths::target().join("tools/std");
    let mark = copy.join("patched");
    let wanted = identity(toolchain)?;
    if fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        return Ok(copy);
    }
    if copy.exists() {
        fs::remove_dir_all(&copy).with_context(|| format!("cannot remove {}", copy.display()))?;
    }
    copy_tree(&toolchain.library, &copy)?;
    for edit in &EDITS {
        apply(&copy, edit)?;
    }
    for (part, file) in NEW_FILES {
        let from = paths::tools().join("std").join(part);
        fs::copy(&from, copy.join(file))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))?;
    Ok(copy)
}

/// Files of `tools/std`, and where they go.
const NEW_FILES: [(&str, &str); 2] = [
    ("alloc.rs", "std/src/sys/alloc/solana.rs"),
    ("random.rs", "std/src/sys/random/solana.rs"),
];

/// Text that differs whenever the copy would.
fn identity(toolchain: &Toolchain) -> Result<String> {
    let mut text = format!("{}\n", toolchain.version);
    for edit in &EDITS {
        text += &format!("{}\n{}\n{}\n", edit.file, edit.find, edit.replace);
    }
    for (part, _) in NEW_FILES {
        let path = paths::tools().join("std").join(part);
        text += &fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(text)
}

fn apply(copy: &Path, edit: &Edit) -> Result<()> {
    let path = copy.join(edit.file);
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if !text.contains(edit.find) {
        bail!(
            "the library source is not what the patch was made for: {} lacks {:?}",
            edit.file,
            edit.find
        );
    }
    fs::write(&path, text.replace(edit.find, edit.replace))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        // Follows links: distributions link parts of the source.
        if source.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            fs::copy(&source, &target)
                .with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}
