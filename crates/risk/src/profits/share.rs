//! One position slot's part in its market's profits.

use super::ProfitLedger;

/// A position slot's profit as it was last marked: what collected losses cover of it, and the rest.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct ProfitShare {
    /// Profit that no collected loss covered at the mark, native quote.
    pub uncovered: u64,
    /// Collected losses in the pool that are set aside for this slot, as of the mark, native quote.
    pub covered: u64,
    /// What of the uncovered profit an epoch has marked that was never marked before, native quote.
    pub fresh: u64,
    /// Mantissa of the ledger's factor at the mark.
    pub factor: u64,
    /// Its exponent.
    pub exponent: u64,
    /// The epoch in which it was marked, while what it gives up for that is not taken yet; zero otherwise.
    pub epoch: u32,
    /// Unused.
    pub padding: u32,
}

const _: () = assert!(core::mem::size_of::<ProfitShare>() == 48);

/// What became of a share since its mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    /// Profit that is still not covered, native quote, rounded up.
    pub uncovered: u64,
    /// Collected losses set aside for it, native quote, rounded down.
    pub covered: u64,
    /// What it gives up of its claim for a shortfall, native quote, rounded up.
    pub given_up: u64,
}

impl ProfitShare {
    /// A share of nothing.
    pub const NONE: Self = Self {
        uncovered: 0,
        covered: 0,
        fresh: 0,
        factor: 0,
        exponent: 0,
        epoch: 0,
        padding: 0,
    };

    /// True when nothing is claimed or set aside.
    #[inline(always)]
    pub const fn is_none(&self) -> bool {
        self.uncovered == 0 && self.covered == 0
    }

    /// What the share has become.
    pub fn harvest(&self, ledger: &ProfitLedger) -> Harvest {
        let granted = ledger.haircuts.granted(self);
        let given_up = ledger.haircuts.due(self);
        let kept = self
            .uncovered
            .saturating_sub(granted)
            .saturating_sub(given_up);
        let uncovered = ledger.left_of(kept, self.factor, self.exponent);
        Harvest {
            uncovered,
            covered: self
                .covered
                .saturating_add(granted)
                .saturating_add(kept.saturating_sub(uncovered)),
            given_up,
        }
    }
}

impl ProfitLedger {
    /// What is left uncovered of an amount that was uncovered when the factor was another: rounded up.
    pub(super) fn left_of(&self, amount: u64, factor: u64, exponent: u64) -> u64 {
        if amount == 0 || factor == 0 {
            return amount;
        }
        // Factors have 63 bits.
        let product = u128::from(amount).wrapping_mul(u128::from(self.factor()));
        let scaled = product.div_ceil(u128::from(factor));
        let halvings = self.exponent.saturating_sub(exponent);
        if halvings >= u64::from(u64::BITS) {
            return 0;
        }
        let left = scaled.div_ceil(1u128 << halvings);
        u64::try_from(left).map_or(amount, |left| left.min(amount))
    }
}
