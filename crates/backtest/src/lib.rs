//! The portfolio model against history: parameters estimated from daily prices, and what they would have required, covered
//! and missed, day by day, with nothing known but what came before.
//!
//! Runs off chain, so it reckons in floats; what it measures is the risk crate's own integer engine, and a reference of
//! its own in floats checks that engine.
#![forbid(unsafe_code)]

pub mod books;
pub mod conditions;
pub mod config;
pub mod crash;
pub mod date;
pub mod engine;
pub mod estimate;
pub mod fixed;
pub mod model;
pub mod plot;
pub mod prices;
pub mod random;
pub mod regression;
pub mod report;
pub mod sensitivity;
pub mod shortfalls;
pub mod simulate;
pub mod standard;
pub mod synthetic;
