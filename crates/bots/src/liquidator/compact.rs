//! A margin account as small as its valuation allows: only what it uses, in one allocation.
use anchor_lang::prelude::Pubkey;
use plimsoll::state::MarginAccount;
use plimsoll_risk::{Balance, MarginMode, OpenOrder, PerpPosition, Portfolio};

use super::outlook::Flag;

/// 64-bit words of each part. All three are plain old data of whole words.
const BALANCE: usize = size_of::<Balance>() / 8;
const PERP: usize = size_of::<PerpPosition>() / 8;
const ORDER: usize = size_of::<OpenOrder>() / 8;

/// What a valuation reads of an account. A typical one takes some 200 bytes instead of the 5 KB on chain, so that a
/// hundred thousand of them go through a processor's caches within milliseconds.
#[derive(Clone, Debug)]
pub struct CompactAccount {
    /// Address of the margin account.
    pub address: Pubkey,
    /// Its flag, when it is in liquidation.
    pub flag: Option<Flag>,
    /// Assets that it holds or owes, one bit each.
    pub assets: u64,
    /// Markets in which it has a position, a claim or orders, one bit each.
    pub markets: u64,
    balances: usize,
    perps: usize,
    mode: MarginMode,
    words: Box<[u64]>,
}

impl CompactAccount {
    /// Packs an account. Order slots keep their numbers, which the positions' masks name, up to the last one in use.
    pub fn new(address: Pubkey, account: &MarginAccount) -> Self {
        let portfolio = plimsoll::health::portfolio(account);
        Self {
            flag: Flag::of(account),
            ..Self::of_portfolio(address, &portfolio)
        }
    }

    /// Packs a portfolio of an account that is not flagged.
    pub fn of_portfolio(address: Pubkey, portfolio: &Portfolio<'_>) -> Self {
        let balances = portfolio.balances.iter().filter(|b| is_held(b));
        let perps = portfolio.perps.iter().filter(|p| !p.is_free());
        let mask = perps.clone().fold(0, |mask, perp| mask | perp.order_mask);
        let orders = usize::try_from(u64::BITS - mask.leading_zeros()).unwrap_or_default();
        let orders = portfolio.orders.iter().take(orders);

        let (balance_count, perp_count) = (balances.clone().count(), perps.clone().count());
        let size = balance_count * BALANCE + perp_count * PERP + orders.len() * ORDER;
        let mut words: Vec<u64> = Vec::with_capacity(size);
        for balance in balances.clone() {
            words.extend_from_slice(bytemuck::cast_slice(std::slice::from_ref(balance)));
        }
        for perp in perps.clone() {
            words.extend_from_slice(bytemuck::cast_slice(std::slice::from_ref(perp)));
        }
        for order in orders {
            words.extend_from_slice(bytemuck::cast_slice(std::slice::from_ref(order)));
        }
        Self {
            address,
            flag: None,
            assets: balances.fold(0, |mask, b| mask | bit(b.asset)),
            markets: perps.fold(0, |mask, p| mask | bit(p.market)),
            balances: balance_count,
            perps: perp_count,
            mode: portfolio.mode,
            words: words.into_boxed_slice(),
        }
    }

    /// The account's side of a health question.
    pub fn portfolio(&self) -> Portfolio<'_> {
        let (balances, rest) = split(&self.words, self.balances * BALANCE);
        let (perps, orders) = split(rest, self.perps * PERP);
        Portfolio {
            balances: bytemuck::try_cast_slice(balances).unwrap_or_default(),
            perps: bytemuck::try_cast_slice(perps).unwrap_or_default(),
            orders: bytemuck::try_cast_slice(orders).unwrap_or_default(),
            mode: self.mode,
        }
    }
}

fn is_held(balance: &Balance) -> bool {
    !balance.is_free() && !balance.shares.is_zero()
}

fn split(words: &[u64], at: usize) -> (&[u64], &[u64]) {
    words.split_at_checked(at).unwrap_or((words, &[]))
}

/// An entry's bit in a set of assets or of markets.
pub fn bit(index: u16) -> u64 {
    1u64.checked_shl(u32::from(index)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::liquidator::synthetic;
    use plimsoll_risk::{AccountMargin, MarginModel, Policy};

    #[test]
    fn a_packed_account_is_worth_what_the_account_is() {
        let world = synthetic::World::new(7);
        let view = world.outlook.view();
        for number in 0..500 {
            let account = world.account(number);
            let packed = CompactAccount::new(Pubkey::default(), &account);
            let whole = plimsoll::health::portfolio(&account);
            for policy in [Policy::BenefitOfDoubt, Policy::Strict] {
                assert_eq!(
                    AccountMargin::assess(&view, &packed.portfolio(), policy),
                    AccountMargin::assess(&view, &whole, policy),
                );
            }
        }
    }
}
