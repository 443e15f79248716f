//! What an account owns and owes, and what of it a liquidator goes for first.
use anchor_lang::prelude::Clock;
use plimsoll::{
    liquidation::dust::to_forfeit,
    state::{MarginAccount, RiskState},
};
use plimsoll_risk::{fixed::scale_floor, Balance, PerpPosition};

/// A collateral or a debt: of an asset, or the claim on a market's pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    Asset(u16),
    Market(u16),
}

/// True when nothing of value is left and something is owed.
pub fn is_bankrupt(account: &MarginAccount, risk: &RiskState, clock: &Clock) -> bool {
    forfeited(account, risk, clock).is_some()
}

/// The assets of which a bankrupt account has dust that nobody can seize, and that is forfeited. `None` when it is not bankrupt.
pub fn forfeited(account: &MarginAccount, risk: &RiskState, clock: &Clock) -> Option<Vec<u16>> {
    first_debt(account)?;
    to_forfeit(account, risk, clock).ok()
}

/// The positions, that of the largest notional first.
pub fn positions_by_size<'a>(
    account: &'a MarginAccount,
    risk: &RiskState,
) -> Vec<&'a PerpPosition> {
    let open = account.perps.iter().filter(|perp| !perp.position.is_zero());
    let mut positions: Vec<_> = open.collect();
    positions.sort_by_key(|perp| {
        let entry = &risk.markets[usize::from(perp.market)];
        std::cmp::Reverse(scale_floor(perp.position.0, entry.price.spot, entry.shift).abs())
    });
    positions
}

/// Anything that is owed, claims on markets first: they are settled with the quote deposit at no penalty.
pub fn first_debt(account: &MarginAccount) -> Option<(Leg, i128)> {
    let losses = claims(account, |claim| claim < 0);
    let debts = account.balances.iter().filter(|b| b.shares.0 < 0);
    losses
        .chain(debts.map(|b| (Leg::Asset(b.asset), i128::from(b.shares.0))))
        .next()
}

/// The most valuable collateral and the largest debt, when there are both. Claims count only where no position is left.
pub fn choose_swap(account: &MarginAccount, risk: &RiskState) -> Option<(Leg, Leg)> {
    let value = |balance: &Balance| {
        let entry = &risk.assets[usize::from(balance.asset)];
        scale_floor(balance.shares.0, entry.price.spot, entry.shift)
    };
    let balances: Vec<_> = account
        .balances
        .iter()
        .filter(|b| !b.is_free())
        .map(|b| (Leg::Asset(b.asset), value(b)))
        .collect();
    let owned = balances.iter().copied().filter(|(_, value)| *value > 0);
    let owed = balances.iter().copied().filter(|(_, value)| *value < 0);
    let (debt, _) = owed
        .chain(claims(account, |claim| claim < 0))
        .min_by_key(|(_, value)| *value)?;
    let (collateral, _) = owned
        .chain(claims(account, |claim| claim > 0))
        .max_by_key(|(_, value)| *value)?;
    Some((collateral, debt))
}

fn claims(
    account: &MarginAccount,
    wanted: fn(i64) -> bool,
) -> impl Iterator<Item = (Leg, i128)> + '_ {
    account
        .perps
        .iter()
        .filter(move |perp| !perp.is_free() && perp.position.is_zero() && wanted(perp.quote.0))
        .map(|perp| (Leg::Market(perp.market), i128::from(perp.quote.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{account, zeroed};
    use plimsoll_risk::{AssetRisk, MarketRisk};

    fn risk() -> Box<RiskState> {
        let mut risk = zeroed::<RiskState>();
        risk.asset_count = 3;
        risk.market_count = 2;
        for (i, price) in [1u64, 100, 7].into_iter().enumerate() {
            risk.assets[i] = AssetRisk::listed(0, 6);
            risk.assets[i].price.spot = price;
        }
        for (i, price) in [10u64, 20].into_iter().enumerate() {
            risk.markets[i] = MarketRisk::listed(0, 1);
            risk.markets[i].price.spot = price;
        }
        risk
    }

    #[test]
    fn swaps_the_most_valuable_collateral_for_the_largest_debt() {
        let account = account(
            &[(0, -500), (1, 4), (2, 10)],
            &[(0, 0, -600), (1, 3, -9_000)],
        );
        let chosen = choose_swap(&account, &risk());
        assert_eq!(chosen, Some((Leg::Asset(1), Leg::Market(0))));
        assert_eq!(first_debt(&account).unwrap().0, Leg::Market(0));
        assert!(!is_bankrupt(&account, &risk(), &Clock::default()));
    }

    #[test]
    fn puts_the_largest_position_of_either_side_first() {
        let account = account(&[(0, 5)], &[(0, 50, 0), (1, -30, 0)]);
        let risk = risk();
        let markets: Vec<_> = positions_by_size(&account, &risk)
            .iter()
            .map(|perp| perp.market)
            .collect();
        assert_eq!(markets, [1, 0]);
    }

    #[test]
    fn is_bankrupt_only_with_nothing_but_debt() {
        let (risk, now) = (risk(), Clock::default());
        let bankrupt = |account: Box<MarginAccount>| is_bankrupt(&account, &risk, &now);
        assert!(bankrupt(account(&[(0, -1)], &[])));
        assert!(bankrupt(account(&[(0, 0)], &[(0, 0, -5)])));
        assert!(!bankrupt(account(&[(0, 0)], &[])));
        assert!(!bankrupt(account(&[(0, -5), (1, 1)], &[])));
        assert!(!bankrupt(account(&[(0, -5)], &[(0, 1, 0)])));
    }
}
