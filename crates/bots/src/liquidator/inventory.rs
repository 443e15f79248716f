//! What the liquidator does with what it took over: positions go back to the market, debts are repaid, seized tokens
//! leave for the wallet. Pure: what to do next, from what there is.
use plimsoll::{
    orders::terms::{OrderSide, OrderTerms, OrderType, SelfTradeBehavior},
    state::MarginAccount,
};
use plimsoll_risk::{fixed::scale_floor, AssetRisk, MarketRisk, PerpPosition, Purpose};

use super::{
    config::{native, LiquidatorConfig},
    outlook::Outlook,
    plan::Holdings,
};

/// A claim below this is left where it is, native quote: a transaction costs something too.
const WORTH_SETTLING: i64 = 1_000_000;
/// Most resting orders that one reducing order meets.
const MAX_FILLS: u8 = 16;
/// Halvings in the search for what can be withdrawn.
const SIZING_STEPS: u32 = 12;
const BASIS_POINTS: u128 = 10_000;

/// How far positions and tokens are let grow.
#[derive(Clone, Copy, Debug)]
pub struct InventoryLimits {
    /// Largest position, native quote.
    pub max_position: u64,
    /// Largest reducing order, native quote.
    pub max_order: u64,
    /// Worst price of one, per ten thousand away from the oracle's.
    pub slippage_bps: u32,
    /// Whether debts are repaid from the wallet.
    pub repay: bool,
    /// Value of each token that stays when the rest is withdrawn, native quote; `None` withdraws nothing.
    pub keep: Option<u64>,
    /// Init health that stays, native quote.
    pub reserve: i128,
}

impl InventoryLimits {
    /// Those of a configuration.
    pub fn of(config: &LiquidatorConfig) -> Self {
        Self {
            max_position: native(config.max_position),
            max_order: native(config.max_order),
            slippage_bps: config.slippage_bps,
            repay: config.repay_from_wallet,
            keep: config.withdraw_tokens.then(|| native(config.keep_tokens)),
            reserve: config.limits().reserve,
        }
    }
}

/// One step towards less inventory.
#[derive(Clone, Debug, PartialEq)]
pub enum Disposal {
    /// Trade a part of a position away.
    Reduce { market: u16, order: OrderTerms },
    /// Turn the claim on a market without position into quote.
    Settle { market: u16 },
    /// Repay up to so many native units of a debt with tokens from the wallet.
    Repay { asset: u16, owed: u64 },
    /// Withdraw so many native units of a seized token.
    Withdraw { asset: u16, amount: u64 },
}

/// All that is to be done now, in the order of its urgency: what risks most first.
pub fn disposals(
    own: &MarginAccount,
    outlook: &Outlook,
    limits: &InventoryLimits,
) -> Vec<Disposal> {
    let perps = own.perps.iter().filter(|perp| !perp.is_free());
    let mut positions: Vec<(i128, Disposal)> = perps
        .clone()
        .filter_map(|perp| {
            let entry = outlook.risk().market(perp.market).ok()?;
            let value = scale_floor(perp.position.0, entry.price.spot, entry.shift).abs();
            let order = reduction(perp, entry, limits)?;
            let market = perp.market;
            Some((value, Disposal::Reduce { market, order }))
        })
        .collect();
    positions.sort_by_key(|(value, _)| std::cmp::Reverse(*value));
    let mut all: Vec<Disposal> = positions.into_iter().map(|(_, what)| what).collect();

    let claims = perps.filter(|p| p.position.is_zero() && p.order_mask == 0);
    let worth = claims.filter(|p| p.quote.0.saturating_abs() >= WORTH_SETTLING);
    all.extend(worth.map(|p| Disposal::Settle { market: p.market }));

    let tokens = own.balances.iter().filter(|b| !b.is_free() && b.asset != 0);
    for balance in tokens {
        let Some(entry) = outlook.asset(balance.asset, Purpose::Trade) else {
            continue;
        };
        let Ok(amount) = balance.native(entry.indices()) else {
            continue;
        };
        let (asset, size) = (balance.asset, amount.unsigned_abs());
        if amount < 0 && limits.repay {
            all.push(Disposal::Repay { asset, owed: size });
        } else if amount > 0 {
            let amount = withdrawable(own, outlook, limits, asset, size, entry);
            if amount > 0 {
                all.push(Disposal::Withdraw { asset, amount });
            }
        }
    }
    all
}

/// The order that brings a position back to its limit, as far as one order may go.
fn reduction(
    perp: &PerpPosition,
    entry: &MarketRisk,
    limits: &InventoryLimits,
) -> Option<OrderTerms> {
    let held = perp.position.abs();
    let allowed = lots_worth(limits.max_position, entry);
    let excess = held.checked_sub(allowed).filter(|lots| *lots > 0)?;
    let lots = excess.min(lots_worth(limits.max_order, entry).max(1));
    let side = match perp.position.0 > 0 {
        true => OrderSide::Ask,
        false => OrderSide::Bid,
    };
    Some(OrderTerms {
        side,
        price: worst_price(side, entry, limits.slippage_bps)?,
        lots: i64::try_from(lots).ok()?,
        // Cut to the market's band where the slippage limit reaches beyond it.
        kind: OrderType::Market,
        max_quote: None,
        reduce_only: true,
        expiry: 0,
        client_id: 0,
        self_trade: SelfTradeBehavior::CancelProvide,
        max_fills: MAX_FILLS,
    })
}

/// Price lots of the worst price within the slippage, rounded towards the oracle's.
fn worst_price(side: OrderSide, entry: &MarketRisk, slippage_bps: u32) -> Option<u64> {
    let (spot, slip) = (u128::from(entry.price.spot), u128::from(slippage_bps));
    let lot = u128::from(entry.tick) << (entry.shift & 63);
    let price = match side {
        OrderSide::Bid => (spot * (BASIS_POINTS + slip) / BASIS_POINTS).checked_div(lot)?,
        OrderSide::Ask => {
            let worst = (spot * BASIS_POINTS.checked_sub(slip)?).div_ceil(BASIS_POINTS);
            (lot > 0).then(|| worst.div_ceil(lot))?
        }
    };
    u64::try_from(price).ok().filter(|price| *price > 0)
}

fn lots_worth(value: u64, entry: &MarketRisk) -> u64 {
    units_worth(value, entry.price.spot, entry.shift)
}

/// Units for at most so much native quote.
fn units_worth(value: u64, spot: u64, shift: u8) -> u64 {
    let scaled = u128::from(value) << (shift & 63);
    let units = scaled.checked_div(u128::from(spot)).unwrap_or(0);
    u64::try_from(units).unwrap_or(u64::MAX)
}

/// What of a deposit may go: beyond what is to be kept, and while the reserve stays.
fn withdrawable(
    own: &MarginAccount,
    outlook: &Outlook,
    limits: &InventoryLimits,
    asset: u16,
    held: u64,
    entry: &AssetRisk,
) -> u64 {
    let Some(keep) = limits.keep else {
        return 0;
    };
    let mut amount = held.saturating_sub(units_worth(keep, entry.price.spot, entry.shift));
    for _ in 0..SIZING_STEPS {
        if amount == 0 || leaves_reserve(own, outlook, limits, asset, amount, entry) {
            return amount;
        }
        amount /= 2;
    }
    0
}

fn leaves_reserve(
    own: &MarginAccount,
    outlook: &Outlook,
    limits: &InventoryLimits,
    asset: u16,
    amount: u64,
    entry: &AssetRisk,
) -> bool {
    let mut after = Holdings::of(own);
    let debited = after
        .open_balance(asset)
        .is_some_and(|balance| balance.debit(amount, entry.indices()).is_ok());
    let init = outlook.own_init(&after.portfolio());
    debited && init.is_some_and(|init| init >= limits.reserve)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::liquidator::synthetic::World;
    use plimsoll_risk::{Balance, BaseLots, QuoteNative, Shares};

    const DOLLAR: i64 = 1_000_000;

    fn limits() -> InventoryLimits {
        InventoryLimits {
            max_position: 1_000_000_000,
            max_order: 5_000_000_000,
            slippage_bps: 50,
            repay: true,
            keep: Some(100_000_000),
            reserve: 50_000_000,
        }
    }

    fn own(world: &World) -> Box<MarginAccount> {
        let mut own = world.account(1);
        own.balances = [Balance::FREE; 16];
        own.balances[0] = Balance {
            shares: Shares(10_000 * DOLLAR),
            ..Balance::of(0)
        };
        own.perps = Default::default();
        own
    }

    fn hold(own: &mut MarginAccount, world: &World, slot: usize, dollars: i64) -> u16 {
        let entry = world.outlook.risk().market(slot as u16).unwrap();
        let lots = units_worth(dollars.unsigned_abs() * DOLLAR as u64, entry.price.spot, 20);
        own.perps[slot] = PerpPosition::of(slot as u16);
        own.perps[slot].position = BaseLots(lots as i64 * dollars.signum());
        slot as u16
    }

    #[test]
    fn positions_beyond_their_limit_are_reduced_the_largest_first_within_the_slippage() {
        let world = World::new(2);
        let mut own = own(&world);
        hold(&mut own, &world, 0, 900);
        let small = hold(&mut own, &world, 1, 3_000);
        let large = hold(&mut own, &world, 2, -20_000);
        let all = disposals(&own, &world.outlook, &limits());
        let [Disposal::Reduce {
            market: first,
            order: buy,
        }, Disposal::Reduce {
            market: second,
            order: sell,
        }] = all.as_slice()
        else {
            panic!("{all:?}");
        };
        assert_eq!((*first, *second), (large, small));
        assert_eq!((buy.side, sell.side), (OrderSide::Bid, OrderSide::Ask));
        for (order, market, most) in [(buy, large, 5_000.0), (sell, small, 2_000.0)] {
            let entry = world.outlook.risk().market(market).unwrap();
            let spot = entry.price.spot as f64 / f64::from(1 << 20);
            let worth = order.lots as f64 * spot / 1e6;
            assert!(
                order.reduce_only && worth <= most + spot / 1e6 && worth > most * 0.97,
                "{worth}"
            );
            let off = order.price as f64 * entry.tick as f64 / spot - 1.0;
            assert!(off.abs() <= 0.005 && off.abs() > 0.0045, "{off}");
        }
    }

    #[test]
    fn claims_are_settled_debts_repaid_and_tokens_withdrawn_down_to_the_reserve() {
        let world = World::new(2);
        let mut own = own(&world);
        own.perps[0] = PerpPosition::of(3);
        own.perps[0].quote = QuoteNative(5 * DOLLAR);
        own.perps[1] = PerpPosition::of(4);
        own.perps[1].quote = QuoteNative(DOLLAR / 2);
        let value = |asset: u16, dollars: i64| {
            let entry = world.outlook.risk().asset(asset).unwrap();
            let units = units_worth(dollars.unsigned_abs() * DOLLAR as u64, entry.price.spot, 20);
            units as i64 * dollars.signum()
        };
        for (slot, dollars) in [(1, -700), (2, 1_000)] {
            own.balances[slot] = Balance::of(slot as u16);
            own.balances[slot].shares.0 = value(slot as u16, dollars);
        }
        let all = disposals(&own, &world.outlook, &limits());
        let near = |a: u64, dollars: i64, asset| a.abs_diff(value(asset, dollars) as u64) <= 2;
        assert_eq!(all[0], Disposal::Settle { market: 3 });
        assert!(matches!(all[1], Disposal::Repay { asset: 1, owed } if near(owed, 700, 1)));
        assert!(matches!(all[2], Disposal::Withdraw { asset: 2, amount } if near(amount, 900, 2)));
        assert_eq!(all.len(), 3);

        // Without quote the debt needs the collateral.
        own.balances[0].shares.0 = 0;
        let all = disposals(&own, &world.outlook, &limits());
        assert!(all
            .iter()
            .all(|what| !matches!(what, Disposal::Withdraw { .. })));
        let none = InventoryLimits {
            keep: None,
            repay: false,
            ..limits()
        };
        assert_eq!(disposals(&own, &world.outlook, &none).len(), 1);
    }
}
