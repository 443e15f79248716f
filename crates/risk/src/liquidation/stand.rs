//! What a change to an account in portfolio margin is judged by.

use super::netted::{Footing, Netted, ROUNDING};
use crate::fixed::{add, sub, Result};

/// Where an account stands before a change, or after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// LiquidationEnd.
    pub footing: Footing,
    /// The same without what hedges add to the value.
    pub apart: Footing,
    /// What closing everything at spot would leave.
    pub equity: i128,
}

impl Stand {
    /// Of an account's totals.
    pub fn of(netted: &Netted) -> Self {
        Self {
            footing: netted.end(),
            apart: netted.end_apart(),
            equity: netted.equity(),
        }
    }

    /// Whether what changed since then left the account better.
    pub fn is_improved_by(&self, after: &Self) -> bool {
        self.footing.improves_to(&after.footing) || self.is_unwound_by(after)
    }

    /// Whether it did but for what hedges add to the value: a liquidation that closes one ends that.
    pub fn is_improved_apart_by(&self, after: &Self) -> bool {
        self.apart.improves_to(&after.apart)
    }

    /// Whether less is required of an account without equity, which pays no fee, and it has lost nothing: what a position had won
    /// counts by its weight alone once it is closed.
    fn is_unwound_by(&self, after: &Self) -> bool {
        let kept = after.equity.saturating_add(i128::from(ROUNDING));
        self.equity < 0
            && kept >= self.equity
            && after.footing.requirement < self.footing.requirement
    }

    /// Moved by as much as from `before` to `now`: leaves that out of what is judged.
    ///
    /// # Errors
    /// [`crate::RiskError::Overflow`].
    pub fn moved(&self, before: &Self, now: &Self) -> Result<Self> {
        let footing = |start: &Footing, before: &Footing, now: &Footing| -> Result<Footing> {
            Ok(Footing {
                value: moved(start.value, before.value, now.value)?,
                requirement: moved(start.requirement, before.requirement, now.requirement)?,
            })
        };
        Ok(Self {
            footing: footing(&self.footing, &before.footing, &now.footing)?,
            apart: footing(&self.apart, &before.apart, &now.apart)?,
            equity: moved(self.equity, before.equity, now.equity)?,
        })
    }
}

fn moved(start: i128, before: i128, now: i128) -> Result<i128> {
    add(start, sub(now, before)?)
}
