//! Proof, from the chain's state alone, that no money appeared or disappeared: what vaults hold is what is owed, every
//! position has its counterpart, and every claim on a market is matched.
use std::collections::BTreeMap;

use anchor_lang::{prelude::Pubkey, Discriminator, ZeroCopy};
use anyhow::{Context, Result};
use plimsoll::state::{Bank, FillQueueAccount, MarginAccount, Market};
use plimsoll_client::decode;
use plimsoll_risk::balance::{native_ceil, native_floor};
use serde::Serialize;
use surfpool_core::solana_account::Account;

use crate::{chain::Chain, setup::World, wire::Wire};

/// Rounding that one transaction may leave behind in a bank or a pool, native units. All of it favours the protocol.
const DUST_PER_TRANSACTION: i128 = 8;

/// One thing that must hold.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub what: String,
    pub holds: bool,
    pub detail: String,
}

/// The exchange's accounts at one moment.
struct Moment {
    accounts: BTreeMap<Pubkey, Account>,
}

impl Moment {
    fn get<T: ZeroCopy + Discriminator>(&self, address: &Pubkey) -> Result<Box<T>> {
        let account = self.accounts.get(address).context("an account is gone")?;
        Ok(decode(&account.data)?)
    }

    /// Tokens in a token account.
    fn tokens(&self, address: &Pubkey) -> Result<u64> {
        let account = self.accounts.get(address).context("a vault is gone")?;
        amount(&account.data)
    }

    /// Every margin account of an exchange.
    fn margin_accounts(&self, exchange: &Pubkey) -> Vec<Box<MarginAccount>> {
        let accounts = self.accounts.values();
        let decoded = accounts.filter_map(|a| decode::<MarginAccount>(&a.data).ok());
        decoded.filter(|a| a.exchange == *exchange).collect()
    }
}

/// Everything that is checked, after `transactions` that may each have left a little rounding behind.
pub fn check(chain: &Chain, world: &World, transactions: u64) -> Result<Vec<Check>> {
    let vaults: Vec<Pubkey> = world.assets.iter().map(|a| a.asset.vault).collect();
    let moment = Moment {
        accounts: chain.node().snapshot(&plimsoll::ID, &vaults)?,
    };
    let accounts = moment.margin_accounts(&world.exchange.address);
    let accounts: Vec<&MarginAccount> = accounts.iter().map(|a| &**a).collect();
    let allowed = DUST_PER_TRANSACTION * i128::from(transactions);
    let mut pools = 0i128;
    let mut checks = Vec::new();
    for listed in &world.markets {
        let market: Box<Market> = moment.get(&listed.market.address)?;
        let queue: Box<FillQueueAccount> = moment.get(&listed.market.fill_queue)?;
        let queued = queue.queue.entries().len();
        pools += i128::from(market.pnl_pool);
        checks.push(positions(listed.name, &market, &accounts, queued));
        checks.push(claims(listed.name, &market, &accounts, allowed)?);
    }
    for (index, listed) in world.assets.iter().enumerate() {
        let bank: Box<Bank> = moment.get(&listed.asset.bank)?;
        let vault = i128::from(moment.tokens(&listed.asset.vault)?);
        let pools = if index == 0 { pools } else { 0 };
        checks.push(shares(listed.symbol, &bank, &accounts));
        checks.push(holdings(listed.symbol, &bank, vault, pools, allowed)?);
    }
    Ok(checks)
}

/// Tokens in a token account, over RPC.
pub async fn token_amount(wire: &Wire, address: &Pubkey) -> Result<u64> {
    amount(&wire.rpc().get_account_data(address).await?)
}

/// The amount follows mint and owner in every token account.
fn amount(data: &[u8]) -> Result<u64> {
    let bytes = data.get(64..72).context("not a token account")?;
    Ok(u64::from_le_bytes(bytes.try_into()?))
}

/// Longs and shorts cancel out, and the market counts them right.
fn positions(name: &str, market: &Market, accounts: &[&MarginAccount], queued: usize) -> Check {
    let held = |account: &MarginAccount| -> i64 {
        let slots = account.perps.iter();
        slots
            .filter(|p| p.market == market.index)
            .map(|p| p.position.0)
            .sum()
    };
    let longs: i64 = accounts.iter().map(|a| held(a).max(0)).sum();
    let shorts: i64 = accounts.iter().map(|a| held(a).min(0)).sum();
    let holds = longs + shorts == 0
        && market.long_interest == longs
        && market.short_interest == -shorts
        && queued == 0;
    Check {
        what: format!("{name} positions sum to zero"),
        holds,
        detail: format!(
            "long {longs} lots, short {}, counted {} and {}, {queued} fills waiting",
            -shorts, market.long_interest, market.short_interest
        ),
    }
}

/// The pool covers all claims, up to rounding.
fn claims(
    name: &str,
    market: &Market,
    accounts: &[&MarginAccount],
    allowed: i128,
) -> Result<Check> {
    let mut owed = i128::from(market.fees_accrued) + i128::from(market.insurance_accrued);
    for account in accounts {
        for perp in account.perps.iter().filter(|p| p.market == market.index) {
            // Interest on a loss becomes insurance's claim when it becomes the loser's.
            let due = match perp.position.is_zero() {
                true => 0,
                false => perp.funding_due(market.funding())?,
            };
            owed += i128::from(perp.quote.0) - due;
        }
    }
    // What is known to be missing is shared by profits.
    owed -= i128::from(market.profits.missing());
    let surplus = i128::from(market.pnl_pool) - owed;
    Ok(Check {
        what: format!("{name} pool covers all claims"),
        holds: (0..=allowed).contains(&surplus),
        detail: format!(
            "pool {} USD, claims {} USD, rounding left {surplus} of 10^-6 USD",
            whole(i128::from(market.pnl_pool), 6),
            whole(owed, 6)
        ),
    })
}

/// The bank's totals are the sums over all accounts, exactly.
fn shares(name: &str, bank: &Bank, accounts: &[&MarginAccount]) -> Check {
    let held = |account: &MarginAccount| -> i64 {
        let slots = account.balances.iter();
        slots
            .filter(|b| b.asset == bank.index)
            .map(|b| b.shares.0)
            .sum()
    };
    let deposits: i64 = accounts.iter().map(|a| held(a).max(0)).sum();
    let borrows: i64 = accounts.iter().map(|a| -held(a).min(0)).sum();
    Check {
        what: format!("{name} balances sum to the bank's totals"),
        holds: u64::try_from(deposits) == Ok(bank.deposit_shares)
            && u64::try_from(borrows) == Ok(bank.borrow_shares),
        detail: format!(
            "deposits {deposits} of {}, borrows {borrows} of {} shares",
            bank.deposit_shares, bank.borrow_shares
        ),
    }
}

/// The vault holds what the bank owes, up to rounding.
fn holdings(name: &str, bank: &Bank, vault: i128, pools: i128, allowed: i128) -> Result<Check> {
    let deposits = i128::from(native_floor(bank.deposit_shares, bank.deposit_index)?);
    let borrows = i128::from(native_ceil(bank.borrow_shares, bank.borrow_index)?);
    let owed = deposits - borrows + i128::from(bank.fees) + i128::from(bank.insurance) + pools;
    let surplus = vault - owed;
    Ok(Check {
        what: format!("{name} vault holds what is owed"),
        holds: (0..=allowed).contains(&surplus),
        detail: format!(
            "vault {}, owed {}, rounding left {surplus} native units",
            whole(vault, bank.decimals),
            whole(owed, bank.decimals)
        ),
    })
}

/// Native units as whole tokens.
fn whole(native: i128, decimals: u8) -> String {
    let value = native as f64 / 10f64.powi(i32::from(decimals));
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{account, zeroed};
    use plimsoll_risk::INDEX_ONE;

    #[test]
    fn positions_need_a_counterpart() {
        let mut market = zeroed::<Market>();
        (market.long_interest, market.short_interest) = (7, 7);
        let (long, short) = (account(&[], &[(0, 7, 0)]), account(&[], &[(0, -7, 0)]));
        assert!(positions("", &market, &[&long, &short], 0).holds);
        assert!(!positions("", &market, &[&long, &short], 1).holds);
        assert!(!positions("", &market, &[&long], 0).holds);
        market.short_interest = 6;
        assert!(!positions("", &market, &[&long, &short], 0).holds);
    }

    #[test]
    fn claims_need_a_pool() {
        let mut market = zeroed::<Market>();
        (market.pnl_pool, market.fees_accrued) = (50, 10);
        let (won, lost) = (account(&[], &[(0, 7, 90)]), account(&[], &[(0, -7, -52)]));
        let check = |allowed| claims("", &market, &[&won, &lost], allowed).unwrap().holds;
        assert!(check(2) && !check(1));
        assert!(!claims("", &market, &[&won], 1_000).unwrap().holds);
    }

    #[test]
    fn a_vault_must_hold_what_is_owed_and_no_more() {
        let mut bank = zeroed::<Bank>();
        (bank.deposit_index, bank.borrow_index) = (INDEX_ONE, INDEX_ONE);
        (bank.deposit_shares, bank.borrow_shares) = (100, 30);
        (bank.fees, bank.insurance) = (3, 2);
        let (rich, poor) = (account(&[(0, 100)], &[]), account(&[(0, -30)], &[]));
        assert!(shares("", &bank, &[&rich, &poor]).holds);
        assert!(!shares("", &bank, &[&rich]).holds);
        let holds = |vault| holdings("", &bank, vault, 5, 1).unwrap().holds;
        assert_eq!([79, 80, 81, 82].map(holds), [false, true, true, false]);
    }
}
