//! The validator itself: surfpool's run loop on ports of our choosing, and the hand that we keep on its clock.
//!
//! surfpool's own builder takes whatever ports are free and produces blocks one way for good; a chain that wallets
//! connect to needs known ports, and its set-up is quickest when every transaction closes a block.
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    sync::{
        atomic::{AtomicU32, Ordering},
        Mutex, PoisonError,
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use agave_feature_set::disable_sbpf_v0_v1_v2_deployment;
use anchor_lang::prelude::{Clock, Pubkey};
use anyhow::{anyhow, bail, Context, Result};
use crossbeam_channel::{Receiver, Sender};
use plimsoll_client::transaction::VERSION_1_FEATURE;
use surfpool_core::{
    runloops::start_local_surfnet_runloop,
    solana_account::Account,
    storage::StorageError,
    surfnet::{
        locker::SurfnetSvmLocker,
        svm::{SurfnetSvm, SurfnetSvmConfig},
    },
    types::TimeTravelConfig,
};
use surfpool_types::{
    BlockProductionMode, RpcConfig, SimnetCommand, SimnetConfig, SimnetEvent, SurfpoolConfig,
    SvmFeatureConfig,
};

/// Length of a slot, as on a real cluster.
pub const SLOT_MILLIS: u64 = 400;
/// Blocks that are kept: ten minutes of them.
const KEPT_SLOTS: u64 = 1_500;
/// Transactions whose accounts, as they were before and after, are kept: as few as can be, since nobody asks for them and
/// each is half a megabyte.
const KEPT_PROFILES: usize = 1;
/// How long the servers may take to close their ports.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Where ports are chosen from: below those of outgoing connections, of which bots make so many that one could take a port
/// between its choice and its use.
const FREE: Range<u16> = 20_000..32_000;
/// How long the validator may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Ports that the validator listens on, on this machine only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub rpc: u16,
    pub ws: u16,
}

impl Ports {
    /// Two ports that nobody listens on, others at each call.
    pub fn free() -> Result<Self> {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        // Processes begin far from each other, so that each finds its ports free until its validator listens on them.
        let first = std::process::id().wrapping_mul(61);
        let first = first.wrapping_add(2 * CALLS.fetch_add(1, Ordering::Relaxed));
        let (start, count) = (u32::from(FREE.start), FREE.len() as u32);
        let ports = (0..count).map(|i| start + first.wrapping_add(i) % count);
        let mut free = ports
            .filter_map(|port| u16::try_from(port).ok())
            .filter(|port| listen(*port).is_ok());
        match (free.next(), free.next()) {
            (Some(rpc), Some(ws)) => Ok(Self { rpc, ws }),
            _ => bail!("no port from {} to {} is free", FREE.start, FREE.end),
        }
    }
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// Fails when somebody listens on a port already; `flag` is how to choose another.
pub fn require_free(port: u16, what: &str, flag: &str) -> Result<()> {
    match listen(port) {
        Ok(_) => Ok(()),
        Err(error) => Err(taken(port, what, flag, &error)),
    }
}

/// What to say of a port that cannot be listened on.
pub fn taken(port: u16, what: &str, flag: &str, error: &std::io::Error) -> anyhow::Error {
    anyhow!("port {port} for the {what} is not free ({error}): choose another with {flag}")
}

/// A running validator; dropping it shuts it down.
pub struct Node {
    ports: Ports,
    svm: SurfnetSvmLocker,
    commands: Sender<SimnetCommand>,
    /// Says when both servers have closed.
    closed: Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Node {
    /// Starts an offline chain on which `rich` owns `lamports`. Every transaction closes a block until
    /// [`Self::run_by_clock`].
    pub fn start(ports: Ports, rich: Pubkey, lamports: u64) -> Result<Self> {
        let simnet = SimnetConfig {
            offline_mode: true,
            remote_rpc_url: None,
            slot_time: SLOT_MILLIS,
            block_production_mode: BlockProductionMode::Transaction,
            airdrop_addresses: vec![rich],
            airdrop_token_amount: lamports,
            // It would execute every prefix of every transaction for it.
            instruction_profiling_enabled: false,
            max_profiles: KEPT_PROFILES,
            ..SimnetConfig::default()
        };
        let (svm, events, geyser) = SurfnetSvm::new(SurfnetSvmConfig {
            surfnet_id: simnet.surfnet_id.clone(),
            slot_time: simnet.slot_time,
            instruction_profiling_enabled: simnet.instruction_profiling_enabled,
            max_profiles: simnet.max_profiles,
            log_bytes_limit: simnet.log_bytes_limit,
            // On top of what mainnet-beta has active: version 1 transactions, and programs below SBPF version 3 are refused
            // where they are deployed.
            feature_config: SvmFeatureConfig::new()
                .enable(VERSION_1_FEATURE)
                .enable(disable_sbpf_v0_v1_v2_deployment::id()),
            skip_blockhash_check: false,
        })
        .map_err(|e| anyhow!("the embedded chain does not start: {e}"))?;
        let config = SurfpoolConfig {
            simnets: vec![simnet],
            rpc: RpcConfig {
                bind_host: Ipv4Addr::LOCALHOST.to_string(),
                bind_port: ports.rpc,
                ws_port: ports.ws,
                ..RpcConfig::default()
            },
            ..SurfpoolConfig::default()
        };
        let svm = SurfnetSvmLocker::new(svm);
        let (commands, inbox) = crossbeam_channel::unbounded();
        let run = (svm.clone(), commands.clone());
        // Surfpool blocks its thread and wants a runtime of its own beneath.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("validator".into())
            .spawn(move || {
                let running = start_local_surfnet_runloop(run.0, config, run.1, inbox, geyser);
                if let Err(error) = runtime.block_on(running) {
                    tracing::error!("the embedded chain ended: {error}");
                }
                runtime.shutdown_background();
            })?;
        let closed = follow(events)?;
        Ok(Self {
            ports,
            svm,
            commands,
            closed,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Where wallets and bots connect.
    pub fn rpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.rpc)
    }

    /// Where they subscribe.
    pub fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.ports.ws)
    }

    /// Writes an account without a transaction, as only an oracle's publisher needs to.
    pub fn write(&self, address: Pubkey, account: Account) -> Result<()> {
        self.svm
            .with_svm_writer(move |svm| svm.set_account(&address, account))
            .map_err(|e| anyhow!("cannot write {address}: {e}"))
    }

    /// Moves the clock forward to Unix milliseconds, and as many slots with it.
    pub fn travel_to(&self, millis: u64) -> Result<()> {
        let target = TimeTravelConfig::AbsoluteTimestamp(millis);
        self.svm
            .time_travel(None, self.commands.clone(), target)
            .map_err(|e| anyhow!("cannot move the clock: {e}"))?;
        Ok(())
    }

    /// How far one block moves the clock while transactions close blocks.
    pub fn set_block_millis(&self, millis: u64) {
        self.svm.with_svm_writer(move |svm| svm.slot_time = millis);
    }

    /// From now on blocks come with this machine's clock, one a slot, and the chain's time is this machine's.
    pub fn run_by_clock(&self) -> Result<()> {
        self.set_block_millis(SLOT_MILLIS);
        self.keep_time()?;
        self.commands
            .send(SimnetCommand::UpdateBlockProductionMode(
                BlockProductionMode::Clock,
            ))
            .context("the embedded chain is gone")
    }

    /// Brings the chain's time up to this machine's. A slot takes a little longer than it says, so that the chain would
    /// fall behind by a second every few minutes; it is never set back. Returns the time that programs see, of the last
    /// block.
    pub fn keep_time(&self) -> Result<i64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let now = u64::try_from(now.as_millis())?;
        let time = self.svm.with_svm_writer(move |svm| {
            let ahead = now.saturating_sub(svm.updated_at);
            svm.updated_at += ahead;
            // Times of blocks without transactions are counted from here.
            svm.genesis_updated_at += ahead;
            svm.inner.get_sysvar::<Clock>().unix_timestamp
        });
        Ok(time)
    }

    /// Drops blocks of long ago with their transactions, which would fill memory and make every look for an account's
    /// transactions slower.
    pub fn forget_old_blocks(&self) -> Result<()> {
        let dropped = self.svm.with_svm_writer(|svm| {
            let oldest = svm.get_latest_absolute_slot().saturating_sub(KEPT_SLOTS);
            for slot in svm.blocks.keys()?.into_iter().filter(|slot| *slot < oldest) {
                let block = svm.blocks.take(&slot)?;
                for signature in block.into_iter().flat_map(|block| block.signatures) {
                    svm.transactions.take(&signature.to_string())?;
                }
            }
            Ok::<(), StorageError>(())
        });
        dropped.context("cannot drop old blocks")
    }

    /// All accounts of a program and some others, as they are at one moment: no transaction comes in between.
    pub fn snapshot(
        &self,
        program: &Pubkey,
        others: &[Pubkey],
    ) -> Result<BTreeMap<Pubkey, Account>> {
        let owned = self.svm.with_svm_reader(|svm| {
            let owned = svm.accounts_by_owner.get(&program.to_string());
            let owned = owned.map_err(|e| anyhow!("{e}"))?.unwrap_or_default();
            let owned = owned.iter().filter_map(|text| text.parse().ok());
            let mut found = BTreeMap::new();
            for address in owned.chain(others.iter().copied()) {
                let account = svm.get_account(&address).map_err(|e| anyhow!("{e}"))?;
                if let Some(account) = account {
                    found.insert(address, account);
                }
            }
            anyhow::Ok(found)
        });
        owned.context("cannot read the chain's accounts")
    }

    /// Transactions executed since the start.
    pub fn transactions(&self) -> u64 {
        self.svm.with_svm_reader(|svm| svm.transactions_processed)
    }

    /// Shuts the validator down and waits until its ports are free.
    pub fn stop(&self) -> Result<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = thread.take() else {
            return Ok(());
        };
        self.commands
            .send(SimnetCommand::Terminate(None))
            .context("the embedded chain is gone")?;
        self.closed
            .recv_timeout(STOP_TIMEOUT)
            .context("the embedded chain does not close its ports")?;
        thread
            .join()
            .map_err(|_| anyhow!("the embedded chain's thread panicked"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!("{error:#}");
        }
    }
}

/// Waits until the validator runs, then reads its events to the end, since nobody else would take them off their queue.
/// The channel returned answers when both of its servers have closed.
fn follow(events: Receiver<SimnetEvent>) -> Result<Receiver<()>> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        match events.recv_deadline(deadline) {
            Ok(SimnetEvent::CoreStarted(_)) => break,
            Ok(SimnetEvent::Aborted(error)) => bail!("the embedded chain does not start: {error}"),
            Ok(SimnetEvent::Shutdown) => bail!("the embedded chain ended while it started"),
            Ok(_) => {}
            Err(error) => bail!("the embedded chain does not start: {error}"),
        }
    }
    let (sender, closed) = crossbeam_channel::bounded(1);
    std::thread::Builder::new()
        .name("validator-events".into())
        .spawn(move || {
            let mut servers = 2;
            for event in events {
                match event {
                    // A transaction that the program refuses is one of these; its sender hears of it.
                    SimnetEvent::ErrorLog(_, text) => tracing::debug!("validator: {text}"),
                    SimnetEvent::Shutdown => servers -= 1,
                    _ => {}
                }
                if servers == 0 {
                    let _ = sender.send(());
                    servers = 2;
                }
            }
        })?;
    Ok(closed)
}
