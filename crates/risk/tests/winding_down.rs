//! A final price ends a feed's history, and what a debt is settled for at it creates nothing.

mod common;

use common::*;
use plimsoll_risk::{feed::FINAL_MS, price::EntryUnit, winding_down::settlement, *};
use proptest::prelude::*;

fn asset(spot: u64, shift: u8) -> AssetRisk {
    AssetRisk {
        price: EntryPrice {
            spot,
            stable: spot,
            ..EntryPrice::default()
        },
        ..AssetRisk::listed(shift, 6)
    }
}

proptest! {
    #![proptest_config(cases(5_000))]

    /// The debtor pays no less than the tokens are worth, the depositor receives no more, and what lies between is dust.
    #[test]
    fn a_settlement_creates_nothing(
        amount in 1u64..1 << 32,
        spot in 1u64..1 << 40,
        shift in 0u8..=40,
        quote_spot in 1u64..1 << 40,
        quote_shift in 0u8..=40,
    ) {
        let (asset, quote) = (asset(spot, shift), asset(quote_spot, quote_shift));
        let Ok(settled) = settlement(amount, &asset, &quote) else {
            // No more than 64 bits of quote tokens are ever paid.
            let worth = ((u128::from(amount) * u128::from(spot)) << quote_shift) >> shift;
            prop_assert!((worth / u128::from(quote_spot)) >> 63 > 0);
            return Ok(());
        };
        let worth = (u128::from(amount) * u128::from(spot)) << quote_shift;
        let token = u128::from(quote_spot) << shift;
        prop_assert!(u128::from(settled.received) <= worth / token);
        prop_assert!(u128::from(settled.paid) >= worth.div_ceil(token));
        let unit = (1u64 << quote_shift).div_ceil(quote_spot);
        prop_assert!(settled.paid - settled.received <= 2 + unit);
    }

    /// Nothing that an oracle says, and no time that passes, changes it or makes it doubtful.
    #[test]
    fn a_final_price_is_final(
        spot in 1u64..1 << 60,
        price in 0u64..1 << 60,
        published_ms in any::<i64>(),
        conf in any::<u64>(),
        now_ms in 0i64..1 << 50,
        doubt_ms in any::<u64>(),
        later in any::<u64>(),
        limits in feed_limits(),
        primary in any::<bool>(),
    ) {
        let before = FeedPrice::of_winding_down(spot, doubt_ms);
        let mut feed = before;
        let seen = Observation { price, conf, published_ms };
        let origin = if primary { Origin::Primary } else { Origin::Fallback };
        let outcome = feed.update(&seen, origin, now_ms, later, &limits);
        prop_assert!(outcome != Outcome::Accepted);
        prop_assert_eq!(feed, before);
        prop_assert!(feed.is_final() && !feed.is_silent(now_ms, &limits) && feed.flags() == 0);

        let mut entry = EntryPrice::default();
        entry.follow(&feed, &limits, EntryUnit { multiplier: 1, places: 0 }).unwrap();
        prop_assert_eq!(entry.published_ms, FINAL_MS);
        let clock = Clock { now_ms, doubt_ms: later };
        for purpose in [Purpose::Trade, Purpose::Pay, Purpose::Seize] {
            prop_assert!(entry.is_fresh(&clock, purpose));
        }
        prop_assert_eq!(entry.doubted_ms(&clock), 0);
    }
}
