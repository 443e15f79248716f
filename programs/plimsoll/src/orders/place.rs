//! Placing an order: from its terms to the book, the accounts and the market's sums.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    delegate, fixed::scale_floor, position::trading_fee, BaseLots, MarketRisk, OpenOrder,
    PerpPosition, PriceLots, Purpose, QuoteNative, Side as AccountSide,
};

use super::{
    min_quote_lots, native_quote, reclaim,
    report::{log, MakerFill},
    terms::{OrderTerms, OrderType},
    trim_reduce_only, AtHand, Over, PriceBand, Trading,
};
use crate::{
    delegation::require_least_equity,
    error::{OrRefuse, PlimsollError},
    events::OrderPlaced,
    health::{clock_of, require_init_unless_reduced, Before},
    matching::{match_order, FillQueue, MatchOutcome, Orders, QueuedFill, TakerOrder},
    state::{market::moment, Delegation, Market, RiskState},
};

/// Most trades of one order, whatever its terms say: as many as one transaction's log has room to tell of.
pub const MAX_FILLS: u8 = 64;

/// Matches an order of the taker at hand, books its trades, rests its remainder, keeps the account's reduce-only orders within
/// its position, and holds the account to Init health and the market to its open-interest cap. The account's expired orders in
/// the market are out of the way first. Where a delegate signs, what the order may lose is taken out of its budget. Returns the
/// order's id.
#[inline(never)]
pub fn place(
    risk: &RiskState,
    orders: &mut Orders,
    queue: &mut FillQueue,
    mut hands: AtHand,
    terms: &OrderTerms,
    mut delegation: Option<&mut Delegation>,
    clock: &Clock,
) -> Result<u64> {
    let perp_slot = hands.taker.open_perp(hands.market.index)?;
    let perp = hands.taker.perps.get(perp_slot).or_refuse()?;
    if perp.may_have_expired(clock.unix_timestamp) {
        reclaim_expired(&mut hands, orders, clock)?;
    }
    let before = Before::of(risk, hands.taker, perp_slot)?;
    let order = incoming(risk, &hands, perp_slot, terms, delegation.is_some(), clock)?;
    hands.market.next_order_id = order.seq.checked_add(1).or_refuse()?;

    let interest = Interest::of(hands.market)?;
    let waiting = queue.len();
    let outcome = match_order(orders, queue, &mut hands, &order, clock.unix_timestamp)?;
    let queued = queue.entries().get(waiting..).unwrap_or_default();
    let queued_fees = report_queued(&mut hands, queued)?;
    hands.log.flush()?;
    let fee = book_trades(
        &mut hands,
        perp_slot,
        terms.side.into(),
        &outcome,
        queued_fees,
    )?;
    interest.require_cap(hands.market)?;
    if outcome.filled_lots > 0 && !is_fresh(risk, hands.market.index, clock)? {
        interest.require_closed(hands.market, outcome.filled_lots)?;
    }
    enter_resting(&mut hands, perp_slot, terms, &order, &outcome)?;
    report(&hands, terms, &order, &outcome, fee)?;
    if let Some(delegation) = &mut delegation {
        let loss = worst_loss(risk, hands.market, terms.side.into(), &outcome, fee)?;
        delegation.charge(loss, clock.unix_timestamp)?;
    }
    let perp = hands.taker.perps.get(perp_slot).or_refuse()?;
    if perp.reduce_only_orders != 0 {
        trim(&mut hands, orders, perp_slot, order.min_quote_lots)?;
    }

    if let Some(delegation) = delegation.filter(|_| !terms.reduce_only) {
        require_least_equity(delegation, risk, hands.taker, clock)?;
    }
    let market = &*hands.market;
    let is_fair = || is_fair(risk, market, terms.side.into(), &outcome);
    let reduces = terms.reduce_only && outcome.resting_lots == 0 && outcome.filled_lots > 0;
    require_init_unless_reduced(
        risk,
        hands.taker,
        before,
        perp_slot,
        clock,
        reduces,
        is_fair,
    )?;
    hands.taker.release_perp(perp_slot);
    Ok(order.seq)
}

/// The order as the matching engine takes it, once its terms are acceptable. With a stale entry only a reduce-only
/// order of the owner's is, and it trades only with what reduces too. It has no band then: a loss it makes must leave Init health
/// whole, and is the owner's own. What a delegate's would lose nobody knows then. At a final price nothing is traded any more.
#[inline(never)]
pub fn incoming(
    risk: &RiskState,
    hands: &AtHand,
    perp_slot: usize,
    terms: &OrderTerms,
    delegated: bool,
    clock: &Clock,
) -> Result<TakerOrder> {
    let market = &*hands.market;
    let entry = risk.market(market.index)?;
    require!(!entry.price.is_final(), PlimsollError::WindingDown);
    let fresh = is_fresh(risk, market.index, clock)?;
    require!(
        fresh || (terms.reduce_only && !delegated),
        PlimsollError::StaleEntry
    );
    let band =
        fresh.then(|| PriceBand::around(entry, terms.side.into(), market.params.price_band_ratio));
    let price = limit_price(terms, band)?;
    let perp = hands.taker.perps.get(perp_slot).or_refuse()?;
    let min_quote_lots = min_quote_lots(market)?;
    let lots = accepted_lots(terms, perp, market, entry, min_quote_lots)?;
    let owner_slot = if terms.kind.rests() {
        BaseLots(lots)
            .notional(PriceLots(price), market.terms.tick)
            .map_err(|_| error!(PlimsollError::InvalidOrderSize))?;
        hands.taker.free_order()?
    } else {
        0
    };
    let max_quote_lots = match terms.max_quote {
        Some(quote) => Some(quote.checked_div(market.terms.tick).or_refuse()?),
        None => None,
    };
    Ok(TakerOrder {
        owner: hands.taker_key.to_bytes(),
        seq: market.next_order_id,
        price,
        lots,
        max_quote_lots,
        expiry: terms.expiry,
        max_steps: u16::from(terms.max_fills.min(MAX_FILLS)),
        min_quote_lots,
        owner_slot: u8::try_from(owner_slot).ok().or_refuse()?,
        side: terms.side.into(),
        kind: terms.kind.into(),
        self_trade: terms.self_trade.into(),
        reduce_only: terms.reduce_only,
        in_place_only: fresh && waits_for_epoch(market, entry),
    })
}

/// Whether an epoch could be opened in the market, were its fill queue empty: nothing is added to that then, or else whoever keeps
/// trading could hold the epoch up.
fn waits_for_epoch(market: &Market, entry: &MarketRisk) -> bool {
    let floor = market.params.shortfall_floor;
    market.profits.may_open(floor, &moment(entry))
}

/// Frees the slots of the taker's expired orders in the market.
pub fn reclaim_expired(hands: &mut AtHand, orders: &mut Orders, clock: &Clock) -> Result<()> {
    let over = Over {
        now: clock.unix_timestamp,
        all: false,
    };
    let mut market = Trading {
        orders,
        index: hands.market.index,
        tick: hands.market.terms.tick,
    };
    reclaim(&hands.taker_key, hands.taker, &mut market, over, false)
}

/// Keeps the taker's reduce-only orders within what its position is now.
fn trim(
    hands: &mut AtHand,
    orders: &mut Orders,
    perp_slot: usize,
    min_quote_lots: i64,
) -> Result<()> {
    let mut market = Trading {
        orders,
        index: hands.market.index,
        tick: hands.market.terms.tick,
    };
    let (key, taker) = (&hands.taker_key, &mut *hands.taker);
    trim_reduce_only(key, taker, &mut market, perp_slot, min_quote_lots)
}

/// Whether a market's price carries new risk.
fn is_fresh(risk: &RiskState, market: u16, clock: &Clock) -> Result<bool> {
    let price = &risk.market(market)?.price;
    Ok(price.is_fresh(&clock_of(risk, clock), Purpose::Trade))
}

/// The limit in price lots: within the band, a market order's cut to it.
fn limit_price(terms: &OrderTerms, band: Option<PriceBand>) -> Result<u64> {
    let is_market = terms.kind == OrderType::Market;
    match band {
        Some(band) if is_market => band.cut(terms.price),
        Some(band) => {
            band.check(terms.price, terms.kind.rests())?;
            Ok(terms.price)
        }
        None if is_market => Ok(terms.price.max(1)),
        None => Ok(terms.price),
    }
}

/// The lots to trade: a reduce-only order's cut to the position. They must be worth the market's minimum, at the limit where
/// they may rest and at the oracle's last price where not; only an order that closes a small position whole may be worth less.
#[inline(never)]
fn accepted_lots(
    terms: &OrderTerms,
    perp: &PerpPosition,
    market: &Market,
    entry: &MarketRisk,
    min_quote_lots: i64,
) -> Result<i64> {
    let mut lots = terms.lots;
    if terms.reduce_only {
        let whole = perp.reducible(terms.side.into()).0;
        require!(whole > 0, PlimsollError::NotReducing);
        lots = lots.min(whole);
        if lots == whole {
            return Ok(lots);
        }
    }
    require!(lots > 0, PlimsollError::InvalidOrderSize);
    let is_enough = if terms.kind.rests() {
        let price = i64::try_from(terms.price).ok();
        let worth = price.and_then(|price| lots.checked_mul(price));
        worth.is_some_and(|worth| worth >= min_quote_lots)
    } else {
        let least = i128::from(market.params.min_order_notional);
        scale_floor(lots, entry.price.last(), entry.shift) >= least
    };
    require!(is_enough, PlimsollError::InvalidOrderSize);
    Ok(lots)
}

/// Tells of the trades whose makers are not at hand, and counts what they buy; returns those makers' fees, which are due from
/// now on.
fn report_queued(hands: &mut AtHand, queued: &[QueuedFill]) -> Result<i64> {
    let mut fees = 0i64;
    for entry in queued.iter().filter(|entry| entry.is_fill()) {
        fees = fees.checked_add(entry.maker_fee).or_refuse()?;
        hands.market.count_waiting(entry, entry.lots)?;
        let told = MakerFill {
            maker: Pubkey::new_from_array(entry.maker),
            maker_order_id: entry.seq,
            price: entry.price,
            lots: entry.lots,
            maker_fee: entry.maker_fee,
            settled: false,
        };
        hands.log.push(entry.maker_side, &told)?;
    }
    Ok(fees)
}

/// Books the taker's trades in one go, at their total notional, and the fees of both sides. Returns the taker's fee.
///
/// Makers' rebates never exceed the taker's fee: the rates add up to at least zero, and every fee is rounded up.
#[inline(never)]
fn book_trades(
    hands: &mut AtHand,
    perp_slot: usize,
    side: AccountSide,
    outcome: &MatchOutcome,
    queued_fees: i64,
) -> Result<QuoteNative> {
    if outcome.filled_lots == 0 {
        return Ok(QuoteNative::ZERO);
    }
    let market = &mut *hands.market;
    let notional = native_quote(outcome.filled_quote_lots, market.terms.tick)?;
    let rate = i32::try_from(market.params.taker_fee).ok().or_refuse()?;
    let fee = trading_fee(notional, rate).or_refuse()?;
    let perp = hands.taker.perps.get_mut(perp_slot).or_refuse()?;
    let lots = BaseLots(outcome.filled_lots);
    market.change(perp, |perp, funding| {
        perp.apply_fill(side, lots, notional, fee, funding)
            .or_refuse()
    })?;
    let fees = fee
        .checked_add(QuoteNative(hands.maker_fees))
        .and_then(|fees| fees.checked_add(QuoteNative(queued_fees)))
        .or_refuse()?;
    market.fees_accrued = market.fees_accrued.checked_add_signed(fees.0).or_refuse()?;
    Ok(fee)
}

/// Whether the trades gave the taker at least what they took from it, before the fee, and what rests would if it filled: its
/// equity falls by no more than the fee then. At spot, and at the last known price where spot is not known to be one.
#[inline(never)]
fn is_fair(
    risk: &RiskState,
    market: &Market,
    side: AccountSide,
    outcome: &MatchOutcome,
) -> Result<bool> {
    let price = &risk.market(market.index)?.price;
    let shift = risk.market(market.index)?.shift;
    let resting_price =
        i64::try_from(outcome.resting_price).map_err(|_| PlimsollError::Overflow)?;
    let resting = outcome.resting_lots.checked_mul(resting_price);
    let quote_lots = outcome.filled_quote_lots.checked_add(resting.or_refuse()?);
    let notional = i128::from(native_quote(quote_lots.or_refuse()?, market.terms.tick)?.0);
    let lots = outcome.filled_lots.checked_add(outcome.resting_lots);
    let lots = lots.or_refuse()?;
    let (bought, worst) = (price.spot.min(price.last()), price.spot.max(price.last()));
    Ok(match side {
        AccountSide::Bid => scale_floor(lots, bought, shift) >= notional,
        AccountSide::Ask => scale_floor(lots.saturating_neg(), worst, shift) >= -notional,
    })
}

/// What an order loses against the oracle's price, fees included: its trades, at what they came to, and what rests of it, as if
/// that filled now. A gain of the one does not pay for a loss of the other, as it may never come.
#[inline(never)]
fn worst_loss(
    risk: &RiskState,
    market: &Market,
    side: AccountSide,
    outcome: &MatchOutcome,
    fee: QuoteNative,
) -> Result<u64> {
    let entry = risk.market(market.index)?;
    let loss = |lots, notional, fee| {
        delegate::loss(side, lots, notional, fee, entry.price.spot, entry.shift).or_refuse()
    };
    let tick = market.terms.tick;
    let traded = native_quote(outcome.filled_quote_lots, tick)?;
    let at_once = loss(BaseLots(outcome.filled_lots), traded, fee)?;
    if outcome.resting_lots == 0 {
        return Ok(at_once);
    }
    let lots = BaseLots(outcome.resting_lots);
    let notional = lots.notional(PriceLots(outcome.resting_price), tick);
    let notional = notional.or_refuse()?;
    let fee = trading_fee(notional, market.params.maker_fee).or_refuse()?;
    at_once.checked_add(loss(lots, notional, fee)?).or_refuse()
}

/// Enters what rests in the book into the taker's order slot.
#[inline(never)]
fn enter_resting(
    hands: &mut AtHand,
    perp_slot: usize,
    terms: &OrderTerms,
    order: &TakerOrder,
    outcome: &MatchOutcome,
) -> Result<()> {
    if outcome.resting_lots == 0 {
        return Ok(());
    }
    let slot = usize::from(order.owner_slot);
    let resting = OpenOrder {
        id: order.seq,
        client_id: terms.client_id,
        price: PriceLots(outcome.resting_price),
        lots: BaseLots(outcome.resting_lots),
        expiry: terms.expiry,
        market: hands.market.index,
        side: order.side as u8,
        flags: if terms.reduce_only {
            OpenOrder::REDUCE_ONLY
        } else {
            0
        },
    };
    let perp = hands.taker.perps.get_mut(perp_slot).or_refuse()?;
    perp.add_order(slot, &resting, hands.market.terms.tick)
        .or_refuse()?;
    *hands.taker.orders.get_mut(slot).or_refuse()? = resting;
    Ok(())
}

#[inline(never)]
fn report(
    hands: &AtHand,
    terms: &OrderTerms,
    order: &TakerOrder,
    outcome: &MatchOutcome,
    fee: QuoteNative,
) -> Result<()> {
    let filled = native_quote(outcome.filled_quote_lots, hands.market.terms.tick)?;
    let price = if outcome.resting_lots > 0 {
        outcome.resting_price
    } else {
        order.price
    };
    log(&OrderPlaced {
        margin_account: hands.taker_key,
        market: hands.market.index,
        order_id: order.seq,
        client_id: terms.client_id,
        side: order.side as u8,
        price,
        filled_lots: outcome.filled_lots,
        filled_quote: u64::try_from(filled.0).ok().or_refuse()?,
        fee: fee.0,
        resting_lots: outcome.resting_lots,
    })
}

/// Open interest before a trade.
struct Interest {
    long: i64,
    short: i64,
    /// Once all fills that wait are settled, at most.
    to_come: i64,
}

impl Interest {
    fn of(market: &Market) -> Result<Self> {
        Ok(Self {
            long: market.long_interest,
            short: market.short_interest,
            to_come: market.interest_to_come()?,
        })
    }

    /// Refuses trades, while the price is stale, in which not both sides reduced: whoever rests an order would sell a way out
    /// at a price that is no more. A maker that is not at hand is not known to reduce.
    fn require_closed(&self, market: &Market, lots: i64) -> Result<()> {
        let closed = |before: i64, after: i64| before.checked_sub(after) == Some(lots);
        require!(
            closed(self.long, market.long_interest) && closed(self.short, market.short_interest),
            PlimsollError::StaleEntry
        );
        Ok(())
    }

    /// Refuses what lets open interest grow beyond the cap, makers who have yet to be told included; a trade in which it does
    /// not grow is free of it.
    fn require_cap(&self, market: &Market) -> Result<()> {
        let (cap, to_come) = (
            market.params.open_interest_cap_lots,
            market.interest_to_come()?,
        );
        if to_come > self.to_come && to_come > cap {
            msg!("open interest of {}, cap {}", to_come, cap);
            return err!(PlimsollError::OpenInterestCap);
        }
        Ok(())
    }
}
