//! The model's state in the risk entries: factors and underlyings with their volatilities of now.

use crate::fixed::Result;
use crate::health::HealthKind;
use crate::market::inverse_root;
use crate::volatility::{Pending, VolatilityState};

use super::params::{ModelParams, UnderlyingParams, MAX_FACTORS};

/// Underlyings that an exchange can have.
pub const MAX_UNDERLYINGS: usize = 64;

/// Which of the two volatilities of a factor or underlying applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatilities {
    /// Those of now: Init.
    Current = 0,
    /// Those that were announced long enough ago: LiquidationEnd and Maint. Never above those of now.
    Binding = 1,
}

impl Volatilities {
    /// Both, in the order of the arrays.
    pub const ALL: [Self; 2] = [Self::Current, Self::Binding];

    /// Those that a kind of health is measured with.
    #[inline(always)]
    pub const fn behind(kind: HealthKind) -> Self {
        match kind {
            HealthKind::Init => Self::Current,
            HealthKind::LiquidationEnd | HealthKind::Maint => Self::Binding,
        }
    }

    /// The one that applies, of an array of both.
    #[inline(always)]
    pub const fn of<T: Copy>(self, values: &[T; 2]) -> T {
        let [current, binding] = *values;
        match self {
            Self::Current => current,
            Self::Binding => binding,
        }
    }
}

/// A factor: a common cause of moves.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct FactorRisk {
    /// Volatility per square root of a day, by [`Volatilities`], Q8.24.
    pub volatility: [u32; 2],
}

/// The model of an exchange.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PortfolioModel {
    /// What operators set.
    pub params: ModelParams,
    /// Factors, those in use first.
    pub factors: [FactorRisk; MAX_FACTORS],
    /// Unused.
    pub reserved: [u64; 8],
}

impl Default for PortfolioModel {
    fn default() -> Self {
        bytemuck::Zeroable::zeroed()
    }
}

impl PortfolioModel {
    /// Whether accounts may be margined by it: it has scenarios, hence parameters that passed their bounds.
    #[inline]
    pub const fn is_on(&self) -> bool {
        self.params.scenario_count > 0
    }
}

/// The entry of an underlying.
#[cfg_attr(feature = "idl-build", derive(anchor_lang::AnchorSerialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct UnderlyingRisk {
    /// What operators set.
    pub params: UnderlyingParams,
    /// What its price taught.
    pub volatility: VolatilityState,
    /// Volatility that no factor explains, by [`Volatilities`], Q8.24 per square root of a day.
    pub idiosyncratic: [u32; 2],
    /// Volatility in all, by [`Volatilities`]: `√(Σ β²σ_F² + σ_ε²)`, rounded up.
    pub isolated: [u32; 2],
    /// Price move that a collateral's weight in Standard margin leaves room for, by [`Volatilities`], Q8.24.
    pub collateral_shock: [u32; 2],
    /// `2^63 / √depth_notional`, rounded up, so that the liquidity add-on needs no division.
    pub depth_inverse_root: u64,
    /// Volatility of its own, by [`Volatilities`]: idiosyncratic, or the factor's when it drives one.
    pub own: [u32; 2],
    /// The rises of `own` that are under way.
    pub own_pending: Pending,
    /// The rises of `collateral_shock` that are under way.
    pub shock_pending: Pending,
    /// Unused.
    pub reserved: [u64; 1],
}

impl UnderlyingRisk {
    /// Takes over parameters. What depends on volatilities is derived afterwards: [`crate::volatility::derive`].
    ///
    /// # Errors
    /// [`crate::RiskError`] for parameters that did not pass their bounds.
    pub fn set_params(&mut self, params: &UnderlyingParams) -> Result<()> {
        self.depth_inverse_root = inverse_root(params.depth_notional)?;
        self.params = *params;
        Ok(())
    }
}

const _: () = assert!(core::mem::size_of::<UnderlyingRisk>() == 208);
