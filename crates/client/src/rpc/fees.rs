//! Compute budget and size of transactions: the instructions that set it, what recent priority fees were, and how many
//! instructions go into one.
use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use anchor_lang::{
    prelude::{pubkey, Pubkey},
    solana_program::instruction::Instruction,
};
use solana_rpc_client_api::client_error::Error as ClientError;
use solana_transaction::Transaction;
use tokio::sync::Mutex;

use super::Connection;

const COMPUTE_BUDGET: Pubkey = pubkey!("ComputeBudget111111111111111111111111111111");
/// Most compute units of a transaction.
pub(super) const MAX_UNITS: u32 = 1_400_000;
/// Most bytes of a transaction.
pub(super) const MAX_BYTES: usize = 1232;
/// Most accounts that a transaction locks.
const MAX_ACCOUNTS: usize = 64;
/// How long a look at recent fees counts.
const FEES_LAST: Duration = Duration::from_secs(10);
/// Account sets whose fees are remembered.
const FEES_REMEMBERED: usize = 256;
/// Most accounts that the node takes in a question about fees.
const FEE_ACCOUNTS: usize = 128;

/// The instructions that precede a transaction's own.
pub(super) fn prefix(units: u32, micro_lamports: u64) -> [Instruction; 2] {
    let set = |tag: u8, value: &[u8]| Instruction {
        program_id: COMPUTE_BUDGET,
        accounts: Vec::new(),
        data: [&[tag], value].concat(),
    };
    [
        set(2, &units.to_le_bytes()),
        set(3, &micro_lamports.to_le_bytes()),
    ]
}

/// How many instructions [`prefix`] gives.
pub(super) const PREFIX: usize = 2;

/// Bytes of a transaction with these instructions once every signer of them signed.
pub(super) fn bytes(instructions: &[Instruction], payer: &Pubkey) -> usize {
    let message = Transaction::new_with_payer(instructions, Some(payer)).message;
    let signatures = usize::from(message.header.num_required_signatures);
    1 + 64 * signatures + message.serialize().len()
}

/// Instructions in order, in as few transactions as their size allows. One that does not fit alone stands alone.
pub(super) fn pack(instructions: Vec<Instruction>, payer: &Pubkey) -> Vec<Vec<Instruction>> {
    let mut packed: Vec<Vec<Instruction>> = Vec::new();
    for instruction in instructions {
        if let Some(last) = packed.last_mut() {
            last.push(instruction);
            if fits(last, payer) {
                continue;
            }
            let too_much = last.pop();
            packed.push(too_much.into_iter().collect());
        } else {
            packed.push(vec![instruction]);
        }
    }
    packed
}

fn fits(instructions: &[Instruction], payer: &Pubkey) -> bool {
    let mut all = prefix(MAX_UNITS, u64::MAX).to_vec();
    all.extend_from_slice(instructions);
    let message = Transaction::new_with_payer(&all, Some(payer)).message;
    message.account_keys.len() <= MAX_ACCOUNTS && bytes(&all, payer) <= MAX_BYTES
}

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
    use anchor_lang::solana_program::instruction::AccountMeta;

    fn instruction(first_account: u8, accounts: u8) -> Instruction {
        let key = |i: u8| Pubkey::new_from_array([first_account.wrapping_add(i); 32]);
        Instruction {
            program_id: plimsoll::ID,
            accounts: (0..accounts)
                .map(|i| AccountMeta::new(key(i), false))
                .collect(),
            data: vec![0; 16],
        }
    }

    #[test]
    fn packs_in_order_as_many_as_fit() {
        let payer = Pubkey::new_from_array([255; 32]);
        let all: Vec<_> = (0..10).map(|i| instruction(1 + i * 10, 10)).collect();
        let packed = pack(all.clone(), &payer);
        assert_eq!(packed.concat(), all);
        assert!(packed.len() > 1 && packed.len() < 10);
        for batch in &packed {
            assert!(fits(batch, &payer));
        }
        let same: Vec<_> = (0..10).map(|_| instruction(1, 10)).collect();
        assert_eq!(pack(same, &payer).len(), 1);
        assert!(pack(Vec::new(), &payer).is_empty());
    }

    #[test]
    fn what_never_fits_stands_alone() {
        let payer = Pubkey::new_from_array([255; 32]);
        let all = vec![instruction(1, 2), instruction(1, 60), instruction(1, 2)];
        let lengths: Vec<_> = pack(all, &payer).iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 1, 1]);
    }

    #[test]
    fn picks_percentiles() {
        let fees = [0, 10, 20, 30, 40];
        assert_eq!(pick(&fees, 0), 0);
        assert_eq!(pick(&fees, 50), 20);
        assert_eq!(pick(&fees, 100), 40);
        assert_eq!(pick(&[], 50), 0);
    }

    #[test]
    fn encodes_the_budget() {
        let [limit, price] = prefix(300_000, 7);
        assert_eq!(limit.data, [2, 0xe0, 0x93, 4, 0]);
        assert_eq!(price.data, [3, 7, 0, 0, 0, 0, 0, 0, 0]);
    }
}
