//! Reading the program's events out of a transaction's logs.
use anchor_lang::{prelude::borsh::BorshDeserialize, Discriminator};
use base64::{engine::general_purpose::STANDARD, Engine};

mod table;

pub use table::{describe, Described, KINDS};

const DATA: &str = "Program data: ";
/// What the runtime writes in place of further lines when a transaction logged too much.
const TRUNCATED: &str = "Log truncated";

/// All events, in order, of whatever kind. `None` stands for data of the program that is no event of this version.
pub fn describe_all(logs: &[String]) -> Vec<Option<Described>> {
    let payloads = payloads(logs);
    payloads.iter().map(|payload| describe(payload)).collect()
}

/// True when the runtime cut the logs short, so that events may be missing from them.
pub fn is_truncated(logs: &[String]) -> bool {
    logs.iter().any(|line| line == TRUNCATED)
}

/// An event of a known kind.
pub fn read<E: Discriminator + BorshDeserialize>(payload: &[u8]) -> Option<E> {
    let body = payload.strip_prefix(E::DISCRIMINATOR)?;
    E::try_from_slice(body).ok()
}

/// All events of one kind, in order. Only lines that this program logged count: another program in the transaction can
/// log the same bytes.
pub fn of_kind<E: Discriminator + BorshDeserialize>(logs: &[String]) -> Vec<E> {
    payloads(logs)
        .iter()
        .filter_map(|payload| read(payload))
        .collect()
}

/// What this program logged as data, decoded from base64.
pub fn payloads(logs: &[String]) -> Vec<Vec<u8>> {
    let own = plimsoll::ID.to_string();
    let mut running: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in logs {
        if let Some(text) = line.strip_prefix(DATA) {
            if running.last() == Some(&own.as_str()) {
                found.extend(STANDARD.decode(text.trim()));
            }
        } else if let Some(rest) = line.strip_prefix("Program ") {
            match rest.split(' ').collect::<Vec<_>>()[..] {
                [program, "invoke", _] => running.push(program),
                [_, "success"] | [_, "failed:", ..] => {
                    running.pop();
                }
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::{prelude::Pubkey, Event};
    use plimsoll::events::InsuranceFunded;

    #[test]
    fn reads_only_what_the_program_itself_logged() {
        let exchange = Pubkey::new_from_array([7; 32]);
        let line = |amount| {
            let event = InsuranceFunded { exchange, amount };
            format!("{DATA}{}", STANDARD.encode(event.data()))
        };
        let own = plimsoll::ID;
        let logs: Vec<String> = vec![
            "Program Other111 invoke [1]".into(),
            line(1),
            format!("Program {own} invoke [2]"),
            line(2),
            format!("Program {own} consumed 5 of 10 compute units"),
            format!("Program {own} success"),
            line(3),
            "Program Other111 failed: custom program error: 0x1".into(),
            line(4),
        ];
        let found: Vec<InsuranceFunded> = of_kind(&logs);
        assert_eq!(found.iter().map(|e| e.amount).collect::<Vec<_>>(), [2]);
    }
}
