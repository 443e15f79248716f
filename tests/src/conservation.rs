//! No scenario may create or lose money: what banks and markets owe is what their vaults hold, but for a rounding in
//! the protocol's favour that is bounded by the number of operations.
use plimsoll::{
    matching::Side,
    state::{Bank, MarginAccount, Market},
};
use plimsoll_risk::{balance::Indices, FUNDING_BITS, INDEX_BITS};

use crate::Env;

/// Shares (of a bank) or native quote (of a market) that one instruction may round away, generously: an instruction
/// that matches or liquidates moves several balances.
const DUST_PER_OPERATION: i128 = 64;

impl Env {
    /// Requires every bank and market to account for every unit. Call it at the end of a scenario.
    pub async fn assert_conserved(&self) {
        let mut accounts = Vec::new();
        for address in &self.margin_accounts {
            // A closed account holds nothing.
            if self.find_account(*address).await.is_some() {
                accounts.push(self.margin(*address).await);
            }
        }
        let mut pools = 0;
        for market in 0..self.markets.len() {
            pools += i128::from(self.market(market).await.pnl_pool);
            self.check_market(market, &accounts).await;
        }
        // What insurance has set aside for other banks is in the vault of the quote bank.
        let mut aside = 0;
        for asset in 0..self.assets.len() {
            aside += i128::from(self.bank(asset).await.buyout_fund);
        }
        for asset in 0..self.assets.len() {
            let pools = if asset == 0 { pools + aside } else { 0 };
            self.check_bank(asset, pools, &accounts).await;
        }
    }

    fn dust(&self) -> i128 {
        DUST_PER_OPERATION * i128::from(self.operations)
    }

    async fn check_bank(&self, asset: usize, pools: i128, accounts: &[Box<MarginAccount>]) {
        let bank = self.bank(asset).await;
        let held = i128::from(self.tokens(self.assets[asset].asset.vault).await);
        let (deposits, borrows) = shares(asset as u16, accounts);
        assert_eq!(
            deposits,
            i128::from(bank.deposit_shares),
            "deposit shares of {asset}"
        );
        assert_eq!(
            borrows,
            i128::from(bank.borrow_shares),
            "borrow shares of {asset}"
        );

        let flow = self.flows.get(&(asset as u16)).copied().unwrap_or_default();
        let insurance = match asset {
            0 => i128::from(self.tokens(self.exchange.insurance_vault).await),
            _ => 0,
        };
        assert_eq!(
            held + insurance,
            flow,
            "the vault of {asset}, with insurance, is what came in less what went out"
        );

        let surplus = (held << INDEX_BITS) - owed(&bank, pools);
        assert!(
            surplus >= 0,
            "the vault of {asset} is short by {}",
            -(surplus >> INDEX_BITS)
        );
        let Indices { deposit, borrow } = bank.indices();
        let dust = self.dust() * i128::from(deposit.max(borrow));
        assert!(
            surplus <= dust,
            "the vault of {asset} holds {} that nobody is owed",
            surplus >> INDEX_BITS
        );
    }

    async fn check_market(&self, index: usize, accounts: &[Box<MarginAccount>]) {
        let market = self.market(index).await;
        let mut sums = Sums::default();
        for account in accounts {
            sums.add_position(index as u16, &market, account);
        }
        assert_eq!(
            sums.long,
            i128::from(market.long_interest),
            "longs of market {index}"
        );
        assert_eq!(
            sums.short,
            i128::from(market.short_interest),
            "shorts of market {index}"
        );
        let queue = self.fill_queue(index).await;
        let mut waiting_bids = 0;
        for fill in queue.queue.entries().iter().filter(|e| e.is_fill()) {
            let sign = if fill.maker_side == Side::Bid as u8 {
                1
            } else {
                -1
            };
            let lots = sign * i128::from(fill.lots);
            let notional = lots * i128::from(fill.price) * i128::from(market.terms.tick);
            sums.net += lots;
            waiting_bids += lots.max(0);
            sums.claims -= notional + i128::from(fill.maker_fee);
            sums.claims -= funding(lots, market.funding_long - fill.funding_index);
        }
        assert_eq!(
            waiting_bids,
            i128::from(market.waiting_bids),
            "waiting fills of market {index}"
        );
        assert_eq!(
            sums.net, 0,
            "positions of market {index} with waiting fills"
        );
        sums.check_profits(index, &market, self.dust());
        // What is known to be missing is shared by profits.
        let claims =
            sums.claims + i128::from(market.fees_accrued) + i128::from(market.insurance_accrued)
                - i128::from(market.profits.missing());
        let surplus = i128::from(market.pnl_pool) - claims;
        assert!(
            surplus >= 0,
            "market {index} owes {} more than its pool",
            -surplus
        );
        assert!(
            surplus <= self.dust(),
            "the pool of market {index} has {surplus} nobody claims"
        );
    }
}

/// Deposit and borrow shares of an asset, over all accounts.
fn shares(asset: u16, accounts: &[Box<MarginAccount>]) -> (i128, i128) {
    let balances = accounts.iter().flat_map(|a| &a.balances);
    let held = balances
        .filter(|b| b.asset == asset)
        .map(|b| i128::from(b.shares.0));
    held.fold((0, 0), |(deposits, borrows), shares| {
        (deposits + shares.max(0), borrows + (-shares).max(0))
    })
}

/// What a bank's vault must hold, in 2⁻⁴⁸ native units.
fn owed(bank: &Bank, pools: i128) -> i128 {
    let deposits = i128::from(bank.deposit_shares) * i128::from(bank.deposit_index);
    let borrows = i128::from(bank.borrow_shares) * i128::from(bank.borrow_index);
    let fractions = i128::from(bank.fractions.fee) + i128::from(bank.fractions.deposit);
    let whole = i128::from(bank.fees) + i128::from(bank.insurance) + pools;
    let missing = i128::from(bank.missing) << INDEX_BITS;
    deposits - borrows - missing + (whole << INDEX_BITS) + fractions
}

/// Funding that lots owe for a move of the index, rounded up.
fn funding(lots: i128, moved: i64) -> i128 {
    -((-(lots * i128::from(moved))) >> FUNDING_BITS)
}

#[derive(Default)]
struct Sums {
    long: i128,
    short: i128,
    net: i128,
    /// Claims on the pool, funding settled.
    claims: i128,
    /// Claims as they stand, of longs, of shorts, and of those without a position where they are profits.
    quotes: [i128; 3],
    /// What slots make of what is set aside for them, and of what is not covered.
    covered: i128,
    uncovered: i128,
    given_up: i128,
}

impl Sums {
    fn add_position(&mut self, index: u16, market: &Market, account: &MarginAccount) {
        let Some(slot) = account.find_perp(index) else {
            return;
        };
        let perp = &account.perps[slot];
        let position = i128::from(perp.position.0);
        self.long += position.max(0);
        self.short += (-position).max(0);
        self.net += position;
        // Interest on a loss becomes insurance's claim when it becomes the loser's.
        let due = match position {
            0 => 0,
            _ => perp.funding_due(market.funding()).expect("fits"),
        };
        let quote = i128::from(perp.quote.0);
        self.claims += quote - due;
        match position.signum() {
            1 => self.quotes[0] += quote,
            -1 => self.quotes[1] += quote,
            _ => self.quotes[2] += quote.max(0),
        }
        let share = perp.share.harvest(&market.profits);
        self.covered += i128::from(share.covered);
        self.uncovered += i128::from(share.uncovered);
        self.given_up += i128::from(share.given_up);
    }

    /// The market's sums of profits are what its slots add up to.
    fn check_profits(&self, index: usize, market: &Market, dust: i128) {
        let profits = &market.profits;
        let sums = [profits.long_quote, profits.short_quote].map(i128::from);
        let counted = [sums[0], sums[1], i128::from(profits.claims)];
        assert_eq!(self.quotes, counted, "claims of market {index}");
        let (covered, uncovered) = (i128::from(profits.covered), i128::from(profits.uncovered));
        assert!(
            (0..=dust).contains(&(covered - self.covered)),
            "{covered} of market {index} is set aside, for slots that hold {}",
            self.covered
        );
        assert!(
            (-dust..=dust).contains(&(uncovered - self.uncovered)),
            "{uncovered} of market {index} is not covered, slots say {}",
            self.uncovered
        );
        assert!(
            profits.set_aside() <= market.pnl_pool,
            "market {index} has set aside more than its pool"
        );
        let due = i128::from(profits.due);
        assert!(
            self.given_up <= due + dust,
            "slots of market {index} give up {}, {due} is due",
            self.given_up
        );
    }
}
