//! The chain takes the program as a cluster does: version 3 only, through the loader, also from a buffer that
//! transactions fill.
use std::path::{Path, PathBuf};

use anyhow::{anyhow, Context as _, Result};
use plimsoll_localnet::{chain::Chain, node::Ports, wire::Wire};
use solana_keypair::Keypair;
use solana_loader_v3_interface::{instruction as loader, state::UpgradeableLoaderState};
use solana_signer::Signer as _;

/// What fits a transaction of 1,232 bytes besides the rest of it.
const CHUNK: usize = 950;
/// Where an ELF header says the SBPF version.
const VERSION: usize = 48;

fn artifact() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/deploy/plimsoll.so")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_is_not_deployed() -> Result<()> {
    let mut bytes = std::fs::read(artifact())?;
    bytes[VERSION] = 0;
    let older = std::env::temp_dir().join(format!("plimsoll-older-{}.so", std::process::id()));
    std::fs::write(&older, bytes)?;
    let started = Chain::start(&older, &Keypair::new(), Ports::free()?).await;
    std::fs::remove_file(&older)?;
    let error = started.err().context("it is deployed")?;
    let message = format!("{error:#}");
    assert!(message.contains("cannot deploy"), "{message}");
    assert!(message.contains("InvalidAccountData"), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buffer_filled_by_transactions_is_deployed() -> Result<()> {
    let bytes = std::fs::read(artifact())?;
    let payer = Keypair::new();
    let chain = Chain::start(&artifact(), &payer, Ports::free()?).await?;
    let (payer, wire) = (payer.pubkey(), Wire::new(chain.rpc_url(), payer));
    let (buffer, program) = (Keypair::new(), Keypair::new());
    let rent = |size| wire.rpc().get_minimum_balance_for_rent_exemption(size);
    let size = UpgradeableLoaderState::size_of_buffer(bytes.len());
    let create = loader::create_buffer(
        &payer,
        &buffer.pubkey(),
        &payer,
        rent(size).await?,
        bytes.len(),
    );
    wire.send(&create.map_err(|e| anyhow!("{e}"))?, &[&buffer])
        .await?;
    for (at, chunk) in bytes.chunks(CHUNK).enumerate() {
        let offset = u32::try_from(at * CHUNK)?;
        let write = loader::write(&buffer.pubkey(), &payer, offset, chunk.to_vec());
        wire.send(&[write], &[]).await?;
    }
    let size = UpgradeableLoaderState::size_of_program();
    let deploy = loader::deploy_with_max_program_len(
        &payer,
        &program.pubkey(),
        &buffer.pubkey(),
        &payer,
        rent(size).await?,
        bytes.len(),
    );
    wire.send(&deploy.map_err(|e| anyhow!("{e}"))?, &[&program])
        .await?;
    let deployed = wire.rpc().get_account(&program.pubkey()).await?;
    assert!(deployed.executable);
    chain.stop()
}
