//! What a transaction's logs tell: compute units of each instruction, and the program's events.
use anchor_lang::{AnchorDeserialize, Discriminator};
use plimsoll::events::{
    BankruptcyResolved, CollateralLiquidated, FeesCollected, FillsSettled, InsuranceFunded,
    LiquidationFlag, OrderFilled, PnlSettled, PositionLiquidated, RefreshSkipped,
};
use plimsoll_client::{events, logs::started};

/// A transaction that was executed.
#[derive(Clone, Debug)]
pub struct Landed {
    pub signature: String,
    pub lines: Vec<String>,
    /// Compute units of the whole transaction.
    pub units: u64,
    /// Name and compute units of each top-level instruction of the program.
    pub instructions: Vec<(String, u64)>,
}

/// The program's events that the report is made of.
pub enum Happened {
    Flag(LiquidationFlag),
    Position(PositionLiquidated),
    Collateral(CollateralLiquidated),
    Bankruptcy(BankruptcyResolved),
    OrderFilled(OrderFilled),
    FillsSettled(FillsSettled),
    PnlSettled(PnlSettled),
    InsuranceFunded(InsuranceFunded),
    FeesCollected(FeesCollected),
    RefreshSkipped(RefreshSkipped),
}

impl Landed {
    pub fn new(signature: String, lines: Vec<String>, units: u64) -> Self {
        let instructions = instruction_units(&lines);
        Self {
            signature,
            lines,
            units,
            instructions,
        }
    }
}

/// All events of a transaction that the report uses, in order.
pub fn happened(lines: &[String]) -> Vec<Happened> {
    events::payloads(lines)
        .iter()
        .filter_map(|data| {
            event(data, Happened::Flag)
                .or_else(|| event(data, Happened::Position))
                .or_else(|| event(data, Happened::Collateral))
                .or_else(|| event(data, Happened::Bankruptcy))
                .or_else(|| event(data, Happened::OrderFilled))
                .or_else(|| event(data, Happened::FillsSettled))
                .or_else(|| event(data, Happened::PnlSettled))
                .or_else(|| event(data, Happened::InsuranceFunded))
                .or_else(|| event(data, Happened::FeesCollected))
                .or_else(|| event(data, Happened::RefreshSkipped))
        })
        .collect()
}

fn event<E: Discriminator + AnchorDeserialize>(
    data: &[u8],
    wrap: impl FnOnce(E) -> Happened,
) -> Option<Happened> {
    let body = data.strip_prefix(E::DISCRIMINATOR)?;
    E::try_from_slice(body).ok().map(wrap)
}

/// Name and compute units of each top-level instruction of the program, from the runtime's own lines.
fn instruction_units(lines: &[String]) -> Vec<(String, u64)> {
    let own = plimsoll::ID.to_string();
    let mut found = Vec::new();
    let (mut depth, mut name) = (0u32, None);
    for line in lines {
        if let Some(text) = started(line) {
            if depth == 1 && name.is_none() {
                name = Some(text);
            }
            continue;
        }
        let Some(rest) = line.strip_prefix("Program ") else {
            continue;
        };
        match rest.split(' ').collect::<Vec<_>>()[..] {
            [_, "invoke", _] => {
                depth += 1;
                if depth == 1 {
                    name = None;
                }
            }
            [program, "consumed", units, "of", ..] if depth == 1 && program == own => {
                if let (Some(name), Ok(units)) = (name.take(), units.parse()) {
                    found.push((name, units));
                }
            }
            [_, "success"] | [_, "failed:", ..] => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let own = plimsoll::ID.to_string();
        text.lines()
            .map(|l| l.trim().replace("OWN", &own))
            .collect()
    }

    #[test]
    fn counts_top_level_instructions_of_the_program_only() {
        let lines = lines(
            "Program OWN invoke [1]
             Program log: Instruction: PlaceOrder
             Program OWN consumed 11000 of 200000 compute units
             Program OWN success
             Program OWN invoke [1]
             Program log: Instruction: Deposit
             Program Token invoke [2]
             Program log: Instruction: TransferChecked
             Program Token consumed 6000 of 180000 compute units
             Program Token success
             Program OWN consumed 21000 of 189000 compute units
             Program OWN success
             Program Other invoke [1]
             Program Other consumed 5 of 10 compute units
             Program Other success",
        );
        let expected = [
            ("place_order".to_owned(), 11_000),
            ("deposit".to_owned(), 21_000),
        ];
        assert_eq!(instruction_units(&lines), expected);
    }
}
