//! Quantities that must not be mixed: base lots, price lots, native quote and balance shares.

use crate::fixed::{Result, RiskError};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, $int:ty, $idl:ident) => {
        $(#[$doc])*
        #[cfg_attr(
            feature = "anchor",
            derive(anchor_lang::prelude::borsh::BorshSerialize, anchor_lang::prelude::borsh::BorshDeserialize),
            borsh(crate = "anchor_lang::prelude::borsh")
        )]
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, bytemuck::Pod, bytemuck::Zeroable,
        )]
        #[repr(transparent)]
        pub struct $name(pub $int);

        impl $name {
            /// None of it.
            pub const ZERO: Self = Self(0);
            /// The most the type holds.
            pub const MAX: Self = Self(<$int>::MAX);

            /// The bare number.
            #[inline(always)]
            pub const fn get(self) -> $int {
                self.0
            }

            /// True when there is none.
            #[inline(always)]
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// Sum, refusing overflow.
            #[inline]
            pub fn checked_add(self, other: Self) -> Result<Self> {
                self.0.checked_add(other.0).map(Self).ok_or(RiskError::Overflow)
            }

            /// Difference, refusing overflow.
            #[inline]
            pub fn checked_sub(self, other: Self) -> Result<Self> {
                self.0.checked_sub(other.0).map(Self).ok_or(RiskError::Overflow)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }

        // In the interface file a unit is an alias of its number, not a one-element tuple.
        #[cfg(feature = "idl-build")]
        impl anchor_lang::IdlBuild for $name {
            fn create_type() -> Option<anchor_lang::idl::types::IdlTypeDef> {
                use anchor_lang::idl::types::{IdlSerialization, IdlType, IdlTypeDef, IdlTypeDefTy};
                Some(IdlTypeDef {
                    name: Self::get_full_path(),
                    docs: vec![],
                    serialization: IdlSerialization::default(),
                    repr: None,
                    generics: vec![],
                    ty: IdlTypeDefTy::Type { alias: IdlType::$idl },
                })
            }

            fn get_full_path() -> String {
                format!("{}::{}", module_path!(), stringify!($name))
            }
        }
    };
}

unit!(
    /// Size in base lots, the smallest tradable amount of a market. Signed: a long is positive, a short negative.
    BaseLots, i64, I64
);
unit!(
    /// Limit price in price lots; one is `tick` native quote per base lot.
    PriceLots, u64, U64
);
unit!(
    /// Amount of native quote (10⁻⁶ USD), signed.
    QuoteNative, i64, I64
);
unit!(
    /// Shares of a bank: positive deposit shares, negative borrow shares. Worth `shares · index` native units.
    Shares, i64, I64
);

impl BaseLots {
    /// Magnitude of the size.
    #[inline(always)]
    pub const fn abs(self) -> u64 {
        self.0.unsigned_abs()
    }

    /// Quote for `self` lots at a limit price: `lots · price · tick`, exact.
    ///
    /// # Errors
    /// [`RiskError::Overflow`] when the product does not fit.
    #[inline]
    pub fn notional(self, price: PriceLots, tick: u64) -> Result<QuoteNative> {
        let per_lot = price.0.checked_mul(tick).ok_or(RiskError::Overflow)?;
        let per_lot = i64::try_from(per_lot).map_err(|_| RiskError::Overflow)?;
        self.0
            .checked_mul(per_lot)
            .map(QuoteNative)
            .ok_or(RiskError::Overflow)
    }
}
