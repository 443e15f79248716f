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

/// Whom to mark so that collected losses are shared alike, by market: everybody among `all` with a profit in a market of which a
/// profit is to be paid, and who is not marked at about that. What nobody has marked counts only as far as its side has won more
/// than it has lost, so that whoever is marked alone gets more than its part of the pool. Where all are marked and what is
/// announced may be set aside at `now`, or nothing is announced yet, one is marked again, which does it. A market whose shortfall
/// waits, or is being shared, is left alone: nothing is set aside for its profits until that is over, and [`unmarked`] marks them.
pub fn to_mark(
    settled: &[Claim],
    all: &[Claim],
    markets: &[Option<Box<Market>>],
    now: i64,
) -> Vec<(u16, Vec<Pubkey>)> {
    let profits_of = |list: &[Claim], market: &Market| -> Vec<Claim> {
        let is_profit = |claim: &&Claim| claim.market == market.index && claim.amount > 0;
        list.iter().filter(is_profit).copied().collect()
    };
    let mut found = Vec::new();
    for market in markets.iter().flatten().filter(|market| !is_due(market)) {
        let paid = profits_of(settled, market);
        let Some(first) = paid.first() else { continue };
        let mut marked = profits_of(all, market);
        marked.retain(|claim| !is_marked(claim, market));
        let waits = market.profits.covers_at(market.params.cover_delay_secs);
        if marked.is_empty() && waits.is_none_or(|until| until <= now) {
            marked.push(*first);
        }
        if !marked.is_empty() {
            found.push((market.index, marked.iter().map(|c| c.account).collect()));
        }
    }
    found
}

/// Whether a profit is marked at nine tenths of itself or more.
fn is_marked(claim: &Claim, market: &Market) -> bool {
    let share = claim.share.harvest(&market.profits);
    let marked = i128::from(share.covered) + i128::from(share.uncovered);
    marked * 10 >= claim.amount * 9
}

/// Whether a settlement would move anything: any loss, and of a profit what is set aside for it.
pub fn is_payable(claim: &Claim, market: &Market) -> bool {
    let at_once = market.params.cover_delay_secs == 0;
    claim.amount < 0 || at_once || claim.share.harvest(&market.profits).covered > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;
    use plimsoll_risk::{profits::ProfitShare, PerpPosition};

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
            share: ProfitShare::NONE,
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
            to_mark(&[first], &all, &markets, 0),
            std::slice::from_ref(&both)
        );
        assert_eq!(
            to_mark(&[second, other], &all, &markets, 0),
            [both, (1, vec![other.account])]
        );
        // A loss alone pays nobody.
        assert!(to_mark(&[loss], &all, &markets, 0).is_empty());
        // Of a market that is gone, whose shortfall waits, or is being shared, nothing is marked here.
        markets[1] = None;
        if let Some(market) = &mut markets[2] {
            market.profits.shortfall = 10;
        }
        if let Some(market) = &mut markets[3] {
            market.profits.haircuts.open = 1;
        }
        assert!(to_mark(&all[3..], &all, &markets, 0).is_empty());
        // One that is too small to be shared waits for more, and holds nothing up.
        if let Some(market) = &mut markets[2] {
            market.profits.shortfall = 9;
        }
        assert_eq!(
            to_mark(&all[3..], &all, &markets, 0),
            [(2, vec![all[4].account])]
        );
    }

    #[test]
    fn who_is_marked_already_waits_with_everybody_for_what_is_announced() {
        let mut market = market(0);
        market.params.cover_delay_secs = 60;
        (market.profits.announced, market.profits.announced_at) = (40, 1_000);
        let mut all = [claim(0, 50), claim(0, 20)];
        all[0].share.uncovered = 45;
        all[1].share.uncovered = 17;
        let marked = |all: &[Claim], market: &Market, now| {
            to_mark(all, all, &[Some(Box::new(*market))], now)
        };
        let (first, second) = (all[0].account, all[1].account);
        assert_eq!(marked(&all, &market, 1_059), [(0, vec![second])]);
        all[1].share.uncovered = 18;
        assert!(marked(&all, &market, 1_059).is_empty());
        assert_eq!(marked(&all, &market, 1_060), [(0, vec![first])]);
        // Neither is paid before something is set aside for it.
        assert!(!is_payable(&all[0], &market));
        all[0].share.covered = 1;
        assert!(is_payable(&all[0], &market));
        assert!(is_payable(&claim(0, -5), &market));
        // Where nothing is announced yet, a mark announces it.
        market.profits.announced = 0;
        assert_eq!(marked(&all, &market, 1_000), [(0, vec![first])]);
        market.params.cover_delay_secs = 0;
        assert!(is_payable(&all[1], &market));
    }
}
