//! Rewrites entries of the risk state from oracles, banks and markets. Permissionless, in any subset.
use anchor_lang::{prelude::*, Discriminator};
use plimsoll_risk::{AssetRisk, MarketRisk, PriceState};

use crate::{
    error::PlimsollError,
    events::RefreshSkipped,
    ledger, oracle,
    state::{Bank, Book, Market, OracleSources, RiskState},
};

#[derive(Accounts)]
pub struct Refresh<'info> {
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    // Remaining accounts, in groups:
    //   asset:  bank (writable), primary oracle, [fallback oracle]
    //   market: market (writable), book, primary oracle, [fallback oracle]
}

/// Refreshes each group of remaining accounts. A group whose price is not acceptable, or whose accounts do not
/// belong together, leaves its entry as it was and is reported by an event; the others go on.
#[inline(never)]
pub(crate) fn refresh<'info>(ctx: Context<'info, Refresh<'info>>) -> Result<()> {
    let clock = Clock::get()?;
    let mut risk = ctx.accounts.risk_state.load_mut()?;
    let mut rest = ctx.remaining_accounts;
    while let Some((head, tail)) = rest.split_first() {
        let (own, tail) = split_while(tail, |a| a.owner == &crate::ID && is_book(a));
        let (oracles, tail) = split_while(tail, |a| a.owner != &crate::ID);
        rest = tail;
        let outcome = refresh_group(&mut risk, head, own, oracles, &clock);
        if let Err(error) = outcome {
            emit!(RefreshSkipped {
                account: head.key(),
                reason: code(&error),
            });
        }
    }
    Ok(())
}

#[inline(never)]
fn refresh_group<'info>(
    risk: &mut RiskState,
    head: &'info AccountInfo<'info>,
    own: &'info [AccountInfo<'info>],
    oracles: &[AccountInfo<'info>],
    clock: &Clock,
) -> Result<()> {
    require_keys_eq!(*head.owner, crate::ID, PlimsollError::WrongRemainingAccount);
    match own {
        [] => refresh_asset(risk, &AccountLoader::try_from(head)?, oracles, clock),
        [book] => refresh_market(
            risk,
            &AccountLoader::try_from(head)?,
            &AccountLoader::try_from(book)?,
            oracles,
            clock,
        ),
        _ => err!(PlimsollError::WrongRemainingAccount),
    }
}

/// Accrues a bank's interest and takes its price, which may teach an underlying its volatility; then the entry's weights
/// follow at once. The price counts whatever becomes of that.
#[inline(never)]
fn refresh_asset(
    risk: &mut RiskState,
    bank: &AccountLoader<Bank>,
    oracles: &[AccountInfo],
    clock: &Clock,
) -> Result<()> {
    let mut bank = bank.load_mut()?;
    require_keys_eq!(bank.exchange, risk.exchange, PlimsollError::WrongExchange);
    ledger::accrue(&mut bank, clock.unix_timestamp)?;
    let haircut = risk.haircut(risk.asset(bank.index)?.underlying);
    let entry = risk.asset_mut(bank.index)?;
    let out = is_out(&entry.price, entry.max_age_secs, clock);
    take_price(&bank.oracles, out, oracles, |price| {
        oracle::update_asset(&bank, entry, haircut.as_ref(), price, clock)
    })?;
    if entry.samples != 0 {
        let (underlying, published) = (entry.underlying, entry.price.publish_time);
        if risk.is_sample_due(underlying, published) {
            sample_asset(risk, &bank)?;
        }
    }
    Ok(())
}

/// Takes an asset's new price as a sample of its underlying's volatility. The price is in the entry already: should the
/// new weights not fit, those before stay.
#[inline(never)]
fn sample_asset(risk: &mut RiskState, bank: &Bank) -> Result<()> {
    let AssetRisk {
        price, underlying, ..
    } = *risk.asset(bank.index)?;
    if risk.sample(underlying, &price) {
        let haircut = risk.haircut(underlying);
        let entry = risk.asset_mut(bank.index)?;
        let _ = entry.recompute(&bank.params, &bank.totals()?, haircut.as_ref());
    }
    Ok(())
}

/// Advances a market's funding and takes its price, as a bank's is taken.
#[inline(never)]
fn refresh_market(
    risk: &mut RiskState,
    market: &AccountLoader<Market>,
    book: &AccountLoader<Book>,
    oracles: &[AccountInfo],
    clock: &Clock,
) -> Result<()> {
    let book_key = book.key();
    let mut market = market.load_mut()?;
    require_keys_eq!(market.exchange, risk.exchange, PlimsollError::WrongExchange);
    require_keys_eq!(market.book, book_key, PlimsollError::WrongMarketAccount);
    let haircut = risk.haircut(risk.market(market.index)?.underlying);
    let entry = risk.market_mut(market.index)?;
    // Funding reaches the entry whatever becomes of the price: the two copies of it never part.
    ledger::advance_funding(&mut market, entry, &*book.load()?, clock)?;
    entry.funding_long = market.funding_long;
    entry.funding_short = market.funding_short;
    let out = is_out(&entry.price, entry.max_age_secs, clock);
    take_price(&market.oracles, out, oracles, |price| {
        oracle::update_market(&market, entry, haircut.as_ref(), price, clock)
    })?;
    if entry.samples != 0 {
        let (underlying, published) = (entry.underlying, entry.price.publish_time);
        if risk.is_sample_due(underlying, published) {
            sample_market(risk, &market)?;
        }
    }
    Ok(())
}

/// Takes a market's new price as a sample of its underlying's volatility, as an asset's is taken.
#[inline(never)]
fn sample_market(risk: &mut RiskState, market: &Market) -> Result<()> {
    let MarketRisk {
        price, underlying, ..
    } = *risk.market(market.index)?;
    if risk.sample(underlying, &price) {
        let haircut = risk.haircut(underlying);
        let entry = risk.market_mut(market.index)?;
        let _ = entry.recompute(&market.params, haircut.as_ref());
    }
    Ok(())
}

/// Whether the last accepted price has outlived its age, which says that its feed is out. That nobody refreshed the
/// entry for some slots says no such thing.
fn is_out(price: &PriceState, max_age_secs: u32, clock: &Clock) -> bool {
    let age = clock.unix_timestamp.saturating_sub(price.publish_time);
    age > i64::from(max_age_secs)
}

/// Offers the primary's price to `update`; the fallback's only when the primary has none that is acceptable and is
/// `out`, so that nobody can choose between two live feeds.
fn take_price(
    sources: &OracleSources,
    out: bool,
    accounts: &[AccountInfo],
    mut update: impl FnMut(&oracle::OraclePrice) -> Result<()>,
) -> Result<()> {
    let (primary, fallback) = match accounts {
        [primary] => (primary, None),
        [primary, fallback] => (primary, Some(fallback)),
        _ => return err!(PlimsollError::WrongRemainingAccount),
    };
    let outcome = oracle::read(&sources.primary, primary).and_then(|price| update(&price));
    match fallback {
        Some(fallback) if outcome.is_err() && out => {
            update(&oracle::read(&sources.fallback, fallback)?)
        }
        _ => outcome,
    }
}

fn is_book(account: &AccountInfo) -> bool {
    account
        .try_borrow_data()
        .is_ok_and(|data| data.starts_with(Book::DISCRIMINATOR))
}

/// The longest prefix whose members satisfy `test`, and the rest.
fn split_while<T>(items: &[T], test: impl Fn(&T) -> bool) -> (&[T], &[T]) {
    let count = items.iter().take_while(|item| test(item)).count();
    items.split_at(count)
}

/// The code of an error, as a client sees it.
fn code(error: &Error) -> u32 {
    match error {
        Error::AnchorError(e) => e.error_code_number,
        Error::ProgramError(_) => 0,
    }
}
