//! The commands as a person types them: what they refuse, and that the results are written.

use std::path::PathBuf;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll-backtest"))
        .args(arguments)
        .output()
        .unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn refused(arguments: &[&str], told: &str) {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(told), "{said}");
}

#[test]
fn bad_input_is_refused_by_name() {
    let path = scratch("bad").join("prices.csv");
    let file = path.to_str().unwrap();
    refused(
        &["backtest", "--prices", "/nowhere.csv"],
        "cannot open the prices at /nowhere.csv",
    );
    std::fs::write(&path, "date,asset,open,high,low,close\n").unwrap();
    refused(
        &["estimate", "--prices", file],
        "no column quote_volume_usd",
    );
    std::fs::write(
        &path,
        "date,asset,open,high,low,close,quote_volume_usd\n2024-01-02,BTC,1,1,1,1,1\n2024-01-01,BTC,1,1,1,1,1\n",
    )
    .unwrap();
    refused(
        &["backtest", "--prices", file],
        "the dates of an asset must rise",
    );
    std::fs::write(
        &path,
        "date,asset,open,high,low,close,quote_volume_usd\n2024-01-01,BTC,1,1,1,1,1\n",
    )
    .unwrap();
    refused(
        &["backtest", "--prices", file],
        "there are no prices of ETH",
    );
    refused(
        &["estimate", "--assets", "FOO"],
        "there are no prices of FOO",
    );
    refused(
        &["estimate", "--as-of", "2020-01-01"],
        "2020-01-01 is not covered",
    );
    refused(&["estimate", "--as-of", "yesterday"], "not a date");
    refused(
        &["backtest", "--from", "2030-06-01", "--to", "2030-05-01"],
        "--from is after --to",
    );
    refused(&["backtest", "--window", "5"], "the window must have");
}

#[test]
fn an_estimate_is_json_and_a_backtest_leaves_its_results() {
    let output = run(&["estimate"]);
    assert!(output.status.success());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["underlyings"].as_array().unwrap().len(), 5);
    let directory = scratch("results");
    let page = directory.join("page.md");
    let places = "<!-- backtest table: begin -->\n<!-- backtest table: end -->\n\
                  <!-- backtest deciders: begin -->\n<!-- backtest deciders: end -->\n\
                  <!-- backtest sensitivities: begin -->\n<!-- backtest sensitivities: end -->\n";
    std::fs::write(&page, places).unwrap();
    let (out, page) = (directory.to_str().unwrap(), page.to_str().unwrap());
    let output = run(&[
        "backtest",
        "--from",
        "2030-09-01",
        "--to",
        "2030-10-31",
        "--out",
        out,
        "--page",
        page,
    ]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout)
        .unwrap()
        .contains("long BTC, short ETH"));
    for (name, told) in [
        ("backtest.csv", "\"long BTC\",full,2030-"),
        ("backtest.svg", "</svg>"),
        ("page.md", "| portfolio | model |"),
        ("page.md", "| k = 4 |"),
    ] {
        let text = std::fs::read_to_string(directory.join(name)).unwrap();
        assert!(text.contains(told), "{name}");
    }
}
