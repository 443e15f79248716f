//! The largest account that the limits allow, 16 balances, 16 markets and 64 orders, every one of which has to be
//! looked at: each instruction on it stays within about the default budget of a transaction's instruction.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::{
    matching::{BookOrder, Side, BOOK_SIDE_CAPACITY},
    orders::terms::{OrderRef, OrderTerms, OrderType},
    state::Book,
};
use plimsoll_client::instructions::{self as ix, Follower, Liquidation};
use plimsoll_risk::MarginMode;
use plimsoll_tests::{
    env::{BTC, ETH, JUP, SOL, SOL_PERP, USDC},
    oracles::Feed,
    params::{market_params, terms, volatile_params},
    portfolio::{driver, model, underlying},
    tokens::SPL_TOKEN,
    trading::bid,
    usd, Env, ListedAsset, Trader,
};
use solana_keypair::Keypair;
use std::mem::offset_of;

use plimsoll_tests::scenarios::*;

/// What an instruction has without asking for more.
const MOST: u64 = 200_000;
pub const ASSETS: usize = 16;
pub const MARKETS: usize = 16;
const ORDERS: usize = 64;

/// Runs one transaction and notes what it cost.
struct Costs(Vec<(&'static str, u64)>);

impl Costs {
    async fn run(&mut self, env: &mut Env, what: &'static str, ix: Instruction, key: &[&Keypair]) {
        let cu = env.run(&[ix], key).await.cu;
        println!("{what}: {cu} CU");
        self.0.push((what, cu));
    }

    fn check(&self) {
        let over: Vec<_> = self.0.iter().filter(|c| c.1 > MOST).collect();
        assert!(over.is_empty(), "beyond the budget: {over:?}");
    }
}

/// An exchange of 16 assets and 16 markets.
async fn exchange() -> Env {
    let mut env = Env::new().await;
    for _ in env.assets.len()..ASSETS {
        let mint = env.create_mint(SPL_TOKEN, 9);
        let asset = ListedAsset {
            asset: env.exchange.asset(mint, SPL_TOKEN),
            decimals: 9,
            primary: Feed::pull(),
            fallback: None,
            feed: 0,
            usd: 20.0,
        };
        env.list(asset, volatile_params(0.8, 0.9)).await;
    }
    for market in env.markets.len()..MARKETS {
        let underlying = [SOL, BTC, ETH, JUP][market % 4];
        let decimals = env.assets[underlying].decimals;
        // A hundredth of a token; of JUP, which is cheap, ten.
        let lot = match underlying {
            JUP => 10 * 10u64.pow(u32::from(decimals)),
            _ => 10u64.pow(u32::from(decimals)) / 100,
        };
        env.open_market(underlying, terms("PERP", decimals, lot), market_params())
            .await;
    }
    env.refresh_all().await;
    env
}

/// An account with 16 balances, of which seven are debts, positions in 16 markets and 63 orders.
pub struct Largest {
    pub env: Env,
    pub account: Trader,
    other: Trader,
    pub liquidator: Trader,
}

impl Largest {
    fn dollars(&self, market: usize) -> f64 {
        self.env.assets[self.env.markets[market].underlying].usd
    }

    async fn rest(&mut self, market: usize, part: f64, client_id: u64) {
        let price = price_lots(&self.env, market, self.dollars(market) * part).await;
        let order = OrderTerms {
            kind: OrderType::PostOnly,
            client_id,
            ..bid(price, 1)
        };
        self.env.place_in(market, &self.account, order, &[]).await;
    }
}

pub async fn largest() -> Largest {
    let mut env = exchange().await;
    let (other, liquidator) = (rich(&mut env).await, rich(&mut env).await);
    let mut deposits = vec![(USDC, usd(7_000))];
    deposits.extend((1..ASSETS - 7).map(|asset| {
        let unit = 10f64.powi(i32::from(env.assets[asset].decimals));
        (asset, (500.0 / env.assets[asset].usd * unit) as u64)
    }));
    let account = env.trader_with(&deposits).await;
    for asset in ASSETS - 7..ASSETS {
        env.borrow(&account, asset, 10 * SOL_1).await.unwrap();
    }
    let mut t = Largest {
        env,
        account,
        other,
        liquidator,
    };
    for market in 0..MARKETS {
        let dollars = t.dollars(market);
        trade(&mut t.env, market, &t.account, &t.other, dollars, 10).await;
        trade(&mut t.env, market, &t.liquidator, &t.other, dollars, 1).await;
    }
    for order in 0..ORDERS - 1 {
        let part = 0.999 - 0.001 * (order / MARKETS) as f64;
        t.rest(order % MARKETS, part, order as u64).await;
    }
    t
}

#[tokio::test]
async fn stays_within_the_default_budget() {
    let mut t = largest().await;
    let mut costs = Costs(Vec::new());
    let key = t.account.key.insecure_clone();
    let by = t.liquidator.key.insecure_clone();

    // Every bid is above the price now, and its loss is counted one by one.
    t.env.advance(10).await;
    for asset in 1..ASSETS {
        t.env.assets[asset].usd *= 0.97;
    }
    t.env.refresh_all().await;

    let price = price_lots(&t.env, SOL_PERP, t.dollars(SOL_PERP) * 0.98).await;
    let order = OrderTerms {
        client_id: 1_000,
        ..bid(price, 1)
    };
    let place = t.env.order_ix(&t.account, order, &[]);
    costs
        .run(&mut t.env, "place_order, the 64th", place.clone(), &[&key])
        .await;
    let replace = [
        t.env.cancel_ix(&t.account, OrderRef::ClientId(1_000)),
        place,
    ];
    let cu = t.env.run(&replace, &[&key]).await.cu;
    println!("cancel_order and place_order: {cu} CU");
    costs.0.push(("cancel_order and place_order", cu));
    assert_eq!(t.env.open_orders(&t.account).await.len(), ORDERS);

    let report = ix::account_health(&t.env.exchange, t.account.margin);
    costs.run(&mut t.env, "account_health", report, &[]).await;
    let health = t.env.health(&t.account).await;
    assert_eq!(
        (health.balances.len(), health.perps.len()),
        (ASSETS, MARKETS)
    );
    let withdraw = t.env.withdraw_ix(&t.account, USDC, usd(10), false);
    costs.run(&mut t.env, "withdraw", withdraw, &[&key]).await;
    let deposit = t.env.deposit_ix(&t.account, USDC, usd(10));
    costs.run(&mut t.env, "deposit", deposit, &[&key]).await;

    let refresh_ix = |env: &Env, assets: usize, markets: usize| {
        let assets = (0..assets).flat_map(|a| env.asset_entry(a));
        let markets = (0..markets).flat_map(|m| env.market_entry(m));
        let entries: Vec<_> = assets.chain(markets).collect();
        ix::refresh(&env.exchange, &entries)
    };
    for (what, assets, markets) in [
        ("refresh, 4 assets and 4 markets", 4, 4),
        ("refresh, 16 assets", ASSETS, 0),
        ("refresh, 16 markets", 0, MARKETS),
        ("refresh, 16 assets and 16 markets", ASSETS, MARKETS),
    ] {
        t.env.advance(5).await;
        for asset in 0..ASSETS {
            t.env.set_price(asset, t.env.assets[asset].usd).await;
        }
        let refresh = refresh_ix(&t.env, assets, markets);
        println!("({} accounts)", refresh.accounts.len() + 2);
        costs.run(&mut t.env, what, refresh, &[]).await;
    }

    sink(&mut t).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    for market in 0..MARKETS {
        fill_up(&mut t.env, market).await;
    }
    let books: Vec<_> = t.env.markets.iter().map(|m| m.market).collect();
    let everything = Liquidation {
        cancel_in: books,
        position: take(&t.env, SOL_PERP, 1).position,
        swap: swap(&t.env, Leg::Asset(SOL), Leg::Asset(ASSETS - 1), SOL_1 / 100).swap,
        ..Liquidation::default()
    };
    let cancel = liquidate_ix(&t.env, &t.liquidator, &t.account, &everything);
    let what = "liquidate, 64 orders in 16 books, a slice and a swap";
    costs.run(&mut t.env, what, cancel, &[&by]).await;
    assert!(t.env.open_orders(&t.account).await.is_empty());
    let slice = liquidate_ix(&t.env, &t.liquidator, &t.account, &take(&t.env, 1, 5));
    costs
        .run(
            &mut t.env,
            "liquidate, a slice of a position",
            slice,
            &[&by],
        )
        .await;
    let what = swap(&t.env, Leg::Asset(SOL), Leg::Asset(ASSETS - 1), SOL_1 / 100);
    let swapping = liquidate_ix(&t.env, &t.liquidator, &t.account, &what);
    costs
        .run(&mut t.env, "liquidate, a swap", swapping, &[&by])
        .await;
    assert!(is_flagged(&t.env, &t.account).await);

    bankrupt(&mut t).await;
    let last = resolve_asset_ix(&t.env, &t.liquidator, &t.account, ASSETS - 1);
    insure(&mut t.env, &t.liquidator, 1_000_000).await;
    costs
        .run(&mut t.env, "resolve_bankruptcy, a debt", last, &[&by])
        .await;
    let loss = resolve_loss_ix(&t.env, &t.liquidator, &t.account, MARKETS - 1);
    costs
        .run(&mut t.env, "resolve_bankruptcy, a loss", loss, &[&by])
        .await;
    t.env.assert_conserved().await;
    costs.check();
}

/// The same account where every asset and market follows an underlying of its own, all but quote's: as many exposures as
/// there can be. The liquidator's slots net too.
#[tokio::test]
async fn stays_within_the_default_budget_in_portfolio_margin() {
    let mut t = largest().await;
    list_model(&mut t.env).await;
    for trader in [&t.account, &t.liquidator] {
        let quote = t.env.deposit(trader, USDC, usd(10_000)).await;
        quote.expect("a deposit");
        t.env.set_margin_mode(trader, MarginMode::Portfolio).await;
    }
    let by = t.liquidator.key.insecure_clone();
    let mut costs = Costs(Vec::new());
    let free = t.env.health(&t.account).await.init;
    let amount = u64::try_from(free).expect("above its line") / 10 * 9;
    let withdraw = t.env.withdraw_ix(&t.account, USDC, amount, true);
    let key = t.account.key.insecure_clone();
    t.env.run(&[withdraw], &[&key]).await;
    sink_below(&mut t, 0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    for market in 0..MARKETS {
        fill_up(&mut t.env, market).await;
    }
    let orders = Liquidation {
        cancel_in: t.env.markets.iter().map(|m| m.market).collect(),
        ..Liquidation::default()
    };
    let what = "liquidate, 63 orders in 16 books";
    let cancel = liquidate_ix(&t.env, &t.liquidator, &t.account, &orders);
    costs.run(&mut t.env, what, cancel, &[&by]).await;
    assert!(t.env.open_orders(&t.account).await.is_empty());
    sink_below(&mut t, -500_000_000).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let small = swap(&t.env, Leg::Asset(SOL), Leg::Asset(ASSETS - 1), SOL_1 / 100);
    for (what, liquidation) in [
        ("liquidate, a slice of a position", take(&t.env, 1, 5)),
        (
            "liquidate, a slice and a swap",
            Liquidation {
                swap: small.swap,
                ..take(&t.env, 1, 5)
            },
        ),
        ("liquidate, a swap", small),
        (
            "liquidate, a slice and one that hedges it",
            Liquidation {
                hedges: vec![t.env.markets[2].market],
                ..take(&t.env, 3, 1)
            },
        ),
    ] {
        let liquidate = liquidate_ix(&t.env, &t.liquidator, &t.account, &liquidation);
        costs.run(&mut t.env, what, liquidate, &[&by]).await;
    }
    assert!(is_flagged(&t.env, &t.account).await);
    t.env.assert_conserved().await;
    costs.check();
}

/// Moves prices against the account, a part every minute, until its maintenance health is below a line.
async fn sink_below(t: &mut Largest, line: i64) {
    while t.env.health(&t.account).await.maintenance >= line {
        for (asset, listed) in t.env.assets.iter_mut().enumerate().skip(1) {
            listed.usd *= if asset < ASSETS - 7 { 0.98 } else { 1.02 };
        }
        t.env.advance(60).await;
        t.env.refresh_all().await;
    }
}

/// An underlying for every asset but quote's, and for every market.
async fn list_model(env: &mut Env) {
    env.edit_model(model()).await;
    for number in 1..ASSETS + MARKETS {
        let params = match number {
            1 => driver(1, "ONE", [1.0, 0.0, 0.0], 0.03, 0.03),
            2 => driver(2, "TWO", [1.2, 1.0, 0.0], 0.045, 0.02),
            3 => driver(3, "THREE", [1.1, 0.3, 1.0], 0.04, 0.02),
            _ => underlying("OTHER", [1.1, 0.3, -0.2], 0.04, 0.02),
        };
        let follower = if number < ASSETS {
            Follower::Asset(number as u16)
        } else {
            Follower::Market((number - ASSETS) as u16)
        };
        env.edit_underlying(number as u8, params).await;
        env.assign_underlying(follower, number as u8, true).await;
    }
    env.refresh_all().await;
}

/// Fills the bids of a book with better orders than there are, so that each of those there costs most to find and to
/// take out. Whose they are does not matter.
pub async fn fill_up(env: &mut Env, market: usize) {
    const ORDERS_AT: usize = 8 + offset_of!(Book, orders);
    const FIRST_AT: usize = ORDERS_AT + 8;
    let address = env.markets[market].market.book;
    let bids = env
        .book(market)
        .await
        .orders
        .side(Side::Bid)
        .as_slice()
        .to_vec();
    let best = bids.last().expect("the account's").price;
    let mut data = env.find_account(address).await.unwrap().data;
    for place in bids.len()..BOOK_SIDE_CAPACITY {
        let order = BookOrder {
            price: best + place as u64,
            seq: u64::MAX - place as u64,
            lots: 1,
            owner: [1; 32],
            ..BookOrder::default()
        };
        let at = FIRST_AT + place * size_of::<BookOrder>();
        data[at..at + size_of::<BookOrder>()].copy_from_slice(bytemuck::bytes_of(&order));
    }
    data[ORDERS_AT..FIRST_AT].copy_from_slice(&(BOOK_SIDE_CAPACITY as u64).to_le_bytes());
    env.write_account(address, plimsoll::ID, data);
    assert_eq!(
        env.book(market).await.orders.side(Side::Bid).len(),
        BOOK_SIDE_CAPACITY
    );
}

/// Puts the account below its line: longs lose, debts grow dearer.
pub async fn sink(t: &mut Largest) {
    for (asset, factor) in (1..ASSETS).map(|a| (a, if a < ASSETS - 7 { 0.7 } else { 1.4 })) {
        t.env.assets[asset].usd *= factor;
    }
    t.env.advance(60).await;
    t.env.refresh_all().await;
    let health = t.env.health(&t.account).await;
    assert!(health.maintenance < 0 && health.equity > 0, "{health:?}");
}

/// Takes everything of value, so that debts and losses are left.
async fn bankrupt(t: &mut Largest) {
    for asset in 1..ASSETS {
        t.env.assets[asset].usd *= if asset < ASSETS - 7 { 0.8 } else { 1.4 };
    }
    // Until every feed's average has followed.
    for _ in 0..5 {
        t.env.advance(60).await;
        t.env.refresh_all().await;
    }
    for market in 0..MARKETS {
        let what = take(&t.env, market, ALL);
        liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
    }
    for market in 0..MARKETS {
        if t.env.balance(t.account.margin, USDC).await > 0 {
            let what = swap(&t.env, Leg::Asset(USDC), Leg::Pnl(market), ALL);
            liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
        }
    }
    for asset in 1..ASSETS - 7 {
        for debt in ASSETS - 7..ASSETS - 1 {
            let owes = t.env.balance(t.account.margin, debt).await < 0;
            if owes && t.env.balance(t.account.margin, asset).await > 0 {
                let what = swap(&t.env, Leg::Asset(asset), Leg::Asset(debt), ALL);
                liquidate(&mut t.env, &t.liquidator, &t.account, &what).await;
            }
        }
    }
}
