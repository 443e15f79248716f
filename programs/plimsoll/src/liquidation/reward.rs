//! What insurance adds to a liquidator's reward where the fee is less than the least: out of what earlier fees left it, no more
//! than a limit in a day, and once for what is taken over.
use plimsoll_risk::{
    fixed::{div_floor, scale_floor},
    AssetRisk, Bucket, LiquidationTerms,
};

use crate::state::{Bank, Market};

/// Seconds of the limit.
pub const TOP_UP_WINDOW_SECS: u32 = 86_400;
/// Native quote in a whole quote token.
const WHOLE: u64 = 1_000_000;

/// Most that insurance adds within [`TOP_UP_WINDOW_SECS`], native quote.
pub fn top_up_limit(terms: &LiquidationTerms) -> u64 {
    u64::from(terms.top_up_limit).saturating_mul(WHOLE)
}

/// What insurance may add.
pub struct Fund<'a> {
    held: &'a mut u64,
    top_ups: &'a mut Bucket,
    limit: u64,
}

impl<'a> Fund<'a> {
    /// Of what a market's insurance holds as a claim on the pool, native quote, or a bank's in kind; and what it added of late.
    pub fn new(
        held: &'a mut u64,
        top_ups: &'a mut Bucket,
        terms: &LiquidationTerms,
        now: i64,
    ) -> Self {
        let limit = top_up_limit(terms);
        top_ups.leak(limit, TOP_UP_WINDOW_SECS, now);
        Self {
            held,
            top_ups,
            limit,
        }
    }

    /// A market's.
    pub fn of_market(market: &'a mut Market, now: i64) -> Self {
        let terms = &market.params.liquidation;
        Self::new(
            &mut market.insurance_accrued,
            &mut market.top_ups,
            terms,
            now,
        )
    }

    /// A bank's.
    pub fn of_bank(bank: &'a mut Bank, now: i64) -> Self {
        let terms = &bank.params.liquidation;
        Self::new(&mut bank.insurance, &mut bank.top_ups, terms, now)
    }

    /// Takes as much of what is wanted as there is, in units of which one is worth `entry`'s price, or native quote. `from` is
    /// what insurance has paid before to whose position or debt is taken over, and `to` to whoever takes it: what was paid for
    /// it once is not paid again.
    pub fn add(self, wanted: u64, entry: Option<&AssetRisk>, from: &mut u64, to: &mut u64) -> u64 {
        let amount = wanted.min(*self.held);
        let worth = value(amount, entry);
        let before = worth.min(*from);
        let paid = worth.saturating_sub(before);
        let paid = paid.min(self.top_ups.room(self.limit));
        let amount = match paid == worth {
            true => amount,
            false => amount_worth(paid, entry).min(amount),
        };
        *from = from.saturating_sub(before);
        *to = to.saturating_add(paid);
        *self.held = self.held.saturating_sub(amount);
        self.top_ups.pour(paid);
        amount
    }
}

/// Native quote that an amount is worth.
fn value(amount: u64, entry: Option<&AssetRisk>) -> u64 {
    let Some(entry) = entry else {
        return amount;
    };
    let amount = i64::try_from(amount).unwrap_or(i64::MAX);
    u64::try_from(scale_floor(amount, entry.price.spot, entry.shift)).unwrap_or(u64::MAX)
}

/// The amount that native quote is worth, rounded down; nothing where there is no price.
fn amount_worth(value: u64, entry: Option<&AssetRisk>) -> u64 {
    let Some(entry) = entry else {
        return value;
    };
    let wide = u128::from(value).wrapping_shl(u32::from(entry.shift));
    let amount = div_floor(wide, u128::from(entry.price.spot)).unwrap_or(0);
    u64::try_from(amount).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_risk::EntryPrice;

    const TERMS: LiquidationTerms = LiquidationTerms {
        fee_min: 0,
        fee_max: 0,
        ramp_secs: 0,
        insurance_share: 0,
        reward_min: 0,
        top_up_limit: 5,
    };

    /// What is added to wanted amounts one after the other, all in one second, and what is left in the fund.
    fn added(held: u64, wanted: &[u64], from: &mut u64) -> (Vec<u64>, u64) {
        let (mut held, mut top_ups, mut to) = (held, Bucket::default(), 0);
        let paid = wanted
            .iter()
            .map(|wanted| {
                Fund::new(&mut held, &mut top_ups, &TERMS, 1_000).add(*wanted, None, from, &mut to)
            })
            .collect::<Vec<_>>();
        assert_eq!(to, paid.iter().sum::<u64>());
        (paid, held)
    }

    #[test]
    fn insurance_adds_what_it_has_within_the_limit_of_a_day() {
        assert_eq!(added(100, &[60, 60], &mut 0), (vec![60, 40], 0));
        let millions = [3 * WHOLE, 3 * WHOLE, 1];
        let expected = vec![3 * WHOLE, 2 * WHOLE, 0];
        assert_eq!(added(9 * WHOLE, &millions, &mut 0), (expected, 4 * WHOLE));
        // Half a day later half of the limit is there again.
        let (mut held, mut top_ups) = (9 * WHOLE, Bucket::default());
        for (now, paid) in [(0, 5), (43_200, 0)] {
            let fund = Fund::new(&mut held, &mut top_ups, &TERMS, now + 1_000);
            let found = fund.add(5 * WHOLE, None, &mut 0, &mut 0);
            assert_eq!(
                found,
                paid * WHOLE + if now > 0 { 5 * WHOLE / 2 } else { 0 }
            );
        }
    }

    #[test]
    fn what_insurance_paid_for_once_it_does_not_pay_for_again() {
        let mut from = 70;
        assert_eq!(added(1_000, &[50, 50], &mut from), (vec![0, 30], 970));
        assert_eq!(from, 0);
    }

    #[test]
    fn tokens_count_against_the_limit_at_their_price() {
        // Three native quote each.
        let entry = AssetRisk {
            price: EntryPrice {
                spot: 3 << 8,
                ..EntryPrice::default()
            },
            ..AssetRisk::listed(8, 6)
        };
        let (mut held, mut top_ups, mut to) = (10 * WHOLE, Bucket::default(), 0);
        let fund = Fund::new(&mut held, &mut top_ups, &TERMS, 1_000);
        let paid = fund.add(4 * WHOLE, Some(&entry), &mut 0, &mut to);
        assert_eq!((paid, to), (5 * WHOLE / 3, 5 * WHOLE));
        assert_eq!(held, 10 * WHOLE - paid);
    }
}
