//! Where the maker wants its orders, and whether those that rest are near enough.
use plimsoll::orders::terms::OrderSide;
use plimsoll_risk::{MarketRisk, OpenOrder, Side};

use super::MakerConfig;

/// Basis points in one.
const BPS: f64 = 10_000.0;
/// An order is replaced when less than this part of its size is left.
const WORN: f64 = 0.5;
/// An order is replaced when less than this part of its life is left.
const AGED: f64 = 0.4;

/// A market as the maker sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The oracle's price, price lots.
    pub mid: f64,
    /// The oracle's confidence interval in parts of its price.
    pub confidence: f64,
    /// Whole quote tokens per base lot.
    pub lot_value: f64,
    /// What an order is worth at least, whole quote tokens.
    pub min_value: f64,
    /// The account's position, lots.
    pub position: i64,
}

impl View {
    /// From a market's risk entry, whose quote token has `quote_decimals`; `None` before the first price.
    pub fn new(
        entry: &MarketRisk,
        quote_decimals: u8,
        min_notional: u64,
        position: i64,
    ) -> Option<Self> {
        if entry.price.spot == 0 || entry.tick == 0 {
            return None;
        }
        let unit = 10f64.powi(i32::from(quote_decimals));
        let native = entry.price.spot as f64 / 2f64.powi(i32::from(entry.shift));
        Some(Self {
            mid: native / entry.tick as f64,
            confidence: entry.price.conf as f64 / entry.price.spot as f64,
            lot_value: native / unit,
            min_value: min_notional as f64 / unit,
            position,
        })
    }
}

/// An order that should rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub side: OrderSide,
    /// Price lots.
    pub price: u64,
    pub lots: i64,
    pub reduce_only: bool,
}

/// The orders that should rest in a market, best first, bids and asks in turn. With `only_reduce`, those alone that
/// make the position smaller.
///
/// All prices are shifted against the position, so that whoever would reduce it finds the better price; and no side is
/// larger than what still fits between the position and its limit.
pub fn wanted(view: &View, config: &MakerConfig, only_reduce: bool) -> Vec<Quote> {
    let limit = (config.max_position / view.lot_value).floor();
    let held = view.position as f64;
    let full = (held / limit.max(1.0)).clamp(-1.0, 1.0);
    let centre = view.mid * (1.0 - full * config.skew / BPS);
    let first = (config.spread / BPS).max(view.confidence);
    let size = (config.size / view.lot_value).round().max(1.0);
    let room = |sign: f64| {
        if only_reduce {
            (-sign * held).max(0.0)
        } else {
            (limit - sign * held).max(0.0)
        }
    };
    let mut left = [room(1.0), room(-1.0)];
    let mut quotes = Vec::new();
    for level in 0..config.levels {
        let distance = first + f64::from(level) * config.step / BPS;
        for (side, left) in [OrderSide::Bid, OrderSide::Ask].into_iter().zip(&mut left) {
            let lots = size.min(*left).floor();
            *left -= lots;
            let price = match side {
                OrderSide::Bid => (centre * (1.0 - distance)).floor(),
                OrderSide::Ask => (centre * (1.0 + distance)).ceil(),
            };
            let lots = lots as i64;
            let value = lots as f64 * view.lot_value * price / view.mid;
            if lots > 0 && value >= view.min_value && price >= 1.0 {
                quotes.push(Quote {
                    side,
                    price: price as u64,
                    lots,
                    reduce_only: only_reduce,
                });
            }
        }
    }
    quotes
}

/// Whether the resting orders of a market are near enough to the wanted ones: as many on each side, and each at about its
/// price, not worn by fills, with enough life left at `now` (Unix seconds).
pub fn is_near(wanted: &[Quote], resting: &[OpenOrder], config: &MakerConfig, now: i64) -> bool {
    if wanted.len() != resting.len() {
        return false;
    }
    [Side::Bid, Side::Ask].into_iter().all(|side| {
        let mut wanted: Vec<&Quote> = wanted.iter().filter(|q| is_of(q.side, side)).collect();
        let mut resting: Vec<&OpenOrder> = resting.iter().filter(|o| o.side() == side).collect();
        wanted.sort_by_key(|quote| quote.price);
        resting.sort_by_key(|order| order.price.0);
        let near = |(quote, order): (&&Quote, &&OpenOrder)| covers(quote, order, config, now);
        wanted.len() == resting.len() && wanted.iter().zip(&resting).all(near)
    })
}

fn is_of(side: OrderSide, other: Side) -> bool {
    Side::from(side) == other
}

fn covers(quote: &Quote, order: &OpenOrder, config: &MakerConfig, now: i64) -> bool {
    let off = quote.price.abs_diff(order.price.0) as f64;
    // A price lot of slack: rounding alone replaces nothing.
    let near = off <= (quote.price as f64 * config.requote / BPS).max(1.0);
    let lots = order.lots.0;
    let whole = lots as f64 >= quote.lots as f64 * WORN && lots <= quote.lots.saturating_mul(2);
    let left = i64::from(order.expiry).saturating_sub(now) as f64;
    let young = left >= f64::from(config.expiry) * AGED;
    let reduces = (order.flags & OpenOrder::REDUCE_ONLY != 0) == quote.reduce_only;
    near && whole && young && reduces
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_risk::{BaseLots, PriceLots};

    fn view(position: i64) -> View {
        View {
            mid: 100_000.0,
            confidence: 0.0,
            lot_value: 10.0,
            min_value: 0.0,
            position,
        }
    }

    fn config() -> MakerConfig {
        MakerConfig {
            levels: 3,
            spread: 10.0,
            step: 10.0,
            size: 1_000.0,
            max_position: 2_500.0,
            skew: 50.0,
            ..MakerConfig::default()
        }
    }

    fn side(quotes: &[Quote], side: OrderSide) -> Vec<(u64, i64)> {
        let quotes = quotes.iter().filter(|quote| quote.side == side);
        quotes.map(|quote| (quote.price, quote.lots)).collect()
    }

    #[test]
    fn quotes_both_sides_around_the_oracle_within_the_limit() {
        let quotes = wanted(&view(0), &config(), false);
        let expected = [(99_900, 100), (99_800, 100), (99_700, 50)];
        assert_eq!(side(&quotes, OrderSide::Bid), expected);
        assert_eq!(side(&quotes, OrderSide::Ask)[0], (100_100, 100));
    }

    #[test]
    fn leans_against_its_position_and_stops_at_the_limit() {
        // Long 250 lots, which is the limit: no bids, and asks half a percent lower.
        let quotes = wanted(&view(250), &config(), false);
        assert!(side(&quotes, OrderSide::Bid).is_empty());
        let asks = side(&quotes, OrderSide::Ask);
        assert_eq!(asks[0], (99_600, 100));
        assert_eq!(asks.len(), 3);
        // Beyond the limit the shift grows no further.
        assert_eq!(
            side(&wanted(&view(900), &config(), false), OrderSide::Ask)[0].0,
            99_600
        );
    }

    #[test]
    fn only_reduces_where_health_is_short() {
        let quotes = wanted(&view(-130), &config(), true);
        assert_eq!(side(&quotes, OrderSide::Bid).len(), 2);
        assert_eq!(quotes.iter().map(|q| q.lots).sum::<i64>(), 130);
        assert!(quotes
            .iter()
            .all(|q| q.reduce_only && q.side == OrderSide::Bid));
        assert!(wanted(&view(0), &config(), true).is_empty());
    }

    #[test]
    fn is_never_closer_than_the_oracle_is_sure() {
        let unsure = View {
            confidence: 0.01,
            ..view(0)
        };
        let bids = side(&wanted(&unsure, &config(), false), OrderSide::Bid);
        assert_eq!(bids[0].0, 99_000);
    }

    fn resting(quotes: &[Quote], expiry: u32) -> Vec<OpenOrder> {
        let order = |quote: &Quote| OpenOrder {
            id: 1,
            price: PriceLots(quote.price),
            lots: BaseLots(quote.lots),
            expiry,
            side: if quote.side == OrderSide::Bid { 0 } else { 1 },
            ..OpenOrder::default()
        };
        quotes.iter().map(order).collect()
    }

    #[test]
    fn keeps_orders_that_are_near_enough() {
        let config = config();
        let now = 1_000;
        let quotes = wanted(&view(0), &config, false);
        let mut orders = resting(&quotes, 1_060);
        assert!(is_near(&quotes, &orders, &config, now));
        // A move below the threshold, then one above it.
        let moved = |mid: f64| View { mid, ..view(0) };
        let near = wanted(&moved(100_020.0), &config, false);
        assert!(is_near(&near, &orders, &config, now));
        let far = wanted(&moved(100_050.0), &config, false);
        assert!(!is_near(&far, &orders, &config, now));
        // Too old, worn, or one short.
        assert!(!is_near(&quotes, &orders, &config, now + 40));
        orders[0].lots = BaseLots(49);
        assert!(!is_near(&quotes, &orders, &config, now));
        orders.remove(0);
        assert!(!is_near(&quotes, &orders, &config, now));
    }
}
