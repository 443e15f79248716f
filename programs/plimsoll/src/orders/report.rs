//! What orders tell indexers: many trades or removals in one event, written without a byte of heap for each.
use anchor_lang::{prelude::*, solana_program::log::sol_log_data, Discriminator};

use crate::{
    error::OrRefuse,
    events::{OrderFilled, OrdersCancelled},
};

/// Most trades that one event tells of.
const FILLS: usize = 12;
/// Most removals that one event tells of.
const REMOVALS: usize = 16;
/// Bytes of an event of trades before the first of them, and of a trade.
const FILLED_HEAD: usize = 8 + 2 + 32 + 8 + 1 + 4;
const FILL: usize = 32 + 8 + 8 + 8 + 8 + 1;
/// Bytes of an event of removals before the first of them, and of a removal.
const CANCELLED_HEAD: usize = 8 + 32 + 2 + 4;
const REMOVAL: usize = 8 + 8 + 8;
/// No event of one thing is larger.
const SINGLE: usize = 128;

/// Bytes of an event on the stack.
struct Bytes<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Bytes<N> {
    const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    #[inline(always)]
    fn put(&mut self, data: &[u8]) -> Result<()> {
        let end = self.len.checked_add(data.len()).or_refuse()?;
        let place = self.bytes.get_mut(self.len..end).or_refuse()?;
        place.copy_from_slice(data);
        self.len = end;
        Ok(())
    }

    fn written(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<const N: usize> std::io::Write for Bytes<N> {
    #[inline(always)]
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.write_all(data).map(|()| data.len())
    }

    #[inline(always)]
    fn write_all(&mut self, data: &[u8]) -> std::io::Result<()> {
        self.put(data)
            .map_err(|_| std::io::ErrorKind::WriteZero.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs an event of one thing as `emit!` does, which takes memory from the heap for each that it never gives back.
#[inline(never)]
pub fn log<T: AnchorSerialize + Discriminator>(event: &T) -> Result<()> {
    let mut bytes = Bytes::<SINGLE>::new();
    bytes.put(T::DISCRIMINATOR)?;
    event.serialize(&mut bytes).ok().or_refuse()?;
    sol_log_data(&[bytes.written()]);
    Ok(())
}

/// One order of [`OrdersCancelled`].
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelledOrder {
    pub order_id: u64,
    pub client_id: u64,
    pub lots: i64,
}

/// One trade of [`OrderFilled`].
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct MakerFill {
    pub maker: Pubkey,
    pub maker_order_id: u64,
    pub price: u64,
    pub lots: i64,
    pub maker_fee: i64,
    /// False while the maker's side waits in the queue.
    pub settled: bool,
}

/// The trades of an order, until they are told: an [`OrderFilled`] in the making. It takes memory once.
pub struct FillLog {
    market: u16,
    taker: Pubkey,
    taker_order_id: u64,
    count: u32,
    bytes: Vec<u8>,
}

impl FillLog {
    /// For the order `taker_order_id` of a market.
    pub const fn new(market: u16, taker: Pubkey, taker_order_id: u64) -> Self {
        Self {
            market,
            taker,
            taker_order_id,
            count: 0,
            bytes: Vec::new(),
        }
    }

    /// Adds a trade with an order of `maker_side`.
    pub fn push(&mut self, maker_side: u8, fill: &MakerFill) -> Result<()> {
        if self.count == 0 {
            if self.bytes.capacity() == 0 {
                self.bytes = Vec::with_capacity(FILLED_HEAD + FILL * FILLS);
            }
            let mut head = Bytes::<FILLED_HEAD>::new();
            head.put(OrderFilled::DISCRIMINATOR)?;
            head.put(&self.market.to_le_bytes())?;
            head.put(self.taker.as_array())?;
            head.put(&self.taker_order_id.to_le_bytes())?;
            head.put(&[maker_side, 0, 0, 0, 0])?;
            self.bytes.extend_from_slice(&head.bytes);
        }
        let mut told = [0u8; FILL];
        let (maker, rest) = told.split_at_mut(32);
        maker.copy_from_slice(fill.maker.as_array());
        let numbers = [
            fill.maker_order_id.to_le_bytes(),
            fill.price.to_le_bytes(),
            fill.lots.to_le_bytes(),
            fill.maker_fee.to_le_bytes(),
        ];
        for (place, number) in rest.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number);
        }
        if let Some(last) = rest.last_mut() {
            *last = u8::from(fill.settled);
        }
        self.bytes.extend_from_slice(&told);
        self.count = self.count.saturating_add(1);
        if usize::try_from(self.count).ok().or_refuse()? < FILLS {
            return Ok(());
        }
        self.flush()
    }

    /// Tells what has not been told.
    pub fn flush(&mut self) -> Result<()> {
        if self.count > 0 {
            sol_log_data(&[self.finished()?]);
            self.bytes.clear();
            self.count = 0;
        }
        Ok(())
    }

    fn finished(&mut self) -> Result<&[u8]> {
        let count = self.bytes.get_mut(FILLED_HEAD - 4..FILLED_HEAD);
        count
            .or_refuse()?
            .copy_from_slice(&self.count.to_le_bytes());
        Ok(&self.bytes)
    }
}

/// Removals of an account's orders in a market, until they are told: an [`OrdersCancelled`] in the making, on the stack.
pub struct RemovalLog {
    margin_account: Pubkey,
    market: u16,
    count: u32,
    bytes: Bytes<{ CANCELLED_HEAD + REMOVAL * REMOVALS }>,
}

impl RemovalLog {
    /// For an account's orders in a market.
    pub const fn new(margin_account: Pubkey, market: u16) -> Self {
        Self {
            margin_account,
            market,
            count: 0,
            bytes: Bytes::new(),
        }
    }

    /// Adds lots that left the book.
    pub fn push(&mut self, order_id: u64, client_id: u64, lots: i64) -> Result<()> {
        if self.count == 0 {
            self.bytes.len = 0;
            self.bytes.put(OrdersCancelled::DISCRIMINATOR)?;
            self.bytes.put(self.margin_account.as_array())?;
            self.bytes.put(&self.market.to_le_bytes())?;
            self.bytes.put(&[0; 4])?;
        }
        self.bytes.put(&order_id.to_le_bytes())?;
        self.bytes.put(&client_id.to_le_bytes())?;
        self.bytes.put(&lots.to_le_bytes())?;
        self.count = self.count.saturating_add(1);
        if usize::try_from(self.count).ok().or_refuse()? < REMOVALS {
            return Ok(());
        }
        self.flush()
    }

    /// The same, if there are any lots.
    pub fn push_some(&mut self, order_id: u64, client_id: u64, lots: i64) -> Result<()> {
        if lots == 0 {
            return Ok(());
        }
        self.push(order_id, client_id, lots)
    }

    /// Tells what has not been told.
    pub fn flush(&mut self) -> Result<()> {
        if self.count > 0 {
            sol_log_data(&[self.finished()?]);
            self.count = 0;
        }
        Ok(())
    }

    fn finished(&mut self) -> Result<&[u8]> {
        let count = self.bytes.bytes.get_mut(CANCELLED_HEAD - 4..CANCELLED_HEAD);
        count
            .or_refuse()?
            .copy_from_slice(&self.count.to_le_bytes());
        Ok(self.bytes.written())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_read_as_the_event_that_they_are() {
        let taker = Pubkey::new_from_array([7; 32]);
        let mut log = FillLog::new(3, taker, 9);
        let fill = |n: u64| MakerFill {
            maker: Pubkey::new_from_array([n as u8; 32]),
            maker_order_id: n,
            price: 100 + n,
            lots: 5 + n as i64,
            maker_fee: -(n as i64),
            settled: n.is_multiple_of(2),
        };
        for round in 0..2 {
            let fills: Vec<_> = (0..5).map(|n| fill(n + round)).collect();
            for fill in &fills {
                log.push(1, fill).unwrap();
            }
            let told = log.finished().unwrap();
            let body = told.strip_prefix(OrderFilled::DISCRIMINATOR).unwrap();
            let read = OrderFilled::try_from_slice(body).unwrap();
            let names = (read.market, read.taker, read.taker_order_id);
            assert_eq!(names, (3, taker, 9));
            assert_eq!((read.maker_side, read.fills), (1, fills));
            log.flush().unwrap();
        }
    }

    #[test]
    fn removals_read_as_the_event_that_they_are() {
        let account = Pubkey::new_from_array([7; 32]);
        let mut log = RemovalLog::new(account, 3);
        // The second round is what follows a full event.
        for count in [REMOVALS as u64 + 4, 1] {
            for n in 0..count {
                log.push(n, 2 * n, 3).unwrap();
            }
            log.push_some(99, 0, 0).unwrap();
            let told = log.finished().unwrap();
            let body = told.strip_prefix(OrdersCancelled::DISCRIMINATOR).unwrap();
            let read = OrdersCancelled::try_from_slice(body).unwrap();
            assert_eq!((read.margin_account, read.market), (account, 3));
            let left = count % REMOVALS as u64;
            let expected: Vec<_> = (count - left..count)
                .map(|n| CancelledOrder {
                    order_id: n,
                    client_id: 2 * n,
                    lots: 3,
                })
                .collect();
            assert_eq!(read.orders, expected);
            log.flush().unwrap();
        }
    }
}
