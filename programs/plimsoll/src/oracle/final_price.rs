//! Final prices: when a feed may get one, and how it reaches whatever follows the feed.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    price::{Conversion, PriceUnit, Rounding},
    FeedPrice,
};

use super::rewrite_followers;
use crate::{
    error::{OrRefuse, PlimsollError},
    state::{feed::bits, OracleSource, RiskState},
};

/// Refuses to wind down what may still be priced: the feed must have been doubted for as long as its limits let doubt last, by
/// the exchange's clock of doubt, and hear nothing now from its fallback either. Whoever has a price that the feed accepts can
/// prevent it by a refresh.
///
/// # Errors
/// `UnknownFeed`; `QuoteCannotWindDown`; `FeedAlive`; `StaleEntry` when it never had a price, which chooses its scale.
pub fn require_gone(risk: &RiskState, index: u8, now_ms: i64) -> Result<()> {
    let feed = risk.feed(index)?;
    require!(feed.assets & 1 == 0, PlimsollError::QuoteCannotWindDown);
    require!(feed.is_priced(), PlimsollError::StaleEntry);
    let doubted_ms = risk.doubt_ms.saturating_sub(feed.price.doubt_from);
    let lasts_ms = u64::from(feed.limits.doubt_secs).saturating_mul(1_000);
    let is_heard = !feed.price.is_silent(now_ms, &feed.limits) && !feed.price.is_broken();
    if doubted_ms < lasts_ms || is_heard {
        msg!(
            "feed {}: doubted for {} of {} ms",
            index,
            doubted_ms,
            lasts_ms
        );
        return err!(PlimsollError::FeedAlive);
    }
    Ok(())
}

/// Makes the price that a feed's source states the feed's for ever, and all its followers'.
///
/// # Errors
/// `Overflow` when the price does not fit the feed's scale, `InvalidParameter` when it is too small for it, or does not fit the
/// scale of a follower.
#[inline(never)]
pub fn finish(risk: &mut RiskState, index: u8, now_ms: i64) -> Result<()> {
    let doubt_ms = risk.doubt_ms;
    let feed = risk.feed_mut(index)?;
    let price = mantissa(&feed.sources.primary, feed.shift)?;
    feed.price = FeedPrice::of_winding_down(price, doubt_ms);
    let (assets, markets) = (feed.assets, feed.markets);
    let _ = rewrite_followers(risk, index, false, now_ms);
    let assets = bits(assets).filter_map(|place| risk.assets.get(place));
    let markets = bits(markets).filter_map(|place| risk.markets.get(place));
    let mut followers = assets.map(|e| &e.price).chain(markets.map(|e| &e.price));
    require!(
        followers.all(|price| price.is_final()),
        PlimsollError::InvalidParameter
    );
    Ok(())
}

/// The price that a source states, at a feed's scale, rounded down.
fn mantissa(source: &OracleSource, shift: u8) -> Result<u64> {
    let [a, b, c, d, e, f, g, h, ..] = source.feed;
    let number = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let conversion =
        Conversion::new(source.exponent.into(), PriceUnit::WHOLE, shift).or_refuse()?;
    let price = conversion.mantissa(number, Rounding::Floor).or_refuse()?;
    require!(price > 0, PlimsollError::InvalidParameter);
    Ok(price)
}
