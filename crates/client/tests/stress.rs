//! Stress and liquidation prices on random accounts: they agree with health itself.
use plimsoll_client::{
    health::{lines, HealthLines},
    stress::{
        crossings, refreshed, with_prices, Line, Move, Scenario, Stable, Underlying, HIGHEST, ONE,
    },
};
use plimsoll_risk::{Balance, Shares, EMPTY};

mod common;
use common::{now, Dice, ASSETS, MARKETS, NOW, SLOT};

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
            assert_eq!(lines(&same, &account, &now()).unwrap(), before);
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
    risk.assets[1].price.publish_time = NOW - 500;
    risk.assets[2].price.refresh_slot = SLOT - 300;
    risk.assets[3].price.publish_time = 0;
    let before = lines(&risk, &account, &now()).unwrap();
    let named: Vec<_> = before.stale.iter().map(|s| (s.index, s.blocks)).collect();
    assert_eq!(named, [(2, false), (1, true)]);
    assert_eq!(before.stale[0].age_slots, 300);
    assert_eq!(before.stale[1].age_seconds, 500);
    assert_eq!(account.balances[3].asset, EMPTY);
    let after = lines(&refreshed(&risk, &now()), &account, &now()).unwrap();
    assert!(after.stale.is_empty() && after.init > before.init);
}
