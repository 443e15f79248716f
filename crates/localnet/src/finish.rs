//! The end of a run: winding up what is left, collecting fees, and putting the report together.
use anyhow::Result;
use plimsoll::{
    error::PlimsollError,
    state::{Bank, Market},
};
use plimsoll_client::instructions as ix;

use crate::{
    claims::is_bankrupt,
    conservation::{self, token_amount},
    liquidator::needs_liquidation,
    listing::COVER_DELAY_SECS,
    play::Stage,
    reading::{fetch, Snapshot},
    report::{by_account, Context, Report},
    setup::{mint_to, wallet},
    text::Narrator,
    wire::expect_refusal,
};

/// Most ticks at the last price, and seconds between them, in which what is left is wound up.
const WIND_UP_TICKS: u32 = 12;
const WIND_UP_SECS: i64 = 60;

impl Stage {
    /// Holds the last prices until nobody is left to liquidate, then settles everything and collects fees.
    pub(crate) async fn wind_up(&self, mut now: i64, narrator: &mut Narrator) -> Result<()> {
        let Some(tick) = self.path.get(self.wire.traffic(|book| book.tick) as usize) else {
            return Ok(());
        };
        for _ in 0..WIND_UP_TICKS {
            let before = self.wire.traffic(|book| book.events.len());
            if self.missed().await?.is_empty() {
                break;
            }
            now = self.travel(now + WIND_UP_SECS).await?;
            self.publish(tick, 0.0).await?;
            let below = self.below().await?;
            self.sweep().await?;
            narrator.row(&self.row("after".into(), tick, below, before, false));
        }
        narrator.step("settling what is left");
        self.actors().withdraw_quotes().await?;
        self.keeper().settle_fills().await?;
        self.keeper().settle_pnl().await?;
        // What losers have just paid is announced; after that it is their winners'.
        self.travel(now + i64::from(COVER_DELAY_SECS)).await?;
        self.publish_only(tick).await?;
        self.keeper().settle_pnl().await?;
        // The last word is said on fresh entries: stale ones would count in the accounts' favour.
        self.publish_only(tick).await?;
        self.sweep().await?;
        self.collect().await
    }

    /// Pays out the markets' fees, and insurance's share of penalties into its vault.
    async fn collect(&self) -> Result<()> {
        let authority = self.wire.payer();
        let quote = &self.world.quote().asset;
        let open = mint_to(&self.wire, self.world.quote(), &authority, 0);
        self.wire.send(&open, &[]).await?;
        for listed in &self.world.markets {
            let market: Box<Market> = fetch(&self.wire, &listed.market.address).await?;
            if market.pnl_pool == 0 {
                continue;
            }
            let instruction = ix::collect_market_fees(
                &self.world.exchange,
                authority,
                &listed.market,
                quote,
                wallet(&authority, quote),
            );
            if let Err(refusal) = self.wire.send(&[instruction], &[]).await {
                expect_refusal(refusal, &[PlimsollError::NothingToCollect])?;
            }
        }
        Ok(())
    }

    /// Accounts that ought to be liquidated: below their maintenance line, with something left to seize.
    async fn missed(&self) -> Result<Vec<String>> {
        self.keeper().refresh().await?;
        let snapshot = Snapshot::read(&self.wire, &self.world).await?;
        let mut missed = Vec::new();
        for (address, account) in &snapshot.accounts {
            let bankrupt = is_bankrupt(account, &snapshot.risk, &snapshot.clock());
            if needs_liquidation(&snapshot, account)? && !bankrupt {
                missed.push(self.names.get(address).cloned().unwrap_or_default());
            }
        }
        Ok(missed)
    }

    pub(crate) async fn insurance(&self) -> Result<f64> {
        let vault = &self.world.exchange.insurance_vault;
        Ok(token_amount(&self.wire, vault).await? as f64 / 1e6)
    }

    /// Insurance's share of penalties that is not in its vault: claims on pools, and tokens kept in kind.
    async fn insurance_accrued(&self) -> Result<f64> {
        let snapshot = Snapshot::read(&self.wire, &self.world).await?;
        let mut usd = 0.0;
        for (index, listed) in self.world.assets.iter().enumerate() {
            let bank: Box<Bank> = fetch(&self.wire, &listed.asset.bank).await?;
            usd += bank.insurance as f64 * snapshot.usd_per_native(index as u16);
        }
        for listed in &self.world.markets {
            let market: Box<Market> = fetch(&self.wire, &listed.market.address).await?;
            usd += market.insurance_accrued as f64 / 1e6;
        }
        Ok(usd)
    }

    pub(crate) async fn report(&self, insurance_before: f64) -> Result<Report> {
        let context = Context {
            world: &self.world,
            names: &self.names,
            path: &self.path,
        };
        let conservation = conservation::check(
            &self.chain,
            &self.world,
            self.wire.traffic(|book| book.landed),
        )?;
        let (missed, insurance_after) = (self.missed().await?, self.insurance().await?);
        let insurance_accrued = self.insurance_accrued().await?;
        Ok(self.wire.traffic(|book| {
            let liquidations = context.slices(&book.events);
            let bad_debts = context.bad_debts(&book.events);
            let mut report = Report {
                scenario: self.options.scenario.name(),
                seed: self.options.seed,
                ticks: self.options.ticks,
                is_crash: self.options.scenario.is_crash(),
                interrupted: self.stopped(),
                accounts: by_account(&liquidations, &bad_debts),
                liquidations,
                bad_debts,
                insurance_before,
                insurance_after,
                insurance_accrued,
                conservation,
                missed,
                ..Report::default()
            };
            report.count_traffic(book);
            report
        }))
    }
}
