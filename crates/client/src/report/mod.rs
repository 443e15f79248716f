//! The risk report of an account: one document for bots, the app and risk desks.
//!
//! [`RiskReport::of`] fills it from the risk state and the account, by the program's own engine. As JSON it is described
//! by `docs/risk-report.schema.json` and `docs/portfolio-margin.md`: integers of 64 bits are decimal strings, because many
//! readers of JSON hold 53 bits; everything else is a number.
//!
//! - [`document`]: the types of the document;
//! - [`fill`]: how they are filled;
//! - [`groups`]: holdings by what their prices follow, with deltas and liquidation prices;
//! - [`probability`]: what the model says of tomorrow.
mod document;
mod fill;
mod groups;
mod names;
mod probability;

pub use document::{
    Amount, Balance, Binding, CrashDay, Deltas, Factor, Health, Insolvency, Line, Lines,
    Liquidation, Model, Perp, Ratios, Requirement, Requirements, RiskReport, Scenario, Stale,
    Underlying, VERSION,
};
pub use names::Names;
pub use probability::{normal_tail, student_tail, DEGREES};
