//! The bots of a local chain. Each knows the chain as it would know any other: by the directory and the public RPC.
use std::{future::Future, sync::Arc};

use anchor_lang::{prelude::Pubkey, solana_program::system_instruction};
use anyhow::Result;
use plimsoll_bots::{
    config::{Common, Section},
    keeper::{self, KeeperConfig},
    liquidator::{self, LiquidatorConfig},
    maker::{self, MakerConfig},
    shutdown::Shutdown,
    Context,
};
use plimsoll_client::{
    directory::Directory,
    rpc::{Connection, Exchange, SendPolicy},
};
use solana_keypair::Keypair;
use tokio::task::JoinSet;

use crate::wire::Wire;

/// What a bot has for fees, lamports: a year's worth.
const FEES: u64 = 100_000_000_000;

/// Starts bots, and remembers what ends them.
pub struct Bots<'a> {
    pub directory: &'a Directory,
    pub tasks: &'a mut JoinSet<Result<()>>,
    pub shutdown: &'a Shutdown,
}

impl Bots<'_> {
    /// What a bot of its own process would have, with a connection and counts of its own.
    async fn context(&self, keypair: Keypair) -> Result<Context> {
        let endpoints = &self.directory.endpoints;
        let connection = Connection::new(endpoints.rpc.clone(), endpoints.ws.clone());
        let exchange = Exchange::load(&connection, self.directory.clone()).await?;
        Context::new(
            connection,
            Arc::new(exchange),
            Some(Arc::new(keypair)),
            SendPolicy::default(),
        )
    }

    async fn spawn<C, F>(
        &mut self,
        run: fn(C, Context, Shutdown) -> F,
        config: C,
        keypair: Keypair,
    ) -> Result<()>
    where
        C: Section,
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let mut context = self.context(keypair).await?;
        if C::SIGNED {
            let options = Common::default();
            context = context.with_signed(&options, self.shutdown).await?;
        }
        self.tasks
            .spawn(run(config, context, self.shutdown.clone()));
        Ok(())
    }

    /// A keeper that refreshes often, so that prices on the chain are seen to move.
    pub async fn keeper(&mut self, keypair: Keypair) -> Result<()> {
        let config = KeeperConfig {
            refresh_retry: 0.5,
            accrue_every: 2.0,
            ..KeeperConfig::default()
        };
        self.spawn(keeper::run, config, keypair).await
    }

    /// A liquidator that closes what is below its line even where it earns nothing by it: nobody else would.
    pub async fn liquidator(&mut self, keypair: Keypair) -> Result<()> {
        let config = LiquidatorConfig {
            // What the largest call costs where insurance pays the least reward.
            min_profit: -250.0,
            // A refusal for want of margin passes as soon as something is sold off.
            retry_longest: 4.0,
            threads: 1,
            ..LiquidatorConfig::default()
        };
        self.spawn(liquidator::run, config, keypair).await
    }

    /// A maker with depth for what a liquidator sells off; `turn` sets its quotes apart from those of other makers.
    pub async fn maker(&mut self, keypair: Keypair, turn: u8) -> Result<()> {
        let config = MakerConfig {
            every: 1.5,
            levels: 4,
            spread: 4.0 + 3.0 * f64::from(turn),
            step: 9.0,
            size: 60_000.0,
            max_position: 1_500_000.0,
            ..MakerConfig::default()
        };
        self.spawn(maker::run, config, keypair).await
    }
}

/// Gives owners lamports to pay fees with.
pub async fn pay_fees(wire: &Wire, owners: impl Iterator<Item = Pubkey>) -> Result<()> {
    let payer = wire.payer();
    let transfers = owners.map(|owner| system_instruction::transfer(&payer, &owner, FEES));
    wire.send_all(transfers.collect(), &[]).await?;
    Ok(())
}
