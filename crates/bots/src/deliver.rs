//! Sending with a count of what became of it, and telling apart what is part of business and what is not.
use anchor_lang::solana_program::instruction::Instruction;
use anyhow::{Error, Result};
use plimsoll::error::PlimsollError;
use plimsoll_client::rpc::{Landed, SendError};
use solana_keypair::Keypair;

use crate::context::Context;

/// What became of a transaction.
#[derive(Debug)]
pub enum Delivery {
    /// It was executed.
    Landed(Landed),
    /// The program refused it for a reason that is part of business: mostly, somebody else was faster.
    Refused(PlimsollError),
}

impl Delivery {
    /// Whether it was executed.
    pub fn is_landed(&self) -> bool {
        matches!(self, Self::Landed(_))
    }
}

impl Context {
    /// Sends one transaction for `action`, a name for logs and metrics. The refusals `expected` are outcomes and no
    /// errors.
    ///
    /// # Errors
    /// Any other refusal; a transaction that expired, or whose fate is unknown.
    pub async fn deliver(
        &self,
        action: &'static str,
        instructions: &[Instruction],
        signers: &[&Keypair],
        expected: &[PlimsollError],
    ) -> Result<Delivery> {
        match self.require_sender()?.send(instructions, signers).await {
            Ok(landed) => {
                self.metrics.landed(action, landed.units);
                tracing::debug!(action, signature = %landed.signature, units = landed.units, "landed");
                Ok(Delivery::Landed(landed))
            }
            Err(SendError::Refused(refused)) => {
                let refusal = refused.refusal();
                let is_expected = |e: &PlimsollError| Some(e.name()) == refusal.map(|r| r.name());
                let known = refusal.filter(|_| expected.iter().any(is_expected));
                let name = refusal.map_or_else(|| "other".to_owned(), |refusal| refusal.name());
                self.metrics.refused(action, &name, known.is_some());
                match known {
                    Some(refusal) => {
                        tracing::debug!(action, error = name, "refused");
                        Ok(Delivery::Refused(refusal))
                    }
                    None => Err(Error::new(SendError::Refused(refused)).context(action)),
                }
            }
            Err(error) => {
                self.metrics.lost(action);
                Err(Error::new(error).context(action))
            }
        }
    }
}
