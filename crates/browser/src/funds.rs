//! Previews of deposits and withdrawals.
use plimsoll::state::{Bank, MarginAccount};
use plimsoll_client::{
    errors::Refusal,
    health::{HealthLines, Stale},
    preview::{FundsCase, FundsPreview, Standing},
    stress::Underlying,
};
use serde::{Deserialize, Serialize};

use crate::{
    input::{integer, optional_integer, Address, At, Part, Parts},
    output::{json, Answer},
    questions::Crossing,
};

/// An account before or after an instruction.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StandingOutput {
    lines: HealthLines,
    liquidation: Option<Crossing>,
}

impl From<Standing> for StandingOutput {
    fn from(standing: Standing) -> Self {
        Self {
            lines: standing.lines,
            liquidation: standing.liquidation.map(Crossing::from),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FundsInput {
    risk_state: Part,
    bank: Part,
    #[serde(default, deserialize_with = "optional_integer")]
    vault: Option<u64>,
    margin_account: Part,
    address: Address,
    signer: Address,
    clock: At,
    #[serde(default, deserialize_with = "integer")]
    amount: u64,
    #[serde(default)]
    allow_borrow: bool,
    #[serde(default)]
    underlying: Option<Underlying>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FundsOutput {
    refusal: Option<Refusal>,
    stale: Vec<Stale>,
    amount: u64,
    borrowed: u64,
    balance_before: i64,
    balance_after: i64,
    before: StandingOutput,
    after: Option<StandingOutput>,
}

impl From<FundsPreview> for FundsOutput {
    fn from(preview: FundsPreview) -> Self {
        Self {
            refusal: preview.refusal,
            stale: preview.stale,
            amount: preview.amount,
            borrowed: preview.borrowed,
            balance_before: preview.balance_before,
            balance_after: preview.balance_after,
            before: preview.before.into(),
            after: preview.after.map(StandingOutput::from),
        }
    }
}

/// What a deposit would come to.
pub fn preview_deposit(parts: &Parts) -> Answer {
    with_case(parts, |case, input| {
        json(&FundsOutput::from(case.deposit(input.amount)?))
    })
}

/// What a withdrawal would come to.
pub fn preview_withdraw(parts: &Parts) -> Answer {
    with_case(parts, |case, input| {
        let preview = case.withdraw(input.amount, input.allow_borrow)?;
        json(&FundsOutput::from(preview))
    })
}

/// The most that can be withdrawn.
pub fn max_withdraw(parts: &Parts) -> Answer {
    with_case(parts, |case, input| {
        json(&case.max_withdrawal(input.allow_borrow))
    })
}

fn with_case(parts: &Parts, run: impl FnOnce(&FundsCase, &FundsInput) -> Answer) -> Answer {
    let input: FundsInput = parts.header()?;
    let risk = input.clock.risk(parts, input.risk_state)?;
    let bank = parts.account::<Bank>(input.bank)?;
    let account = parts.account::<MarginAccount>(input.margin_account)?;
    let case = FundsCase {
        risk: &risk,
        bank: &bank,
        vault: input.vault,
        account_key: input.address.0,
        account: &account,
        signer: input.signer.0,
        clock: &input.clock.clock(),
        underlying: input.underlying.as_ref(),
    };
    run(&case, &input)
}
