//! What a transaction brought the liquidator, from the events in its logs.
use anchor_lang::prelude::Pubkey;
use plimsoll::events::{
    BankruptcyResolved, CollateralLiquidated, LiquidationFlag, PositionLiquidated,
};
use plimsoll_client::events;
use plimsoll_risk::fixed::scale_floor;

use super::outlook::Outlook;

/// What was gained, native quote at the prices of an outlook, and what happened beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gains {
    /// Fees for positions taken over, without insurance's part and with what it added.
    pub positions: i128,
    /// Value of collateral received beyond that of the debt repaid.
    pub collateral: i128,
    /// Takeovers and swaps.
    pub moves: u32,
    /// Debts resolved.
    pub resolved: u32,
    /// Accounts flagged, or cleared, by the transaction.
    pub flags: u32,
}

impl Gains {
    /// Reads a transaction's logs. Only what `own` took counts.
    pub fn of(logs: &[String], outlook: &Outlook, own: &Pubkey) -> Self {
        let mut gains = Self::default();
        for event in events::of_kind::<PositionLiquidated>(logs) {
            if event.liquidator == *own {
                let kept = i128::from(event.fee) - i128::from(event.insurance_fee);
                gains.positions += kept + i128::from(event.top_up);
                gains.moves += 1;
            }
        }
        for event in events::of_kind::<CollateralLiquidated>(logs) {
            if event.liquidator == *own {
                gains.collateral += bonus(&event, outlook);
                gains.moves += 1;
            }
        }
        let count = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
        gains.resolved = count(events::of_kind::<BankruptcyResolved>(logs).len());
        gains.flags = count(events::of_kind::<LiquidationFlag>(logs).len());
        gains
    }

    /// Whether anything at all came of the transaction.
    pub fn is_nothing(&self) -> bool {
        self.moves + self.resolved + self.flags == 0
    }

    /// All that was gained.
    pub fn total(&self) -> i128 {
        self.positions + self.collateral
    }
}

fn bonus(event: &CollateralLiquidated, outlook: &Outlook) -> i128 {
    let received = event.seized.saturating_sub(event.insurance);
    let received = received.saturating_add(event.top_up);
    value(outlook, event.collateral, event.collateral_is_pnl, received)
        - value(outlook, event.debt, event.debt_is_pnl, event.repaid)
}

fn value(outlook: &Outlook, index: u16, is_claim: bool, amount: u64) -> i128 {
    let Ok(entry) = outlook.risk().asset(index) else {
        return i128::from(amount);
    };
    match is_claim {
        true => i128::from(amount),
        false => {
            let amount = i64::try_from(amount).unwrap_or(i64::MAX);
            scale_floor(amount, entry.price.spot, entry.shift)
        }
    }
}
