//! What the demonstration's portfolio model knows: three underlyings, each the driver of a factor, and what follows them.
//!
//! Loadings, floors and depths are what `cargo xtask estimate` made of daily prices up to the end of 2024, rounded; the
//! returns on the named days are those of `docs/crash-days.md`.
use anyhow::{Context, Result};
use plimsoll_client::instructions::{self as ix, Follower};
use plimsoll_risk::{
    portfolio::{CRASH_DAYS, LOADING_ONE, MAX_FACTORS},
    ModelParams, UnderlyingParams,
};

use crate::{
    listing::{ratio, USD},
    setup::World,
    wire::Wire,
};

/// An underlying, whose number is that of the factor that it drives.
struct Underlying {
    name: &'static str,
    /// Moves per move of each factor; one on its own.
    loadings: [f64; MAX_FACTORS],
    /// Returns on the named days, percent.
    crash_returns: [f64; CRASH_DAYS],
    /// Least volatility of a day, in all and of its own factor.
    floors: [f64; 2],
    /// Whole USD above which size costs more, and by how much that grows.
    depth: u64,
    impact: f64,
}

const BTC: u8 = 1;
const ETH: u8 = 2;
const SOL: u8 = 3;

/// In the order of their numbers, which is that of the factors.
const UNDERLYINGS: [Underlying; 3] = [
    Underlying {
        name: "BTC",
        loadings: [1.0, 0.0, 0.0],
        crash_returns: [-39.5, -14.4, 11.9, -6.2, -15.4, -14.1, -7.1, -6.5],
        floors: [0.030, 0.030],
        depth: 20_000_000,
        impact: 0.007,
    },
    Underlying {
        name: "ETH",
        loadings: [1.0, 1.0, 0.0],
        crash_returns: [-44.6, -27.7, 26.3, -11.0, -15.7, -17.4, -10.0, -11.8],
        floors: [0.039, 0.022],
        depth: 12_000_000,
        impact: 0.0085,
    },
    Underlying {
        name: "SOL",
        loadings: [1.2, 0.4, 1.0],
        // It was not traded on the first of the days: the mean of what was, but for bitcoin.
        crash_returns: [-40.5, -37.5, 28.0, -23.9, -6.6, -42.2, -6.2, -14.4],
        floors: [0.052, 0.034],
        depth: 6_000_000,
        impact: 0.011,
    },
];

/// What follows an underlying: the symbol of an asset or the name of a market, its underlying, and whether its prices
/// teach that its volatility.
const FOLLOWERS: [(&str, u8, bool); 8] = [
    ("BTC", BTC, true),
    ("BTC-PERP", BTC, false),
    ("ETH", ETH, true),
    ("ETH-PERP", ETH, false),
    ("SOL", SOL, true),
    ("SOL-PERP", SOL, false),
    // Redeems for SOL; what it trades below that is what margin on the basis is for.
    ("lstSOL", SOL, false),
    ("lstSOL-PERP", SOL, false),
];

/// Sets up the model over what is listed. The wire's payer is the exchange's authority.
pub async fn create(wire: &Wire, world: &World) -> Result<()> {
    let (exchange, authority) = (&world.exchange, wire.payer());
    let mut steps = vec![ix::edit_portfolio_model(
        exchange,
        authority,
        ModelParams::standard(),
        None,
    )];
    for (number, underlying) in (1..).zip(&UNDERLYINGS) {
        let params = underlying.params();
        steps.push(ix::edit_underlying(
            exchange, authority, number, params, None,
        ));
    }
    for (name, underlying, samples) in FOLLOWERS {
        let follower = follower(world, name).with_context(|| format!("{name} is not listed"))?;
        steps.push(ix::assign_underlying(
            exchange, authority, follower, underlying, samples, None,
        ));
    }
    wire.send_all(steps, &[])
        .await
        .context("set up the portfolio model")?;
    Ok(())
}

/// The market or, if there is none, the asset of a name.
fn follower(world: &World, name: &str) -> Option<Follower> {
    let market = world.markets.iter().find(|m| m.name == name);
    let asset = || world.assets.iter().position(|a| a.symbol == name);
    market
        .map(|market| Follower::Market(market.market.index))
        .or_else(|| {
            asset()
                .and_then(|index| u16::try_from(index).ok())
                .map(Follower::Asset)
        })
}

impl Underlying {
    fn params(&self) -> UnderlyingParams {
        let loading = |value: f64| (value * f64::from(LOADING_ONE)).round() as i32;
        let mut name = [0; 8];
        name[..self.name.len()].copy_from_slice(self.name.as_bytes());
        let driven = self.loadings.iter().rposition(|loading| *loading != 0.0);
        UnderlyingParams {
            name,
            depth_notional: self.depth * USD,
            loadings: self.loadings.map(loading),
            crash_returns: self.crash_returns.map(|percent| loading(percent / 100.0)),
            volatility_floor: ratio(self.floors[0]),
            idiosyncratic_floor: ratio(self.floors[1]),
            liquidity_ratio: ratio(self.impact),
            basis_ratio: ratio(0.02),
            slippage: ratio(self.impact),
            factor: driven.map_or(0, |factor| factor as u8 + 1),
            padding: [0; 7],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_risk::{portfolio::require_consistent, UnderlyingRisk};

    use crate::listing;

    #[test]
    fn every_parameter_is_one_that_the_program_accepts() {
        let model = ModelParams::standard();
        assert_eq!(model.validate(), Ok(()));
        let underlyings = UNDERLYINGS.map(|underlying| {
            let params = underlying.params();
            assert_eq!(params.validate(), Ok(()), "{}", underlying.name);
            UnderlyingRisk {
                params,
                ..UnderlyingRisk::default()
            }
        });
        assert_eq!(require_consistent(&model, &underlyings), Ok(()));
        let drivers = underlyings.map(|underlying| underlying.params.factor);
        assert_eq!(drivers, [BTC, ETH, SOL]);
    }

    #[test]
    fn all_but_the_quote_asset_follow_an_underlying_and_one_of_each_teaches_it() {
        let assets = listing::assets().into_iter().skip(1).map(|a| a.symbol);
        let markets = listing::markets().into_iter().map(|m| m.name);
        let mut listed: Vec<_> = assets.chain(markets).collect();
        let mut followers: Vec<_> = FOLLOWERS.iter().map(|(name, ..)| *name).collect();
        listed.sort_unstable();
        followers.sort_unstable();
        assert_eq!(listed, followers);
        for number in [BTC, ETH, SOL] {
            let teaches = |(_, of, samples): &&(&str, u8, bool)| *of == number && *samples;
            assert_eq!(FOLLOWERS.iter().filter(teaches).count(), 1);
        }
    }
}
