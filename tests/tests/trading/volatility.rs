//! Margin that follows volatility, from a price that jumps on its feed to what accounts may do and who is liquidated.
use plimsoll_client::instructions::{self as ix, Liquidation};
use plimsoll_risk::{ModelParams, RATIO_ONE};
use plimsoll_tests::{
    env::{SOL, SOL_PERP, USDC},
    params::ratio,
    portfolio::{model, SOL_UNDERLYING},
    trading::{ask, bid},
    usd, Env, TestError, Trader, TxOutcome,
};

const HOUR: i64 = 3_600;
/// Seconds between two refreshes here.
const STEP: i64 = 900;
const ONE_SOL: u64 = 1_000_000_000;
const CALM: f64 = 150.0;
const JUMPED: f64 = 195.0;
/// [`JUMPED`] in price lots.
const PRICE: u64 = 19_500;
/// 100 SOL in lots of the market.
const LOTS: i64 = 10_000;

/// An exchange with a model, whose stable prices catch up within minutes: they are not what is tested here.
async fn floor() -> (Env, Trader) {
    let mut env = Env::new().await;
    env.list_model().await;
    let fast = 16 * RATIO_ONE;
    env.edit_feed(SOL, |l| l.stable_rate_per_hour = fast).await;
    let maker = env
        .trader_with(&[(USDC, usd(1_000_000)), (SOL, 10_000 * ONE_SOL)])
        .await;
    (env, maker)
}

/// Publishes and refreshes all prices some time later.
async fn later(env: &mut Env, secs: i64) {
    env.advance(secs).await;
    env.refresh_all().await;
}

/// The price jumps, and all has been sampled and settled once.
async fn jump(env: &mut Env) {
    env.advance(STEP).await;
    env.move_price(SOL, JUMPED).await;
    env.refresh_all().await;
}

/// Current and binding volatility of SOL.
async fn volatilities(env: &Env) -> [u32; 2] {
    let state = env.underlying(SOL_UNDERLYING).await.volatility;
    [state.current, state.binding]
}

/// What a value may rise to within some seconds at the model's rate.
fn most(value: u32, secs: i64) -> f64 {
    let rate = f64::from(model().max_rise_per_hour) / f64::from(RATIO_ONE);
    f64::from(value) * (1.0 + rate).powf(secs as f64 / HOUR as f64) + 64.0
}

/// A long of 100 SOL after the jump, with no more collateral than Init asks for.
async fn thin_long(env: &mut Env, maker: &Trader) -> Trader {
    let trader = env.portfolio_trader(&[(USDC, usd(20_000))]).await;
    trade(env, &trader, maker, LOTS).await;
    let room = env.health(&trader).await.init.unsigned_abs();
    env.withdraw(&trader, USDC, room).await.expect("not needed");
    let left = env.health(&trader).await;
    assert!((0..usd(200).cast_signed()).contains(&left.init));
    trader
}

/// Buys lots from the maker, or sells them to it, at the oracle's price.
async fn trade(env: &mut Env, trader: &Trader, maker: &Trader, lots: i64) {
    let (own, other) = if lots > 0 {
        (bid(PRICE, lots), ask(PRICE, lots))
    } else {
        (ask(PRICE, -lots), bid(PRICE, -lots))
    };
    env.place(maker, other, &[]).await;
    let placed = env.place(trader, own, &[maker]).await;
    assert_eq!(placed.filled, lots.abs());
}

/// Flags, and a second later takes a lot.
async fn try_liquidate(env: &mut Env, by: &Trader, whom: &Trader) -> Result<TxOutcome, TestError> {
    let slice = Liquidation {
        position: Some((env.markets[SOL_PERP].market, 1)),
        ..Liquidation::default()
    };
    let [flag, take] = [Liquidation::default(), slice]
        .map(|what| ix::liquidate(&env.exchange, by.pubkey(), by.margin, whom.margin, &what));
    env.send(&[flag], &[&by.key]).await?;
    later(env, 1).await;
    env.send(&[take], &[&by.key]).await
}

#[tokio::test]
async fn a_spike_tightens_init_by_the_rate_and_maintenance_after_the_announcement() {
    let (mut env, maker) = floor().await;
    later(&mut env, STEP).await;
    let calm = volatilities(&env).await;
    assert_eq!(calm, [ratio(0.065); 2]);
    jump(&mut env).await;
    let jumped_at = env.now().await;
    let trader = thin_long(&mut env, &maker).await;
    let first = env.health(&trader).await;
    let announcement = i64::from(model().announcement_secs);
    let (mut tightened, mut last) = (None, first.maintenance_requirement);
    for step in 1..=24 {
        let before = env.underlying(SOL_UNDERLYING).await;
        later(&mut env, STEP).await;
        let after = env.underlying(SOL_UNDERLYING).await;
        let state = after.volatility;
        assert_eq!(state.sampled_at, env.now().await);
        for (was, is) in [
            (before.volatility.current, state.current),
            (before.volatility.binding, state.binding),
            (before.own[0], after.own[0]),
            (before.own[1], after.own[1]),
            (before.isolated[0], after.isolated[0]),
            (before.isolated[1], after.isolated[1]),
        ] {
            assert!(f64::from(is) <= most(was, STEP), "{is} from {was}");
        }
        assert!(state.binding <= state.current);
        // On the account: Init from the first sample, Maint after the announcement, both by the rate.
        let seen = env.health(&trader).await;
        let bound = |requirement: i64, secs| most(u32::try_from(requirement >> 8).unwrap(), secs);
        let init = (seen.init_requirement >> 8) as f64;
        assert!(init <= bound(first.init_requirement, step * STEP));
        let maintenance = seen.maintenance_requirement;
        assert!((maintenance >> 8) as f64 <= bound(last, STEP));
        if maintenance > first.maintenance_requirement {
            tightened.get_or_insert(env.now().await - jumped_at);
        }
        last = maintenance;
        if step == 3 {
            assert!(seen.init < first.init && seen.init_requirement > first.init_requirement);
            assert_eq!(maintenance, first.maintenance_requirement);
            // Announced, for anyone to read.
            assert!(state.pending.announced > state.binding && state.binds_at > state.sampled_at);
        }
    }
    let tightened = tightened.expect("a higher line");
    assert!((announcement..=2 * announcement + STEP).contains(&tightened));
}

#[tokio::test]
async fn who_reduces_at_the_pace_of_the_spike_is_never_liquidated() {
    let (mut env, maker) = floor().await;
    later(&mut env, STEP).await;
    jump(&mut env).await;
    let jumped_at = env.now().await;
    let careful = thin_long(&mut env, &maker).await;
    let idle = thin_long(&mut env, &maker).await;
    let liquidator = env.trader_with(&[(USDC, usd(100_000))]).await;
    let mut caught = None;
    for _ in 0..80 {
        later(&mut env, STEP).await;
        // The rate of a quarter of an hour, rounded up.
        let lots = env.perp(&careful).await.position.0;
        let most = most(RATIO_ONE, STEP) / f64::from(RATIO_ONE);
        let reduced = (lots as f64 / most) as i64;
        if env.health(&careful).await.init < 0 {
            trade(&mut env, &careful, &maker, reduced - lots).await;
        }
        let health = env.health(&careful).await;
        assert!(health.maintenance > 0);
        assert!(health.init >= -usd(25).cast_signed(), "{}", health.init);
        if env.health(&idle).await.maintenance < 0 {
            caught = Some(env.now().await - jumped_at);
            break;
        }
    }
    // The one that did nothing is, but long after everyone was told.
    assert!(caught.expect("a liquidation") > 3 * HOUR);
    let refused = try_liquidate(&mut env, &liquidator, &careful).await;
    refused.expect_err("nothing to liquidate");
    try_liquidate(&mut env, &liquidator, &idle)
        .await
        .expect("a slice");
    env.assert_conserved().await;
}

#[tokio::test]
async fn standard_weights_tighten_with_a_spike_and_come_back() {
    let (mut env, _) = floor().await;
    // Room for two and a half daily volatilities: a seventh and more of the price, where a fifth is listed.
    let params = ModelParams {
        collateral_deviations: 5 * (RATIO_ONE / 2),
        ..model()
    };
    env.edit_model(params).await;
    later(&mut env, STEP).await;
    for _ in 0..24 {
        later(&mut env, HOUR).await;
    }
    let listed = env.bank(SOL).await.params;
    let trader = env.trader_with(&[(SOL, 100 * ONE_SOL)]).await;
    jump(&mut env).await;
    let jumped_at = env.now().await;
    let calm = env.risk().await;
    let (mut last, mut announced) = (calm.assets[SOL].asset_weight, false);
    for _ in 0..22 {
        let shock = env.underlying(SOL_UNDERLYING).await.collateral_shock;
        later(&mut env, STEP).await;
        let risk = env.risk().await;
        let (asset, market) = (risk.assets[SOL], risk.markets[SOL_PERP]);
        let now = env.underlying(SOL_UNDERLYING).await.collateral_shock;
        for (is, was) in now.into_iter().zip(shock) {
            assert!(f64::from(is) <= most(was, STEP));
        }
        let [init, end, maint] = asset.asset_weight;
        assert!(init <= end && end <= maint && init <= last[0] && maint <= last[2]);
        let [init, end, maint] = asset.liability_weight;
        assert!(init >= end && end >= maint);
        let [init, end, maint] = market.ratios();
        assert!(init >= end && end > maint && init <= RATIO_ONE);
        if env.now().await < jumped_at + i64::from(params.announcement_secs) {
            announced = true;
            assert_eq!(asset.asset_weight[1..], calm.assets[SOL].asset_weight[1..]);
            assert_eq!(market.ratios()[1..], calm.markets[SOL_PERP].ratios()[1..]);
            assert!(asset.asset_weight[0] < last[0]);
        }
        last = asset.asset_weight;
    }
    assert!(announced);
    let tight = env.risk().await;
    assert!(tight.assets[SOL].asset_weight[0] < ratio(0.7));
    assert!(tight.assets[SOL].asset_weight[2] < listed.asset_weight_maint - ratio(0.05));
    assert!(tight.markets[SOL_PERP].init_ratio > ratio(0.3));
    // 100 SOL at 195 USD, less what the listed weight takes off.
    let health = env.health(&trader).await;
    assert!(health.init < usd(19_500 * 7 / 10).cast_signed());

    // Weeks without a move later, no more than what is listed and what the floor asks for.
    for _ in 0..40 {
        later(&mut env, 24 * HOUR).await;
    }
    later(&mut env, 24 * HOUR).await;
    let back = env.risk().await;
    assert_eq!(volatilities(&env).await, [ratio(0.065); 2]);
    let weights = back.assets[SOL].asset_weight;
    assert!(weights[1] == calm.assets[SOL].asset_weight[1]);
    assert_eq!(weights[2], calm.assets[SOL].asset_weight[2]);
    assert!(weights[0] >= calm.assets[SOL].asset_weight[0]);
}

#[tokio::test]
async fn a_broken_feed_teaches_nothing_and_no_price_is_lost_on_it() {
    let (mut env, _) = floor().await;
    later(&mut env, STEP).await;
    let before = env.underlying(SOL_UNDERLYING).await;
    env.advance(STEP).await;
    env.move_price(SOL, 1.9 * CALM).await;
    let entry = env.risk().await.assets[SOL];
    assert!(entry.price.is_broken());
    assert_eq!(entry.price.published_ms, env.now().await * 1_000);
    assert_eq!(env.underlying(SOL_UNDERLYING).await, before);
    // Once the average is near, the whole move is taken.
    for _ in 0..5 {
        later(&mut env, 60).await;
    }
    let after = env.underlying(SOL_UNDERLYING).await.volatility;
    assert_eq!(after.sampled_price, entry.price.spot);
    assert!(after.fast_variance > 2 * before.volatility.fast_variance);
    assert!(after.current > before.volatility.current);
}

#[tokio::test]
async fn a_price_that_was_sampled_is_not_sampled_again() {
    let (mut env, _) = floor().await;
    later(&mut env, STEP).await;
    jump(&mut env).await;
    let once = env.underlying(SOL_UNDERLYING).await;
    let entries = [env.asset_entry(SOL), env.market_entry(SOL_PERP)].concat();
    for _ in 0..3 {
        env.refresh(&entries).await;
    }
    later(&mut env, i64::from(model().sample_secs) - 1).await;
    assert_eq!(env.underlying(SOL_UNDERLYING).await, once);
    later(&mut env, 1).await;
    let twice = env.underlying(SOL_UNDERLYING).await.volatility;
    assert_eq!(twice.sampled_at, env.now().await);
}
