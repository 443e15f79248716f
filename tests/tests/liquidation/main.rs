//! Liquidation and bankruptcy on the built program, with the costs of the largest account the limits allow.
mod bankruptcy;
mod delegates;
mod doubt;
mod eligibility;
mod flagged;
mod largest;
mod limits;
mod losses;
mod observations;
mod oracles;
mod orders;
mod permanence;
mod planned;
mod portfolio;
mod positions;
mod slots;
mod swaps;
