//! A chain that stays up: what its users and bots rely on, over its public addresses only.
mod chain;
mod deployment;
mod examples;
mod running;
mod signed;

use anyhow::{Context as _, Result};
use chain::{until, Chain};
use plimsoll::state::MarginAccount;
use plimsoll_client::{
    instructions as ix,
    transaction::{Version, NEWEST},
};
use plimsoll_localnet::node::Ports;
use running::Running;
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_rpc_client_api::request::RpcRequest;
use solana_signer::Signer as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_deposits_and_a_crash_is_liquidated() -> Result<()> {
    let chain = Chain::start().await?;
    a_stranger_deposits(&chain).await?;
    wrong_requests_are_refused(&chain).await?;
    a_crash_is_liquidated(&chain).await?;
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
    it_is_of_version_1(chain, &landed.signature.to_string()).await?;
    let recorded = until("the deposit in the history", || async {
        let events = chain
            .get(&format!("/history/v1/accounts/{account}/events"))
            .await?;
        let all = events.as_array().context("no list")?;
        let signature = json!(landed.signature.to_string());
        let found = all.iter().any(|event| event["signature"] == signature);
        Ok(found.then_some(()))
    });
    recorded.await
}

/// The chain has activated version 1, the client has seen it and used it, and whoever reads has to say that they know it.
async fn it_is_of_version_1(chain: &Chain, signature: &str) -> Result<()> {
    assert_eq!(chain.connection.version().await, Version::V1);
    let read = |newest: u8| async move {
        let config = json!({
            "commitment": "confirmed", "encoding": "base64",
            "maxSupportedTransactionVersion": newest,
        });
        let parameters = json!([signature, config]);
        let rpc = chain.connection.rpc();
        rpc.send::<Value>(RpcRequest::GetTransaction, parameters)
            .await
    };
    assert_eq!(read(NEWEST).await?["version"], 1);
    assert!(read(0).await.is_err(), "to a reader of version 0 at most");
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
    let sol = usize::from(chain.exchange.asset_named("SOL")?.index);
    let spot_before = chain.risk().await?.assets[sol].price.spot;
    let shock = json!({ "assets": "all", "percent": -22, "seconds": 5 });
    chain.post("/local/shock", &shock).await?;
    let during = chain.get("/local/status").await?;
    assert_eq!(
        (&during["scenario"], &during["running"]),
        (&json!("shock"), &json!(true))
    );
    let after = until("the end of the shock", || async {
        let status = chain.get("/local/status").await?;
        Ok((status["scenario"] == "calm").then_some(status))
    });
    let after = after.await?;
    let price = |status: &Value| status["prices"]["SOL"].as_f64().unwrap_or_default();
    let moved = price(&after) / price(&before) - 1.0;
    assert!((-0.24..-0.20).contains(&moved), "SOL moved by {moved}");

    // The chain's own prices follow, by the keeper.
    let arrived = until("prices on the chain", || async {
        let spot = chain.risk().await?.assets[sol].price.spot;
        let followed = spot as f64 / spot_before as f64 - 1.0;
        Ok(((followed - moved).abs() < 0.02).then_some(()))
    });
    arrived.await?;
    let liquidated = until("everybody's liquidation", || async {
        let left = chain.below_maintenance().await?;
        Ok(left.is_empty().then_some(()))
    });
    if let Err(error) = liquidated.await {
        let left = chain.below_maintenance().await?;
        return Err(error.context(format!("below the line or flagged: {left:?}")));
    }
    let recorded = until("a liquidation in the history", || async {
        let found = chain.get("/history/v1/liquidations?limit=5").await?;
        Ok((found != json!([])).then_some(()))
    });
    recorded.await?;
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
    let ports = Ports::free()?;
    let (rpc, ws) = (ports.rpc.to_string(), ports.ws.to_string());
    let arguments = ["--empty", "--no-history", "--no-app", "--port", "0"];
    let mut demo = Running::start(
        env!("CARGO_BIN_EXE_plimsoll-demo").as_ref(),
        &[&arguments[..], &["--rpc-port", &rpc, "--ws-port", &ws]].concat(),
    )?;
    demo.says("ready")?;
    demo.interrupt()?;
    let said = demo.end()?;
    assert!(said.success, "{said:?}");
    plimsoll_localnet::node::require_free(ports.rpc, "RPC", "")?;
    plimsoll_localnet::node::require_free(ports.ws, "WebSocket", "")
}
