//! Takes prices into feeds, and brings banks and markets up to date. Permissionless, in any subset.
use anchor_lang::{prelude::*, Discriminator};
use plimsoll_risk::{funding::ratio_of, Origin};

use crate::{
    error::PlimsollError,
    events::RefreshSkipped,
    funding, ledger,
    oracle::{self, pyth_pro},
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
    //   with a signed message: the instructions sysvar, and Pyth's account of trusted signers;
    //   one oracle account for each feed that is named, in their order;
    //   then, in any order, banks (writable), and markets (writable) each with its book.
}

/// Prices that Pyth Pro signed, in an instruction of the same transaction.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct SignedPrices {
    /// Index of the ed25519 instruction that carries the message.
    pub instruction: u8,
    /// For each price of the message, in its order, the feed that takes it (with [`FALLBACK`] as its fallback's), or 255
    /// where no listed feed does.
    pub feeds: Vec<u8>,
}

/// Takes the prices of a signed message, then those of the feeds named (with [`FALLBACK`] that of the fallback), then accrues
/// the interest of each bank and the funding of each market passed. What is not acceptable leaves its feed or entry as it was
/// and is reported by an event; the others go on. A message that is not Pyth's, or of which a price is left out, fails as a whole.
#[inline(never)]
pub(crate) fn refresh<'info>(
    ctx: Context<'info, Refresh<'info>>,
    feeds: Vec<u8>,
    message: Option<SignedPrices>,
) -> Result<()> {
    let clock = Clock::get()?;
    let now_ms = clock.unix_timestamp.saturating_mul(1_000);
    let mut risk = ctx.accounts.risk_state.load_mut()?;
    let mut accounts = ctx.remaining_accounts;
    let mut accepted = 0u64;
    if let Some(message) = &message {
        let ([instructions, storage], rest) = accounts
            .split_first_chunk()
            .ok_or(PlimsollError::WrongRemainingAccount)?;
        accounts = rest;
        accepted |= take_message(&mut risk, message, instructions, storage, &clock)?;
    }
    let (oracles, mut rest) = accounts
        .split_at_checked(feeds.len())
        .ok_or(PlimsollError::WrongRemainingAccount)?;
    for (number, account) in feeds.iter().zip(oracles) {
        match refresh_feed(&mut risk, *number, account, now_ms) {
            Ok(renewed) => accepted |= renewed,
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
    // After the prices were taken: who refreshes seldom has not silenced anybody.
    risk.move_doubt(now_ms);
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

/// Takes all prices of a signed message, each into the feed that the caller names for it; returns the feeds that have a new
/// price. Nobody may leave out a price that a listed feed takes: all that one message tells are of one moment.
#[inline(never)]
fn take_message(
    risk: &mut RiskState,
    message: &SignedPrices,
    instructions: &AccountInfo,
    storage: &AccountInfo,
    clock: &Clock,
) -> Result<u64> {
    let now = clock.unix_timestamp;
    let instructions = pyth_pro::InstructionsSysvar::open(instructions)?;
    let index = u16::from(message.instruction);
    let signed = pyth_pro::verify(&instructions, storage, index, now)?;
    let mut accepted = 0;
    let mut numbers = message.feeds.iter();
    for update in signed.feeds() {
        let update = update?;
        let number = *numbers.next().unwrap_or(&NO_FEED);
        let (index, origin) = split(number);
        if origin == Origin::Fallback {
            // None, or a fallback.
            require!(!takes(risk, update.id), PlimsollError::FeedLeftOut);
        }
        if number == NO_FEED {
            continue;
        }
        // Another feed would be one more way to leave the price out.
        let source = risk.feed(index)?.sources.of(origin);
        require!(
            source.pro_number() == Some(update.id),
            PlimsollError::WrongFeed
        );
        match take_signed(
            risk,
            index,
            origin,
            &update,
            &signed,
            now.saturating_mul(1_000),
        ) {
            Ok(renewed) => accepted |= renewed,
            Err(error) => report(index, storage.key, &error),
        }
    }
    Ok(accepted)
}

/// Whether a listed feed's primary source is this feed of Pyth Pro.
fn takes(risk: &RiskState, id: u32) -> bool {
    let mut used = risk.feeds.iter().take(usize::from(risk.feed_count));
    used.any(|feed| feed.sources.primary.pro_number() == Some(id))
}

#[inline(never)]
fn take_signed(
    risk: &mut RiskState,
    index: u8,
    origin: Origin,
    update: &pyth_pro::FeedUpdate,
    message: &pyth_pro::Message,
    now_ms: i64,
) -> Result<u64> {
    let feed = risk.feed(index)?;
    let source = feed.sources.of(origin);
    let price = update.price(message)?;
    require!(
        price.publishers >= feed.limits.min_publishers,
        PlimsollError::TooFewPublishers
    );
    require!(
        price.exponent == i16::from(source.exponent),
        PlimsollError::WrongExponent
    );
    let price = oracle::OraclePrice {
        price: price.price,
        conf: price.conf,
        exponent: i32::from(price.exponent),
        published_ms: price.publish_time_ms,
    };
    oracle::take_price(risk, index, origin, &price, now_ms)
}

/// A feed's number, and which of its sources is meant.
fn split(number: u8) -> (u8, Origin) {
    match number & FALLBACK {
        0 => (number, Origin::Primary),
        _ => (number & !FALLBACK, Origin::Fallback),
    }
}

/// Takes one feed's price from its account; returns the feeds that have a new one.
#[inline(never)]
fn refresh_feed(
    risk: &mut RiskState,
    number: u8,
    account: &AccountInfo,
    now_ms: i64,
) -> Result<u64> {
    let (index, origin) = split(number);
    let source = risk.feed(index)?.sources.of(origin);
    if source.kind == oracle_kind::DERIVED {
        return oracle::take_rate(risk, index, account, now_ms);
    }
    let price = oracle::read(source, account)?;
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
    ledger::publish_bank(&mut bank, risk)
}

/// Advances a market's funding, at the price that its feed accepted in this very instruction. Without one no time passes for it,
/// and none while it is paused. Unpaid losses bear interest as borrows do, up to what the quote bank's entry says.
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
    let (runs, resumed_at) = (funding::runs(risk, &market), risk.resumed_at);
    market.accrue_losses(risk.asset(0)?.borrow_index)?;
    let entry = risk.market_mut(market.index)?;
    entry.loss_index = market.loss_index;
    let feed = u32::from(entry.price.feed);
    let is_priced = accepted & 1u64.checked_shl(feed).unwrap_or(0) != 0;
    if runs && is_priced && !entry.price.is_broken() {
        let orders = &book.load()?.orders;
        funding::advance(&mut market, entry, orders, resumed_at, clock.unix_timestamp)?;
    }
    entry.funding_long = market.funding_long;
    entry.funding_short = market.funding_short;
    entry.premium = ratio_of(market.premium);
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
