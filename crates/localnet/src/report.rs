//! The report of a run: who was liquidated, when and at what price, who was paid, who bore bad debt, and what it cost
//! in compute units. Made of the events that the program logged, not of what anybody intended.
use std::collections::BTreeMap;

use anchor_lang::prelude::Pubkey;
use serde::Serialize;

use crate::{
    conservation::Check, logs::Happened, scenario::Tick, setup::World, statistics::Summary,
    wire::Traffic,
};

/// Everything about a run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub scenario: String,
    pub seed: u64,
    pub ticks: u32,
    /// The scenario is one in which somebody must be liquidated.
    pub is_crash: bool,
    pub interrupted: bool,
    pub liquidations: Vec<Slice>,
    pub accounts: Vec<Liquidated>,
    pub bad_debts: Vec<BadDebt>,
    /// Insurance vault at the start and at the end, USDC.
    pub insurance_before: f64,
    pub insurance_after: f64,
    /// Insurance's shares of penalties that are not in its vault: tokens kept in banks, claims on pools, USD.
    pub insurance_accrued: f64,
    pub conservation: Vec<Check>,
    /// Accounts below their maintenance line at the end with something left to seize.
    pub missed: Vec<String>,
    pub compute_units: BTreeMap<String, Summary>,
    pub transaction_compute_units: Summary,
    pub transactions_landed: u64,
    pub transactions_refused: u64,
    pub refusals: BTreeMap<String, u64>,
    pub wall_seconds: f64,
}

/// One slice that changed hands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    pub tick: u32,
    pub account: String,
    pub liquidator: String,
    /// What was taken over or swapped, for people.
    pub what: String,
    /// Oracle price of what was taken, USD.
    pub price: f64,
    /// Value of the position or debt taken over, USD.
    pub value: f64,
    /// What the account paid on top, USD: the liquidator's and insurance's part.
    pub to_liquidator: f64,
    pub to_insurance: f64,
}

/// One account's liquidation as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Liquidated {
    pub account: String,
    pub first_tick: u32,
    pub last_tick: u32,
    pub slices: usize,
    pub value: f64,
    pub to_liquidator: f64,
    pub to_insurance: f64,
    pub bad_debt: f64,
}

/// A loss that an account could not pay, and who bore it, USD.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BadDebt {
    pub tick: u32,
    pub account: String,
    pub owed_in: String,
    pub loss: f64,
    pub from_insurance: f64,
    pub from_fees: f64,
    pub socialized: f64,
}

/// Names of accounts and prices of ticks, to make sense of events.
pub struct Context<'a> {
    pub world: &'a World,
    pub names: &'a BTreeMap<Pubkey, String>,
    pub path: &'a [Tick],
}

impl Context<'_> {
    fn name(&self, account: &Pubkey) -> String {
        let known = self.names.get(account).cloned();
        known.unwrap_or_else(|| account.to_string())
    }

    /// USD price of an asset at a tick; ticks after the last have its prices.
    fn price(&self, tick: u32, asset: usize) -> f64 {
        let index = (tick as usize).min(self.path.len() - 1);
        self.path[index].prices[asset]
    }

    /// Whole tokens (or USD of a claim) and their USD value; the name says of what.
    fn amount(&self, tick: u32, index: u16, is_pnl: bool, native: u64) -> (String, f64, f64) {
        if is_pnl {
            let usd = native as f64 / 1e6;
            let market = &self.world.markets[usize::from(index)];
            return (format!("{} PnL", market.name), usd, usd);
        }
        let listed = &self.world.assets[usize::from(index)];
        let whole = native as f64 / 10f64.powi(i32::from(listed.decimals));
        let usd = whole * self.price(tick, usize::from(index));
        (listed.symbol.to_owned(), whole, usd)
    }

    /// Every slice, in order.
    pub fn slices(&self, events: &[(u32, Happened)]) -> Vec<Slice> {
        let slice = |(tick, event): &(u32, Happened)| match event {
            Happened::Position(e) => Some(self.position(*tick, e)),
            Happened::Collateral(e) => Some(self.collateral(*tick, e)),
            _ => None,
        };
        events.iter().filter_map(slice).collect()
    }

    fn position(&self, tick: u32, e: &plimsoll::events::PositionLiquidated) -> Slice {
        let listed = &self.world.markets[usize::from(e.market)];
        let size = e.lots as f64 * listed.lot();
        let value = e.notional as f64 / 1e6;
        let side = if size > 0.0 { "long" } else { "short" };
        let insurance = (e.insurance_fee as f64 - e.top_up as f64) / 1e6;
        Slice {
            tick,
            account: self.name(&e.margin_account),
            liquidator: self.name(&e.liquidator),
            what: format!("{} {side} {:.4}", listed.name, size.abs()),
            price: value / size.abs(),
            value,
            to_liquidator: e.fee as f64 / 1e6 - insurance,
            to_insurance: insurance,
        }
    }

    fn collateral(&self, tick: u32, e: &plimsoll::events::CollateralLiquidated) -> Slice {
        let (given, seized, seized_usd) =
            self.amount(tick, e.collateral, e.collateral_is_pnl, e.seized);
        let (owed, repaid, repaid_usd) = self.amount(tick, e.debt, e.debt_is_pnl, e.repaid);
        let usd = |amount| {
            self.amount(tick, e.collateral, e.collateral_is_pnl, amount)
                .2
        };
        let insurance = usd(e.insurance) - usd(e.top_up);
        Slice {
            tick,
            account: self.name(&e.margin_account),
            liquidator: self.name(&e.liquidator),
            what: format!("{seized:.4} {given} for {repaid:.2} {owed} of debt"),
            price: seized_usd / seized,
            value: repaid_usd,
            to_liquidator: seized_usd - repaid_usd - insurance,
            to_insurance: insurance,
        }
    }

    /// Every bankruptcy, in order.
    pub fn bad_debts(&self, events: &[(u32, Happened)]) -> Vec<BadDebt> {
        let bad_debt = |(tick, event): &(u32, Happened)| {
            let Happened::Bankruptcy(e) = event else {
                return None;
            };
            let usd = |native| self.amount(*tick, e.index, e.is_pnl, native).2;
            Some(BadDebt {
                tick: *tick,
                account: self.name(&e.margin_account),
                owed_in: self.amount(*tick, e.index, e.is_pnl, 0).0,
                loss: usd(e.loss),
                from_insurance: usd(e.from_insurance),
                from_fees: usd(e.from_fees),
                socialized: usd(e.socialized),
            })
        };
        events.iter().filter_map(bad_debt).collect()
    }
}

/// Sums slices and bad debts by account, in the order of their first slice.
pub fn by_account(slices: &[Slice], bad_debts: &[BadDebt]) -> Vec<Liquidated> {
    let mut accounts: Vec<Liquidated> = Vec::new();
    for slice in slices {
        let found = accounts.iter().position(|a| a.account == slice.account);
        let at = found.unwrap_or_else(|| {
            accounts.push(Liquidated {
                account: slice.account.clone(),
                first_tick: slice.tick,
                ..Liquidated::default()
            });
            accounts.len() - 1
        });
        let sum = &mut accounts[at];
        sum.last_tick = slice.tick;
        sum.slices += 1;
        sum.value += slice.value;
        sum.to_liquidator += slice.to_liquidator;
        sum.to_insurance += slice.to_insurance;
    }
    for bad in bad_debts {
        if let Some(sum) = accounts.iter_mut().find(|a| a.account == bad.account) {
            sum.bad_debt += bad.from_insurance + bad.from_fees + bad.socialized;
        }
    }
    accounts
}

impl Report {
    /// The sums over all liquidated accounts.
    pub fn all_accounts(&self) -> Liquidated {
        let sum = |of: fn(&Liquidated) -> f64| self.accounts.iter().map(of).sum();
        Liquidated {
            account: "all".into(),
            slices: self.liquidations.len(),
            value: sum(|a| a.value),
            to_liquidator: sum(|a| a.to_liquidator),
            to_insurance: sum(|a| a.to_insurance),
            bad_debt: sum(|a| a.bad_debt),
            ..Liquidated::default()
        }
    }

    /// What the book of a run's traffic tells.
    pub fn count_traffic(&mut self, traffic: &Traffic) {
        self.compute_units = traffic
            .compute
            .iter()
            .map(|(name, units)| (name.clone(), Summary::of(units)))
            .collect();
        self.transaction_compute_units = Summary::of(&traffic.transactions);
        self.transactions_landed = traffic.landed;
        self.transactions_refused = traffic.refused.values().sum();
        self.refusals = traffic.refused.clone();
    }

    /// Why the run counts as failed, if it does. In a crash somebody must have been liquidated.
    pub fn failures(&self) -> Vec<String> {
        let broken = self.conservation.iter().filter(|check| !check.holds);
        let mut failures: Vec<String> = broken
            .map(|check| format!("conservation: {}: {}", check.what, check.detail))
            .collect();
        failures.extend(
            self.missed
                .iter()
                .map(|name| format!("{name} is below its maintenance line and was not liquidated")),
        );
        if self.is_crash && !self.interrupted && self.liquidations.is_empty() {
            failures.push("nobody was liquidated".into());
        }
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(account: &str, tick: u32) -> Slice {
        Slice {
            tick,
            account: account.into(),
            liquidator: "liquidator-1".into(),
            what: String::new(),
            price: 1.0,
            value: 100.0,
            to_liquidator: 0.7,
            to_insurance: 0.3,
        }
    }

    #[test]
    fn fails_when_money_is_missing_or_someone_was_missed() {
        let mut report = Report {
            is_crash: true,
            liquidations: vec![slice("long-1", 1)],
            ..Report::default()
        };
        assert!(report.failures().is_empty());
        report.missed.push("long-2".into());
        report.conservation.push(Check {
            what: "vault".into(),
            holds: false,
            detail: String::new(),
        });
        assert_eq!(report.failures().len(), 2);
        report.liquidations.clear();
        assert_eq!(report.failures().len(), 3);
        report.interrupted = true;
        assert_eq!(report.failures().len(), 2);
    }

    #[test]
    fn sums_by_account_in_the_order_of_the_first_slice() {
        let slices = [slice("long-2", 3), slice("long-1", 4), slice("long-2", 6)];
        let bad = [BadDebt {
            tick: 6,
            account: "long-2".into(),
            owed_in: "USDC".into(),
            loss: 10.0,
            from_insurance: 8.0,
            from_fees: 1.0,
            socialized: 1.0,
        }];
        let accounts = by_account(&slices, &bad);
        assert_eq!(accounts.len(), 2);
        let first = &accounts[0];
        assert_eq!((first.account.as_str(), first.slices), ("long-2", 2));
        assert_eq!((first.first_tick, first.last_tick), (3, 6));
        assert!((first.value - 200.0).abs() < 1e-9 && (first.bad_debt - 10.0).abs() < 1e-9);
        assert!(accounts[1].bad_debt == 0.0);
    }
}
