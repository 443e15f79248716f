//! What Plimsoll's Standard margin requires with the parameters of the demonstration's exchange.
//!
//! The listing is that of `crates/localnet/src/listing.rs`; assets that it does not list have SOL's, the loosest that an
//! operator would give them.

use crate::books::Kind;

/// Parameters of one asset in Standard margin: Init and Maint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listing {
    /// Margin ratio of the perpetual.
    pub ratio: [f64; 2],
    /// Weight of a deposit.
    pub weight: [f64; 2],
}

/// The part of a position's profit since the last settlement that counts towards maintenance.
pub const PROFIT_WEIGHT: f64 = 0.90;

/// The demonstration's parameters of an asset.
pub fn listing(asset: &str) -> Listing {
    let (ratio, weight) = match asset {
        "BTC" => ([0.05, 0.03], [0.85, 0.92]),
        "ETH" => ([0.06, 0.035], [0.82, 0.90]),
        _ => ([0.10, 0.05], [0.80, 0.90]),
    };
    Listing { ratio, weight }
}

impl Listing {
    /// Part of a position that is required: at Init, and at maintenance.
    pub fn required(&self, kind: Kind) -> [f64; 2] {
        match kind {
            Kind::Spot => self.weight.map(|weight| 1.0 - weight),
            Kind::Perpetual | Kind::Strayed => self.ratio,
        }
    }
}
