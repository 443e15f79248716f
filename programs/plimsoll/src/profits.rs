//! A slot's profit in its market: marked, and covered by collected losses.
use anchor_lang::prelude::*;
use plimsoll_risk::{position::OpenInterestChange, PerpPosition, Purpose};

use crate::{
    error::OrRefuse,
    health::clock_of,
    state::{Market, RiskState},
};

/// Moves the funding that a slot owes into its claim.
pub fn settle_funding(market: &mut Market, perp: &mut PerpPosition) -> Result<()> {
    market.change(perp, |perp, funding| {
        perp.settle_funding(funding).or_refuse()?;
        Ok(OpenInterestChange::default())
    })
}

/// Covers the market's profits, if its price is one that profits may be paid at, and brings a slot's share up to date.
pub fn cover(
    market: &mut Market,
    perp: &mut PerpPosition,
    risk: &RiskState,
    clock: &Clock,
) -> Result<()> {
    if is_payable(market, risk, clock)? {
        let entry = risk.market(market.index)?;
        market.cover_profits(entry, clock.unix_timestamp)?;
    }
    market.profits.harvest(perp).or_refuse()?;
    Ok(())
}

/// Whether the market's price is one that profits are paid at.
pub fn is_payable(market: &Market, risk: &RiskState, clock: &Clock) -> Result<bool> {
    let price = &risk.market(market.index)?.price;
    Ok(!price.is_broken() && price.is_fresh(&clock_of(risk, clock), Purpose::Pay))
}
