//! The Rust client's examples, run as its reader would run them.
use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{ensure, Context as _, Result};
use plimsoll::state::MarginAccount;
use plimsoll_client::{
    health::{self, HealthLines},
    report::RiskReport,
};
use solana_keypair::read_keypair_file;
use solana_signer::Signer as _;

use crate::{
    chain::Chain,
    running::{Ended, Running},
};

/// A directory for a wallet's key, deleted in the end.
struct Wallet(PathBuf);

impl Wallet {
    fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("plimsoll-examples-{}-{count}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory)?;
        Ok(Self(directory))
    }

    fn key(&self) -> PathBuf {
        self.0.join("wallet.json")
    }
}

impl Drop for Wallet {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Someone at the examples' command line.
struct Reader<'a> {
    chain: &'a Chain,
    wallet: Wallet,
}

impl Reader<'_> {
    /// Runs an example to its end.
    fn run(&self, example: &str, arguments: &[&str]) -> Result<Ended> {
        // Cargo builds this package's examples before it runs its tests, and puts them beside them.
        let test = std::env::current_exe()?;
        let target = test.ancestors().nth(2).context("no target directory")?;
        let program = target.join("examples").join(format!("client_{example}"));
        let key = self.wallet.key();
        let directory = format!("{}/exchange.json", self.chain.local.url());
        let key = key.to_str().context("an odd path")?;
        let who = ["--directory", &directory, "--keypair", key];
        let running = Running::start(&program, &[&who[..], arguments].concat());
        running
            .context("without it: cargo build -p plimsoll-localnet --examples")?
            .end()
    }

    /// What a successful example says.
    fn outcome(&self, example: &str, arguments: &[&str]) -> Result<Vec<String>> {
        let ended = self.run(example, arguments)?;
        ensure!(ended.success, "{example} {arguments:?}: {:?}", ended.said);
        Ok(ended.said)
    }

    /// What an example says that fails.
    fn refusal(&self, example: &str, arguments: &[&str]) -> Result<String> {
        let ended = self.run(example, arguments)?;
        ensure!(!ended.success, "{example} {arguments:?}: {:?}", ended.said);
        Ok(ended.said.join("\n"))
    }

    /// The reader's account as the chain has it.
    async fn health(&self) -> Result<HealthLines> {
        let owner = read_keypair_file(self.wallet.key()).map_err(|e| anyhow::anyhow!("{e}"))?;
        let refs = &self.chain.exchange.refs;
        let address = refs.margin_account(&owner.pubkey(), 0);
        let found = &self.chain.connection;
        let account = found.fetch::<MarginAccount>(&address).await?;
        let clock = found.clock().await?.sysvar();
        let risk = self.chain.risk().await?;
        Ok(health::lines(&risk, &account, &clock)?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_examples_do_what_they_say() -> Result<()> {
    let chain = Chain::start().await?;
    let wallet = Wallet::new()?;
    let reader = Reader {
        chain: &chain,
        wallet,
    };
    deposits(&reader).await?;
    trades(&reader).await?;
    watches(&reader).await?;
    reports(&reader).await?;
    chain.local.stop().await
}

/// The first deposit opens the account, the second finds it.
async fn deposits(reader: &Reader<'_>) -> Result<()> {
    for (asset, amount) in [("USDC", "5000"), ("SOL", "1.25")] {
        let arguments = ["--asset", asset, "--amount", amount];
        let said = reader.outcome("open_and_deposit", &arguments)?;
        let first = said.first().context("it says nothing")?;
        assert!(
            first.starts_with(&format!("deposited {amount} {asset} into ")),
            "{said:?}"
        );
        assert!(said[1].starts_with("transaction "), "{said:?}");
    }
    // Interest is earned from the first second on, and a deposit is rounded down by less than a unit.
    let balances = reader.health().await?.balances;
    let held: Vec<_> = balances.iter().map(|part| part.native as f64).collect();
    let near = |held: f64, deposited: f64| (held / deposited - 1.0).abs() < 1e-6;
    assert!(
        matches!(held[..], [usdc, sol] if near(usdc, 5e9) && near(sol, 1.25e9)),
        "{held:?}"
    );

    let refused = reader.refusal("open_and_deposit", &["--asset", "DOGE"])?;
    assert_eq!(refused, "Error: the directory lists no asset DOGE");
    let usage = reader.refusal("open_and_deposit", &["--asset"])?;
    assert!(usage.contains("[--amount 1000]"), "{usage}");
    Ok(())
}

/// An order at market opens a position of its size; what the account cannot bear, or nobody would want, is refused.
async fn trades(reader: &Reader<'_>) -> Result<()> {
    let said = reader.outcome("place_order", &["--side", "buy", "--size", "2"])?;
    let fills = said.iter().filter_map(|line| line.strip_prefix("  "));
    let fills = fills.map(|fill| Ok(fill.split(' ').next().unwrap_or_default().parse::<f64>()?));
    let bought: f64 = fills.collect::<Result<Vec<_>>>()?.iter().sum();
    assert!((bought - 2.0).abs() < 1e-9, "{said:?}");

    let market = reader.chain.exchange.market_named("SOL-PERP")?;
    let perps = reader.health().await?.perps;
    let sizes: Vec<_> = perps
        .iter()
        .map(|part| (part.market, part.position as f64 * market.base_per_lot()))
        .collect();
    assert!(
        matches!(sizes[..], [(index, size)] if index == market.index && (size - 2.0).abs() < 1e-9),
        "{sizes:?}"
    );

    let cases: [(&[&str], &str); 3] = [
        (
            &["--side", "sell", "--size", "5000"],
            "place_order refused: InsufficientHealth: Initial health would be negative",
        ),
        (
            &["--size", "1", "--limit", "1"],
            "place_order refused: PriceOutOfBand: ",
        ),
        (&["--market", "DOGE-PERP"], "no market DOGE-PERP"),
    ];
    for (arguments, reason) in cases {
        let refused = reader.refusal("place_order", arguments)?;
        assert!(refused.contains(reason), "{arguments:?}: {refused}");
    }
    Ok(())
}

/// Three states of the account's health, no two in a row the same, near what it is now.
async fn watches(reader: &Reader<'_>) -> Result<()> {
    let said = reader.outcome("watch_health", &["--times", "3"])?;
    assert_eq!(said.len(), 4, "{said:?}");
    let heading: Vec<_> = said[0].split_whitespace().collect();
    assert_eq!(heading, ["equity", "initial", "maintenance"]);
    let lines = said[1..].iter().map(|line| {
        let numbers = line.split_whitespace().map(|number| Ok(number.parse()?));
        numbers.collect::<Result<Vec<f64>>>()
    });
    let lines = lines.collect::<Result<Vec<_>>>()?;
    for line in &lines {
        let [equity, init, maintenance] = line[..] else {
            anyhow::bail!("{said:?}");
        };
        assert!(init < maintenance && maintenance < equity, "{said:?}");
    }
    assert!(lines.windows(2).all(|pair| pair[0] != pair[1]), "{said:?}");
    let now = reader.health().await?.equity as f64 / 1e6;
    assert!(
        (lines[2][0] / now - 1.0).abs() < 0.02,
        "{said:?}, now {now}"
    );
    Ok(())
}

/// The risk report as JSON, the same by the example and over HTTP but for what happened in between.
async fn reports(reader: &Reader<'_>) -> Result<()> {
    let said = reader.outcome("risk_report", &[])?.join("\n");
    let report: RiskReport = serde_json::from_str(&said)?;
    assert_eq!(report.version, plimsoll_client::report::VERSION);
    let names: Vec<_> = report.balances.iter().map(|part| &part.name[..]).collect();
    assert_eq!(names, ["USDC", "SOL"]);
    assert_eq!(report.perps[0].name, "SOL-PERP");
    let sol = report.underlyings.iter().find(|one| one.markets == [0]);
    let sol = sol.context("what SOL-PERP follows")?;
    assert!(sol.delta.low.0 > 0 && !sol.liquidation.crossed, "{sol:?}");
    let refused = reader.refusal("risk_report", &["--mode", "cross"])?;
    assert!(refused.contains("standard or portfolio"), "{refused}");

    let url = format!("{}/history/v1/accounts", reader.chain.local.url());
    let answer = reqwest::get(format!("{url}/{}/risk", report.account)).await?;
    assert_eq!(answer.status(), 200);
    let served: RiskReport = answer.json().await?;
    assert_eq!((served.account, served.mode), (report.account, report.mode));
    let missing = reqwest::get(format!("{url}/{}/risk", report.exchange)).await?;
    assert_eq!(missing.status(), 404);
    let wrong = reqwest::get(format!("{url}/nobody/risk")).await?;
    assert_eq!(wrong.status(), 400);
    Ok(())
}
