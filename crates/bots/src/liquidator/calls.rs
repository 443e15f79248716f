//! From a plan to transactions: instructions with their accounts, and what of them goes ahead when one is too small.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll_client::{
    instructions::{self as ix, BadDebt, Liquidation, RefreshEntry, Swap},
    transaction::Version,
    AssetRef, ExchangeRef, MarketRef,
};

use super::plan::{Entry, Leg, Move, Plan, Step};

/// Most queued fills that one call settles.
const SETTLED_FILLS: u16 = 32;

/// A listed asset and where its prices are.
#[derive(Clone, Copy, Debug)]
pub struct AssetAddresses {
    pub asset: AssetRef,
    pub oracle: Pubkey,
    pub fallback: Option<Pubkey>,
}

/// A market and where its prices are.
#[derive(Clone, Copy, Debug)]
pub struct MarketAddresses {
    pub market: MarketRef,
    pub oracle: Pubkey,
    pub fallback: Option<Pubkey>,
}

/// The addresses of an exchange and of all that is listed, by index.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub exchange: ExchangeRef,
    pub assets: Vec<AssetAddresses>,
    pub markets: Vec<MarketAddresses>,
}

impl Addresses {
    /// The refresh of some entries; those that are not listed are left out.
    pub fn refresh(&self, entries: &[Entry]) -> Instruction {
        let entries: Vec<RefreshEntry> = entries
            .iter()
            .filter_map(|entry| self.refresh_entry(*entry))
            .collect();
        ix::refresh(&self.exchange, &entries)
    }

    fn refresh_entry(&self, entry: Entry) -> Option<RefreshEntry> {
        Some(match entry {
            Entry::Asset(index) => {
                let listed = self.assets.get(usize::from(index))?;
                RefreshEntry::Asset {
                    asset: listed.asset,
                    oracle: listed.oracle,
                    fallback: listed.fallback,
                }
            }
            Entry::Market(index) => {
                let listed = self.markets.get(usize::from(index))?;
                RefreshEntry::Market {
                    market: listed.market,
                    oracle: listed.oracle,
                    fallback: listed.fallback,
                }
            }
        })
    }

    /// A market's addresses.
    pub fn market(&self, index: u16) -> Option<&MarketRef> {
        let listed = self.markets.get(usize::from(index))?;
        Some(&listed.market)
    }

    /// An asset's addresses.
    pub fn asset(&self, index: u16) -> Option<&AssetRef> {
        let listed = self.assets.get(usize::from(index))?;
        Some(&listed.asset)
    }

    /// Refreshes of many entries in as few transactions as they fit.
    pub fn refreshes(
        &self,
        payer: &Pubkey,
        entries: &[Entry],
        version: Version,
    ) -> Vec<Vec<Instruction>> {
        let mut transactions = Vec::new();
        let mut rest = entries;
        while !rest.is_empty() {
            let fitting = (1..=rest.len())
                .rev()
                .find(|count| {
                    let some = rest.get(..*count).unwrap_or(rest);
                    version.fits(payer, &[self.refresh(some)])
                })
                .unwrap_or(1);
            let (now, later) = rest.split_at(fitting);
            transactions.push(vec![self.refresh(now)]);
            rest = later;
        }
        transactions
    }
}

/// Who liquidates.
#[derive(Clone, Copy, Debug)]
pub struct Liquidator {
    /// Owner or delegate, who signs and pays.
    pub signer: Pubkey,
    pub account: Pubkey,
}

impl Liquidator {
    /// The transactions of a plan, to be sent one after the other: refreshes and settlements that do not fit into the
    /// last one go ahead of it, the entries refreshed longest ago first. `None` when the plan names something that is
    /// not listed.
    pub fn transactions(
        &self,
        addresses: &Addresses,
        plan: &Plan,
        version: Version,
    ) -> Option<Vec<Vec<Instruction>>> {
        let mut ahead = Vec::new();
        let mut last = Vec::new();
        for (market, accounts) in &plan.settle {
            let market = addresses.market(*market)?;
            let room = version.room(&self.signer, &[ix::settle_fills(market, &[], 0)]);
            let together = room.min(usize::from(SETTLED_FILLS)).max(1);
            for some in accounts.chunks(together) {
                let settle = ix::settle_fills(market, some, SETTLED_FILLS);
                match some == [plan.address] {
                    true => last.push(settle),
                    false => ahead.push(vec![settle]),
                }
            }
        }
        last.push(self.call(addresses, plan)?);
        let with_refresh = |entries: &[Entry]| {
            let refresh = (!entries.is_empty()).then(|| addresses.refresh(entries));
            refresh.into_iter().chain(last.clone()).collect::<Vec<_>>()
        };
        let split = (0..=plan.refresh.len()).find(|split| {
            let kept = plan.refresh.get(*split..).unwrap_or_default();
            version.fits(&self.signer, &with_refresh(kept))
        })?;
        let (first, kept) = plan.refresh.split_at(split);
        ahead.extend(addresses.refreshes(&self.signer, first, version));
        ahead.push(with_refresh(kept));
        Some(ahead)
    }

    fn call(&self, addresses: &Addresses, plan: &Plan) -> Option<Instruction> {
        match &plan.step {
            Step::Liquidate { cancel_in, moves } => {
                let what = liquidation(addresses, cancel_in, moves)?;
                Some(ix::liquidate(
                    &addresses.exchange,
                    self.signer,
                    self.account,
                    plan.address,
                    &what,
                ))
            }
            Step::Resolve { debt, max_repay } => {
                let debt = match *debt {
                    Leg::Asset(asset) => BadDebt::Asset {
                        bank: addresses.asset(asset)?.bank,
                        resolver_account: (*max_repay > 0).then_some(self.account),
                        max_repay: *max_repay,
                    },
                    Leg::Claim(market) => BadDebt::Market {
                        market: *addresses.market(market)?,
                    },
                };
                let quote = addresses.asset(0)?;
                Some(ix::resolve_bankruptcy(
                    &addresses.exchange,
                    self.signer,
                    plan.address,
                    &debt,
                    quote,
                ))
            }
        }
    }
}

fn liquidation(addresses: &Addresses, cancel_in: &[u16], moves: &[Move]) -> Option<Liquidation> {
    let mut what = Liquidation::default();
    for market in cancel_in {
        what.cancel_in.push(*addresses.market(*market)?);
    }
    let leg = |leg: Leg| match leg {
        Leg::Asset(asset) => addresses.asset(asset).map(|asset| asset.bank),
        Leg::Claim(market) => addresses.market(market).map(|market| market.address),
    };
    for made in moves {
        match *made {
            Move::TakeOver { market, max_lots } | Move::Open { market, max_lots } => {
                what.position = Some((*addresses.market(market)?, max_lots));
            }
            Move::Hedge { market } => what.hedges.push(*addresses.market(market)?),
            Move::Swap {
                collateral,
                debt,
                max_debt,
            } => {
                let claims = [collateral, debt]
                    .iter()
                    .any(|l| matches!(l, Leg::Claim(_)));
                what.swap = Some(Swap {
                    collateral: leg(collateral)?,
                    debt: leg(debt)?,
                    max_debt,
                    quote_bank: claims.then_some(addresses.asset(0)?.bank),
                });
            }
        }
    }
    Some(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Pubkey {
        Pubkey::new_from_array([number; 32])
    }

    fn addresses() -> Addresses {
        let exchange = ExchangeRef::new(0);
        let assets = (0..16u8).map(|i| AssetAddresses {
            asset: exchange.asset(key(i), key(200)),
            oracle: key(100 + i),
            fallback: None,
        });
        let markets = (0..16u8).map(|i| MarketAddresses {
            market: exchange.market(u16::from(i)),
            oracle: key(100 + i),
            fallback: None,
        });
        Addresses {
            exchange,
            assets: assets.collect(),
            markets: markets.collect(),
        }
    }

    fn plan(refresh: Vec<Entry>, cancel_in: Vec<u16>) -> Plan {
        Plan {
            address: key(250),
            settle: vec![(3, vec![key(250)])],
            step: Step::Liquidate {
                cancel_in,
                moves: vec![Move::TakeOver {
                    market: 3,
                    max_lots: 5,
                }],
            },
            refresh,
            reward: 0,
            profit: 0,
            margin: 0,
            value: Default::default(),
        }
    }

    const WHO: Liquidator = Liquidator {
        signer: Pubkey::new_from_array([251; 32]),
        account: Pubkey::new_from_array([252; 32]),
    };

    #[test]
    fn a_small_account_takes_one_transaction() {
        let plan = plan(vec![Entry::Asset(0), Entry::Market(3)], vec![3]);
        for version in [Version::V0, Version::V1] {
            let sent = WHO.transactions(&addresses(), &plan, version).unwrap();
            assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [3]);
        }
    }

    #[test]
    fn what_does_not_fit_goes_ahead_the_oldest_first() {
        let entries: Vec<Entry> = (0..16)
            .flat_map(|i| [Entry::Asset(i), Entry::Market(i)])
            .collect();
        let plan = plan(entries.clone(), (0..16).collect());
        let addresses = addresses();
        for version in [Version::V0, Version::V1] {
            let sent = WHO.transactions(&addresses, &plan, version).unwrap();
            let fits = |instructions: &Vec<_>| version.fits(&WHO.signer, instructions);
            assert!(sent.iter().all(fits));
            let expected = match version {
                Version::V0 => 3..=8,
                Version::V1 => 1..=2,
            };
            assert!(
                expected.contains(&sent.len()),
                "{version:?}: {}",
                sent.len()
            );
            assert_eq!(
                refreshed(&addresses, &sent),
                banks_and_markets(&addresses, &entries)
            );
        }
    }

    /// What transactions refresh, in order.
    fn refreshed(addresses: &Addresses, sent: &[Vec<Instruction>]) -> Vec<Pubkey> {
        let calls = sent.iter().flatten();
        let refreshes = calls
            .filter(|call| call.accounts.len() > 1 && call.data == addresses.refresh(&[]).data);
        refreshes
            .flat_map(|call| call.accounts.iter().skip(1).filter(|meta| meta.is_writable))
            .map(|meta| meta.pubkey)
            .collect()
    }

    fn banks_and_markets(addresses: &Addresses, entries: &[Entry]) -> Vec<Pubkey> {
        let address = |entry: &Entry| match entry {
            Entry::Asset(i) => addresses.asset(*i).unwrap().bank,
            Entry::Market(i) => addresses.market(*i).unwrap().address,
        };
        entries.iter().map(address).collect()
    }
}
