//! What the market maker quotes, and how much it risks.
use anchor_lang::prelude::Pubkey;
use anyhow::{bail, Context, Result};
use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

use crate::config::{require_positive, Section};

/// Order slots of a margin account.
const ORDER_SLOTS: usize = plimsoll::state::margin_account::MAX_ORDERS;

/// The maker's options. One process quotes for one margin account.
#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakerConfig {
    /// Owner of the margin account, where the keypair is only a delegate of it, allowed to trade; without it the
    /// keypair is the owner.
    #[arg(long)]
    pub owner: Option<String>,
    /// Number of the owner's margin account.
    #[arg(long, default_value_t = Self::default().sub_account)]
    pub sub_account: u16,
    /// Markets to quote, by name, separated by commas; none for all.
    #[arg(long, value_delimiter = ',', num_args = 0..)]
    pub markets: Vec<String>,
    /// How often to look at prices and orders, seconds.
    #[arg(long, default_value_t = Self::default().every)]
    pub every: f64,
    /// Orders on each side of a market.
    #[arg(long, default_value_t = Self::default().levels)]
    pub levels: u8,
    /// Distance of the first order from the oracle's price, basis points; never less than the oracle's own confidence
    /// interval.
    #[arg(long, default_value_t = Self::default().spread)]
    pub spread: f64,
    /// Distance of each further order from the one before it, basis points.
    #[arg(long, default_value_t = Self::default().step)]
    pub step: f64,
    /// Size of each order, whole quote tokens.
    #[arg(long, default_value_t = Self::default().size)]
    pub size: f64,
    /// Largest position in a market that quotes may lead to, whole quote tokens.
    #[arg(long, default_value_t = Self::default().max_position)]
    pub max_position: f64,
    /// How far all quotes move against a position of the largest size, basis points; in proportion for smaller ones.
    #[arg(long, default_value_t = Self::default().skew)]
    pub skew: f64,
    /// How far an order may be from where it should be before it is replaced, basis points.
    #[arg(long, default_value_t = Self::default().requote)]
    pub requote: f64,
    /// Lifetime of an order, seconds: the quotes of a maker that died go by themselves.
    #[arg(long, default_value_t = Self::default().expiry)]
    pub expiry: u32,
    /// Init health, whole quote tokens, below which the maker only reduces positions.
    #[arg(long, default_value_t = Self::default().reserve)]
    pub reserve: f64,
    /// Whether to refresh entries that are about to be stale in front of the orders.
    #[arg(long, default_value_t = Self::default().refresh, action = ArgAction::Set)]
    pub refresh: bool,
}

impl Default for MakerConfig {
    fn default() -> Self {
        Self {
            owner: None,
            sub_account: 0,
            markets: Vec::new(),
            every: 1.0,
            levels: 4,
            spread: 4.0,
            step: 8.0,
            size: 10_000.0,
            max_position: 200_000.0,
            skew: 15.0,
            requote: 3.0,
            expiry: 60,
            reserve: 1_000.0,
            refresh: true,
        }
    }
}

impl Section for MakerConfig {
    const NAME: &'static str = "maker";
    const PORT: u16 = 9603;

    fn check(&self) -> Result<()> {
        require_positive(&[
            ("every", self.every),
            ("spread", self.spread),
            ("size", self.size),
            ("max_position", self.max_position),
            ("requote", self.requote),
        ])?;
        let not_negative = [
            ("step", self.step),
            ("skew", self.skew),
            ("reserve", self.reserve),
        ];
        for (name, value) in not_negative {
            if !value.is_finite() || value < 0.0 {
                bail!("{name} is at least zero, not {value}");
            }
        }
        let most = ORDER_SLOTS / 2;
        if self.levels == 0 || usize::from(self.levels) > most {
            bail!("levels is 1 to {most}, not {}", self.levels);
        }
        let widest = self.spread + self.step * f64::from(self.levels) + self.skew;
        if widest >= 10_000.0 {
            bail!("spread, step and skew reach {widest} basis points: a bid would be at zero");
        }
        if f64::from(self.expiry) < self.every * 5.0 {
            bail!(
                "expiry ({} s) leaves no time for five looks every {} s",
                self.expiry,
                self.every
            );
        }
        self.owner()?;
        Ok(())
    }
}

impl MakerConfig {
    /// The owner, where one is named.
    ///
    /// # Errors
    /// When it is no address.
    pub fn owner(&self) -> Result<Option<Pubkey>> {
        let parse = |text: &String| {
            text.parse::<Pubkey>()
                .with_context(|| format!("owner: \"{text}\" is no address"))
        };
        self.owner.as_ref().map(parse).transpose()
    }

    /// Refuses more orders than an account has slots.
    ///
    /// # Errors
    /// Says how many levels would fit.
    pub fn require_slots(&self, markets: usize) -> Result<()> {
        if markets * 2 * usize::from(self.levels) > ORDER_SLOTS {
            bail!(
                "{markets} markets with {} levels on both sides are more than an account's {ORDER_SLOTS} orders: at \
                 most {} levels fit",
                self.levels,
                ORDER_SLOTS / (2 * markets.max(1))
            );
        }
        Ok(())
    }
}
