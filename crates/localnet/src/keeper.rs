//! The keeper: refreshes the risk state, brings queued fills to their accounts, and turns profits and losses into
//! balances, losses first, since only they fill the pools that profits are paid from.
use anyhow::Result;
use plimsoll::error::PlimsollError;
use plimsoll_risk::standard::perp_equity;

use crate::{
    liquidations::{settle_fills, settle_pnl},
    reading::{waiting, Snapshot},
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
    /// Refreshes every entry.
    pub async fn refresh(&self) -> Result<()> {
        self.wire.send(&[self.world.refresh_all()], &[]).await?;
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
        for (_, account, market) in due {
            let instructions = [
                self.world.refresh(&[0], &[market as u16]),
                settle_pnl(self.world, market, account),
            ];
            if let Err(refusal) = self.wire.send(&instructions, &[]).await {
                expect_refusal(refusal, EXPECTED)?;
            }
        }
        Ok(())
    }

    /// Profit, account and market of everything that is worth settling and can be.
    async fn due(&self) -> Result<Vec<(i128, anchor_lang::prelude::Pubkey, usize)>> {
        let snapshot = Snapshot::read(self.wire, self.world).await?;
        let mut due = Vec::new();
        for (address, account) in &snapshot.accounts {
            let quote = account.balances[0].shares.0;
            for perp in account.perps.iter().filter(|p| !p.is_free()) {
                let market = usize::from(perp.market);
                let pnl = perp_equity(perp, &snapshot.risk.markets[market])?;
                let payable = pnl > 0 || quote > 0;
                if pnl.abs() >= WORTH_SETTLING && payable {
                    due.push((pnl, *address, market));
                }
            }
        }
        Ok(due)
    }
}
