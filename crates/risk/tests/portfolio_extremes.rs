//! Accounts of any numbers whatever under portfolio margin: an answer is right, or there is none.

mod common;

use common::portfolio::*;
use common::*;
use num_bigint::BigInt;
use plimsoll_risk::position::{Balance, PerpPosition};
use plimsoll_risk::*;
use proptest::prelude::*;

/// Any number, often one at the end of its type.
fn any_signed() -> impl Strategy<Value = i64> {
    prop_oneof![
        signed_wide(63),
        prop::sample::select(vec![
            i64::MIN,
            i64::MIN + 1,
            -1,
            0,
            1,
            i64::MAX - 1,
            i64::MAX
        ]),
    ]
}

fn any_unsigned() -> impl Strategy<Value = u64> {
    prop_oneof![
        wide(64),
        prop::sample::select(vec![0, 1, u64::MAX - 1, u64::MAX])
    ]
}

/// An account whose slots and entries hold any numbers, underlyings that do not exist included.
fn any_account() -> impl Strategy<Value = PortfolioAccount> {
    let price = || (any_unsigned(), 0u8..=63, [any_unsigned(), any_unsigned()]);
    let slots = prop::collection::vec(
        (
            any_signed(),
            any_signed(),
            any_signed(),
            any_signed(),
            price(),
        ),
        7,
    );
    (
        portfolio_account(),
        slots,
        prop::option::weighted(0.05, any::<u8>()),
    )
        .prop_map(|(mut out, slots, stray)| {
            let account = &mut out.account;
            account.orders.clear();
            for (i, (risk, slot)) in account.assets.iter_mut().zip(&slots).enumerate() {
                let (shares, _, _, _, (spot, shift, share_price)) = *slot;
                account.balances[i] = Balance {
                    shares: Shares(shares),
                    ..Balance::of(i as u16)
                };
                (risk.price.spot, risk.shift, risk.share_price) = (spot, shift, share_price);
            }
            for (i, (risk, slot)) in account.markets.iter_mut().zip(&slots[4..]).enumerate() {
                let (position, quote, funding_entry, funding, (spot, shift, _)) = *slot;
                account.perps[i] = PerpPosition {
                    position: BaseLots(position),
                    quote: QuoteNative(quote),
                    funding_entry,
                    bid_lots: BaseLots(funding.max(0) / 2),
                    opened: QuoteNative(if funding_entry % 2 == 0 {
                        0
                    } else {
                        quote >> 1
                    }),
                    ..PerpPosition::of(i as u16)
                };
                (risk.price.spot, risk.shift, risk.funding_long) = (spot, shift, funding);
                if let Some(stray) = stray {
                    risk.underlying = stray;
                }
            }
            out
        })
}

/// Half an account's value: what the slots come to, without requirement, for a kind; profits by their weight, or whole.
fn value(of: &PortfolioAccount, kind: HealthKind, whole: bool) -> BigInt {
    let account = &of.account;
    let mut sum = BigInt::ZERO;
    for (balance, risk) in account.balances.iter().zip(&account.assets) {
        let shares = balance.shares.0;
        let debt = usize::from(shares < 0);
        if risk.underlying == 0 {
            let price = kind.of(if debt == 0 {
                &risk.asset_price
            } else {
                &risk.liability_price
            });
            sum += (BigInt::from(shares) * price) >> risk.shift;
            continue;
        }
        let spot: BigInt = (BigInt::from(shares) * risk.share_price[debt]) >> risk.shift;
        let crowding = if kind == HealthKind::Init {
            risk.crowding[debt]
        } else {
            RATIO_ONE
        };
        let believed = match debt {
            0 => risk.terms.trusted_part(kind),
            _ => RATIO_ONE,
        };
        sum += (((spot * believed) >> 24) * crowding) >> 24;
    }
    for (perp, risk) in account.perps.iter().zip(&account.markets) {
        let funding = if perp.position.0 >= 0 {
            risk.funding_long
        } else {
            risk.funding_short
        };
        let due: BigInt =
            (BigInt::from(perp.position.0) * -(BigInt::from(funding) - perp.funding_entry)) >> 24;
        let covered = risk.underlying != 0;
        let price = match (covered, perp.position.0 >= 0) {
            (true, _) => risk.price.spot,
            (false, true) => kind.of(&risk.price_low),
            (false, false) => kind.of(&risk.price_high),
        };
        let worth: BigInt = (BigInt::from(perp.position.0) * price) >> risk.shift;
        let pnl = worth + perp.quote.0 + due;
        let profit = pnl > BigInt::ZERO;
        sum += if profit && !(covered && whole) {
            (pnl * kind.of(&risk.profit_weight)) >> 24
        } else {
            pnl
        };
    }
    sum
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn an_answer_is_right_or_there_is_none(account in any_account(), shrink in 0u32..=60) {
        let mut account = account;
        // From where hardly anything fits to where most does.
        for balance in &mut account.account.balances {
            balance.shares.0 >>= shrink;
        }
        for perp in &mut account.account.perps {
            (perp.position.0, perp.bid_lots.0) = (perp.position.0 >> shrink, perp.bid_lots.0 >> shrink);
            // Without a position it is an entry of interest, which the markets here bear none of.
            if perp.position.is_zero() {
                perp.funding_entry = 0;
            }
        }
        // Stale ones must not panic either.
        for policy in [Policy::Strict, Policy::BenefitOfDoubt] {
            let _ = AccountMargin::assess(&account.view(), &account.portfolio(), policy);
        }
        account.refresh();
        let all = PortfolioMargin::lines(&account.view(), &account.portfolio(), Policy::Strict);
        for kind in HealthKind::ALL {
            let one = AccountMargin::health(&account.view(), &account.portfolio(), kind, Policy::Strict);
            if let Ok(lines) = all {
                // Not covered markets charge their requirement in the value.
                prop_assert_eq!(one.unwrap().value, kind.of(&lines.value) - kind.of(&lines.requirement));
                let found = BigInt::from(kind.of(&lines.value));
                let [weighted, whole] = [false, true].map(|whole| value(&account, kind, whole));
                prop_assert!(found <= whole);
                if account.account.markets.iter().all(|risk| risk.underlying != 0) {
                    prop_assert!(found >= weighted);
                    // A hedge takes two of one underlying.
                    let mut numbers: Vec<u8> = account.account.assets.iter().map(|risk| risk.underlying).filter(|n| *n != 0)
                        .chain(account.account.markets.iter().map(|risk| risk.underlying)).collect();
                    let slots = numbers.len();
                    numbers.sort_unstable();
                    numbers.dedup();
                    prop_assert!(numbers.len() < slots || found == weighted);
                }
            }
        }
    }

    #[test]
    fn an_underlying_that_does_not_exist_is_refused(account in portfolio_account(), number in any::<u8>()) {
        let mut account = account;
        prop_assume!(usize::from(number) > account.underlyings.len());
        account.account.perps[0].position = BaseLots(1);
        account.account.markets[0].underlying = number;
        for kind in HealthKind::ALL {
            for policy in [Policy::Strict, Policy::BenefitOfDoubt] {
                let health = AccountMargin::health(&account.view(), &account.portfolio(), kind, policy);
                prop_assert_eq!(health, Err(RiskError::UnknownUnderlying));
            }
        }
    }
}
