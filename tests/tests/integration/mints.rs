//! Which Token-2022 mints are accepted: only extensions that can neither take, block nor shrink what a vault holds.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use anchor_spl::token_2022::spl_token_2022::{
    extension::{
        default_account_state, interest_bearing_mint, metadata_pointer, pausable, scaled_ui_amount,
        transfer_fee, transfer_hook, ExtensionType,
    },
    instruction as token,
    state::AccountState,
};
use plimsoll::error::PlimsollError as E;
use plimsoll_client::instructions as ix;
use plimsoll_risk::AssetParams;
use plimsoll_tests::{env::JUP, params::volatile_params, tokens::TOKEN_2022, Env};
use solana_signer::Signer;

/// Instructions that initialise one extension of a mint.
type Initialise = Box<dyn FnOnce(&Pubkey) -> Vec<Instruction>>;

async fn listing(env: &mut Env, extension: ExtensionType, initialise: Initialise) -> Instruction {
    let mint = env.create_mint_with(6, &[extension], initialise).await;
    let asset = env.exchange.asset(mint, TOKEN_2022);
    let authority = env.authority.pubkey();
    let params = volatile_params(0.5, 0.6);
    let feed = env.assets[JUP].feed;
    ix::list_asset(&env.exchange, authority, &asset, params, feed, None)
}

fn one(instruction: Instruction) -> Vec<Instruction> {
    vec![instruction]
}

#[tokio::test]
async fn dangerous_extensions_are_refused_each_by_its_name() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let id = TOKEN_2022;
    let someone = Pubkey::new_unique();
    let cases: Vec<(ExtensionType, Initialise, E)> = vec![
        (
            ExtensionType::TransferFeeConfig,
            Box::new(move |m| {
                one(transfer_fee::instruction::initialize_transfer_fee_config(
                    &id, m, None, None, 0, 0,
                )
                .unwrap())
            }),
            E::MintHasTransferFee,
        ),
        (
            ExtensionType::PermanentDelegate,
            Box::new(move |m| one(token::initialize_permanent_delegate(&id, m, &someone).unwrap())),
            E::MintHasPermanentDelegate,
        ),
        (
            ExtensionType::TransferHook,
            Box::new(move |m| {
                one(transfer_hook::instruction::initialize(&id, m, Some(someone), None).unwrap())
            }),
            E::MintHasTransferHook,
        ),
        (
            ExtensionType::DefaultAccountState,
            Box::new(move |m| {
                one(
                    default_account_state::instruction::initialize_default_account_state(
                        &id,
                        m,
                        &AccountState::Frozen,
                    )
                    .unwrap(),
                )
            }),
            E::MintStartsFrozen,
        ),
        (
            ExtensionType::MintCloseAuthority,
            Box::new(move |m| {
                one(token::initialize_mint_close_authority(&id, m, Some(&someone)).unwrap())
            }),
            E::MintExtensionRefused,
        ),
        (
            ExtensionType::NonTransferable,
            Box::new(move |m| one(token::initialize_non_transferable_mint(&id, m).unwrap())),
            E::MintExtensionRefused,
        ),
        (
            ExtensionType::Pausable,
            Box::new(move |m| one(pausable::instruction::initialize(&id, m, &someone).unwrap())),
            E::MintExtensionRefused,
        ),
    ];
    for (extension, initialise, reason) in cases {
        let list = listing(&mut env, extension, initialise).await;
        env.refuse(&[list], &[&authority], reason).await;
    }
}

#[tokio::test]
async fn harmless_extensions_are_accepted() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let id = TOKEN_2022;
    let cases: Vec<(ExtensionType, Initialise)> = vec![
        (
            ExtensionType::MetadataPointer,
            Box::new(move |m| {
                one(metadata_pointer::instruction::initialize(&id, m, None, Some(*m)).unwrap())
            }),
        ),
        (
            ExtensionType::DefaultAccountState,
            Box::new(move |m| {
                one(
                    default_account_state::instruction::initialize_default_account_state(
                        &id,
                        m,
                        &AccountState::Initialized,
                    )
                    .unwrap(),
                )
            }),
        ),
    ];
    for (extension, initialise) in cases {
        let list = listing(&mut env, extension, initialise).await;
        env.run(&[list], &[&authority]).await;
    }
    assert_eq!(env.risk().await.asset_count, 7);
}

/// Where wallets display raw amounts times a multiplier, a feed for what is displayed is wrong by as much after a split: it has to
/// be one per raw unit, and stay one.
#[tokio::test]
async fn a_mint_that_multiplies_needs_a_feed_per_raw_unit() {
    let id = TOKEN_2022;
    let cases: Vec<(ExtensionType, Initialise)> = vec![
        (
            ExtensionType::InterestBearingConfig,
            Box::new(move |m| {
                one(interest_bearing_mint::instruction::initialize(&id, m, None, 100).unwrap())
            }),
        ),
        (
            ExtensionType::ScaledUiAmount,
            Box::new(move |m| {
                one(scaled_ui_amount::instruction::initialize(&id, m, None, 1.0).unwrap())
            }),
        ),
    ];
    let mut env = Env::new().await;
    let authority = env.authority();
    for (extension, initialise) in cases {
        let mint = env.create_mint_with(6, &[extension], initialise).await;
        let asset = env.exchange.asset(mint, TOKEN_2022);
        let feed = env.assets[JUP].feed;
        let params = volatile_params(0.5, 0.6);
        let key = authority.pubkey();
        let list = ix::list_asset(&env.exchange, key, &asset, params, feed, None);
        env.refuse(&[list], &[&authority], E::MintScalesAmounts)
            .await;
        let raw = AssetParams {
            per_raw_unit: 1,
            ..params
        };
        let list = ix::list_asset(&env.exchange, key, &asset, raw, feed, None);
        env.run(&[list], &[&authority]).await;
        let edit = ix::edit_asset(&env.exchange, key, &asset, params, feed, None);
        env.refuse(&[edit], &[&authority], E::MintScalesAmounts)
            .await;
    }
}
