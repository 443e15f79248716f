//! Least, median and most of a series of measurements.
use serde::Serialize;

/// A summary of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub count: usize,
    pub least: u64,
    pub median: u64,
    pub most: u64,
}

impl Summary {
    /// Of any series; all zero for an empty one. The median of an even number is the lower of the middle two.
    pub fn of(values: &[u64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let Some((first, last)) = sorted.first().zip(sorted.last()) else {
            return Self::default();
        };
        Self {
            count: sorted.len(),
            least: *first,
            median: sorted[(sorted.len() - 1) / 2],
            most: *last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summarises_any_series() {
        assert_eq!(Summary::of(&[]), Summary::default());
        let summary = Summary::of(&[5, 1, 9, 3]);
        assert_eq!(
            (summary.count, summary.least, summary.median, summary.most),
            (4, 1, 3, 9)
        );
    }
}
