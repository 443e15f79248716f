//! Tests of flagging and of the takeover of positions, on accounts in memory.
use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use plimsoll_risk::{
    feed::BROKEN, price::EntryUnit, AssetRisk, Balance, BaseLots, EntryPrice, FeedLimits,
    FeedPrice, LiquidationTerms, MarketParams, MarketRisk, PerpPosition, QuoteNative, Shares,
    RATIO_ONE,
};

use super::{require_own_init, Done, Liquidation, LiquidatorLimits, Standing};
use crate::{
    error::PlimsollError,
    state::{margin_account::account_state, MarginAccount, Market, RiskState},
};

const SHIFT: u8 = 20;
/// Native quote per lot.
const SPOT: u64 = 1_000_000;

/// A market at 10% and 5% margin, an account with a position there, and a liquidator.
struct Desk {
    risk: Box<RiskState>,
    market: Box<Market>,
    account: Box<MarginAccount>,
    liquidator: Box<MarginAccount>,
    clock: Clock,
}

fn account(deposit: i64) -> Box<MarginAccount> {
    let mut account: Box<MarginAccount> = Box::new(Zeroable::zeroed());
    account.balances.fill(Balance::FREE);
    account.perps.fill(PerpPosition::default());
    account.balances[0] = Balance {
        shares: Shares(deposit),
        ..Balance::of(0)
    };
    account
}

/// A price that its feed published so many milliseconds after the clock's second.
fn fresh(spot: u64, clock: &Clock, millis: i64) -> EntryPrice {
    let feed = FeedPrice {
        published_ms: clock.unix_timestamp * 1_000 + millis,
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
    /// The account holds `lots`, opened at spot, against a deposit.
    fn new(lots: i64, deposit: i64) -> Self {
        let clock = Clock {
            slot: 1_000,
            unix_timestamp: 1_700_000_000,
            ..Clock::default()
        };
        let mut desk = Self {
            risk: Box::new(Zeroable::zeroed()),
            market: Box::new(Zeroable::zeroed()),
            account: account(deposit),
            liquidator: account(1_000_000_000),
            clock,
        };
        desk.market.params = MarketParams {
            size_scale_notional: u64::MAX,
            init_ratio: RATIO_ONE / 10,
            maint_ratio: RATIO_ONE / 20,
            liquidation: LiquidationTerms {
                fee_min: RATIO_ONE / 100,
                fee_max: RATIO_ONE / 50,
                ramp_secs: 100,
                insurance_share: RATIO_ONE / 4,
                reward_min: RATIO_ONE / 1_000,
                top_up_limit: 100,
            },
            ..MarketParams::default()
        };
        desk.risk.asset_count = 1;
        desk.risk.market_count = 1;
        desk.risk.assets[0] = AssetRisk {
            asset_price: [1 << SHIFT; 3],
            liability_price: [1 << SHIFT; 3],
            ..AssetRisk::listed(SHIFT, 6)
        };
        desk.risk.markets[0] = MarketRisk::listed(SHIFT, 1);
        desk.publish(SPOT, 0);
        desk.account.perps[0] = PerpPosition {
            position: BaseLots(lots),
            quote: QuoteNative(-lots * i64::try_from(SPOT).unwrap()),
            ..PerpPosition::of(0)
        };
        desk.market.long_interest = lots.max(0);
        desk.market.short_interest = -lots.min(0);
        desk
    }

    /// Both feeds publish, so many milliseconds after the clock's second.
    fn publish(&mut self, spot: u64, millis: i64) {
        self.risk.assets[0].price = fresh(1 << SHIFT, &self.clock, millis);
        let entry = &mut self.risk.markets[0];
        entry.price = fresh(spot << SHIFT, &self.clock, millis);
        entry.recompute(&self.market.params, None).unwrap();
    }

    /// Flags the account, and confirms it by prices published a second later; prices published in the flag's own second, though
    /// after those it was set at, confirm nothing. The fee is at its least then.
    fn flag(&mut self) {
        assert!(!self.liquidate(0).unwrap());
        self.publish(SPOT, 1);
        assert!(!self.liquidate(0).unwrap());
        assert_eq!(self.account.flag_confirmed, 0);
        self.clock.unix_timestamp += 1;
        self.publish(SPOT, 0);
        assert!(!self.liquidate(0).unwrap());
        assert_eq!(self.account.flag_confirmed, 1);
        self.account.flagged_at = self.clock.unix_timestamp;
    }

    fn liquidate(&mut self, max_lots: u64) -> Result<bool> {
        let standing = Standing::of(&self.risk, &self.account, &self.clock)?;
        let mut liquidation = Liquidation {
            risk: &self.risk,
            clock: &self.clock,
            account: &mut self.account,
            account_key: Pubkey::new_from_array([1; 32]),
            liquidator: &mut self.liquidator,
            liquidator_key: Pubkey::new_from_array([2; 32]),
            standing,
            done: Done::default(),
            closable: u64::MAX,
            limits: LiquidatorLimits::default(),
        };
        liquidation.begin()?;
        if max_lots > 0 {
            liquidation.require_no_orders()?;
            liquidation.require_second_observation()?;
            liquidation.take_over(&mut self.market, max_lots, false)?;
        }
        let kept = liquidation.standing.end();
        let over = liquidation.finish();
        let fresh = Standing::of(&self.risk, &self.account, &self.clock)?;
        assert_eq!(fresh.end(), kept, "the standing is kept, not guessed");
        Ok(over)
    }

    /// All claims on the market, insurance's included, with positions at spot.
    fn claims(&self) -> i64 {
        let own = |account: &MarginAccount| account.perps[0].quote.0;
        own(&self.account)
            + own(&self.liquidator)
            + i64::try_from(self.market.insurance_accrued).unwrap()
    }

    fn lots(&self) -> (i64, i64) {
        let lots = |account: &MarginAccount| account.perps[0].position.0;
        (lots(&self.account), lots(&self.liquidator))
    }
}

fn refusal<T: core::fmt::Debug>(result: Result<T>) -> u32 {
    match result.unwrap_err() {
        Error::AnchorError(error) => error.error_code_number,
        Error::ProgramError(error) => panic!("{error:?}"),
    }
}

#[test]
fn only_an_account_below_its_maintenance_line_is_flagged() {
    // A hundred lots need five per cent of margin.
    let mut desk = Desk::new(100, 5_000_000);
    assert_eq!(
        refusal(desk.liquidate(0)),
        u32::from(PlimsollError::NotLiquidatable)
    );
    let mut desk = Desk::new(100, 4_999_900);
    assert!(!desk.liquidate(0).unwrap());
    assert_eq!(desk.account.state, account_state::LIQUIDATING);
    assert_eq!(desk.account.flagged_at, desk.clock.unix_timestamp);
    assert_eq!(
        desk.account.flagged_price_ms,
        desk.clock.unix_timestamp * 1_000
    );
}

#[test]
fn nothing_is_taken_at_the_prices_of_the_flag() {
    let same = u32::from(PlimsollError::SameObservation);
    let mut desk = Desk::new(100, 4_000_000);
    assert_eq!(refusal(desk.liquidate(10)), same);
    assert!(!desk.liquidate(0).unwrap());
    // Time alone shows nothing.
    desk.clock.unix_timestamp += 5;
    assert_eq!(refusal(desk.liquidate(10)), same);
    // One of two prices is new.
    desk.risk.markets[0].price = fresh(SPOT << SHIFT, &desk.clock, 0);
    assert_eq!(refusal(desk.liquidate(10)), same);
    desk.risk.assets[0].price = fresh(1 << SHIFT, &desk.clock, 0);
    assert!(!desk.liquidate(10).unwrap());
    assert_eq!(desk.lots(), (90, 10));
}

/// An account that is below its line at the first observation and above it at the second is nobody's to take.
#[test]
fn a_flag_that_is_not_confirmed_is_cleared() {
    let mut desk = Desk::new(100, 4_000_000);
    assert!(!desk.liquidate(0).unwrap());
    // Above its maintenance line, yet below the one where liquidations end.
    desk.account.balances[0].shares.0 = 7_000_000;
    desk.publish(SPOT, 1);
    assert_eq!(
        refusal(desk.liquidate(10)),
        u32::from(PlimsollError::SameObservation)
    );
    assert!(desk.liquidate(0).unwrap());
    assert_eq!(desk.account.state, account_state::ACTIVE);
    assert_eq!(desk.lots(), (100, 0));
}

#[test]
fn a_flagged_account_is_liquidated_up_to_the_line_where_it_ends() {
    let mut desk = Desk::new(100, 4_000_000);
    desk.flag();
    // Above its maintenance line again, yet below the other one.
    desk.account.balances[0].shares.0 = 7_000_000;
    assert!(desk.liquidate(1_000).unwrap());
    assert_eq!(desk.account.state, account_state::ACTIVE);
    assert_eq!(desk.account.flag_confirmed, 0);
    let (left, taken) = desk.lots();
    assert!(
        left > 0 && left < 70 && taken == 100 - left,
        "{left} {taken}"
    );
}

#[test]
fn a_takeover_moves_lots_and_quote_and_loses_neither() {
    for lots in [100, -100] {
        let mut desk = Desk::new(lots, 4_000_000);
        let before = desk.claims();
        desk.flag();
        assert!(!desk.liquidate(10).unwrap());
        assert_eq!(desk.claims(), before);
        assert_eq!(desk.lots(), (lots - lots / 10, lots / 10));
        let insurance = desk.market.insurance_accrued;
        // One per cent of ten lots, a quarter of it insurance's.
        assert!((24_999..=25_000).contains(&insurance), "{insurance}");
        let interest = (desk.market.long_interest, desk.market.short_interest);
        assert_eq!(interest, (lots.max(0), -lots.min(0)));
    }
}

#[test]
fn the_fee_ramps_and_never_takes_more_than_half_of_equity() {
    let mut desk = Desk::new(100, 4_000_000);
    desk.flag();
    // Half of the ramp's seconds, however many slots they were.
    for (secs, slots) in [(50, 1), (50, 100_000)] {
        desk.clock.unix_timestamp += secs;
        desk.clock.slot += slots;
        desk.publish(SPOT, 0);
        let before = desk.market.insurance_accrued;
        assert!(!desk.liquidate(10).unwrap());
        let paid = desk.market.insurance_accrued - before;
        let due = if slots == 1 { 37_500 } else { 50_000 };
        assert!((due - 1..=due).contains(&paid), "{paid}");
    }

    let mut desk = Desk::new(100, 1_000);
    desk.flag();
    desk.liquidate(1_000).unwrap();
    assert_eq!(desk.account.perps[0].position.0, 0);
    let equity = desk.account.balances[0].shares.0 + desk.account.perps[0].quote.0;
    assert!((500..=501).contains(&equity), "{equity}");
}

#[test]
fn what_is_stale_or_broken_is_not_taken() {
    let mut desk = Desk::new(100, 4_000_000);
    desk.flag();
    desk.risk.markets[0].price.flags = BROKEN;
    assert_eq!(
        refusal(desk.liquidate(10)),
        u32::from(PlimsollError::BrokenFeed)
    );
    desk.publish(SPOT, 0);
    desk.clock.unix_timestamp += 10;
    desk.liquidate(10).unwrap();
    desk.clock.unix_timestamp += 1;
    assert_eq!(
        refusal(desk.liquidate(10)),
        u32::from(PlimsollError::StaleEntry)
    );
}

#[test]
fn a_liquidator_needs_margin_for_what_it_took() {
    let mut desk = Desk::new(100, 4_000_000);
    desk.liquidator = account(100_000);
    desk.flag();
    desk.liquidate(1_000).unwrap();
    let checked = require_own_init(&desk.risk, &desk.liquidator, &desk.clock);
    assert_eq!(
        refusal(checked),
        u32::from(PlimsollError::InsufficientHealth)
    );
}
