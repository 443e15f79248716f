//! Measures compute units of every hot instruction on the built program, and holds them to the committed table.
mod losses;
mod margin;
mod portfolio;
mod risk;
mod sampling;
mod table;
mod throughput;
mod trading;
mod winding_down;

use std::{path::Path, process::ExitCode};

use table::{Committed, Row};

const HELP: &str = "\
Measures the compute units of instructions on target/deploy/plimsoll.so.

usage: cargo xtask bench [options]

  --write    store the figures in bench/compute-units.json and bench/COMPUTE_UNITS.md, and docs/performance.md
  --check    fail when a row is more than 3 % above the stored figure
  -h, --help this text

The stored figures are those of the project's own build in tools/. The compiler of Solana's platform-tools makes
other code from the same source, so --check compares nothing when that built the program.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let known = ["--write", "--check", "-h", "--help", "--"];
    if has("-h") || has("--help") || !arguments.iter().all(|a| known.contains(&a.as_str())) {
        println!("{HELP}");
        return ExitCode::from(u8::from(!has("-h") && !has("--help")));
    }
    let committed = table::committed();
    let rows = measure().await;
    print!("{}", table::compared(&rows, &committed));
    if has("--write") {
        table::write(&rows);
        throughput::write(&rows);
    }
    if has("--check") {
        return check(&rows, &committed);
    }
    ExitCode::SUCCESS
}

/// Every row of the table.
async fn measure() -> Vec<Row> {
    let mut world = portfolio::World::new().await;
    let mut rows = trading::rows(&mut world).await;
    rows.extend(risk::rows(&mut world).await);
    rows.extend(sampling::rows(&mut portfolio::World::new().await).await);
    rows.extend(margin::rows(&mut portfolio::World::new().await).await);
    rows.extend(losses::rows().await);
    rows.extend(winding_down::rows().await);
    let size = std::fs::metadata(deployed("plimsoll.so"))
        .expect("the program")
        .len();
    rows.push(Row::new("size of the program, bytes", "", size, None));
    rows
}

fn check(rows: &[Row], committed: &Committed) -> ExitCode {
    if !is_own_build() {
        println!("\nNot built by tools/: nothing to compare with.");
        return ExitCode::SUCCESS;
    }
    let risen = table::risen(rows, committed);
    for row in &risen {
        eprintln!("risen by more than {} %: {row}", table::TOLERANCE_PERCENT);
    }
    ExitCode::from(u8::from(!risen.is_empty()))
}

/// Whether the build in `tools/` made the program: it writes a stamp after it, which another build leaves behind.
fn is_own_build() -> bool {
    let written = |file| std::fs::metadata(deployed(file)).and_then(|m| m.modified());
    let (program, stamp) = (written("plimsoll.so"), written("plimsoll.stamp"));
    stamp.is_ok_and(|stamp| program.is_ok_and(|program| program <= stamp))
}

fn deployed(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/deploy")
        .join(file)
}
