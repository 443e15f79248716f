//! Whom to mark so that a market's shortfall can be shared by its profits.
use anchor_lang::prelude::Pubkey;
use plimsoll::state::{MarginAccount, Market};

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
}
