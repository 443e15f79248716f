//! Which profits and losses are worth settling, and in which order: losses first, since only they fill the pools that
//! profits are paid from.
use anchor_lang::prelude::Pubkey;
use plimsoll::state::MarginAccount;
use plimsoll_risk::{profits::ProfitShare, standard::perp_equity, MarketRisk, PerpPosition};

/// A claim of a closed position is settled from this part of the threshold: it will not grow, and holds a slot.
const CLOSED_PART: i128 = 100;

/// A profit or loss of an account in a market, native quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub account: Pubkey,
    pub market: u16,
    /// Positive for a profit, as far as it can be settled.
    pub amount: i128,
    /// What of the market's pool is the slot's.
    pub share: ProfitShare,
}

/// The claims of an account that are worth settling, given the risk entries of all markets.
pub fn claims(
    address: Pubkey,
    account: &MarginAccount,
    markets: &[MarketRisk],
    threshold: i128,
) -> Vec<Claim> {
    let perps = account.perps.iter().filter(|perp| !perp.is_free());
    perps
        .filter_map(|perp| {
            let risk = markets.get(usize::from(perp.market))?;
            let amount = settleable(perp, risk)?;
            let enough = if risk.price.is_final() {
                // Whatever it is, it is the last of the market.
                1
            } else if perp.position.is_zero() {
                (threshold / CLOSED_PART).max(1)
            } else {
                threshold
            };
            (amount.abs() >= enough).then_some(Claim {
                account: address,
                market: perp.market,
                amount,
                share: perp.share,
            })
        })
        .collect()
}

/// What would be settled of a position: what of its profit or loss the stable price confirms, and nothing at all of one
/// that is open in a market whose feed is broken. `None` when it cannot be valued.
pub(super) fn settleable(perp: &PerpPosition, risk: &MarketRisk) -> Option<i128> {
    if perp.position.is_zero() {
        return perp_equity(perp, risk).ok();
    }
    if risk.price.is_broken() {
        return None;
    }
    let mut at_stable = *risk;
    at_stable.price.spot = risk.price.stable;
    let (spot, stable) = (
        perp_equity(perp, risk).ok()?,
        perp_equity(perp, &at_stable).ok()?,
    );
    Some(match spot {
        0.. => spot.min(stable).max(0),
        _ => spot.max(stable).min(0),
    })
}

/// The order of settlement: the largest losses, then the largest profits as far as the pools, which the losses fill on
/// the way, hold anything. `pools` are what the markets can pay now, native quote. Losses take up no more than what profits leave of
/// `most`, or half of it, so that no number of them keeps all profits waiting.
pub fn in_order(mut claims: Vec<Claim>, pools: &[u64], most: usize) -> Vec<Claim> {
    let mut left: Vec<i128> = pools.iter().map(|pool| i128::from(*pool)).collect();
    claims.sort_by_key(|claim| (claim.amount > 0, -claim.amount.abs(), claim.account));
    claims.retain(|claim| {
        let Some(pool) = left.get_mut(usize::from(claim.market)) else {
            return false;
        };
        if claim.amount > 0 && *pool <= 0 {
            return false;
        }
        *pool -= claim.amount;
        true
    });
    let profits = claims.iter().filter(|claim| claim.amount > 0).count();
    let losses = claims.len() - profits;
    let kept = losses.min(most.saturating_sub(profits.min(most / 2)));
    claims.drain(kept..losses);
    claims.truncate(most);
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_risk::{feed::BROKEN, BaseLots, EntryPrice, QuoteNative};

    fn market(spot: u64, stable: u64) -> MarketRisk {
        MarketRisk {
            price: EntryPrice {
                spot,
                stable,
                ..EntryPrice::default()
            },
            ..MarketRisk::listed(0, 1)
        }
    }

    fn perp(position: i64, quote: i64) -> PerpPosition {
        PerpPosition {
            position: BaseLots(position),
            quote: QuoteNative(quote),
            ..PerpPosition::of(0)
        }
    }

    #[test]
    fn counts_a_profit_only_as_far_as_the_stable_price_confirms_it() {
        let rising = market(110, 100);
        assert_eq!(settleable(&perp(10, -900), &rising), Some(100));
        assert_eq!(settleable(&perp(10, -1_050), &rising), Some(0));
        assert_eq!(settleable(&perp(10, -1_200), &rising), Some(-100));
        assert_eq!(settleable(&perp(0, 7), &rising), Some(7));
    }

    #[test]
    fn leaves_positions_at_a_broken_feed() {
        let mut broken = market(200, 200);
        broken.price.flags = BROKEN;
        assert_eq!(settleable(&perp(10, -900), &broken), None);
        assert_eq!(settleable(&perp(0, -9), &broken), Some(-9));
    }

    fn claim(market: u16, amount: i128) -> Claim {
        Claim {
            account: Pubkey::default(),
            market,
            amount,
            share: ProfitShare::NONE,
        }
    }

    fn order(amounts: &[(u16, i128)], pools: &[u64], most: usize) -> Vec<(u16, i128)> {
        let claims = amounts.iter().map(|(m, a)| claim(*m, *a)).collect();
        let found = in_order(claims, pools, most);
        found.iter().map(|c| (c.market, c.amount)).collect()
    }

    #[test]
    fn settles_losses_first_and_profits_as_far_as_the_pools_reach() {
        let all = [(0, 50), (0, -30), (0, 20), (1, 40), (0, -10)];
        let expected = [(0, -30), (0, -10), (0, 50)];
        assert_eq!(order(&all, &[0, 0], 10), expected);
        assert_eq!(order(&all, &[15, 1], 10)[3..], [(1, 40), (0, 20)]);
        // Of two, one is a profit's.
        assert_eq!(order(&all, &[0, 0], 2), [expected[0], expected[2]]);
        assert_eq!(order(&all[1..2], &[0, 0], 2), expected[..1]);
        assert!(order(&[(7, -5)], &[0], 10).is_empty());
    }
}
