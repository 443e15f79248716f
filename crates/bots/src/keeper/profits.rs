//! Whom to mark so that a market's pool, or its shortfall, is shared by all of its profits.
use anchor_lang::prelude::Pubkey;
use plimsoll::state::{MarginAccount, Market};

use super::pnl::Claim;

/// Whether a market has a shortfall that is to be shared now.
pub fn is_due(market: &Market) -> bool {
    let profits = &market.profits;
    profits.is_open() || profits.is_shareable(market.params.shortfall_floor)
}

/// The accounts that are not marked yet: those that hold or claim something in the market.
pub fn unmarked(market: &Market, accounts: &[(Pubkey, &MarginAccount)]) -> Vec<Pubkey> {
    let is_unmarked = |account: &MarginAccount| {
        let mut slots = account.perps.iter().filter(|p| p.market == market.index);
        slots.any(|perp| !market.profits.is_marked_now(perp))
    };
    let unmarked = accounts.iter().filter(|(_, account)| is_unmarked(account));
    unmarked.map(|(address, _)| *address).collect()
}

/// Whom to mark before `settled` is settled, by market: everybody among `all` with a profit in a market of which a profit is to be
/// paid. What nobody has marked counts only as far as its side has won more than it has lost, so that whoever is marked alone gets
/// more than its part of the pool. A market whose shortfall waits, or is being shared, is left alone: nothing is set aside for its
/// profits until that is over, and [`unmarked`] marks them.
pub fn to_mark(
    settled: &[Claim],
    all: &[Claim],
    markets: &[Option<Box<Market>>],
) -> Vec<(u16, Vec<Pubkey>)> {
    let is_paid = |market: &Market| {
        let mut of_market = settled.iter().filter(|claim| claim.market == market.index);
        !is_due(market) && of_market.any(|claim| claim.amount > 0)
    };
    let profits_of = |market: &Market| {
        let of_market = all.iter().filter(|claim| claim.market == market.index);
        let profits = of_market.filter(|claim| claim.amount > 0);
        profits.map(|claim| claim.account).collect()
    };
    let paid = markets.iter().flatten().filter(|market| is_paid(market));
    paid.map(|market| (market.index, profits_of(market)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;
    use plimsoll_risk::PerpPosition;

    #[test]
    fn accounts_of_the_market_are_marked_once_an_epoch() {
        let mut market = Market::zeroed();
        market.index = 3;
        market.params.shortfall_floor = 10;
        assert!(!is_due(&market));
        market.profits.shortfall = 10;
        assert!(is_due(&market));
        let mut account: Box<MarginAccount> = Box::new(Zeroable::zeroed());
        account.perps = [PerpPosition::default(); 16];
        let address = Pubkey::new_unique();
        assert!(unmarked(&market, &[(address, &account)]).is_empty());
        account.perps[1] = PerpPosition::of(3);
        assert_eq!(unmarked(&market, &[(address, &account)]), [address]);
        market.profits.epoch = 2;
        market.profits.haircuts.open = 2;
        account.perps[1].share.epoch = 1;
        assert_eq!(unmarked(&market, &[(address, &account)]), [address]);
        account.perps[1].share.epoch = 2;
        assert!(unmarked(&market, &[(address, &account)]).is_empty());
    }

    fn market(index: u16) -> Box<Market> {
        let mut market: Box<Market> = Box::new(Zeroable::zeroed());
        market.index = index;
        market.params.shortfall_floor = 10;
        market
    }

    fn claim(market: u16, amount: i128) -> Claim {
        Claim {
            account: Pubkey::new_unique(),
            market,
            amount,
        }
    }

    #[test]
    fn all_profits_of_a_market_are_marked_before_one_is_paid() {
        let all = [
            claim(0, 50),
            claim(0, -70),
            claim(0, 20),
            claim(1, 40),
            claim(2, 30),
            claim(3, 5),
            claim(9, 5),
        ];
        let [first, loss, second, other, ..] = all;
        let mut markets: Vec<_> = (0..4).map(|index| Some(market(index))).collect();
        let both = (0, vec![first.account, second.account]);
        assert_eq!(
            to_mark(&[first], &all, &markets),
            std::slice::from_ref(&both)
        );
        assert_eq!(
            to_mark(&[second, other], &all, &markets),
            [both, (1, vec![other.account])]
        );
        // A loss alone pays nobody.
        assert!(to_mark(&[loss], &all, &markets).is_empty());
        // Of a market that is gone, whose shortfall waits, or is being shared, nothing is marked here.
        markets[1] = None;
        if let Some(market) = &mut markets[2] {
            market.profits.shortfall = 10;
        }
        if let Some(market) = &mut markets[3] {
            market.profits.haircuts.open = 1;
        }
        assert!(to_mark(&all[3..], &all, &markets).is_empty());
        // One that is too small to be shared waits for more, and holds nothing up.
        if let Some(market) = &mut markets[2] {
            market.profits.shortfall = 9;
        }
        assert_eq!(
            to_mark(&all[3..], &all, &markets),
            [(2, vec![all[4].account])]
        );
    }
}
