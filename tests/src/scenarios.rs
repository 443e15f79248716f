//! Scenarios: trades between two accounts, shocks, and liquidations as a liquidator would send them.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::instruction::{AccountMeta, Instruction},
};
use plimsoll::{
    error::PlimsollError,
    events::{CollateralLiquidated, PositionLiquidated},
    liquidation::FLAG_SECS,
    state::margin_account::account_state,
};
use plimsoll_client::{
    events,
    instructions::{self as ix, BadDebt, Liquidation, Swap},
};

use crate::{
    env::{BTC, SOL, SOL_PERP, USDC},
    trading::{ask, bid},
    usd, Env, Trader, TxOutcome,
};

pub const ALL: u64 = u64::MAX;
/// One whole unit.
pub const SOL_1: u64 = 1_000_000_000;
pub const BTC_1: u64 = 100_000_000;
pub const ETH_1: u64 = 100_000_000;

/// Collateral or debt of a swap.
#[derive(Clone, Copy, Debug)]
pub enum Leg {
    Asset(usize),
    Pnl(usize),
}

impl Leg {
    pub fn address(self, env: &Env) -> Pubkey {
        match self {
            Self::Asset(asset) => env.assets[asset].asset.bank,
            Self::Pnl(market) => env.markets[market].market.address,
        }
    }
}

/// Takes over a slice of a position.
pub fn take(env: &Env, market: usize, lots: u64) -> Liquidation {
    Liquidation {
        position: Some((env.markets[market].market, lots)),
        ..Liquidation::default()
    }
}

/// Swaps collateral for debt; the quote bank goes with markets.
pub fn swap(env: &Env, collateral: Leg, debt: Leg, max_debt: u64) -> Liquidation {
    let pnl = matches!(collateral, Leg::Pnl(_)) || matches!(debt, Leg::Pnl(_));
    Liquidation {
        swap: Some(Swap {
            collateral: collateral.address(env),
            debt: debt.address(env),
            max_debt,
            quote_bank: pnl.then_some(env.assets[USDC].asset.bank),
        }),
        ..Liquidation::default()
    }
}

/// The instruction by which one trader liquidates another.
pub fn liquidate_ix(env: &Env, by: &Trader, account: &Trader, what: &Liquidation) -> Instruction {
    ix::liquidate(&env.exchange, by.pubkey(), by.margin, account.margin, what)
}

/// Liquidates, where something is seized at a second observation: an account that is not flagged yet is flagged a second
/// before.
pub async fn liquidate(
    env: &mut Env,
    by: &Trader,
    account: &Trader,
    what: &Liquidation,
) -> TxOutcome {
    if what.position.is_some() || what.swap.is_some() {
        flag(env, by, account).await;
    }
    let liquidate = liquidate_ix(env, by, account, what);
    env.run(&[liquidate], &[&by.key]).await
}

/// Flags an account, unless a flag stands that still says something; a second later every price is published and taken anew,
/// as it was.
pub async fn flag(env: &mut Env, by: &Trader, account: &Trader) {
    let assets: Vec<usize> = (0..env.assets.len()).collect();
    flag_at(env, by, account, &assets).await;
}

/// The same where only these assets' prices are published anew.
pub async fn flag_at(env: &mut Env, by: &Trader, account: &Trader, assets: &[usize]) {
    let flagged = env.margin(account.margin).await;
    let since = env.now().await - flagged.flagged_at;
    if flagged.state == account_state::LIQUIDATING && since <= FLAG_SECS as i64 {
        return;
    }
    let flag = liquidate_ix(env, by, account, &Liquidation::default());
    env.run(&[flag], &[&by.key]).await;
    env.advance(1).await;
    env.refresh_only(assets).await;
}

/// Requires a refusal that changes nothing.
pub async fn refuse(
    env: &mut Env,
    by: &Trader,
    account: &Trader,
    what: &Liquidation,
    expected: PlimsollError,
) {
    let liquidate = liquidate_ix(env, by, account, what);
    env.refuse(&[liquidate], &[&by.key], expected).await;
}

/// What the only takeover of a transaction came to.
pub fn taken(outcome: &TxOutcome) -> PositionLiquidated {
    let mut found: Vec<PositionLiquidated> = events::of_kind(&outcome.logs);
    assert_eq!(found.len(), 1, "one takeover");
    found.remove(0)
}

/// What the only swap of a transaction came to.
pub fn swapped(outcome: &TxOutcome) -> CollateralLiquidated {
    let mut found: Vec<CollateralLiquidated> = events::of_kind(&outcome.logs);
    assert_eq!(found.len(), 1, "one swap");
    found.remove(0)
}

pub async fn is_flagged(env: &Env, trader: &Trader) -> bool {
    env.margin(trader.margin).await.state == account_state::LIQUIDATING
}

/// Price lots of a price in USD.
pub async fn price_lots(env: &Env, market: usize, dollars: f64) -> u64 {
    let terms = env.market(market).await.terms;
    let lot = terms.base_lot_size as f64 / 10f64.powi(i32::from(terms.base_decimals));
    (dollars * 1e6 * lot / terms.tick as f64).round() as u64
}

/// A trade at this price, settled on both sides at once.
pub async fn trade(
    env: &mut Env,
    market: usize,
    buyer: &Trader,
    seller: &Trader,
    dollars: f64,
    lots: i64,
) {
    let price = price_lots(env, market, dollars).await;
    env.place_in(market, seller, ask(price, lots), &[]).await;
    let filled = env
        .place_in(market, buyer, bid(price, lots), &[seller])
        .await;
    assert_eq!(filled.filled, lots, "the whole trade");
}

/// A minute later an asset has another price, everything else is as it was, and all entries are fresh.
pub async fn shock(env: &mut Env, asset: usize, dollars: f64) {
    env.advance(60).await;
    env.assets[asset].usd = dollars;
    env.refresh_all().await;
}

/// Lets so much time pass that the stable price has followed.
pub async fn settle_down(env: &mut Env) {
    for _ in 0..30 {
        env.advance(300).await;
        env.refresh_all().await;
    }
}

/// Lets time pass; at least twice a minute the prices of these assets are published and taken anew, and no others.
pub async fn pass(env: &mut Env, secs: i64, alive: &[usize]) {
    let mut left = secs;
    while left > 0 {
        let step = left.min(30);
        env.advance(step).await;
        env.refresh_only(alive).await;
        left -= step;
    }
}

/// Every asset but these.
pub fn all_but(env: &Env, dead: &[usize]) -> Vec<usize> {
    let assets = 0..env.assets.len();
    assets.filter(|asset| !dead.contains(asset)).collect()
}

/// What traders brought, to tell what they gained: opened while their margin accounts are empty. From then on lending pays
/// nothing, so that a gain is not interest.
pub struct Books(Vec<Vec<u64>>);

impl Books {
    pub async fn open(env: &mut Env, traders: &[&Trader]) -> Self {
        for asset in 0..env.assets.len() {
            env.edit_asset(asset, |p| {
                p.curve.zero_rate = 0;
                p.curve.rate0 = 0;
                p.curve.rate1 = 0;
                p.curve.max_rate = 0;
            })
            .await;
        }
        let mut tokens = Vec::new();
        for trader in traders {
            let mut held = Vec::new();
            for account in &trader.tokens {
                held.push(env.tokens(*account).await);
            }
            tokens.push(held);
        }
        Self(tokens)
    }

    /// What all of them together have more than they brought, native quote, at the prices of now, which are published and taken
    /// first. An account that owes more than it has is abandoned.
    pub async fn gain(&self, env: &mut Env, traders: &[&Trader]) -> i64 {
        env.advance(1).await;
        env.refresh_all().await;
        let mut gained = 0;
        for (trader, before) in traders.iter().zip(&self.0) {
            gained += i128::from(equity(env, trader).await.max(0));
            for (asset, before) in before.iter().enumerate() {
                let more = i128::from(env.tokens(trader.tokens[asset]).await) - i128::from(*before);
                let entry = env.entry(asset).await;
                gained += (more * i128::from(entry.price.spot)) >> entry.shift;
            }
        }
        i64::try_from(gained).expect("fits")
    }
}

/// Someone with much of everything, to trade with, lend and liquidate.
pub async fn rich(env: &mut Env) -> Trader {
    let deposits: Vec<(usize, u64)> = (0..env.assets.len())
        .map(|asset| {
            let listed = &env.assets[asset];
            let whole = if asset == USDC {
                1_000_000.0
            } else {
                300_000.0 / listed.usd
            };
            (
                asset,
                (whole * 10f64.powi(i32::from(listed.decimals))) as u64,
            )
        })
        .collect();
    env.trader_with(&deposits).await
}

/// An exchange with an account that is long 100 SOL at 150 USD on 2,000 USDC; its seller; a liquidator.
pub struct Long {
    pub env: Env,
    pub account: Trader,
    pub seller: Trader,
    pub liquidator: Trader,
}

pub async fn long() -> Long {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let account = env.trader_with(&[(USDC, usd(2_000))]).await;
    let (seller, liquidator) = (rich(&mut env).await, rich(&mut env).await);
    trade(&mut env, SOL_PERP, &account, &seller, 150.0, 10_000).await;
    Long {
        env,
        account,
        seller,
        liquidator,
    }
}

/// An account with a BTC deposit and a loss of some 2,670 USD in the SOL market, its position gone: below its line,
/// but solvent.
pub async fn loss_on_btc() -> Long {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let account = env.trader_with(&[(BTC, BTC_1 / 20)]).await;
    let (seller, liquidator) = (rich(&mut env).await, rich(&mut env).await);
    trade(&mut env, SOL_PERP, &account, &seller, 150.0, 10_000).await;
    shock(&mut env, SOL, 124.0).await;
    let takeover = take(&env, SOL_PERP, ALL);
    liquidate(&mut env, &liquidator, &account, &takeover).await;
    let perp = env.perp(&account).await;
    assert!(perp.position.is_zero() && perp.quote.0 < -2_600_000_000);
    assert!(is_flagged(&env, &account).await);
    Long {
        env,
        account,
        seller,
        liquidator,
    }
}

/// Equity that the program reports.
pub async fn equity(env: &mut Env, trader: &Trader) -> i64 {
    env.health(trader).await.equity
}

/// An account that owes SOL and has nothing left but what it deposited beside its USDC, and a lender of more SOL than that.
pub async fn owing_sol(beside: &[(usize, u64)]) -> (Env, Trader, Trader) {
    let mut env = Env::new().await;
    env.refresh_all().await;
    let by = rich(&mut env).await;
    let mut deposits = vec![(USDC, usd(1_000))];
    deposits.extend_from_slice(beside);
    let account = env.trader_with(&deposits).await;
    env.borrow(&account, SOL, 5 * SOL_1).await.unwrap();
    shock(&mut env, SOL, 200.0).await;
    shock(&mut env, SOL, 250.0).await;
    let what = swap(&env, Leg::Asset(USDC), Leg::Asset(SOL), ALL);
    liquidate(&mut env, &by, &account, &what).await;
    (env, account, by)
}

/// Resolves an account's debt to a bank, insurance buying as much as it can from the resolver.
pub fn resolve_asset_ix(env: &Env, by: &Trader, account: &Trader, asset: usize) -> Instruction {
    let debt = BadDebt::Asset {
        bank: env.assets[asset].asset.bank,
        resolver_account: Some(by.margin),
        max_repay: ALL,
    };
    resolve_ix(env, by, account, &debt)
}

/// Marks every account of the exchange in a market.
pub async fn mark_all(env: &mut Env, market: usize) {
    let accounts = env.margin_accounts.clone();
    for some in accounts.chunks(ix::MARKED_AT_ONCE) {
        let mark = ix::mark_profits(&env.exchange, &env.markets[market].market, some);
        env.run(&[mark], &[]).await;
    }
}

/// Shares a market's shortfall among the profits of now.
pub async fn share_shortfall(env: &mut Env, market: usize) -> TxOutcome {
    mark_all(env, market).await;
    let share = ix::share_shortfall(&env.exchange, &env.markets[market].market);
    env.run(&[share], &[]).await
}

/// Resolves an account's loss in a market.
pub fn resolve_loss_ix(env: &Env, by: &Trader, account: &Trader, market: usize) -> Instruction {
    let market = env.markets[market].market;
    resolve_ix(env, by, account, &BadDebt::Market { market })
}

pub fn resolve_ix(env: &Env, by: &Trader, account: &Trader, debt: &BadDebt) -> Instruction {
    let quote = env.assets[USDC].asset;
    ix::resolve_bankruptcy(
        &env.exchange,
        by.pubkey(),
        account.margin,
        debt,
        &quote,
        &[],
    )
}

/// A resolution that forfeits the account's deposits of these assets first.
pub fn with_dust(env: &Env, resolve: &Instruction, dust: &[usize]) -> Instruction {
    let mut resolve = resolve.clone();
    for asset in dust {
        let bank = env.assets[*asset].asset.bank;
        resolve.accounts.push(AccountMeta::new(bank, false));
    }
    resolve
}

/// Puts quote tokens into the insurance vault.
pub async fn insure(env: &mut Env, by: &Trader, amount: u64) {
    let quote = env.assets[USDC].asset;
    let fund = ix::fund_insurance(&env.exchange, by.pubkey(), by.tokens[USDC], &quote, amount);
    env.run(&[fund], &[&by.key]).await;
}
