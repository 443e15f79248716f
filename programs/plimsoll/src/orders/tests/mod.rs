//! Tests of what orders do to margin accounts, books and markets.

mod band;
mod delegated;
mod histories;
mod placing;
mod resting;

use std::cell::{Ref, RefCell, RefMut};

use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use plimsoll_risk::{
    price::EntryUnit, AssetRisk, Balance, EntryPrice, FeedLimits, FeedPrice, LiquidationTerms,
    MarketParams, MarketRisk, PerpPosition, Shares, RATIO_ONE,
};

use super::{
    cancel_all_in_book, place, report::FillLog, settle_waiting, terms::*, AtHand, Cancelled, Maker,
};
use crate::{
    error::PlimsollError,
    matching::{FillQueue, Side},
    state::{Book, Delegation, MarginAccount, Market, RiskState},
};

pub const TICK: u64 = 1_000;
/// The oracle price in price lots.
pub const SPOT: u64 = 1_000;
pub const SHIFT: u8 = 20;
/// What every account starts with, native quote.
pub const DEPOSIT: i64 = 1_000_000_000;

/// A market with its book and queue, and four margin accounts.
pub struct Desk {
    pub risk: Box<RiskState>,
    pub market: Box<Market>,
    pub book: Box<Book>,
    pub queue: Box<FillQueue>,
    pub accounts: Vec<(Pubkey, RefCell<Box<MarginAccount>>)>,
    pub clock: Clock,
}

pub fn params() -> MarketParams {
    MarketParams {
        size_scale_notional: u64::MAX,
        open_interest_cap_lots: 1_000_000,
        min_order_notional: 4_100_000,
        init_ratio: RATIO_ONE / 10,
        maint_ratio: RATIO_ONE / 20,
        maker_fee: -3_355,
        taker_fee: 8_388,
        price_band_ratio: RATIO_ONE / 10,
        liquidation: LiquidationTerms::default(),
        ..MarketParams::default()
    }
}

fn fresh_price(spot: u64, clock: &Clock) -> EntryPrice {
    let feed = FeedPrice {
        published_ms: clock.unix_timestamp * 1_000,
        spot,
        stable: spot,
        average: spot,
        ..FeedPrice::default()
    };
    let same = EntryUnit {
        multiplier: 1,
        places: 0,
    };
    let mut price = EntryPrice::default();
    price.follow(&feed, &FeedLimits::DEFAULT, same).unwrap();
    price
}

impl Desk {
    pub fn new() -> Self {
        let clock = Clock {
            slot: 1_000,
            unix_timestamp: 1_700_000_000,
            ..Clock::default()
        };
        let mut desk = Self {
            risk: zeroed(),
            market: zeroed(),
            book: zeroed(),
            queue: zeroed(),
            accounts: Vec::new(),
            clock,
        };
        desk.risk.asset_count = 1;
        desk.risk.market_count = 1;
        desk.risk.assets[0] = AssetRisk {
            price: EntryPrice {
                max_age_secs: [1_000; 3],
                ..fresh_price(1 << SHIFT, &desk.clock)
            },
            asset_price: [1 << SHIFT; 3],
            liability_price: [1 << SHIFT; 3],
            shift: SHIFT,
            ..AssetRisk::default()
        };
        desk.market.terms.tick = TICK;
        desk.market.next_order_id = 1;
        desk.market.params = params();
        desk.book.tick = TICK;
        desk.risk.markets[0] = MarketRisk::listed(SHIFT, TICK);
        desk.set_spot(SPOT);
        for _ in 0..4 {
            desk.open_account();
        }
        desk
    }

    /// Brings the risk entry up to the market's parameters.
    pub fn recompute(&mut self) {
        let params = self.market.params;
        self.risk.markets[0].recompute(&params, None).unwrap();
        self.risk.markets[0].funding_long = self.market.funding_long;
        self.risk.markets[0].funding_short = self.market.funding_short;
    }

    fn open_account(&mut self) {
        let mut account: Box<MarginAccount> = zeroed();
        account.balances = [Balance::FREE; 16];
        account.perps = [PerpPosition::default(); 16];
        account.balances[0] = Balance {
            shares: Shares(DEPOSIT),
            ..Balance::of(0)
        };
        let key = Pubkey::new_from_array([self.accounts.len() as u8 + 1; 32]);
        self.accounts.push((key, RefCell::new(account)));
    }

    /// Places an order of account `who`, with the accounts `hands` as makers at hand, everything of theirs settled.
    pub fn place(&mut self, who: usize, terms: OrderTerms, hands: &[usize]) -> Result<u64> {
        self.place_by(who, terms, hands, None)
    }

    /// An order that account `who`'s owner signs, or a delegate.
    pub fn place_by(
        &mut self,
        who: usize,
        terms: OrderTerms,
        hands: &[usize],
        delegation: Option<&mut Delegation>,
    ) -> Result<u64> {
        for at in hands.iter().chain([&who]) {
            self.settle(*at);
        }
        let mut makers = Vec::new();
        for at in hands.iter().filter(|at| **at != who) {
            let (key, cell) = &self.accounts[*at];
            let account = RefMut::map(cell.borrow_mut(), |account| &mut **account);
            makers.push(Maker { key: *key, account });
        }
        let (taker_key, cell) = &self.accounts[who];
        let mut taker = cell.borrow_mut();
        let hands = AtHand {
            market: &mut self.market,
            taker_key: *taker_key,
            taker: &mut taker,
            makers,
            maker_fees: 0,
            log: FillLog::new(0, *taker_key, 0),
        };
        place(
            &self.risk,
            &mut self.book.orders,
            &mut self.queue,
            hands,
            &terms,
            delegation,
            &self.clock,
        )
    }

    /// Settles what waits for account `who`; returns how many entries.
    pub fn settle(&mut self, who: usize) -> usize {
        let (key, cell) = &self.accounts[who];
        let mut account = cell.borrow_mut();
        settle_waiting(&mut self.queue, &mut self.market, key, &mut account, 1_000).unwrap()
    }

    pub fn cancel_all(&mut self, who: usize) -> Cancelled {
        let (key, cell) = &self.accounts[who];
        cancel_all_in_book(key, &mut cell.borrow_mut(), &mut self.book).unwrap()
    }

    pub fn account(&self, who: usize) -> Ref<'_, Box<MarginAccount>> {
        self.accounts[who].1.borrow()
    }

    pub fn account_mut(&self, who: usize) -> RefMut<'_, Box<MarginAccount>> {
        self.accounts[who].1.borrow_mut()
    }

    /// Moves the oracle price, in price lots.
    pub fn set_spot(&mut self, spot: u64) {
        self.risk.markets[0].price = fresh_price((spot * TICK) << SHIFT, &self.clock);
        self.recompute();
    }

    /// The market's slot of an account; an empty one when it has none.
    pub fn perp(&self, who: usize) -> PerpPosition {
        let account = self.account(who);
        account
            .find_perp(0)
            .map_or_else(PerpPosition::default, |slot| account.perps[slot])
    }

    pub fn position(&self, who: usize) -> i64 {
        self.perp(who).position.0
    }

    /// Lots of a side of the book.
    pub fn book_lots(&self, side: Side) -> i64 {
        self.book
            .orders
            .side(side)
            .iter()
            .map(|order| order.lots)
            .sum()
    }
}

pub fn zeroed<T: Zeroable>() -> Box<T> {
    Box::new(T::zeroed())
}

/// A limit order without extras.
pub fn limit(side: OrderSide, price: u64, lots: i64) -> OrderTerms {
    OrderTerms {
        side,
        price,
        lots,
        kind: OrderType::Limit,
        max_quote: None,
        reduce_only: false,
        expiry: 0,
        client_id: 7,
        self_trade: SelfTradeBehavior::DecrementAndCancel,
        max_fills: 50,
    }
}

pub fn bid(price: u64, lots: i64) -> OrderTerms {
    limit(OrderSide::Bid, price, lots)
}

pub fn ask(price: u64, lots: i64) -> OrderTerms {
    limit(OrderSide::Ask, price, lots)
}

#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T>, with: PlimsollError) {
    assert_eq!(result.unwrap_err(), Error::from(with));
}
