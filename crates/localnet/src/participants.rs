//! Who takes part: makers, traders with their collateral and positions, a liquidator. Named by their roles.
use anchor_lang::prelude::Pubkey;
use anyhow::{Context, Result};
use plimsoll_client::instructions as ix;
use plimsoll_risk::MarginMode;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{
    random::Random,
    setup::{mint_to, wallet, World},
    wire::Wire,
};

/// Indices of the assets, in listing order.
pub mod asset {
    pub const USDC: usize = 0;
    pub const SOL: usize = 1;
    pub const BTC: usize = 2;
    pub const ETH: usize = 3;
    pub const STAKED: usize = 4;
}

/// Indices of the markets, in listing order.
pub mod market {
    pub const SOL: usize = 0;
    pub const BTC: usize = 1;
    pub const ETH: usize = 2;
    pub const STAKED: usize = 3;
}

/// A participant with its margin account.
pub struct Participant {
    pub name: String,
    pub keys: Keypair,
    /// Its margin account.
    pub account: Pubkey,
}

/// What a trader brings and does first.
pub struct Plan {
    pub name: &'static str,
    /// How its account is margined.
    pub mode: MarginMode,
    /// Part of the scenario after which it enters; zero for the start.
    pub enters: f64,
    /// Collateral: asset and whole tokens.
    pub deposits: &'static [(usize, f64)],
    /// Asset and whole tokens withdrawn as a loan, once the positions are there.
    pub borrow: Option<(usize, f64)>,
    /// Market and signed whole units of the base at its start price: whoever enters later buys for as much money.
    pub positions: &'static [(usize, f64)],
    /// Orders left in the book: market, signed whole units, and the price as a factor of the one at entry.
    pub resting: &'static [(usize, f64, f64)],
}

const fn plan(
    name: &'static str,
    deposits: &'static [(usize, f64)],
    borrow: Option<(usize, f64)>,
    positions: &'static [(usize, f64)],
) -> Plan {
    Plan {
        name,
        mode: MarginMode::Standard,
        enters: 0.0,
        deposits,
        borrow,
        positions,
        resting: &[],
    }
}

/// The same in portfolio margin.
const fn netted(plan: Plan) -> Plan {
    Plan {
        mode: MarginMode::Portfolio,
        ..plan
    }
}

/// Traders. Comments give the leverage on equity at the start prices.
pub const TRADERS: &[Plan] = &[
    // Longs on margin in the quote token: 7.5 x, 15 x, 9.5 x, and 3.8 x below.
    plan(
        "long-1",
        &[(asset::USDC, 20_000.0)],
        None,
        &[(market::SOL, 790.0)],
    ),
    plan(
        "long-3",
        &[(asset::USDC, 15_000.0)],
        None,
        &[(market::BTC, 1.9)],
    ),
    plan(
        "long-4",
        &[(asset::USDC, 10_000.0)],
        None,
        &[(market::SOL, 490.0)],
    ),
    // With orders in the book: a profit to take, and more to buy cheaply.
    Plan {
        name: "long-2",
        mode: MarginMode::Standard,
        enters: 0.0,
        deposits: &[(asset::USDC, 30_000.0)],
        borrow: None,
        positions: &[(market::SOL, 600.0)],
        resting: &[(market::SOL, -300.0, 1.08), (market::SOL, 60.0, 0.94)],
    },
    // Longs on collateral that falls with them: 9 x, 3 x, 4.6 x in two markets.
    plan(
        "long-5",
        &[(asset::USDC, 2_500.0), (asset::SOL, 200.0)],
        None,
        &[(market::BTC, 3.0)],
    ),
    plan(
        "long-6",
        &[(asset::SOL, 400.0)],
        None,
        &[(market::SOL, 800.0)],
    ),
    plan(
        "long-7",
        &[(asset::ETH, 20.0)],
        None,
        &[(market::SOL, 1_500.0), (market::BTC, 1.0)],
    ),
    // Shorts: 5.3 x, 6.4 x.
    plan(
        "short-1",
        &[(asset::USDC, 25_000.0)],
        None,
        &[(market::SOL, -700.0)],
    ),
    plan(
        "short-2",
        &[(asset::USDC, 40_000.0)],
        None,
        &[(market::BTC, -2.2)],
    ),
    // Spot hedged with a short of the same size.
    plan(
        "hedger-1",
        &[(asset::SOL, 1_000.0)],
        None,
        &[(market::SOL, -1_000.0)],
    ),
    plan(
        "hedger-2",
        &[(asset::STAKED, 800.0)],
        None,
        &[(market::SOL, -960.0)],
    ),
    // A loan of the quote token on ether; a loan of SOL on bitcoin, and one on staked SOL.
    plan(
        "borrower-1",
        &[(asset::ETH, 40.0)],
        Some((asset::USDC, 110_000.0)),
        &[],
    ),
    plan(
        "borrower-2",
        &[(asset::BTC, 2.0)],
        Some((asset::SOL, 700.0)),
        &[],
    ),
    plan(
        "staker-1",
        &[(asset::STAKED, 900.0)],
        Some((asset::SOL, 600.0)),
        &[],
    ),
    // In the smaller markets: 8 x long, and staked SOL sold against SOL bought.
    plan(
        "long-8",
        &[(asset::USDC, 12_000.0)],
        None,
        &[(market::ETH, 22.0)],
    ),
    plan(
        "spread-1",
        &[(asset::USDC, 30_000.0)],
        None,
        &[(market::SOL, 400.0), (market::STAKED, -330.0)],
    ),
    // In portfolio margin. A basket of longs on ether: 3.2 x. SOL sold for as much as is held, with a loan of four fifths
    // of it, which standard margin would not lend. Ether against bitcoin, 6 x and 6 x, and 7.5 x on both sides. SOL
    // against ether and bitcoin, 5 x and 5 x.
    netted(plan(
        "basket-1",
        &[(asset::ETH, 20.0)],
        None,
        &[(market::SOL, 700.0), (market::BTC, 0.5)],
    )),
    netted(plan(
        "carry-1",
        &[(asset::SOL, 1_000.0)],
        Some((asset::USDC, 150_000.0)),
        &[(market::SOL, -1_000.0)],
    )),
    netted(plan(
        "pair-1",
        &[(asset::ETH, 30.0)],
        Some((asset::USDC, 109_000.0)),
        &[(market::BTC, -1.1)],
    )),
    netted(plan(
        "pair-2",
        &[(asset::USDC, 17_000.0)],
        None,
        &[(market::BTC, -1.1), (market::ETH, 30.0)],
    )),
    netted(plan(
        "neutral-1",
        &[(asset::USDC, 18_000.0)],
        None,
        &[
            (market::ETH, -10.0),
            (market::BTC, -0.4),
            (market::SOL, 500.0),
        ],
    )),
    // Buy the dip after the first leg, with all the leverage there is.
    Plan {
        name: "dip-buyer-1",
        mode: MarginMode::Standard,
        enters: 0.55,
        deposits: &[(asset::USDC, 15_000.0)],
        borrow: None,
        positions: &[(market::SOL, 580.0)],
        resting: &[],
    },
    Plan {
        name: "dip-buyer-2",
        mode: MarginMode::Standard,
        enters: 0.55,
        deposits: &[(asset::ETH, 10.0)],
        borrow: None,
        positions: &[(market::BTC, 2.2)],
        resting: &[],
    },
];

/// Participants that quote, trade small sizes all the time, or liquidate: name and collateral.
pub const MAKERS: &[&str] = &["maker-1", "maker-2"];
pub const MAKER_DEPOSITS: &[(usize, f64)] = &[(asset::USDC, 4_000_000.0), (asset::SOL, 2_000.0)];
pub const FLOW: &[&str] = &["flow-1", "flow-2"];
pub const FLOW_DEPOSITS: &[(usize, f64)] = &[(asset::USDC, 200_000.0)];
pub const LIQUIDATOR: &str = "liquidator-1";
pub const LIQUIDATOR_DEPOSITS: &[(usize, f64)] = &[(asset::USDC, 2_500_000.0)];

/// Native units of whole tokens.
pub fn native(world: &World, asset: usize, whole: f64) -> u64 {
    (whole * 10f64.powi(i32::from(world.assets[asset].decimals))).round() as u64
}

/// Creates a participant, with an account that holds `deposits`.
pub async fn open(
    wire: &Wire,
    world: &World,
    seed: u64,
    name: &str,
    deposits: &[(usize, f64)],
) -> Result<Participant> {
    let keys = Keypair::new_from_array(Random::new(seed, name).bytes());
    let owner = keys.pubkey();
    let account = world.exchange.margin_account(&owner, 0);
    let create = ix::create_margin_account(&world.exchange, wire.payer(), owner, 0);
    // Nothing is deposited at a price in doubt.
    let mut instructions = world.refreshed(wire, [create]).await?;
    for (index, whole) in deposits {
        let listed = &world.assets[*index];
        let amount = native(world, *index, *whole);
        instructions.extend(mint_to(wire, listed, &owner, amount));
        instructions.push(ix::deposit(
            &world.exchange,
            owner,
            account,
            &listed.asset,
            wallet(&owner, &listed.asset),
            amount,
        ));
    }
    wire.send_all(instructions, &[&keys])
        .await
        .with_context(|| format!("fund {name}"))?;
    Ok(Participant {
        name: name.to_owned(),
        keys,
        account,
    })
}

/// Has the participant's account margined in a mode.
pub async fn choose_mode(
    wire: &Wire,
    world: &World,
    who: &Participant,
    mode: MarginMode,
) -> Result<()> {
    let owner = who.keys.pubkey();
    let choose = ix::set_margin_mode(&world.exchange, owner, who.account, mode);
    let instructions = world.refreshed(wire, [choose]).await?;
    wire.send(&instructions, &[&who.keys])
        .await
        .with_context(|| format!("{} chooses how it is margined", who.name))?;
    Ok(())
}

/// Takes a loan out of the account into the participant's wallet.
pub async fn borrow(
    wire: &Wire,
    world: &World,
    who: &Participant,
    (index, whole): (usize, f64),
) -> Result<()> {
    let listed = &world.assets[index];
    let owner = who.keys.pubkey();
    let mut instructions = world.refreshed(wire, []).await?;
    instructions.extend(mint_to(wire, listed, &owner, 0));
    instructions.push(ix::withdraw(
        &world.exchange,
        owner,
        who.account,
        &listed.asset,
        wallet(&owner, &listed.asset),
        native(world, index, whole),
        true,
    ));
    wire.send(&instructions, &[&who.keys])
        .await
        .with_context(|| format!("{} borrows", who.name))?;
    Ok(())
}
