//! Winding down what a feed that is gone prices: from the announcement to the last slot that is freed, what is refused on the
//! way, and what an attacker gets out of it.
mod attacks;
mod life;
mod planned;
mod refusals;
