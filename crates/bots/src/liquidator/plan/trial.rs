//! A liquidation tried out on copies of both accounts, step by step as the program would do it.
use plimsoll_risk::{
    fixed::{scale_floor, to_i64, RiskError},
    liquidation::{position_slice, ramped_fee, swap_slice, Collateral, Debt, Target},
    Assessment, AssetRisk, BaseLots, HealthKind, LiquidationTerms, QuoteNative, Side,
};

use super::{
    holdings::Holdings,
    terms::{Leg, Obstacle, Terms},
};
use crate::liquidator::outlook::Outlook;

const END: HealthKind = HealthKind::LiquidationEnd;

/// What a step brings the liquidator, in native quote at spot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gain {
    /// Value received beyond value given.
    pub reward: i128,
    /// Value by which the liquidator's position grows; negative when it shrinks.
    pub position: i128,
    /// Value of tokens other than quote that change hands.
    pub tokens: i128,
    /// How much of what the step's limit counts, lots or native units of debt, the step used.
    pub amount: u64,
}

/// Both accounts in the midst of a liquidation. After a step that met an obstacle it is not to be used any more.
#[derive(Clone)]
pub struct Trial<'a> {
    pub outlook: &'a Outlook,
    pub terms: &'a Terms,
    /// Who is liquidated, its orders cancelled.
    pub account: Holdings,
    /// The liquidator.
    pub own: Holdings,
    /// Slots since the account was flagged.
    pub flagged_for: u64,
    /// Where the account stands.
    pub standing: Assessment,
}

impl<'a> Trial<'a> {
    /// Starts with both accounts as they are.
    ///
    /// # Errors
    /// When the account cannot be valued.
    pub fn new(
        outlook: &'a Outlook,
        terms: &'a Terms,
        account: Holdings,
        own: Holdings,
        flagged_for: u64,
    ) -> Result<Self, RiskError> {
        let standing = account.assess(&outlook.view())?;
        Ok(Self {
            outlook,
            terms,
            account,
            own,
            flagged_for,
            standing,
        })
    }

    /// True once LiquidationEnd health is at least zero.
    pub fn is_over(&self) -> bool {
        self.standing.of(END) >= 0
    }

    /// The liquidator's Init health; `None` when it cannot be known.
    pub fn own_init(&self) -> Option<i128> {
        self.outlook.own_init(&self.own.portfolio())
    }

    /// Takes over up to `max_lots` of a position.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn take_over(&mut self, market: u16, max_lots: u64) -> Result<Gain, Obstacle> {
        let entry = self.outlook.market(market).ok_or(Obstacle::NotPriced)?;
        let terms = self.terms.market(market)?;
        let target = self.target(self.fee(&terms.liquidation), &terms.liquidation);
        let perp = self.account.perp_mut(market).ok_or(Obstacle::NoSlot)?;
        let most = BaseLots(i64::try_from(max_lots).unwrap_or(i64::MAX));
        let slice = position_slice(perp, entry, &target, most, BaseLots(terms.dust_lots))?;

        let (side, funding) = (Side::closing(perp.position), entry.funding());
        perp.apply_fill(side, slice.lots, slice.notional, slice.penalty, funding)?;
        let cost = slice.insurance.checked_sub(slice.penalty)?;
        let own = self.own.open_perp(market).ok_or(Obstacle::NoSlot)?;
        let before = own.position.abs();
        own.apply_fill(side.opposite(), slice.lots, slice.notional, cost, funding)?;
        let grown = to_i64(i128::from(own.position.abs()) - i128::from(before))?;
        self.reassess()?;
        Ok(Gain {
            reward: -i128::from(cost.0),
            position: scale_floor(grown, entry.price.spot, entry.shift),
            tokens: 0,
            amount: slice.lots.abs(),
        })
    }

    /// Repays up to `max_debt` native units of a debt and takes collateral for it. Claims are settled first; where that
    /// leaves nothing to swap, the gain is zero.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub fn swap(&mut self, collateral: Leg, debt: Leg, max_debt: u64) -> Result<Gain, Obstacle> {
        let mut settled = false;
        for leg in [collateral, debt] {
            if let Leg::Claim(market) = leg {
                settled |= self.settle_claim(market)?;
            }
        }
        let (given, given_terms, given_dust) = self.given(collateral)?;
        let (taken, taken_terms, taken_dust) = self.taken(debt)?;
        let fee = self.fee(&given_terms).max(self.fee(&taken_terms));
        let target = self.target(fee, &given_terms);
        let slice = match swap_slice(&given, &taken, &target, max_debt, given_dust, taken_dust) {
            Err(RiskError::NothingToLiquidate) if settled => {
                self.account.release();
                return Ok(Gain::default());
            }
            slice => slice?,
        };
        let paid = self.repay(debt, slice.debt)?;
        let received = slice.collateral.saturating_sub(slice.insurance);
        let got = self.seize(collateral, slice.collateral, received)?;
        self.reassess()?;
        let tokens = |leg, value| match leg {
            Leg::Asset(1..) => value,
            _ => 0,
        };
        Ok(Gain {
            reward: got - paid,
            position: 0,
            tokens: tokens(collateral, got) + tokens(debt, paid),
            amount: slice.debt,
        })
    }

    fn fee(&self, terms: &LiquidationTerms) -> u32 {
        ramped_fee(terms, self.flagged_for)
    }

    fn target(&self, fee: u32, terms: &LiquidationTerms) -> Target {
        Target {
            health: self.standing.of(END),
            equity: self.standing.equity,
            fee,
            insurance_share: terms.insurance_share,
        }
    }

    /// Measures anew, and refuses a step that left the account worse off.
    fn reassess(&mut self) -> Result<(), Obstacle> {
        let after = self.account.assess(&self.outlook.view())?;
        let harms = after.of(END) < self.standing.of(END);
        self.standing = after;
        self.account.release();
        self.own.release();
        match harms {
            true => Err(Obstacle::Harms),
            false => Ok(()),
        }
    }

    /// Pays a claim out of the market's pool, or a loss out of the quote deposit, as far as either goes. What follows
    /// is measured against health after it.
    fn settle_claim(&mut self, market: u16) -> Result<bool, Obstacle> {
        let claim = self.claim(market)?;
        let indices = self.asset_entry(0)?.indices();
        let pool = self.terms.market(market)?.pnl_pool;
        let quote = self.account.open_balance(0).ok_or(Obstacle::NoSlot)?;
        let limit = match claim >= 0 {
            true => pool,
            false => quote.native(indices)?.max(0).unsigned_abs(),
        };
        let amount = claim.unsigned_abs().min(limit);
        if amount == 0 {
            return Ok(false);
        }
        let paid = match claim >= 0 {
            true => quote.credit(amount, indices).map(|_| signed(amount))?,
            false => quote
                .debit(amount, indices)
                .map(|_| signed(amount).map(i64::saturating_neg))?,
        };
        add_claim(&mut self.account, market, paid?.saturating_neg())?;
        self.standing = self.account.assess(&self.outlook.view())?;
        Ok(true)
    }

    fn claim(&self, market: u16) -> Result<i64, Obstacle> {
        let perp = self.account.perp(market).ok_or(Obstacle::NoSlot)?;
        match perp.position.is_zero() {
            true => Ok(perp.quote.0),
            false => Err(RiskError::NothingToLiquidate.into()),
        }
    }

    /// An asset's entry, whatever its age.
    fn asset_entry(&self, asset: u16) -> Result<&'a AssetRisk, Obstacle> {
        let entry = self.outlook.risk().asset(asset);
        entry.map_err(|_| Obstacle::NotPriced)
    }

    /// Collateral, its terms and its dust.
    fn given(&self, leg: Leg) -> Result<(Collateral<'_>, LiquidationTerms, u64), Obstacle> {
        match leg {
            Leg::Asset(asset) => {
                let entry = self.outlook.asset(asset).ok_or(Obstacle::NotPriced)?;
                let balance = self.account.balance(asset).ok_or(Obstacle::NoSlot)?;
                let terms = self.terms.asset(asset)?;
                let deposit = Collateral::Deposit(balance, entry);
                Ok((deposit, terms.liquidation, terms.dust_usd))
            }
            Leg::Claim(market) => {
                let profit = self.claim(market)?.max(0).unsigned_abs();
                let entry = self.outlook.risk().market(market);
                let claim = Collateral::Profit(profit, entry.map_err(|_| Obstacle::NotPriced)?);
                let terms = self.terms.market(market)?.liquidation;
                Ok((claim, terms, self.terms.asset(0)?.dust_usd))
            }
        }
    }

    /// A debt, its terms and its dust. A loss is owed in quote, which costs no bonus of its own.
    fn taken(&self, leg: Leg) -> Result<(Debt<'_>, LiquidationTerms, u64), Obstacle> {
        match leg {
            Leg::Asset(asset) => {
                let entry = self.outlook.asset(asset).ok_or(Obstacle::NotPriced)?;
                let balance = self.account.balance(asset).ok_or(Obstacle::NoSlot)?;
                let terms = self.terms.asset(asset)?;
                let borrow = Debt::Borrow(balance, entry);
                Ok((borrow, terms.liquidation, terms.dust_usd))
            }
            Leg::Claim(market) => {
                let loss = Debt::Loss(self.claim(market)?.min(0).unsigned_abs());
                let dust = self.terms.asset(0)?.dust_usd;
                Ok((loss, LiquidationTerms::default(), dust))
            }
        }
    }

    /// The liquidator's balance pays the debt, in kind or in quote; the value of that.
    fn repay(&mut self, debt: Leg, amount: u64) -> Result<i128, Obstacle> {
        let asset = match debt {
            Leg::Asset(asset) => asset,
            Leg::Claim(_) => 0,
        };
        let entry = self.asset_entry(asset)?;
        match debt {
            Leg::Asset(asset) => {
                let owed = self.account.open_balance(asset).ok_or(Obstacle::NoSlot)?;
                owed.credit(amount, entry.indices())?;
            }
            Leg::Claim(market) => add_claim(&mut self.account, market, signed(amount)?)?,
        }
        let own = self.own.open_balance(asset).ok_or(Obstacle::NoSlot)?;
        own.debit(amount, entry.indices())?;
        value(entry, amount)
    }

    /// The collateral goes to the liquidator, less what insurance keeps; the value of what it receives.
    fn seize(&mut self, collateral: Leg, amount: u64, received: u64) -> Result<i128, Obstacle> {
        match collateral {
            Leg::Asset(asset) => {
                let entry = self.asset_entry(asset)?;
                let held = self.account.open_balance(asset).ok_or(Obstacle::NoSlot)?;
                held.debit(amount, entry.indices())?;
                let own = self.own.open_balance(asset).ok_or(Obstacle::NoSlot)?;
                own.credit(received, entry.indices())?;
                value(entry, received)
            }
            Leg::Claim(market) => {
                let given = signed(amount)?.saturating_neg();
                add_claim(&mut self.account, market, given)?;
                self.own.open_perp(market).ok_or(Obstacle::NoSlot)?;
                add_claim(&mut self.own, market, signed(received)?)?;
                Ok(i128::from(received))
            }
        }
    }
}

fn value(entry: &AssetRisk, amount: u64) -> Result<i128, Obstacle> {
    Ok(scale_floor(signed(amount)?, entry.price.spot, entry.shift))
}

fn add_claim(holdings: &mut Holdings, market: u16, amount: i64) -> Result<(), Obstacle> {
    let perp = holdings.perp_mut(market).ok_or(Obstacle::NoSlot)?;
    perp.quote = perp.quote.checked_add(QuoteNative(amount))?;
    Ok(())
}

fn signed(amount: u64) -> Result<i64, Obstacle> {
    i64::try_from(amount).map_err(|_| Obstacle::Risk(RiskError::Overflow))
}
