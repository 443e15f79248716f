//! Volatility learnt from daily closes as the chain learns it: two exponentially weighted variances, a floor, a bounded
//! rise, and an announcement before a rise reaches the maintenance line.

/// How volatilities are learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Weight that a day leaves to what was before, in the fast variance.
    pub fast_decay: f64,
    /// The same in the slow one.
    pub slow_decay: f64,
    /// Fastest relative rise per hour.
    pub rise_per_hour: f64,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            fast_decay: 0.94,
            slow_decay: 0.99,
            rise_per_hour: 0.02,
        }
    }
}

/// Returns that the variances start from the mean of.
const SEED: usize = 20;

/// What the closes of one asset taught so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracker {
    seed: Vec<f64>,
    fast: f64,
    slow: f64,
    /// Current and binding volatility; `None` until enough returns came.
    volatilities: Option<[f64; 2]>,
}

impl Tracker {
    /// One day: its return (`None` when there was none), and refreshes through its hours.
    pub fn day(&mut self, change: Option<f64>, floor: f64, terms: &Terms) {
        if let Some(change) = change {
            self.sample(change * change, terms);
        }
        if self.seed.len() < SEED {
            return;
        }
        let target = self.fast.max(self.slow).sqrt().max(floor);
        let [current, _] = self.volatilities.unwrap_or([target; 2]);
        // What was current a day ago was announced then.
        let most = current * (1.0 + terms.rise_per_hour).powi(24);
        let risen = target.min(most);
        self.volatilities = Some([risen, risen.min(current)]);
    }

    /// The volatilities: current, which Init uses, and binding, which maintenance does.
    pub fn volatilities(&self) -> Option<[f64; 2]> {
        self.volatilities
    }

    fn sample(&mut self, square: f64, terms: &Terms) {
        if self.seed.len() < SEED {
            self.seed.push(square);
            self.fast = crate::regression::mean(&self.seed);
            self.slow = self.fast;
            return;
        }
        self.fast = terms.fast_decay * self.fast + (1.0 - terms.fast_decay) * square;
        self.slow = terms.slow_decay * self.slow + (1.0 - terms.slow_decay) * square;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> (Tracker, Terms) {
        let (mut tracker, terms) = (Tracker::default(), Terms::default());
        for _ in 0..100 {
            tracker.day(Some(0.02), 0.01, &terms);
        }
        (tracker, terms)
    }

    #[test]
    fn an_even_market_is_learnt_exactly() {
        let (tracker, _) = calm();
        let [current, binding] = tracker.volatilities().unwrap();
        assert!((current - 0.02).abs() < 1e-12 && (binding - 0.02).abs() < 1e-12);
        assert_eq!(Tracker::default().volatilities(), None);
    }

    #[test]
    fn a_rise_is_bounded_and_binds_a_day_later_and_a_fall_is_at_once() {
        let (mut tracker, terms) = calm();
        tracker.day(Some(-0.4), 0.01, &terms);
        let [current, binding] = tracker.volatilities().unwrap();
        let most = 0.02 * 1.02f64.powi(24);
        assert!((current - most).abs() < 1e-12 && (binding - 0.02).abs() < 1e-12);
        tracker.day(Some(0.0), 0.01, &terms);
        let [second, binding] = tracker.volatilities().unwrap();
        assert!(second > current && (binding - current).abs() < 1e-12);
        for _ in 0..2_000 {
            tracker.day(Some(0.0), 0.01, &terms);
        }
        assert_eq!(tracker.volatilities(), Some([0.01, 0.01]));
    }
}
