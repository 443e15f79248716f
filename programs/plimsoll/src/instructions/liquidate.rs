//! Liquidates an account below its maintenance line, slice by slice. Permissionless, and never held back by a mode.
use anchor_lang::{prelude::*, Discriminator};

use super::settle_fills::clear;
use crate::{
    delegation::{charge_fall, signed, worth, Signed},
    error::PlimsollError,
    gates, ledger,
    liquidation::{require_own_init, Done, Leg, Liquidation, LiquidatorLimits, Standing},
    orders::{require_reduce_only_covered, require_whole_book, require_whole_queue, Over},
    state::{
        delegation::scope, Bank, Book, Delegation, FillQueueAccount, MarginAccount, Market,
        RiskState,
    },
};

#[derive(Accounts)]
pub struct Liquidate<'info> {
    /// Owner of `liquidator_account`, or a delegate that may liquidate.
    pub liquidator: Signer<'info>,
    /// Takes over what is liquidated. May be another account of the same owner: that gains it nothing, as what it takes
    /// over costs insurance its part.
    #[account(
        mut,
        constraint = liquidator_account.key() != margin_account.key() @ PlimsollError::SelfLiquidation,
    )]
    pub liquidator_account: AccountLoader<'info, MarginAccount>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    pub risk_state: AccountLoader<'info, RiskState>,
    /// Market of the position to take over.
    #[account(mut)]
    pub position_market: Option<AccountLoader<'info, Market>>,
    /// CHECK: bank or market of the collateral, told by its discriminator. Any two of these roles may be one account.
    #[account(mut)]
    pub collateral: Option<UncheckedAccount<'info>>,
    /// CHECK: bank or market of the debt, told by its discriminator.
    #[account(mut)]
    pub debt: Option<UncheckedAccount<'info>>,
    /// Bank of the quote asset, needed when collateral or debt is a market.
    #[account(mut)]
    pub quote_bank: Option<AccountLoader<'info, Bank>>,
    // Remaining accounts, writable: books in which the account has orders, each followed by its fill queue and its market where
    // fills of the account wait or orders of it have expired; then markets of positions that hedge the one to take over;
    // then the delegation, where a delegate signs.
}

/// Settles all that waits for the account in the queues passed. Flags it when its maintenance health is below zero, and then goes as far as it is asked and as is needed
/// for LiquidationEnd health of zero: cancels the orders in the books passed, takes over at most `max_position_lots`
/// of a position, with as much in value of those that hedge it, and swaps at most `max_debt` native units of a debt; zero
/// leaves a phase out. An account that has recovered is only cleared. Of an account in portfolio margin all that the
/// call takes is judged together. The position is taken over at no worse than `limit_price` (price lots, zero for any), and all that is
/// taken for a reward of at least `least_reward`, native quote at the oracle's prices, an auction's discount not counted. The liquidator's Init health must be at least zero when it took anything.
#[inline(never)]
pub(crate) fn liquidate<'info>(
    ctx: Context<'info, Liquidate<'info>>,
    max_position_lots: u64,
    max_debt: u64,
    limits: &LiquidatorLimits,
) -> Result<()> {
    let accounts: &'info Liquidate<'info> = ctx.accounts;
    let clock = Clock::get()?;
    let risk = accounts.risk_state.load()?;
    let mut liquidator = accounts.liquidator_account.load_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    let (delegation, remaining) = check(
        accounts,
        ctx.remaining_accounts,
        &risk,
        &liquidator,
        &account,
    )?;
    let (venues, hedges) = split(remaining);
    require!(
        hedges.is_empty() || max_position_lots > 0,
        PlimsollError::WrongRemainingAccount
    );
    let before = match &delegation {
        Some(delegation) => {
            require_delegated(accounts, hedges, delegation)?;
            Some((delegation, worth(&risk, &liquidator, &clock)?))
        }
        None => None,
    };
    for venue in &venues {
        settle(accounts, &risk, &mut account, venue, &clock)?;
    }

    let standing = Standing::of(&risk, &account, &clock)?;
    let mut liquidation = Liquidation {
        risk: &risk,
        clock: &clock,
        account: &mut account,
        account_key: accounts.margin_account.key(),
        liquidator: &mut liquidator,
        liquidator_key: accounts.liquidator_account.key(),
        standing,
        done: Done::default(),
        closable: u64::MAX,
        limits: *limits,
    };
    liquidation.begin()?;
    if liquidation.finish() {
        return Ok(());
    }
    for venue in &venues {
        cancel_orders(&mut liquidation, venue.book)?;
    }
    if !venues.is_empty() {
        liquidation.reassess()?;
    }
    if max_position_lots > 0 || max_debt > 0 {
        liquidation.require_second_observation()?;
    }
    let mut took = false;
    if max_position_lots > 0 && liquidation.standing.end() < 0 {
        let swaps = max_debt > 0;
        // Where there is value left, no more than a part is opened, and the whole debt can close that.
        let is_limited =
            swaps && (max_debt < u64::MAX || liquidation.standing.footing().value <= 0);
        if is_limited && liquidation.standing.is_judged_as_a_whole() {
            liquidation.limit_opening(&leg(&accounts.debt)?, max_debt)?;
        }
        take_over(&mut liquidation, accounts, max_position_lots, hedges, swaps)?;
        took = true;
    }
    if max_debt > 0 && liquidation.standing.end() < 0 {
        took |= swap(&mut liquidation, accounts, max_debt)?;
    }
    if took {
        liquidation.require_improved()?;
        liquidation.require_reward()?;
    }
    liquidation.finish();
    if took {
        require_own_init(&risk, &liquidator, &clock)?;
        require_reduce_only_covered(&liquidator)?;
        if let Some((delegation, before)) = before {
            let mut delegation = delegation.load_mut()?;
            charge_fall(&mut delegation, before, &risk, &liquidator, &clock)?;
        }
    }
    Ok(())
}

#[inline(never)]
fn check<'info>(
    accounts: &Liquidate,
    remaining: &'info [AccountInfo<'info>],
    risk: &RiskState,
    liquidator: &MarginAccount,
    account: &MarginAccount,
) -> Result<Signed<'info>> {
    for exchange in [&liquidator.exchange, &account.exchange] {
        require_keys_eq!(*exchange, risk.exchange, PlimsollError::WrongExchange);
    }
    let key = accounts.liquidator_account.key();
    let signed = signed(accounts.liquidator.key, &key, liquidator, remaining)?;
    gates::LIQUIDATE
        .exchange(risk.mode)?
        .account(liquidator.state)?;
    Ok(signed)
}

/// A delegate must be allowed to liquidate, in every market in which it takes something over.
#[inline(never)]
fn require_delegated<'info>(
    accounts: &'info Liquidate<'info>,
    hedges: &'info [AccountInfo<'info>],
    delegation: &AccountLoader<Delegation>,
) -> Result<()> {
    let delegation = delegation.load()?;
    require!(
        delegation.scope & scope::LIQUIDATE != 0,
        PlimsollError::OutsideScope
    );
    let position = accounts.position_market.as_ref().map(AsRef::as_ref);
    let legs = [&accounts.collateral, &accounts.debt];
    let legs = legs.into_iter().flatten().map(AsRef::as_ref);
    for info in position.into_iter().chain(legs).chain(hedges) {
        // A bank is of no market.
        if let Ok(market) = AccountLoader::<Market>::try_from(info) {
            delegation.require(scope::LIQUIDATE, market.load()?.index)?;
        }
    }
    Ok(())
}

/// Where the account trades: a book and, where something waits, its queue and market.
struct Venue<'info> {
    book: &'info AccountInfo<'info>,
    clearing: Option<(&'info AccountInfo<'info>, &'info AccountInfo<'info>)>,
}

/// Brings the account what waits for it, and frees the slots of its orders that are over.
#[inline(never)]
fn settle<'info>(
    accounts: &Liquidate,
    risk: &RiskState,
    account: &mut MarginAccount,
    venue: &Venue<'info>,
    clock: &Clock,
) -> Result<()> {
    let Some((queue, market)) = venue.clearing else {
        return Ok(());
    };
    let book = whole_book(venue.book)?;
    let queue: AccountLoader<FillQueueAccount> =
        AccountLoader::try_from(queue).map_err(|_| PlimsollError::WrongRemainingAccount)?;
    let market: AccountLoader<Market> =
        AccountLoader::try_from(market).map_err(|_| PlimsollError::WrongRemainingAccount)?;
    require_whole_queue(&queue)?;
    let mut market = market.load_mut()?;
    require!(
        market.book == book.key() && market.fill_queue == queue.key(),
        PlimsollError::WrongMarketAccount
    );
    let over = Over {
        now: clock.unix_timestamp,
        all: risk.market(market.index)?.price.is_final(),
    };
    let key = accounts.margin_account.key();
    clear(
        &key,
        account,
        &mut market,
        &mut *queue.load_mut()?,
        &mut *book.load_mut()?,
        over,
        u16::MAX,
    )?;
    Ok(())
}

fn whole_book<'info>(book: &'info AccountInfo<'info>) -> Result<AccountLoader<'info, Book>> {
    let book: AccountLoader<Book> =
        AccountLoader::try_from(book).map_err(|_| PlimsollError::WrongRemainingAccount)?;
    require_whole_book(&book)?;
    Ok(book)
}

#[inline(never)]
fn cancel_orders<'info>(
    liquidation: &mut Liquidation,
    book: &'info AccountInfo<'info>,
) -> Result<()> {
    let book = whole_book(book)?;
    let mut book = book.load_mut()?;
    liquidation.cancel_orders(&mut book)
}

#[inline(never)]
fn take_over<'info>(
    liquidation: &mut Liquidation,
    accounts: &Liquidate,
    max_position_lots: u64,
    hedges: &'info [AccountInfo<'info>],
    swaps: bool,
) -> Result<()> {
    liquidation.require_no_orders()?;
    let market = accounts
        .position_market
        .as_ref()
        .ok_or(PlimsollError::MissingAccount)?;
    let is_followed = swaps || !hedges.is_empty();
    let notional =
        liquidation.take_over(&mut *market.load_mut()?, max_position_lots, is_followed)?;
    for (at, hedge) in hedges.iter().enumerate() {
        if liquidation.standing.end() >= 0 {
            break;
        }
        let market: AccountLoader<Market> =
            AccountLoader::try_from(hedge).map_err(|_| PlimsollError::WrongRemainingAccount)?;
        let is_followed = swaps || at.saturating_add(1) < hedges.len();
        liquidation.take_over_hedge(&mut *market.load_mut()?, notional, is_followed)?;
    }
    Ok(())
}

/// The books with what follows them, which come first, and the markets of hedges.
#[inline(never)]
fn split<'info>(
    accounts: &'info [AccountInfo<'info>],
) -> (Vec<Venue<'info>>, &'info [AccountInfo<'info>]) {
    let is = |info: &AccountInfo, discriminator: &[u8]| {
        let data = info.try_borrow_data();
        data.is_ok_and(|data| data.starts_with(discriminator))
    };
    let mut venues = Vec::new();
    let mut rest = accounts;
    while let [book, after @ ..] = rest {
        if is(book, Market::DISCRIMINATOR) {
            break;
        }
        let (clearing, after) = match after {
            [queue, market, after @ ..] if is(queue, FillQueueAccount::DISCRIMINATOR) => {
                (Some((queue, market)), after)
            }
            _ => (None, after),
        };
        venues.push(Venue { book, clearing });
        rest = after;
    }
    (venues, rest)
}

/// A leg of a swap, as it was passed.
fn leg<'info>(account: &'info Option<UncheckedAccount<'info>>) -> Result<Leg<'info>> {
    let account = account.as_ref().ok_or(PlimsollError::MissingAccount)?;
    Leg::of(account.as_ref())
}

#[inline(never)]
fn swap<'info>(
    liquidation: &mut Liquidation,
    accounts: &'info Liquidate<'info>,
    max_debt: u64,
) -> Result<bool> {
    liquidation.require_no_orders()?;
    let (collateral, debt) = (leg(&accounts.collateral)?, leg(&accounts.debt)?);
    let now = liquidation.clock.unix_timestamp;
    for leg in [&collateral, &debt] {
        leg.prepare(&liquidation.risk.exchange, now)?;
    }
    if let Some(bank) = &accounts.quote_bank {
        let mut bank = bank.load_mut()?;
        require_keys_eq!(
            bank.exchange,
            liquidation.risk.exchange,
            PlimsollError::WrongExchange
        );
        require!(bank.index == 0, PlimsollError::WrongMint);
        ledger::accrue(&mut bank, now)?;
    }
    liquidation.swap(&collateral, &debt, accounts.quote_bank.as_ref(), max_debt)
}
