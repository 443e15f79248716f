//! Takes prices into feeds, and brings banks and markets up to date. Permissionless, in any subset.
use anchor_lang::{prelude::*, Discriminator};
use plimsoll_risk::Origin;

use crate::{
    error::PlimsollError,
    events::RefreshSkipped,
    ledger, oracle,
    state::{
        feed::{oracle_kind, NO_FEED},
        Bank, Book, Market, RiskState,
    },
};

/// Set in a feed's number where its fallback is meant.
pub const FALLBACK: u8 = 0x80;

#[derive(Accounts)]
pub struct Refresh<'info> {
    #[account(mut)]
    pub risk_state: AccountLoader<'info, RiskState>,
    // Remaining accounts:
    //   one oracle account for each feed that is named, in their order;
    //   then, in any order, banks (writable), and markets (writable) each with its book.
}

/// Takes the prices of the feeds named (with [`FALLBACK`] that of the fallback), then accrues the interest of each bank and
/// the funding of each market passed. What is not acceptable leaves its feed or entry as it was and is reported by an event;
/// the others go on.
#[inline(never)]
pub(crate) fn refresh<'info>(ctx: Context<'info, Refresh<'info>>, feeds: Vec<u8>) -> Result<()> {
    let clock = Clock::get()?;
    let now_ms = clock.unix_timestamp.saturating_mul(1_000);
    let mut risk = ctx.accounts.risk_state.load_mut()?;
    risk.move_doubt(now_ms);
    let (oracles, mut rest) = ctx
        .remaining_accounts
        .split_at_checked(feeds.len())
        .ok_or(PlimsollError::WrongRemainingAccount)?;
    let mut accepted = 0u64;
    for (number, account) in feeds.iter().zip(oracles) {
        match refresh_feed(&mut risk, *number, account, now_ms) {
            Ok(true) => {
                accepted |= 1u64
                    .checked_shl(u32::from(*number & !FALLBACK))
                    .unwrap_or(0)
            }
            Ok(false) => {}
            Err(error) => report(*number & !FALLBACK, account.key, &error),
        }
    }
    while let Some((head, tail)) = rest.split_first() {
        let (book, tail) = match tail.split_first() {
            Some((book, tail)) if is_book(book) => (Some(book), tail),
            _ => (None, tail),
        };
        rest = tail;
        let outcome = match book {
            None => refresh_bank(&mut risk, head, &clock),
            Some(book) => refresh_market(&mut risk, head, book, accepted, &clock),
        };
        if let Err(error) = outcome {
            report(NO_FEED, head.key, &error);
        }
    }
    Ok(())
}

#[inline(never)]
fn report(feed: u8, account: &Pubkey, error: &Error) {
    emit!(RefreshSkipped {
        account: *account,
        feed,
        reason: code(error),
    });
}

/// Takes one feed's price from its account; tells whether it is a new one.
#[inline(never)]
fn refresh_feed(
    risk: &mut RiskState,
    number: u8,
    account: &AccountInfo,
    now_ms: i64,
) -> Result<bool> {
    let (index, origin) = match number & FALLBACK {
        0 => (number, Origin::Primary),
        _ => (number & !FALLBACK, Origin::Fallback),
    };
    let sources = &risk.feed(index)?.sources;
    let source = match origin {
        Origin::Primary => sources.primary,
        Origin::Fallback => sources.fallback,
    };
    if source.kind == oracle_kind::DERIVED {
        return oracle::take_rate(risk, index, account, now_ms);
    }
    let price = oracle::read(&source, account)?;
    oracle::take_price(risk, index, origin, &price, now_ms)
}

/// Accrues a bank's interest; its entry takes the indices and the totals, which scale its weights.
#[inline(never)]
fn refresh_bank<'info>(
    risk: &mut RiskState,
    bank: &'info AccountInfo<'info>,
    clock: &Clock,
) -> Result<()> {
    require_keys_eq!(*bank.owner, crate::ID, PlimsollError::WrongRemainingAccount);
    let bank: AccountLoader<Bank> = AccountLoader::try_from(bank)?;
    let mut bank = bank.load_mut()?;
    require_keys_eq!(bank.exchange, risk.exchange, PlimsollError::WrongExchange);
    ledger::accrue(&mut bank, clock.unix_timestamp)?;
    ledger::publish_bank(&bank, risk)
}

/// Advances a market's funding, at the price that its feed accepted in this very instruction.
#[inline(never)]
fn refresh_market<'info>(
    risk: &mut RiskState,
    market: &'info AccountInfo<'info>,
    book: &'info AccountInfo<'info>,
    accepted: u64,
    clock: &Clock,
) -> Result<()> {
    let accounts = [market, book];
    for account in accounts {
        require_keys_eq!(
            *account.owner,
            crate::ID,
            PlimsollError::WrongRemainingAccount
        );
    }
    let market: AccountLoader<Market> = AccountLoader::try_from(market)?;
    let book_key = book.key;
    let book: AccountLoader<Book> = AccountLoader::try_from(book)?;
    let mut market = market.load_mut()?;
    require_keys_eq!(market.exchange, risk.exchange, PlimsollError::WrongExchange);
    require_keys_eq!(market.book, *book_key, PlimsollError::WrongMarketAccount);
    require!(
        book.as_ref().data_len() >= Book::SPACE,
        PlimsollError::AccountNotExtended
    );
    let entry = risk.market_mut(market.index)?;
    let feed = u32::from(entry.price.feed);
    if accepted & 1u64.checked_shl(feed).unwrap_or(0) != 0 && !entry.price.is_broken() {
        ledger::advance_funding(&mut market, entry, &*book.load()?, clock)?;
    }
    entry.funding_long = market.funding_long;
    entry.funding_short = market.funding_short;
    entry.premium = market.premium;
    Ok(())
}

fn is_book(account: &AccountInfo) -> bool {
    account.owner == &crate::ID
        && account
            .try_borrow_data()
            .is_ok_and(|data| data.starts_with(Book::DISCRIMINATOR))
}

/// The code of an error, as a client sees it.
fn code(error: &Error) -> u32 {
    match error {
        Error::AnchorError(e) => e.error_code_number,
        Error::ProgramError(_) => 0,
    }
}
