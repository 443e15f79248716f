//! What an instruction would do, by the program's own code on copies of the accounts.
//!
//! A preview says exactly what the chain would at the same accounts and clock: the same fills, fees and refusals. What
//! it cannot know is what lands first: other orders, fresher prices, and the interest of the seconds in between.
//!
//! - [`order`](OrderCase::preview): matching, booking and health of an order, and [`max_order`](OrderCase::max_lots);
//! - [`funds`](FundsCase): deposits and withdrawals, and the most that can be withdrawn;
//! - [`cancel`]: an order, or all of a market's.
mod cancel;
mod funds;
mod order;
mod recorder;
mod room;

pub use cancel::{cancel, CancelCase, CancelPreview, Cancels};
pub use funds::{FundsCase, FundsPreview, MaxWithdrawal};
pub use order::{Ended, FillPreview, OrderCase, OrderPreview};
pub use room::MaxOrder;

use anchor_lang::prelude::{Clock, Error, Pubkey};
use plimsoll::{
    error::PlimsollError,
    state::{Delegation, MarginAccount, RiskState},
};
use plimsoll_risk::Purpose;
use serde::Serialize;

use crate::{
    errors::Refusal,
    health::{lines, stale, HealthLines, Stale},
    stress::{crossings, Crossings, Line, Stable, Underlying},
};

/// An account before or after an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    pub lines: HealthLines,
    /// Where maintenance health crosses zero as the underlying that was asked about moves.
    pub liquidation: Option<Crossings>,
}

impl Standing {
    /// The account's at a time; the liquidation price of `underlying`, when one is asked about.
    ///
    /// # Errors
    /// The program's, when the account names an entry that the risk state does not hold.
    pub fn of(
        risk: &RiskState,
        account: &MarginAccount,
        underlying: Option<&Underlying>,
        clock: &Clock,
    ) -> Result<Self, Error> {
        let liquidation = match underlying {
            Some(of) => {
                let asked = [Line::Maintenance];
                crossings(risk, account, of, Stable::Follows, &asked, clock)?.pop()
            }
            None => None,
        };
        Ok(Self {
            lines: lines(risk, account, clock)?,
            liquidation,
        })
    }
}

/// The check of who signs: the owner, or a delegate by its delegation.
fn require_signer(
    account: &MarginAccount,
    key: &Pubkey,
    signer: &Pubkey,
    delegation: Option<&Delegation>,
    clock: &Clock,
) -> Result<(), Error> {
    if account.owner == *signer {
        return Ok(());
    }
    delegation
        .ok_or(PlimsollError::NotOwnerOrDelegate)?
        .require_of(key, signer, clock.unix_timestamp)
}

/// Whether an entry has to be refreshed first.
fn is_stale(refusal: Option<&Refusal>) -> bool {
    refusal.is_some_and(|refusal| refusal.code == u32::from(PlimsollError::StaleEntry))
}

/// For a refusal over a stale entry, those that an account needs for a purpose.
fn blocking(
    risk: &RiskState,
    account: &MarginAccount,
    refusal: Option<&Refusal>,
    purpose: Purpose,
    clock: &Clock,
) -> Result<Vec<Stale>, Error> {
    if !is_stale(refusal) {
        return Ok(Vec::new());
    }
    let mut stale = stale(risk, account, purpose, clock)?;
    stale.retain(|entry| entry.blocks);
    Ok(stale)
}
