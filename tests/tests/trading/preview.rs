//! Previews of orders against what the built program does with them.
use anchor_lang::prelude::{Clock, Pubkey};
use plimsoll::{
    error::PlimsollError,
    events::OrderFilled,
    orders::terms::{OrderRef, OrderTerms, OrderType, SelfTradeBehavior},
    state::{mode, Book, FillQueueAccount, MarginAccount, Market, RiskState},
};
use plimsoll_client::{
    errors, events, health,
    preview::{self, CancelCase, Cancels, FillPreview, MaxOrder, OrderCase, OrderPreview},
    stress::Underlying,
};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    trading::{ask, bid, placed},
    usd, Env, TestError, Trader, TxOutcome,
};

use super::{desk, history::Dice, reprice, SPOT};

/// What an order in the first market depends on, as a client reads it.
struct Facts {
    risk: Box<RiskState>,
    market: Box<Market>,
    book: Box<Book>,
    fill_queue: Box<FillQueueAccount>,
    account: Box<MarginAccount>,
    makers: Vec<(Pubkey, Box<MarginAccount>)>,
    clock: Clock,
    underlying: Underlying,
}

impl Facts {
    async fn read(env: &Env, trader: &Trader, makers: &[&Trader]) -> Self {
        let mut at_hand = Vec::new();
        for maker in makers {
            at_hand.push((maker.margin, env.margin(maker.margin).await));
        }
        Self {
            risk: env.risk().await,
            market: env.market(SOL_PERP).await,
            book: env.book(SOL_PERP).await,
            fill_queue: env.fill_queue(SOL_PERP).await,
            account: env.margin(trader.margin).await,
            makers: at_hand,
            clock: env.clock().await,
            underlying: Underlying {
                assets: vec![SOL as u16],
                markets: vec![SOL_PERP as u16],
            },
        }
    }

    fn ask<T>(&self, trader: &Trader, ask: impl FnOnce(&OrderCase) -> T) -> T {
        let makers: Vec<(Pubkey, &MarginAccount)> =
            self.makers.iter().map(|(key, a)| (*key, &**a)).collect();
        // docs: preview
        ask(&OrderCase {
            risk: &self.risk,
            market: &self.market,
            book: &self.book,
            fill_queue: &self.fill_queue,
            account_key: trader.margin,
            account: &self.account,
            trader: trader.pubkey(),
            delegation: None,
            makers: &makers,
            clock: &self.clock,
            underlying: Some(&self.underlying),
        })
        // docs: end
    }
}

/// Previews an order, then places it: both must say the same.
pub async fn check(
    env: &mut Env,
    trader: &Trader,
    terms: OrderTerms,
    makers: &[&Trader],
) -> OrderPreview {
    let facts = Facts::read(env, trader, makers).await;
    let preview = facts.ask(trader, |case| case.preview(&terms)).unwrap();
    match env.try_place(trader, terms, makers).await {
        Ok(outcome) => agree(env, trader, &preview, &outcome).await,
        Err(error) => agree_on_refusal(&preview, &error),
    }
    preview
}

async fn agree(env: &Env, trader: &Trader, preview: &OrderPreview, outcome: &TxOutcome) {
    assert_eq!(preview.refusal, None);
    let placed = placed(outcome);
    assert_eq!(preview.order_id, placed.id);
    assert_eq!(preview.filled_lots, placed.filled);
    assert_eq!(preview.filled_quote, placed.quote);
    assert_eq!(preview.fee, placed.fee);
    assert_eq!(preview.resting_lots, placed.resting);
    let price = if placed.resting > 0 {
        preview.resting_price
    } else {
        preview.limit
    };
    assert_eq!(price, placed.price);
    let mut fills: Vec<FillPreview> = events::of_kind::<OrderFilled>(&outcome.logs)
        .iter()
        .flat_map(|order| &order.fills)
        .map(|fill| FillPreview {
            maker: fill.maker,
            order_id: fill.maker_order_id,
            price: fill.price,
            lots: fill.lots,
            settled: fill.settled,
        })
        .collect();
    // The program tells of queued trades after those in place.
    let mut seen = preview.fills.clone();
    fills.sort_by_key(|fill| fill.order_id);
    seen.sort_by_key(|fill| fill.order_id);
    assert_eq!(seen, fills);

    let (risk, clock) = (env.risk().await, env.clock().await);
    let account = env.margin(trader.margin).await;
    let after = health::lines(&risk, &account, &clock).unwrap();
    assert_eq!(preview.after.as_ref().unwrap().lines, after);
}

fn agree_on_refusal(preview: &OrderPreview, error: &TestError) {
    let refusal = preview.refusal.as_ref();
    let refusal = refusal.unwrap_or_else(|| panic!("not foreseen: {error:?}"));
    assert_eq!(Some(refusal.code), error.code(), "{refusal:?} {error:?}");
}

/// The same where it must be refused.
pub async fn check_refused(
    env: &mut Env,
    trader: &Trader,
    terms: OrderTerms,
    expected: PlimsollError,
) -> OrderPreview {
    let preview = check(env, trader, terms, &[]).await;
    let code = preview.refusal.as_ref().map(|refusal| refusal.code);
    assert_eq!(code, Some(errors::code(expected)));
    preview
}

fn of(kind: OrderType, terms: OrderTerms) -> OrderTerms {
    OrderTerms { kind, ..terms }
}

#[tokio::test]
async fn orders_come_to_what_was_foreseen() {
    let (mut env, maker, taker) = desk().await;
    let post = check(&mut env, &maker, ask(SPOT + 10, 100), &[]).await;
    assert_eq!((post.resting_lots, post.fee), (100, 0));
    assert!(post.after.unwrap().lines.init < post.before.lines.init);
    check(&mut env, &maker, ask(SPOT + 20, 100), &[]).await;
    let queued = check(&mut env, &taker, bid(SPOT + 10, 30), &[]).await;
    assert!(!queued.fills[0].settled);
    let swept = check(&mut env, &taker, bid(SPOT + 30, 150), &[&maker]).await;
    assert_eq!((swept.fills.len(), swept.filled_lots), (2, 150));
    let average = swept.average_price().unwrap();
    assert!(average > (SPOT + 10) as f64 && average < (SPOT + 20) as f64);
    let market = of(OrderType::Market, bid(u64::MAX, 100));
    let bought = check(&mut env, &taker, market, &[&maker]).await;
    assert_eq!((bought.filled_lots, bought.dropped_lots), (20, 80));
    let price = bought.after.unwrap().liquidation.unwrap();
    assert!(
        price.below.is_none() && price.above.is_none(),
        "200 lots are nothing"
    );
    check(&mut env, &maker, bid(SPOT - 10, 50), &[]).await;
    let sell = OrderTerms {
        reduce_only: true,
        ..ask(SPOT - 10, 1_000)
    };
    let closed = check(&mut env, &taker, sell, &[&maker]).await;
    assert_eq!((closed.filled_lots, closed.resting_lots), (50, 150));
    check(&mut env, &taker, bid(SPOT - 10, 60), &[]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn refusals_are_foreseen() {
    use PlimsollError as E;
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT + 10, 100), &[]).await;
    let cases = [
        (of(OrderType::PostOnly, bid(SPOT + 10, 1)), E::WouldCross),
        (
            of(OrderType::FillOrKill, bid(SPOT + 10, 101)),
            E::CannotFill,
        ),
        (bid(SPOT * 12 / 10, 1), E::PriceOutOfBand),
        (bid(SPOT, 0), E::InvalidOrderSize),
        (bid(SPOT, 1_000_000), E::InsufficientHealth),
        (bid(SPOT, i64::MAX), E::InvalidOrderSize),
        (
            OrderTerms {
                reduce_only: true,
                ..bid(SPOT, 1)
            },
            E::NotReducing,
        ),
        (
            OrderTerms {
                expiry: 5,
                ..bid(SPOT, 1)
            },
            E::AlreadyExpired,
        ),
    ];
    for (terms, expected) in cases {
        let preview = check_refused(&mut env, &taker, terms, expected).await;
        let poor = matches!(expected, E::InsufficientHealth);
        assert_eq!(
            preview.after.is_some_and(|after| after.lines.init < 0),
            poor
        );
    }
    let own = OrderTerms {
        self_trade: SelfTradeBehavior::AbortTransaction,
        ..bid(SPOT + 10, 5)
    };
    check_refused(&mut env, &maker, own, E::SelfTrade).await;
    for (mode, expected) in [
        (mode::REDUCE_ONLY, E::MarketReduceOnly),
        (mode::PAUSED, E::MarketGated),
    ] {
        env.set_market_mode(SOL_PERP, mode).await;
        check_refused(&mut env, &taker, bid(SPOT, 1), expected).await;
    }
    env.set_market_mode(SOL_PERP, mode::ACTIVE).await;
    env.set_exchange_mode(mode::REDUCE_ONLY).await;
    check_refused(&mut env, &taker, bid(SPOT, 1), E::ExchangeGated).await;
    env.set_exchange_mode(mode::ACTIVE).await;
    let facts = Facts::read(&env, &taker, &[]).await;
    let stranger = facts.ask(&taker, |case| {
        let trader = maker.pubkey();
        OrderCase { trader, ..*case }.check(&bid(SPOT, 1))
    });
    assert_eq!(stranger, Err(E::NotOwnerOrDelegate.into()));
    env.advance(200).await;
    let stale = check_refused(&mut env, &taker, bid(SPOT, 1), E::StaleEntry).await;
    assert_eq!(stale.before.lines.stale.len(), 1, "the deposit is stale");
    assert!(stale.before.lines.stale[0].age_seconds >= 200);
    assert_eq!(stale.stale.len(), 1, "the market's entry");
}

#[tokio::test]
async fn a_random_history_is_foreseen() {
    let mut dice = Dice(11);
    let (mut env, first, second) = desk().await;
    let third = env
        .trader_with(&[(USDC, usd(3_000)), (SOL, 5_000_000_000)])
        .await;
    let traders = [first, second, third];
    let (mut accepted, mut refused) = (0, 0);
    let mut price = 150.0;
    for step in 0..250 {
        if step % 25 == 24 {
            price += dice.below(7) as f64 - 3.0;
            reprice(&mut env, price).await;
            env.move_price(USDC, 1.0).await;
        }
        let trader = dice.pick(&traders);
        let mut makers: Vec<&Trader> = traders.iter().collect();
        makers.retain(|maker| maker.margin != trader.margin && dice.one_in(2));
        let terms = dice.order(env.clock().await.unix_timestamp, price);
        let preview = check(&mut env, trader, terms, &makers).await;
        if preview.refusal.is_none() {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    println!("{accepted} accepted, {refused} refused, all as foreseen");
    assert!(accepted > 60 && refused > 60);
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_largest_order_is_accepted_and_one_lot_more_is_not() {
    let (mut env, maker, taker) = desk().await;
    env.place(&maker, ask(SPOT + 50, 3_000), &[]).await;
    env.place(&taker, bid(SPOT + 50, 500), &[&maker]).await;
    let poor = errors::code(PlimsollError::InsufficientHealth);
    for terms in [
        bid(SPOT - 10, 1),
        ask(SPOT + 100, 1),
        of(OrderType::PostOnly, ask(SPOT, 1)),
        of(OrderType::PostOnly, bid(SPOT + 40, 1)),
    ] {
        let most = largest(&env, &taker, terms).await;
        assert_eq!(most.limit.map(|limit| limit.code), Some(poor));
        let sized = |lots| OrderTerms { lots, ..terms };
        check_refused(
            &mut env,
            &taker,
            sized(most.lots + 1),
            PlimsollError::InsufficientHealth,
        )
        .await;
        check(&mut env, &taker, sized(most.lots), &[]).await;
        env.cancel_all(&taker).await;
    }
    let reduce = OrderTerms {
        reduce_only: true,
        ..ask(SPOT, 1)
    };
    let most = largest(&env, &taker, reduce).await;
    assert_eq!((most.lots, most.limit), (500, None));
    // The book has less than the margin would allow.
    let market = of(OrderType::Market, bid(u64::MAX, 1));
    let most = largest(&env, &taker, market).await;
    assert_eq!((most.lots, most.limit), (2_500, None));
    let none = largest(&env, &taker, bid(SPOT * 2, 1)).await;
    let band = errors::code(PlimsollError::PriceOutOfBand);
    assert_eq!(
        (none.lots, none.limit.map(|limit| limit.code)),
        (0, Some(band))
    );
}

pub async fn largest(env: &Env, trader: &Trader, terms: OrderTerms) -> MaxOrder {
    let facts = Facts::read(env, trader, &[]).await;
    facts.ask(trader, |case| case.max_lots(&terms))
}

#[tokio::test]
async fn cancels_are_foreseen() {
    let (mut env, maker, _) = desk().await;
    let order = env.place(&maker, ask(SPOT + 10, 1_000), &[]).await;
    env.place(&maker, bid(SPOT - 10, 400), &[]).await;
    let facts = Facts::read(&env, &maker, &[]).await;
    let case = CancelCase {
        risk: &facts.risk,
        book: &facts.book,
        account_key: maker.margin,
        account: &facts.account,
        trader: maker.pubkey(),
        delegation: None,
        clock: &facts.clock,
        underlying: None,
    };
    let none = preview::cancel(&case, Cancels::One(OrderRef::Id(99))).unwrap();
    let missing = errors::code(PlimsollError::NoSuchOrder);
    assert_eq!(none.refusal.map(|refusal| refusal.code), Some(missing));
    let all = preview::cancel(&case, Cancels::All(None)).unwrap();
    assert_eq!((all.cancelled, all.waiting), (2, 0));
    let one = preview::cancel(&case, Cancels::One(OrderRef::Id(order.id))).unwrap();
    env.cancel(&maker, OrderRef::Id(order.id)).await;
    let report = env.health(&maker).await;
    assert_eq!(one.after.lines.init, report.init);
    env.cancel_all(&maker).await;
    let report = env.health(&maker).await;
    assert_eq!(all.after.lines.init, report.init);
    assert!(all.after.lines.init > all.before.lines.init);
}
