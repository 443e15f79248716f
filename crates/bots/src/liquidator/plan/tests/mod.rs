//! Plans against the risk crate: what they promise holds in a trial, and nothing better was overlooked.
mod doubt;

use std::sync::Arc;

use super::*;
use crate::liquidator::{
    synthetic::{World, ASSETS, NOW},
    valuation::ValuationBook,
};
use plimsoll::state::{margin_account::account_state, RiskState};
use plimsoll_client::copy::boxed;
use plimsoll_risk::{
    Balance, BaseLots, HealthKind, ModelParams, PerpPosition, QuoteNative, Shares,
    UnderlyingParams, RATIO_ONE,
};
use proptest::prelude::*;

const OWN: u64 = u64::MAX;

fn terms(world: &World) -> Terms {
    let assets = world.asset_params.iter().map(|params| AssetTerms {
        liquidation: params.liquidation,
        dust_usd: params.dust_usd,
        insurance: Insurance::default(),
    });
    let markets = world.market_params.iter().map(|params| MarketTerms {
        liquidation: params.liquidation,
        dust_lots: params.dust_lots,
        tick: 1,
        ..MarketTerms::default()
    });
    Terms {
        assets: assets.collect(),
        markets: markets.collect(),
    }
}

fn limits() -> Limits {
    Limits {
        max_move: 50_000_000_000,
        reserve: 1_000_000_000,
        min_profit: 0,
        transaction_cost: 10_000,
        position_cost_bps: 10,
        token_cost_bps: 20,
        chores: true,
        fresh_ms: 2_000,
    }
}

/// An account with nothing but quote.
fn rich(world: &World, dollars: i64) -> Box<MarginAccount> {
    let mut account = world.account(OWN);
    account.balances = [Balance::FREE; 16];
    account.balances[0] = Balance {
        shares: Shares(dollars * 1_000_000),
        ..Balance::of(0)
    };
    account.perps = Default::default();
    account.orders = [Default::default(); 64];
    account
}

/// The account once somebody has flagged it and it was below its maintenance line at later prices too.
fn flagged(account: &MarginAccount) -> Box<MarginAccount> {
    let mut account = boxed(account);
    account.state = account_state::LIQUIDATING;
    account.flagged_at = NOW;
    account.flagged_price_ms = NOW * 1_000 - 1_000;
    account.flag_confirmed = 1;
    account.fee_allowance = u64::MAX;
    account
}

fn nobody(_: u16) -> Vec<Pubkey> {
    Vec::new()
}

fn plan_for(
    outlook: &Outlook,
    terms: &Terms,
    account: &MarginAccount,
    own: &MarginAccount,
    limits: &Limits,
) -> Result<Plan, NoPlan> {
    let situation = Situation {
        outlook,
        terms,
        limits,
        address: Pubkey::new_from_array([9; 32]),
        account,
        own,
        waiting: &nobody,
    };
    situation.plan(false)
}

/// Makes the planned moves in a new trial.
fn carry_out<'a>(
    outlook: &'a Outlook,
    terms: &'a Terms,
    account: &MarginAccount,
    own: &MarginAccount,
    moves: &[Move],
) -> (Trial<'a>, i128) {
    let holdings = Holdings::without_orders(account);
    let mut trial = Trial::new(
        outlook,
        terms,
        holdings,
        Holdings::of(own),
        Episode::of(&flagged(account), NOW),
    )
    .unwrap();
    trial.prepare(moves).unwrap();
    let mut reward = 0;
    for planned in moves {
        reward += planned.try_on(&mut trial).expect("as planned").reward;
    }
    (trial, reward)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Every account that needs it gets a plan that raises its health, pays what it says, and leaves the liquidator
    /// its reserve.
    #[test]
    fn plans_raise_health_and_keep_the_reserve(seed in 0u64..1_000, number in 0u64..100_000) {
        let world = World::new(seed);
        let terms = terms(&world);
        let (account, own) = (world.account(number), rich(&world, 50_000));
        let value = Holdings::of(&account).assess(&world.outlook.view()).unwrap();
        let unflagged = plan_for(&world.outlook, &terms, &account, &own, &limits());
        if value.of(HealthKind::Maint) >= 0 {
            prop_assert_eq!(unflagged.unwrap_err(), NoPlan::Healthy);
            return Ok(());
        }
        if let Step::Liquidate { moves, .. } = unflagged.expect("a flag").step {
            prop_assert!(moves.is_empty());
        }
        let plan = match plan_for(&world.outlook, &terms, &flagged(&account), &own, &limits()) {
            Err(NoPlan::Unprofitable(profit)) => {
                prop_assert!(profit < 0);
                return Ok(());
            }
            Err(NoPlan::OwnMargin) => return Ok(()),
            plan => plan.expect("a plan"),
        };
        prop_assert_eq!(plan.value, value);
        let Step::Liquidate { moves, cancel_in } = &plan.step else {
            prop_assert!(bankruptcy::forfeited(&account, &world.outlook).is_some());
            return Ok(());
        };
        let orders = account.perps.iter().filter(|p| p.order_mask != 0).count();
        prop_assert_eq!(cancel_in.len(), orders);
        let (trial, reward) = carry_out(&world.outlook, &terms, &account, &own, moves);
        prop_assert_eq!(reward, plan.reward);
        let before = Holdings::without_orders(&account).assess(&world.outlook.view()).unwrap();
        let end = |value: &Assessment| value.of(HealthKind::LiquidationEnd);
        prop_assert!(end(&trial.standing) >= end(&before));
        prop_assert!(before.equity <= 0 || trial.standing.equity > 0);
        prop_assert!(trial.own_init().unwrap() >= limits().reserve);
        prop_assert!(moves.is_empty() || plan.profit >= 0 || reward == 0);
    }

    /// No single move of an affordable size pays more than the chosen one.
    #[test]
    fn no_better_single_move_is_overlooked(seed in 0u64..200, number in 0u64..100_000) {
        let world = World::new(seed);
        let terms = terms(&world);
        let (account, own) = (world.account(number), rich(&world, 100_000_000));
        let Ok(Plan { step: Step::Liquidate { moves, .. }, .. }) =
            plan_for(&world.outlook, &terms, &flagged(&account), &own, &limits())
        else {
            return Ok(());
        };
        let [first, ..] = moves.as_slice() else {
            return Ok(());
        };
        let score = |made: &Move| {
            let holdings = Holdings::without_orders(&account);
            let mut trial =
                Trial::new(&world.outlook, &terms, holdings, Holdings::of(&own), Episode::of(&flagged(&account), NOW)).unwrap();
            let gain = made.try_on(&mut trial).ok()?;
            Some(gain.reward - gain.position.max(0) / 1_000 - gain.tokens.max(0) / 500)
        };
        let chosen = score(first).expect("as planned");
        for perp in account.perps.iter().filter(|p| !p.position.is_zero()) {
            let spot = world.outlook.risk().markets[usize::from(perp.market)].price.spot;
            let max_lots = ((u128::from(limits().max_move) << 20) / u128::from(spot)) as u64;
            let other = Move::TakeOver { market: perp.market, max_lots };
            prop_assert!(score(&other).is_none_or(|other| other <= chosen + 2));
        }
    }
}

/// Plan after plan, an account ends above its line or bankrupt: nothing is left undone.
#[test]
fn repeated_plans_finish_every_account() {
    let world = World::new(3);
    let terms = terms(&world);
    let (mut recovered, mut bankrupt) = (0, 0);
    let limits = Limits {
        min_profit: -1_000_000_000_000,
        ..limits()
    };
    for number in 0..400 {
        let mut account = flagged(&world.account(number));
        let own = rich(&world, 100_000_000);
        for round in 0.. {
            assert!(round < 300, "account {number} is never done");
            let step = match plan_for(&world.outlook, &terms, &account, &own, &limits) {
                Ok(plan) => plan.step,
                Err(other) => panic!("account {number}: {other:?}"),
            };
            let Step::Liquidate { moves, cancel_in } = step else {
                bankrupt += 1;
                break;
            };
            if moves.is_empty() && cancel_in.is_empty() {
                recovered += 1;
                break;
            }
            let (trial, _) = carry_out(&world.outlook, &terms, &account, &own, &moves);
            account.balances.copy_from_slice(&trial.account.balances);
            account.perps.copy_from_slice(&trial.account.perps);
        }
    }
    assert_eq!(recovered + bankrupt, 400);
    assert!(bankrupt > 0);
}

/// The world with a portfolio model over its assets and markets: the first asset and market share an underlying, and so
/// on; each underlying drives the market with a part of its own.
fn modelled(world: &World) -> Outlook {
    use plimsoll_risk::portfolio::{CRASH_DAYS, LOADING_ONE};
    let ratio = |percent: u32| RATIO_ONE / 100 * percent;
    let mut risk = boxed(world.outlook.risk());
    risk.model.params = ModelParams::standard();
    risk.model.factors[0].volatility = [ratio(3); 2];
    risk.underlying_count = 32;
    for entry in risk.underlyings.iter_mut().take(32) {
        entry.params = UnderlyingParams {
            loadings: [LOADING_ONE, 0, 0],
            crash_returns: [-LOADING_ONE / 5; CRASH_DAYS],
            depth_notional: u64::MAX,
            basis_ratio: ratio(2),
            ..UnderlyingParams::default()
        };
        entry.idiosyncratic = [ratio(2); 2];
        // √(3² + 2²), rounded up.
        entry.isolated = [ratio(361) / 100 + 1; 2];
    }
    for (number, entry) in (1..).zip(risk.assets.iter_mut().skip(1).take(31)) {
        entry.underlying = number;
    }
    for (number, entry) in (1..).zip(risk.markets.iter_mut().take(32)) {
        entry.underlying = number;
    }
    Outlook::new(Arc::from(risk), NOW)
}

/// Dollars of a market, or of an asset other than quote, as a signed number of lots or shares.
fn worth(dollars: i64, spot: u64) -> i64 {
    let lots = (i128::from(dollars) * 1_000_000) << 20;
    i64::try_from(lots / i128::from(spot)).unwrap()
}

/// An account in portfolio margin with a deposit, a position in the market of the same underlying and one of another, and
/// a debt in quote.
fn netted_account(
    world: &World,
    outlook: &Outlook,
    deposit: i64,
    positions: [i64; 2],
    debt: i64,
) -> Box<MarginAccount> {
    let mut account = rich(world, -debt);
    account.margin_mode = 1;
    let risk = outlook.risk();
    if deposit > 0 {
        account.balances[1] = Balance {
            shares: Shares(worth(deposit, risk.assets[1].price.spot)),
            ..Balance::of(1)
        };
    }
    for (place, dollars) in positions.into_iter().enumerate().filter(|(_, x)| *x != 0) {
        let market = place as u16;
        account.perps[place] = PerpPosition {
            position: BaseLots(worth(dollars, risk.markets[place].price.spot)),
            quote: QuoteNative(-dollars * 1_000_000),
            ..PerpPosition::of(market)
        };
    }
    account
}

fn carried_out<'a>(
    outlook: &'a Outlook,
    terms: &'a Terms,
    account: &MarginAccount,
    own: &MarginAccount,
) -> (Vec<Move>, Trial<'a>) {
    let plan = plan_for(outlook, terms, &flagged(account), own, &limits()).expect("a plan");
    let Step::Liquidate { moves, .. } = plan.step else {
        panic!("not bankrupt");
    };
    let (trial, reward) = carry_out(outlook, terms, account, own, &moves);
    // The search for a size starts from the limit, and the planned limit is not the one that the plan was found under.
    assert!(
        (reward - plan.reward).abs() * 50 <= plan.reward,
        "{reward} {}",
        plan.reward
    );
    trial
        .judge()
        .unwrap_or_else(|refused| panic!("{refused:?} {moves:?}"));
    (moves, trial)
}

/// Of an account in portfolio margin the leg is taken whose closing improves it.
#[test]
fn the_leg_that_improves_the_account_is_taken() {
    let world = World::new(17);
    let (terms, outlook) = (terms(&world), modelled(&world));
    let own = rich(&world, 1_000_000);
    // Long 20,000 in one market, short 5,000 in the other, which hedges a part.
    let account = netted_account(&world, &outlook, 0, [20_000, -5_000], -1_500);
    let (moves, trial) = carried_out(&outlook, &terms, &account, &own);
    assert!(
        matches!(moves[0], Move::TakeOver { market: 0, .. }),
        "{moves:?}"
    );
    assert!(trial.is_over());
}

/// A hedge of which no leg can go alone goes as a pair: spot against forward, and one market against another.
#[test]
fn a_perfect_hedge_is_taken_as_a_pair() {
    let world = World::new(17);
    let (terms, outlook) = (terms(&world), modelled(&world));
    let own = rich(&world, 1_000_000);
    let account = netted_account(&world, &outlook, 20_000, [-20_000, 0], 19_750);
    let (moves, trial) = carried_out(&outlook, &terms, &account, &own);
    assert!(
        matches!(moves[..], [Move::Open { .. }, Move::Swap { .. }]),
        "{moves:?}"
    );
    let end = |value: &Assessment| value.of(HealthKind::LiquidationEnd);
    let before = Holdings::of(&account).assess(&outlook.view()).unwrap();
    assert!(end(&trial.standing) > end(&before));

    // The second market follows the first's underlying.
    let mut risk = boxed(outlook.risk());
    risk.markets[1].underlying = 1;
    let outlook = Outlook::new(Arc::from(risk), NOW);
    let account = netted_account(&world, &outlook, 0, [20_000, -20_000], -300);
    let (moves, trial) = carried_out(&outlook, &terms, &account, &own);
    assert!(
        matches!(moves[..], [Move::Open { .. }, Move::Hedge { .. }]),
        "{moves:?}"
    );
    assert!(trial.standing.equity > 0);
}

/// A change of the model alone has every account valued anew whose entries it covers.
#[test]
fn a_moved_model_moves_what_it_covers() {
    let world = World::new(17);
    let outlook = modelled(&world);
    let same = Outlook::new(Arc::from(boxed(outlook.risk())), NOW);
    assert_eq!(same.moved_since(&outlook), Default::default());
    let mut risk = boxed(outlook.risk());
    risk.underlyings[3].isolated[1] += 1;
    let moved = Outlook::new(Arc::from(risk), NOW).moved_since(&outlook);
    assert_eq!(moved.assets, u64::from(u32::MAX) - 1);
    assert_eq!(moved.markets, u64::from(u32::MAX));
}

#[test]
fn a_liquidator_without_means_takes_nothing() {
    let world = World::new(5);
    let terms = terms(&world);
    let own = rich(&world, 0);
    for number in 0..300 {
        let mut account = flagged(&world.account(number));
        for perp in &mut account.perps {
            if perp.order_mask != 0 {
                *perp = Default::default();
            }
        }
        if let Ok(plan) = plan_for(&world.outlook, &terms, &account, &own, &limits()) {
            if let Step::Liquidate { moves, .. } = &plan.step {
                assert!(moves.is_empty() || plan.reward == 0, "{plan:?}");
            }
        }
    }
}

/// Lets a feed and the entry that follows it, asset or market of the same number, have been published so long ago.
fn age(risk: &mut RiskState, feed: u8, ms: i64) {
    let published_ms = NOW * 1_000 - ms;
    let place = usize::from(feed);
    risk.feeds[place].price.published_ms = published_ms;
    risk.feeds[place].price.primary_ms = published_ms;
    let assets = usize::from(ASSETS);
    match place.checked_sub(assets) {
        None => risk.assets[place].price.published_ms = published_ms,
        Some(market) => risk.markets[market].price.published_ms = published_ms,
    }
}

/// An account far below its maintenance line with a debt in asset 1 and a long in market 2.
fn sinking(world: &World) -> Box<MarginAccount> {
    let mut account = rich(world, 1_000);
    let risk = world.outlook.risk();
    account.balances[1] = Balance {
        shares: Shares(-worth(5_000, risk.assets[1].price.spot)),
        ..Balance::of(1)
    };
    account.perps[0] = PerpPosition {
        position: BaseLots(worth(10_000, risk.markets[2].price.spot)),
        quote: QuoteNative(-9_000_000_000),
        ..PerpPosition::of(2)
    };
    account
}

/// Feeds that a plan refreshes, in its order.
fn refreshed(outlook: &Outlook, account: &MarginAccount, own: &MarginAccount) -> (Step, Vec<u8>) {
    let limits = Limits {
        min_profit: -1_000_000_000_000,
        ..limits()
    };
    let terms = Terms {
        assets: vec![Default::default(); 32],
        markets: vec![Default::default(); 32],
    };
    let plan = plan_for(outlook, &terms, account, own, &limits).expect("a plan");
    let feeds = plan.refresh.iter().map(|due| due.feed).collect();
    (plan.step, feeds)
}

#[test]
fn only_old_feeds_are_refreshed_the_oldest_first() {
    let world = World::new(1);
    let mut risk = boxed(world.outlook.risk());
    age(&mut risk, 1, 3_000);
    age(&mut risk, 34, 8_000);
    // What the liquidator holds has to be good for trades only.
    age(&mut risk, 3, 50_000);
    age(&mut risk, 4, 40_000);
    let mut own = rich(&world, 1_000_000);
    for (slot, asset) in [(1, 3), (2, 4)] {
        own.balances[slot] = Balance {
            shares: Shares(1),
            ..Balance::of(asset)
        };
    }
    let outlook = Outlook::new(Arc::from(risk), NOW);
    let (_, feeds) = refreshed(&outlook, &flagged(&sinking(&world)), &own);
    assert_eq!(feeds, [3, 34, 1]);
}

#[test]
fn nothing_is_taken_before_prices_later_than_the_flags() {
    let world = World::new(1);
    let own = rich(&world, 1_000_000);
    let mut risk = boxed(world.outlook.risk());
    age(&mut risk, 34, 1_000);
    let outlook = Outlook::new(Arc::from(risk), NOW);
    let moves = |step: Step| match step {
        Step::Liquidate { moves, .. } => moves.len(),
        Step::Resolve { .. } => panic!("not bankrupt"),
    };
    // Without a flag, or with an old one, one is set.
    let (step, feeds) = refreshed(&outlook, &sinking(&world), &own);
    assert_eq!((step.kind(), feeds), ("flag", vec![]));
    let mut account = flagged(&sinking(&world));
    account.flagged_at = NOW - 3_601;
    let (step, _) = refreshed(&outlook, &account, &own);
    assert_eq!(step.kind(), "flag");
    // With a young one something is taken, at prices that are all later than the flag's.
    account.flagged_at = NOW;
    account.flag_confirmed = 0;
    let (step, feeds) = refreshed(&outlook, &account, &own);
    assert_eq!((moves(step) > 0, feeds), (true, vec![34]));
    account.flagged_price_ms = NOW * 1_000;
    let (step, feeds) = refreshed(&outlook, &account, &own);
    assert_eq!((moves(step) > 0, feeds), (true, vec![34, 0, 1]));
    // Once that is known, prices only have to be young.
    account.flag_confirmed = 1;
    let (step, feeds) = refreshed(&outlook, &account, &own);
    assert_eq!((moves(step) > 0, feeds), (true, vec![]));
}

#[test]
fn losses_are_resolved_once_the_queue_is_empty() {
    let world = World::new(1);
    let terms = terms(&world);
    let mut account = rich(&world, 0);
    account.perps[0] = plimsoll_risk::PerpPosition::of(4);
    account.perps[0].quote = QuoteNative(-1_000_000);
    let waiting = |market: u16| vec![Pubkey::new_from_array([market as u8; 32])];
    let own = rich(&world, 1_000);
    let situation = Situation {
        outlook: &world.outlook,
        terms: &terms,
        limits: &limits(),
        address: Pubkey::default(),
        account: &account,
        own: &own,
        waiting: &waiting,
    };
    let plan = situation.plan(false).unwrap();
    assert_eq!(plan.step.kind(), "resolve");
    assert_eq!(plan.settle, [(4, waiting(4))]);
}

#[test]
fn the_book_ranks_the_greatest_shortfall_first_and_counts_by_lines() {
    let world = World::new(11);
    let mut book = ValuationBook::default();
    for number in 0..3_000u64 {
        let address = Pubkey::new_from_array(bytemuck::cast([number, 0, 0, 0]));
        book.upsert(address, &world.account(number), &world.outlook);
    }
    let shocked = world.shocked(0.93, 0.02, 1);
    book.revalue(&shocked);
    let cases = book.cases(&shocked);
    let ends: Vec<i128> = cases
        .iter()
        .map(|case| case.value.of(HealthKind::LiquidationEnd))
        .collect();
    assert!(ends.is_sorted());
    let census = book.census();
    let [init, end, maint] = census.below;
    assert!(init >= end && end >= maint && maint > 100);
    assert_eq!((cases.len(), census.failed), (maint, 0));
    for case in &cases {
        assert!(case.value.of(HealthKind::Maint) < 0);
        assert_eq!(book.value(&case.address), Some(case.value));
    }
}

/// Valuing only what uses a moved entry gives what valuing everything gives.
#[test]
fn partial_revaluations_miss_nothing() {
    let world = World::new(13);
    let mut partial = ValuationBook::default();
    for number in 0..2_000u64 {
        let address = Pubkey::new_from_array(bytemuck::cast([number, 0, 0, 0]));
        partial.upsert(address, &world.account(number), &world.outlook);
    }
    let mut risk = boxed(world.outlook.risk());
    for place in [3, 9] {
        risk.assets[place].price.spot /= 2;
        risk.assets[place]
            .recompute(&world.asset_params[place], &Default::default(), None)
            .unwrap();
        risk.markets[place].price.published_ms -= 10_000_000;
    }
    let outlook = Outlook::new(Arc::from(risk), NOW + 1);
    let moved = outlook.moved_since(&world.outlook);
    assert_eq!(
        (moved.assets, moved.markets),
        (1 << 3 | 1 << 9, 1 << 3 | 1 << 9)
    );
    let done = partial.revalue_moved(&outlook, moved);
    assert!(done.accounts > 0 && done.accounts < partial.len());
    for number in 0..2_000u64 {
        let address = Pubkey::new_from_array(bytemuck::cast([number, 0, 0, 0]));
        let account = world.account(number);
        let value = Holdings::of(&account).assess(&outlook.view()).unwrap();
        assert_eq!(partial.value(&address), Some(value));
    }
}
