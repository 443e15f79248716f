//! The search for a slice's size: from a first guess in closed form, corrected in a bounded number of evaluations.
//!
//! Along one slice health is concave in its size: values are linear in it less a fee, the requirement is convex. So the
//! chord between a size that falls short and one that suffices lies below the curve, and where it meets zero suffices;
//! the line through two sizes that suffice lies above it, and where that meets zero falls short, or is the least. Taking
//! turns, the two close in on the least size from both sides.

use crate::fixed::{to_u64, Result, RiskError};

/// Most sizes that are tried for a slice.
pub const EVALUATIONS: u32 = 5;

/// The part of a size by which a step reaches further where rounding makes lines fall short.
const STEPS: u64 = 1 << 12;

/// A slice that is followed by another has to gain this part of the shortfall by itself: less is what is left over where
/// a hedge is not perfect, and no reason not to open it.
const WORTHWHILE: u128 = 8;

/// What was tried so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// The largest size known to fall short below `high`, and by how much.
    low: (u64, u128),
    /// The least size known to suffice, and what is left over there.
    high: Option<(u64, u128)>,
    /// The one that was that before.
    beyond: Option<(u64, u128)>,
    /// The size of the highest health.
    best: (u64, i128),
    shortfall: u128,
    took_chord: bool,
    fell_short: bool,
    left: u32,
}

impl Search {
    /// From the health at size zero.
    pub fn from(health: i128) -> Self {
        let shortfall = health.min(0).unsigned_abs();
        Self {
            low: (0, shortfall),
            high: None,
            beyond: None,
            best: (0, health),
            shortfall,
            took_chord: false,
            fell_short: false,
            left: EVALUATIONS,
        }
    }

    /// Whether a size is worth trying: it lies between what falls short and what suffices.
    pub fn wants(&self, size: u64) -> bool {
        self.left > 0 && size > self.low.0 && self.high.is_none_or(|high| size < high.0)
    }

    /// Whether some size suffices.
    pub fn is_met(&self) -> bool {
        self.high.is_some()
    }

    /// Notes the health at a size.
    pub fn note(&mut self, size: u64, health: i128) {
        self.left = self.left.saturating_sub(1);
        self.fell_short = health < 0;
        if health > self.best.1 {
            self.best = (size, health);
        }
        if health < 0 {
            if size > self.low.0 && self.high.is_none_or(|high| size < high.0) {
                self.low = (size, health.unsigned_abs());
            }
            return;
        }
        if self.low.0 >= size {
            self.low = (0, self.shortfall);
        }
        if self.high.is_none_or(|high| size < high.0) {
            self.beyond = self.high;
            self.high = Some((size, health.unsigned_abs()));
        }
    }

    /// The next size to try once one suffices; `None` when the least one is known, or near enough.
    pub fn next(&mut self) -> Result<Option<u64>> {
        let Some(high) = self.high.filter(|_| self.left > 0) else {
            return Ok(None);
        };
        let width = high.0.saturating_sub(self.low.0);
        if width <= 1 {
            return Ok(None);
        }
        if self.is_falling() {
            // Past the highest point, where neither line says where the near side crosses zero.
            return Ok(Some(self.low.0.saturating_add(width / 2)));
        }
        if let Some((reach, gain)) = self.slope() {
            // One unit less would fall short: to the left the curve is at least as steep as to the right.
            if product(high.1, reach) < Some(gain) {
                return Ok(None);
            }
            let back = product(high.1, reach).map(|part| part.checked_div(gain).unwrap_or(0));
            let back = back.and_then(|back| u64::try_from(back).ok());
            let size = back.and_then(|back| high.0.checked_sub(back));
            if let Some(size) = size.filter(|size| self.took_chord && *size > self.low.0) {
                self.took_chord = false;
                return Ok(Some(size.min(high.0.saturating_sub(1))));
            }
        }
        // A chord that sufficed leaves the near end where it was: counted half, the next reaches past the curve.
        let shortfall = if self.took_chord && !self.fell_short {
            self.low.1 / 2
        } else {
            self.low.1
        };
        // A chord that fell short met the steps in which requirements are rounded: reach a little beyond the next.
        let reach = if self.took_chord && self.fell_short {
            self.low.0 / STEPS
        } else {
            0
        };
        self.took_chord = true;
        let rise = shortfall.saturating_add(high.1).max(1);
        let part = match product(shortfall, width) {
            Some(product) => to_u64(product.div_ceil(rise))?,
            None => width / 2,
        };
        let part = part.saturating_add(reach).clamp(1, width.saturating_sub(1));
        Ok(Some(self.low.0.saturating_add(part)))
    }

    /// Whether less of it left more over.
    fn is_falling(&self) -> bool {
        self.high
            .zip(self.beyond)
            .is_some_and(|(high, beyond)| high.1 > beyond.1)
    }

    /// Where to look for a higher health as long as none suffices: halfway to the highest, while that keeps rising.
    pub fn halfway(&self) -> Option<u64> {
        let half = self.best.0 / 2;
        let going = self.left > 0 && self.high.is_none() && half > 0;
        going.then_some(half)
    }

    /// How far it is from the least size that suffices to the one known before, and what health gains on the way.
    fn slope(&self) -> Option<(u64, u128)> {
        let (high, beyond) = self.high.zip(self.beyond)?;
        let gain = beyond.1.checked_sub(high.1).filter(|gain| *gain > 0)?;
        Some((beyond.0.checked_sub(high.0)?, gain))
    }

    /// The size found, if there is one. What is followed by something that it hedges has to gain [`WORTHWHILE`] by itself.
    ///
    /// # Errors
    /// [`RiskError::RaisesRisk`].
    pub fn result(&self, is_followed: bool) -> Result<u64> {
        let short = self.best.1.min(0).unsigned_abs();
        let gained = self.shortfall.saturating_sub(short);
        match self.found() {
            0 => Err(RiskError::RaisesRisk),
            _ if is_followed && gained < self.shortfall / WORTHWHILE => Err(RiskError::RaisesRisk),
            size => Ok(size),
        }
    }

    /// The least size that suffices, or the most helpful one; zero when none helps.
    pub fn found(&self) -> u64 {
        self.high.map_or(self.best.0, |high| high.0)
    }
}

fn product(amount: u128, width: u64) -> Option<u128> {
    amount.checked_mul(u128::from(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a search as a slice does; returns the size found and how many were tried.
    fn search(most: u64, health: impl Fn(u64) -> i128) -> (u64, u32) {
        let mut search = Search::from(health(0));
        let mut tried = 0;
        let mut next = Some(most);
        while let Some(size) = next {
            assert!(size > 0 && size <= most);
            search.note(size, health(size));
            tried += 1;
            next = search.next().unwrap();
        }
        assert!(tried <= EVALUATIONS);
        (search.found(), tried)
    }

    #[test]
    fn a_straight_line_is_met_to_the_unit() {
        for (slope, short) in [(1i128, 999i128), (7, 1_000), (1_000, 1), (3, 2_999_999)] {
            let (found, tried) = search(1_000_000, |x| slope * i128::from(x) - short);
            let least = u64::try_from((short + slope - 1) / slope).unwrap();
            assert_eq!(found, least);
            assert!(tried <= 4, "{tried}");
        }
    }

    #[test]
    fn a_bend_and_a_curve_are_met_closely() {
        let bent = |x: u64| (5 * i128::from(x)).min(300_000 + i128::from(x)) - 250_000;
        assert_eq!(search(1_000_000, bent).0, 50_000);
        let curved = |x: u64| i128::from((x * 1_000_000).isqrt()) - 300_000;
        let (found, _) = search(1_000_000, curved);
        assert!((90_000..=91_500).contains(&found), "{found}");
    }

    #[test]
    fn steps_in_which_something_is_rounded_do_not_stop_it() {
        let stepped = |x: u64| i128::from(x / 1_000) * 1_000 - 123_456 - i128::from(x % 7);
        let (found, _) = search(1_000_000, stepped);
        assert!(stepped(found) >= 0 && found < 130_000, "{found}");
    }

    #[test]
    fn past_the_highest_point_the_near_side_is_found() {
        // Up to 400,000 and down again, zero at 100,000 on the way up.
        let peaked =
            |x: u64| 3 * i128::from(x.min(400_000)) - 2 * i128::from(x.max(400_000)) + 500_000;
        let (found, _) = search(600_000, peaked);
        assert!((100_000..=150_000).contains(&found), "{found}");
    }

    #[test]
    fn where_nothing_suffices_the_most_helpful_is_found() {
        assert_eq!(search(10, |x| i128::from(x) - 100).0, 10);
        assert_eq!(search(10, |x| -100 - i128::from(x)).0, 0);
    }
}
