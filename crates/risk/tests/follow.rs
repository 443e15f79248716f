//! Entries that follow a feed: what they take from it, that they agree, and that they take all of it or nothing.

mod common;

use common::portfolio::*;
use common::*;
use plimsoll_risk::price::{EntryUnit, PriceUnit};
use plimsoll_risk::*;
use proptest::prelude::*;

const POLICIES: [Policy; 3] = [Policy::Strict, Policy::BenefitOfDoubt, Policy::Taker];

/// A feed's price over its whole range, as far from its followers as it can be.
fn feed() -> impl Strategy<Value = FeedPrice> {
    let price = || prop_oneof![4 => wide(48), 1 => wide(64)];
    let times = (0i64..=600_000, any::<bool>());
    (price(), 0u64..=100, price(), price(), times).prop_map(
        |(spot, conf_percent, stable, average, (age, refused))| FeedPrice {
            published_ms: NOW - age,
            primary_ms: NOW - age,
            refused_ms: if refused { NOW } else { 0 },
            spot: spot.max(1),
            conf: spot / 100 * conf_percent,
            stable: stable.max(1),
            average,
            doubt_from: DOUBT - age.unsigned_abs(),
            ..FeedPrice::default()
        },
    )
}

/// What turns a feed's price into an entry's, near enough for most to fit.
fn unit() -> impl Strategy<Value = EntryUnit> {
    (
        0u8..=9,
        prop_oneof![Just(1u64), wide(30)],
        0u8..=40,
        0u8..=30,
    )
        .prop_filter_map("too far apart", |(decimals, size, feed_shift, shift)| {
            let size = size.max(1);
            EntryUnit::new(PriceUnit { decimals, size }, feed_shift, shift).ok()
        })
}

fn haircut() -> impl Strategy<Value = Option<Haircut>> {
    let part = || 0..=RATIO_ONE;
    prop::option::of((part(), part(), part(), part()).prop_map(
        |(one, other, slippage, maint_fraction)| Haircut {
            shock: [one.max(other), one.min(other)],
            slippage,
            maint_fraction,
        },
    ))
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn an_asset_takes_all_of_a_price_or_nothing(
        (params, mut risk) in asset(), feed in feed(), limits in feed_limits(), unit in unit(), haircut in haircut(),
    ) {
        risk.set_feed(7, unit);
        let before = risk;
        if risk.follow(&feed, &limits, haircut.as_ref()).is_err() {
            prop_assert_eq!(risk, before);
            return Ok(());
        }
        let expected = EntryPrice {
            published_ms: feed.published_ms,
            doubt_from: feed.doubt_from,
            spot: unit.floor(feed.spot).unwrap(),
            conf: unit.ceil(feed.conf).unwrap(),
            stable: unit.floor(feed.stable).unwrap(),
            conf_multiple: limits.conf_multiple,
            doubt_benefit: limits.doubt_benefit,
            doubt_floor: limits.doubt_floor,
            doubt_secs: limits.doubt_secs as u16,
            max_age_secs: limits.ages(),
            flags: feed.flags(),
            feed: 7,
            ..EntryPrice::default()
        };
        prop_assert_eq!(risk.price, expected);
        prop_assert!(risk.price.spot > 0 && risk.price.stable > 0);
        // It is what it would be had the price been there all along, and following again changes nothing.
        let mut anew = AssetRisk { price: expected, ..before };
        anew.recompute(&params, &risk.totals, haircut.as_ref()).unwrap();
        prop_assert_eq!(anew, risk);
        anew.follow(&feed, &limits, haircut.as_ref()).unwrap();
        prop_assert_eq!(anew, risk);
    }

    #[test]
    fn a_market_takes_all_of_a_price_or_nothing(
        (params, mut risk) in market(), feed in feed(), limits in feed_limits(), unit in unit(), haircut in haircut(),
    ) {
        risk.set_feed(7, unit);
        let before = risk;
        if risk.follow(&feed, &limits, haircut.as_ref()).is_err() {
            prop_assert_eq!(risk, before);
            return Ok(());
        }
        prop_assert_eq!(risk.price.flags, feed.flags());
        let mut anew = MarketRisk { price: risk.price, ..before };
        anew.recompute(&params, haircut.as_ref()).unwrap();
        prop_assert_eq!(anew, risk);
        anew.follow(&feed, &limits, haircut.as_ref()).unwrap();
        prop_assert_eq!(anew, risk);
    }

    #[test]
    fn a_price_and_parameters_may_come_in_either_order(
        (_, asset) in asset(), (_, market) in market(), asset_params in asset_params(), market_params in market_params(),
        feed in feed(), limits in feed_limits(), unit in unit(), totals in (wide(60), wide(60)),
    ) {
        let totals = BankTotals { deposits: totals.0, borrows: totals.1 };
        let (mut first, mut second) = (asset, asset);
        (first.unit_multiplier, first.unit_places) = (unit.multiplier, unit.places);
        second.set_feed(0, unit);
        let all = [
            first.follow(&feed, &limits, None), first.recompute(&asset_params, &totals, None),
            second.recompute(&asset_params, &totals, None), second.follow(&feed, &limits, None),
        ];
        if all.iter().all(Result::is_ok) {
            prop_assert_eq!(first, second);
        }
        let (mut first, mut second) = (market, market);
        first.set_feed(0, unit);
        second.set_feed(0, unit);
        let all = [
            first.follow(&feed, &limits, None), first.recompute(&market_params, None),
            second.recompute(&market_params, None), second.follow(&feed, &limits, None),
        ];
        if all.iter().all(Result::is_ok) {
            prop_assert_eq!(first, second);
        }
    }

    #[test]
    fn parameters_that_do_not_fit_change_nothing(
        (_, asset) in asset(), (_, market) in market(), asset_params in asset_params(), market_params in market_params(),
        spot in wide(64), haircut in haircut(),
    ) {
        let mut asset = AssetRisk { price: EntryPrice { spot, stable: spot, ..asset.price }, ..asset };
        let before = asset;
        if asset.recompute(&asset_params, &BankTotals::default(), haircut.as_ref()).is_err() {
            prop_assert_eq!(asset, before);
        }
        let mut market = MarketRisk { price: EntryPrice { spot, stable: spot, ..market.price }, ..market };
        let before = market;
        if market.recompute(&market_params, haircut.as_ref()).is_err() {
            prop_assert_eq!(market, before);
        }
    }

    /// The legs of a hedge: a token and a market of it, at whatever scales.
    #[test]
    fn followers_of_one_feed_are_at_one_price_of_one_moment(
        (_, mut token) in asset(), (_, mut perp) in market(), feed in feed(), limits in feed_limits(),
        decimals in 0u8..=9, lot in wide(30), feed_shift in 0u8..=40, shifts in (0u8..=30, 0u8..=30),
    ) {
        let lot = lot.max(1);
        let units = [PriceUnit::native(decimals), PriceUnit { decimals, size: lot }];
        let (Ok(native), Ok(lots)) =
            (EntryUnit::new(units[0], feed_shift, shifts.0), EntryUnit::new(units[1], feed_shift, shifts.1))
        else {
            return Ok(());
        };
        token.set_feed(3, native);
        perp.set_feed(3, lots);
        if token.follow(&feed, &limits, None).is_err() || perp.follow(&feed, &limits, None).is_err() {
            return Ok(());
        }
        let same = |price: &EntryPrice| EntryPrice { spot: 0, stable: 0, conf: 0, ..*price };
        prop_assert_eq!(same(&token.price), same(&perp.price));
        for (a, b) in [(token.price.spot, perp.price.spot), (token.price.stable, perp.price.stable)] {
            // A lot is so many native units: one unit of the coarser of the two scales.
            let scaled = |x: u64, times: u64, shift: u8| (u128::from(x) * u128::from(times)) << (30 - shift);
            let apart = scaled(a, lot, shifts.0).abs_diff(scaled(b, 1, shifts.1));
            let coarser = scaled(1, lot, shifts.0).max(scaled(1, 1, shifts.1));
            // And the rounding of the two multipliers.
            prop_assert!(apart <= coarser + (scaled(b, 1, shifts.1) >> 61), "{a} {b}");
        }
    }
}

/// Terms of doubt for every entry, and how long it has been doubted.
type Doubts = Vec<(FeedLimits, u64, u8)>;

fn doubts() -> impl Strategy<Value = Doubts> {
    prop::collection::vec((feed_limits(), wide(27), 0u8..=3), 7)
}

fn doubt(account: &mut Account, doubts: &Doubts) {
    let prices = account.assets.iter_mut().map(|risk| &mut risk.price);
    let prices = prices.chain(account.markets.iter_mut().map(|risk| &mut risk.price));
    for (price, (limits, doubted_ms, flags)) in prices.zip(doubts) {
        price.doubt_benefit = limits.doubt_benefit;
        price.doubt_floor = limits.doubt_floor;
        price.doubt_secs = limits.doubt_secs as u16;
        price.doubt_from = DOUBT - doubted_ms;
        price.flags = *flags;
    }
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![
        Just(Purpose::Trade),
        Just(Purpose::Pay),
        Just(Purpose::Seize)
    ]
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn kinds_are_ordered_in_any_doubt_for_any_purpose(
        mut account in portfolio_account(), doubts in doubts(), purpose in purpose(),
    ) {
        doubt(&mut account.account, &doubts);
        account.account.purpose = purpose;
        for policy in POLICIES {
            for portfolio in [account.portfolio(), account.account.portfolio()] {
                let all = AccountMargin::assess(&account.view(), &portfolio, policy).unwrap();
                let [init, end, maint] = all.health;
                prop_assert!(init <= end && end <= maint, "{policy:?} {:?}: {:?}", portfolio.mode, all.health);
                for kind in HealthKind::ALL {
                    let one = AccountMargin::health(&account.view(), &portfolio, kind, policy).unwrap();
                    prop_assert_eq!(one, Health { value: all.of(kind), stale: all.stale });
                }
            }
        }
    }

    /// In standard margin; in portfolio margin a smaller deposit of quote is a smaller risk of its peg.
    #[test]
    fn doubt_only_ever_takes_from_an_account(mut account in account(), doubts in doubts(), later in wide(27)) {
        doubt(&mut account, &doubts);
        let before = account.assess(Policy::BenefitOfDoubt);
        let strict = account.assess(Policy::Strict);
        account.clock.doubt_ms += later;
        let after = account.assess(Policy::BenefitOfDoubt);
        for kind in HealthKind::ALL {
            prop_assert!(after.of(kind) <= before.of(kind), "{kind:?}");
        }
        prop_assert!(after.equity <= before.equity);
        prop_assert_eq!(account.assess(Policy::Strict), strict, "new risk knows no such clock");
    }

    /// What is fresh enough to seize at is fresh enough to pay at, and that to trade at.
    #[test]
    fn the_stricter_a_purpose_the_more_is_stale(mut account in account()) {
        let mut stale = Vec::new();
        for purpose in [Purpose::Trade, Purpose::Pay, Purpose::Seize] {
            account.purpose = purpose;
            stale.push(account.assess(Policy::Strict).stale);
        }
        for (looser, stricter) in stale.iter().zip(&stale[1..]) {
            let within = |a: u64, b: u64| a & !b == 0;
            prop_assert!(within(looser.deposits, stricter.deposits));
            prop_assert!(within(looser.debts, stricter.debts));
            prop_assert!(within(looser.markets, stricter.markets));
        }
    }
}

#[test]
fn an_entry_that_has_no_unit_or_no_price_yet_follows_nothing() {
    let feed = FeedPrice {
        spot: 1 << 40,
        stable: 1 << 40,
        average: 1 << 40,
        published_ms: NOW,
        ..FeedPrice::default()
    };
    let limits = FeedLimits::DEFAULT;
    let unit = EntryUnit::new(PriceUnit::WHOLE, 0, 0).unwrap();
    let refused = Err(RiskError::PriceOutOfRange);
    let mut asset = AssetRisk::listed(0, 6);
    assert_eq!(asset.follow(&feed, &limits, None), refused);
    asset.set_feed(1, unit);
    assert_eq!(asset.follow(&FeedPrice::default(), &limits, None), refused);
    assert_eq!(
        asset.price,
        EntryPrice {
            feed: 1,
            ..EntryPrice::default()
        }
    );
    let mut market = MarketRisk::listed(0, 1);
    market.set_feed(1, unit);
    let none = market;
    assert_eq!(market.follow(&FeedPrice::default(), &limits, None), refused);
    assert_eq!(market, none);
}
