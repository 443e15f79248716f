//! The embedded chain: starting it, deploying the program, and the two things that no transaction can do: write an
//! oracle's account, and move the clock.
use std::path::Path;

use anchor_lang::{prelude::Pubkey, AccountSerialize};
use anyhow::{anyhow, Context, Result};
use pyth_solana_receiver_sdk::price_update::{PriceFeedMessage, PriceUpdateV2, VerificationLevel};
use solana_keypair::Keypair;
use solana_loader_v3_interface::{instruction as loader, state::UpgradeableLoaderState};
use solana_sdk_ids::bpf_loader_upgradeable;
use solana_signer::Signer;
use surfpool_core::solana_account::Account;

use crate::{
    node::{Node, Ports},
    wire::Wire,
};

/// What the payer of all fees and rents starts with.
const PAYER_LAMPORTS: u64 = 100_000_000_000_000;
/// Decimals of the published prices.
const PRICE_EXPONENT: i32 = -8;
/// More than enough rent for an oracle's account.
const ORACLE_ACCOUNT_LAMPORTS: u64 = 10_000_000;

/// More than enough rent for the program's accounts.
const LOADER_ACCOUNT_LAMPORTS: u64 = 100_000_000_000;

/// A running validator with the program on it; dropping it shuts it down.
pub struct Chain {
    node: Node,
    rpc_url: String,
}

/// A price as a publisher states it.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    /// USD per whole token.
    pub price: f64,
    /// Confidence interval, USD.
    pub confidence: f64,
    /// Unix seconds.
    pub publish_time: i64,
}

impl Chain {
    /// Starts an offline chain on which `payer` has plenty of lamports, and deploys the program's artifact.
    ///
    /// Slots advance with transactions, not with this machine's clock, so that a run repeats exactly.
    pub async fn start(program: &Path, payer: &Keypair, ports: Ports) -> Result<Self> {
        let artifact = std::fs::read(program).with_context(|| {
            format!(
                "no program at {}: run `cargo xtask build` first, or name another with --program",
                program.display()
            )
        })?;
        let rich = payer.pubkey();
        let starting = move || Node::start(ports, rich, PAYER_LAMPORTS);
        let node = tokio::task::spawn_blocking(starting).await??;
        let rpc_url = node.rpc_url();
        let wire = Wire::new(&rpc_url, payer.insecure_clone());
        deploy(&node, &wire, &artifact)
            .await
            .with_context(|| format!("cannot deploy {}", program.display()))?;
        Ok(Self { node, rpc_url })
    }

    /// Where wallets and bots connect.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// The validator.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Writes the account of a Pyth feed as the receiver program would after verifying an update in full.
    pub fn publish(&self, account: &Pubkey, feed: [u8; 32], quote: &Quote) -> Result<()> {
        let data = price_update(feed, quote)?;
        self.write(*account, pyth_solana_receiver_sdk::ID, data)
    }

    /// Writes an account of a program that is not on this chain.
    pub fn write(&self, address: Pubkey, owner: Pubkey, data: Vec<u8>) -> Result<()> {
        let written = Account {
            lamports: ORACLE_ACCOUNT_LAMPORTS,
            data,
            owner,
            executable: false,
            rent_epoch: 0,
        };
        self.node.write(address, written)
    }

    /// Moves the chain's clock, and its slots with it, forward to a Unix time.
    pub fn travel_to(&self, second: i64) -> Result<()> {
        self.node
            .travel_to(u64::try_from(second)?.saturating_mul(1_000))
    }

    /// Shuts the chain down and frees its ports.
    pub fn stop(&self) -> Result<()> {
        self.node.stop()
    }
}

/// Deploys the program by the transaction that deploys it on a real cluster: the loader verifies the artifact and refuses
/// what a cluster would refuse. Only the buffer that it takes it from is written past the chain, since that would take
/// more than a thousand transactions.
async fn deploy(node: &Node, wire: &Wire, artifact: &[u8]) -> Result<()> {
    let (buffer, authority) = (Pubkey::new_unique(), wire.payer());
    let state = bincode::serialize(&UpgradeableLoaderState::Buffer {
        authority_address: Some(authority),
    })?;
    let account = |data: Vec<u8>| Account {
        lamports: LOADER_ACCOUNT_LAMPORTS,
        data,
        owner: bpf_loader_upgradeable::ID,
        executable: false,
        rent_epoch: 0,
    };
    node.write(buffer, account([state.as_slice(), artifact].concat()))?;
    let empty = vec![0; UpgradeableLoaderState::size_of_program()];
    node.write(plimsoll::ID, account(empty))?;
    let instructions = loader::deploy_with_max_program_len(
        &authority,
        &plimsoll::ID,
        &buffer,
        &authority,
        LOADER_ACCOUNT_LAMPORTS,
        artifact.len(),
    )
    .map_err(|e| anyhow!("{e}"))?;
    // The first would create the program's account, which takes the program's key.
    wire.send(&instructions[1..], &[]).await?;
    Ok(())
}

/// The bytes of a fully verified `PriceUpdateV2` account.
fn price_update(feed_id: [u8; 32], quote: &Quote) -> Result<Vec<u8>> {
    let scale = 10f64.powi(-PRICE_EXPONENT);
    let (price, conf) = (quote.price * scale, quote.confidence * scale);
    let update = PriceUpdateV2 {
        write_authority: Pubkey::default(),
        verification_level: VerificationLevel::Full,
        price_message: PriceFeedMessage {
            feed_id,
            price: price as i64,
            conf: conf as u64,
            exponent: PRICE_EXPONENT,
            publish_time: quote.publish_time,
            prev_publish_time: quote.publish_time - 1,
            ema_price: price as i64,
            ema_conf: conf as u64,
        },
        posted_slot: 0,
    };
    let mut data = Vec::with_capacity(PriceUpdateV2::LEN);
    update.try_serialize(&mut data)?;
    data.resize(PriceUpdateV2::LEN, 0);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll::{
        oracle,
        state::{
            feed::{oracle_kind, receiver},
            OracleSource,
        },
    };

    #[test]
    fn writes_what_the_program_reads() {
        let feed = [9; 32];
        let quote = Quote {
            price: 190.25,
            confidence: 0.07,
            publish_time: 1_700_000_000,
        };
        let mut data = price_update(feed, &quote).unwrap();
        let (key, owner, mut lamports) = (Pubkey::default(), pyth_solana_receiver_sdk::ID, 1);
        let info = anchor_lang::prelude::AccountInfo::new(
            &key,
            false,
            false,
            &mut lamports,
            &mut data,
            &owner,
            false,
        );
        let source = OracleSource {
            feed,
            kind: oracle_kind::PYTH_PULL,
            receiver: receiver::DEFAULT,
            ..OracleSource::default()
        };
        let read = oracle::read(&source, &info).unwrap();
        assert_eq!(read.price, 19_025_000_000);
        assert_eq!(read.conf, 7_000_000);
        assert_eq!(read.published_ms, quote.publish_time * 1_000);
    }
}
