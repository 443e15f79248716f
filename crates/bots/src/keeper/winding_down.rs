//! What is left to do for assets and markets with a final price: whom to close out against whom, whose deposits to return.
//!
//! All at once by what accounts hold now; what one step changes, the next turn sees.
use anchor_lang::prelude::Pubkey;
use plimsoll::state::{MarginAccount, RiskState};
use plimsoll_risk::AssetRisk;

/// A step of winding down, each an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Frees the order slots of accounts in a market, and empties its book.
    Orders { market: u16, owners: Vec<Pubkey> },
    /// Closes two positions in a market against each other.
    Positions {
        market: u16,
        long: Pubkey,
        short: Pubkey,
    },
    /// Settles a debt in an asset with a deposit, or with what the bank is owed.
    Debt {
        asset: u16,
        depositor: Option<Pubkey>,
        debtor: Pubkey,
    },
    /// Pays a deposit to its owner.
    Deposit {
        asset: u16,
        account: Pubkey,
        owner: Pubkey,
    },
}

/// Accounts whose order slots one call frees.
const FREED_TOGETHER: usize = 8;

/// At most `most` steps for the accounts of an exchange. Positions with orders wait until their slots are free; a deposit that a debt
/// is to be settled with waits until it is; once there is none, debts are settled with what the bank is owed.
pub fn steps(risk: &RiskState, accounts: &[(Pubkey, &MarginAccount)], most: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let markets = risk.markets.iter().take(usize::from(risk.market_count));
    for (market, _) in (0..).zip(markets).filter(|(_, e)| e.price.is_final()) {
        let with_orders = accounts.iter().filter(|(_, account)| {
            let slot = account.find_perp(market);
            slot.is_some_and(|slot| account.perps[slot].order_mask != 0)
        });
        let owners: Vec<Pubkey> = with_orders.map(|(address, _)| *address).collect();
        steps.extend(owners.chunks(FREED_TOGETHER).map(|owners| Step::Orders {
            market,
            owners: owners.to_vec(),
        }));
        let (longs, shorts) = positions(accounts, market);
        let pairs = pairs(longs, shorts);
        steps.extend(pairs.map(|(long, short)| Step::Positions {
            market,
            long,
            short,
        }));
    }
    let assets = risk.assets.iter().take(usize::from(risk.asset_count));
    for (asset, entry) in (0..).zip(assets).filter(|(_, e)| e.price.is_final()) {
        let (deposits, debts) = balances(accounts, asset, entry);
        if deposits.is_empty() {
            steps.extend(debts.iter().map(|(debtor, _)| Step::Debt {
                asset,
                depositor: None,
                debtor: *debtor,
            }));
        }
        let pairs: Vec<_> = pairs(deposits.clone(), debts).collect();
        let is_free = |address: &Pubkey| pairs.iter().all(|(depositor, _)| depositor != address);
        let free = deposits.iter().map(|(address, _)| *address).filter(is_free);
        let owner = |address| accounts.iter().find(|(a, _)| *a == address);
        let returns = free.filter_map(|account| {
            let owner = owner(account)?.1.owner;
            Some(Step::Deposit {
                asset,
                account,
                owner,
            })
        });
        let settled = pairs.iter().map(|(depositor, debtor)| Step::Debt {
            asset,
            depositor: Some(*depositor),
            debtor: *debtor,
        });
        steps.extend(settled.chain(returns));
    }
    steps.truncate(most);
    steps
}

/// Accounts with their sizes.
type Sizes = Vec<(Pubkey, u64)>;

/// Longs and shorts of a market in which no order rests or waits.
fn positions(accounts: &[(Pubkey, &MarginAccount)], market: u16) -> (Sizes, Sizes) {
    let held = accounts.iter().filter_map(|(address, account)| {
        let perp = &account.perps[account.find_perp(market)?];
        (perp.order_mask == 0).then_some((*address, perp.position.0))
    });
    split(held)
}

/// Depositors and debtors of an asset, in native units; a deposit of less than one is an empty one that still has a slot.
fn balances(
    accounts: &[(Pubkey, &MarginAccount)],
    asset: u16,
    entry: &AssetRisk,
) -> (Sizes, Sizes) {
    let held = accounts.iter().filter_map(|(address, account)| {
        let balance = &account.balances[account.find_balance(asset)?];
        let native = balance.native(entry.indices()).ok()?;
        let dust = native == 0 && balance.shares.0 > 0;
        Some((*address, if dust { 1 } else { native }))
    });
    split(held)
}

/// Positive and negative sizes, the largest first.
fn split(held: impl Iterator<Item = (Pubkey, i64)>) -> (Sizes, Sizes) {
    let (mut positive, mut negative) = (Sizes::new(), Sizes::new());
    for (address, size) in held {
        let side = match size {
            0 => continue,
            1.. => &mut positive,
            _ => &mut negative,
        };
        side.push((address, size.unsigned_abs()));
    }
    for side in [&mut positive, &mut negative] {
        side.sort_by_key(|(address, size)| (std::cmp::Reverse(*size), *address));
    }
    (positive, negative)
}

/// Pairs that use each other up in turn: every one empties at least one of its two, hence there are fewer than accounts.
fn pairs(mut ones: Sizes, mut others: Sizes) -> impl Iterator<Item = (Pubkey, Pubkey)> {
    let (mut one, mut other) = (0, 0);
    std::iter::from_fn(move || {
        let (a, b) = (ones.get_mut(one)?, others.get_mut(other)?);
        let pair = (a.0, b.0);
        let size = a.1.min(b.1);
        a.1 -= size;
        b.1 -= size;
        one += usize::from(a.1 == 0);
        other += usize::from(b.1 == 0);
        Some(pair)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;
    use plimsoll_risk::{
        feed::FINAL_MS, Balance, BaseLots, MarketRisk, PerpPosition, Shares, INDEX_ONE,
    };

    fn risk() -> Box<RiskState> {
        let mut risk: Box<RiskState> = bytemuck::zeroed_box();
        (risk.asset_count, risk.market_count) = (2, 2);
        for asset in &mut risk.assets {
            (asset.deposit_index, asset.borrow_index) = (INDEX_ONE, INDEX_ONE);
        }
        risk.markets[1] = MarketRisk::listed(0, 1);
        risk.markets[1].price.published_ms = FINAL_MS;
        risk.assets[1].price.published_ms = FINAL_MS;
        risk
    }

    fn account(balance: i64, position: i64) -> Box<MarginAccount> {
        let mut account: Box<MarginAccount> = Box::new(MarginAccount::zeroed());
        account.balances = [Balance::FREE; 16];
        account.perps = [PerpPosition::default(); 16];
        account.balances[1] = Balance {
            shares: Shares(balance),
            ..Balance::of(1)
        };
        account.perps[0] = PerpPosition {
            position: BaseLots(position),
            ..PerpPosition::of(1)
        };
        account
    }

    fn key(n: u8) -> Pubkey {
        Pubkey::new_from_array([n; 32])
    }

    fn plan(risk: &RiskState, accounts: &[Box<MarginAccount>], most: usize) -> Vec<Step> {
        let named: Vec<_> = (1..).map(key).zip(accounts.iter().map(|a| &**a)).collect();
        steps(risk, &named, most)
    }

    #[test]
    fn frees_the_slots_of_orders_before_it_pairs_their_positions() {
        let mut accounts = [account(0, 9), account(0, -6)];
        accounts[0].perps[0].order_mask = 1;
        let owners = vec![key(1)];
        let orders = Step::Orders { market: 1, owners };
        assert_eq!(plan(&risk(), &accounts, 100), [orders]);
    }

    #[test]
    fn pairs_the_largest_and_returns_what_no_debt_needs() {
        let accounts = [
            account(9, 7),
            account(-6, -4),
            account(3, -2),
            account(-1, -1),
        ];
        let expected = [(1, 2), (1, 3), (1, 4)].map(|(long, short)| Step::Positions {
            market: 1,
            long: key(long),
            short: key(short),
        });
        let found = plan(&risk(), &accounts, 100);
        assert_eq!(found[..3], expected);
        let debt = |depositor, debtor| Step::Debt {
            asset: 1,
            depositor: Some(key(depositor)),
            debtor: key(debtor),
        };
        assert_eq!(found[3..5], [debt(1, 2), debt(1, 4)]);
        let returned = Step::Deposit {
            asset: 1,
            account: key(3),
            owner: Pubkey::default(),
        };
        assert_eq!(found[5..], [returned]);
        assert_eq!(plan(&risk(), &accounts, 2), found[..2]);
    }

    #[test]
    fn pays_the_bank_for_what_is_owed_to_nobody_else() {
        let expected = Step::Debt {
            asset: 1,
            depositor: None,
            debtor: key(1),
        };
        assert_eq!(plan(&risk(), &[account(-4, 0)], 100), [expected]);
    }

    #[test]
    fn leaves_alone_what_has_orders_or_a_price_of_its_own() {
        let mut long = account(0, 5);
        long.perps[0].order_mask = 1;
        let accounts = [long, account(0, -5)];
        let owners = vec![key(1)];
        let orders = Step::Orders { market: 1, owners };
        assert_eq!(plan(&risk(), &accounts, 100), [orders]);
        let mut living = risk();
        living.assets[1].price.published_ms = 5;
        living.markets[1].price.published_ms = 5;
        assert!(plan(&living, &[account(5, 5), account(-5, -5)], 100).is_empty());
    }

    #[test]
    fn frees_the_slot_of_a_deposit_that_is_worth_nothing() {
        let mut risk = risk();
        risk.assets[1].deposit_index = INDEX_ONE / 2;
        let found = plan(&risk, &[account(1, 0)], 100);
        assert!(matches!(found[..], [Step::Deposit { .. }]), "{found:?}");
    }
}
