//! Winding down in tests: a feed that dies, its final price, and the calls that end what it priced.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use anchor_spl::associated_token::spl_associated_token_account::instruction::create_associated_token_account_idempotent;
use plimsoll::state::{feed::oracle_kind, OracleSource, OracleSources};
use plimsoll_client::{addresses::token_account, instructions as ix, Proposal};
use solana_signer::Signer;

use crate::{
    env::{SOL_PERP, USDC},
    scenarios::{all_but, pass},
    Env, Trader, TxOutcome,
};

/// How long doubt lasts by the limits of the environment's feeds, seconds.
pub const DOUBT_SECS: i64 = 3_600;

/// Sources that state a final price of so many cents.
pub fn final_price(cents: u64) -> OracleSources {
    let mut feed = [0; 32];
    feed[..8].copy_from_slice(&cents.to_le_bytes());
    OracleSources {
        primary: OracleSource {
            feed,
            kind: oracle_kind::FINAL,
            exponent: -2,
            ..OracleSource::default()
        },
        ..OracleSources::default()
    }
}

/// The instruction that gives an asset's feed other sources.
pub async fn edit_ix(
    env: &Env,
    asset: usize,
    sources: OracleSources,
    proposal: Option<Proposal>,
) -> Instruction {
    let feed = env.assets[asset].feed;
    let limits = env.risk().await.feeds[usize::from(feed)].limits;
    let key = env.authority.pubkey();
    ix::edit_feed(&env.exchange, key, feed, sources, limits, proposal)
}

/// An asset's feed falls silent for as long as doubt lasts, while all others are heard, and gets a final price.
pub async fn wind_down(env: &mut Env, asset: usize, cents: u64) -> TxOutcome {
    let alive = all_but(env, &[asset]);
    pass(env, DOUBT_SECS + 60, &alive).await;
    let edit = edit_ix(env, asset, final_price(cents), None).await;
    let authority = env.authority();
    env.run(&[edit], &[&authority]).await
}

pub fn close_positions_ix(env: &Env, long: &Trader, short: &Trader) -> Instruction {
    let market = env.markets[SOL_PERP].market;
    ix::close_out_position(&env.exchange, &market, long.margin, short.margin)
}

pub fn close_debt_ix(env: &Env, asset: usize, depositor: &Trader, debtor: &Trader) -> Instruction {
    settle_debt_ix(env, asset, Some(depositor.margin), debtor)
}

/// Settles a debt with a deposit, or with what the bank is owed.
pub fn settle_debt_ix(
    env: &Env,
    asset: usize,
    depositor: Option<Pubkey>,
    debtor: &Trader,
) -> Instruction {
    let (bank, quote) = (env.assets[asset].asset, env.assets[USDC].asset);
    ix::close_out_debt(&env.exchange, &bank, &quote, depositor, debtor.margin)
}

/// Opens the owner's associated token account, which the sender pays for.
pub fn open_wallet_ix(env: &Env, asset: usize, owner: &Pubkey) -> Instruction {
    let asset = env.assets[asset].asset;
    let payer = env.context.payer.pubkey();
    create_associated_token_account_idempotent(&payer, owner, &asset.mint, &asset.token_program)
}

pub fn return_ix(env: &Env, asset: usize, of: &Trader) -> Instruction {
    let asset = env.assets[asset].asset;
    ix::return_deposit(&env.exchange, &asset, of.margin, &of.pubkey())
}

/// What the owner's associated token account holds of an asset.
pub async fn wallet(env: &Env, asset: usize, of: &Trader) -> u64 {
    let asset = env.assets[asset].asset;
    let address = token_account(&of.pubkey(), &asset.mint, &asset.token_program);
    env.tokens(address).await
}
