//! The built artifact, deployed by the loader that clusters deploy with.
use agave_feature_set::disable_sbpf_v0_v1_v2_deployment;
use anchor_lang::{prelude::Clock, solana_program::instruction::Instruction};
use plimsoll_client::instructions as ix;
use plimsoll_tests::{
    chain::{self, START_SLOT},
    Env,
};
use solana_instruction_error::InstructionError;
use solana_keypair::Keypair;
use solana_loader_v3_interface::instruction as loader;
use solana_signer::Signer;
use solana_transaction_error::TransactionError;

/// What fits a transaction of 1,232 bytes besides the rest of it.
const CHUNK: usize = 950;
/// Anchor's refusal of a program that runs at another address than it declares.
const DECLARED_PROGRAM_ID_MISMATCH: u32 = 4_100;
/// Where an ELF header says the SBPF version.
const VERSION: usize = 48;

#[tokio::test]
async fn the_loader_takes_the_artifact_and_would_not_take_an_older_version() {
    let mut env = Env::bare().await;
    let gate = env.find_account(disable_sbpf_v0_v1_v2_deployment::ID).await;
    assert!(gate.is_some(), "the gate is closed");
    // The loader goes by the clock and the bank by its slot: they have to agree.
    let clock = env.clock().await;
    env.context.warp_to_slot(START_SLOT).expect("a later slot");
    env.context.set_sysvar(&clock);

    let artifact = chain::artifact();
    assert_eq!(artifact[VERSION..VERSION + 4], 3u32.to_le_bytes());
    let mut older = artifact.clone();
    older[VERSION] = 0;
    let (buffer, program) = (Keypair::new(), Keypair::new());
    write_buffer(&mut env, &buffer, &older).await;
    let error = deploy(&mut env, &buffer, &program, artifact.len())
        .await
        .expect_err("an older version is refused");
    assert!(
        matches!(
            error.error,
            TransactionError::InstructionError(_, InstructionError::InvalidAccountData)
        ) && error.logs.join(" ").contains("sbpf_version"),
        "{error:?}"
    );

    // The same buffer with the right version goes through.
    write(&mut env, &buffer, 0, &artifact[..CHUNK]).await;
    deploy(&mut env, &buffer, &program, artifact.len())
        .await
        .expect("the artifact is deployed");
    env.context
        .warp_to_slot(START_SLOT + 1)
        .expect("a later slot");
    env.context.set_sysvar(&Clock {
        slot: START_SLOT + 1,
        ..clock
    });
    // It runs, far enough to notice that this is not its own address.
    let payer = env.context.payer.pubkey();
    let call = ix::create_margin_account(&env.exchange, payer, payer, 0);
    let call = Instruction {
        program_id: program.pubkey(),
        ..call
    };
    let error = env.send(&[call], &[]).await.expect_err("it refuses");
    assert_eq!(
        error.code(),
        Some(DECLARED_PROGRAM_ID_MISMATCH),
        "{error:?}"
    );
}

async fn write_buffer(env: &mut Env, buffer: &Keypair, artifact: &[u8]) {
    let payer = env.context.payer.pubkey();
    let create = loader::create_buffer(
        &payer,
        &buffer.pubkey(),
        &payer,
        chain::LAMPORTS,
        artifact.len(),
    );
    env.run(&create.expect("a buffer"), &[buffer]).await;
    for (at, chunk) in artifact.chunks(CHUNK).enumerate() {
        write(env, buffer, at * CHUNK, chunk).await;
    }
}

async fn write(env: &mut Env, buffer: &Keypair, offset: usize, chunk: &[u8]) {
    let payer = env.context.payer.pubkey();
    let write = loader::write(&buffer.pubkey(), &payer, offset as u32, chunk.to_vec());
    env.run(&[write], &[]).await;
}

async fn deploy(
    env: &mut Env,
    buffer: &Keypair,
    program: &Keypair,
    length: usize,
) -> Result<plimsoll_tests::send::TxOutcome, plimsoll_tests::send::TestError> {
    let payer = env.context.payer.pubkey();
    let deploy = loader::deploy_with_max_program_len(
        &payer,
        &program.pubkey(),
        &buffer.pubkey(),
        &payer,
        chain::LAMPORTS,
        length,
    );
    env.send(&deploy.expect("a deploy"), &[program]).await
}
