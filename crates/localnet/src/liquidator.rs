//! The liquidator: a task of its own that knows the exchange only through RPC. It values every margin account with the
//! risk crate, liquidates those below their maintenance line slice by slice, resolves what is bankrupt, and sells off
//! what it took over.
use std::sync::Arc;

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use anyhow::Result;
use plimsoll::{
    error::PlimsollError,
    liquidation::FLAG_SECS,
    state::{
        margin_account::{account_state, confirmation},
        MarginAccount,
    },
};
use plimsoll_client::MarketRef;
use plimsoll_risk::{HealthKind, MarginMode};
use tokio::sync::{mpsc, oneshot};

use crate::{
    claims::{choose_swap, first_debt, forfeited, positions_by_size, Leg},
    liquidations as ix,
    orders::{place, Order},
    participants::Participant,
    reading::Snapshot,
    setup::World,
    wire::{expect_refusal, Wire},
};

/// Most that is taken over or repaid by one call, USD: large accounts go in several slices.
const SLICE_USD: f64 = 75_000.0;
/// Transactions that are waited for until the chain's clock shows another second.
const MOST_WAITS: usize = 10;
/// Rounds over all accounts within one sweep, which bounds it whatever the chain answers.
const MAX_ROUNDS: usize = 40;

/// Refusals that a liquidator lives with: somebody else was faster, the account needs another refresh, nothing would
/// help, or its own margin is used up. Whoever stays unliquidated for it is in the report.
const EXPECTED: &[PlimsollError] = &[
    PlimsollError::NotLiquidatable,
    PlimsollError::NothingToLiquidate,
    PlimsollError::StaleEntry,
    PlimsollError::BrokenFeed,
    PlimsollError::FillsPending,
    PlimsollError::OrdersRemain,
    PlimsollError::NobodyCanPay,
    PlimsollError::LiquidationHarms,
    PlimsollError::InsufficientHealth,
    PlimsollError::SameObservation,
];

/// A liquidator with its connection.
pub struct Liquidator {
    pub wire: Wire,
    pub world: Arc<World>,
    pub who: Participant,
    /// Whose fills are settled in place when it sells off.
    pub makers: Vec<Pubkey>,
}

/// How the conductor of a run wakes the liquidator; it answers when nobody is left to liquidate.
pub type Wake = oneshot::Sender<Result<()>>;

/// Starts the task. It ends when the sender is dropped.
pub fn spawn(liquidator: Liquidator) -> mpsc::Sender<Wake> {
    let (sender, mut receiver) = mpsc::channel::<Wake>(1);
    tokio::spawn(async move {
        while let Some(answer) = receiver.recv().await {
            let outcome = liquidator.sweep().await;
            if answer.send(outcome).is_err() {
                break;
            }
        }
    });
    sender
}

impl Liquidator {
    /// Goes over all accounts until a round changes nothing, then sells what was taken over.
    pub async fn sweep(&self) -> Result<()> {
        let mut acted = false;
        for _ in 0..MAX_ROUNDS {
            if !self.round().await? {
                break;
            }
            acted = true;
        }
        if acted {
            self.sell_off().await?;
        }
        Ok(())
    }

    /// One step for every account that needs one, at prices later than those that any of them is flagged at; true when any
    /// succeeded.
    async fn round(&self) -> Result<bool> {
        self.wire
            .send(&self.world.refreshed(&self.wire, []).await?, &[])
            .await?;
        let snapshot = Snapshot::read(&self.wire, &self.world).await?;
        let mut due = Vec::new();
        for (address, account) in &snapshot.accounts {
            if *address != self.who.account && needs_liquidation(&snapshot, account)? {
                due.push((address, account));
            }
        }
        let unconfirmed = due.iter().filter(|(_, account)| is_unconfirmed(account));
        if let Some(latest) = unconfirmed.map(|(_, a)| a.flagged_price_ms).max() {
            self.wait_beyond(latest).await?;
        }
        let mut progress = false;
        for (address, account) in due {
            progress |= self.step(&snapshot, address, account).await?;
        }
        Ok(progress)
    }

    /// Waits until prices are published after a time, Unix milliseconds: nothing is seized at the prices of a flag.
    async fn wait_beyond(&self, published_ms: i64) -> Result<()> {
        for _ in 0..MOST_WAITS {
            if self.wire.now().await?.unix_time.saturating_mul(1_000) > published_ms {
                break;
            }
            self.wire
                .send(&self.world.refreshed(&self.wire, []).await?, &[])
                .await?;
        }
        Ok(())
    }

    /// The next slice of one account, in one transaction with all that it needs: the first of its options that the
    /// program accepts.
    async fn step(
        &self,
        snapshot: &Snapshot,
        address: &Pubkey,
        account: &MarginAccount,
    ) -> Result<bool> {
        for option in self.options(snapshot, address, account) {
            // Each attempt moves the clock: the last one's prices may be too old for the next.
            let instructions = self.world.refreshed(&self.wire, [option]).await?;
            match self.wire.send(&instructions, &[&self.who.keys]).await {
                Ok(_) => return Ok(true),
                Err(refusal) => expect_refusal(refusal, EXPECTED)?,
            }
        }
        Ok(false)
    }

    /// Flag the account first. Then take over a position while there is one, then swap collateral for debt, then have the rest
    /// resolved. An account that is flagged and healthy again is only cleared. In portfolio margin the largest position may
    /// be what hedges the others: then a smaller one, the swap, or both at once is what helps.
    fn options(
        &self,
        snapshot: &Snapshot,
        address: &Pubkey,
        account: &MarginAccount,
    ) -> Vec<Instruction> {
        let call = ix::Call {
            world: &self.world,
            liquidator: &self.who,
            account: *address,
            orders_in: self.markets_with_orders(account),
        };
        if let Some(dust) = forfeited(account, &snapshot.risk, &snapshot.clock()) {
            let debt = first_debt(account).into_iter();
            return debt.map(|(debt, _)| call.resolve(debt, &dust)).collect();
        }
        if !is_flagged(account, snapshot.now.unix_time) {
            return vec![call.flag_only()];
        }
        let nets = MarginMode::from_byte(account.margin_mode) == MarginMode::Portfolio;
        let positions: Vec<_> = positions_by_size(account, &snapshot.risk)
            .into_iter()
            .map(|perp| self.most_lots(snapshot, usize::from(perp.market)))
            .collect();
        let swap = choose_swap(account, &snapshot.risk)
            .map(|(collateral, debt)| (collateral, debt, most_debt(snapshot, debt)));
        let mut options: Vec<_> = positions
            .iter()
            .map(|taken| call.take_over(*taken))
            .collect();
        if !nets {
            options.truncate(1);
        }
        if let Some(swap) = swap.filter(|_| nets || options.is_empty()) {
            options.push(call.swap(swap));
            let both = positions.iter().filter(|_| nets);
            options.extend(both.map(|taken| call.take_over_and_swap(*taken, swap)));
        }
        if options.is_empty() {
            options.push(call.flag_only());
        }
        options
    }

    /// A market, and the lots of it that one call takes over at most.
    fn most_lots(&self, snapshot: &Snapshot, market: usize) -> (usize, u64) {
        let lot = self.world.markets[market].lot();
        let usd = snapshot.usd_per_base(&self.world, market) * lot;
        (market, (SLICE_USD / usd) as u64 + 1)
    }

    fn markets_with_orders(&self, account: &MarginAccount) -> Vec<MarketRef> {
        account
            .perps
            .iter()
            .filter(|perp| !perp.is_free() && perp.order_mask != 0)
            .map(|perp| self.world.markets[usize::from(perp.market)].market)
            .collect()
    }

    /// Closes the liquidator's own positions against the book, as far as it goes.
    async fn sell_off(&self) -> Result<()> {
        let snapshot = Snapshot::read(&self.wire, &self.world).await?;
        let own = snapshot.account(&self.who.account)?;
        for perp in own.perps.iter().filter(|p| !p.position.is_zero()) {
            let market = usize::from(perp.market);
            let order = Order {
                market,
                size: -(perp.position.0 as f64) * self.world.markets[market].lot(),
                limit: None,
                reduce_only: true,
                post: false,
            };
            let order = place(&self.world, &self.who, &order, &self.makers);
            let instructions = self.world.refreshed(&self.wire, [order]).await?;
            if let Err(refusal) = self.wire.send(&instructions, &[&self.who.keys]).await {
                expect_refusal(refusal, &[PlimsollError::NotReducing])?;
            }
        }
        Ok(())
    }
}

/// The most of a debt that one call repays, native units.
fn most_debt(snapshot: &Snapshot, debt: Leg) -> u64 {
    match debt {
        Leg::Asset(index) => (SLICE_USD / snapshot.usd_per_native(index)) as u64 + 1,
        Leg::Market(_) => (SLICE_USD * 1e6) as u64,
    }
}

/// In liquidation by a flag that still says something.
fn is_flagged(account: &MarginAccount, now: i64) -> bool {
    let age = now.saturating_sub(account.flagged_at).unsigned_abs();
    account.state == account_state::LIQUIDATING && age <= FLAG_SECS
}

/// Flagged, and not yet seen below its line at later prices.
fn is_unconfirmed(account: &MarginAccount) -> bool {
    account.state == account_state::LIQUIDATING && account.flag_confirmed == confirmation::NONE
}

/// Below its maintenance line, or flagged and not ended yet.
pub fn needs_liquidation(snapshot: &Snapshot, account: &MarginAccount) -> Result<bool> {
    let maintenance = snapshot.assess(account)?.of(HealthKind::Maint);
    Ok(maintenance < 0 || account.state == account_state::LIQUIDATING)
}
