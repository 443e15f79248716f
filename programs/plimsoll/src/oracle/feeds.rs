//! Takes prices into feeds, and rewrites in the same step whatever copies them: entries of assets and markets, and feeds that
//! are derived.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    feed::{Outcome, BROKEN, FALLBACK, REFUSED, YOUNG_FALLBACK},
    price::{choose_shift, Conversion, EntryUnit, PriceUnit, Rounding},
    FeedPrice, Haircut, Observation, Origin, Rejection,
};

use super::{stake_pool, OraclePrice};
use crate::{
    error::{OrRefuse, PlimsollError},
    state::{
        feed::{bits, Feed, NO_FEED, RATE_BITS},
        risk_state::RiskState,
    },
};

impl From<Rejection> for PlimsollError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::ZeroPrice | Rejection::FromTheFuture => Self::InvalidOraclePrice,
            Rejection::Older | Rejection::TooOld => Self::OracleTooOld,
            Rejection::WideConfidence => Self::OracleTooWide,
            Rejection::PrimaryAlive => Self::PrimaryAlive,
            Rejection::Diverged => Self::FallbackDiverged,
        }
    }
}

/// The price as a feed's mantissa; its confidence rounds up.
fn observe(price: &OraclePrice, shift: u8) -> Result<Observation> {
    let conversion = Conversion::new(price.exponent, PriceUnit::WHOLE, shift).or_refuse()?;
    let number = u64::try_from(price.price).map_err(|_| PlimsollError::InvalidOraclePrice)?;
    let convert = |number, rounding| conversion.mantissa(number, rounding).or_refuse();
    Ok(Observation {
        price: convert(number, Rounding::Floor)?,
        conf: convert(price.conf, Rounding::Ceil)?,
        published_ms: price.published_ms,
    })
}

/// Takes a price into a feed and rewrites its followers; returns the feeds that have a new price, one bit each: it, and those
/// derived from it that accepted theirs. A feed's first price chooses its scale. One that was the feed's price already changes
/// nothing.
///
/// # Errors
/// Why the price is refused. That there was a newer one, too wide, reaches the followers all the same.
#[inline(never)]
pub fn take_price(
    risk: &mut RiskState,
    index: u8,
    origin: Origin,
    price: &OraclePrice,
    now_ms: i64,
) -> Result<u64> {
    let doubt_ms = risk.doubt_ms;
    let feed = risk.feed_mut(index)?;
    if !feed.is_priced() {
        require!(price.price > 0, PlimsollError::InvalidOraclePrice);
        feed.shift = choose_shift(price.price.unsigned_abs(), price.exponent, PriceUnit::WHOLE)
            .or_refuse()?;
    }
    let seen = observe(price, feed.shift)?;
    let refused = feed.price.refused_ms;
    match feed.update(&seen, origin, now_ms, doubt_ms) {
        Outcome::Accepted => Ok(bit(index) | rewrite_followers(risk, index, true, now_ms)),
        Outcome::Known => Ok(0),
        Outcome::Refused(rejection) => {
            if feed.price.refused_ms != refused {
                rewrite_followers(risk, index, false, now_ms);
            }
            Err(PlimsollError::from(rejection).into())
        }
    }
}

/// Takes a stake pool's rate into a derived feed and prices it anew. A rate rises no faster than the feed's limits allow, so
/// that what a manipulated pool says is believed over days; it falls at once.
///
/// # Errors
/// Why the account is not acceptable.
#[inline(never)]
pub fn take_rate(
    risk: &mut RiskState,
    index: u8,
    account: &AccountInfo,
    now_ms: i64,
) -> Result<u64> {
    let feed = risk.feed_mut(index)?;
    let source = &feed.sources.primary;
    let rate = stake_pool::read(
        &source.feed,
        account.key,
        account.owner,
        &account.try_borrow_data()?,
    )?;
    let now = now_ms / 1_000;
    if feed.rate == 0 {
        feed.rate = rate;
    } else {
        let secs = u128::from(now.saturating_sub(feed.rate_read_at).max(0).unsigned_abs());
        // 64, 29 and at most 34 bits.
        let growth = u128::from(feed.rate)
            .wrapping_mul(u128::from(feed.limits.max_growth_per_day))
            .wrapping_mul(secs.min(1 << 24))
            >> plimsoll_risk::RATIO_BITS;
        let most = u128::from(feed.rate).saturating_add(growth / 86_400);
        feed.rate = u64::try_from(most).unwrap_or(u64::MAX).min(rate);
    }
    feed.rate_read_at = now;
    let base = source.base;
    Ok(match derive(risk, base, index, now_ms)? {
        true => bit(index),
        false => 0,
    })
}

fn bit(index: u8) -> u64 {
    1u64.checked_shl(u32::from(index)).unwrap_or(0)
}

/// Rewrites all that copies a feed's price. With `is_accepted` the price is one that the feed accepted just now: it may teach
/// an underlying its volatility, and moves the feeds derived from it. Returns those that accepted their price, one bit each.
#[inline(never)]
pub fn rewrite_followers(risk: &mut RiskState, index: u8, is_accepted: bool, now_ms: i64) -> u64 {
    let Some(feed) = risk.feeds.get(usize::from(index)) else {
        return 0;
    };
    let (assets, markets, derived) = (feed.assets, feed.markets, feed.derived);
    if is_accepted && risk.underlying_count > 0 {
        sample(risk, index);
    }
    let RiskState {
        feeds,
        assets: asset_entries,
        markets: market_entries,
        model,
        underlyings,
        ..
    } = risk;
    let Some(Feed { price, limits, .. }) = feeds.get(usize::from(index)) else {
        return 0;
    };
    for place in bits(assets) {
        if let Some(entry) = asset_entries.get_mut(place) {
            let haircut = Haircut::of(model, underlyings, entry.underlying);
            if entry.follow(price, limits, haircut.as_ref()).is_err() {
                // What does not fit is not the price: no follower may keep an older one as if it were of now.
                entry.price.published_ms = 0;
            }
        }
    }
    for place in bits(markets) {
        if let Some(entry) = market_entries.get_mut(place) {
            let haircut = Haircut::of(model, underlyings, entry.underlying);
            if entry.follow(price, limits, haircut.as_ref()).is_err() {
                entry.price.published_ms = 0;
            }
        }
    }
    let mut renewed = 0;
    for place in bits(derived) {
        if let Ok(place) = u8::try_from(place) {
            // A derived price that is refused stays what it was, and ages.
            if let Ok(true) = derive(risk, index, place, now_ms) {
                renewed |= bit(place);
            }
        }
    }
    renewed
}

/// Lets the underlyings of a feed's followers learn from its price, where a sample is due.
#[inline(always)]
fn sample(risk: &mut RiskState, index: u8) {
    let Some(feed) = risk.feeds.get(usize::from(index)) else {
        return;
    };
    let (assets, markets, price) = (feed.assets, feed.markets, feed.price);
    for place in bits(assets) {
        if let Some(entry) = risk.assets.get(place).filter(|e| e.samples != 0) {
            let (underlying, unit) = (entry.underlying, entry.unit());
            sample_one(risk, underlying, unit, &price);
        }
    }
    for place in bits(markets) {
        if let Some(entry) = risk.markets.get(place).filter(|e| e.samples != 0) {
            let (underlying, unit) = (entry.underlying, entry.unit());
            sample_one(risk, underlying, unit, &price);
        }
    }
}

fn sample_one(risk: &mut RiskState, underlying: u8, unit: EntryUnit, price: &FeedPrice) {
    if !risk.is_sample_due(underlying, price.published_ms / 1_000) {
        return;
    }
    if let Ok(spot) = unit.floor(price.spot) {
        risk.sample(underlying, spot, price.published_ms, price.is_broken());
    }
}

/// Milliseconds for which a rate counts after it was read: it changes once in an epoch, and whoever knows that it fell must not
/// be able to leave it unread for longer.
pub const RATE_AGE_MS: i64 = 3_600_000;

/// Prices a derived feed after its rate, its base (`from` that or its cap) or the price of its own market changed: rate times
/// base, and no more than the market's price. It is of the moment of the older of the two, so that for every purpose both are as
/// young as it demands, and what either of them leaves unknown is unknown of the derived price.
#[inline(never)]
fn derive(risk: &mut RiskState, from: u8, index: u8, now_ms: i64) -> Result<bool> {
    let doubt_ms = risk.doubt_ms;
    let feed = *risk.feed(index)?;
    let source = &feed.sources.primary;
    require!(
        feed.is_derived() && (source.base == from || source.cap == from),
        PlimsollError::WrongFeed
    );
    let base = risk.feed(source.base)?;
    // What is derived from a final price does not end with it: it ages, and is wound down by itself.
    require!(!base.price.is_final(), PlimsollError::WindingDown);
    if !base.is_priced() || feed.rate == 0 {
        return Ok(false);
    }
    let times = |mantissa: u64| {
        let product = u128::from(mantissa).wrapping_mul(u128::from(feed.rate)) >> RATE_BITS;
        u64::try_from(product).map_err(|_| error!(PlimsollError::Overflow))
    };
    let read_until = feed
        .rate_read_at
        .saturating_mul(1_000)
        .saturating_add(RATE_AGE_MS);
    let mut seen = Observation {
        price: times(base.price.spot)?,
        conf: times(base.price.conf)?,
        published_ms: base.price.published_ms.min(read_until),
    };
    // The first price chooses the scale; a base that is exchanged later may have another.
    let shift = if feed.is_priced() {
        feed.shift
    } else {
        base.shift
    };
    seen.price = rescale(seen.price, base.shift, shift)?;
    seen.conf = rescale(seen.conf, base.shift, shift)?.saturating_add(1);
    let mut inherited = Inherited::default();
    inherited.add(&base.price);
    if source.cap != NO_FEED {
        let cap = risk.feed(source.cap)?;
        require!(!cap.price.is_final(), PlimsollError::WindingDown);
        if !cap.is_priced() {
            return Ok(false);
        }
        if !cap.price.is_broken() {
            let price = rescale(cap.price.spot, cap.shift, shift)?;
            if price < seen.price {
                seen.price = price;
                seen.conf = rescale(cap.price.conf, cap.shift, shift)?.saturating_add(1);
            }
        }
        seen.published_ms = seen.published_ms.min(cap.price.published_ms);
        inherited.add(&cap.price);
    }
    let feed = risk.feed_mut(index)?;
    feed.shift = shift;
    let outcome = feed.update(&seen, Origin::Primary, now_ms, doubt_ms);
    if outcome == Outcome::Known {
        feed.price.spot = seen.price;
        feed.price.conf = seen.conf;
    }
    if !matches!(outcome, Outcome::Refused(_)) {
        feed.price.marks = inherited.marks;
    }
    if inherited.marks & BROKEN != 0 {
        feed.price.marks |= BROKEN;
        feed.price.doubt_from = feed.price.doubt_from.min(inherited.doubt_from);
    }
    // What was refused just now stays refused; otherwise only what is not known now counts.
    feed.price.refused_ms = match outcome {
        Outcome::Refused(_) => feed.price.refused_ms.max(inherited.refused_ms),
        _ => inherited.refused_ms,
    };
    // Nothing is derived from it.
    let _ = rewrite_followers(risk, index, outcome == Outcome::Accepted, now_ms);
    match outcome {
        Outcome::Refused(rejection) => Err(PlimsollError::from(rejection).into()),
        outcome => Ok(outcome == Outcome::Accepted),
    }
}

/// What is doubted of the feeds that a price is derived from is doubted of it.
#[derive(Default)]
struct Inherited {
    marks: u8,
    /// When the first of those that are broken was last known, by the clock of doubt.
    doubt_from: u64,
    /// When the newest observation was published that one of them refused.
    refused_ms: i64,
}

impl Inherited {
    fn add(&mut self, price: &FeedPrice) {
        let flags = price.flags();
        if flags & BROKEN != 0 {
            self.doubt_from = match self.marks & BROKEN {
                0 => price.doubt_from,
                _ => self.doubt_from.min(price.doubt_from),
            };
        }
        self.marks |= flags & (BROKEN | FALLBACK | YOUNG_FALLBACK);
        if flags & REFUSED != 0 {
            self.refused_ms = self.refused_ms.max(price.refused_ms);
        }
    }
}

/// A mantissa at another shift, rounded down.
fn rescale(mantissa: u64, from: u8, to: u8) -> Result<u64> {
    let widened = u128::from(mantissa) << (to & 63);
    u64::try_from(widened >> (from & 63)).map_err(|_| PlimsollError::Overflow.into())
}

/// Enters a feed among those that follow the feeds it names, once their listing and its kind are as they must be.
///
/// # Errors
/// `InvalidParameter` when a derived feed names itself or another derived feed, or another feed takes the same signed price:
/// one price is stored once.
pub fn bind(risk: &mut RiskState, index: u8) -> Result<()> {
    let feed = risk.feed(index)?;
    if let Some(number) = feed.sources.primary.pro_number() {
        let mut others = (0..risk.feed_count).zip(&risk.feeds);
        let is_taken = others.any(|(other, feed)| {
            other != index && feed.sources.primary.pro_number() == Some(number)
        });
        require!(!is_taken, PlimsollError::InvalidParameter);
    }
    let (assets, markets, moves_with) = (feed.assets, feed.markets, feed.moves_with(index));
    let is_derived = feed.is_derived();
    for place in bits(assets) {
        if let Some(entry) = risk.assets.get_mut(place) {
            entry.price.moves_with = moves_with;
        }
    }
    for place in bits(markets) {
        if let Some(entry) = risk.markets.get_mut(place) {
            entry.price.moves_with = moves_with;
        }
    }
    let feed = risk.feed(index)?;
    if !is_derived {
        return Ok(());
    }
    require!(feed.derived == 0, PlimsollError::InvalidParameter);
    let source = feed.sources.primary;
    let cap = (source.cap != NO_FEED).then_some(source.cap);
    for named in core::iter::once(source.base).chain(cap) {
        let other = risk.feed_mut(named)?;
        require!(
            named != index && !other.is_derived(),
            PlimsollError::InvalidParameter
        );
        other.derived |= bit(index);
    }
    Ok(())
}

/// Undoes [`bind`].
pub fn unbind(risk: &mut RiskState, index: u8) {
    let others = !1u64.checked_shl(u32::from(index)).unwrap_or(0);
    for feed in &mut risk.feeds {
        feed.derived &= others;
    }
}

/// Lets asset (or market, with `is_market`) number `place` follow a feed, whose price it takes at once. `unit` is what the
/// entry prices; its scale is chosen where it has none yet.
///
/// # Errors
/// `UnknownFeed`; `StaleEntry` while the feed has no price of now; `WindingDown` when its price, or the one that the entry
/// follows so far, is final; `Overflow` when the price does not fit the entry.
#[inline(never)]
pub fn follow(
    risk: &mut RiskState,
    place: u16,
    is_market: bool,
    index: u8,
    unit: PriceUnit,
    clock: &Clock,
) -> Result<()> {
    let feed = *risk.feed(index)?;
    let now_ms = clock.unix_timestamp.saturating_mul(1_000);
    let bit = 1u64.checked_shl(u32::from(place)).or_refuse()?;
    let held = if is_market {
        &risk.market(place)?.price
    } else {
        &risk.asset(place)?.price
    };
    require!(
        !feed.price.is_final() && !held.is_final(),
        PlimsollError::WindingDown
    );
    require!(
        feed.is_priced() && !feed.price.is_silent(now_ms, &feed.limits) && feed.price.flags() == 0,
        PlimsollError::StaleEntry
    );
    for feed in &mut risk.feeds {
        let followers = if is_market {
            &mut feed.markets
        } else {
            &mut feed.assets
        };
        *followers &= !bit;
    }
    if is_market {
        risk.feed_mut(index)?.markets |= bit;
        let haircut = risk.haircut(risk.market(place)?.underlying);
        let entry = risk.market_mut(place)?;
        let (unit, shift) = scale(unit, &feed, entry.price.spot == 0, entry.shift)?;
        entry.shift = shift;
        entry.set_feed(index, unit);
        entry.price.moves_with = feed.moves_with(index);
        entry.follow(&feed.price, &feed.limits, haircut.as_ref())
    } else {
        risk.feed_mut(index)?.assets |= bit;
        let haircut = risk.haircut(risk.asset(place)?.underlying);
        let entry = risk.asset_mut(place)?;
        let (unit, shift) = scale(unit, &feed, entry.price.spot == 0, entry.shift)?;
        entry.shift = shift;
        entry.set_feed(index, unit);
        entry.price.moves_with = feed.moves_with(index);
        entry.follow(&feed.price, &feed.limits, haircut.as_ref())
    }
    .or_refuse()
}

fn scale(unit: PriceUnit, feed: &Feed, is_new: bool, shift: u8) -> Result<(EntryUnit, u8)> {
    if is_new {
        return EntryUnit::choose(unit, feed.shift, feed.price.spot).or_refuse();
    }
    Ok((EntryUnit::new(unit, feed.shift, shift).or_refuse()?, shift))
}
