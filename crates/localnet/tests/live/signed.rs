//! Who signs the prices is silent, late or lying: what the chain takes, what it shows, and whom it leaves alone.
use anyhow::{Context as _, Result};
use plimsoll::{error::PlimsollError, events::RefreshSkipped, state::feed::NO_FEED};
use plimsoll_client::{
    errors, events,
    pro::{Behaviour, Carried, LocalSigner, ProSource},
    rpc::SendError,
};
use plimsoll_localnet::feeds::trust;
use serde_json::json;
use solana_keypair::Keypair;
use solana_signer::Signer as _;

use crate::chain::{until, Chain};

/// Longer than trades allow of a signed price, microseconds.
const TOO_LATE: u64 = 15_000_000;
/// So many times its prices, a signer's confidence interval is too wide for them.
const TOO_LOW: f64 = 0.002;

/// What became of a message that anybody carried: what it left as it was, and why, or why all of it was refused.
async fn carry(chain: &Chain, signer: &LocalSigner) -> Result<Vec<(u8, String)>> {
    let payer = Keypair::new();
    let to = payer.pubkey().to_string();
    let fees = json!({ "owner": to, "asset": "USDC", "amount": "1" });
    chain.post("/local/faucet", &fees).await?;
    let sender = chain.sender(&payer);
    let (risk, clock) = (chain.risk().await?, chain.connection.clock().await?);
    let now_us = u64::try_from(clock.unix_time)? * 1_000_000;
    let numbers = plimsoll_client::pro::subscriptions(&risk);
    let numbers = numbers.first().context("no feed is signed")?;
    let message = signer.newest(numbers, now_us).context("it is silent")?;
    let carried = Carried::of(message, &risk, clock);
    let before = sender.version().await.preceding();
    let pair = carried.refresh(&chain.exchange.refs, &[], before);
    match sender.send(&pair, &[]).await {
        Ok(landed) => {
            let skipped = events::of_kind::<RefreshSkipped>(&landed.logs);
            let named = skipped.into_iter().map(|event| {
                let reason = errors::from_code(event.reason).map(|refusal| refusal.name());
                Ok((event.feed, reason.context("no reason of the program's")?))
            });
            named.collect()
        }
        Err(SendError::Refused(refused)) => {
            let refusal = refused.refusal().context("not the program's refusal")?;
            Ok(vec![(NO_FEED, refusal.name())])
        }
        Err(error) => Err(error.into()),
    }
}

/// Publish times of all feeds, Unix milliseconds.
async fn published(chain: &Chain) -> Result<Vec<i64>> {
    let risk = chain.risk().await?;
    let feeds = risk.feeds.iter().take(risk.feed_count.into());
    Ok(feeds.map(|feed| feed.price.published_ms).collect())
}

/// Feeds whose prices trades refuse, by name.
async fn stale(chain: &Chain) -> Result<Vec<String>> {
    let (risk, clock) = (chain.risk().await?, chain.connection.clock().await?);
    let now_ms = clock.unix_time * 1_000;
    let listed = chain.exchange.feeds.iter().zip(&risk.feeds);
    let refused = listed
        .filter(|(_, feed)| feed.price.is_silent(now_ms, &feed.limits) || feed.price.flags() != 0);
    Ok(refused.map(|(listed, _)| listed.name.clone()).collect())
}

async fn all_fresh(chain: &Chain) -> Result<()> {
    let fresh = until("fresh prices", || async {
        Ok(stale(chain).await?.is_empty().then_some(()))
    });
    fresh.await
}

async fn liquidations(chain: &Chain) -> Result<usize> {
    let found = chain.get("/history/v1/liquidations?limit=500").await?;
    Ok(found.as_array().context("no list")?.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_that_fails_changes_no_price_and_nobody_is_liquidated_for_it() -> Result<()> {
    let chain = Chain::start().await?;
    let signer = chain.local.shared().world.feeds.signer.clone();
    all_fresh(&chain).await?;
    assert_eq!(carry(&chain, &signer).await?, []);
    silent(&chain, &signer).await?;
    late(&chain, &signer).await?;
    untrusted(&chain).await?;
    out_of_bounds(&chain, &signer).await?;
    // Honest again, it is believed at once, also in a crash.
    signer.behave(Behaviour::Honest);
    all_fresh(&chain).await?;
    let conserved = chain.get("/local/conservation").await?;
    assert_eq!(conserved["holds"], true, "{conserved}");
    chain.local.stop().await
}

/// Feeds age and are in doubt; the one that has a fallback lives on it; a crash meanwhile liquidates nobody at a price that
/// nobody knows; and afterwards everything is as it was.
async fn silent(chain: &Chain, signer: &LocalSigner) -> Result<()> {
    let before = liquidations(chain).await?;
    signer.behave(Behaviour::Silent);
    // A fallback's price is no full one, but it is a price of now.
    let alone = until("silence", || async {
        let (risk, clock) = (chain.risk().await?, chain.connection.clock().await?);
        let now_ms = clock.unix_time * 1_000;
        let listed = chain.exchange.feeds.iter().zip(&risk.feeds);
        let speaks = listed.filter(|(_, feed)| !feed.price.is_silent(now_ms, &feed.limits));
        let names: Vec<&str> = speaks.map(|(listed, _)| listed.name.as_str()).collect();
        Ok((names == ["BTC"]).then_some(()))
    });
    alone
        .await
        .context("all but bitcoin, which has a fallback")?;
    // There and back again, unheard.
    for percent in [-22.0, 100.0 / 0.78 - 100.0] {
        let shock = json!({ "assets": ["SOL", "ETH", "lstSOL"], "percent": percent, "seconds": 2 });
        chain.post("/local/shock", &shock).await?;
        let over = until("the end of the shock", || async {
            let status = chain.get("/local/status").await?;
            Ok((status["scenario"] == "calm").then_some(()))
        });
        over.await?;
    }
    assert_eq!(liquidations(chain).await?, before, "at prices in doubt");
    signer.behave(Behaviour::Honest);
    all_fresh(chain).await?;
    assert_eq!(
        liquidations(chain).await?,
        before,
        "at prices that are back"
    );
    Ok(())
}

/// A message older than the age is refused for each feed by its name.
async fn late(chain: &Chain, signer: &LocalSigner) -> Result<()> {
    signer.behave(Behaviour::Late(TOO_LATE));
    let first = published(chain).await?;
    let skipped = carry(chain, signer).await?;
    assert_eq!(skipped.len(), 5, "{skipped:?}");
    let too_old = PlimsollError::OracleTooOld.name();
    assert!(
        skipped.iter().all(|(_, why)| *why == too_old),
        "{skipped:?}"
    );
    let aged = until("age", || async {
        Ok((stale(chain).await?.len() >= 5).then_some(()))
    });
    aged.await?;
    let last = published(chain).await?;
    let signed = [0, 1, 3, 4, 5];
    assert!(signed.iter().all(|at| last[*at] <= first[*at] + 3_000));
    signer.behave(Behaviour::Honest);
    all_fresh(chain).await
}

/// Whatever a key signs that Pyth's account does not list, nothing of it is taken, by whom it may be carried.
async fn untrusted(chain: &Chain) -> Result<()> {
    let stranger = LocalSigner::new(Keypair::new());
    let (risk, clock) = (chain.risk().await?, chain.connection.clock().await?);
    let numbers = plimsoll_client::pro::subscriptions(&risk).concat();
    let lie = |id| plimsoll_client::pro::FeedPrice {
        id,
        price: 1,
        conf: 1,
        exponent: -8,
        publishers: 12,
        updated_us: None,
    };
    let now_us = u64::try_from(clock.unix_time)? * 1_000_000;
    stranger.tell(now_us, numbers.into_iter().map(lie));
    let refused = carry(chain, &stranger).await?;
    assert_eq!(refused, [(NO_FEED, PlimsollError::UntrustedSigner.name())]);

    // The chain's own signer falls from trust: the keeper's messages are refused, and prices stay.
    let shared = chain.local.shared();
    trust(&shared.chain, &[stranger.signer()])?;
    let own = shared.world.feeds.signer.clone();
    let refused = carry(chain, &own).await?;
    assert_eq!(refused, [(NO_FEED, PlimsollError::UntrustedSigner.name())]);
    let aged = until("age", || async {
        Ok((stale(chain).await?.len() >= 5).then_some(()))
    });
    aged.await?;
    trust(&shared.chain, &[own.signer()])?;
    all_fresh(chain).await
}

/// A trusted key that signs nonsense: prices far below their own confidence interval.
async fn out_of_bounds(chain: &Chain, signer: &LocalSigner) -> Result<()> {
    let spots = async || -> Result<Vec<u64>> {
        let risk = chain.risk().await?;
        let signed = [0, 1, 2, 3, 4].map(|at| risk.feeds[at].price.spot);
        Ok(signed.to_vec())
    };
    signer.behave(Behaviour::Lying(TOO_LOW));
    let doubted = until("refusals", || async {
        let risk = chain.risk().await?;
        let refused =
            (0..5).all(|at| risk.feeds[at].price.refused_ms > risk.feeds[at].price.published_ms);
        Ok(refused.then_some(()))
    });
    doubted.await?;
    let before = spots().await?;
    let skipped = carry(chain, signer).await?;
    let too_wide = PlimsollError::OracleTooWide.name();
    assert_eq!(skipped.len(), 5, "{skipped:?}");
    assert!(
        skipped.iter().all(|(_, why)| *why == too_wide),
        "{skipped:?}"
    );
    assert_eq!(spots().await?, before);
    signer.behave(Behaviour::Honest);
    all_fresh(chain).await
}
