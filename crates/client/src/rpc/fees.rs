//! Recent priority fees on the accounts that a transaction writes.
use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use solana_rpc_client_api::client_error::Error as ClientError;
use tokio::sync::Mutex;

use super::Connection;

/// How long a look at recent fees counts.
const FEES_LAST: Duration = Duration::from_secs(10);
/// Account sets whose fees are remembered.
const FEES_REMEMBERED: usize = 256;
/// Most accounts that the node takes in a question about fees.
const FEE_ACCOUNTS: usize = 128;

/// Accounts that instructions write, for which they compete with others.
fn written(instructions: &[Instruction]) -> Vec<Pubkey> {
    let metas = instructions.iter().flat_map(|i| &i.accounts);
    let keys: BTreeSet<Pubkey> = metas.filter(|m| m.is_writable).map(|m| m.pubkey).collect();
    keys.into_iter().take(FEE_ACCOUNTS).collect()
}

/// When fees were looked at, and what they were, ascending.
type Look = (Instant, Vec<u64>);

/// Recent priority fees by the accounts that were written.
#[derive(Default)]
pub(super) struct RecentFees {
    seen: Mutex<HashMap<Vec<Pubkey>, Look>>,
}

impl RecentFees {
    /// A percentile, 0 to 100, over the last slots of the lowest fee that got a transaction on these accounts in, in
    /// micro-lamports per compute unit.
    pub(super) async fn percentile(
        &self,
        connection: &Connection,
        instructions: &[Instruction],
        percentile: u8,
    ) -> Result<u64, ClientError> {
        let accounts = written(instructions);
        let mut seen = self.seen.lock().await;
        if let Some((at, fees)) = seen.get(&accounts) {
            if at.elapsed() < FEES_LAST {
                return Ok(pick(fees, percentile));
            }
        }
        // Not held while the node thinks: others need not wait for it.
        drop(seen);
        let recent = connection
            .rpc()
            .get_recent_prioritization_fees(&accounts)
            .await?;
        let mut fees: Vec<u64> = recent.iter().map(|fee| fee.prioritization_fee).collect();
        fees.sort_unstable();
        let chosen = pick(&fees, percentile);
        seen = self.seen.lock().await;
        if seen.len() >= FEES_REMEMBERED {
            seen.clear();
        }
        seen.insert(accounts, (Instant::now(), fees));
        Ok(chosen)
    }
}

/// A percentile of sorted values; zero of none.
fn pick(sorted: &[u64], percentile: u8) -> u64 {
    let last = sorted.len().saturating_sub(1);
    let at = last * usize::from(percentile.min(100)) / 100;
    sorted.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_percentiles() {
        let fees = [0, 10, 20, 30, 40];
        assert_eq!(pick(&fees, 0), 0);
        assert_eq!(pick(&fees, 50), 20);
        assert_eq!(pick(&fees, 100), 40);
        assert_eq!(pick(&[], 50), 0);
    }
}
