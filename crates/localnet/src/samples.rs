//! Accounts for tests.
use anchor_lang::{Discriminator, ZeroCopy};
use plimsoll::state::MarginAccount;
use plimsoll_client::decode;
use plimsoll_risk::{Balance, BaseLots, PerpPosition, QuoteNative};

/// An account of zeroes. Accounts as large as these are made on the heap, from bytes.
pub fn zeroed<T: ZeroCopy + Discriminator>() -> Box<T> {
    let mut data = vec![0; 8 + size_of::<T>()];
    data[..8].copy_from_slice(T::DISCRIMINATOR);
    decode(&data).unwrap()
}

/// A margin account with balances (asset, shares) and positions (market, lots, quote).
pub fn account(balances: &[(u16, i64)], perps: &[(u16, i64, i64)]) -> Box<MarginAccount> {
    let mut account = zeroed::<MarginAccount>();
    account.balances.fill(Balance::FREE);
    account.perps.fill(PerpPosition::default());
    for (slot, (asset, shares)) in account.balances.iter_mut().zip(balances) {
        *slot = Balance::of(*asset);
        slot.shares.0 = *shares;
    }
    for (slot, (market, lots, quote)) in account.perps.iter_mut().zip(perps) {
        *slot = PerpPosition::of(*market);
        slot.position = BaseLots(*lots);
        slot.quote = QuoteNative(*quote);
    }
    account
}
