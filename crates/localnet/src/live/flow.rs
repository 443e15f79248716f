//! Who trades on a chain that stays up: makers that follow the price, levered traders who wait for what comes, a flow of
//! small orders, a keeper and a liquidator; each a task of its own.
use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use anchor_lang::prelude::Pubkey;
use anyhow::{Context, Result};
use plimsoll_bots::shutdown::Shutdown;
use tokio::task::JoinSet;

use super::{progress::Progress, Shared};
use crate::{
    actors::Actors,
    keeper::Keeper,
    liquidator::Liquidator,
    participants::{
        open, Participant, FLOW, FLOW_DEPOSITS, LIQUIDATOR, LIQUIDATOR_DEPOSITS, MAKERS,
        MAKER_DEPOSITS, TRADERS,
    },
    random::Random,
    scenario::Tick,
    setup::World,
    wire::Wire,
};

/// Time between two looks of the makers at the price, and the move that makes them quote again.
const QUOTE_EVERY: Duration = Duration::from_millis(1_500);
const QUOTE_MOVE: f64 = 0.0003;
/// Looks after which they quote again anyway, since their quotes have been traded with.
const QUOTE_LOOKS: u32 = 8;
/// Time between two rounds of small orders.
const TRADE_EVERY: Duration = Duration::from_millis(1_700);
/// Time between two rounds of the keeper, and rounds between two settlements of profits and losses.
const KEEP_EVERY: Duration = Duration::from_secs(2);
const SETTLE_ROUNDS: u32 = 5;
/// Time between two looks of the liquidator.
const LIQUIDATE_EVERY: Duration = Duration::from_secs(1);

/// Everybody who takes part.
pub struct Cast {
    makers: Vec<Participant>,
    flow: Vec<Participant>,
    traders: Vec<Participant>,
    liquidator: Participant,
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
        };
        for name in MAKERS {
            let maker = open(wire, world, seed, name, MAKER_DEPOSITS).await?;
            cast.makers.push(maker);
        }
        for name in FLOW {
            let trader = open(wire, world, seed, name, FLOW_DEPOSITS).await?;
            cast.flow.push(trader);
        }
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
pub fn spawn(
    tasks: &mut JoinSet<Result<()>>,
    shared: &Arc<Shared>,
    cast: Cast,
    seed: u64,
    shutdown: &Shutdown,
) {
    let (makers, accounts) = (
        cast.actors(&shared.wire, &shared.world).maker_accounts(),
        cast,
    );
    let Cast {
        makers: quoting,
        flow,
        liquidator,
        ..
    } = accounts;
    tasks.spawn(until(shutdown.clone(), quote(shared.clone(), quoting)));
    let trading = trade(shared.clone(), flow, makers.clone(), seed);
    tasks.spawn(until(shutdown.clone(), trading));
    tasks.spawn(until(shutdown.clone(), keep(shared.clone())));
    let liquidator = Liquidator {
        wire: shared.wire.clone(),
        world: Arc::new(shared.world.clone()),
        who: liquidator,
        makers,
    };
    tasks.spawn(until(shutdown.clone(), liquidate(liquidator)));
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

async fn quote(shared: Arc<Shared>, makers: Vec<Participant>) {
    let actors = Actors {
        wire: &shared.wire,
        world: &shared.world,
        makers: &makers,
        flow: &[],
    };
    let (mut quoted, mut looks) = (shared.prices().now(), 0);
    loop {
        tokio::time::sleep(QUOTE_EVERY).await;
        let now = shared.prices().now();
        let moves = now.iter().zip(quoted).map(|(a, b)| (a / b - 1.0).abs());
        let moved = moves.fold(0.0, f64::max);
        looks += 1;
        if moved < QUOTE_MOVE && looks < QUOTE_LOOKS {
            continue;
        }
        let tick = Tick {
            second: 0,
            prices: now,
            confidence: [0.0; 5],
        };
        noted("makers", actors.requote(&tick, moved).await);
        (quoted, looks) = (now, 0);
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

async fn keep(shared: Arc<Shared>) {
    let keeper = Keeper {
        wire: &shared.wire,
        world: &shared.world,
    };
    let mut round = 0u32;
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        round = round.wrapping_add(1);
        noted("keeper", keeper.refresh().await);
        noted("keeper", keeper.settle_fills().await);
        if round.is_multiple_of(SETTLE_ROUNDS) {
            noted("keeper", keeper.settle_pnl().await);
        }
    }
}

async fn liquidate(liquidator: Liquidator) {
    loop {
        tokio::time::sleep(LIQUIDATE_EVERY).await;
        noted("liquidator", liquidator.sweep().await);
    }
}
