//! Digests of files, by which a build knows that nothing has changed.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A digest of files' names and contents; of a directory's, all files below it.
pub fn of(paths: &[&Path]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        for file in files(path)? {
            let bytes =
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            (&file, bytes).hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// The file, or all files below the directory, in order.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut below: Vec<PathBuf> = Vec::new();
    for entry in entries {
        below.push(entry?.path());
    }
    below.sort();
    let mut all = Vec::new();
    for path in below {
        all.extend(files(&path)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_a_file_below_a_directory() -> Result<()> {
        let root = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        fs::create_dir_all(root.join("deep"))?;
        fs::write(root.join("deep/file"), "one")?;
        let before = of(&[&root])?;
        assert_eq!(before, of(&[&root])?);
        fs::write(root.join("deep/file"), "two")?;
        assert_ne!(before, of(&[&root])?);
        fs::remove_dir_all(root)?;
        Ok(())
    }
}
