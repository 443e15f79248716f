//! The faucet: test tokens for whoever asks, and lamports for fees.
use anchor_lang::{prelude::Pubkey, solana_program::system_instruction};
use serde::{Deserialize, Serialize};

use super::{server::Failure, Shared};
use crate::setup::{mint_to, wallet};

/// Most that one request gives, USD.
const CAP_USD: f64 = 1_000_000.0;
/// Lamports that an owner has at least afterwards.
const LAMPORTS: u64 = 1_000_000_000;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub struct Request {
    owner: String,
    /// Symbol of a listed asset.
    asset: String,
    /// Whole units, as a decimal number.
    amount: String,
}

/// What was given.
#[derive(Debug, Serialize)]
pub struct Given {
    signature: String,
    /// The owner's token account.
    account: String,
}

/// Mints the tokens to the owner's associated token account, which it opens, and tops up lamports.
pub async fn give(shared: &Shared, request: &Request) -> Result<Given, Failure> {
    let owner: Pubkey = request
        .owner
        .parse()
        .map_err(|_| Failure::bad(format!("owner {:?} is not an address", request.owner)))?;
    let assets = &shared.world.assets;
    let index = assets.iter().position(|a| a.symbol == request.asset);
    let index = index.ok_or_else(|| {
        let known: Vec<_> = assets.iter().map(|a| a.symbol).collect();
        Failure::bad(format!(
            "asset {:?} is not listed: there are {}",
            request.asset,
            known.join(", ")
        ))
    })?;
    let listed = &assets[index];
    let amount = native(&request.amount, listed.decimals).ok_or_else(|| {
        Failure::bad(format!(
            "amount {:?} is not a positive number of at most {} decimals",
            request.amount, listed.decimals
        ))
    })?;
    let price = shared.prices().now()[index];
    let usd = amount as f64 / 10f64.powi(i32::from(listed.decimals)) * price;
    if usd > CAP_USD {
        return Err(Failure::bad(format!(
            "{} {} are worth more than {CAP_USD} USD, the most that one request gives",
            request.amount, listed.symbol
        )));
    }
    let mut instructions = mint_to(&shared.wire, listed, &owner, amount);
    let has = shared.wire.rpc().get_balance(&owner).await;
    let missing = LAMPORTS.saturating_sub(has.map_err(Failure::broken)?);
    if missing > 0 {
        let payer = shared.wire.payer();
        instructions.push(system_instruction::transfer(&payer, &owner, missing));
    }
    let landed = shared.wire.send(&instructions, &[]).await;
    Ok(Given {
        signature: landed.map_err(Failure::broken)?.signature,
        account: wallet(&owner, &listed.asset).to_string(),
    })
}

/// Native units of a decimal number of whole units.
fn native(text: &str, decimals: u8) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let decimals = usize::from(decimals);
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > decimals {
        return None;
    }
    let amount: u64 = format!("{whole}{part:0<decimals$}").parse().ok()?;
    (amount > 0).then_some(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_units_become_native_ones_exactly() {
        assert_eq!(native("10000", 6), Some(10_000_000_000));
        assert_eq!(native("0.1", 9), Some(100_000_000));
        assert_eq!(native("1.000001", 6), Some(1_000_001));
        for wrong in [
            "",
            ".",
            ".5",
            "0",
            "0.0",
            "-1",
            "1e3",
            "1.0000001",
            "1,5",
            "99999999999999",
        ] {
            assert_eq!(native(wrong, 6), None, "{wrong}");
        }
    }
}
