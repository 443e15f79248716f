//! The liquidator: watches every margin account and enforces the maintenance line.
pub mod compact;
pub mod outlook;
pub mod plan;
pub mod synthetic;
pub mod valuation;
