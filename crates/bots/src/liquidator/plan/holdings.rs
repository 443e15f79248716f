//! A copy of what a margin account holds, for trying a liquidation out on.
use plimsoll::state::MarginAccount;
use plimsoll_risk::{
    AccountMargin, Assessment, Balance, MarginMode, MarginModel, OpenOrder, PerpPosition, Policy,
    Portfolio, RiskView, EMPTY,
};

/// Balances and positions in their slots, free ones included, and resting orders.
#[derive(Clone, Debug)]
pub struct Holdings {
    pub balances: Vec<Balance>,
    pub perps: Vec<PerpPosition>,
    orders: Vec<OpenOrder>,
    mode: MarginMode,
}

impl Holdings {
    /// A copy of an account, orders included.
    pub fn of(account: &MarginAccount) -> Self {
        let used = account.orders.iter().rposition(|order| !order.is_free());
        let orders = account.orders.iter().take(used.map_or(0, |last| last + 1));
        Self {
            balances: account.balances.to_vec(),
            perps: account.perps.to_vec(),
            orders: orders.copied().collect(),
            mode: MarginMode::from_byte(account.margin_mode),
        }
    }

    /// A copy of an account once all its orders are cancelled.
    pub fn without_orders(account: &MarginAccount) -> Self {
        let mut holdings = Self::of(account);
        holdings.orders.clear();
        for perp in &mut holdings.perps {
            *perp = PerpPosition {
                position: perp.position,
                quote: perp.quote,
                funding_entry: perp.funding_entry,
                share: perp.share,
                opened: perp.opened,
                ..PerpPosition::of(perp.market)
            };
        }
        holdings
    }

    /// The account's side of a health question.
    pub fn portfolio(&self) -> Portfolio<'_> {
        Portfolio {
            balances: &self.balances,
            perps: &self.perps,
            orders: &self.orders,
            mode: self.mode,
        }
    }

    /// Healths and equity as a liquidation measures them.
    ///
    /// # Errors
    /// When a number does not fit or an entry is not listed.
    pub fn assess(&self, view: &RiskView<'_>) -> plimsoll_risk::Result<Assessment> {
        AccountMargin::assess(view, &self.portfolio(), Policy::BenefitOfDoubt)
    }

    /// The balance of an asset, if there is a slot for it.
    pub fn balance(&self, asset: u16) -> Option<&Balance> {
        self.balances.iter().find(|b| b.asset == asset)
    }

    /// The slot of a market, if there is one.
    pub fn perp(&self, market: u16) -> Option<&PerpPosition> {
        self.perps.iter().find(|p| p.market == market)
    }

    /// The same, to be changed.
    pub fn perp_mut(&mut self, market: u16) -> Option<&mut PerpPosition> {
        self.perps.iter_mut().find(|p| p.market == market)
    }

    /// The balance of an asset, in a free slot if there is none yet.
    pub fn open_balance(&mut self, asset: u16) -> Option<&mut Balance> {
        let place = |wanted| self.balances.iter().position(|b| b.asset == wanted);
        let held = place(asset);
        let free = held.or_else(|| place(EMPTY))?;
        let slot = self.balances.get_mut(free)?;
        if held.is_none() {
            *slot = Balance::of(asset);
        }
        Some(slot)
    }

    /// The slot of a market, a free one if there is none yet.
    pub fn open_perp(&mut self, market: u16) -> Option<&mut PerpPosition> {
        let place = |wanted| self.perps.iter().position(|p| p.market == wanted);
        let held = place(market);
        let free = held.or_else(|| place(EMPTY))?;
        let slot = self.perps.get_mut(free)?;
        if held.is_none() {
            *slot = PerpPosition::of(market);
        }
        Some(slot)
    }

    /// Frees the slots that hold nothing; the quote slot stays.
    pub fn release(&mut self) {
        for balance in self.balances.iter_mut().skip(1) {
            if balance.shares.is_zero() {
                *balance = Balance::FREE;
            }
        }
        for perp in self.perps.iter_mut().filter(|perp| perp.is_closed()) {
            *perp = PerpPosition::default();
        }
    }
}
