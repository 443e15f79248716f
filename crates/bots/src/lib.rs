//! Bots that run an exchange: a keeper, a liquidator, a market maker and a recorder of its history.
pub mod liquidator;
