//! How much of an account a liquidation takes, and at what price.
//!
//! A slice is the smallest that brings LiquidationEnd health to zero, rounded up. It never lowers that health, nor equity ÷
//! requirement while there is equity: where the ramped fee would, the fee gives way, not the size. The account can still be
//! closed whole, for less ([`Target`]).
//!
//! In portfolio margin slots net, and what a slice changes is measured on the whole: [`Netted`].
//!
//! Slices are measured at spot on fresh entries, and where doubt has decayed on those of an [`Auction`]. The caller passes
//! the account's whole LiquidationEnd health and equity, with stale entries in the account's favour, and leaves alone what
//! is stale otherwise.

mod auction;
mod fee;
mod netted;
mod observation;
mod portfolio;
mod position;
mod search;
mod stand;
mod swap;

pub use auction::{debt_paid_by, Auction, Auctioned};
pub use fee::{ramped_fee, Charged, Target};
pub use netted::{is_sliver, Footing, Netted, Slot, ROUNDING};
pub use observation::Observation;
pub use portfolio::{Holding, Portion};
pub use position::{position_slice, PositionSlice};
pub use search::EVALUATIONS;
pub use stand::Stand;
pub use swap::{swap_slice, Collateral, Debt, SwapSlice};
