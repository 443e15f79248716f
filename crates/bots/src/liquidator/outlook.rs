//! The market-wide numbers that accounts are valued by, as a liquidation would find them.
use anchor_lang::solana_program::clock::Clock as ChainClock;
use plimsoll::state::RiskState;
use plimsoll_risk::{
    AccountMargin, AssetRisk, Clock, HealthKind, MarginModel, MarketRisk, Policy, Portfolio,
    RiskView, UnderlyingRisk,
};

use super::{compact::bit, plan::Entry};

/// A risk state and a time. A liquidator refreshes what it needs in front of its call, so how many slots ago an entry
/// was refreshed does not count here; how old its price is does, since a refresh cannot make a price younger.
pub struct Outlook {
    risk: Box<RiskState>,
    clock: Clock,
    /// Slots in which the entries were really refreshed.
    asset_slots: Vec<u64>,
    market_slots: Vec<u64>,
}

/// The entries that differ between two risk states, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub assets: u64,
    pub markets: u64,
}

impl Outlook {
    /// The outlook on a risk state at a time of the chain.
    pub fn new(risk: &RiskState, slot: u64, unix_time: i64) -> Self {
        let mut copy: Box<RiskState> = bytemuck::zeroed_box();
        bytemuck::bytes_of_mut(&mut *copy).copy_from_slice(bytemuck::bytes_of(risk));
        let asset_slots = copy.assets.iter().map(|e| e.price.refresh_slot).collect();
        let market_slots = copy.markets.iter().map(|e| e.price.refresh_slot).collect();
        let assets = copy.assets.iter_mut().map(|entry| &mut entry.price);
        for price in assets.chain(copy.markets.iter_mut().map(|entry| &mut entry.price)) {
            price.refresh_slot = slot;
        }
        Self {
            risk: copy,
            clock: Clock {
                now: unix_time,
                slot,
            },
            asset_slots,
            market_slots,
        }
    }

    /// Slots since an entry was really refreshed; `None` when it is not listed.
    pub fn refresh_age(&self, entry: Entry) -> Option<u64> {
        let slot = match entry {
            Entry::Asset(index) => {
                self.risk.asset(index).ok()?;
                self.asset_slots.get(usize::from(index))?
            }
            Entry::Market(index) => {
                self.risk.market(index).ok()?;
                self.market_slots.get(usize::from(index))?
            }
        };
        Some(self.clock.slot.saturating_sub(*slot))
    }

    /// Slots after which an entry counts as stale for whoever increases risk.
    pub fn max_age_slots(&self, entry: Entry) -> Option<u64> {
        let slots = match entry {
            Entry::Asset(index) => self.risk.asset(index).ok()?.max_age_slots,
            Entry::Market(index) => self.risk.market(index).ok()?.max_age_slots,
        };
        Some(u64::from(slots))
    }

    /// The time of it.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The same as the program's handlers take it.
    pub fn chain_clock(&self) -> ChainClock {
        ChainClock {
            slot: self.clock.slot,
            unix_timestamp: self.clock.now,
            ..ChainClock::default()
        }
    }

    /// The risk state, every entry as if refreshed now.
    pub fn risk(&self) -> &RiskState {
        &self.risk
    }

    /// What a liquidation may rely on: a broken feed is as good as none.
    pub fn view(&self) -> RiskView<'_> {
        RiskView {
            doubts_broken: true,
            ..plimsoll::health::view(&self.risk, &self.chain_clock())
        }
    }

    /// The entry of an asset, if it may be seized or repaid.
    pub fn asset(&self, index: u16) -> Option<&AssetRisk> {
        let view = self.view();
        let entry = view.assets.get(usize::from(index))?;
        view.is_asset_fresh(entry).then_some(())?;
        self.risk.asset(index).ok()
    }

    /// The entry of a market, if a position in it may be taken over.
    pub fn market(&self, index: u16) -> Option<&MarketRisk> {
        let view = self.view();
        let entry = view.markets.get(usize::from(index))?;
        view.is_market_fresh(entry).then_some(())?;
        self.risk.market(index).ok()
    }

    /// Init health as the program asks it of a liquidator; `None` when an entry is stale that must not be, or a number
    /// does not fit.
    pub fn own_init(&self, portfolio: &Portfolio<'_>) -> Option<i128> {
        let view = plimsoll::health::view(&self.risk, &self.chain_clock());
        let health =
            AccountMargin::health(&view, portfolio, HealthKind::Init, Policy::Strict).ok()?;
        health.stale.blocking().is_none().then_some(health.value)
    }

    /// The entries that valuations would find different from those of an earlier outlook. An entry that has become
    /// stale, or fresh again, counts as moved too, and so does all that the portfolio model covers when the model moved:
    /// where slots net, the volatility of one underlying is every account's matter.
    pub fn moved_since(&self, earlier: &Self) -> Moved {
        let (old, new) = (earlier.view(), self.view());
        let model_moved = !is_same_model(&old, &new);
        let same_model = |underlying: u8| underlying == 0 || !model_moved;
        let mut moved = Moved::default();
        for (index, entry) in (0u16..).zip(new.assets) {
            let before = old.assets.get(usize::from(index));
            let same = before.is_some_and(|before| {
                is_same_asset(before, entry)
                    && same_model(entry.underlying)
                    && old.is_asset_fresh(before) == new.is_asset_fresh(entry)
            });
            if !same {
                moved.assets |= bit(index);
            }
        }
        for (index, entry) in (0u16..).zip(new.markets) {
            let before = old.markets.get(usize::from(index));
            let same = before.is_some_and(|before| {
                is_same_market(before, entry)
                    && same_model(entry.underlying)
                    && old.is_market_fresh(before) == new.is_market_fresh(entry)
            });
            if !same {
                moved.markets |= bit(index);
            }
        }
        moved
    }
}

impl Moved {
    /// The entries of the set.
    pub fn entries(self) -> Vec<Entry> {
        let indices = |set: u64| (0..64u16).filter(move |index| set & bit(*index) != 0);
        let assets = indices(self.assets).map(Entry::Asset);
        assets
            .chain(indices(self.markets).map(Entry::Market))
            .collect()
    }
}

/// Whether requirements follow from the same numbers, whatever was learnt since.
fn is_same_model(before: &RiskView<'_>, after: &RiskView<'_>) -> bool {
    let same = |(before, after): (&UnderlyingRisk, &UnderlyingRisk)| {
        let mut aligned = *before;
        aligned.volatility = after.volatility;
        aligned == *after
    };
    before.model == after.model
        && before.underlyings.len() == after.underlyings.len()
        && before.underlyings.iter().zip(after.underlyings).all(same)
}

/// Equal but for when the price was confirmed.
fn is_same_asset(before: &AssetRisk, after: &AssetRisk) -> bool {
    let mut aligned = *before;
    aligned.price.refresh_slot = after.price.refresh_slot;
    aligned.price.publish_time = after.price.publish_time;
    aligned == *after
}

fn is_same_market(before: &MarketRisk, after: &MarketRisk) -> bool {
    let mut aligned = *before;
    aligned.price.refresh_slot = after.price.refresh_slot;
    aligned.price.publish_time = after.price.publish_time;
    aligned.mark = after.mark;
    aligned == *after
}
