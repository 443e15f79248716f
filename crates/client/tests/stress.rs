//! Stress and liquidation prices on random accounts: they agree with health itself.
use plimsoll_client::{
    health::{lines, stale, HealthLines},
    stress::{
        crossings, refreshed, with_prices, Line, Move, Scenario, Stable, Underlying, HIGHEST, ONE,
    },
};
use plimsoll_risk::{feed::REFUSED, Balance, Purpose, Shares, EMPTY};

mod common;
use common::{now, Dice, ASSETS, MARKETS, NOW};

fn of(line: Line, lines: &HealthLines) -> i64 {
    match line {
        Line::Init => lines.init,
        Line::LiquidationEnd => lines.liquidation_end,
        Line::Maintenance => lines.maintenance,
        Line::Equity => lines.equity,
    }
}

fn group(dice: &mut Dice) -> Underlying {
    Underlying {
        assets: (1..ASSETS as u16).filter(|_| dice.below(2) == 0).collect(),
        markets: (0..MARKETS as u16).filter(|_| dice.below(2) == 0).collect(),
    }
}

fn moved(of: &Underlying, factor: u64, stable: Stable) -> Scenario {
    let step = Move {
        of: of.clone(),
        factor,
    };
    Scenario {
        name: String::new(),
        moves: vec![step],
        stable,
    }
}

#[test]
fn a_move_by_one_changes_nothing_but_ages() {
    let mut dice = Dice(3);
    for _ in 0..200 {
        let risk = dice.risk();
        let account = dice.account(&risk);
        let whole = Underlying {
            assets: (0..ASSETS as u16).collect(),
            markets: (0..MARKETS as u16).collect(),
        };
        for stable in [Stable::Follows, Stable::Stays] {
            let same = with_prices(&risk, &moved(&whole, ONE, stable), &now()).unwrap();
            let before = lines(&risk, &account, &now()).unwrap();
            let mut after = lines(&same, &account, &now()).unwrap();
            assert!(after.feeds.iter().all(|feed| feed.age_ms == 0));
            after.feeds.clone_from(&before.feeds);
            assert_eq!(after, before);
        }
    }
}

#[test]
fn lines_change_sides_at_their_crossings() {
    let mut dice = Dice(5);
    let mut found = 0;
    for _ in 0..150 {
        let risk = dice.risk();
        let account = dice.account(&risk);
        let of_group = group(&mut dice);
        let stable = [Stable::Follows, Stable::Stays][dice.below(2) as usize];
        let all = crossings(&risk, &account, &of_group, stable, &Line::ALL, &now()).unwrap();
        for crossing in all {
            let holds = |factor| {
                let scenario = moved(&of_group, factor, stable);
                let shocked = with_prices(&risk, &scenario, &now()).unwrap();
                of(crossing.line, &lines(&shocked, &account, &now()).unwrap()) >= 0
            };
            assert_eq!(holds(ONE), !crossing.crossed);
            let ways = [(crossing.below, 1i64, 1), (crossing.above, -1, HIGHEST)];
            for (at, inwards, end) in ways {
                let Some(at) = at else {
                    assert_eq!(holds(end), !crossing.crossed);
                    continue;
                };
                found += 1;
                assert_eq!(holds(at), crossing.crossed);
                assert_eq!(
                    holds(at.checked_add_signed(inwards).unwrap()),
                    !crossing.crossed
                );
                assert_eq!(holds(end), crossing.crossed);
            }
        }
    }
    println!("{found} crossings");
    assert!(found > 200);
}

#[test]
fn an_account_above_its_line_crosses_it_once_in_each_direction() {
    let mut dice = Dice(8);
    for _ in 0..60 {
        let risk = dice.risk();
        let account = dice.account(&risk);
        let of_group = group(&mut dice);
        let asked = [Line::Maintenance];
        let all = crossings(&risk, &account, &of_group, Stable::Follows, &asked, &now()).unwrap();
        if all[0].crossed {
            continue;
        }
        for percent in (5..=1_000).step_by(5) {
            let factor = ONE / 100 * percent;
            let scenario = moved(&of_group, factor, Stable::Follows);
            let shocked = with_prices(&risk, &scenario, &now()).unwrap();
            let holds = lines(&shocked, &account, &now()).unwrap().maintenance >= 0;
            let within = all[0].below.is_none_or(|below| factor > below)
                && all[0].above.is_none_or(|above| factor < above);
            assert_eq!(holds, within, "{percent} % {all:?}");
        }
    }
}

#[test]
fn what_is_stale_is_named_until_it_is_refreshed() {
    let mut dice = Dice(2);
    let mut risk = dice.risk();
    let mut account = dice.account(&risk);
    account.balances[1].shares = Shares(-1_000_000);
    account.balances[2].shares = Shares(1_000_000);
    account.balances[3] = Balance::FREE;
    risk.assets[1].price.published_ms = (NOW - 500) * 1_000;
    risk.assets[2].price.flags = REFUSED;
    risk.assets[3].price.published_ms = 0;
    risk.doubt_ms = 700_000;
    let before = lines(&risk, &account, &now()).unwrap();
    let named: Vec<_> = before.stale.iter().map(|s| (s.index, s.blocks)).collect();
    assert_eq!(named, [(2, false), (1, true)]);
    let [refused, old] = &before.stale[..] else {
        panic!("{:?}", before.stale)
    };
    assert!(refused.age_seconds < 60 && refused.max_age_seconds == 60);
    assert_eq!((old.feed, old.age_seconds), (1, 500));
    assert_eq!(account.balances[3].asset, EMPTY);
    let feed = |index| before.feeds.iter().find(|feed| feed.feed == index).unwrap();
    assert_eq!((feed(1).age_ms, feed(1).doubted_ms), (500_000, 700_000));
    assert!(!feed(1).trades && !feed(1).pays && !feed(1).seizes && !feed(1).refused);
    assert!(!feed(2).trades && feed(2).refused);
    assert!(before.feeds.iter().all(|feed| feed.feed != 3));
    let after = lines(&refreshed(&risk, &now()), &account, &now()).unwrap();
    assert!(after.stale.is_empty() && after.init > before.init);
    let told = after.feeds.iter();
    assert!(told
        .clone()
        .all(|feed| feed.trades && feed.seizes && feed.doubted_ms == 0));
}

#[test]
fn each_purpose_has_its_own_age() {
    let mut dice = Dice(2);
    let mut risk = dice.risk();
    let account = dice.account(&risk);
    let all = risk.assets.iter_mut().map(|entry| &mut entry.price);
    for price in all.chain(risk.markets.iter_mut().map(|entry| &mut entry.price)) {
        price.published_ms = (NOW - 15) * 1_000;
    }
    let named = |purpose| stale(&risk, &account, purpose, &now()).unwrap();
    assert!(named(Purpose::Trade).is_empty() && named(Purpose::Pay).is_empty());
    assert_eq!(named(Purpose::Seize).len(), ASSETS + MARKETS);
    let feeds = lines(&risk, &account, &now()).unwrap().feeds;
    assert_eq!(feeds.len(), ASSETS + MARKETS);
    assert!(feeds
        .iter()
        .all(|f| f.trades && f.pays && !f.seizes && f.age_ms == 15_000));
}
