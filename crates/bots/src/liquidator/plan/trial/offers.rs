//! What of an account can be taken in a trial, at which price and terms, and how much of it a step takes.
use plimsoll::liquidation::DOUBT_PATIENCE_SECS;
use plimsoll_risk::{
    fixed::{scale_floor, RiskError},
    liquidation::{
        debt_paid_by, position_slice, swap_slice, Auction, Auctioned, Holding, Portion,
        PositionSlice, SwapSlice, Target,
    },
    AssetRisk, BaseLots, EntryPrice, LiquidationTerms, MarketRisk, PerpPosition, Portfolio,
    RiskView,
};

use super::{signed, Trial};
use crate::liquidator::{
    outlook::Outlook,
    plan::{
        holdings::Holdings,
        terms::{Insurance, Leg, Obstacle},
    },
};

/// Out of a hundred: what a token, or a long, is taken to be worth of its last price when its price has been doubted for so long
/// that it is auctioned; a debt, or a short, as much more. Of two hours' auction that is the last quarter.
const DOUBTED_WORTH: i128 = 60;

impl<'a> Trial<'a> {
    /// An asset's entry, whatever its age.
    pub(super) fn asset_entry(&self, asset: u16) -> Result<&'a AssetRisk, Obstacle> {
        let entry = self.outlook.risk().asset(asset);
        entry.map_err(|_| Obstacle::NotPriced)
    }

    /// What the program lets be taken over of a position: at spot, or at the price that doubt auctions it for.
    pub(super) fn takeable(&self, perp: &PerpPosition) -> Result<Auctioned<MarketRisk>, Obstacle> {
        let entry = self.outlook.risk().market(perp.market);
        let entry = entry.map_err(|_| Obstacle::NotPriced)?;
        if self.view.is_fresh(&entry.price) {
            return Ok(at_spot(*entry));
        }
        let portfolio = self.account.portfolio();
        let auctioned = self.auction(portfolio, true)?.market(perp, entry)?;
        auctioned.ok_or(Obstacle::NotPriced)
    }

    /// What it lets be seized of a deposit, or repaid of a debt, likewise; none for a claim. Where the other leg gives a discount
    /// this one is at its last price.
    fn seizable(
        &self,
        leg: Leg,
        is_discounted: bool,
    ) -> Result<Option<Auctioned<AssetRisk>>, Obstacle> {
        let Leg::Asset(asset) = leg else {
            return Ok(None);
        };
        let entry = self.asset_entry(asset)?;
        if self.view.is_fresh(&entry.price) {
            return Ok(Some(at_spot(*entry)));
        }
        let balance = self.account.balance(asset).ok_or(Obstacle::NoSlot)?;
        let portfolio = self.account.portfolio();
        let auctioned = self
            .auction(portfolio, is_discounted)?
            .asset(balance, entry)?;
        auctioned.map(Some).ok_or(Obstacle::NotPriced)
    }

    fn auction<'b>(
        &'b self,
        portfolio: Portfolio<'b>,
        is_discounted: bool,
    ) -> Result<Auction<'b>, Obstacle> {
        match self.episode.secs >= DOUBT_PATIENCE_SECS {
            true => Ok(Auction {
                view: &self.view,
                portfolio,
                equity: match &self.netted {
                    Some(netted) => netted.equity(),
                    None => self.standing.equity,
                },
                is_discounted,
            }),
            false => Err(Obstacle::NotPriced),
        }
    }

    pub(super) fn is_auctioned(&self, leg: Leg) -> Result<bool, Obstacle> {
        match leg {
            Leg::Asset(asset) => Ok(!self.view.is_fresh(&self.asset_entry(asset)?.price)),
            Leg::Claim(_) => Ok(false),
        }
    }

    pub(super) fn last_price(&self, market: u16) -> Result<&'a EntryPrice, Obstacle> {
        let entry = self.outlook.risk().market(market);
        entry
            .map(|entry| &entry.price)
            .map_err(|_| Obstacle::NotPriced)
    }

    /// The terms of collateral or debt, its dust, and the insurance behind it.
    pub(super) fn terms_of(
        &self,
        leg: Leg,
    ) -> Result<(LiquidationTerms, u64, Insurance), Obstacle> {
        match leg {
            Leg::Asset(asset) => {
                let terms = self.terms.asset(asset)?;
                Ok((terms.liquidation, terms.dust_usd, terms.insurance))
            }
            Leg::Claim(market) => {
                let terms = self.terms.market(market)?;
                let dust = self.terms.asset(0)?.dust_usd;
                Ok((terms.liquidation, dust, terms.insurance))
            }
        }
    }

    /// The slice of a position. In portfolio margin one that improves nothing by itself can be the first of several that
    /// improve the account together.
    pub(super) fn position_slice(
        &mut self,
        entry: &MarketRisk,
        market: u16,
        target: &Target,
        portion: &Portion,
    ) -> Result<PositionSlice, Obstacle> {
        let perp = self.account.perp(market).ok_or(Obstacle::NoSlot)?;
        let Some(netted) = &mut self.netted else {
            let lots = |lots: u64| BaseLots(i64::try_from(lots).unwrap_or(i64::MAX));
            let (most, dust) = (lots(portion.most), lots(portion.dust));
            return Ok(position_slice(perp, entry, target, most, dust)?);
        };
        match netted.position_slice(
            &self.view,
            &self.start.footing,
            perp,
            entry,
            target,
            portion,
        ) {
            Err(RiskError::RaisesRisk) => {
                Ok(netted.opening_position_slice(perp, entry, target, portion)?)
            }
            slice => Ok(slice?),
        }
    }

    /// The slice of collateral for debt, likewise.
    pub(super) fn swap_slice(
        &mut self,
        collateral: Leg,
        debt: Leg,
        target: &Target,
        portion: &Portion,
    ) -> Result<SwapSlice, Obstacle> {
        let seized = self.seizable(collateral, true)?;
        let repaid = self.seizable(debt, !self.is_auctioned(collateral)?)?;
        let paid = match &seized {
            Some(offer) => {
                let repaid = repaid.as_ref().map(|offer| &offer.entry);
                debt_paid_by(&offer.entry, offer.most, repaid)?
            }
            None => u64::MAX,
        };
        let most = repaid.as_ref().map_or(u64::MAX, |repaid| repaid.most);
        let portion = &Portion {
            most: portion.most.min(most).min(paid),
            ..*portion
        };
        let entry_of = |offer: &'_ Option<Auctioned<AssetRisk>>| offer.as_ref().map(|o| o.entry);
        let (seized, repaid) = (entry_of(&seized), entry_of(&repaid));
        let given = holding(self.outlook, &self.account, collateral, seized.as_ref())?;
        let taken = holding(self.outlook, &self.account, debt, repaid.as_ref())?;
        let Some(netted) = &mut self.netted else {
            let (collateral, debt) = (given.as_collateral(), taken.as_debt());
            let (most, dust) = (portion.most, portion.dust);
            let given_dust = portion.collateral_dust;
            return Ok(swap_slice(
                &collateral,
                &debt,
                target,
                most,
                given_dust,
                dust,
            )?);
        };
        match netted.swap_slice(
            &self.view,
            &self.start.footing,
            &given,
            &taken,
            target,
            portion,
        ) {
            Err(RiskError::RaisesRisk) => {
                Ok(netted.opening_swap_slice(&given, &taken, target, portion)?)
            }
            slice => Ok(slice?),
        }
    }

    /// What an amount of a token that is received, or given, is worth, native quote.
    pub(super) fn value(
        &self,
        entry: &AssetRisk,
        amount: u64,
        is_owned: bool,
    ) -> Result<i128, Obstacle> {
        let price = worth(&self.view, &entry.price, is_owned);
        Ok(scale_floor(signed(amount)?, price, entry.shift))
    }
}

fn at_spot<T>(entry: T) -> Auctioned<T> {
    Auctioned {
        entry,
        most: u64::MAX,
    }
}

/// Collateral or debt as the risk crate takes it, a token's `entry` as it is seized or repaid.
fn holding<'a>(
    outlook: &'a Outlook,
    account: &'a Holdings,
    leg: Leg,
    entry: Option<&'a AssetRisk>,
) -> Result<Holding<'a>, Obstacle> {
    match leg {
        Leg::Asset(asset) => {
            let entry = entry.ok_or(Obstacle::NotPriced)?;
            let balance = account.balance(asset).ok_or(Obstacle::NoSlot)?;
            Ok(Holding::Token(balance, entry))
        }
        Leg::Claim(market) => {
            let perp = account.perp(market).ok_or(Obstacle::NoSlot)?;
            if !perp.position.is_zero() {
                return Err(RiskError::NothingToLiquidate.into());
            }
            let entry = outlook.risk().market(market);
            Ok(Holding::Claim(
                perp,
                entry.map_err(|_| Obstacle::NotPriced)?,
            ))
        }
    }
}

/// The price at which something is valued whose last price this is: that, or, where nobody knows it any more, what it is taken
/// to be worth.
pub(super) fn worth(view: &RiskView<'_>, last: &EntryPrice, is_owned: bool) -> u64 {
    if view.is_fresh(last) {
        return last.spot;
    }
    let percent = match is_owned {
        true => DOUBTED_WORTH,
        false => 200 - DOUBTED_WORTH,
    };
    u64::try_from(i128::from(last.last()) * percent / 100).unwrap_or(u64::MAX)
}
