//! Takes down the trades of an order while the program's own accounts at hand settle them.
use anchor_lang::prelude::{Error, Pubkey};
use plimsoll::{
    matching::{BookOrder, Fill, MakerOut, Makers, Settled},
    orders::AtHand,
};

use super::FillPreview;

/// Accounts at hand that remember what was traded.
pub struct Recorder<'a, 'b> {
    hands: &'a mut AtHand<'b>,
    fills: Vec<FillPreview>,
}

impl<'a, 'b> Recorder<'a, 'b> {
    pub fn new(hands: &'a mut AtHand<'b>) -> Self {
        Self {
            hands,
            fills: Vec::new(),
        }
    }

    /// The first `count` trades: one that a full queue could not take down did not happen.
    pub fn into_fills(mut self, count: u16) -> Vec<FillPreview> {
        self.fills.truncate(usize::from(count));
        self.fills
    }
}

impl Makers for Recorder<'_, '_> {
    type Error = Error;

    fn at_hand(&self, owner: &[u8; 32]) -> bool {
        self.hands.at_hand(owner)
    }

    fn settle_fill(&mut self, order: &BookOrder, fill: &Fill) -> Result<Settled, Error> {
        let settled = self.hands.settle_fill(order, fill)?;
        let in_place = match settled {
            Settled::InPlace => true,
            Settled::NotAtHand(_) => false,
        };
        self.fills.push(FillPreview {
            maker: Pubkey::new_from_array(order.owner),
            order_id: order.seq,
            price: fill.price,
            lots: fill.lots,
            settled: in_place,
        });
        Ok(settled)
    }

    fn release(&mut self, order: &BookOrder, out: &MakerOut) -> Result<bool, Error> {
        self.hands.release(order, out)
    }
}
