//! Plans against the risk crate: what they promise holds in a trial, and nothing better was overlooked.
use super::*;
use crate::liquidator::{synthetic::World, valuation::ValuationBook};
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
    });
    let markets = world.market_params.iter().map(|params| MarketTerms {
        liquidation: params.liquidation,
        dust_lots: params.dust_lots,
        pnl_pool: 0,
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
        fresh_slots: 6,
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
    let mut trial = Trial::new(outlook, terms, holdings, Holdings::of(own), 0).unwrap();
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
        let plan = plan_for(&world.outlook, &terms, &account, &own, &limits());
        if value.of(HealthKind::Maint) >= 0 {
            prop_assert_eq!(plan.unwrap_err(), NoPlan::Healthy);
            return Ok(());
        }
        let plan = match plan {
            Err(NoPlan::Unprofitable(profit)) => {
                prop_assert!(profit < 0);
                return Ok(());
            }
            plan => plan.expect("a plan"),
        };
        prop_assert_eq!(plan.value, value);
        let Step::Liquidate { moves, cancel_in } = &plan.step else {
            prop_assert!(bankruptcy::is_bankrupt(&account, world.outlook.risk()));
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
            plan_for(&world.outlook, &terms, &account, &own, &limits())
        else {
            return Ok(());
        };
        let [first, ..] = moves.as_slice() else {
            return Ok(());
        };
        let score = |made: &Move| {
            let holdings = Holdings::without_orders(&account);
            let mut trial =
                Trial::new(&world.outlook, &terms, holdings, Holdings::of(&own), 0).unwrap();
            let gain = made.try_on(&mut trial).ok()?;
            Some(gain.reward - gain.position.max(0) / 1_000 - gain.tokens.max(0) / 500)
        };
        let chosen = score(first).expect("as planned");
        for perp in account.perps.iter().filter(|p| !p.position.is_zero()) {
            let spot = world.outlook.market(perp.market).unwrap().price.spot;
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
        let mut account = world.account(number);
        let own = rich(&world, 100_000_000);
        for round in 0.. {
            assert!(round < 300, "account {number} is never done");
            let step = match plan_for(&world.outlook, &terms, &account, &own, &limits) {
                Ok(plan) => plan.step,
                Err(NoPlan::Healthy) => {
                    recovered += 1;
                    break;
                }
                Err(other) => panic!("account {number}: {other:?}"),
            };
            let Step::Liquidate { moves, .. } = step else {
                bankrupt += 1;
                break;
            };
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
    let mut risk = *world.outlook.risk();
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
    Outlook::new(&risk, world.outlook.clock().slot, world.outlook.clock().now)
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
    let plan = plan_for(outlook, terms, account, own, &limits()).expect("a plan");
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
    let mut risk = *outlook.risk();
    risk.markets[1].underlying = 1;
    let clock = outlook.clock();
    let outlook = Outlook::new(&risk, clock.slot, clock.now);
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
    let clock = outlook.clock();
    let same = Outlook::new(outlook.risk(), clock.slot, clock.now);
    assert_eq!(same.moved_since(&outlook), Default::default());
    let mut risk = *outlook.risk();
    risk.underlyings[3].isolated[1] += 1;
    let moved = Outlook::new(&risk, clock.slot, clock.now).moved_since(&outlook);
    assert_eq!(moved.assets, u64::from(u32::MAX) - 1);
    assert_eq!(moved.markets, u64::from(u32::MAX));
}

#[test]
fn a_liquidator_without_means_takes_nothing() {
    let world = World::new(5);
    let terms = terms(&world);
    let own = rich(&world, 0);
    for number in 0..300 {
        let mut account = world.account(number);
        account.state = account_state::LIQUIDATING;
        account.flagged_slot = world.outlook.clock().slot;
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

#[test]
fn only_old_entries_are_refreshed_the_oldest_first() {
    let world = World::new(1);
    let slot = world.outlook.clock().slot;
    let mut risk = *world.outlook.risk();
    risk.assets[1].price.refresh_slot = slot - 30;
    risk.markets[2].price.refresh_slot = slot - 90;
    risk.assets[3].price.refresh_slot = slot - 296;
    risk.assets[4].price.refresh_slot = slot - 200;
    let outlook = Outlook::new(&risk, slot, world.outlook.clock().now);
    let needed = [Entry::Asset(0), Entry::Asset(1), Entry::Market(2)];
    let own = [Entry::Asset(3), Entry::Asset(4), Entry::Asset(1)];
    assert_eq!(
        due(&outlook, 6, needed, own),
        [Entry::Asset(3), Entry::Market(2), Entry::Asset(1)],
    );
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
    let mut risk = *world.outlook.risk();
    for place in [3, 9] {
        risk.assets[place].price.spot /= 2;
        risk.assets[place]
            .recompute(&world.asset_params[place], &Default::default(), None)
            .unwrap();
        risk.markets[place].price.publish_time -= 10_000;
    }
    let outlook = Outlook::new(&risk, 300_000_001, world.outlook.clock().now + 1);
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
