//! Health of margin accounts: hands accounts to the risk crate and turns its answers into refusals.
use anchor_lang::prelude::*;
use plimsoll_risk::{
    self as risk, fixed::add, liquidation::Footing, AccountMargin, Assessment, AssetRisk,
    HealthKind, MarginMode, MarginModel, OnePrice, OpenOrder, PerpPosition, Policy, Portfolio,
    Purpose, RiskView,
};

use crate::{
    error::{OrRefuse, PlimsollError},
    state::{
        margin_account::{account_state, MAX_ORDERS, MAX_PERPS},
        MarginAccount, RiskState,
    },
};

/// The chain's clock, and the exchange's of doubt, as the risk crate takes them.
pub fn clock_of(state: &RiskState, clock: &Clock) -> risk::Clock {
    risk::Clock {
        now_ms: clock.unix_timestamp.saturating_mul(1_000),
        doubt_ms: state.doubt_ms,
    }
}

/// The market-wide numbers at this time, for a purpose, which says how old prices may be.
pub fn view<'a>(state: &'a RiskState, clock: &Clock, purpose: Purpose) -> RiskView<'a> {
    let assets = usize::from(state.asset_count);
    let markets = usize::from(state.market_count);
    RiskView {
        assets: state.assets.get(..assets).unwrap_or(&state.assets),
        markets: state.markets.get(..markets).unwrap_or(&state.markets),
        underlyings: state
            .underlyings
            .get(..usize::from(state.underlying_count))
            .unwrap_or(&state.underlyings),
        model: &state.model,
        clock: clock_of(state, clock),
        purpose,
        one_price: OnePrice::default(),
    }
}

/// The account's side of a health question.
pub fn portfolio(account: &MarginAccount) -> Portfolio<'_> {
    Portfolio {
        balances: &account.balances,
        perps: &account.perps,
        orders: &account.orders,
        mode: MarginMode::from_byte(account.margin_mode),
    }
}

/// All healths and equity in one pass.
#[inline(never)]
pub fn assess(
    state: &RiskState,
    account: &MarginAccount,
    policy: Policy,
    purpose: Purpose,
    clock: &Clock,
) -> Result<Assessment> {
    AccountMargin::assess(&view(state, clock, purpose), &portfolio(account), policy).or_refuse()
}

/// What one market slot, with its orders, adds to Init and to Maint health.
#[derive(Clone, Copy)]
pub struct PerpPart {
    init: i128,
    maint: i128,
}

impl PerpPart {
    /// True when neither health was higher before. Init alone would let an account that owes its solvency to a profit,
    /// which Init does not count, hand that profit to somebody else in a trade that reduces its position.
    fn is_no_lower_than(self, before: Self) -> bool {
        self.init >= before.init && self.maint >= before.maint
    }

    /// The whole account's, taken for what a slot adds, as only wholes compare where slots net; and whether nothing is stale.
    #[inline(never)]
    fn whole(state: &RiskState, portfolio: &Portfolio, clock: &Clock) -> Result<(Self, bool)> {
        let of = |kind, policy| {
            let view = view(state, clock, Purpose::Trade);
            AccountMargin::health(&view, portfolio, kind, policy).or_refuse()
        };
        let maint = of(HealthKind::Maint, Policy::BenefitOfDoubt)?;
        let whole = Self {
            init: of(HealthKind::Init, Policy::Strict)?.value,
            maint: maint.value,
        };
        Ok((whole, maint.stale.is_empty()))
    }
}

/// Where an account stood before a trade in one market, as far as its mode of margin needs it to be known.
pub enum Before {
    /// What the market's slot added.
    Slot(PerpPart),
    /// The slots that a trade may change; measured only when the account does not pass without.
    Slots(Box<Slots>),
}

/// A copy of an account's positions and orders.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Slots {
    perps: [PerpPosition; MAX_PERPS],
    orders: [OpenOrder; MAX_ORDERS],
}

impl Before {
    /// Before a trade in the market of a slot. Of an account in liquidation the whole is asked, whatever its mode of margin.
    #[inline(always)]
    pub fn of(state: &RiskState, account: &MarginAccount, slot: usize) -> Result<Self> {
        let is_flagged = account.state != account_state::ACTIVE;
        match MarginMode::from_byte(account.margin_mode) {
            MarginMode::Standard if !is_flagged => Ok(Self::Slot(perp_part(state, account, slot)?)),
            _ => Ok(Self::Slots(Slots::of(account))),
        }
    }
}

impl Slots {
    #[inline(never)]
    fn of(account: &MarginAccount) -> Box<Self> {
        let mut copy: Box<Self> = bytemuck::zeroed_box();
        copy.perps.copy_from_slice(&account.perps);
        copy.orders.copy_from_slice(&account.orders);
        copy
    }
}

/// Contribution of one market slot, with its orders, as of now.
fn perp_part(state: &RiskState, account: &MarginAccount, slot: usize) -> Result<PerpPart> {
    let perp = account.perps.get(slot).or_refuse()?;
    if perp.is_free() {
        return Ok(PerpPart { init: 0, maint: 0 });
    }
    let entry = state.market(perp.market)?;
    let part = |kind| risk::standard::perp_value(kind, perp, &account.orders, entry).or_refuse();
    Ok(PerpPart {
        init: part(HealthKind::Init)?,
        maint: part(HealthKind::Maint)?,
    })
}

/// For a trade in the market of a slot: passes when it lowered neither Init nor Maint health and leaves the latter at
/// zero or above, otherwise as [`require_init`]. An account in liquidation, or due for it, needs Init health: a trade may hand
/// over as much as the maintenance margin that it sets free, and such an account no longer owns that much. One that is flagged
/// may reduce where that improves it ([`require_improved`]); `reduces` says that the order was to, and nothing of it rests. Nor may one that is maintained only by what nobody can price: from it a trade passes if it `is_fair`, which gives
/// nothing away.
#[inline(always)]
pub fn require_init_unless_reduced(
    state: &RiskState,
    account: &mut MarginAccount,
    before: Before,
    slot: usize,
    clock: &Clock,
    reduces: bool,
    is_fair: impl FnOnce() -> Result<bool>,
) -> Result<()> {
    let before = match before {
        Before::Slot(before) => before,
        Before::Slots(before) => {
            return require_whole_init(state, account, &before, slot, clock, reduces, is_fair)
        }
    };
    let after = perp_part(state, account, slot)?;
    if after.is_no_lower_than(before)
        && account.state == account_state::ACTIVE
        && match maintained(state, account, clock)? {
            Maintained::Certainly => true,
            Maintained::InDoubt => {
                is_fair()? || is_maintained_at_worst(state, account, slot, clock)?
            }
            Maintained::No => false,
        }
    {
        return Ok(());
    }
    require_init(state, account, Purpose::Trade, clock)
}

/// The same where slots net: first whether Init health is at least zero, which is all that most trades need.
#[inline(never)]
fn require_whole_init(
    state: &RiskState,
    account: &mut MarginAccount,
    before: &Slots,
    slot: usize,
    clock: &Clock,
    reduces: bool,
    is_fair: impl FnOnce() -> Result<bool>,
) -> Result<()> {
    let refused = match require_init(state, account, Purpose::Trade, clock) {
        Ok(()) => return Ok(()),
        Err(refused) => refused,
    };
    if account.state != account_state::ACTIVE {
        return match reduces {
            true => require_improved(state, account, before, clock, is_fair),
            false => Err(refused),
        };
    }
    let (after, is_certain) = PerpPart::whole(state, &portfolio(account), clock)?;
    let before = Portfolio {
        perps: &before.perps,
        orders: &before.orders,
        ..portfolio(account)
    };
    let (before, _) = PerpPart::whole(state, &before, clock)?;
    if after.maint >= 0
        && after.is_no_lower_than(before)
        && (is_certain || is_fair()? || is_maintained_at_worst(state, account, slot, clock)?)
    {
        return Ok(());
    }
    Err(refused)
}

/// For a flagged account that reduced at once: passes when that lowered neither Maint nor LiquidationEnd health, nor equity ÷
/// requirement, which a liquidation must not lower either. Without equity, or where that is not known, what the account gives away
/// is somebody else's: it passes then if the trade `is_fair`. The flag stays until a liquidation would end.
///
/// # Errors
/// `MustImprove`.
#[inline(never)]
fn require_improved(
    state: &RiskState,
    account: &MarginAccount,
    before: &Slots,
    clock: &Clock,
    is_fair: impl FnOnce() -> Result<bool>,
) -> Result<()> {
    let view = view(state, clock, Purpose::Trade);
    let stands = |portfolio: &Portfolio| Stands::of(&view, portfolio);
    let after = stands(&portfolio(account))?;
    let before = stands(&Portfolio {
        perps: &before.perps,
        orders: &before.orders,
        ..portfolio(account)
    })?;
    let owns_what_it_gives = after.is_certain && before.end.value > 0;
    require!(
        after.maint >= before.maint
            && before.end.is_kept_by(&after.end, 0)
            && (owns_what_it_gives || is_fair()?),
        PlimsollError::MustImprove
    );
    Ok(())
}

/// Where an account stands at the lines of a liquidation.
struct Stands {
    end: Footing,
    maint: i128,
    is_certain: bool,
}

impl Stands {
    #[inline(never)]
    fn of(view: &RiskView, portfolio: &Portfolio) -> Result<Self> {
        let whole = AccountMargin::assess(view, portfolio, Policy::BenefitOfDoubt).or_refuse()?;
        let end = whole.of(HealthKind::LiquidationEnd);
        Ok(Self {
            end: Footing {
                value: whole.equity,
                requirement: whole.equity.saturating_sub(end),
            },
            maint: whole.of(HealthKind::Maint),
            is_certain: whole.stale.is_empty(),
        })
    }
}

/// Whether Maint health is at least zero.
enum Maintained {
    No,
    /// With stale entries counted as a liquidation counts them.
    InDoubt,
    /// With nothing stale.
    Certainly,
}

#[inline(never)]
fn maintained(state: &RiskState, account: &MarginAccount, clock: &Clock) -> Result<Maintained> {
    let health = AccountMargin::health(
        &view(state, clock, Purpose::Trade),
        &portfolio(account),
        HealthKind::Maint,
        Policy::BenefitOfDoubt,
    )
    .or_refuse()?;
    Ok(match (health.value >= 0, health.stale.is_empty()) {
        (false, _) => Maintained::No,
        (true, false) => Maintained::InDoubt,
        (true, true) => Maintained::Certainly,
    })
}

/// Whether Maint health is at least zero with what is stale at the worst that doubt leaves of it, deposits but of quote at
/// nothing ([`Policy::Taker`]). Where the market of the trade is itself stale, its slot counts by itself at the last price: at
/// the worst one hardly any position could be closed. At a broken one nothing is known.
#[inline(never)]
fn is_maintained_at_worst(
    state: &RiskState,
    account: &MarginAccount,
    slot: usize,
    clock: &Clock,
) -> Result<bool> {
    let view = view(state, clock, Purpose::Trade);
    let of = |portfolio: &Portfolio| {
        AccountMargin::health(&view, portfolio, HealthKind::Maint, Policy::Taker).or_refuse()
    };
    let traded = &state
        .market(account.perps.get(slot).or_refuse()?.market)?
        .price;
    if view.is_fresh(traded) {
        return Ok(of(&portfolio(account))?.value >= 0);
    }
    if traded.is_broken() {
        return Ok(false);
    }
    let part = perp_part(state, account, slot)?;
    let mut rest: Box<Slots> = Slots::of(account);
    *rest.perps.get_mut(slot).or_refuse()? = PerpPosition::default();
    let rest = of(&Portfolio {
        perps: &rest.perps,
        ..portfolio(account)
    })?;
    Ok(add(rest.value, part.maint).or_refuse()? >= 0)
}

/// Passes when Init health is at least zero, which also ends a liquidation; refuses on a stale entry that the account
/// needs. What leaves is measured at younger prices than what is traded.
#[inline(never)]
pub fn require_init(
    state: &RiskState,
    account: &mut MarginAccount,
    purpose: Purpose,
    clock: &Clock,
) -> Result<()> {
    let health = AccountMargin::health(
        &view(state, clock, purpose),
        &portfolio(account),
        HealthKind::Init,
        Policy::Strict,
    )
    .or_refuse()?;
    if let Some(entry) = health.stale.blocking() {
        msg!("stale: {:?}", entry);
        return err!(PlimsollError::StaleEntry);
    }
    require!(health.value >= 0, PlimsollError::InsufficientHealth);
    account.clear_liquidation();
    Ok(())
}

/// Refuses what would be counted on although its price is in doubt, or final: what is worth less elsewhere would be brought.
///
/// # Errors
/// `DepositInDoubt`; `WindingDown`.
pub fn require_undoubted(state: &RiskState, entry: &AssetRisk, clock: &Clock) -> Result<()> {
    require!(!entry.price.is_final(), PlimsollError::WindingDown);
    require!(
        entry
            .price
            .is_fresh(&clock_of(state, clock), Purpose::Trade),
        PlimsollError::DepositInDoubt
    );
    Ok(())
}
