//! The risk crate's volatilities, fed with daily closes, against a reference in floats written from the rule alone.

use plimsoll_backtest::config::configuration;
use plimsoll_backtest::engine::{Engine, Terms};
use plimsoll_backtest::estimate::{estimate, Method};
use plimsoll_backtest::model::Multiples;
use plimsoll_backtest::prices::Prices;
use plimsoll_backtest::synthetic::{self, Weather};
use plimsoll_risk::portfolio::Volatilities;

/// Two exponentially weighted variances that start from the floor, the larger of them and the floor, a bounded rise.
struct Reference {
    terms: Terms,
    floor: f64,
    fast: f64,
    slow: f64,
    current: f64,
}

impl Reference {
    fn new(terms: Terms, floor: f64) -> Self {
        Self {
            terms,
            floor,
            fast: floor * floor,
            slow: floor * floor,
            current: floor,
        }
    }

    fn day(&mut self, [from, to]: [f64; 2]) {
        let Terms {
            fast_decay,
            slow_decay,
            rise_per_hour,
        } = self.terms;
        // On the lower of the two prices, at most the whole.
        let square = ((from - to).abs() / from.min(to)).min(1.0).powi(2);
        self.fast = fast_decay * self.fast + (1.0 - fast_decay) * square;
        self.slow = slow_decay * self.slow + (1.0 - slow_decay) * square;
        let target = self.fast.max(self.slow).sqrt().max(self.floor).min(0.5);
        // Refreshed every hour, which a sample a day with a day's bound stands for.
        self.current = target.min(self.current * (1.0 + rise_per_hour).powi(24));
    }
}

#[test]
fn the_learnt_volatility_agrees_with_the_reference_day_by_day() {
    let prices = Prices::read(synthetic::csv(400, 3, Weather::Crash).as_bytes()).unwrap();
    let assets: Vec<usize> = (0..prices.series.len()).collect();
    let found = estimate(&prices, &assets, 399, &Method::default()).unwrap();
    let multiples = Multiples::default();
    for rise_per_hour in [0.002, 0.005, 0.02] {
        let terms = Terms {
            rise_per_hour,
            ..Terms::default()
        };
        let mut engine = Engine::new(assets.len(), &multiples, &terms).unwrap();
        engine
            .configure(&configuration(&prices, &found, &multiples).unwrap())
            .unwrap();
        let floor = |asset: usize| found.assets[asset].volatility_floor;
        let mut references: Vec<Reference> = assets
            .iter()
            .map(|asset| Reference::new(terms, floor(*asset)))
            .collect();
        let (mut capped, mut before) = (0, vec![f64::MAX; assets.len()]);
        for day in 0..400 {
            let closes: Vec<Option<f64>> = assets
                .iter()
                .map(|asset| prices.close(*asset, day))
                .collect();
            engine.close(prices.date(day), &closes).unwrap();
            for (asset, reference) in references.iter_mut().enumerate() {
                if day > 0 {
                    reference.day([day - 1, day].map(|day| prices.close(asset, day).unwrap()));
                }
                let learnt = engine.learnt(asset, Volatilities::Current);
                let most = 1e-4 * reference.current;
                assert!(
                    (learnt - reference.current).abs() < most,
                    "{day} {asset}: {learnt} {}",
                    reference.current
                );
                let binding = engine.learnt(asset, Volatilities::Binding);
                // A rise reaches the maintenance line a sample later at the earliest.
                assert!(binding <= learnt && binding <= before[asset]);
                capped += usize::from(learnt > binding);
                before[asset] = learnt;
            }
        }
        assert!(capped > 0, "the crash must have made the two differ");
    }
}
