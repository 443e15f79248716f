//! Bending instructions as an attacker would.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::state::RiskState;
use plimsoll_client::{
    instructions::{self as ix, FeedRef, RefreshEntry},
    AssetRef, ExchangeRef,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{
    listing::oracles,
    params::{feed_limits, quote_params},
    Env,
};

/// The instruction with one of its accounts replaced by another.
pub fn swap(instruction: &Instruction, account: Pubkey, by: Pubkey) -> Instruction {
    let mut bent = instruction.clone();
    let mut found = false;
    for meta in &mut bent.accounts {
        if meta.pubkey == account {
            meta.pubkey = by;
            found = true;
        }
    }
    assert!(found, "the instruction has no account {account}");
    bent
}

/// A second exchange on the same bank, with its own operator, over the same quote mint.
pub struct OtherExchange {
    pub exchange: ExchangeRef,
    pub authority: Keypair,
    pub quote: AssetRef,
}

impl Env {
    /// Creates exchange 1, operated by somebody else, with the quote asset listed.
    pub async fn other_exchange(&mut self) -> OtherExchange {
        let authority = Keypair::new();
        let key = authority.pubkey();
        self.fund(key);
        let listed = self.assets[0];
        let mint = listed.asset.mint;
        let program = listed.asset.token_program;
        let exchange = ExchangeRef::new(1);
        let quote = exchange.asset(mint, program);
        let mut instructions = vec![ix::create_exchange(1, key, mint, program, key, 0)];
        let extend = ix::extend_account(key, exchange.risk_state);
        instructions.extend(vec![extend; ix::extensions_needed(RiskState::SPACE)]);
        let (sources, limits) = (oracles(&listed), feed_limits());
        let feed = RefreshEntry::Feed(FeedRef {
            index: 0,
            account: listed.primary.account,
            is_fallback: false,
        });
        instructions.extend([
            ix::list_feed(&exchange, key, [0; 16], sources, limits, None),
            ix::refresh(&exchange, &[feed]),
            ix::list_asset(&exchange, key, &quote, quote_params(), 0, None),
        ]);
        self.set_price(0, listed.usd).await;
        self.run(&instructions, &[&authority]).await;
        OtherExchange {
            exchange,
            authority,
            quote,
        }
    }
}
