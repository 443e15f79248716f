//! Puts an oracle's price into an entry of the risk state, or leaves the entry as it was.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    price::{choose_shift, Conversion, PriceUnit, Rounding},
    AssetRisk, Haircut, MarketRisk, Observation, OracleLimits, PriceState, Rejection,
};

use super::OraclePrice;
use crate::{
    error::{OrRefuse, PlimsollError},
    state::{market::ContractTerms, Bank, Market},
};

/// What a market's price is quoted for: one base lot.
fn base_lot(terms: &ContractTerms) -> PriceUnit {
    PriceUnit {
        decimals: terms.base_decimals,
        size: terms.base_lot_size,
    }
}

impl OraclePrice {
    /// The scale of a new asset's entry.
    pub fn choose_asset_shift(&self, decimals: u8) -> Result<u8> {
        choose_shift(
            self.price.unsigned_abs(),
            self.exponent,
            PriceUnit::native(decimals),
        )
        .or_refuse()
    }

    /// The scale of a new market's entry.
    pub fn choose_market_shift(&self, terms: &ContractTerms) -> Result<u8> {
        choose_shift(self.price.unsigned_abs(), self.exponent, base_lot(terms)).or_refuse()
    }

    /// The price as an entry's mantissa; its confidence rounds up.
    fn observe(&self, unit: PriceUnit, shift: u8) -> Result<Observation> {
        let conversion = Conversion::new(self.exponent, unit, shift).or_refuse()?;
        let convert = |number, rounding| conversion.mantissa(number, rounding).or_refuse();
        Ok(Observation {
            price: convert(self.price.unsigned_abs(), Rounding::Floor)?,
            conf: convert(self.conf, Rounding::Ceil)?,
            publish_time: self.publish_time,
        })
    }
}

/// Takes a price into an asset's entry, with the bank's indices, and recomputes the entry with its underlying's haircut.
#[inline(never)]
pub fn update_asset(
    bank: &Bank,
    entry: &mut AssetRisk,
    haircut: Option<&Haircut>,
    price: &OraclePrice,
    clock: &Clock,
) -> Result<()> {
    let seen = price.observe(PriceUnit::native(bank.decimals), entry.shift)?;
    let mut next = *entry;
    accept(&mut next.price, &seen, &bank.params.oracle, clock)?;
    next.deposit_index = bank.deposit_index;
    next.borrow_index = bank.borrow_index;
    next.recompute(&bank.params, &bank.totals()?, haircut)
        .or_refuse()?;
    *entry = next;
    Ok(())
}

/// Takes a price into a market's entry and recomputes the entry with its underlying's haircut.
#[inline(never)]
pub fn update_market(
    market: &Market,
    entry: &mut MarketRisk,
    haircut: Option<&Haircut>,
    price: &OraclePrice,
    clock: &Clock,
) -> Result<()> {
    let seen = price.observe(base_lot(&market.terms), entry.shift)?;
    let mut next = *entry;
    accept(&mut next.price, &seen, &market.params.oracle, clock)?;
    next.mark = plimsoll_risk::funding::mark_price(next.price.spot, market.premium);
    next.recompute(&market.params, haircut).or_refuse()?;
    *entry = next;
    Ok(())
}

/// Moves the price state on, or refuses with the reason.
fn accept(
    state: &mut PriceState,
    seen: &Observation,
    limits: &OracleLimits,
    clock: &Clock,
) -> Result<()> {
    let age = clock.unix_timestamp.saturating_sub(seen.publish_time);
    require!(
        age <= i64::from(limits.max_age_secs),
        PlimsollError::OracleTooOld
    );
    state
        .update(seen, clock.unix_timestamp, clock.slot, limits)
        .map_err(|rejection| {
            match rejection {
                Rejection::ZeroPrice | Rejection::FromTheFuture => {
                    PlimsollError::InvalidOraclePrice
                }
                Rejection::Older => PlimsollError::OracleTooOld,
                Rejection::WideConfidence => PlimsollError::OracleTooWide,
            }
            .into()
        })
}
