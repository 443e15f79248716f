//! The liquidator: watches every margin account and enforces the maintenance line.
pub mod attempts;
pub mod calls;
pub mod compact;
pub mod config;
pub mod gains;
pub mod metrics;
pub mod outlook;
pub mod plan;
pub mod synthetic;
pub mod valuation;
