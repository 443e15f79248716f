//! Holdings by what their prices follow, with deltas and liquidation prices.
use anchor_lang::prelude::{Clock, Error};
use plimsoll::{
    error::OrRefuse,
    state::{MarginAccount, RiskState},
};
use plimsoll_risk::{
    balance::{spot_value, Indices},
    fixed::scale_floor,
    RiskError, RATIO_ONE,
};

use super::{
    document::{Deltas, Liquidation, Ratios, Underlying},
    names::Names,
};
use crate::stress::{self, crossings, Crossings, Line, Stable};

/// Holdings of one account whose prices move together.
struct Group {
    /// Number of the underlying; none for a holding that stands alone.
    number: Option<u8>,
    of: stress::Underlying,
    low: i128,
    high: i128,
    long: i128,
    short: i128,
}

impl Group {
    const fn new(number: Option<u8>) -> Self {
        Self {
            number,
            of: stress::Underlying {
                assets: Vec::new(),
                markets: Vec::new(),
            },
            low: 0,
            high: 0,
            long: 0,
            short: 0,
        }
    }

    const fn count(&mut self, low: i128, high: i128) {
        self.low = self.low.saturating_add(low);
        self.high = self.high.saturating_add(high);
        if high > 0 {
            self.long = self.long.saturating_add(high);
        }
        if low < 0 {
            self.short = self.short.saturating_sub(low);
        }
    }
}

/// The account's holdings by what their prices follow, those that the model covers first, by their numbers; the quote
/// asset, in which everything is told, is none of them.
///
/// # Errors
/// The program's, when the account names an entry that the risk state does not hold or a number does not fit.
pub(super) fn underlyings(
    risk: &RiskState,
    account: &MarginAccount,
    names: &Names,
    clock: &Clock,
) -> Result<Vec<Underlying>, Error> {
    let groups = grouped(risk, account)?;
    let told = |group| tell(risk, account, group, names, clock);
    groups.into_iter().map(told).collect()
}

/// Σ |value at spot| of what the model does not cover.
pub(super) fn uncovered(risk: &RiskState, account: &MarginAccount) -> Result<i128, Error> {
    let alone = grouped(risk, account)?.into_iter();
    let alone = alone.filter(|group| group.number.is_none());
    Ok(alone.fold(0, |sum, group| {
        sum.saturating_add(group.low.saturating_abs().max(group.high.saturating_abs()))
    }))
}

fn grouped(risk: &RiskState, account: &MarginAccount) -> Result<Vec<Group>, Error> {
    let mut groups: Vec<Group> = Vec::new();
    for balance in account.balances.iter().filter(|b| !b.shares.is_zero()) {
        if balance.is_free() || balance.asset == 0 {
            continue;
        }
        let entry = risk.asset(balance.asset)?;
        let indices = Indices {
            deposit: entry.deposit_index,
            borrow: entry.borrow_index,
        };
        let value = spot_value(balance, indices, entry.price.spot, entry.shift).or_refuse()?;
        let group = group_of(&mut groups, entry.underlying)?;
        group.of.assets.push(balance.asset);
        group.count(value, value);
    }
    for perp in account.perps.iter().filter(|perp| !perp.is_free()) {
        if !perp.is_exposed() {
            continue;
        }
        let entry = risk.market(perp.market)?;
        let least = perp.position.checked_sub(perp.ask_lots).or_refuse()?;
        let most = perp.position.checked_add(perp.bid_lots).or_refuse()?;
        let value = |lots| scale_floor(lots, entry.price.spot, entry.shift);
        let group = group_of(&mut groups, entry.underlying)?;
        group.of.markets.push(perp.market);
        group.count(value(least.0), value(most.0));
    }
    groups.sort_by_key(|group| group.number.unwrap_or(u8::MAX));
    Ok(groups)
}

fn group_of(groups: &mut Vec<Group>, underlying: u8) -> Result<&mut Group, Error> {
    let number = (underlying != 0).then_some(underlying);
    let known = groups.iter().position(|group| group.number == number);
    let at = known.filter(|_| number.is_some()).unwrap_or(groups.len());
    if at == groups.len() {
        groups.push(Group::new(number));
    }
    groups.get_mut(at).ok_or(RiskError::Overflow).or_refuse()
}

fn tell(
    risk: &RiskState,
    account: &MarginAccount,
    group: Group,
    names: &Names,
    clock: &Clock,
) -> Result<Underlying, Error> {
    let asked = [Line::Maintenance];
    let found = crossings(risk, account, &group.of, Stable::Follows, &asked, clock)?;
    let entry = group.number.and_then(|number| {
        let place = usize::from(number).checked_sub(1)?;
        risk.underlyings.get(place)
    });
    let alone = || {
        let asset = group.of.assets.first().map(|index| names.asset(*index));
        let market = || group.of.markets.first().map(|index| names.market(*index));
        asset.or_else(market).unwrap_or_default()
    };
    Ok(Underlying {
        number: group.number,
        name: entry.map_or_else(alone, |entry| text(&entry.params.name)),
        volatility: entry.map(|entry| ratios(entry.isolated)),
        delta: Deltas {
            low: group.low.into(),
            high: group.high.into(),
            long: group.long.into(),
            short: group.short.into(),
        },
        liquidation: found.first().map(liquidation).unwrap_or_default(),
        assets: group.of.assets,
        markets: group.of.markets,
    })
}

fn liquidation(found: &Crossings) -> Liquidation {
    let number = |factor: u64| factor as f64 / stress::ONE as f64;
    Liquidation {
        crossed: found.crossed,
        below: found.below.map(number),
        above: found.above.map(number),
    }
}

/// Both of an array of ratios.
pub(super) fn ratios([current, binding]: [u32; 2]) -> Ratios {
    Ratios {
        current: ratio(current),
        binding: ratio(binding),
    }
}

/// A ratio as a number.
pub(super) fn ratio(ratio: u32) -> f64 {
    f64::from(ratio) / f64::from(RATIO_ONE)
}

/// Zero-padded UTF-8.
pub(super) fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches('\0').to_owned()
}
