//! Three rules for losses that nobody can pay: what each must hold in every history, and what sets them apart.

use plimsoll_backtest::shortfalls::{compare, markdown, report, run, History, Market, Rule};

const TRADERS: usize = 30;

fn money(market: &Market) -> i128 {
    let deposits: i128 = market
        .traders
        .iter()
        .map(|trader| i128::from(trader.deposit))
        .sum();
    deposits + i128::from(market.pool) - i128::from(market.insured)
}

#[test]
fn no_rule_makes_or_loses_money() {
    for seed in 0..12 {
        let history = History::draw(seed, TRADERS);
        for rule in Rule::ALL {
            let before = money(&Market::open(&history, rule).unwrap());
            let after = run(seed, TRADERS, rule).unwrap();
            assert_eq!(money(&after), before, "{rule:?} in {seed}");
            assert!(after.insured <= history.insurance);
        }
    }
}

#[test]
fn a_run_follows_from_its_seed() {
    let of = |seed| format!("{:?}", compare(seed, TRADERS).unwrap());
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
}

#[test]
fn in_proportion_nobody_gives_up_principal_and_equals_keep_nearly_the_same() {
    let mut found: Vec<_> = (0..24)
        .map(|seed| compare(seed, TRADERS).unwrap())
        .collect();
    found.retain(|[_, shared, _]| shared.uncollectable > 0.01);
    assert!(found.len() >= 5, "{} histories with a loss", found.len());
    let mean = |rule: usize, of: fn(&plimsoll_backtest::shortfalls::Measures) -> f64| {
        found.iter().map(|row| of(&row[rule])).sum::<f64>() / found.len() as f64
    };
    let [first_come, shared, ranked] = [0, 1, 2].map(|rule| mean(rule, |row| row.spread));
    assert!(
        shared < first_come && shared < ranked,
        "{first_come} {shared} {ranked}"
    );
    let haste = |rule| mean(rule, |row| row.first) - mean(rule, |row| row.last);
    assert!(haste(1) < haste(0), "{} {}", haste(1), haste(0));
    assert!(mean(1, |row| row.principal) < 0.01);
    assert_eq!(markdown(&found).lines().count(), 2 + Rule::ALL.len());
}

#[test]
fn when_every_loser_can_pay_every_rule_pays_in_full() {
    let paid = (0..24).map(|seed| compare(seed, TRADERS).unwrap());
    let mut seen = 0;
    for rows in paid.filter(|rows| rows.iter().all(|row| row.uncollectable == 0.0)) {
        seen += 1;
        for row in rows {
            assert!(row.worst < 1e-4 && row.principal < 1e-9, "{row:?}");
        }
    }
    assert!(seen > 0, "no history in which every loser can pay");
}

#[test]
fn the_command_prints_a_table_and_refuses_senseless_counts() {
    let run = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll-backtest"))
            .arg("shortfalls")
            .args(arguments)
            .output()
            .unwrap()
    };
    let output = run(&["--histories", "4", "--traders", "20", "--seed", "7"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("of 4 histories") && said.contains("| in proportion to profits |"));
    for refused in [["--histories", "0"], ["--traders", "5"]] {
        assert!(!run(&refused).status.success(), "{refused:?}");
    }
}

#[test]
fn the_guide_says_what_the_command_prints() {
    let guide = include_str!("../../../docs/shortfalls.md");
    let found: Vec<_> = (1..=200).map(|seed| compare(seed, 100).unwrap()).collect();
    let report = report(&found);
    assert!(report.lines().count() > 5);
    for line in report.lines() {
        assert!(guide.contains(line), "missing: {line}");
    }
}
