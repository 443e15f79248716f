//! The margin accounts in a transaction, as the matching engine asks for them.
use std::cell::RefMut;

use anchor_lang::prelude::*;
use plimsoll_risk::{position::trading_fee, BaseLots, QuoteNative};

use super::{
    report::{FillLog, MakerFill, RemovalLog},
    settle_waiting, Resting,
};
use crate::{
    error::{OrRefuse, PlimsollError},
    matching::{BookOrder, Fill, FillQueue, MakerOut, Makers, QueueTerms, Settled},
    state::{MarginAccount, Market},
};

/// Queued entries that a trade settles for the makers at hand in sum, which bounds its compute units: they are not the taker's.
const MAX_SETTLED: usize = 24;

/// Margin accounts that an instruction was given besides its own.
pub fn load_makers<'info>(
    remaining: &'info [AccountInfo<'info>],
) -> Result<Vec<AccountLoader<'info, MarginAccount>>> {
    remaining.iter().map(AccountLoader::try_from).collect()
}

/// A margin account that may be a maker's.
pub struct Maker<'a> {
    pub key: Pubkey,
    pub account: RefMut<'a, MarginAccount>,
}

/// The accounts that a trade can settle with in place, and the market whose sums it changes.
pub struct AtHand<'a> {
    pub market: &'a mut Market,
    pub taker_key: Pubkey,
    pub taker: &'a mut MarginAccount,
    pub makers: Vec<Maker<'a>>,
    /// Fees of the makers settled in place, native quote, negative for rebates.
    pub maker_fees: i64,
    /// The trades that are to be told.
    pub log: FillLog,
}

impl<'a> AtHand<'a> {
    /// Takes the accounts at hand, once their queued entries are settled: all of the taker's, and as many of the makers' as a
    /// trade settles. A maker of whom more wait is left out: its trades are queued behind them.
    ///
    /// # Errors
    /// `WrongExchange` and `DuplicateAccount` for a maker that is not of the market's exchange, or is the taker or given
    /// twice.
    #[inline(never)]
    pub fn settle(
        market: &'a mut Market,
        queue: &mut FillQueue,
        taker_key: Pubkey,
        taker: &'a mut MarginAccount,
        loaders: &'a [AccountLoader<MarginAccount>],
    ) -> Result<Self> {
        settle_waiting(queue, market, &taker_key, taker, usize::MAX)?;
        let mut left = MAX_SETTLED;
        let mut makers: Vec<Maker<'a>> = Vec::with_capacity(loaders.len());
        for loader in loaders {
            let key = loader.key();
            require!(
                key != taker_key && makers.iter().all(|maker| maker.key != key),
                PlimsollError::DuplicateAccount
            );
            let mut account = loader.load_mut()?;
            require_keys_eq!(
                account.exchange,
                market.exchange,
                PlimsollError::WrongExchange
            );
            let settled = settle_waiting(queue, market, &key, &mut account, left)?;
            left = left.saturating_sub(settled);
            if left > 0 || !queue.has_any_of(key.as_array()) {
                makers.push(Maker { key, account });
            }
        }
        let log = FillLog::new(market.index, taker_key, market.next_order_id);
        Ok(Self {
            market,
            taker_key,
            taker,
            makers,
            maker_fees: 0,
            log,
        })
    }

    fn maker(&mut self, owner: &[u8; 32]) -> Option<&mut Maker<'a>> {
        self.makers
            .iter_mut()
            .find(|maker| maker.key.as_array() == owner)
    }
}

impl Makers for AtHand<'_> {
    type Error = Error;

    fn at_hand(&self, owner: &[u8; 32]) -> bool {
        self.taker_key.as_array() == owner
            || self
                .makers
                .iter()
                .any(|maker| maker.key.as_array() == owner)
    }

    fn settle_fill(&mut self, order: &BookOrder, fill: &Fill) -> Result<Settled> {
        let notional = native_quote(fill.quote_lots, self.market.terms.tick)?;
        let fee = trading_fee(notional, self.market.params.maker_fee).or_refuse()?;
        let funding_index = self.market.funding_long;
        let index = self.market.index;
        let Some(maker) = self
            .makers
            .iter_mut()
            .find(|maker| *maker.key.as_array() == order.owner)
        else {
            return Ok(Settled::NotAtHand(QueueTerms {
                maker_fee: fee.0,
                funding_index,
            }));
        };
        let slot = usize::from(order.owner_slot);
        let mut resting = Resting::find(&mut maker.account, index, slot, order.seq)?;
        let client_id = resting.client_id();
        resting.fill(self.market, BaseLots(fill.lots), notional, fee)?;
        if fill.order_done {
            let rest = resting.drop_rest(self.market.terms.tick)?;
            if rest > 0 {
                let mut removals = RemovalLog::new(maker.key, index);
                removals.push(order.seq, client_id, rest)?;
                removals.flush()?;
            }
        }
        resting.release();
        self.maker_fees = self.maker_fees.checked_add(fee.0).or_refuse()?;
        let told = MakerFill {
            maker: maker.key,
            maker_order_id: order.seq,
            price: fill.price,
            lots: fill.lots,
            maker_fee: fee.0,
            settled: true,
        };
        self.log.push(fill.maker_side as u8, &told)?;
        Ok(Settled::InPlace)
    }

    /// The taker's own market slot stays, even when empty: the order that is being placed still needs it.
    fn release(&mut self, order: &BookOrder, out: &MakerOut) -> Result<bool> {
        let (index, tick) = (self.market.index, self.market.terms.tick);
        if *self.taker_key.as_array() == order.owner {
            take_out(self.taker, &self.taker_key, index, tick, order, out)?;
            return Ok(true);
        }
        let Some(maker) = self.maker(&order.owner) else {
            return Ok(false);
        };
        take_out(&mut maker.account, &maker.key, index, tick, order, out)?.release();
        Ok(true)
    }
}

/// Takes lots that left the book without trading off their order.
fn take_out<'a>(
    account: &'a mut MarginAccount,
    key: &Pubkey,
    market: u16,
    tick: u64,
    order: &BookOrder,
    out: &MakerOut,
) -> Result<Resting<'a>> {
    let slot = usize::from(order.owner_slot);
    let mut resting = Resting::find(account, market, slot, order.seq)?;
    let mut removals = RemovalLog::new(*key, market);
    removals.push(order.seq, resting.client_id(), out.lots)?;
    removals.flush()?;
    resting.reduce(BaseLots(out.lots), tick)?;
    Ok(resting)
}

/// Native quote of `quote_lots` (lots × price lots).
pub fn native_quote(quote_lots: i64, tick: u64) -> Result<QuoteNative> {
    i64::try_from(tick)
        .ok()
        .and_then(|tick| quote_lots.checked_mul(tick))
        .map(QuoteNative)
        .or_refuse()
}
