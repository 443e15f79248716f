//! An order, as the program would match, book and accept it, or refuse it.
use anchor_lang::{
    prelude::{AccountInfo, Clock, Error, Pubkey},
    Discriminator,
};
use plimsoll::{
    error::PlimsollError,
    health::clock_of,
    matching::{match_order, MatchOutcome, Stop, TakerOrder},
    orders::{
        incoming, load_makers, native_quote, place, reclaim_expired, terms::OrderTerms, AtHand,
    },
    place_order::admit_order,
    state::{Book, Delegation, FillQueueAccount, MarginAccount, Market, RiskState},
};
use plimsoll_risk::{position::trading_fee, Purpose};
use serde::Serialize;

use super::{blocking, is_stale, recorder::Recorder, require_signer, Standing};
use crate::{
    copy::boxed,
    errors::Refusal,
    health::{stale_market, Stale, StaleKind},
    stress::Underlying,
};

/// All that an order's outcome depends on.
#[derive(Clone, Copy)]
pub struct OrderCase<'a> {
    pub risk: &'a RiskState,
    pub market: &'a Market,
    pub book: &'a Book,
    pub fill_queue: &'a FillQueueAccount,
    pub account_key: Pubkey,
    pub account: &'a MarginAccount,
    /// Who signs: the owner or a delegate.
    pub trader: Pubkey,
    /// By which a delegate does.
    pub delegation: Option<&'a Delegation>,
    /// Margin accounts that the instruction carries, so that their fills are settled in place.
    pub makers: &'a [(Pubkey, &'a MarginAccount)],
    pub clock: &'a Clock,
    /// What the liquidation price is asked for.
    pub underlying: Option<&'a Underlying>,
}

/// A trade of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillPreview {
    /// Margin account of the resting order.
    pub maker: Pubkey,
    /// Id of the resting order.
    pub order_id: u64,
    /// Price lots.
    pub price: u64,
    /// Base lots.
    pub lots: i64,
    /// Whether the maker's account is at hand; otherwise its side waits in the fill queue.
    pub settled: bool,
}

/// Why matching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Ended {
    /// Nothing is left of the order.
    Exhausted,
    /// No opposite order is left at an acceptable price.
    Price,
    /// The most resting orders to touch were touched.
    MaxFills,
    /// The quote budget is spent.
    QuoteBudget,
    /// The fill queue is full: pass the makers' accounts, or let somebody settle.
    QueueFull,
    /// The order's own side of the book is full.
    BookFull,
    /// What was left is worth too little to rest.
    Dust,
}

/// What becomes of an order. Lots = filled + decremented + resting + dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderPreview {
    /// Why the program would refuse it: the chain would then be as before.
    pub refusal: Option<Refusal>,
    /// What has to be refreshed for it, when that is why it is refused.
    pub stale: Vec<Stale>,
    /// The id that it would get.
    pub order_id: u64,
    /// Its limit in price lots: a market order's as cut to the band.
    pub limit: u64,
    pub fills: Vec<FillPreview>,
    /// Base lots traded.
    pub filled_lots: i64,
    /// Native quote of the trades, before the fee.
    pub filled_quote: i64,
    /// Lots · price lots of the trades: by the lots, the average price.
    pub filled_quote_lots: i64,
    /// The taker's fee, native quote.
    pub fee: i64,
    pub resting_lots: i64,
    /// Price lots, zero when nothing rests.
    pub resting_price: u64,
    /// Lost against own resting orders.
    pub decremented_lots: i64,
    /// Neither traded nor resting.
    pub dropped_lots: i64,
    pub ended: Option<Ended>,
    pub before: Standing,
    /// Afterwards; for an order refused over health or open interest, what it would be. None for other refusals.
    pub after: Option<Standing>,
}

impl OrderCase<'_> {
    /// What the program would do with an order.
    ///
    /// # Errors
    /// The program's, when the account's health cannot be told at all.
    pub fn preview(&self, terms: &OrderTerms) -> Result<OrderPreview, Error> {
        let before = Standing::of(self.risk, self.account, self.underlying, self.clock)?;
        let mut preview = OrderPreview::none(before);
        let mut desk = Desk::of(self);
        match desk.place(self, terms) {
            Ok(id) => preview.order_id = id,
            Err(error) => preview.refusal = Some(error.into()),
        }
        if !preview.refusal.as_ref().is_none_or(is_of_the_outcome) {
            preview.stale = self.stale(&desk.account, preview.refusal.as_ref())?;
            return Ok(preview);
        }
        let after = Standing::of(self.risk, &desk.account, self.underlying, self.clock)?;
        preview.after = Some(after);
        Desk::of(self).describe(self, terms, &mut preview)?;
        Ok(preview)
    }

    /// For a refusal over a stale entry: the market's own, and those that the account needs.
    fn stale(
        &self,
        account: &MarginAccount,
        refusal: Option<&Refusal>,
    ) -> Result<Vec<Stale>, Error> {
        let purpose = Purpose::Trade;
        let mut stale = blocking(self.risk, account, refusal, purpose, self.clock)?;
        let (index, clock) = (self.market.index, clock_of(self.risk, self.clock));
        let entry = self.risk.market(index)?;
        let known = |stale: &Stale| stale.kind == StaleKind::Market && stale.index == index;
        let old = is_stale(refusal) && !entry.price.is_fresh(&clock, purpose);
        if old && !stale.iter().any(known) {
            stale.push(stale_market(entry, index, purpose, &clock));
        }
        Ok(stale)
    }

    /// Whether the program would accept an order, or why not.
    ///
    /// # Errors
    /// The program's refusal.
    pub fn check(&self, terms: &OrderTerms) -> Result<u64, Error> {
        Desk::of(self).place(self, terms)
    }
}

/// Whether a refusal is of what the order came to, so that its outcome is worth telling.
fn is_of_the_outcome(refusal: &Refusal) -> bool {
    [
        PlimsollError::InsufficientHealth,
        PlimsollError::MustImprove,
        PlimsollError::OpenInterestCap,
    ]
    .into_iter()
    .any(|of| u32::from(of) == refusal.code)
}

/// Copies of the accounts that an order changes.
struct Desk {
    market: Box<Market>,
    book: Box<Book>,
    fills: Box<FillQueueAccount>,
    account: Box<MarginAccount>,
    makers: Vec<MakerData>,
}

impl Desk {
    fn of(case: &OrderCase) -> Self {
        let maker = |(key, account): &(Pubkey, &MarginAccount)| MakerData::of(*key, account);
        Self {
            market: boxed(case.market),
            book: boxed(case.book),
            fills: boxed(case.fill_queue),
            account: boxed(case.account),
            makers: case.makers.iter().map(maker).collect(),
        }
    }

    /// Runs the program's handler, from the checks of its accounts on.
    fn place(&mut self, case: &OrderCase, terms: &OrderTerms) -> Result<u64, Error> {
        admit(case, terms)?;
        let mut delegation = delegated(case).copied();
        let infos: Vec<AccountInfo> = self.makers.iter_mut().map(MakerData::info).collect();
        let loaders = load_makers(&infos)?;
        let queue = &mut self.fills.queue;
        let key = case.account_key;
        let hands = AtHand::settle(&mut self.market, queue, key, &mut self.account, &loaders)?;
        let orders = &mut self.book.orders;
        place(
            case.risk,
            orders,
            queue,
            hands,
            terms,
            delegation.as_mut(),
            case.clock,
        )
    }

    /// Runs the matching alone once more, taking down each trade.
    fn describe(
        &mut self,
        case: &OrderCase,
        terms: &OrderTerms,
        preview: &mut OrderPreview,
    ) -> Result<(), Error> {
        let delegated = delegated(case).is_some();
        let infos: Vec<AccountInfo> = self.makers.iter_mut().map(MakerData::info).collect();
        let loaders = load_makers(&infos)?;
        let queue = &mut self.fills.queue;
        let key = case.account_key;
        let mut hands = AtHand::settle(&mut self.market, queue, key, &mut self.account, &loaders)?;
        let slot = hands.taker.open_perp(hands.market.index)?;
        reclaim_expired(&mut hands, &mut self.book.orders, case.clock)?;
        let order = incoming(case.risk, &hands, slot, terms, delegated, case.clock)?;
        let mut recorder = Recorder::new(&mut hands);
        let now = case.clock.unix_timestamp;
        let outcome = match_order(&mut self.book.orders, queue, &mut recorder, &order, now)?;
        preview.fills = recorder.into_fills(outcome.fills);
        preview.enter(case.market, &order, &outcome)
    }
}

/// The delegation, where not the owner signs.
fn delegated<'a>(case: &OrderCase<'a>) -> Option<&'a Delegation> {
    case.delegation
        .filter(|_| case.account.owner != case.trader)
}

/// The handler's checks of signer and modes.
fn admit(case: &OrderCase, terms: &OrderTerms) -> Result<(), Error> {
    let exchange = case.risk.exchange;
    if case.market.exchange != exchange || case.account.exchange != exchange {
        return Err(PlimsollError::WrongExchange.into());
    }
    if case.book.index != case.market.index || case.fill_queue.index != case.market.index {
        return Err(PlimsollError::WrongMarketAccount.into());
    }
    require_signer(
        case.account,
        &case.account_key,
        &case.trader,
        case.delegation,
        case.clock,
    )?;
    if let Some(delegation) = delegated(case) {
        delegation.require_order(terms, case.market.index, case.clock.unix_timestamp)?;
    }
    admit_order(
        case.risk.mode,
        case.market.mode,
        case.account.state,
        terms.reduce_only,
    )
}

impl OrderPreview {
    /// An order that nothing has become of.
    fn none(before: Standing) -> Self {
        Self {
            refusal: None,
            stale: Vec::new(),
            order_id: 0,
            limit: 0,
            fills: Vec::new(),
            filled_lots: 0,
            filled_quote: 0,
            filled_quote_lots: 0,
            fee: 0,
            resting_lots: 0,
            resting_price: 0,
            decremented_lots: 0,
            dropped_lots: 0,
            ended: None,
            before,
            after: None,
        }
    }

    fn enter(
        &mut self,
        market: &Market,
        order: &TakerOrder,
        outcome: &MatchOutcome,
    ) -> Result<(), Error> {
        let notional = native_quote(outcome.filled_quote_lots, market.terms.tick)?;
        let rate = i32::try_from(market.params.taker_fee).unwrap_or(i32::MAX);
        let fee = trading_fee(notional, rate).map_err(PlimsollError::from)?;
        self.order_id = order.seq;
        self.limit = order.price;
        self.filled_lots = outcome.filled_lots;
        self.filled_quote = notional.0;
        self.filled_quote_lots = outcome.filled_quote_lots;
        self.fee = if outcome.filled_lots == 0 { 0 } else { fee.0 };
        self.resting_lots = outcome.resting_lots;
        self.resting_price = outcome.resting_price;
        self.decremented_lots = outcome.decremented_lots;
        self.dropped_lots = outcome.dropped_lots;
        self.ended = Some(outcome.stop.into());
        Ok(())
    }

    /// Average price of the trades in price lots; none without trades.
    pub fn average_price(&self) -> Option<f64> {
        (self.filled_lots > 0).then(|| self.filled_quote_lots as f64 / self.filled_lots as f64)
    }
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Exhausted => Self::Exhausted,
            Stop::Price => Self::Price,
            Stop::StepLimit => Self::MaxFills,
            Stop::QuoteBudget => Self::QuoteBudget,
            Stop::QueueFull => Self::QueueFull,
            Stop::BookFull => Self::BookFull,
            Stop::Dust => Self::Dust,
        }
    }
}

/// A maker's account as the runtime hands it to the program: a discriminator and the account, aligned.
struct MakerData {
    key: Pubkey,
    lamports: u64,
    words: Vec<u64>,
}

impl MakerData {
    fn of(key: Pubkey, account: &MarginAccount) -> Self {
        let mut words = vec![0u64; MarginAccount::SPACE.div_ceil(size_of::<u64>())];
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
        let (mark, body) = bytes.split_at_mut(MarginAccount::DISCRIMINATOR.len());
        mark.copy_from_slice(MarginAccount::DISCRIMINATOR);
        body.copy_from_slice(bytemuck::bytes_of(account));
        Self {
            key,
            lamports: 1,
            words,
        }
    }

    fn info(&mut self) -> AccountInfo<'_> {
        let data = bytemuck::cast_slice_mut(&mut self.words);
        AccountInfo::new(
            &self.key,
            false,
            true,
            &mut self.lamports,
            data,
            &plimsoll::ID,
            false,
        )
    }
}
