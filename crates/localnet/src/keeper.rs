//! The keeper: refreshes the risk state, brings queued fills to their accounts, and turns profits and losses into
//! balances, losses first, since only they fill the pools that profits are paid from.
use anchor_lang::prelude::Pubkey;
use anyhow::Result;
use plimsoll::{error::PlimsollError, state::Market};
use plimsoll_risk::{standard::perp_equity, MarketRisk, PerpPosition};

use crate::{
    liquidations::{settle_fills, settle_pnl},
    reading::{fetch, waiting, Snapshot},
    setup::World,
    wire::{expect_refusal, Wire},
};

/// A profit or loss below this is left for later, native quote.
const WORTH_SETTLING: i128 = 200_000_000;
/// Most accounts that one settlement of fills touches.
const MAKERS_PER_CALL: usize = 8;
/// Nothing there to settle: no fault of anybody.
const EXPECTED: &[PlimsollError] = &[
    PlimsollError::NothingToSettle,
    PlimsollError::CannotPayLoss,
    PlimsollError::InsufficientHealth,
];

/// A keeper's view of the exchange.
pub struct Keeper<'a> {
    pub wire: &'a Wire,
    pub world: &'a World,
}

impl Keeper<'_> {
    /// Refreshes every feed, and lets interest and funding run.
    pub async fn refresh(&self) -> Result<()> {
        self.wire
            .send(&self.world.accrued(self.wire).await?, &[])
            .await?;
        Ok(())
    }

    /// Empties the fill queues.
    pub async fn settle_fills(&self) -> Result<()> {
        for listed in &self.world.markets {
            loop {
                let makers = waiting(self.wire, &listed.market.fill_queue).await?;
                let Some(some) = makers.chunks(MAKERS_PER_CALL).next() else {
                    break;
                };
                self.wire.send(&[settle_fills(listed, some)], &[]).await?;
            }
        }
        Ok(())
    }

    /// Settles what is worth settling: losses, then profits.
    pub async fn settle_pnl(&self) -> Result<()> {
        let mut due = self.due().await?;
        due.sort_by_key(|(pnl, account, market)| (*pnl, *account, *market));
        for (pnl, account, market) in due {
            if pnl > 0 && self.pool(market).await? == 0 {
                continue;
            }
            let settle = settle_pnl(self.world, market, account);
            let instructions = self.world.refreshed(self.wire, [settle]).await?;
            if let Err(refusal) = self.wire.send(&instructions, &[]).await {
                expect_refusal(refusal, EXPECTED)?;
            }
        }
        Ok(())
    }

    /// What a market can pay out, native quote.
    async fn pool(&self, market: usize) -> Result<u64> {
        let address = &self.world.markets[market].market.address;
        Ok(fetch::<Market>(self.wire, address).await?.pnl_pool)
    }

    /// Profit, account and market of everything that is worth settling and can be.
    async fn due(&self) -> Result<Vec<(i128, Pubkey, usize)>> {
        let snapshot = Snapshot::read(self.wire, self.world).await?;
        let mut due = Vec::new();
        for (address, account) in &snapshot.accounts {
            let quote = account.balances[0].shares.0;
            for perp in account.perps.iter().filter(|p| !p.is_free()) {
                let market = usize::from(perp.market);
                let pnl = settleable(perp, &snapshot.risk.markets[market])?;
                let payable = pnl > 0 || quote > 0;
                if pnl.abs() >= WORTH_SETTLING && payable {
                    due.push((pnl, *address, market));
                }
            }
        }
        Ok(due)
    }
}

/// What would be settled of a position: a profit only as far as the stable price confirms it.
fn settleable(perp: &PerpPosition, risk: &MarketRisk) -> Result<i128> {
    let at_spot = perp_equity(perp, risk)?;
    if at_spot <= 0 || perp.position.is_zero() {
        return Ok(at_spot);
    }
    let mut worse = *risk;
    worse.price.spot = if perp.position.0 > 0 {
        risk.price.lower()
    } else {
        risk.price.higher()
    };
    Ok(perp_equity(perp, &worse)?.max(0))
}
