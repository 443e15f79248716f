//! A chain that stays up: what its users and bots rely on, over its public addresses only.
mod chain;

use anyhow::{Context as _, Result};
use chain::{below_maintenance, Chain};
use plimsoll::state::MarginAccount;
use plimsoll_client::instructions as ix;
use plimsoll_localnet::node::Ports;
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_signer::Signer as _;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_deposits_and_a_crash_is_liquidated() -> Result<()> {
    let chain = Chain::start(true).await?;
    a_stranger_deposits(&chain).await?;
    wrong_requests_are_refused(&chain).await?;
    a_crash_is_liquidated(&chain).await?;
    let history = chain.get("/history/v1/liquidations?limit=5").await?;
    let recorded = history.as_array().context("no list")?.len();
    assert!(recorded > 0, "the recorder saw no liquidation: {history}");
    let ports = chain.ports;
    chain.local.stop().await?;
    // Every port is free again, and at once.
    plimsoll_localnet::node::require_free(ports.rpc, "RPC", "")?;
    plimsoll_localnet::node::require_free(ports.ws, "WebSocket", "")?;
    Ok(())
}

/// With nothing but the directory and the faucet, a new owner funds a margin account.
async fn a_stranger_deposits(chain: &Chain) -> Result<()> {
    let owner = Keypair::new();
    let request =
        json!({ "owner": owner.pubkey().to_string(), "asset": "USDC", "amount": "2500.5" });
    let given = chain.post("/local/faucet", &request).await?;
    let from = given["account"].as_str().context("no account")?.parse()?;
    let (exchange, sender) = (&chain.exchange, chain.sender(&owner));
    let quote = exchange.quote()?;
    let account = exchange.refs.margin_account(&owner.pubkey(), 0);
    let instructions = [
        ix::create_margin_account(&exchange.refs, owner.pubkey(), owner.pubkey(), 0),
        ix::deposit(
            &exchange.refs,
            owner.pubkey(),
            account,
            &quote.refs,
            from,
            2_500_500_000,
        ),
    ];
    let landed = sender.send(&instructions, &[&owner]).await?;
    assert!(landed.slot > 0);
    let found = chain.connection.fetch::<MarginAccount>(&account).await?;
    assert_eq!(found.owner, owner.pubkey());
    Ok(())
}

/// Each with a sentence, and without effect.
async fn wrong_requests_are_refused(chain: &Chain) -> Result<()> {
    let owner = Keypair::new().pubkey().to_string();
    let cases = [
        (
            "/local/faucet",
            json!({ "owner": owner, "asset": "USDC", "amount": "2000000" }),
            "worth more",
        ),
        (
            "/local/faucet",
            json!({ "owner": owner, "asset": "DOGE", "amount": "1" }),
            "not listed",
        ),
        (
            "/local/faucet",
            json!({ "owner": "me", "asset": "USDC", "amount": "1" }),
            "not an address",
        ),
        (
            "/local/scenario",
            json!({ "name": "april-2031", "seconds": 5 }),
            "no scenario",
        ),
        (
            "/local/shock",
            json!({ "assets": "all", "percent": -100, "seconds": 5 }),
            "percent",
        ),
        ("/local/shock", json!({ "percent": -10 }), "assets"),
    ];
    for (path, body, reason) in cases {
        let (status, answer) = chain.ask(path, &body).await?;
        let said = answer["error"].as_str().unwrap_or_default();
        assert!((400..500).contains(&status), "{path} {body}: {status}");
        assert!(said.contains(reason), "{path} {body}: {said}");
    }
    Ok(())
}

/// Prices fall within seconds; whoever is below the maintenance line is liquidated, and all money is accounted for.
async fn a_crash_is_liquidated(chain: &Chain) -> Result<()> {
    let before = chain.get("/local/status").await?;
    assert_eq!(before["scenario"], "calm");
    let shock = json!({ "assets": "all", "percent": -22, "seconds": 3 });
    chain.post("/local/shock", &shock).await?;
    let during = chain.get("/local/status").await?;
    assert_eq!(
        (&during["scenario"], &during["running"]),
        (&json!("shock"), &json!(true))
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = chain.get("/local/status").await?;
    let price = |status: &Value| status["prices"]["SOL"].as_f64().unwrap_or_default();
    let moved = price(&after) / price(&before) - 1.0;
    assert!((-0.23..-0.21).contains(&moved), "SOL moved by {moved}");
    let mut left = Vec::new();
    for _ in 0..20 {
        left = below_maintenance(chain).await?;
        let found = chain.get("/history/v1/liquidations?limit=1").await?;
        if left.is_empty() && found != json!([]) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(left.is_empty(), "not liquidated: {left:?}");
    let conserved = chain.get("/local/conservation").await?;
    assert_eq!(conserved["holds"], true, "{conserved}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_with_its_flag() -> Result<()> {
    for (at, flag) in ["--rpc-port", "--ws-port", "--port"]
        .into_iter()
        .enumerate()
    {
        let mut options = chain::options(Ports::free()?, false);
        let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
        let port = taken.local_addr()?.port();
        match at {
            0 => options.ports.rpc = port,
            1 => options.ports.ws = port,
            _ => options.http_port = port,
        }
        let error = chain::refused(options).await.to_string();
        assert!(
            error.contains(flag) && error.contains(&port.to_string()),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn an_interrupt_ends_it_cleanly() -> Result<()> {
    use std::{
        io::BufRead,
        process::{Command, Stdio},
    };
    let ports = Ports::free()?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll-demo"))
        .args(["--empty", "--no-history", "--no-app", "--port", "0"])
        .args([
            "--rpc-port",
            &ports.rpc.to_string(),
            "--ws-port",
            &ports.ws.to_string(),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let said = std::io::BufReader::new(child.stderr.take().context("no output")?);
    let mut lines = said.lines();
    let ready = lines
        .by_ref()
        .any(|line| line.is_ok_and(|line| line.ends_with("ready")));
    assert!(ready, "it does not start");
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()?;
    assert!(kill.success());
    let rest: Vec<String> = lines.collect::<Result<_, _>>()?;
    assert!(child.wait()?.success(), "{rest:?}");
    plimsoll_localnet::node::require_free(ports.rpc, "RPC", "")?;
    plimsoll_localnet::node::require_free(ports.ws, "WebSocket", "")
}
