//! Accounts of which nothing but debt is left.
use plimsoll::{liquidation::dust::to_forfeit, state::MarginAccount};
use plimsoll_risk::{
    fixed::{scale_floor, RATIO_BITS},
    Purpose,
};

use super::{
    holdings::Holdings,
    search::{is_affordable, units_worth, Limits},
    terms::{Leg, Terms},
};
use crate::liquidator::outlook::Outlook;

/// Halvings in the search for what the liquidator can repay.
const SIZING_STEPS: u32 = 10;

/// Of an account that owes something and has nothing of value left but dust out of reach: the assets of that dust, which is
/// forfeited. `None` when it is not bankrupt.
pub fn forfeited(account: &MarginAccount, outlook: &Outlook) -> Option<Vec<u16>> {
    next_debt(account)?;
    to_forfeit(account, outlook.risk(), &outlook.sysvar()).ok()
}

/// The debt to resolve first: losses in markets, whose winners wait for them, then borrows.
pub fn next_debt(account: &MarginAccount) -> Option<Leg> {
    let perps = account.perps.iter().filter(|p| !p.is_free());
    let losses = perps
        .filter(|p| p.quote.0 < 0)
        .map(|p| Leg::Claim(p.market));
    let balances = account.balances.iter().filter(|b| b.shares.0 < 0);
    losses.chain(balances.map(|b| Leg::Asset(b.asset))).next()
}

/// How much of a debt the liquidator can repay in kind for what insurance pays, which is the value and the least
/// liquidation fee, and what that brings; nothing when its margin allows none. Whether insurance has as much is for the
/// program to say.
pub fn buyout(
    outlook: &Outlook,
    terms: &Terms,
    limits: &Limits,
    account: &MarginAccount,
    own: Holdings,
    asset: u16,
) -> (u64, i128) {
    let Some((owed, bonus)) = offer(outlook, terms, account, asset) else {
        return (0, 0);
    };
    let Some(entry) = outlook.asset(asset, Purpose::Pay) else {
        return (0, 0);
    };
    let before = outlook.own_init(&own.portfolio());
    let value = |amount: u64| {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        scale_floor(amount, entry.price.spot, entry.shift)
    };
    let mut amount = owed.min(units_worth(limits.max_move, entry));
    for _ in 0..SIZING_STEPS {
        if amount == 0 {
            break;
        }
        if is_affordable(before, paying(outlook, &own, asset, amount), limits.reserve) {
            return (amount, (value(amount) * i128::from(bonus)) >> RATIO_BITS);
        }
        amount /= 2;
    }
    (0, 0)
}

/// What is owed of an asset, and the bonus for repaying it.
fn offer(
    outlook: &Outlook,
    terms: &Terms,
    account: &MarginAccount,
    asset: u16,
) -> Option<(u64, u32)> {
    let entry = outlook.asset(asset, Purpose::Pay)?;
    let balance = account.balances.iter().find(|b| b.asset == asset)?;
    let owed = balance.native(entry.indices()).ok()?;
    let terms = terms.assets.get(usize::from(asset))?;
    Some((owed.min(0).unsigned_abs(), terms.liquidation.fee_min))
}

/// The liquidator's Init health after paying an amount, its value being credited in quote.
fn paying(outlook: &Outlook, own: &Holdings, asset: u16, amount: u64) -> Option<i128> {
    let mut after = own.clone();
    let entry = outlook.asset(asset, Purpose::Pay)?;
    let quote = outlook.asset(0, Purpose::Pay)?;
    let worth = scale_floor(i64::try_from(amount).ok()?, entry.price.spot, entry.shift);
    after
        .open_balance(asset)?
        .debit(amount, entry.indices())
        .ok()?;
    let credited = units_worth(u64::try_from(worth).ok()?, quote);
    after
        .open_balance(0)?
        .credit(credited, quote.indices())
        .ok()?;
    outlook.own_init(&after.portfolio())
}
