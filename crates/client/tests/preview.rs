//! Previews of deposits and withdrawals at prices of any age, by the rules of the program.
use anchor_lang::prelude::Pubkey;
use bytemuck::zeroed_box;
use plimsoll::{
    error::PlimsollError,
    state::{Bank, MarginAccount, RiskState},
};
use plimsoll_client::{
    health::StaleKind,
    preview::{FundsCase, FundsPreview},
};
use plimsoll_risk::{Balance, PerpPosition, Shares, INDEX_ONE};

mod common;
use common::{now, Dice, NOW};

const OWNER: Pubkey = Pubkey::new_from_array([9; 32]);
/// The asset that is moved.
const ASSET: u16 = 1;

/// A risk state in which the asset's price was published so many seconds ago and all others now.
fn aged(secs: i64) -> Box<RiskState> {
    let mut risk = Dice(7).risk();
    for entry in &mut risk.assets {
        (entry.deposit_index, entry.borrow_index) = (INDEX_ONE, INDEX_ONE);
        entry.price.published_ms = NOW * 1_000;
    }
    risk.assets[usize::from(ASSET)].price.published_ms = (NOW - secs) * 1_000;
    risk
}

/// An account with much quote and so much of the asset.
fn account(shares: i64) -> Box<MarginAccount> {
    let mut account: Box<MarginAccount> = zeroed_box();
    account.owner = OWNER;
    account.balances = [Balance::FREE; 16];
    account.perps = [PerpPosition::default(); 16];
    for (asset, shares) in [(0, 1 << 50), (ASSET, shares)] {
        account.balances[usize::from(asset)] = Balance {
            shares: Shares(shares),
            ..Balance::of(asset)
        };
    }
    account
}

fn bank(index: u16) -> Box<Bank> {
    let mut bank: Box<Bank> = zeroed_box();
    bank.index = index;
    (bank.deposit_index, bank.borrow_index) = (INDEX_ONE, INDEX_ONE);
    (bank.deposit_shares, bank.borrow_shares) = (1 << 55, 1 << 40);
    bank.accrued_until = NOW;
    let params = &mut bank.params;
    for limit in [
        &mut params.deposit_cap_usd,
        &mut params.borrow_cap_usd,
        &mut params.net_borrow_limit_usd,
        &mut params.outflow_limit_usd,
    ] {
        *limit = u64::MAX;
    }
    bank
}

fn ask(
    risk: &RiskState,
    account: &MarginAccount,
    asset: u16,
    what: impl Fn(&FundsCase) -> FundsPreview,
) -> FundsPreview {
    what(&FundsCase {
        risk,
        bank: &bank(asset),
        vault: None,
        account_key: Pubkey::default(),
        account,
        signer: OWNER,
        clock: &now(),
        underlying: None,
    })
}

fn refused(preview: &FundsPreview) -> Option<u32> {
    preview.refusal.as_ref().map(|refusal| refusal.code)
}

#[test]
fn nothing_is_deposited_in_doubt_beyond_what_is_owed() {
    let deposit = |secs, shares, amount| {
        let (risk, account) = (aged(secs), account(shares));
        ask(&risk, &account, ASSET, |case| case.deposit(amount).unwrap())
    };
    assert_eq!(refused(&deposit(60, 500, 100)), None);
    let doubted = deposit(61, 500, 100);
    assert_eq!(
        refused(&doubted),
        Some(PlimsollError::DepositInDoubt.into())
    );
    let [stale] = &doubted.stale[..] else {
        panic!("{:?}", doubted.stale)
    };
    assert_eq!((stale.kind, stale.index), (StaleKind::Deposit, ASSET));
    assert_eq!((stale.age_seconds, stale.max_age_seconds), (61, 60));
    assert_eq!(refused(&deposit(61, -500, 500)), None);
    let beyond = deposit(61, -500, 501);
    assert_eq!(refused(&beyond), Some(PlimsollError::DepositInDoubt.into()));
}

#[test]
fn what_leaves_is_measured_at_younger_prices_than_what_trades() {
    let withdraw = |secs| {
        let (risk, account) = (aged(secs), account(-500));
        ask(&risk, &account, 0, |case| {
            case.withdraw(1_000, false).unwrap()
        })
    };
    assert_eq!(refused(&withdraw(20)), None);
    let late = withdraw(21);
    assert_eq!(refused(&late), Some(PlimsollError::StaleEntry.into()));
    let [stale] = &late.stale[..] else {
        panic!("{:?}", late.stale)
    };
    assert_eq!((stale.kind, stale.index), (StaleKind::Debt, ASSET));
    assert_eq!((stale.age_seconds, stale.max_age_seconds), (21, 20));
    // For trades the same price is good.
    assert!(late.before.lines.stale.is_empty());
}
