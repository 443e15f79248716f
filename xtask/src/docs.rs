//! `cargo xtask docs`: puts code into the guides, from the files in which tests run it.
//!
//! A guide names a region, `<!-- code: FILE REGION -->`, in front of a code block; the file marks it with a line that
//! ends in `docs: REGION` before and `docs: end` after it.

use std::fs;

use anyhow::{bail, Context as _, Result};

use crate::{arguments, paths};

const HELP: &str = "\
Writes the code blocks of docs/*.md from the files that they name, which tests compile and run.

usage: cargo xtask docs [--check]

  --check      write nothing; fail when a block is not what its file says
  -h, --help   this text";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    let Some(check) = arguments::check(arguments, HELP)? else {
        return Ok(());
    };
    let mut blocks = 0;
    for entry in fs::read_dir(paths::root().join("docs"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let (filled, count) = fill(&text, &|file| {
            fs::read_to_string(paths::root().join(file)).with_context(|| format!("no file {file}"))
        })
        .with_context(|| path.display().to_string())?;
        blocks += count;
        if filled != text && check {
            bail!(
                "{} is out of date: run `cargo xtask docs` and commit it",
                path.display()
            );
        }
        if filled != text {
            fs::write(&path, filled)?;
            println!("wrote {}", path.display());
        }
    }
    println!("docs: {blocks} code blocks are what their files say");
    Ok(())
}

/// A guide with its code blocks filled, and how many there are.
fn fill(guide: &str, read: &dyn Fn(&str) -> Result<String>) -> Result<(String, usize)> {
    let (mut out, mut count) = (String::new(), 0);
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some((file, name)) = marker(line) else {
            continue;
        };
        let fence = lines.next().unwrap_or_default();
        if !fence.starts_with("```") {
            bail!("no code block after {line}");
        }
        out.push_str(&format!("{fence}\n{}```\n", region(&read(file)?, name)?));
        if !lines.any(|line| line == "```") {
            bail!("the code block after {line} does not end");
        }
        count += 1;
    }
    Ok((out, count))
}

/// File and region that a line such as `<!-- code: FILE REGION -->` names.
fn marker(line: &str) -> Option<(&str, &str)> {
    let inside = line.strip_prefix("<!-- code: ")?.strip_suffix(" -->")?;
    inside.split_once(' ')
}

/// The lines of a region, moved to the left margin.
fn region(source: &str, name: &str) -> Result<String> {
    let start = format!("docs: {name}");
    let lines: Vec<&str> = source
        .lines()
        .skip_while(|line| !line.ends_with(&start))
        .skip(1)
        .take_while(|line| !line.ends_with("docs: end"))
        .collect();
    if lines.is_empty() {
        bail!("there is no region {name:?}");
    }
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let margin = filled.map(indent).min().unwrap_or(0);
    Ok(lines
        .iter()
        .map(|line| format!("{}\n", line.get(margin..).unwrap_or_default()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn main() {\n    // docs: sum\n    let a = 1;\n\n    if a > 0 {\n        b();\n    }\n    // docs: end\n}\n";

    fn read(_: &str) -> Result<String> {
        Ok(SOURCE.to_owned())
    }

    #[test]
    fn fills_a_block_from_its_region() {
        let guide = "Text.\n<!-- code: a.rs sum -->\n```rust\nold\n```\nMore.\n";
        let (filled, count) = fill(guide, &read).unwrap();
        let block = "```rust\nlet a = 1;\n\nif a > 0 {\n    b();\n}\n```\n";
        assert_eq!(
            filled,
            format!("Text.\n<!-- code: a.rs sum -->\n{block}More.\n")
        );
        assert_eq!(count, 1);
        assert_eq!(fill(&filled, &read).unwrap().0, filled);
    }

    #[test]
    fn refuses_what_it_cannot_fill() {
        for guide in [
            "<!-- code: a.rs other -->\n```rust\n```\n",
            "<!-- code: a.rs sum -->\nno block\n",
            "<!-- code: a.rs sum -->\n```rust\nnever ends\n",
        ] {
            assert!(fill(guide, &read).is_err(), "{guide}");
        }
    }
}
