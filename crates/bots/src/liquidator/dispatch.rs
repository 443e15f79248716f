//! Sending a plan, and what came of it.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::error::PlimsollError;
use plimsoll_client::{
    rpc::{ChainClock, SendError, Sender},
    transaction::Version,
};

use super::{
    calls::{Addresses, Liquidator},
    gains::Gains,
    outlook::Outlook,
    plan::Plan,
};
use crate::signed::{with_messages, Signed};

/// Refusals that say that somebody else was faster, or that the account has recovered meanwhile.
const LOST: &[PlimsollError] = &[
    PlimsollError::NotLiquidatable,
    PlimsollError::NothingToLiquidate,
    PlimsollError::NotBankrupt,
];

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It landed and changed something.
    Won { gains: Gains, units: Option<u64> },
    /// Somebody else was faster, or the account needs nothing any more.
    Lost(String),
    /// Too early: the account's feeds have published nothing newer than what it was flagged at.
    Early,
    /// The program refused it for another reason.
    Refused(String),
    /// It did not reach the chain, or its fate is not known.
    Failed(String),
    /// Nothing was sent; whether a simulation passed.
    Dry(Result<u64, String>),
}

impl Ending {
    /// A word for metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Won { .. } => "won",
            Self::Lost(_) => "lost",
            Self::Early => "early",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Dry(_) => "dry",
        }
    }

    fn of(error: &SendError) -> Self {
        let Some(refused) = error.refused() else {
            return Self::Failed(error.to_string());
        };
        match refused.refusal() {
            Some(refusal) if LOST.iter().any(|lost| refused.is(*lost)) => {
                Self::Lost(refusal.name())
            }
            Some(_) if refused.is(PlimsollError::SameObservation) => Self::Early,
            Some(refusal) => Self::Refused(refusal.name()),
            None => Self::Refused(refused.to_string()),
        }
    }
}

/// Sends plans for one liquidator. The sender simulates every transaction before it is sent, so that a lost race costs
/// nothing.
#[derive(Clone)]
pub struct Dispatcher {
    pub sender: Sender,
    pub who: Liquidator,
    /// Where prices come from that no account holds.
    pub signed: Signed,
    pub dry_run: bool,
}

impl Dispatcher {
    /// Carries out a plan. `outlook` prices what it brings.
    pub async fn carry_out(&self, addresses: &Addresses, plan: &Plan, outlook: &Outlook) -> Ending {
        let version = self.sender.version().await;
        let Some(mut transactions) = self.who.transactions(addresses, plan, version) else {
            return Ending::Failed("the plan names what is not listed".to_owned());
        };
        let Some(last) = transactions.pop() else {
            return Ending::Failed("the plan came to nothing".to_owned());
        };
        let feeds: Vec<u8> = plan.refresh.iter().map(|due| due.feed).collect();
        let (ahead, last) = self.with_prices(addresses, &feeds, last, outlook, version);
        if self.dry_run {
            return self.simulate(&last).await;
        }
        for ahead in transactions.into_iter().chain(ahead) {
            if let Err(error) = self.sender.send(&ahead, &[]).await {
                return Ending::of(&error);
            }
        }
        match self.sender.send(&last, &[]).await {
            Err(error) => Ending::of(&error),
            Ok(landed) => {
                let gains = Gains::of(&landed.logs, outlook, &self.who.account);
                if gains.is_nothing() && !landed.logs.is_empty() {
                    return Ending::Lost("nothing was left to do".to_owned());
                }
                Ending::Won {
                    gains,
                    units: landed.units,
                }
            }
        }
    }

    /// The last transaction of some, with newer signed prices of these feeds in front of it, or ahead of it.
    pub fn with_prices(
        &self,
        addresses: &Addresses,
        feeds: &[u8],
        last: Vec<Instruction>,
        outlook: &Outlook,
        version: Version,
    ) -> (Vec<Vec<Instruction>>, Vec<Instruction>) {
        let clock = ChainClock {
            slot: 0,
            unix_time: outlook.unix_time(),
        };
        let messages = self.signed.news_for(feeds, outlook.risk(), clock);
        let (exchange, payer) = (&addresses.exchange, self.who.signer);
        let mut all = with_messages(exchange, &messages, last, &payer, version);
        let last = all.pop().unwrap_or_default();
        (all, last)
    }

    async fn simulate(&self, instructions: &[Instruction]) -> Ending {
        Ending::Dry(match self.sender.simulate(instructions).await {
            Ok(passed) => Ok(passed.units),
            Err(error) => Err(error.to_string()),
        })
    }
}
