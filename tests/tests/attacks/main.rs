//! What an attacker gains where it is he who sends the transactions: over a grid of moves and delays it is nothing, or the
//! program refuses by name. Each file is a family: the attack and its neighbours.
mod announced;
mod auctions;
mod banks;
mod brake;
mod caps;
mod dead_feeds;
mod delegates;
mod dips;
mod dust;
mod fallback;
mod fees;
mod funding;
mod hedges;
mod orders;
mod profits;
mod reduce_only;
mod signed;
mod silence;
mod trends;
mod two_moments;
mod unpaid;
mod weights;

use plimsoll::error::PlimsollError;
use plimsoll_client::errors;
use plimsoll_tests::{TestError, TxOutcome};

/// By how much the true price moves.
const MOVES: [f64; 5] = [0.005, 0.01, 0.02, 0.05, 0.1];
/// Seconds between two things that the attacker plays against each other.
const DELAYS: [i64; 5] = [1, 5, 20, 60, 120];

/// Every move with every delay, up and down in turn.
fn grid() -> impl Iterator<Item = (f64, i64)> {
    let pairs = MOVES
        .into_iter()
        .flat_map(|by| DELAYS.map(|delay| (by, delay)));
    pairs.enumerate().map(|(at, (by, delay))| {
        let by = if at % 2 == 0 { by } else { -by };
        (by, delay)
    })
}

/// Every fall with every delay.
fn falls() -> impl Iterator<Item = (f64, i64)> {
    MOVES
        .into_iter()
        .flat_map(|by| DELAYS.map(|delay| (by, delay)))
}

/// Requires that a call was refused, and with one of these errors.
fn assert_one_of(result: Result<TxOutcome, TestError>, allowed: &[PlimsollError]) {
    match result {
        Ok(outcome) => panic!("went through\n{}", outcome.logs.join("\n")),
        Err(error) => {
            let codes: Vec<_> = allowed.iter().map(|e| Some(errors::code(*e))).collect();
            assert!(codes.contains(&error.code()), "{error:?}");
        }
    }
}
