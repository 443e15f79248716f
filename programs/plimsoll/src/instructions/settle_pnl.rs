//! Turns a market's profit or loss into quote balance, as far as the money is there. Permissionless.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    self as risk,
    fixed::{add, scale_floor},
    standard::{balance_value, perp_value},
    AccountMargin, AssetRisk, Balance, Health, HealthKind, MarginMode, MarginModel, MarketRisk,
    PerpPosition, Policy, Purpose, QuoteNative,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    events::PnlSettled,
    gates,
    health::{clock_of, portfolio, view},
    ledger, profits,
    state::{mode, Bank, MarginAccount, Market, RiskState},
};

#[derive(Accounts)]
pub struct SettlePnl<'info> {
    pub risk_state: AccountLoader<'info, RiskState>,
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// The bank of the quote asset.
    #[account(mut)]
    pub quote_bank: AccountLoader<'info, Bank>,
}

/// Pays a profit from the market's pool, or a loss into it, and settles funding on the way.
///
/// A profit is paid as far as collected losses are set aside for it, which they are for all profits of the market in
/// proportion ([`plimsoll_risk::profits`]) once they were announced for the market's delay, and as far as the pool keeps what a
/// return of the price would take back, whether a position is held or not. A profit that waits for what is announced is marked, and
/// nothing is paid. While a position is held, only what spot and stable price both show of a profit or loss counts, so that a pump
/// within minutes neither is paid out nor makes its losers pay in. A loss is paid from the quote deposit; the rest is
/// borrowed only while Init health, with the debt held to how crowded the bank then is, stays at zero or above and the bank's
/// mode, cap and net-borrow limit leave room, since it is depositors who lend it. It was not asked for, so it bears no origination
/// fee. What is not paid is lent by those whom the pool owes: without a position it bears interest at the rate of a borrow, and
/// takes up nothing of the bank's cap and limit before it becomes one.
///
/// As anyone may call this, it never puts an account at risk: where it lowers maintenance health (the quote token
/// is weighted, a claim on the pool differently so), that has to be at least zero afterwards.
#[inline(never)]
pub(crate) fn settle_pnl(ctx: Context<SettlePnl>) -> Result<()> {
    let accounts = &ctx.accounts;
    let clock = Clock::get()?;
    let risk = accounts.risk_state.load()?;
    let mut market = accounts.market.load_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    let mut bank = accounts.quote_bank.load_mut()?;
    for exchange in [&market.exchange, &account.exchange, &bank.exchange] {
        require_keys_eq!(*exchange, risk.exchange, PlimsollError::WrongExchange);
    }
    require!(bank.index == 0, PlimsollError::WrongMint);
    gates::SETTLE_PNL
        .exchange(risk.mode)?
        .bank(bank.mode)?
        .market(market.mode)?
        .account(account.state)?;

    ledger::accrue(&mut bank, clock.unix_timestamp)?;
    let slot = account
        .find_perp(market.index)
        .ok_or(PlimsollError::NoSuchPosition)?;
    let entry = risk.market(market.index)?;
    let perp = account.perps.get_mut(slot).or_refuse()?;
    profits::settle_funding(&mut market, perp)?;
    let pnl = settleable(perp, entry, &clock_of(&risk, &clock))?;
    market.mark(perp, pnl, entry, clock.unix_timestamp)?;
    if pnl > 0 {
        profits::cover(&mut market, perp, &risk, &clock)?;
    }
    let payment = plan(&risk, &mut account, slot, &market, &mut bank, pnl, &clock)?;

    let before = maintained(&risk, &account, slot, &clock)?;
    let (quote, now) = (risk.asset(0)?, clock.unix_timestamp);
    ledger::settle(
        &mut account,
        slot,
        &mut market,
        &mut bank,
        payment.amount,
        (quote, now),
    )?;
    if payment.amount < 0 && profits::is_payable(&market, &risk, &clock)? {
        market.cover_profits(entry, now)?;
    }
    ledger::count_borrow(&mut bank, payment.borrowed, quote, now);
    if maintained(&risk, &account, slot, &clock)? < before {
        require_maintenance(&risk, &account, &clock)?;
    }
    account.release_perp(slot);
    emit!(PnlSettled {
        margin_account: accounts.margin_account.key(),
        market: market.index,
        amount: payment.amount,
    });
    Ok(())
}

/// The profit or loss that may be settled now, its funding settled: the bare claim once no position is left, otherwise what of
/// a profit or loss spot and stable price both show. So a pump neither pays one side nor makes the other pay in what would be
/// others' to claim when it is over.
pub(super) fn settleable(
    perp: &PerpPosition,
    entry: &MarketRisk,
    clock: &risk::Clock,
) -> Result<i128> {
    let claim = i128::from(perp.quote.0);
    if perp.position.is_zero() {
        return Ok(claim);
    }
    require!(!entry.price.is_broken(), PlimsollError::BrokenFeed);
    require!(
        entry.price.is_fresh(clock, Purpose::Pay),
        PlimsollError::StaleEntry
    );
    let at = |price| add(claim, scale_floor(perp.position.0, price, entry.shift)).or_refuse();
    let (spot, stable) = (at(entry.price.spot)?, at(entry.price.stable)?);
    Ok(match spot {
        0.. => spot.min(stable).max(0),
        _ => spot.max(stable).min(0),
    })
}

/// What moves: positive to the account, negative to the pool, and how much of the latter is borrowed.
struct Payment {
    amount: i64,
    borrowed: u64,
}

#[inline(never)]
fn plan(
    risk: &RiskState,
    account: &mut MarginAccount,
    slot: usize,
    market: &Market,
    bank: &mut Bank,
    pnl: i128,
    clock: &Clock,
) -> Result<Payment> {
    let size = u64::try_from(pnl.unsigned_abs()).map_err(|_| PlimsollError::Overflow)?;
    if pnl >= 0 {
        let perp = account.perps.get(slot).or_refuse()?;
        let amount = size.min(ledger::payable_profit(
            market,
            risk.market(market.index)?,
            perp,
        ));
        let waits = size > 0 && market.profits.announced > 0;
        require!(amount > 0 || waits, PlimsollError::NothingToSettle);
        let amount = i64::try_from(amount).map_err(|_| PlimsollError::Overflow)?;
        return Ok(Payment {
            amount,
            borrowed: 0,
        });
    }
    let [quote, ..] = &account.balances;
    let covered = size.min(ledger::held(bank, quote)?);
    let borrowed = borrowable(risk, account, slot, bank, size, covered, clock)?;
    let paid = covered.checked_add(borrowed).or_refuse()?;
    require!(paid > 0, PlimsollError::CannotPayLoss);
    let amount = 0i64.checked_sub_unsigned(paid).or_refuse()?;
    Ok(Payment { amount, borrowed })
}

/// How much of a loss, beyond the deposit that covers a part, may be borrowed: what the bank's limits leave room for,
/// all or none of it by Init health after the payment.
#[inline(never)]
fn borrowable(
    risk: &RiskState,
    account: &mut MarginAccount,
    slot: usize,
    bank: &mut Bank,
    loss: u64,
    covered: u64,
    clock: &Clock,
) -> Result<u64> {
    let entry = risk.asset(bank.index)?;
    let allowed = bank.mode == mode::ACTIVE
        && risk.mode == mode::ACTIVE
        && entry.price.is_fresh(&clock_of(risk, clock), Purpose::Pay);
    let missing = loss.saturating_sub(covered);
    if missing == 0 || !allowed {
        return Ok(0);
    }
    let borrowed = missing.min(ledger::borrow_room(bank, entry, clock.unix_timestamp)?);
    let paid = covered.checked_add(borrowed).or_refuse()?;

    let health = init_after(risk, account, slot, bank, paid, clock)?;
    let enough = health.value >= 0 && health.stale.blocking().is_none();
    Ok(if enough { borrowed } else { 0 })
}

/// The quote balance and a market's slot once so much of the slot's loss is paid out of the balance. What is borrowed for it is
/// held to the bank's total after it; the bank is left as it was.
fn after_paying(
    account: &MarginAccount,
    slot: usize,
    bank: &mut Bank,
    paid: u64,
    quote: (&AssetRisk, i64),
) -> Result<(Balance, PerpPosition)> {
    let [mut balance, ..] = account.balances;
    let shares = (bank.deposit_shares, bank.borrow_shares);
    let (entry, now) = quote;
    let charged = ledger::charge(bank, &mut balance, paid, entry, now);
    (bank.deposit_shares, bank.borrow_shares) = shares;
    charged?;
    let mut perp = *account.perps.get(slot).or_refuse()?;
    let gained = i64::try_from(paid).map_err(|_| PlimsollError::Overflow)?;
    perp.quote = perp.quote.checked_add(QuoteNative(gained)).or_refuse()?;
    Ok((balance, perp))
}

/// Init health after a payment: the account is changed, asked and changed back.
#[inline(never)]
fn init_after(
    risk: &RiskState,
    account: &mut MarginAccount,
    slot: usize,
    bank: &mut Bank,
    paid: u64,
    clock: &Clock,
) -> Result<Health> {
    let quote = (risk.asset(0)?, clock.unix_timestamp);
    let mut changed = after_paying(account, slot, bank, paid, quote)?;
    exchange(account, slot, &mut changed)?;
    let health = whole(risk, account, HealthKind::Init, Policy::Strict, clock);
    exchange(account, slot, &mut changed)?;
    health
}

fn exchange(
    account: &mut MarginAccount,
    slot: usize,
    other: &mut (Balance, PerpPosition),
) -> Result<()> {
    let [quote, ..] = &mut account.balances;
    core::mem::swap(quote, &mut other.0);
    core::mem::swap(account.perps.get_mut(slot).or_refuse()?, &mut other.1);
    Ok(())
}

/// Maintenance health as far as a settlement can change it: the two slots' part of it, or the whole where slots net.
fn maintained(
    risk: &RiskState,
    account: &MarginAccount,
    slot: usize,
    clock: &Clock,
) -> Result<i128> {
    let kind = HealthKind::Maint;
    match MarginMode::from_byte(account.margin_mode) {
        MarginMode::Standard => parts(risk, account, slot, kind),
        MarginMode::Portfolio => {
            Ok(whole(risk, account, kind, Policy::BenefitOfDoubt, clock)?.value)
        }
    }
}

/// What the quote balance and a market's slot together add to the health of a kind.
fn parts(risk: &RiskState, account: &MarginAccount, slot: usize, kind: HealthKind) -> Result<i128> {
    let [quote, ..] = &account.balances;
    let perp = account.perps.get(slot).or_refuse()?;
    let market = risk.market(perp.market)?;
    add(
        balance_value(kind, quote, risk.asset(quote.asset)?),
        perp_value(kind, perp, &account.orders, market).or_refuse()?,
    )
    .or_refuse()
}

#[inline(never)]
fn whole(
    risk: &RiskState,
    account: &MarginAccount,
    kind: HealthKind,
    policy: Policy,
    clock: &Clock,
) -> Result<Health> {
    let view = view(risk, clock, Purpose::Pay);
    AccountMargin::health(&view, &portfolio(account), kind, policy).or_refuse()
}

fn require_maintenance(risk: &RiskState, account: &MarginAccount, clock: &Clock) -> Result<()> {
    let health = whole(
        risk,
        account,
        HealthKind::Maint,
        Policy::BenefitOfDoubt,
        clock,
    )?;
    require!(health.value >= 0, PlimsollError::InsufficientHealth);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_risk::{feed::BROKEN, BaseLots, EntryPrice};

    fn entry(spot: u64, stable: u64) -> MarketRisk {
        MarketRisk {
            price: EntryPrice {
                spot,
                stable,
                ..EntryPrice::default()
            },
            ..MarketRisk::listed(0, 1)
        }
    }

    fn perp(position: i64, quote: i64) -> PerpPosition {
        PerpPosition {
            position: BaseLots(position),
            quote: QuoteNative(quote),
            ..PerpPosition::of(0)
        }
    }

    fn pnl(position: i64, quote: i64, spot: u64, stable: u64) -> i128 {
        settleable(
            &perp(position, quote),
            &entry(spot, stable),
            &risk::Clock::default(),
        )
        .unwrap()
    }

    #[test]
    fn a_profit_settles_at_the_worse_of_spot_and_stable() {
        assert_eq!(pnl(10, -900, 110, 100), 100);
        assert_eq!(pnl(10, -900, 110, 120), 200);
        assert_eq!(pnl(-10, 1_100, 90, 100), 100);
        assert_eq!(pnl(-10, 1_100, 90, 80), 200);
        // Profit at spot alone is none yet.
        assert_eq!(pnl(10, -900, 110, 80), 0);
    }

    #[test]
    fn a_loss_settles_as_far_as_the_stable_price_shows_it_too() {
        assert_eq!(pnl(10, -900, 80, 70), -100);
        assert_eq!(pnl(10, -900, 80, 85), -50);
        assert_eq!(pnl(10, -900, 80, 100), 0);
        assert_eq!(pnl(-10, 900, 100, 95), -50);
        assert_eq!(pnl(-10, 900, 100, 50), 0);
    }

    #[test]
    fn a_bare_claim_needs_no_price() {
        let late = risk::Clock {
            now_ms: 1,
            ..risk::Clock::default()
        };
        assert_eq!(settleable(&perp(0, -7), &entry(0, 0), &late).unwrap(), -7);
        assert!(settleable(&perp(1, -7), &entry(5, 5), &late).is_err());
    }

    #[test]
    fn a_broken_feed_settles_nothing_that_needs_it() {
        let mut entry = entry(200, 200);
        entry.price.flags = BROKEN;
        assert!(settleable(&perp(1, 0), &entry, &risk::Clock::default()).is_err());
        assert_eq!(
            settleable(&perp(0, 3), &entry, &risk::Clock::default()).unwrap(),
            3
        );
    }
}
