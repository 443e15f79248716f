//! What is measured: an exchange of 16 assets and 16 markets, and traders who use all of them.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::orders::terms::{OrderSide, OrderTerms, OrderType, SelfTradeBehavior};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    env::USDC,
    oracles::Feed,
    params::{market_params, terms, volatile_params},
    tokens::SPL_TOKEN,
    usd, Env, ListedAsset, Trader,
};
use solana_keypair::Keypair;

/// Assets and markets of the exchange, and room in a margin account.
pub const ROOM: usize = 16;
/// First asset that the harness does not list by itself.
const FIRST_OWN: usize = 5;
/// Every fourth asset of a full portfolio is owed.
const DEBT_EVERY: usize = 4;
/// Orders of a filled book on either side: all that one margin account has room for.
pub const DEPTH: u64 = 32;
/// Lots of an order, worth some ten dollars.
pub const LOTS: i64 = 10;
/// Lots of an order of which four are worth the impact notional.
pub const DEEP: i64 = 1_000;

/// The exchange, with somebody to trade against.
pub struct World {
    pub env: Env,
    pub maker: Trader,
    traders: u8,
}

/// A limit order.
pub fn order(side: OrderSide, price: u64, lots: i64, kind: OrderType) -> OrderTerms {
    OrderTerms {
        side,
        price,
        lots,
        kind,
        max_quote: None,
        reduce_only: false,
        expiry: 0,
        client_id: 1,
        self_trade: SelfTradeBehavior::AbortTransaction,
        max_fills: 64,
    }
}

impl World {
    /// 16 assets, 16 markets, and a maker with plenty of each asset.
    pub async fn new() -> Self {
        let mut env = Env::new().await;
        while env.assets.len() < ROOM {
            let mint = env.create_mint(SPL_TOKEN, 9);
            let asset = ListedAsset {
                asset: env.exchange.asset(mint, SPL_TOKEN),
                decimals: 9,
                primary: Feed::pull(),
                fallback: None,
                feed: 0,
                usd: 100.0,
            };
            env.list(asset, volatile_params(0.8, 0.9)).await;
        }
        for underlying in (FIRST_OWN..ROOM).cycle().take(ROOM - env.markets.len()) {
            let terms = terms("PERP", 9, 10_000_000);
            env.open_market(underlying, terms, market_params()).await;
        }
        let maker = env.trader_of(key(1)).await;
        for asset in 0..ROOM {
            let amount = units(&env, asset, 1_000_000.0);
            env.deposit(&maker, asset, amount).await.expect("a deposit");
        }
        env.refresh_all().await;
        Self {
            env,
            maker,
            traders: 1,
        }
    }

    /// A trader with this much quote.
    pub async fn trader(&mut self, dollars: u64) -> Trader {
        self.traders += 1;
        let trader = self.env.trader_of(key(self.traders)).await;
        let deposit = self.env.deposit(&trader, USDC, usd(dollars)).await;
        deposit.expect("a deposit");
        trader
    }

    /// A trader with balances in `assets` assets, every fourth a debt, and positions in the first `markets` markets.
    pub async fn full(&mut self, dollars: u64, assets: usize, markets: usize) -> Trader {
        let trader = self.trader(dollars).await;
        for asset in 1..assets {
            let amount = units(&self.env, asset, 1_000.0);
            let moved = if asset % DEBT_EVERY == DEBT_EVERY - 1 {
                self.env.borrow(&trader, asset, amount).await
            } else {
                self.env.deposit(&trader, asset, amount).await
            };
            moved.expect("a balance");
        }
        for market in 0..markets {
            self.take_position(&trader, market, LOTS).await;
        }
        trader
    }

    /// Trades with the maker at the oracle price: bought in even markets, sold in odd ones.
    pub async fn take_position(&mut self, trader: &Trader, market: usize, lots: i64) {
        let (side, against) = match market % 2 {
            0 => (OrderSide::Bid, OrderSide::Ask),
            _ => (OrderSide::Ask, OrderSide::Bid),
        };
        let price = self.price(market).await;
        let posts = order(against, price, lots, OrderType::PostOnly);
        let post = place(&self.env, &self.maker, market, posts, &[]);
        self.env.run(&[post], &[&self.maker.key]).await;
        let takes = order(side, price, lots, OrderType::FillOrKill);
        let take = place(&self.env, trader, market, takes, &[self.maker.margin]);
        self.env.run(&[take], &[&trader.key]).await;
    }

    /// Fills a book on both sides, a little away from the oracle price; returns who did.
    pub async fn fill_book(&mut self, market: usize, lots: i64) -> Trader {
        let trader = self.trader(1_000_000).await;
        let price = self.price(market).await;
        for away in 20..20 + DEPTH {
            for (side, price) in [
                (OrderSide::Bid, price - away),
                (OrderSide::Ask, price + away),
            ] {
                let terms = order(side, price, lots, OrderType::PostOnly);
                self.place(&trader, market, terms, &[]).await;
            }
        }
        trader
    }

    /// Places an order; returns its compute units.
    pub async fn place(
        &mut self,
        trader: &Trader,
        market: usize,
        terms: OrderTerms,
        makers: &[Pubkey],
    ) -> u64 {
        let place = place(&self.env, trader, market, terms, makers);
        self.cost(place, trader).await
    }

    /// Compute units of an instruction, which `signer` signs where it asks for a signature.
    pub async fn cost(&mut self, instruction: Instruction, signer: &Trader) -> u64 {
        let signed = instruction.accounts.iter().any(|account| account.is_signer);
        let signers: &[&Keypair] = if signed { &[&signer.key] } else { &[] };
        self.env.run(&[instruction], signers).await.cu
    }

    /// A market's oracle price in price lots.
    pub async fn price(&self, market: usize) -> u64 {
        let entry = self.env.risk().await.markets[market];
        (entry.price.spot >> entry.shift) / entry.tick
    }
}

/// A full account with 63 orders that lose at the oracle price, in the markets whose books stay empty otherwise.
pub async fn largest(world: &mut World) -> Trader {
    let trader = world.full(1_000_000, ROOM, ROOM).await;
    for number in 0..63 {
        let market = 2 + number % (ROOM - 2);
        let price = world.price(market).await;
        let terms = order(
            OrderSide::Bid,
            price + price / 50,
            LOTS,
            OrderType::PostOnly,
        );
        world.place(&trader, market, terms, &[]).await;
    }
    trader
}

/// The instruction that places an order.
pub fn place(
    env: &Env,
    trader: &Trader,
    market: usize,
    terms: OrderTerms,
    makers: &[Pubkey],
) -> Instruction {
    let market = &env.markets[market].market;
    ix::place_order(
        &env.exchange,
        trader.pubkey(),
        trader.margin,
        market,
        terms,
        makers,
    )
}

/// Native units of an asset that are worth so much.
pub fn units(env: &Env, asset: usize, dollars: f64) -> u64 {
    let listed = &env.assets[asset];
    (dollars / listed.usd * 10f64.powi(i32::from(listed.decimals))) as u64
}

/// Keys are the same in every run, so that nothing depends on them.
fn key(number: u8) -> Keypair {
    Keypair::new_from_array([number; 32])
}
