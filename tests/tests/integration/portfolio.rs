//! Setting up the portfolio model: what goes through, what waits, what is refused.
use anchor_lang::{error::ErrorCode, solana_program::instruction::Instruction};
use plimsoll::{error::PlimsollError as E, state::mode, Change};
use plimsoll_client::{
    events,
    instructions::{self as ix, Follower},
    Proposal,
};
use plimsoll_risk::{portfolio::MAX_UNDERLYINGS, ModelParams, UnderlyingParams};
use plimsoll_tests::{
    attack::swap,
    env::{BTC, ETH, JUP, SOL, SOL_PERP, USDC},
    portfolio::{
        driver, loading, model, underlying, underlyings, BTC_UNDERLYING, ETH_UNDERLYING,
        SOL_UNDERLYING,
    },
    Env,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

const DELAY: u64 = 3_600;
const SOL_ASSET: Follower = Follower::Asset(SOL as u16);
const SOL_MARKET: Follower = Follower::Market(SOL_PERP as u16);

async fn listed() -> (Env, Keypair) {
    let mut env = Env::new().await;
    env.list_model().await;
    let authority = env.authority();
    (env, authority)
}

fn edit(env: &Env, params: ModelParams, proposal: Option<Proposal>) -> Instruction {
    ix::edit_portfolio_model(&env.exchange, env.authority.pubkey(), params, proposal)
}

fn edit_underlying(
    env: &Env,
    number: u8,
    params: UnderlyingParams,
    proposal: Option<Proposal>,
) -> Instruction {
    let authority = env.authority.pubkey();
    ix::edit_underlying(&env.exchange, authority, number, params, proposal)
}

fn assign(env: &Env, follower: Follower, underlying: u8, samples: bool) -> Instruction {
    let authority = env.authority.pubkey();
    ix::assign_underlying(
        &env.exchange,
        authority,
        follower,
        underlying,
        samples,
        None,
    )
}

#[tokio::test]
async fn a_model_is_set_up_over_assets_and_markets() {
    let (env, _) = listed().await;
    let risk = env.risk().await;
    assert_eq!(risk.model.params, model());
    assert_eq!(risk.underlying_count, 3);
    for (entry, params) in risk.known_underlyings().iter().zip(underlyings()) {
        assert_eq!(entry.params, params);
        assert!(entry.volatility.current >= params.volatility_floor);
        assert!(entry.isolated[1] > 0 && entry.isolated[1] <= entry.isolated[0]);
        assert!(entry.depth_inverse_root > 0);
    }
    let [first, second, third] = risk.model.factors.map(|factor| factor.volatility[0]);
    assert!(first > 0 && second > 0 && third == 0);
    let sol = env.entry(SOL).await;
    assert_eq!((sol.underlying, sol.samples), (SOL_UNDERLYING, 1));
    assert_eq!(risk.markets[1].underlying, BTC_UNDERLYING);
    assert_eq!(env.entry(JUP).await.underlying, 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn only_the_authority_sets_up_the_model() {
    let (mut env, authority) = listed().await;
    let (guardian, stranger) = (env.guardian(), env.trader().await);
    let own = [
        edit(&env, model(), None),
        edit_underlying(&env, 1, underlyings()[0], None),
        assign(&env, SOL_ASSET, SOL_UNDERLYING, true),
    ];
    for instruction in &own {
        for thief in [&guardian, &stranger.key] {
            let stolen = swap(instruction, authority.pubkey(), thief.pubkey());
            env.refuse(&[stolen], &[thief], E::NotAuthority).await;
        }
        let mut unsigned = instruction.clone();
        unsigned.accounts[0].is_signer = false;
        env.refuse_with(&[unsigned], &[], ErrorCode::AccountNotSigner.into())
            .await;
    }
    // Another exchange's authority, with its own exchange and this one's risk state; and the other way round.
    let other = env.other_exchange().await;
    for instruction in &own {
        let theirs = swap(instruction, authority.pubkey(), other.authority.pubkey());
        let theirs = swap(&theirs, env.exchange.address, other.exchange.address);
        env.refuse(&[theirs], &[&other.authority], E::WrongExchange)
            .await;
        let (ours, their_state) = (env.exchange.risk_state, other.exchange.risk_state);
        let bent = swap(instruction, ours, their_state);
        env.refuse(&[bent], &[&authority], E::WrongExchange).await;
        // An account of another kind, the same one twice.
        let twice = swap(instruction, ours, env.exchange.address);
        let mismatch = ErrorCode::AccountDiscriminatorMismatch.into();
        env.refuse_with(&[twice], &[&authority], mismatch).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn parameters_out_of_bounds_are_refused() {
    let (mut env, authority) = listed().await;
    let mut off = model();
    off.scenario_count = 0;
    off.scenarios = Default::default();
    let mut steep = model();
    steep.deviations = 0;
    let mut undamped = model();
    undamped.scenarios[23].weight *= 2;
    for params in [off, steep, undamped] {
        let bad = edit(&env, params, None);
        env.refuse(&[bad], &[&authority], E::InvalidParameter).await;
    }
    let flat = underlying("FLAT", [0.0; 3], 0.0, 0.0);
    let wild = underlying("WILD", [4.1, 0.0, 0.0], 0.1, 0.1);
    let leaning = driver(3, "LEAN", [0.0, 0.0, 0.9], 0.1, 0.1);
    for params in [flat, wild, leaning] {
        for number in [1, 4] {
            let bad = edit_underlying(&env, number, params, None);
            env.refuse(&[bad], &[&authority], E::InvalidParameter).await;
        }
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn underlyings_come_after_the_model_and_in_their_order() {
    let mut env = Env::new().await;
    let authority = env.authority();
    let [first, ..] = underlyings();
    let early = edit_underlying(&env, 1, first, None);
    env.refuse(&[early], &[&authority], E::NoPortfolioModel)
        .await;
    env.edit_model(model()).await;
    for number in [0, 2, 64, 65, u8::MAX] {
        let gap = edit_underlying(&env, number, first, None);
        env.refuse(&[gap], &[&authority], E::UnknownUnderlying)
            .await;
    }
    let early = assign(&env, SOL_ASSET, 1, true);
    env.refuse(&[early], &[&authority], E::UnknownUnderlying)
        .await;
    env.edit_underlying(1, first).await;
    env.assert_conserved().await;
}

/// The largest model that fits is set up and edited within what a transaction has, and no more is added to it.
#[tokio::test]
async fn an_exchange_holds_so_many_underlyings() {
    let (mut env, authority) = listed().await;
    let most = MAX_UNDERLYINGS as u8;
    for number in 4..=most {
        env.edit_underlying(number, underlying("X", [1.0, 0.5, 0.0], 0.06, 0.03))
            .await;
    }
    let more = edit_underlying(&env, most + 1, underlyings()[2], None);
    env.refuse(&[more], &[&authority], E::TooManyUnderlyings)
        .await;
    let mut tighter = model();
    tighter.deviations += 1;
    let all = edit(&env, tighter, None);
    let cu = env.run(&[all], &[&authority]).await.cu;
    assert!(cu < 200_000, "a model of {most} takes {cu}");
    let driver = edit_underlying(&env, 1, underlyings()[0], None);
    let cu = env.run(&[driver], &[&authority]).await.cu;
    assert!(cu < 200_000, "a driver of {most} takes {cu}");
}

#[tokio::test]
async fn a_factor_has_one_driver_and_what_loads_on_it_needs_it() {
    let (mut env, authority) = listed().await;
    let bad = |env: &Env, number, params| edit_underlying(env, number, params, None);
    let taken = driver(1, "WBTC", [1.0, 0.0, 0.0], 0.03, 0.03);
    let undriven = underlying("JUP", [1.0, 0.0, 0.5], 0.07, 0.04);
    // Bitcoin, on whose factor others load, must go on to drive it.
    let released = underlying("BTC", [0.0; 3], 0.025, 0.025);
    let moved = driver(3, "BTC", [0.0, 0.0, 1.0], 0.025, 0.025);
    let stolen = driver(1, "ETH", [1.0, 0.0, 0.0], 0.035, 0.035);
    for instruction in [
        bad(&env, 4, taken),
        bad(&env, 4, undriven),
        bad(&env, 1, released),
        bad(&env, 1, moved),
        bad(&env, 3, stolen),
    ] {
        env.refuse(&[instruction], &[&authority], E::InvalidParameter)
            .await;
    }
    let mut fewer = model();
    fewer.factor_count = 1;
    let fewer = edit(&env, fewer, None);
    env.refuse(&[fewer], &[&authority], E::InvalidParameter)
        .await;
    // The third factor is free; once it is driven, others may load on it.
    env.edit_underlying(4, driver(3, "JUP", [1.0, 0.0, 1.0], 0.07, 0.04))
        .await;
    env.edit_underlying(5, underlying("X", [0.0, 0.0, 1.0], 0.07, 0.04))
        .await;
    assert!(env.risk().await.model.factors[2].volatility[0] > 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn what_loosens_the_model_waits_and_what_tightens_does_not() {
    let (mut env, authority) = listed().await;
    env.raise_delay(DELAY).await;
    let signers = [&authority];
    let mut tight = model();
    tight.deviations += 1_000;
    tight.gross_floor += 1_000;
    tight.depeg_ratio += 1_000;
    env.edit_model(tight).await;
    assert_eq!(env.risk().await.model.params, tight);
    let mut floor = underlyings()[1];
    floor.volatility_floor += 10_000;
    floor.depth_notional /= 2;
    env.edit_underlying(SOL_UNDERLYING, floor).await;
    let entry = env.underlying(SOL_UNDERLYING).await;
    assert_eq!(entry.params, floor);
    assert!(entry.volatility.current >= floor.volatility_floor);

    // One loosened field among tightened ones waits.
    let mut mixed = tight;
    mixed.deviations += 1_000;
    mixed.crash_multiple -= 1;
    let mut loading_changed = floor;
    loading_changed.loadings[0] += 1;
    loading_changed.volatility_floor += 1;
    for instruction in [
        edit(&env, model(), None),
        edit(&env, mixed, None),
        edit_underlying(&env, SOL_UNDERLYING, underlyings()[1], None),
        edit_underlying(&env, SOL_UNDERLYING, loading_changed, None),
        // Another underlying, and any assignment.
        edit_underlying(&env, 4, underlying("JUP", [0.0; 3], 0.07, 0.07), None),
        assign(&env, SOL_ASSET, SOL_UNDERLYING, false),
        assign(&env, SOL_ASSET, 0, false),
        assign(&env, Follower::Asset(JUP as u16), SOL_UNDERLYING, false),
    ] {
        env.refuse(&[instruction], &signers, E::ChangeNeedsDelay)
            .await;
    }
    env.assert_conserved().await;
}

/// Where there is a delay, a first model, its underlyings and what follows them are open for all to read before they
/// count.
#[tokio::test]
async fn a_model_is_set_up_after_the_delay() {
    let mut env = Env::new().await;
    env.raise_delay(DELAY).await;
    let authority = env.authority();
    let signers = [&authority];
    let [first, ..] = underlyings();
    let now = edit(&env, model(), None);
    env.refuse(&[now], &signers, E::ChangeNeedsDelay).await;

    let proposals = [
        env.propose(Change::EditPortfolioModel {
            params: Box::new(model()),
        })
        .await,
        env.propose(Change::EditUnderlying {
            number: 1,
            params: Box::new(first),
        })
        .await,
        env.propose(Change::AssignUnderlying {
            is_market: false,
            index: BTC as u16,
            underlying: 1,
            samples: true,
        })
        .await,
    ];
    let [set, add, follow] = proposals.map(Some);
    let key = authority.pubkey();
    let exchange = env.exchange;
    let assign =
        |follower, samples| ix::assign_underlying(&exchange, key, follower, 1, samples, follow);
    let early = edit(&env, model(), set);
    env.refuse(&[early], &signers, E::ChangeNotReady).await;
    env.advance(DELAY as i64).await;
    let mut other = model();
    other.crash_multiple += 1;
    let other = edit(&env, other, set);
    env.refuse(&[other], &signers, E::ChangeMismatch).await;
    let set = edit(&env, model(), set);
    env.run(&[set], &signers).await;
    let second = edit_underlying(&env, 2, first, add);
    env.refuse(&[second], &signers, E::UnknownUnderlying).await;
    let add = edit_underlying(&env, 1, first, add);
    env.run(&[add], &signers).await;
    for bent in [
        assign(Follower::Asset(BTC as u16), false),
        assign(Follower::Asset(ETH as u16), true),
        assign(Follower::Market(0), true),
    ] {
        env.refuse(&[bent], &signers, E::ChangeMismatch).await;
    }
    let follow = assign(Follower::Asset(BTC as u16), true);
    env.run(&[follow], &signers).await;
    assert_eq!(env.entry(BTC).await.underlying, 1);
    for proposal in proposals {
        assert!(env.pending_change(proposal.nonce).await.is_none());
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn what_follows_an_underlying_must_be_there() {
    let (mut env, authority) = listed().await;
    let quote = Follower::Asset(USDC as u16);
    for (instruction, error) in [
        (
            assign(&env, quote, SOL_UNDERLYING, false),
            E::QuoteHasNoUnderlying,
        ),
        (assign(&env, quote, 0, false), E::QuoteHasNoUnderlying),
        (assign(&env, SOL_ASSET, 4, false), E::UnknownUnderlying),
        (
            assign(&env, SOL_ASSET, u8::MAX, false),
            E::UnknownUnderlying,
        ),
        (
            assign(&env, Follower::Asset(5), 1, false),
            E::InvalidParameter,
        ),
        (
            assign(&env, Follower::Market(2), 1, false),
            E::InvalidParameter,
        ),
        (
            assign(&env, Follower::Market(u16::MAX), 0, false),
            E::InvalidParameter,
        ),
        // Nothing would learn from it.
        (assign(&env, SOL_ASSET, 0, true), E::InvalidParameter),
    ] {
        env.refuse(&[instruction], &[&authority], error).await;
    }
    env.assert_conserved().await;
}

/// An underlying learns from one price; when that becomes another one, its next sample is its first.
#[tokio::test]
async fn an_underlying_samples_one_price() {
    let (mut env, authority) = listed().await;
    env.advance(600).await;
    env.refresh_all().await;
    let sampled = |entry: plimsoll_risk::UnderlyingRisk| entry.volatility.sampled_price;
    assert!(sampled(env.underlying(SOL_UNDERLYING).await) > 0);

    // Twice the same changes nothing.
    env.assign_underlying(SOL_ASSET, SOL_UNDERLYING, true).await;
    assert!(sampled(env.underlying(SOL_UNDERLYING).await) > 0);
    let to_market = assign(&env, SOL_MARKET, SOL_UNDERLYING, true);
    let outcome = env.run(&[to_market], &[&authority]).await;
    let told: Vec<plimsoll::events::UnderlyingAssigned> = events::of_kind(&outcome.logs);
    assert_eq!(told.len(), 1);
    assert!(told[0].is_market && told[0].samples && told[0].underlying == SOL_UNDERLYING);
    let risk = env.risk().await;
    assert_eq!(risk.assets[SOL].samples, 0);
    assert_eq!(risk.assets[SOL].underlying, SOL_UNDERLYING);
    assert_eq!(risk.markets[SOL_PERP].samples, 1);
    assert_eq!(sampled(env.underlying(SOL_UNDERLYING).await), 0);
    // Others keep theirs.
    assert_eq!(risk.assets[BTC].samples, 1);
    assert!(sampled(env.underlying(BTC_UNDERLYING).await) > 0);

    // A sampled entry that goes to another underlying leaves both to begin anew.
    env.advance(600).await;
    env.refresh_all().await;
    assert!(sampled(env.underlying(SOL_UNDERLYING).await) > 0);
    env.assign_underlying(SOL_MARKET, ETH_UNDERLYING, true)
        .await;
    assert_eq!(sampled(env.underlying(SOL_UNDERLYING).await), 0);
    assert_eq!(sampled(env.underlying(ETH_UNDERLYING).await), 0);
    assert_eq!(env.entry(ETH).await.samples, 0);
    env.assign_underlying(SOL_MARKET, 0, false).await;
    let entry = env.risk().await.markets[SOL_PERP];
    assert_eq!((entry.underlying, entry.samples), (0, 0));
    env.assert_conserved().await;
}

/// What an asset or market follows is no parameter of its own: edits and modes leave it alone.
#[tokio::test]
async fn an_assignment_outlives_edits() {
    let (mut env, _) = listed().await;
    env.edit_asset(SOL, |p| p.asset_weight_init -= 10).await;
    env.edit_market(SOL_PERP, |p| p.init_ratio += 10).await;
    env.set_asset_mode(SOL, mode::REDUCE_ONLY).await;
    env.set_market_mode(SOL_PERP, mode::REDUCE_ONLY).await;
    env.advance(1).await;
    env.refresh_all().await;
    let risk = env.risk().await;
    let (asset, market) = (risk.assets[SOL], risk.markets[SOL_PERP]);
    assert_eq!((asset.underlying, asset.samples), (SOL_UNDERLYING, 1));
    assert_eq!((market.underlying, market.samples), (SOL_UNDERLYING, 0));
    env.assert_conserved().await;
}

#[tokio::test]
async fn edits_are_told() {
    let (mut env, authority) = listed().await;
    let mut params = underlyings()[2];
    params.loadings[0] = loading(1.2);
    let both = [
        edit(&env, model(), None),
        edit_underlying(&env, ETH_UNDERLYING, params, None),
    ];
    let logs = env.run(&both, &[&authority]).await.logs;
    let models: Vec<plimsoll::events::PortfolioModelEdited> = events::of_kind(&logs);
    assert_eq!(models.len(), 1);
    assert_eq!(models[0].exchange, env.exchange.address);
    let edited: Vec<plimsoll::events::UnderlyingEdited> = events::of_kind(&logs);
    assert_eq!(edited.len(), 1);
    assert_eq!(edited[0].underlying, ETH_UNDERLYING);
}
