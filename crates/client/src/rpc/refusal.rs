//! Why a transaction failed, in the program's terms.
use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::error::PlimsollError;
use solana_instruction_error::InstructionError;
use solana_signature::Signature;
use solana_transaction_error::TransactionError;

use crate::{errors, logs::running};

/// A transaction that failed, in simulation or on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The custom error code, when an instruction of this program failed with one.
    pub code: Option<u32>,
    /// The instruction that failed, as in `place_order`, if it is this program's.
    pub instruction: Option<String>,
    /// For people.
    pub description: String,
    pub logs: Vec<String>,
    /// Of the transaction when it landed and failed, which costs its fee; none when simulation already failed.
    pub signature: Option<Signature>,
}

impl Refused {
    /// The program's own refusal, if it is one.
    pub fn refusal(&self) -> Option<PlimsollError> {
        self.code.and_then(errors::from_code)
    }

    /// Whether it is this refusal.
    pub fn is(&self, refusal: PlimsollError) -> bool {
        self.code == Some(errors::code(refusal))
    }

    /// Tells what `error` of a transaction of `instructions` means. `before` instructions that set the budget precede
    /// them.
    pub(super) fn new(
        error: &TransactionError,
        instructions: &[Instruction],
        before: usize,
        logs: Vec<String>,
        signature: Option<Signature>,
    ) -> Self {
        let failed = match error {
            TransactionError::InstructionError(index, inner) => usize::from(*index)
                .checked_sub(before)
                .and_then(|i| instructions.get(i))
                .map(|instruction| (instruction.program_id, inner)),
            _ => None,
        };
        let own = failed.filter(|(program, _)| *program == plimsoll::ID);
        let instruction = own.and_then(|_| running(&logs));
        let (code, description) = match (own, failed) {
            (Some((_, InstructionError::Custom(code))), _) => {
                (Some(*code), errors::describe(*code))
            }
            (Some((_, inner)), _) => (None, inner.to_string()),
            (None, Some((program, inner))) => (None, format!("program {program}: {inner}")),
            (None, None) => (None, error.to_string()),
        };
        Self {
            code,
            instruction,
            description,
            logs,
            signature,
        }
    }
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.instruction {
            Some(name) => write!(f, "{name} refused: {}", self.description),
            None => write!(f, "transaction refused: {}", self.description),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::prelude::Pubkey;

    fn of(program: Pubkey) -> Instruction {
        Instruction {
            program_id: program,
            accounts: Vec::new(),
            data: Vec::new(),
        }
    }

    fn failed(index: u8, inner: InstructionError) -> TransactionError {
        TransactionError::InstructionError(index, inner)
    }

    #[test]
    fn names_the_programs_refusal_and_its_instruction() {
        let own = plimsoll::ID;
        let logs = [
            &format!("Program {own} invoke [1]"),
            "Program log: Instruction: Refresh",
            &format!("Program {own} success"),
            &format!("Program {own} invoke [1]"),
            "Program log: Instruction: PlaceOrder",
            "Program Token invoke [2]",
            "Program log: Instruction: TransferChecked",
        ];
        let logs: Vec<String> = logs.iter().map(|s| (*s).to_owned()).collect();
        let code = errors::code(PlimsollError::InsufficientHealth);
        let error = failed(3, InstructionError::Custom(code));
        let refused = Refused::new(&error, &[of(own), of(own)], 2, logs, None);
        assert_eq!(refused.code, Some(code));
        assert!(refused.is(PlimsollError::InsufficientHealth));
        let text = refused.to_string();
        assert!(
            text.starts_with("place_order refused: InsufficientHealth"),
            "{text}"
        );
    }

    #[test]
    fn does_not_take_another_programs_code_for_its_own() {
        let other = Pubkey::new_from_array([5; 32]);
        let error = failed(2, InstructionError::Custom(6000));
        let refused = Refused::new(&error, &[of(other)], 2, Vec::new(), None);
        assert_eq!(refused.code, None);
        assert!(refused.description.contains(&other.to_string()));
        let error = TransactionError::AccountNotFound;
        let refused = Refused::new(&error, &[of(other)], 2, Vec::new(), None);
        assert!(refused.to_string().starts_with("transaction refused"));
    }
}
