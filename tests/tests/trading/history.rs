//! A long random history of trading: nothing is lost, and books, queues and accounts agree after every step.
use plimsoll::{
    error::PlimsollError,
    health::{portfolio, view},
    matching::Side,
    orders::terms::{OrderRef, OrderSide, OrderTerms, OrderType, SelfTradeBehavior},
    state::MarginAccount,
};
use plimsoll_client::{errors, instructions as ix};
use plimsoll_risk::{MarginModel, OpenOrder, Policy, Purpose, StandardMargin};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, TestError, Trader, TxOutcome,
};

use super::TICK;

/// A linear congruential generator: the same history for the same seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.below(of.len() as u64);
        &of[usize::try_from(at).unwrap()]
    }

    /// An order near the oracle's price in USD.
    pub(super) fn order(&mut self, now: i64, usd: f64) -> OrderTerms {
        let spot = (usd * 100.0).round() as u64;
        let price = spot - 60 + self.below(120);
        let most = *self.pick(&[1, 10, 500, 20_000]);
        let lots = 1 + self.below(most).cast_signed();
        let terms = match self.pick(&[OrderSide::Bid, OrderSide::Ask]) {
            OrderSide::Bid => bid(price, lots),
            OrderSide::Ask => ask(price, lots),
        };
        let seconds = u32::try_from(now).unwrap() + 1 + self.below(40) as u32;
        OrderTerms {
            kind: *self.pick(&[
                OrderType::Limit,
                OrderType::Limit,
                OrderType::PostOnly,
                OrderType::PostOnlySlide,
                OrderType::ImmediateOrCancel,
                OrderType::FillOrKill,
                OrderType::Market,
            ]),
            self_trade: *self.pick(&[
                SelfTradeBehavior::DecrementAndCancel,
                SelfTradeBehavior::CancelProvide,
                SelfTradeBehavior::AbortTransaction,
            ]),
            max_quote: self.one_in(5).then(|| self.below(1_000_000_000)),
            reduce_only: self.one_in(4),
            expiry: if self.one_in(3) { seconds } else { 0 },
            client_id: self.below(3),
            max_fills: self.below(12) as u8,
            ..terms
        }
    }
}

/// Refusals that would mean that books, queues and accounts disagree, or that numbers ran out.
fn require_sane(result: Result<TxOutcome, TestError>) -> bool {
    let Err(error) = result else {
        return true;
    };
    let code = error.code().unwrap_or_else(|| panic!("{error:?}"));
    for never in [PlimsollError::Overflow, PlimsollError::OrderMismatch] {
        assert_ne!(code, errors::code(never), "{error:?}");
    }
    false
}

/// Health of every kind, by trader.
async fn healths(env: &Env, traders: &[Trader]) -> Vec<[i128; 3]> {
    let (risk, clock) = (env.risk().await, env.clock().await);
    let view = view(&risk, &clock, Purpose::Trade);
    let mut healths = Vec::new();
    for trader in traders {
        let account = env.margin(trader.margin).await;
        let lines = StandardMargin::assess(&view, &portfolio(&account), Policy::Strict);
        healths.push(lines.unwrap().health);
    }
    healths
}

/// A trade leaves its taker with Init health, or no less of it and no less of Maint; fills at its own limits never
/// cost a maker health, but for `slack`: the rounding of fees.
fn require_health(taker: bool, before: [i128; 3], after: [i128; 3], slack: i128) {
    let kept = [0, 2].map(|kind| after[kind] >= before[kind] - slack);
    let whole = taker && after[0] >= 0;
    assert!(whole || kept == [true, true], "{before:?} {after:?}");
}

/// One action of one trader, or of time, in which the price lands anywhere within `swing` USD of 150.
async fn step(env: &mut Env, dice: &mut Dice, traders: &[Trader], swing: u64) {
    let who = dice.pick(traders);
    let others: Vec<&Trader> = traders
        .iter()
        .filter(|other| other.margin != who.margin && !dice.one_in(2))
        .collect();
    let market = env.markets[SOL_PERP].market;
    let keys = [&who.key];
    let result = match dice.below(20) {
        0..=10 => {
            let terms = dice.order(env.now().await, env.assets[SOL].usd);
            let before = healths(env, traders).await;
            let queue = env.fill_queue(SOL_PERP).await;
            let waiting: Vec<[u8; 32]> = queue.queue.entries().iter().map(|e| e.maker).collect();
            let result = env.try_place(who, terms, &others).await;
            if require_sane(result) {
                let after = healths(env, traders).await;
                for ((trader, before), after) in traders.iter().zip(before).zip(after) {
                    let taker = trader.margin == who.margin;
                    // Settling what waited charges the funding since then, which health did not know of.
                    let waited = waiting.contains(&trader.margin.to_bytes());
                    require_health(taker, before, after, if waited { 100_000 } else { 32 });
                }
            }
            return;
        }
        11 | 12 => {
            let order = OrderRef::ClientId(dice.below(3));
            let cancel = env.cancel_ix(who, order);
            env.send(&[cancel], &keys).await
        }
        13 => {
            let side = *dice.pick(&[None, Some(OrderSide::Bid), Some(OrderSide::Ask)]);
            let limit = dice.below(4) as u8;
            let cancel = ix::cancel_orders(who.pubkey(), who.margin, &[market], side, limit);
            env.send(&[cancel], &keys).await
        }
        14 => {
            let owners: Vec<_> = others.iter().map(|other| other.margin).collect();
            let prune = ix::prune_orders(&env.exchange, &market, &owners, 1 + dice.below(5) as u16);
            env.send(&[prune], &[]).await
        }
        15 | 16 => {
            let keys: Vec<_> = others.iter().map(|other| other.margin).collect();
            let settle = ix::settle_fills(&market, &keys, 1 + dice.below(9) as u16);
            env.send(&[settle], &[]).await
        }
        17 => {
            let settle = env.settle_pnl_ix(who);
            env.send(&[settle], &[]).await
        }
        18 => {
            let withdraw = env.withdraw_ix(who, USDC, 1 + dice.below(usd(500)), dice.one_in(2));
            env.send(&[withdraw], &keys).await
        }
        _ => {
            env.advance(20 + dice.below(60).cast_signed()).await;
            let cents = 15_000 - 100 * swing + dice.below(200 * swing);
            env.assets[SOL].usd = cents as f64 / 100.0;
            env.refresh_all().await;
            return;
        }
    };
    require_sane(result);
}

/// Every order slot holds what its book and queue hold of it, and the sums of its market's slot are those of the
/// orders; every order in the book has a slot.
async fn assert_orders_agree(env: &Env) {
    let (book, queue) = (env.book(SOL_PERP).await, env.fill_queue(SOL_PERP).await);
    let mut resting = 0;
    for address in &env.margin_accounts {
        let account = env.margin(*address).await;
        for (slot, order) in account.orders.iter().enumerate() {
            if order.is_free() {
                continue;
            }
            let side = Side::try_from(order.side).unwrap();
            let in_book = book.orders.find(side, order.price.0, order.id);
            if let Some(found) = in_book {
                assert_eq!(found.owner, address.to_bytes());
                assert_eq!(usize::from(found.owner_slot), slot);
                resting += 1;
            }
            let entries = queue.queue.entries().iter();
            let waiting = entries.filter(|e| e.seq == order.id && e.maker == address.to_bytes());
            let waiting: i64 = waiting.map(|e| e.lots).sum();
            let lots = in_book.map_or(0, |found| found.lots) + waiting;
            // What was dropped at its expiry is free as soon as anybody looks.
            let dropped = in_book.is_none() && order.is_expired(env.now().await);
            assert!(
                order.lots.0 == lots || dropped && order.lots.0 > lots,
                "order {}",
                order.id
            );
        }
        assert_sums(&account);
    }
    let sides = [Side::Bid, Side::Ask].map(|side| book.orders.side(side));
    assert_eq!(resting, sides[0].len() + sides[1].len());
    if let (Some(bid), Some(ask)) = (sides[0].best(), sides[1].best()) {
        assert!(bid.price < ask.price, "the book is crossed");
    }
}

fn assert_sums(account: &MarginAccount) {
    let Some(slot) = account.find_perp(SOL_PERP as u16) else {
        assert!(account.orders.iter().all(OpenOrder::is_free));
        return;
    };
    let perp = &account.perps[slot];
    let open = account.orders.iter().enumerate();
    let open: Vec<(usize, &OpenOrder)> = open.filter(|(_, order)| !order.is_free()).collect();
    let mask = open.iter().fold(0, |mask, (slot, _)| mask | 1u64 << slot);
    assert_eq!(perp.order_mask, mask);
    let of = |side: Side| {
        let orders = open.iter().filter(move |(_, o)| o.side == side as u8);
        orders.map(|(_, order)| **order).collect::<Vec<OpenOrder>>()
    };
    let lots = |orders: &[OpenOrder]| orders.iter().map(|o| o.lots.0).sum::<i64>();
    let (bids, asks) = (of(Side::Bid), of(Side::Ask));
    assert_eq!(perp.bid_lots.0, lots(&bids));
    assert_eq!(perp.ask_lots.0, lots(&asks));
    let all = bids.iter().chain(&asks);
    let notional: i64 = all.map(|o| o.lots.0 * o.price.0.cast_signed() * TICK).sum();
    assert_eq!(perp.open_notional.0, notional);
    assert!(bids.iter().all(|o| o.price <= perp.best_bid));
    assert!(asks.iter().all(|o| o.price >= perp.best_ask));
    assert!(perp.is_reduce_only_covered(&account.orders));
}

async fn play(seed: u64, maker_fee: i32, swing: u64) {
    let mut env = Env::new().await;
    env.edit_market(SOL_PERP, |p| p.maker_fee = maker_fee).await;
    env.refresh_all().await;
    let mut traders = Vec::new();
    for dollars in [100_000, 20_000, 3_000, 1_000, 200] {
        let deposits = [(USDC, usd(dollars)), (SOL, dollars * 1_000_000)];
        traders.push(env.trader_with(&deposits).await);
    }
    let mut dice = Dice(seed);
    for turn in 0..350 {
        step(&mut env, &mut dice, &traders, swing).await;
        assert_orders_agree(&env).await;
        if turn % 10 == 0 {
            env.assert_conserved().await;
        }
    }
    let all: Vec<&Trader> = traders.iter().collect();
    let settle = env.settle_fills_ix(&all);
    require_sane(env.send(&[settle], &[]).await);
    env.assert_conserved().await;
    let market = env.market(SOL_PERP).await;
    assert_eq!(market.long_interest, market.short_interest);
    assert!(market.fees_accrued > 0, "something was traded");
}

#[tokio::test]
async fn a_random_history_loses_nothing() {
    play(1, -1_678, 1).await;
}

/// Makers pay, and the price leaps so that accounts fall below maintenance, and some below nothing.
#[tokio::test]
async fn a_violent_random_history_loses_nothing() {
    play(2, 3_000, 30).await;
}
