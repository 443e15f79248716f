//! Whom to mark so that a market's pool, or its shortfall, is shared by all of its profits.
use anchor_lang::prelude::Pubkey;
use plimsoll::state::{market::covering, MarginAccount, Market};
use plimsoll_risk::MarketRisk;

use super::pnl::{self, Claim};

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

/// Whom to mark so that collected losses are shared alike, by market that has some: everybody whose mark is not about what he has
/// won, those first whose mark is furthest from it. A mark too low leaves its owner without his part; one too high, of whoever has
/// lost since what he won, keeps a part from others. Too late for what is announced, marks only fall. Where all are marked and what is announced may be set aside at `now`, or
/// nothing is announced yet, one is marked again, which does it. A market whose shortfall waits, or is being shared, is left alone:
/// nothing is set aside for its profits until that is over, and [`unmarked`] marks them.
pub fn to_mark(
    markets: &[Option<Box<Market>>],
    entries: &[MarketRisk],
    accounts: &[(Pubkey, &MarginAccount)],
    threshold: i128,
    now: i64,
) -> Vec<(u16, Vec<Pubkey>)> {
    let mut found = Vec::new();
    for market in markets.iter().flatten().filter(|market| !is_due(market)) {
        let profits = &market.profits;
        let Some(entry) = entries.get(usize::from(market.index)) else {
            continue;
        };
        if market.payable(entry) <= profits.set_aside() {
            continue;
        }
        let may_rise = profits.is_in_time(&covering(&market.params, now));
        let mut off = Vec::new();
        let mut winner = None;
        for (address, account) in accounts {
            let mut slots = account.perps.iter();
            let Some(perp) = slots.find(|perp| perp.market == market.index) else {
                continue;
            };
            let Some(profit) = pnl::settleable(perp, entry).map(|pnl| pnl.max(0)) else {
                continue;
            };
            let share = perp.share.harvest(profits);
            let marked = i128::from(share.covered) + i128::from(share.uncovered);
            let by = match may_rise {
                true => (profit - marked).abs(),
                false => marked - profit,
            };
            if by >= threshold.max(profit / 10) {
                off.push((by, *address));
            }
            if profit > 0 {
                winner = Some(*address);
            }
        }
        off.sort_by_key(|(by, address)| (-by, *address));
        let mut marked: Vec<Pubkey> = off.into_iter().map(|(_, address)| address).collect();
        let waits = profits.covers_at(market.params.cover_delay_secs);
        if marked.is_empty() && waits.is_none_or(|until| until <= now) {
            marked.extend(winner);
        }
        if !marked.is_empty() {
            found.push((market.index, marked));
        }
    }
    found
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

    /// An account that claims so much in a market and is marked at so much.
    fn claims(market: u16, amount: i64, marked: u64) -> (Pubkey, Box<MarginAccount>) {
        let mut account: Box<MarginAccount> = Box::new(Zeroable::zeroed());
        account.perps = [PerpPosition::default(); 16];
        account.perps[2] = PerpPosition::of(market);
        account.perps[2].quote.0 = amount;
        account.perps[2].share.uncovered = marked;
        (Pubkey::new_unique(), account)
    }

    struct World {
        markets: Vec<Option<Box<Market>>>,
        accounts: Vec<(Pubkey, Box<MarginAccount>)>,
    }

    impl World {
        fn to_mark(&self, now: i64) -> Vec<(u16, Vec<Pubkey>)> {
            let entries: Vec<_> = (0..4).map(|index| MarketRisk::listed(index, 1)).collect();
            let accounts: Vec<_> = self.accounts.iter().map(|(a, x)| (*a, &**x)).collect();
            to_mark(&self.markets, &entries, &accounts, 10, now)
        }
    }

    fn world(accounts: Vec<(Pubkey, Box<MarginAccount>)>) -> World {
        let mut markets: Vec<_> = (0..4).map(|index| Some(market(index))).collect();
        for market in markets.iter_mut().flatten() {
            market.pnl_pool = 100;
        }
        World { markets, accounts }
    }

    #[test]
    fn who_is_marked_too_low_or_too_high_is_marked_the_furthest_off_first() {
        let mut world = world(vec![
            claims(0, 50, 0),
            claims(0, -70, 0),
            claims(0, 200, 0),
            claims(0, -5, 400),
            claims(0, 300, 280),
            claims(1, 9, 0),
            claims(9, 90, 0),
        ]);
        let [first, _, second, fallen, _, small, _] =
            [0, 1, 2, 3, 4, 5, 6].map(|at| world.accounts[at].0);
        let expected = (0, vec![fallen, second, first]);
        // Of the second market nobody is far off: one of those who have won announces what there is.
        assert_eq!(world.to_mark(0), [expected.clone(), (1, vec![small])]);
        // Of a market that is gone, whose shortfall waits, or is being shared, or that has nothing to share, nothing is marked here.
        world.markets[1] = None;
        assert_eq!(world.to_mark(0), std::slice::from_ref(&expected));
        for spoil in [
            |market: &mut Market| market.profits.shortfall = 10,
            |market: &mut Market| market.profits.haircuts.open = 1,
            |market: &mut Market| market.profits.covered = 100,
        ] {
            let mut market = market(0);
            market.pnl_pool = 100;
            spoil(&mut market);
            world.markets[0] = Some(market);
            assert!(world.to_mark(0).is_empty());
        }
        // A shortfall that is too small to be shared waits for more, and holds nothing up.
        let mut small = market(0);
        (small.pnl_pool, small.profits.shortfall) = (100, 9);
        world.markets[0] = Some(small);
        assert_eq!(world.to_mark(0), [expected]);
    }

    #[test]
    fn who_is_marked_already_waits_with_everybody_for_what_is_announced() {
        let mut world = world(vec![claims(0, 50, 45), claims(0, 200, 179)]);
        let market = world.markets[0].as_mut().unwrap();
        market.params.cover_delay_secs = 60;
        (market.profits.announced, market.profits.announced_at) = (40, 1_000);
        let second = world.accounts[1].0;
        assert_eq!(world.to_mark(1_029), [(0, vec![second])]);
        // From the second half on no mark rises; one that has become too high falls.
        assert!(world.to_mark(1_059).is_empty());
        world.accounts[1].1.perps[2].share.uncovered = 230;
        assert_eq!(world.to_mark(1_059), [(0, vec![second])]);
        world.accounts[1].1.perps[2].share.uncovered = 181;
        assert!(world.to_mark(1_029).is_empty());
        assert!(world.to_mark(1_059).is_empty());
        assert_eq!(world.to_mark(1_060), [(0, vec![second])]);
        // Where nothing is announced yet, a mark announces it.
        world.markets[0].as_mut().unwrap().profits.announced = 0;
        assert_eq!(world.to_mark(1_000), [(0, vec![second])]);
    }

    #[test]
    fn a_profit_is_settled_once_something_is_set_aside_for_it() {
        let mut market = market(0);
        market.params.cover_delay_secs = 60;
        let mut claim = Claim {
            account: Pubkey::new_unique(),
            market: 0,
            amount: 50,
            share: ProfitShare::NONE,
        };
        assert!(!is_payable(&claim, &market));
        claim.share.covered = 1;
        assert!(is_payable(&claim, &market));
        claim.share.covered = 0;
        claim.amount = -50;
        assert!(is_payable(&claim, &market));
        claim.amount = 50;
        market.params.cover_delay_secs = 0;
        assert!(is_payable(&claim, &market));
    }
}
