//! What each price counts for in a liquidation while it is in doubt, by the program's own rule.
use plimsoll::{health::clock_of, state::RiskState};
use plimsoll_risk::{Clock, EntryPrice};
use serde::{Deserialize, Serialize};

use crate::{
    input::{At, Part, Parts},
    output::{json, Answer},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DoubtInput {
    risk_state: Part,
    clock: At,
}

/// A price in doubt, as mantissas of its entry.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct InDoubt {
    /// Of what is owned: deposits and longs.
    owned: u64,
    /// Of what is owed: debts and shorts.
    owed: u64,
}

/// By index; nothing for an entry without a price.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct DoubtOutput {
    assets: Vec<Option<InDoubt>>,
    markets: Vec<Option<InDoubt>>,
}

/// For every entry, what its price counts for while nobody may rely on it.
pub fn prices_in_doubt(parts: &Parts) -> Answer {
    let input: DoubtInput = parts.header()?;
    let risk = input.clock.risk(parts, input.risk_state)?;
    json(&in_doubt(&risk, &clock_of(&risk, &input.clock.clock())))
}

fn in_doubt(risk: &RiskState, clock: &Clock) -> DoubtOutput {
    let of = |price: &EntryPrice| {
        let counted = price.in_doubt(clock).ok().filter(|_| price.spot != 0)?;
        Some(InDoubt {
            owned: counted.owned,
            owed: counted.owed,
        })
    };
    let assets = risk.assets.iter().take(usize::from(risk.asset_count));
    let markets = risk.markets.iter().take(usize::from(risk.market_count));
    DoubtOutput {
        assets: assets.map(|entry| of(&entry.price)).collect(),
        markets: markets.map(|entry| of(&entry.price)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::Discriminator;
    use plimsoll_client::decode;
    use plimsoll_risk::{FeedLimits, RATIO_ONE};

    /// Two assets, the second without a price, and a market, all doubted since the clock of doubt began.
    fn state() -> Box<RiskState> {
        let mut data = RiskState::DISCRIMINATOR.to_vec();
        data.resize(RiskState::SPACE, 0);
        let mut risk: Box<RiskState> = decode(&data).unwrap();
        (risk.asset_count, risk.market_count) = (2, 1);
        let price = EntryPrice {
            spot: 1_000_000,
            stable: 1_000_000,
            doubt_benefit: RATIO_ONE / 8,
            doubt_floor: RATIO_ONE / 2,
            doubt_secs: FeedLimits::DEFAULT.doubt_secs as u16,
            ..EntryPrice::default()
        };
        risk.assets[0].price = price;
        risk.markets[0].price = price;
        risk
    }

    fn counted(seconds: u64) -> DoubtOutput {
        let doubt_ms = seconds * 1_000;
        in_doubt(
            &state(),
            &Clock {
                now_ms: 0,
                doubt_ms,
            },
        )
    }

    fn both(owned: u64, owed: u64) -> DoubtOutput {
        let some = || Some(InDoubt { owned, owed });
        DoubtOutput {
            assets: vec![some(), None],
            markets: vec![some()],
        }
    }

    #[test]
    fn the_benefit_of_doubt_is_told_first_and_its_floor_in_the_end() {
        assert_eq!(counted(0), both(1_125_000, 875_000));
        assert_eq!(counted(3_600), both(500_000, 1_500_000));
    }
}
