//! How transactions are sent, and what comes of it.
use std::time::Duration;

use solana_rpc_client_api::client_error::Error as ClientError;
use solana_signature::Signature;

use super::refusal::Refused;
use crate::transaction::{Size, Version};

/// How a sender treats its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendPolicy {
    pub compute: ComputeLimit,
    pub fee: PriorityFee,
    /// Between two looks at the status.
    pub poll_every: Duration,
    /// Between two repetitions of an unchanged transaction.
    pub resend_every: Duration,
    /// How often a transaction that can no longer land is signed anew.
    pub renewals: u32,
    /// Whether [`Landed`] is to have the logs and units of the execution, for one more call each.
    pub read_back: bool,
}

impl Default for SendPolicy {
    fn default() -> Self {
        Self {
            compute: ComputeLimit::Simulated {
                margin_percent: 20,
                floor: 20_000,
            },
            fee: PriorityFee::None,
            poll_every: Duration::from_millis(300),
            resend_every: Duration::from_secs(2),
            renewals: 1,
            read_back: true,
        }
    }
}

/// The compute-unit limit of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputeLimit {
    /// What simulation took and a margin, since the state may have changed when it lands, and at least `floor`.
    Simulated { margin_percent: u32, floor: u32 },
    /// This, without simulation: faster by one call, and refusals cost a fee.
    Fixed(u32),
}

/// What is paid per compute unit to be taken before others, micro-lamports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorityFee {
    None,
    Fixed(u64),
    /// A percentile (0 to 100) of what recently got transactions in that write the same accounts, within bounds.
    Recent {
        percentile: u8,
        at_least: u64,
        at_most: u64,
    },
}

/// A transaction that was executed.
#[derive(Clone, Debug)]
pub struct Landed {
    pub signature: Signature,
    pub slot: u64,
    /// Compute units, when the node returned the transaction.
    pub units: Option<u64>,
    /// Empty when the node did not return the transaction in time, or was not asked.
    pub logs: Vec<String>,
}

/// A simulation that passed.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// State that it ran on.
    pub slot: u64,
    pub units: u64,
    pub logs: Vec<String>,
    /// What the last instruction returned, as [`crate::instructions::account_health`] does.
    pub return_data: Option<Vec<u8>>,
}

/// Why a transaction did not happen, or is not known to have.
#[derive(Debug)]
pub enum SendError {
    /// It failed, in simulation or on chain.
    Refused(Box<Refused>),
    /// It did not land within the life of its blockhashes and no longer can.
    Expired { last: Signature },
    /// It takes more than a transaction of this version may.
    TooLarge { version: Version, size: Size },
    /// The node does not take it as it is written; those of version 1 are then tried in version 0 first.
    Version(String),
    /// A signer that the instructions name is missing.
    Unsigned(String),
    /// The node refused it or does not answer. With a signature the fate of the transaction is unknown.
    Rpc {
        error: Box<ClientError>,
        signature: Option<Signature>,
    },
}

impl SendError {
    /// The program's refusal of it, if it was refused.
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// Whether it is this refusal.
    pub fn is(&self, refusal: plimsoll::error::PlimsollError) -> bool {
        self.refused().is_some_and(|refused| refused.is(refusal))
    }

    pub(super) fn rpc(error: ClientError, signature: Option<Signature>) -> Self {
        Self::Rpc {
            error: Box::new(error),
            signature,
        }
    }
}

impl core::fmt::Display for SendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Expired { last } => write!(f, "transaction {last} expired before it landed"),
            Self::TooLarge { version, size } => {
                let most = version.limits();
                write!(
                    f,
                    "the transaction has {} bytes and {} addresses, {} and {} are allowed",
                    size.bytes, size.addresses, most.bytes, most.addresses
                )
            }
            Self::Version(reason) => write!(f, "the node does not take the transaction: {reason}"),
            Self::Unsigned(reason) => write!(f, "cannot sign the transaction: {reason}"),
            Self::Rpc {
                error,
                signature: None,
            } => write!(f, "the node did not take the transaction: {error}"),
            Self::Rpc {
                error,
                signature: Some(signature),
            } => write!(f, "the fate of transaction {signature} is unknown: {error}"),
        }
    }
}

impl std::error::Error for SendError {}
