//! From a plan to transactions: instructions with their accounts, and what of them goes ahead when one is too small.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll_client::{
    instructions::{self as ix, BadDebt, FeedRef, Liquidation, RefreshEntry, Swap},
    transaction::Version,
    AssetRef, ExchangeRef, MarketRef,
};

use super::plan::{Due, Leg, Move, Plan, Step};

/// Accounts that are settled in one call before a loss is shared.
const SETTLED_TOGETHER: usize = 8;

/// The addresses of an exchange and of all that is listed, by index.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub exchange: ExchangeRef,
    pub feeds: Vec<FeedAddresses>,
    pub assets: Vec<AssetRef>,
    pub markets: Vec<MarketRef>,
}

/// Where a feed's prices are.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeedAddresses {
    pub account: Option<Pubkey>,
    pub fallback: Option<Pubkey>,
}

impl Addresses {
    /// The refresh of some feeds; those without an account are left out.
    pub fn refresh(&self, feeds: &[Due]) -> Instruction {
        let refs = feeds.iter().flat_map(|due| self.feed_refs(*due));
        let entries: Vec<RefreshEntry> = refs.map(RefreshEntry::Feed).collect();
        ix::refresh(&self.exchange, &entries)
    }

    fn feed_refs(&self, due: Due) -> impl Iterator<Item = FeedRef> {
        let known = self.feeds.get(usize::from(due.feed)).copied();
        let known = known.unwrap_or_default();
        let fallback = known.fallback.filter(|_| due.with_fallback);
        let accounts = [(known.account, false), (fallback, true)];
        accounts
            .into_iter()
            .filter_map(move |(account, is_fallback)| {
                Some(FeedRef {
                    index: due.feed,
                    account: account?,
                    is_fallback,
                })
            })
    }

    /// Those of some feeds that have an account to be read; the prices of the others come in signed messages.
    fn readable(&self, feeds: &[Due]) -> Vec<Due> {
        let feeds = feeds.iter().copied();
        feeds
            .filter(|due| self.feed_refs(*due).next().is_some())
            .collect()
    }

    /// A market's addresses.
    pub fn market(&self, index: u16) -> Option<&MarketRef> {
        self.markets.get(usize::from(index))
    }

    /// An asset's addresses.
    pub fn asset(&self, index: u16) -> Option<&AssetRef> {
        self.assets.get(usize::from(index))
    }

    /// Refreshes of many feeds in as few transactions as they fit.
    pub fn refreshes(
        &self,
        payer: &Pubkey,
        feeds: &[Due],
        version: Version,
    ) -> Vec<Vec<Instruction>> {
        let mut transactions = Vec::new();
        let readable = self.readable(feeds);
        let mut rest = readable.as_slice();
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
    /// The account's owner, who signs and pays.
    pub signer: Pubkey,
    pub account: Pubkey,
}

impl Liquidator {
    /// The transactions of a plan, to be sent one after the other: refreshes and settlements that do not fit into the
    /// last one go ahead of it, the feeds with the oldest prices first. `None` when the plan names something that is
    /// not listed, or the call alone does not fit.
    pub fn transactions(
        &self,
        addresses: &Addresses,
        plan: &Plan,
        version: Version,
    ) -> Option<Vec<Vec<Instruction>>> {
        let (mut ahead, call) = self.settled(addresses, plan, version)?;
        let with_refresh = |feeds: &[Due]| {
            let refresh = (!feeds.is_empty()).then(|| addresses.refresh(feeds));
            refresh
                .into_iter()
                .chain([call.clone()])
                .collect::<Vec<_>>()
        };
        let feeds = addresses.readable(&plan.refresh);
        let split = (0..=feeds.len()).find(|split| {
            let kept = feeds.get(*split..).unwrap_or_default();
            version.fits(&self.signer, &with_refresh(kept))
        })?;
        let (first, kept) = feeds.split_at(split);
        ahead.extend(addresses.refreshes(&self.signer, first, version));
        ahead.push(with_refresh(kept));
        Some(ahead)
    }

    /// The call with everything settled that has to be: by itself, in every market with orders where that fits, as fills may
    /// come until it lands, or only where something waits; otherwise by transactions ahead of it.
    fn settled(
        &self,
        addresses: &Addresses,
        plan: &Plan,
        version: Version,
    ) -> Option<(Vec<Vec<Instruction>>, Instruction)> {
        if let Step::Liquidate { cancel_in, .. } = &plan.step {
            let waiting: Vec<u16> = plan.settle.iter().map(|(market, _)| *market).collect();
            let refresh = addresses.refresh(&addresses.readable(&plan.refresh));
            for (settle_in, ahead) in [(cancel_in, vec![refresh]), (&waiting, Vec::new())] {
                let call = self.call(addresses, plan, settle_in)?;
                let together = [ahead, vec![call.clone()]].concat();
                if version.fits(&self.signer, &together) {
                    return Some((Vec::new(), call));
                }
            }
        }
        let mut ahead = Vec::new();
        for (market, accounts) in &plan.settle {
            let market = addresses.market(*market)?;
            let room = version.room(&self.signer, &[ix::settle_fills(market, &[], 0)]);
            for some in accounts.chunks(room.clamp(1, SETTLED_TOGETHER)) {
                ahead.push(vec![ix::settle_fills(market, some, u16::MAX)]);
            }
        }
        Some((ahead, self.call(addresses, plan, &[])?))
    }

    fn call(&self, addresses: &Addresses, plan: &Plan, settle_in: &[u16]) -> Option<Instruction> {
        match &plan.step {
            Step::Liquidate { cancel_in, moves } => {
                let what = Liquidation {
                    limit_price: plan.limit_price,
                    least_reward: plan.least_reward,
                    ..liquidation(addresses, cancel_in, settle_in, moves)?
                };
                Some(ix::liquidate(
                    &addresses.exchange,
                    self.signer,
                    self.account,
                    plan.address,
                    &what,
                ))
            }
            Step::Resolve {
                debt,
                max_repay,
                dust,
            } => {
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
                let bank = |asset: &u16| addresses.asset(*asset).map(|asset| asset.bank);
                let dust: Vec<Pubkey> = dust.iter().map(bank).collect::<Option<_>>()?;
                Some(ix::resolve_bankruptcy(
                    &addresses.exchange,
                    self.signer,
                    plan.address,
                    &debt,
                    quote,
                    &dust,
                ))
            }
        }
    }
}

fn liquidation(
    addresses: &Addresses,
    cancel_in: &[u16],
    settle_in: &[u16],
    moves: &[Move],
) -> Option<Liquidation> {
    let markets = |of: &[u16]| {
        let found = of.iter().map(|market| addresses.market(*market).copied());
        found.collect::<Option<Vec<_>>>()
    };
    let mut what = Liquidation {
        cancel_in: markets(cancel_in)?,
        settle_in: markets(settle_in)?,
        ..Liquidation::default()
    };
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
    use anchor_lang::Discriminator;
    use plimsoll::instruction;

    fn key(number: u8) -> Pubkey {
        Pubkey::new_from_array([number; 32])
    }

    fn addresses() -> Addresses {
        let exchange = ExchangeRef::new(0);
        let feeds = (0..32u8).map(|i| FeedAddresses {
            account: Some(key(100 + i)),
            fallback: Some(key(150 + i)),
        });
        let assets = (0..16u8).map(|i| exchange.asset(key(i), key(200)));
        let markets = (0..16u8).map(|i| exchange.market(u16::from(i)));
        Addresses {
            exchange,
            feeds: feeds.collect(),
            assets: assets.collect(),
            markets: markets.collect(),
        }
    }

    fn due(feed: u8) -> Due {
        Due {
            feed,
            with_fallback: false,
        }
    }

    fn plan(refresh: Vec<Due>, cancel_in: Vec<u16>) -> Plan {
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
            limit_price: 1,
            least_reward: 2,
        }
    }

    const WHO: Liquidator = Liquidator {
        signer: Pubkey::new_from_array([251; 32]),
        account: Pubkey::new_from_array([252; 32]),
    };

    #[test]
    fn a_small_account_takes_one_transaction() {
        let plan = plan(vec![due(0), due(3)], vec![3]);
        for version in [Version::V0, Version::V1] {
            let sent = WHO.transactions(&addresses(), &plan, version).unwrap();
            assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [2]);
        }
    }

    #[test]
    fn what_waits_in_eight_markets_is_settled_by_the_call_or_ahead_of_it() {
        let markets: Vec<u16> = (0..8).collect();
        let mut plan = plan(vec![due(0)], markets.clone());
        plan.settle = markets.iter().map(|m| (*m, vec![plan.address])).collect();
        let settles = |call: &Instruction| {
            call.data
                .starts_with(instruction::SettleFills::DISCRIMINATOR)
        };
        for version in [Version::V0, Version::V1] {
            let sent = WHO.transactions(&addresses(), &plan, version).unwrap();
            let fits = |instructions: &Vec<_>| version.fits(&WHO.signer, instructions);
            assert!(sent.iter().all(fits));
            let ahead = sent.iter().flatten().filter(|call| settles(call)).count();
            let call = sent.last().unwrap().last().unwrap();
            let queue = addresses().markets[7].fill_queue;
            let along = call.accounts.iter().any(|meta| meta.pubkey == queue);
            // One way or the other, and all of them.
            assert_eq!(ahead, if along { 0 } else { 8 });
            assert!(along || version == Version::V0);
        }
        // Where all three of every market do not fit, those of the markets where something waits may.
        plan.settle.truncate(1);
        let sent = WHO.transactions(&addresses(), &plan, Version::V0).unwrap();
        assert!(!sent.iter().flatten().any(settles));
    }

    #[test]
    fn what_does_not_fit_goes_ahead_the_oldest_first() {
        let feeds: Vec<Due> = (0..32).map(due).collect();
        let plan = plan(feeds, (0..16).collect());
        let addresses = addresses();
        let expected: Vec<Pubkey> = (0..32).map(|feed| key(100 + feed)).collect();
        for (version, count) in [(Version::V0, 2..=4), (Version::V1, 1..=2)] {
            let sent = WHO.transactions(&addresses, &plan, version).unwrap();
            let fits = |instructions: &Vec<_>| version.fits(&WHO.signer, instructions);
            assert!(sent.iter().all(fits));
            assert!(count.contains(&sent.len()), "{version:?}: {}", sent.len());
            // In the plan's order over all transactions, none twice.
            let refreshed: Vec<Pubkey> = sent
                .iter()
                .flatten()
                .filter(|call| call.data.starts_with(instruction::Refresh::DISCRIMINATOR))
                .flat_map(|call| call.accounts.iter().skip(1))
                .map(|meta| meta.pubkey)
                .collect();
            assert_eq!(refreshed, expected);
        }
    }

    #[test]
    fn a_fallback_goes_along_where_it_counts() {
        let addresses = addresses();
        let silent = Due {
            feed: 4,
            with_fallback: true,
        };
        let call = addresses.refresh(&[due(3), silent, due(99)]);
        let keys: Vec<Pubkey> = call.accounts.iter().skip(1).map(|m| m.pubkey).collect();
        assert_eq!(keys, [key(103), key(104), key(154)]);
    }

    #[test]
    fn a_feed_of_signed_prices_asks_for_no_refresh() {
        let mut addresses = addresses();
        addresses.feeds[3] = FeedAddresses::default();
        let count = |feeds| {
            let plan = plan(feeds, vec![3]);
            let sent = WHO.transactions(&addresses, &plan, Version::V1).unwrap();
            sent.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(count(vec![due(3)]), [1]);
        assert_eq!(count(vec![due(3), due(4)]), [2]);
    }
}
