//! Resolves a debt of an account that has nothing left: insurance pays first, then the market's profits or those who lent.
//! Permissionless.
use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use crate::{
    error::{OrRefuse, PlimsollError},
    events::{BankRestocked, BankruptcyResolved, DustForfeited},
    exchange_signer, gates, ledger,
    liquidation::{
        bankruptcy::{
            buyout, charge_depositors, debt, draw, owes_nothing, pay_debt, require_bankrupt, Cover,
        },
        dust::{forfeit, require_forfeitable},
        restock::{priced_or_doubted, require_priced, restock, INSURANCE_WINDOW_SECS},
        Leg,
    },
    state::{Bank, Exchange, MarginAccount, Market, RiskState},
    token,
};

#[derive(Accounts)]
pub struct ResolveBankruptcy<'info> {
    pub resolver: Signer<'info>,
    /// Sells what is missing of an asset other than quote to its bank at once. Need not be given.
    #[account(
        mut,
        constraint = resolver_account.key() != margin_account.key() @ PlimsollError::DuplicateAccount,
    )]
    pub resolver_account: Option<AccountLoader<'info, MarginAccount>>,
    #[account(mut, has_one = exchange @ PlimsollError::WrongExchange)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(
        has_one = risk_state @ PlimsollError::WrongExchange,
        has_one = insurance_vault @ PlimsollError::WrongVault,
        has_one = quote_mint @ PlimsollError::WrongMint,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    /// CHECK: bank or market of the debt, told by its discriminator. May be `quote_bank`.
    #[account(mut)]
    pub debt: UncheckedAccount<'info>,
    #[account(
        mut,
        has_one = exchange @ PlimsollError::WrongExchange,
        has_one = vault @ PlimsollError::WrongVault,
    )]
    pub quote_bank: AccountLoader<'info, Bank>,
    /// The quote bank's vault.
    #[account(mut)]
    pub vault: Box<InterfaceAccount<'info, TokenAccount>>,
    #[account(mut)]
    pub insurance_vault: Box<InterfaceAccount<'info, TokenAccount>>,
    pub quote_mint: Box<InterfaceAccount<'info, Mint>>,
    pub token_program: Interface<'info, TokenInterface>,
    // Remaining accounts, writable: banks of which the account has dust that is out of reach.
}

/// Resolves one debt, as far as it can be now.
///
/// - A market's loss is borne by what insurance is owed from the pool, the insurance vault as far as the market's limit for
///   the day goes, and the market's uncollected fees. The rest is recorded as the market's shortfall, which its profits
///   share ([`plimsoll_risk::profits`]).
/// - An asset's debt is borne by the bank's own insurance, the insurance vault within the asset's limit, and then the asset's
///   depositors, in this one call. The vault holds quote: for another asset it is set aside at oracle prices, or, where a feed has
///   died, at what is left of its last price ([`crate::liquidation::restock::priced_or_doubted`]), with which
///   anyone's deposit of the asset is bought ([`super::restock_bank`]); the resolver's account sells at most `max_repay` native
///   units at once.
///
/// Before that the deposits in the banks that are passed are forfeited to those banks' insurance, where nobody can seize
/// them and they are dust all together.
///
/// When nothing is owed any more the account leaves liquidation.
///
/// # Errors
/// `WithdrawnInSlot` where depositors have to bear something and some of them left in this very slot; `NotBankrupt`,
/// `NobodyCanPay`; `StaleEntry` and `BrokenFeed` while a price at which insurance would pay may come back, `DoubtTooYoung` while
/// that could still be shown.
#[inline(never)]
pub(crate) fn resolve_bankruptcy<'info>(
    ctx: Context<'info, ResolveBankruptcy<'info>>,
    max_repay: u64,
) -> Result<()> {
    let accounts: &'info ResolveBankruptcy<'info> = ctx.accounts;
    let clock = Clock::get()?;
    admit(accounts)?;
    forfeit_dust(accounts, ctx.remaining_accounts, &clock)?;
    require_bankrupt(
        &*accounts.margin_account.load()?,
        &*accounts.risk_state.load()?,
    )?;
    let leg = Leg::of(accounts.debt.as_ref())?;
    leg.prepare(&accounts.exchange.key(), clock.unix_timestamp)?;
    let is_pnl = leg.is_market();
    let (index, cover) = match leg {
        Leg::Bank(bank) => resolve_debt(accounts, &bank, max_repay, &clock)?,
        Leg::Market(market) => resolve_loss(accounts, &market, &clock)?,
    };
    require!(cover.left() < cover.loss, PlimsollError::NobodyCanPay);

    let mut account = accounts.margin_account.load_mut()?;
    if owes_nothing(&account) {
        account.clear_liquidation();
    }
    emit!(BankruptcyResolved {
        margin_account: accounts.margin_account.key(),
        index,
        is_pnl,
        loss: cover.loss,
        from_insurance: cover.from_insurance,
        from_fees: cover.from_fees,
        socialized: cover.socialized,
    });
    Ok(())
}

#[inline(never)]
fn admit(accounts: &ResolveBankruptcy) -> Result<()> {
    let risk = accounts.risk_state.load()?;
    require!(
        accounts.quote_bank.load()?.index == 0,
        PlimsollError::WrongMint
    );
    gates::RESOLVE_BANKRUPTCY.exchange(risk.mode)?;
    if let Some(resolver) = &accounts.resolver_account {
        let resolver = resolver.load()?;
        require_keys_eq!(
            resolver.exchange,
            risk.exchange,
            PlimsollError::WrongExchange
        );
        resolver.require_owner(&accounts.resolver.key())?;
        gates::RESOLVE_BANKRUPTCY.account(resolver.state)?;
    }
    Ok(())
}

/// Moves the account's deposits in these banks, which nobody can seize now, to the banks' insurance.
///
/// # Errors
/// `NotBankrupt` when the account could pay with them, or they are more than dust; `WrongRemainingAccount` when it has no
/// such deposit.
#[inline(never)]
fn forfeit_dust<'info>(
    accounts: &ResolveBankruptcy,
    banks: &'info [AccountInfo<'info>],
    clock: &Clock,
) -> Result<()> {
    if banks.is_empty() {
        return Ok(());
    }
    let risk = accounts.risk_state.load()?;
    let mut account = accounts.margin_account.load_mut()?;
    require_forfeitable(&account, &risk, clock)?;
    for info in banks {
        let bank: AccountLoader<Bank> =
            AccountLoader::try_from(info).map_err(|_| PlimsollError::WrongRemainingAccount)?;
        let mut bank = bank.load_mut()?;
        require_keys_eq!(
            bank.exchange,
            risk.exchange,
            PlimsollError::WrongRemainingAccount
        );
        ledger::accrue(&mut bank, clock.unix_timestamp)?;
        let amount = forfeit(&mut account, &mut bank, &risk, clock)?;
        emit!(DustForfeited {
            margin_account: accounts.margin_account.key(),
            asset: bank.index,
            amount,
        });
    }
    Ok(())
}

/// Moves insurance tokens into the quote vault; returns what arrived.
#[inline(never)]
fn pay_from_insurance(accounts: &ResolveBankruptcy, amount: u64) -> Result<u64> {
    if amount == 0 {
        return Ok(0);
    }
    let (id, bump) = {
        let exchange = accounts.exchange.load()?;
        (exchange.id.to_le_bytes(), exchange.bump)
    };
    token::pay(
        &accounts.insurance_vault,
        accounts.vault.to_account_info(),
        &accounts.quote_mint,
        accounts.exchange.to_account_info(),
        exchange_signer!(id, bump),
        &accounts.token_program,
        amount,
    )?;
    let mut vault = accounts.vault.clone();
    vault.reload()?;
    vault.amount.checked_sub(accounts.vault.amount).or_refuse()
}

/// A market's loss.
#[inline(never)]
fn resolve_loss(
    accounts: &ResolveBankruptcy,
    market: &AccountLoader<Market>,
    clock: &Clock,
) -> Result<(u16, Cover)> {
    let (slot, mut cover) = claims_of_insurance(accounts, market)?;
    let room = insurance_room(&mut *market.load_mut()?, clock);
    let wanted = cover.left().min(accounts.insurance_vault.amount).min(room);
    let arrived = pay_from_insurance(accounts, wanted)?.min(cover.left());
    cover.from_insurance = cover.from_insurance.checked_add(arrived).or_refuse()?;

    let mut account = accounts.margin_account.load_mut()?;
    let mut market = market.load_mut()?;
    market.insurance_drawn.pour(arrived);
    market.pnl_pool = market.pnl_pool.checked_add(arrived).or_refuse()?;
    cover.from_fees = draw(&mut market.fees_accrued, cover.left());
    cover.socialized = cover.left();
    market.profits.shortfall = market
        .profits
        .shortfall
        .checked_add(cover.socialized)
        .or_refuse()?;
    let perp = account.perps.get_mut(slot).or_refuse()?;
    let forgiven = i64::try_from(cover.loss).map_err(|_| PlimsollError::Overflow)?;
    ledger::add_claim(&mut market, perp, forgiven)?;
    account.release_perp(slot);
    Ok((market.index, cover))
}

/// What the exchange's insurance may still pay for the market's losses today.
fn insurance_room(market: &mut Market, clock: &Clock) -> u64 {
    let most = market.params.insurance_per_day;
    let drawn = &mut market.insurance_drawn;
    drawn.leak(most, INSURANCE_WINDOW_SECS, clock.unix_timestamp);
    drawn.room(most)
}

/// The loss, and the part that is met by waiving what the market's pool owes to insurance. The account's slot is brought up to
/// date first: it may owe a part of an earlier shortfall.
#[inline(never)]
fn claims_of_insurance(
    accounts: &ResolveBankruptcy,
    market: &AccountLoader<Market>,
) -> Result<(usize, Cover)> {
    let mut account = accounts.margin_account.load_mut()?;
    let mut market = market.load_mut()?;
    let slot = account
        .find_perp(market.index)
        .ok_or(PlimsollError::NotBankrupt)?;
    let perp = account.perps.get_mut(slot).or_refuse()?;
    ledger::add_claim(&mut market, perp, 0)?;
    let claim = perp.quote.0;
    require!(claim < 0, PlimsollError::NotBankrupt);
    let loss = claim.unsigned_abs();
    Ok((
        slot,
        Cover {
            loss,
            from_insurance: draw(&mut market.insurance_accrued, loss),
            ..Cover::default()
        },
    ))
}

/// A debt in an asset: decided whole in this call. What insurance pays for another asset than quote is set aside in quote, to
/// buy it with; what it does not pay, depositors bear at once, so that nobody leaves between the two.
#[inline(never)]
fn resolve_debt(
    accounts: &ResolveBankruptcy,
    bank: &AccountLoader<Bank>,
    max_repay: u64,
    clock: &Clock,
) -> Result<(u16, Cover)> {
    let (slot, mut cover) = insurance_in_kind(accounts, bank)?;
    let index = bank.load()?.index;
    let available = insurance_for(accounts, bank, clock)?;
    let insured = if index == 0 {
        let wanted = cover.left().min(available);
        pay_from_insurance(accounts, wanted)?.min(cover.left())
    } else {
        set_aside(accounts, bank, cover.left(), available, clock)?
    };
    if index == 0 {
        bank.load_mut()?.insurance_draw.pour(insured);
    }
    cover.from_insurance = cover.from_insurance.checked_add(insured).or_refuse()?;
    if cover.left() > 0 {
        cover.socialized = charge(accounts, bank, cover.left(), clock)?;
    }
    // At once, so that no rounding leaves a last share of the debt.
    pay(
        accounts,
        bank,
        slot,
        cover.loss.saturating_sub(cover.left()),
    )?;
    accounts.margin_account.load_mut()?.release_balance(slot);
    buy_at_once(accounts, bank, max_repay, clock)?;
    Ok((index, cover))
}

/// Quote tokens that insurance pays for bad debt in this asset now.
fn insurance_for(
    accounts: &ResolveBankruptcy,
    bank: &AccountLoader<Bank>,
    clock: &Clock,
) -> Result<u64> {
    let mut bank = bank.load_mut()?;
    let limit = bank.params.insurance_limit_usd;
    bank.insurance_draw
        .leak(limit, INSURANCE_WINDOW_SECS, clock.unix_timestamp);
    let room = bank.insurance_draw.room(limit);
    Ok(accounts.insurance_vault.amount.min(room))
}

/// Lets the depositors bear a loss, unless some of them have just stepped aside; returns what they bear.
#[inline(never)]
fn charge(
    accounts: &ResolveBankruptcy,
    bank: &AccountLoader<Bank>,
    loss: u64,
    clock: &Clock,
) -> Result<u64> {
    let mut bank = bank.load_mut()?;
    bank.require_nobody_stepped_aside(clock.slot)?;
    let mut risk = accounts.risk_state.load_mut()?;
    let haircut = risk.haircut(risk.asset(bank.index)?.underlying);
    let entry = risk.asset_mut(bank.index)?;
    charge_depositors(&mut bank, entry, haircut.as_ref(), loss)
}

/// The debt, and the part that is met by the bank's own insurance.
#[inline(never)]
fn insurance_in_kind(
    accounts: &ResolveBankruptcy,
    bank: &AccountLoader<Bank>,
) -> Result<(usize, Cover)> {
    let account = accounts.margin_account.load()?;
    let mut bank = bank.load_mut()?;
    let slot = account
        .find_balance(bank.index)
        .ok_or(PlimsollError::NotBankrupt)?;
    let loss = debt(&bank, account.balances.get(slot).or_refuse()?)?;
    require!(loss > 0, PlimsollError::NotBankrupt);
    Ok((
        slot,
        Cover {
            loss,
            from_insurance: draw(&mut bank.insurance, loss),
            ..Cover::default()
        },
    ))
}

/// Pays off a part of the account's debt with value that the bank has received.
fn pay(
    accounts: &ResolveBankruptcy,
    bank: &AccountLoader<Bank>,
    slot: usize,
    amount: u64,
) -> Result<()> {
    let mut account = accounts.margin_account.load_mut()?;
    let balance = account.balances.get_mut(slot).or_refuse()?;
    pay_debt(&mut *bank.load_mut()?, balance, amount)
}

/// Moves the quote with which as much of the debt as insurance pays for is to be bought into the quote vault, aside; returns
/// how much that is, native units of the asset.
#[inline(never)]
fn set_aside(
    accounts: &ResolveBankruptcy,
    bank: &AccountLoader<Bank>,
    owed: u64,
    available: u64,
    clock: &Clock,
) -> Result<u64> {
    if owed == 0 || available == 0 {
        return Ok(0);
    }
    let plan = {
        let risk = accounts.risk_state.load()?;
        let bank = bank.load()?;
        let account = accounts.margin_account.load()?;
        let asset = priced_or_doubted(&risk, bank.index, &account, clock)?;
        let quote = priced_or_doubted(&risk, 0, &account, clock)?;
        // As much as the dearest liquidation would cost: what the price rises meanwhile is paid out of it.
        let bonus = bank.params.liquidation.fee_max;
        buyout(owed, u64::MAX, &asset, &quote, bonus, available).or_refuse()?
    };
    if plan.repaid == 0 {
        return Ok(0);
    }
    let arrived = pay_from_insurance(accounts, plan.payout)?;
    let mut bank = bank.load_mut()?;
    bank.insurance_draw.pour(arrived);
    bank.buyout_fund = bank.buyout_fund.checked_add(arrived).or_refuse()?;
    bank.missing = bank.missing.checked_add(plan.repaid).or_refuse()?;
    Ok(plan.repaid)
}

/// Whether an asset, and the quote asset, have prices at which something is paid out.
fn is_priced(accounts: &ResolveBankruptcy, index: u16, clock: &Clock) -> Result<bool> {
    let risk = accounts.risk_state.load()?;
    for entry in [risk.asset(index)?, risk.asset(0)?] {
        if require_priced(&risk, entry, clock).is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The resolver's account sells what is missing, where there is one and the prices are ones to sell at.
#[inline(never)]
fn buy_at_once(
    accounts: &ResolveBankruptcy,
    bank: &AccountLoader<Bank>,
    max_repay: u64,
    clock: &Clock,
) -> Result<()> {
    let Some(resolver) = &accounts.resolver_account else {
        return Ok(());
    };
    if max_repay == 0 || bank.load()?.missing == 0 {
        return Ok(());
    }
    if !is_priced(accounts, bank.load()?.index, clock)? {
        return Ok(());
    }
    let mut seller = resolver.load_mut()?;
    if seller.find_balance(bank.load()?.index).is_none() {
        return Ok(());
    }
    let mut quote_bank = accounts.quote_bank.load_mut()?;
    ledger::accrue(&mut quote_bank, clock.unix_timestamp)?;
    let sold = restock(
        &mut *accounts.risk_state.load_mut()?,
        &mut *bank.load_mut()?,
        &mut quote_bank,
        &mut seller,
        max_repay,
        clock,
    )?;
    emit!(BankRestocked {
        bank: bank.key(),
        seller: resolver.key(),
        amount: sold.amount,
        paid: sold.paid,
        socialized: sold.socialized,
    });
    Ok(())
}
