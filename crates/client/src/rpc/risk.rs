//! Reads the risk report of an account from a node.
use anchor_lang::prelude::Pubkey;
use plimsoll::state::{MarginAccount, RiskState};

use super::{connection::clock_from, Connection, ReadError};
use crate::{
    decode::{decode, DecodeError},
    errors::Refusal,
    health::Mode,
    report::{Names, RiskReport},
    ExchangeRef,
};

/// Why there is no report.
#[derive(Debug)]
pub enum ReportError {
    /// An account could not be read.
    Read(ReadError),
    /// The account is of another exchange.
    Foreign(Pubkey),
    /// The program cannot tell the account's health.
    Untold(Refusal),
}

impl core::fmt::Display for ReportError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Foreign(address) => write!(f, "{address} is of another exchange"),
            Self::Untold(refusal) => {
                write!(f, "the account's risk cannot be told: {}", refusal.message)
            }
        }
    }
}

impl std::error::Error for ReportError {}

impl From<ReadError> for ReportError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl Connection {
    /// The risk report of a margin account, everything as of one slot; in another mode than the account's when one is
    /// named.
    ///
    /// # Errors
    /// [`ReportError`].
    pub async fn risk_report(
        &self,
        exchange: &ExchangeRef,
        names: &Names,
        address: &Pubkey,
        mode: Option<Mode>,
    ) -> Result<RiskReport, ReportError> {
        let wanted = [exchange.risk_state, *address, super::connection::CLOCK];
        let mut found = self.read(&wanted).await?.into_iter();
        let mut next = || match found.next() {
            Some(keyed) => keyed.account.ok_or(ReadError::Missing(keyed.address)),
            None => Err(ReadError::Missing(*address)),
        };
        let (risk, account, clock) = (next()?, next()?, next()?);
        let failed = |at: Pubkey| move |error: DecodeError| ReadError::Decode(at, error);
        let risk = decode::<RiskState>(&risk).map_err(failed(exchange.risk_state))?;
        let mut account = decode::<MarginAccount>(&account).map_err(failed(*address))?;
        if account.exchange != risk.exchange {
            return Err(ReportError::Foreign(*address));
        }
        if let Some(mode) = mode {
            account.margin_mode = mode.byte();
        }
        let clock = clock_from(&clock)?.sysvar();
        RiskReport::of(&risk, address, &account, names, &clock)
            .map_err(|error| ReportError::Untold(error.into()))
    }
}
