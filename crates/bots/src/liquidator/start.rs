//! Starting a liquidator: what it needs to know first, and its margin account.
use std::sync::Arc;

use anchor_lang::prelude::Pubkey;
use anyhow::{bail, Context as _, Result};
use plimsoll::state::{margin_account::account_state, MarginAccount};
use plimsoll_client::{
    instructions as ix,
    rpc::{Exchange, ReadError},
};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    calls::{Addresses, FeedAddresses, Liquidator},
    config::LiquidatorConfig,
    dispatch::Dispatcher,
    dispose,
    feed::Feed,
    metrics::LiquidatorMetrics,
    runtime::{Runtime, Shared},
};
use crate::{context::Context, shutdown::Shutdown, supervise::until_done};

/// Runs a liquidator until the end is asked for; what is in flight is waited for.
///
/// # Errors
/// When it cannot start: without a keypair, or with a margin account of somebody else.
pub async fn run(config: LiquidatorConfig, context: Context, shutdown: Shutdown) -> Result<()> {
    let sender = context.sender.clone();
    let sender = sender.context("a liquidator signs transactions: name its keypair file")?;
    let signer = sender.payer();
    let refs = context.exchange.refs;
    let who = Liquidator {
        signer,
        account: refs.margin_account(&signer, config.sub_account),
    };
    let dispatcher = Dispatcher {
        sender,
        who,
        signed: context.signed.clone(),
        dry_run: config.dry_run,
    };
    let opened = until_done("open the own margin account", &shutdown, || {
        open(&dispatcher, &context, config.sub_account)
    });
    if opened.await.is_none() {
        return Ok(());
    }
    let clock = until_done("read the clock", &shutdown, || async {
        Ok(context.connection.clock().await?)
    });
    let Some(clock) = clock.await else {
        return Ok(());
    };
    let (feed, news) = Feed::start(&context.connection, Arc::clone(&context.exchange));
    tokio::select! {
        () = feed.ready() => {}
        () = shutdown.requested() => return Ok(()),
    }
    info!(signer = %who.signer, account = %who.account, dry_run = config.dry_run, "liquidator");
    let shared = Arc::new(Shared {
        metrics: LiquidatorMetrics::new(&context.metrics)?,
        addresses: addresses(&context.exchange),
        dispatcher,
        feed,
        context,
        config,
    });
    let (outlook, seen) = watch::channel(None);
    let runtime = Runtime::new(Arc::clone(&shared), clock, outlook)?;
    tokio::join!(
        runtime.run(news, shutdown.clone()),
        dispose::run(shared, seen, shutdown),
    );
    Ok(())
}

/// Makes sure that the own margin account is there and may act.
async fn open(dispatcher: &Dispatcher, context: &Context, sub_account: u16) -> Result<()> {
    let Liquidator { signer, account } = dispatcher.who;
    match context.connection.fetch::<MarginAccount>(&account).await {
        Ok(found) => check(&found, &account),
        Err(ReadError::Missing(_)) if dispatcher.dry_run => {
            bail!("there is no margin account {account}, and a dry run opens none")
        }
        Err(ReadError::Missing(_)) => {
            let refs = &context.exchange.refs;
            let create = ix::create_margin_account(refs, signer, signer, sub_account);
            dispatcher.sender.send(&[create], &[]).await?;
            warn!(%account, "opened a margin account, which needs a deposit before it can take anything over");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn check(own: &MarginAccount, address: &Pubkey) -> Result<()> {
    if own.state == account_state::LIQUIDATING {
        warn!(account = %address, "the own account is in liquidation and can take nothing over until it recovers");
    }
    Ok(())
}

fn addresses(exchange: &Exchange) -> Addresses {
    let feeds = exchange.feeds.iter().map(|listed| FeedAddresses {
        account: listed.account,
        fallback: listed.fallback,
    });
    Addresses {
        exchange: exchange.refs,
        feeds: feeds.collect(),
        assets: exchange.assets.iter().map(|listed| listed.refs).collect(),
        markets: exchange.markets.iter().map(|listed| listed.refs).collect(),
    }
}
