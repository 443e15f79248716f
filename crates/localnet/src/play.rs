//! Plays a scenario: sets everything up, moves prices tick by tick, lets everybody act, and reports.
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anchor_lang::prelude::Pubkey;
use anyhow::{Context as _, Result};
use plimsoll_risk::HealthKind;
use solana_keypair::Keypair;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    actors::{Actors, EXPECTED},
    chain::Chain,
    keeper::Keeper,
    liquidator::{self, Liquidator, Wake},
    listing::PRICE_AGE,
    logs::Happened,
    node::Ports,
    participants::{
        open, Participant, FLOW, FLOW_DEPOSITS, LIQUIDATOR, LIQUIDATOR_DEPOSITS, MAKERS,
        MAKER_DEPOSITS, TRADERS,
    },
    random::Random,
    reading::Snapshot,
    report::Report,
    scenario::{Scenario, Tick},
    setup::{create_exchange, World},
    text::{Narrator, Row},
    wire::{expect_refusal, Publisher, Wire},
};

/// Ticks between two rounds of settling profits and losses.
const SETTLE_EVERY: u32 = 4;
/// How long a sweep of the liquidator may take before the run counts as broken.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(60);

/// What to play.
#[derive(Clone, Debug)]
pub struct Options {
    pub scenario: Scenario,
    pub seed: u64,
    pub ticks: u32,
    /// Seconds of the scenario per second of this clock; as fast as possible without.
    pub speed: Option<f64>,
    pub program: PathBuf,
    /// Insurance fund at the start, whole units of the quote token.
    pub insurance: u64,
}

/// A run under way.
pub(crate) struct Stage {
    pub(crate) options: Options,
    pub(crate) chain: Arc<Chain>,
    pub(crate) wire: Wire,
    pub(crate) world: Arc<World>,
    pub(crate) path: Vec<Tick>,
    /// What is published now.
    pub(crate) published: Arc<Mutex<Tick>>,
    pub(crate) makers: Vec<Participant>,
    pub(crate) flow: Vec<Participant>,
    pub(crate) traders: Vec<Participant>,
    pub(crate) names: BTreeMap<Pubkey, String>,
    pub(crate) liquidator: mpsc::Sender<Wake>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// Plays a scenario from start to report. A true `stop` ends it early, after the current tick.
pub async fn play(
    options: Options,
    narrator: &mut Narrator,
    stop: watch::Receiver<bool>,
) -> Result<Report> {
    let began = Instant::now();
    let stage = Stage::set_up(options, narrator, stop).await?;
    let insurance_before = stage.insurance().await?;
    let mut start = stage.wire.now().await?.unix_time;
    narrator.table_head();
    let mut random = Random::new(stage.options.seed, "flow");
    let mut last = start;
    for index in 1..=stage.options.ticks {
        let tick = &stage.path[index as usize];
        last = stage.travel(start + tick.second).await?;
        // Transactions take slots of their own; a scenario of few minutes runs that much later.
        start = start.max(last - tick.second);
        stage.tick(index, tick, &mut random, narrator).await?;
        if stage.stopped() {
            break;
        }
    }
    stage.wind_up(last, narrator).await?;
    let mut report = stage.report(insurance_before).await?;
    report.wall_seconds = began.elapsed().as_secs_f64();
    stage.chain.stop()?;
    Ok(report)
}

impl Stage {
    async fn set_up(
        options: Options,
        narrator: &mut Narrator,
        stop: watch::Receiver<bool>,
    ) -> Result<Self> {
        let seed = options.seed;
        let path = options.scenario.replay(options.ticks, seed);
        narrator.step("starting an embedded chain and deploying the program");
        let payer = Keypair::new_from_array(Random::new(seed, "payer").bytes());
        let chain = Chain::start(&options.program, &payer, Ports::free()?).await?;
        let chain = Arc::new(chain);
        let wire = Wire::new(chain.rpc_url(), payer);
        narrator.step(&format!("RPC at {}", chain.rpc_url()));
        // From a whole second on, so that the rest of the run repeats to the unit.
        chain.travel_to(wire.now().await?.unix_time + 1)?;
        narrator.step("creating an exchange: 5 assets, 4 markets, a portfolio model, insurance");
        let world = Arc::new(
            create_exchange(&chain, &wire, seed, &path[0], options.insurance, PRICE_AGE).await?,
        );
        let published = Arc::new(Mutex::new(path[0]));
        wire.publish_with(publisher(&chain, &world, &published));
        narrator.step("funding makers, traders and a liquidator");
        let makers = cast(&wire, &world, seed, MAKERS, MAKER_DEPOSITS).await?;
        let flow = cast(&wire, &world, seed, FLOW, FLOW_DEPOSITS).await?;
        let bot = open(&wire, &world, seed, LIQUIDATOR, LIQUIDATOR_DEPOSITS).await?;
        let mut traders = Vec::new();
        for plan in TRADERS {
            traders.push(open(&wire, &world, seed, plan.name, plan.deposits).await?);
        }
        let everybody = makers.iter().chain(&flow).chain(&traders).chain([&bot]);
        let names = everybody.map(|p| (p.account, p.name.clone())).collect();
        let liquidator = liquidator::spawn(Liquidator {
            wire: wire.clone(),
            world: world.clone(),
            who: bot,
            makers: makers.iter().map(|m| m.account).collect(),
        });
        let stage = Self {
            options,
            chain,
            wire,
            world,
            path,
            published,
            makers,
            flow,
            traders,
            names,
            liquidator,
            stop,
        };
        narrator.step("quoting, borrowing and opening positions");
        stage.publish(&stage.path[0], 0.0).await?;
        stage.enter(0, narrator).await?;
        stage.keeper().settle_fills().await?;
        Ok(stage)
    }

    /// One tick: prices, refresh, quotes, trades, settlement, liquidation.
    async fn tick(
        &self,
        index: u32,
        tick: &Tick,
        random: &mut Random,
        narrator: &mut Narrator,
    ) -> Result<()> {
        self.wire.traffic(|book| book.tick = index);
        let before = self.wire.traffic(|book| book.events.len());
        let previous = &self.path[index as usize - 1];
        self.publish(tick, (tick.prices[1] / previous.prices[1] - 1.0).abs())
            .await?;
        let below = self.below().await?;
        self.enter(index, narrator).await?;
        let makers = self.actors().maker_accounts();
        self.actors().trade_small(random, &makers).await?;
        self.keeper().settle_fills().await?;
        if index.is_multiple_of(SETTLE_EVERY) {
            self.keeper().settle_pnl().await?;
        }
        let congested = self.options.scenario.is_congested(tick.second);
        if !congested {
            self.sweep().await?;
        }
        narrator.row(&self.row(index.to_string(), tick, below, before, congested));
        self.pause(tick.second - previous.second).await;
        Ok(())
    }

    /// Publishes prices as of now, refreshes, and has the makers quote around them.
    pub(crate) async fn publish(&self, tick: &Tick, moved: f64) -> Result<()> {
        self.publish_only(tick).await?;
        self.actors().requote(tick, moved).await
    }

    /// Publishes prices from now on, and refreshes.
    pub(crate) async fn publish_only(&self, tick: &Tick) -> Result<()> {
        *self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = *tick;
        self.keeper().refresh().await
    }

    /// Lets the traders in whose time has come with this tick. Latecomers may find that their margin does not suffice.
    async fn enter(&self, index: u32, narrator: &mut Narrator) -> Result<()> {
        let tick = &self.path[index as usize];
        for (plan, who) in TRADERS.iter().zip(&self.traders) {
            if (plan.enters * f64::from(self.options.ticks)).round() as u32 != index {
                continue;
            }
            let Err(error) = self.actors().enter(plan, who, tick).await else {
                continue;
            };
            if index == 0 {
                return Err(error.context(format!("{} enters", who.name)));
            }
            narrator.step(&format!("{} is refused: {error}", who.name));
            expect_refusal(error.downcast()?, EXPECTED)?;
        }
        Ok(())
    }

    /// Accounts below their Init, LiquidationEnd and Maint lines.
    pub(crate) async fn below(&self) -> Result<[usize; 3]> {
        self.keeper().refresh().await?;
        let snapshot = Snapshot::read(&self.wire, &self.world).await?;
        let mut below = [0; 3];
        for (_, account) in &snapshot.accounts {
            let health = snapshot.assess(account)?;
            for (count, kind) in below.iter_mut().zip(HealthKind::ALL) {
                *count += usize::from(health.of(kind) < 0);
            }
        }
        Ok(below)
    }

    /// Wakes the liquidator and waits until it is done.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let (answer, done) = oneshot::channel();
        self.liquidator
            .send(answer)
            .await
            .context("the liquidator is gone")?;
        tokio::time::timeout(SWEEP_TIMEOUT, done)
            .await
            .context("the liquidator does not come to an end")?
            .context("the liquidator is gone")?
            .context("the liquidator")
    }

    pub(crate) fn row(
        &self,
        label: String,
        tick: &Tick,
        below: [usize; 3],
        events_before: usize,
        congested: bool,
    ) -> Row {
        self.wire.traffic(|book| {
            let new = book.events.get(events_before..).unwrap_or_default();
            let mut row = Row {
                label,
                second: tick.second,
                prices: tick.prices,
                below,
                congested,
                ..Row::default()
            };
            for (_, event) in new {
                let account = match event {
                    Happened::Position(e) => &e.margin_account,
                    Happened::Collateral(e) => &e.margin_account,
                    Happened::Bankruptcy(e) => {
                        row.bankruptcies += 1;
                        &e.margin_account
                    }
                    _ => continue,
                };
                row.slices += usize::from(!matches!(event, Happened::Bankruptcy(_)));
                let name = self.names.get(account).cloned().unwrap_or_default();
                if !row.accounts.contains(&name) {
                    row.accounts.push(name);
                }
            }
            row
        })
    }

    /// Moves the clock to a time, or leaves it where transactions have already moved it beyond.
    pub(crate) async fn travel(&self, second: i64) -> Result<i64> {
        let now = self.wire.now().await?.unix_time;
        if second > now {
            self.chain.travel_to(second)?;
        }
        Ok(second.max(now))
    }

    /// Waits as long as a part of the scenario takes at the speed that was asked for.
    async fn pause(&self, seconds: i64) {
        if let Some(speed) = self.options.speed.filter(|speed| *speed > 0.0) {
            let pause = Duration::from_secs_f64((seconds as f64 / speed).clamp(0.0, 86_400.0));
            let mut stop = self.stop.clone();
            // Both ways of ending mean that the wait is over.
            let _ = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
        }
    }

    pub(crate) fn actors(&self) -> Actors<'_> {
        Actors {
            wire: &self.wire,
            world: &self.world,
            makers: &self.makers,
            flow: &self.flow,
        }
    }

    pub(crate) fn keeper(&self) -> Keeper<'_> {
        Keeper {
            wire: &self.wire,
            world: &self.world,
        }
    }

    pub(crate) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }
}

/// Publishes what is to be published.
fn publisher(chain: &Arc<Chain>, world: &Arc<World>, tick: &Arc<Mutex<Tick>>) -> Publisher {
    let (chain, world, tick) = (Arc::clone(chain), Arc::clone(world), Arc::clone(tick));
    Box::new(move |now| {
        let tick = *tick.lock().unwrap_or_else(PoisonError::into_inner);
        world.publish(&chain, &tick, now)
    })
}

/// Participants with the same deposits.
async fn cast(
    wire: &Wire,
    world: &World,
    seed: u64,
    names: &[&str],
    deposits: &[(usize, f64)],
) -> Result<Vec<Participant>> {
    let mut participants = Vec::new();
    for name in names {
        participants.push(open(wire, world, seed, name, deposits).await?);
    }
    Ok(participants)
}
