//! Integration tests of set-up, oracles and token movements, one binary so that the bank is linked once.
mod accounts;
mod deployment;
mod fees;
mod interest;
mod limits;
mod margin;
mod margin_mode;
mod mints;
mod modes;
mod operators;
mod oracles;
mod portfolio;
mod setup;
mod timelock;
mod tokens;
