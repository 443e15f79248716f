//! Who takes part on a chain that stays up: makers, levered traders who wait for what comes, a flow of small orders, a
//! keeper and a liquidator; each a task of its own.
use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use anchor_lang::prelude::Pubkey;
use anyhow::{Context, Result};
use plimsoll_bots::shutdown::Shutdown;
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{
    bots::{pay_fees, Bots},
    progress::Progress,
    Options, Shared,
};
use crate::{
    actors::Actors,
    participants::{
        open, Participant, FLOW, FLOW_DEPOSITS, LIQUIDATOR, LIQUIDATOR_DEPOSITS, MAKERS,
        MAKER_DEPOSITS, TRADERS,
    },
    random::Random,
    scenario::Tick,
    setup::World,
    wire::Wire,
};

/// Who refreshes and settles.
const KEEPER: &str = "keeper-1";
/// Time between two rounds of small orders.
const TRADE_EVERY: Duration = Duration::from_millis(1_700);

/// Everybody who takes part.
pub struct Cast {
    makers: Vec<Participant>,
    flow: Vec<Participant>,
    traders: Vec<Participant>,
    liquidator: Participant,
    keeper: Keypair,
}

impl Cast {
    /// Funds everybody and lets the traders take their positions.
    pub async fn enter(
        wire: &Wire,
        world: &World,
        seed: u64,
        tick: &Tick,
        progress: &Progress,
    ) -> Result<Self> {
        progress.step("funding makers, traders and a liquidator");
        let mut cast = Self {
            makers: Vec::new(),
            flow: Vec::new(),
            traders: Vec::new(),
            liquidator: open(wire, world, seed, LIQUIDATOR, LIQUIDATOR_DEPOSITS).await?,
            keeper: Keypair::new_from_array(Random::new(seed, KEEPER).bytes()),
        };
        for name in MAKERS {
            let maker = open(wire, world, seed, name, MAKER_DEPOSITS).await?;
            cast.makers.push(maker);
        }
        for name in FLOW {
            let trader = open(wire, world, seed, name, FLOW_DEPOSITS).await?;
            cast.flow.push(trader);
        }
        let bots = cast.makers.iter().chain([&cast.liquidator]);
        let bots = bots.map(|bot| &bot.keys).chain([&cast.keeper]);
        pay_fees(wire, bots.map(Keypair::pubkey)).await?;
        let plans = TRADERS.iter().filter(|plan| plan.enters == 0.0);
        progress.step("quoting, borrowing and opening positions");
        cast.actors(wire, world).requote(tick, 0.0).await?;
        for plan in plans {
            let who = open(wire, world, seed, plan.name, plan.deposits).await?;
            let actors = cast.actors(wire, world);
            let entering = actors.enter(plan, &who, tick).await;
            entering.with_context(|| format!("{} enters", who.name))?;
            cast.traders.push(who);
        }
        Ok(cast)
    }

    /// Names of all accounts.
    pub fn names(&self) -> BTreeMap<Pubkey, String> {
        let all = self.makers.iter().chain(&self.flow).chain(&self.traders);
        all.chain([&self.liquidator])
            .map(|who| (who.account, who.name.clone()))
            .collect()
    }

    fn actors<'a>(&'a self, wire: &'a Wire, world: &'a World) -> Actors<'a> {
        Actors {
            wire,
            world,
            makers: &self.makers,
            flow: &self.flow,
        }
    }
}

/// Starts everybody's tasks.
pub async fn spawn(
    bots: &mut Bots<'_>,
    shared: &Arc<Shared>,
    cast: Cast,
    options: &Options,
) -> Result<()> {
    let makers = cast.actors(&shared.wire, &shared.world).maker_accounts();
    bots.keeper(cast.keeper).await?;
    for (turn, maker) in (0..).zip(cast.makers) {
        bots.maker(maker.keys, turn).await?;
    }
    let trading = trade(shared.clone(), cast.flow, makers, options.seed);
    bots.tasks.spawn(until(bots.shutdown.clone(), trading));
    if options.liquidator {
        bots.liquidator(cast.liquidator.keys).await?;
    }
    Ok(())
}

/// Runs a task that has no end until told to stop.
async fn until(shutdown: Shutdown, task: impl Future<Output = ()>) -> Result<()> {
    tokio::select! {
        () = task => {}
        () = shutdown.requested() => {}
    }
    Ok(())
}

/// Says what went wrong; the next round may go right.
fn noted(who: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!("{who}: {error:#}");
    }
}

async fn trade(shared: Arc<Shared>, flow: Vec<Participant>, makers: Vec<Pubkey>, seed: u64) {
    let mut random = Random::new(seed, "flow");
    let actors = Actors {
        wire: &shared.wire,
        world: &shared.world,
        makers: &[],
        flow: &flow,
    };
    loop {
        tokio::time::sleep(TRADE_EVERY).await;
        noted("flow", actors.trade_small(&mut random, &makers).await);
    }
}
