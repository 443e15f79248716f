//! What a transaction's logs tell of the program's instructions: their names, and which was refused.

/// What the program logs first in each instruction.
const STARTED: &str = "Program log: Instruction: ";

/// The instruction that a line names, as in `place_order`. Other programs log such lines too: see which one is running.
pub fn started(line: &str) -> Option<String> {
    let name = line.strip_prefix(STARTED)?.trim();
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    Some(out)
}

/// The last instruction of the program that was started at the top level. Calls it made to other programs log names of
/// their own, deeper.
pub fn running(logs: &[String]) -> Option<String> {
    let invoked = format!("Program {} invoke [1]", plimsoll::ID);
    let at = logs.iter().rposition(|line| *line == invoked)?;
    logs.get(at..)?.iter().find_map(|line| started(line))
}

/// The instruction that the program refused and the custom error code, if it refused one. The name is `None` when the
/// runtime cut the logs short of it.
pub fn refusal(logs: &[String]) -> Option<(Option<String>, u32)> {
    let failed = format!("Program {} failed: custom program error: 0x", plimsoll::ID);
    let code = logs.iter().find_map(|line| line.strip_prefix(&failed))?;
    let code = u32::from_str_radix(code.trim(), 16).ok()?;
    Some((running(logs), code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_refused_instruction_and_not_the_calls_it_made() {
        let own = plimsoll::ID;
        let logs = [
            &format!("Program {own} invoke [1]"),
            "Program log: Instruction: Refresh",
            &format!("Program {own} success"),
            &format!("Program {own} invoke [1]"),
            "Program log: Instruction: WithdrawInsurance",
            "Program Token invoke [2]",
            "Program log: Instruction: TransferChecked",
            "Program Token success",
            &format!("Program {own} failed: custom program error: 0x17b1"),
        ];
        let logs: Vec<String> = logs.iter().map(|line| (*line).to_owned()).collect();
        let name = Some("withdraw_insurance".to_owned());
        assert_eq!(refusal(&logs), Some((name.clone(), 6065)));
        assert_eq!(running(&logs), name);
        assert_eq!(refusal(&logs[..8]), None);
        assert_eq!(refusal(&logs[8..]), Some((None, 6065)));
    }
}
