//! Bankruptcy: nothing but debt is left. Who bears the loss, layer by layer, and in which amounts.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    bankruptcy::share_among_depositors,
    fixed::{div_floor, ratio_floor},
    AssetRisk, Balance, Haircut, RiskError, RATIO_ONE,
};

use super::dust::best_value;
use crate::{
    error::{OrRefuse, PlimsollError},
    ledger,
    state::{Bank, MarginAccount, RiskState},
};

/// How a loss was covered, in native units of what was owed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    pub loss: u64,
    /// By insurance, in whatever form.
    pub from_insurance: u64,
    /// By trading fees of the market that were not yet collected.
    pub from_fees: u64,
    /// By depositors of the asset, or recorded as the market's shortfall, which its profits share.
    pub socialized: u64,
}

impl Cover {
    /// What nobody has covered yet.
    pub fn left(&self) -> u64 {
        self.loss
            .saturating_sub(self.from_insurance)
            .saturating_sub(self.from_fees)
            .saturating_sub(self.socialized)
    }
}

/// Refuses unless nothing of value is left: no orders, no positions, no positive claim, and no deposit of which the
/// higher of spot and stable price makes a whole unit of native quote. What such an account owes puts its maintenance
/// health below zero, so that need not be asked. Dust out of reach is forfeited before ([`super::dust`]).
///
/// # Errors
/// `OrdersRemain`, which also covers fills that wait; `NotBankrupt`.
#[inline(never)]
pub fn require_bankrupt(account: &MarginAccount, risk: &RiskState) -> Result<()> {
    require_bankrupt_without(account, risk, &[])
}

/// The same for an account whose deposits of some assets are forfeited first.
///
/// # Errors
/// As [`require_bankrupt`].
pub(super) fn require_bankrupt_without(
    account: &MarginAccount,
    risk: &RiskState,
    forfeited: &[u16],
) -> Result<()> {
    for perp in &account.perps {
        require!(perp.order_mask == 0, PlimsollError::OrdersRemain);
        require!(
            perp.position.is_zero() && perp.quote.0 <= 0,
            PlimsollError::NotBankrupt
        );
    }
    let deposits = account.balances.iter().filter(|b| b.shares.0 > 0);
    for balance in deposits.filter(|b| !forfeited.contains(&b.asset)) {
        let value = best_value(balance, risk.asset(balance.asset)?)?;
        require!(value == 0, PlimsollError::NotBankrupt);
    }
    Ok(())
}

/// True when nothing is owed any more.
pub fn owes_nothing(account: &MarginAccount) -> bool {
    account.balances.iter().all(|b| b.shares.0 >= 0) && account.perps.iter().all(|p| p.quote.0 >= 0)
}

/// What the account owes in an asset, native units; the bank must be accrued.
pub fn debt(bank: &Bank, balance: &Balance) -> Result<u64> {
    let native = balance.native(bank.indices()).or_refuse()?;
    Ok(native.min(0).unsigned_abs())
}

/// The part of a fund that meets `wanted`, taken off the fund.
pub fn draw(fund: &mut u64, wanted: u64) -> u64 {
    let drawn = wanted.min(*fund);
    *fund = fund.saturating_sub(drawn);
    drawn
}

/// Pays off a part of the debt; the bank has received as much, or owes as much less to someone else.
pub fn pay_debt(bank: &mut Bank, balance: &mut Balance, amount: u64) -> Result<()> {
    ledger::credit(bank, balance, amount)
}

/// What insurance pays for having a debt repaid in kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buyout {
    /// Native units of the asset that are repaid.
    pub repaid: u64,
    /// Native quote tokens for them.
    pub payout: u64,
    /// True when insurance can do no more: it could not pay for another unit.
    pub exhausted: bool,
}

/// The part of a debt that `insurance` tokens pay for at spot prices plus the bonus, at most `max_repay`. Rounded for
/// the insurance.
///
/// # Errors
/// [`RiskError::DivisionByZero`] before a first price; [`RiskError::Overflow`].
pub fn buyout(
    debt: u64,
    max_repay: u64,
    asset: &AssetRisk,
    quote: &AssetRisk,
    bonus: u32,
    insurance: u64,
) -> core::result::Result<Buyout, RiskError> {
    let with_bonus = RATIO_ONE.checked_add(bonus).ok_or(RiskError::Overflow)?;
    let affordable = {
        let value = value_floor(insurance, quote);
        let net = unscale(value, plimsoll_risk::RATIO_BITS, u128::from(with_bonus))?;
        let units = unscale(net, u32::from(asset.shift), u128::from(asset.price.spot))?;
        u64::try_from(units).unwrap_or(u64::MAX)
    };
    let repaid = debt.min(affordable).min(max_repay);
    let value = ratio_floor(value_floor(repaid, asset), with_bonus)?;
    let payout = unscale(value, u32::from(quote.shift), u128::from(quote.price.spot))?;
    Ok(Buyout {
        repaid,
        payout: u64::try_from(payout)
            .map_err(|_| RiskError::Overflow)?
            .min(insurance),
        exhausted: repaid == affordable,
    })
}

fn value_floor(amount: u64, entry: &AssetRisk) -> u128 {
    (u128::from(amount) * u128::from(entry.price.spot)).wrapping_shr(u32::from(entry.shift))
}

/// `⌊value · 2^bits / divisor⌋`.
fn unscale(value: u128, bits: u32, divisor: u128) -> core::result::Result<u128, RiskError> {
    if value.leading_zeros() < bits {
        return Err(RiskError::Overflow);
    }
    div_floor(value.wrapping_shl(bits), divisor)
}

/// Lets the depositors of an asset bear up to `loss` by a cut of the deposit index, in the bank and its entry; returns
/// how much they bear: nothing when there are none. The entry's prices per share follow.
#[inline(never)]
pub fn charge_depositors(
    bank: &mut Bank,
    entry: &mut AssetRisk,
    haircut: Option<&Haircut>,
    loss: u64,
) -> Result<u64> {
    if loss == 0 || bank.deposit_shares == 0 {
        return Ok(0);
    }
    let cut = share_among_depositors(loss, bank.deposit_shares, bank.deposit_index).or_refuse()?;
    bank.deposit_index = cut.deposit_index;
    entry.deposit_index = bank.deposit_index;
    entry.borrow_index = bank.borrow_index;
    entry
        .recompute(&bank.params, &bank.scaled, haircut)
        .or_refuse()?;
    Ok(cut.covered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;
    use plimsoll_risk::{fixed::scale_ceil, EntryPrice, PerpPosition, QuoteNative, INDEX_ONE};

    fn price(spot: u64) -> EntryPrice {
        EntryPrice {
            spot,
            stable: spot,
            ..EntryPrice::default()
        }
    }

    fn asset(spot: u64, shift: u8) -> AssetRisk {
        AssetRisk {
            price: price(spot),
            ..AssetRisk::listed(shift, 6)
        }
    }

    #[test]
    fn a_fund_gives_no_more_than_it_holds() {
        let mut fund = 10;
        assert_eq!(draw(&mut fund, 4), 4);
        assert_eq!(draw(&mut fund, 9), 6);
        assert_eq!((draw(&mut fund, 1), fund), (0, 0));
    }

    #[test]
    fn a_buyout_pays_spot_and_bonus_while_insurance_lasts() {
        // 3 quote units per unit of the asset, 5% on top.
        let (sol, usd) = (asset(3 << 8, 8), asset(1 << 20, 20));
        let bonus = RATIO_ONE / 20;
        let all = buyout(1_000, u64::MAX, &sol, &usd, bonus, 10_000).unwrap();
        assert_eq!((all.repaid, all.exhausted), (1_000, false));
        assert!((3_149..=3_150).contains(&all.payout));
        let some = buyout(1_000, u64::MAX, &sol, &usd, bonus, 630).unwrap();
        assert!(some.exhausted && (199..=200).contains(&some.repaid) && some.payout <= 630);
        let limited = buyout(1_000, 7, &sol, &usd, bonus, 10_000).unwrap();
        assert_eq!((limited.repaid, limited.exhausted), (7, false));
        let none = buyout(1_000, u64::MAX, &sol, &usd, bonus, 3).unwrap();
        assert_eq!((none.repaid, none.payout, none.exhausted), (0, 0, true));
    }

    #[test]
    fn a_cheaper_quote_token_pays_out_more_of_them() {
        let (sol, usd) = (asset(3 << 8, 8), asset((1 << 20) / 2, 20));
        let paid = buyout(10, u64::MAX, &sol, &usd, 0, 1_000).unwrap();
        assert_eq!(paid.payout, 60);
    }

    #[test]
    fn depositors_bear_at_least_what_is_forgiven() {
        let mut bank = Bank::zeroed();
        bank.deposit_shares = 997;
        bank.deposit_index = INDEX_ONE;
        bank.borrow_index = INDEX_ONE;
        let mut entry = asset(1, 0);
        let before = bank.totals().unwrap().deposits;
        let covered = charge_depositors(&mut bank, &mut entry, None, 100).unwrap();
        assert_eq!(covered, 100);
        assert!(before - bank.totals().unwrap().deposits >= 99);
        assert_eq!(entry.deposit_index, bank.deposit_index);
        bank.deposit_shares = 0;
        assert_eq!(
            charge_depositors(&mut bank, &mut entry, None, 100).unwrap(),
            0
        );
    }

    #[test]
    fn only_an_account_with_nothing_of_value_is_bankrupt() {
        let mut risk: Box<RiskState> = Box::new(Zeroable::zeroed());
        risk.asset_count = 2;
        risk.assets[0] = asset(1 << 20, 20);
        risk.assets[1] = asset(1, 4);
        let mut account: Box<MarginAccount> = Box::new(Zeroable::zeroed());
        account.balances = [Balance::FREE; 16];
        account.perps = [PerpPosition::default(); 16];
        account.balances[0] = Balance::of(0);
        account.balances[0].shares.0 = -5;
        assert!(require_bankrupt(&account, &risk).is_ok());
        assert!(!owes_nothing(&account));
        account.balances[1] = Balance::of(1);
        account.balances[1].shares.0 = 15;
        assert!(require_bankrupt(&account, &risk).is_ok(), "dust");
        account.balances[1].shares.0 = 16;
        assert!(require_bankrupt(&account, &risk).is_err());
        account.balances[1] = Balance::FREE;
        account.perps[0] = PerpPosition::of(0);
        account.perps[0].quote = QuoteNative(1);
        assert!(require_bankrupt(&account, &risk).is_err());
        account.perps[0].quote = QuoteNative(-1);
        assert!(require_bankrupt(&account, &risk).is_ok());
        account.perps[0].position = plimsoll_risk::BaseLots(1);
        assert!(require_bankrupt(&account, &risk).is_err());
    }

    #[test]
    fn the_ceiling_of_a_claim_is_its_debt() {
        let mut bank = Bank::zeroed();
        bank.deposit_index = INDEX_ONE;
        bank.borrow_index = INDEX_ONE + 1;
        bank.borrow_shares = 7;
        let mut balance = Balance::of(0);
        balance.shares.0 = -7;
        let owed = debt(&bank, &balance).unwrap();
        assert_eq!(u128::from(owed), scale_ceil(7, bank.borrow_index, 48));
        pay_debt(&mut bank, &mut balance, owed).unwrap();
        assert_eq!((balance.shares.0, bank.borrow_shares), (0, 0));
    }
}
