//! Quotes that are there for the sample only, quotes that hide others, and time that nobody could trade in: whoever plays with
//! funding gains nothing by it.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::{
    orders::terms::{OrderSide, OrderTerms, OrderType},
    state::mode,
};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    scenarios::{rich, trade},
    trading::{ask, bid},
    usd, Env, Trader,
};

const SPOT: u64 = 15_000;
/// The quote that the impact notional of 5,000 USD trades against whole.
const DEEP: i64 = 4_000;

/// A long and a short of 150,000 USD, of which the short is the attacker, and a maker.
struct Desk {
    env: Env,
    maker: Trader,
    short: Trader,
}

async fn desk() -> Desk {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let maker = rich(&mut env).await;
    let (long, short) = (rich(&mut env).await, rich(&mut env).await);
    trade(&mut env, SOL_PERP, &long, &short, 150.0, 100_000).await;
    Desk { env, maker, short }
}

impl Desk {
    /// Makers quote 50 basis points either side.
    async fn quote(&mut self) {
        let maker = &self.maker;
        self.env.place(maker, bid(SPOT - 75, 20_000), &[]).await;
        self.env.place(maker, ask(SPOT + 75, 20_000), &[]).await;
    }

    /// Lets time pass and refreshes the market at the price of now.
    async fn look(&mut self, secs: i64) -> u64 {
        self.env.advance(secs).await;
        self.refresh().await
    }

    /// Returns what the refresh cost.
    async fn refresh(&mut self) -> u64 {
        let dollars = self.env.assets[SOL].usd;
        self.env.set_price(SOL, dollars).await;
        let entry = self.env.market_entry(SOL_PERP);
        self.env.refresh(&entry).await.cu
    }

    /// The averaged premium as a ratio.
    async fn premium(&self) -> f64 {
        self.env.market(SOL_PERP).await.premium as f64 / 40f64.exp2()
    }

    /// What the short has earned by funding, native quote.
    async fn earned(&self) -> i64 {
        let perp = self.env.perp(&self.short).await;
        self.env.holding(&self.short).await.1 - perp.quote.0
    }

    /// A tick later the price is published again; what is to be sent around the refresh that takes it.
    async fn tick(&mut self, secs: i64) -> Instruction {
        self.env.advance(secs).await;
        self.env.set_price(SOL, 150.0).await;
        ix::refresh(&self.env.exchange, &self.env.market_entry(SOL_PERP))
    }
}

fn cancel_bids(env: &Env, trader: &Trader) -> Instruction {
    let markets = [env.markets[SOL_PERP].market];
    let side = Some(OrderSide::Bid);
    ix::cancel_orders(trader.pubkey(), trader.margin, &markets, side, u8::MAX)
}

fn post(price: u64, lots: i64) -> OrderTerms {
    OrderTerms {
        kind: OrderType::PostOnly,
        ..bid(price, lots)
    }
}

#[tokio::test]
async fn a_quote_within_one_transaction_moves_nothing() {
    for every in [1, 20] {
        let mut t = desk().await;
        t.quote().await;
        let short = t.short.key.insecure_clone();
        for _ in 0..30 {
            let refresh = t.tick(every).await;
            let place = t.env.order_ix(&t.short, post(SPOT + 74, DEEP), &[]);
            let cancel = cancel_bids(&t.env, &t.short);
            t.env.run(&[place, refresh, cancel], &[&short]).await;
        }
        assert_eq!(t.premium().await, 0.0);
        assert_eq!(t.earned().await, 0);
        t.env.assert_conserved().await;
    }
}

/// In the same call the old quote is still there at the refresh and a new one takes its place: from one second to the next
/// somebody could have traded with it, and only then it counts.
#[tokio::test]
async fn a_quote_that_is_placed_anew_before_each_refresh_moves_nothing() {
    let mut t = desk().await;
    t.quote().await;
    let short = t.short.key.insecure_clone();
    for _ in 0..30 {
        let refresh = t.tick(20).await;
        let cancel = cancel_bids(&t.env, &t.short);
        let place = t.env.order_ix(&t.short, post(SPOT + 74, DEEP), &[]);
        // Several refreshes of a second are one.
        let all = [cancel, place, refresh.clone(), refresh];
        t.env.run(&all, &[&short]).await;
    }
    assert_eq!((t.premium().await, t.earned().await), (0.0, 0));
    t.env.assert_conserved().await;
}

#[tokio::test]
async fn what_rests_for_a_second_counts_for_no_more_than_that() {
    let mut t = desk().await;
    t.quote().await;
    t.look(1).await;
    for _ in 0..30 {
        // One second of twenty, and nobody looks.
        t.env.advance(19).await;
        t.env.place(&t.short, post(SPOT + 74, DEEP), &[]).await;
        t.look(1).await;
        let cancel = cancel_bids(&t.env, &t.short);
        let key = t.short.key.insecure_clone();
        t.env.run(&[cancel], &[&key]).await;
    }
    assert_eq!(t.premium().await, 0.0, "not the whole time");
    assert_eq!(t.earned().await, 0);
    // He brings refreshes of his own, around each such second.
    for _ in 0..30 {
        t.env.advance(19).await;
        t.env.place(&t.short, post(SPOT + 74, DEEP), &[]).await;
        t.refresh().await;
        t.look(1).await;
        let cancel = cancel_bids(&t.env, &t.short);
        let key = t.short.key.insecure_clone();
        t.env.run(&[cancel], &[&key]).await;
    }
    let most = 74.0 / 15_000.0 * 30.0 / 3_600.0;
    let premium = t.premium().await;
    assert!(premium > 0.0 && premium <= most, "{premium} {most}");
    t.env.assert_conserved().await;
}

/// Whoever is ready to trade above the oracle all the time is paid by those who are long, as it should be.
#[tokio::test]
async fn what_rests_all_the_time_counts() {
    let mut t = desk().await;
    t.quote().await;
    t.env.place(&t.maker, post(SPOT + 30, DEEP), &[]).await;
    t.look(1).await;
    for _ in 0..30 {
        t.look(20).await;
    }
    let expected = 0.002 * (1.0 - (-600.0f64 / 3_600.0).exp());
    let premium = t.premium().await;
    assert!(
        (premium / expected - 1.0).abs() < 0.01,
        "{premium} {expected}"
    );
    assert!(t.earned().await > 0);
    t.env.assert_conserved().await;
}

/// A bid far above the oracle, behind dust: of any number, still good or expired, too young, or only to reduce.
#[tokio::test]
async fn dust_and_expired_orders_hide_nothing() {
    let honest = 0.01 * (1.0 - (-100.0f64 / 3_600.0).exp());
    for (dust, expires) in [
        (0, false),
        (32, false),
        (32, true),
        (1_000, false),
        (1_000, true),
    ] {
        let mut t = desk().await;
        t.env.place(&t.maker, bid(SPOT + 150, 10_000), &[]).await;
        t.env.place(&t.maker, ask(SPOT + 170, 10_000), &[]).await;
        let expiry = match expires {
            true => u32::try_from(t.env.now().await + 1).unwrap(),
            false => 0,
        };
        let terms = OrderTerms {
            expiry,
            ..bid(SPOT + 151, 1)
        };
        let mut left = dust;
        while left > 0 {
            let by = t.env.trader_with(&[(USDC, usd(2_000))]).await;
            let of_one = left.min(60);
            for _ in 0..of_one / 10 {
                let ten: Vec<_> = (0..10).map(|_| t.env.order_ix(&by, terms, &[])).collect();
                t.env.run(&ten, &[&by.key]).await;
            }
            for _ in 0..of_one % 10 {
                t.env.place(&by, terms, &[]).await;
            }
            left -= of_one;
        }
        t.env.set_price(SOL, 150.0).await;
        t.look(1).await;
        for _ in 0..5 {
            let cu = t.look(20).await;
            // 32 such markets still pass in one transaction.
            assert!(cu < 1_400_000 / 32, "{dust} {expires}: {cu}");
        }
        let premium = t.premium().await;
        assert!(
            (premium / honest - 1.0).abs() < 0.02,
            "{dust} {expires}: {premium} {honest}"
        );
        t.env.assert_conserved().await;
    }
}

/// An order that may only reduce can be as deep as one likes once the position is gone.
#[tokio::test]
async fn an_order_that_only_reduces_moves_nothing() {
    let mut t = desk().await;
    t.quote().await;
    let terms = OrderTerms {
        reduce_only: true,
        ..bid(SPOT + 74, DEEP)
    };
    t.env.place(&t.short, terms, &[]).await;
    t.look(1).await;
    for _ in 0..10 {
        t.look(20).await;
    }
    assert_eq!(t.premium().await, 0.0);
}

/// A day in which nobody can trade costs nobody anything, in the market that is paused and when the exchange is, and the premium
/// from before it is forgotten.
#[tokio::test]
async fn a_paused_day_costs_nobody_anything() {
    for whole_exchange in [false, true] {
        for refreshed in [false, true] {
            let mut t = desk().await;
            let quoter = t.env.trader_with(&[(USDC, usd(2_000))]).await;
            t.env.place(&quoter, bid(SPOT + 15, DEEP), &[]).await;
            t.look(1).await;
            for _ in 0..30 {
                t.look(60).await;
            }
            assert!(t.premium().await > 0.0);
            set_mode(&mut t.env, whole_exchange, mode::PAUSED).await;
            t.env.assets[SOL].usd = 142.5;
            t.look(20).await;
            let before = t.earned().await;
            let index = t.env.market(SOL_PERP).await;
            for _ in 0..if refreshed { 24 * 60 } else { 0 } {
                t.look(60).await;
            }
            if !refreshed {
                t.env.advance(86_400).await;
            }
            let after = t.env.market(SOL_PERP).await;
            assert_eq!(
                (after.premium, after.funding_long, after.funded_until),
                (index.premium, index.funding_long, index.funded_until)
            );
            set_mode(&mut t.env, whole_exchange, mode::REDUCE_ONLY).await;
            t.look(1).await;
            assert_eq!(t.earned().await, before, "not caught up on");
            assert_eq!(
                t.premium().await,
                0.0,
                "what was left of the book is no premium"
            );
            t.look(1).await;
            assert!(t.premium().await > 0.0, "from now on it can be traded with");
            t.env.assert_conserved().await;
        }
    }
}

async fn set_mode(env: &mut Env, whole_exchange: bool, mode: u8) {
    match whole_exchange {
        true => env.set_exchange_mode(mode).await,
        false => env.set_market_mode(SOL_PERP, mode).await,
    }
}

/// Refreshes whose price is refused, or is none, take no time away: what an hour brings is the same with any number of them.
#[tokio::test]
async fn refused_prices_take_no_time_away() {
    let mut earned = Vec::new();
    for junk in [false, true] {
        let mut t = desk().await;
        t.env.place(&t.maker, bid(SPOT + 30, DEEP), &[]).await;
        t.look(1).await;
        for _ in 0..30 {
            for _ in 0..5 {
                t.env.advance(10).await;
                if junk {
                    let before = t.env.market(SOL_PERP).await;
                    t.env.set_price_with(SOL, 150.0, 30.0, 0).await;
                    let entry = t.env.market_entry(SOL_PERP);
                    t.env.refresh(&entry).await;
                    t.env.refresh(&entry[1..]).await;
                    let after = t.env.market(SOL_PERP).await;
                    assert_eq!(after.funded_until, before.funded_until);
                    assert_eq!(after.sampled_order_id, before.sampled_order_id);
                }
            }
            t.look(10).await;
        }
        earned.push((t.earned().await, t.premium().await));
        t.env.assert_conserved().await;
    }
    assert_eq!(earned[0], earned[1]);
    assert!(earned[0].0 > 0);
}

/// What rests through an outage was left behind by the price: it says nothing about the time without one, and that time costs
/// no more than what was averaged before it.
#[tokio::test]
async fn an_outage_is_not_sampled() {
    let mut t = desk().await;
    let quoter = t.env.trader_with(&[(USDC, usd(2_000))]).await;
    t.env.place(&quoter, bid(SPOT - 15, DEEP), &[]).await;
    t.look(1).await;
    t.env.assets[SOL].usd = 142.5;
    t.look(3_600).await;
    assert_eq!((t.premium().await, t.earned().await), (0.0, 0));
    t.look(20).await;
    assert!(t.premium().await > 0.0);
    let average = t.premium().await;
    let before = t.earned().await;
    t.look(86_400).await;
    let notional = 142_500.0 * 1e6;
    let hour = notional * average / 24.0;
    let charged = (t.earned().await - before) as f64;
    assert!(charged > 0.0 && charged <= hour, "{charged} {hour}");
    t.env.assert_conserved().await;
}

/// The same hour at every rate of refreshes: 5 in a second, and every 1, 20 and 60 seconds.
#[tokio::test]
async fn an_hour_costs_the_same_at_every_rate_of_refreshes() {
    // Two basis points.
    let (above, premium) = (3, 0.0002);
    for (every, times, secs) in [(1, 5, 600), (1, 1, 3_600), (20, 1, 3_600), (60, 1, 3_600)] {
        let part = f64::from(secs) / 3_600.0;
        let exact = premium * (1.0 - (-part).exp());
        // 150,000 USD at what the average comes to.
        let owed = 150_000.0 * 1e6 * premium * (part - 1.0 + (-part).exp()) / 24.0;
        let secs = i64::from(secs);
        let mut t = desk().await;
        t.env.place(&t.maker, bid(SPOT + above, DEEP), &[]).await;
        t.look(1).await;
        for _ in 0..secs / every {
            t.env.advance(every).await;
            for _ in 0..times {
                t.refresh().await;
            }
        }
        let premium = t.premium().await;
        assert!(
            (premium / exact - 1.0).abs() < 0.01,
            "{every}/{times}: {premium} {exact}"
        );
        let earned = t.earned().await as f64;
        assert!(
            (earned / owed - 1.0).abs() < 0.01,
            "{every}/{times}: {earned} {owed}"
        );
        // An empty book ends it, every second or not.
        t.env.cancel_all(&t.maker).await;
        let before = t.premium().await;
        for _ in 0..600 / every {
            t.look(every).await;
        }
        let expected = before * (-600.0f64 / 3_600.0).exp();
        let premium = t.premium().await;
        assert!(
            (premium / expected - 1.0).abs() < 0.01,
            "{every}: {premium} {expected}"
        );
        t.env.assert_conserved().await;
    }
}

/// A premium that was near nothing once does not stay.
#[tokio::test]
async fn nothing_sticks_near_zero() {
    let mut t = desk().await;
    t.env.place(&t.maker, bid(SPOT + 3, DEEP), &[]).await;
    t.look(1).await;
    t.look(1).await;
    assert!(t.premium().await > 0.0);
    t.env.cancel_all(&t.maker).await;
    for _ in 0..600 {
        t.look(120).await;
    }
    let market = t.env.market(SOL_PERP).await;
    // Less than the last place of a ratio.
    assert!(market.premium.abs() < 1 << 16, "{}", market.premium);
    t.env.assert_conserved().await;
}
