//! Least squares for a handful of regressors, and the few statistics that say how far to believe it.

/// A fitted line: `y ≈ constant + Σ slopes·x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Intercept.
    pub constant: f64,
    /// One per regressor.
    pub slopes: Vec<f64>,
    /// `y` less the line, in the order of the observations.
    pub residuals: Vec<f64>,
    /// Part of the variance of `y` that the line explains.
    pub r_squared: f64,
}

/// Ordinary least squares of `y` on the rows `x`; `None` when there are too few observations or the regressors are
/// collinear.
pub fn fit(y: &[f64], x: &[Vec<f64>]) -> Option<Line> {
    let width = x.first()?.len() + 1;
    if y.len() != x.len() || y.len() < width + 2 {
        return None;
    }
    // Normal equations [X'X | X'y], with a first regressor of one.
    let mut system = vec![vec![0.0; width + 1]; width];
    for (value, row) in y.iter().zip(x) {
        let full: Vec<f64> = std::iter::once(1.0).chain(row.iter().copied()).collect();
        for (left, line) in full.iter().zip(&mut system) {
            for (cell, right) in line.iter_mut().zip(full.iter().chain([value])) {
                *cell += left * right;
            }
        }
    }
    let solution = solve(system)?;
    let (constant, slopes) = solution.split_first()?;
    let predicted = |row: &Vec<f64>| constant + dot(slopes, row);
    let residuals: Vec<f64> = y.iter().zip(x).map(|(y, row)| y - predicted(row)).collect();
    let spread = variance(y);
    let unexplained = residuals.iter().map(|e| e * e).sum::<f64>() / y.len() as f64;
    Some(Line {
        constant: *constant,
        slopes: slopes.to_vec(),
        r_squared: if spread > 0.0 {
            1.0 - unexplained / spread
        } else {
            0.0
        },
        residuals,
    })
}

/// Gauss's elimination with pivots; `None` when singular.
fn solve(mut system: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let size = system.len();
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| {
            system[*a][column]
                .abs()
                .total_cmp(&system[*b][column].abs())
        })?;
        if system[pivot][column].abs() < 1e-14 {
            return None;
        }
        system.swap(column, pivot);
        let lead = system[column].clone();
        for (at, line) in system.iter_mut().enumerate() {
            if at == column {
                continue;
            }
            let factor = line[column] / lead[column];
            for (cell, from) in line.iter_mut().zip(&lead) {
                *cell -= factor * from;
            }
        }
    }
    Some(
        (0..size)
            .map(|at| system[at][size] / system[at][at])
            .collect(),
    )
}

/// Sum of products.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Arithmetic mean; zero of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / values.len() as f64
}

/// Variance about the mean.
pub fn variance(values: &[f64]) -> f64 {
    let center = mean(values);
    mean(
        &values
            .iter()
            .map(|value| (value - center).powi(2))
            .collect::<Vec<_>>(),
    )
}

/// Root of the mean square: the volatility of returns whose mean is taken as zero, as the chain takes it.
pub fn root_mean_square(values: &[f64]) -> f64 {
    mean(&values.iter().map(|value| value * value).collect::<Vec<_>>()).sqrt()
}

/// Correlation of each value with the one before it; zero of a constant.
pub fn autocorrelation(values: &[f64]) -> f64 {
    let center = mean(values);
    let spread: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    let joint: f64 = values
        .windows(2)
        .map(|pair| (pair[0] - center) * (pair[1] - center))
        .sum();
    if spread > 0.0 {
        joint / spread
    } else {
        0.0
    }
}

/// The value that this part of the values does not exceed, between neighbours in proportion; zero of nothing.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = part.clamp(0.0, 1.0) * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn an_exact_line_is_found_exactly() {
        let x: Vec<Vec<f64>> = (0..20)
            .map(|i| vec![f64::from(i), f64::from(i * i % 7)])
            .collect();
        let y: Vec<f64> = x
            .iter()
            .map(|row| 3.0 - 2.0 * row[0] + 0.5 * row[1])
            .collect();
        let line = fit(&y, &x).unwrap();
        assert!((line.constant - 3.0).abs() < 1e-9);
        assert!((line.slopes[0] + 2.0).abs() < 1e-9 && (line.slopes[1] - 0.5).abs() < 1e-9);
        assert!(line.r_squared > 1.0 - 1e-12);
    }

    #[test]
    fn collinear_or_scarce_data_has_no_line() {
        let twice: Vec<Vec<f64>> = (0..9)
            .map(|i| vec![f64::from(i), 2.0 * f64::from(i)])
            .collect();
        assert_eq!(fit(&[1.0; 9], &twice), None);
        assert_eq!(fit(&[1.0, 2.0], &[vec![1.0], vec![2.0]]), None);
    }

    #[test]
    fn statistics_by_hand() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0, 4.0], 0.5), 2.5);
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert_eq!(variance(&[1.0, 3.0]), 1.0);
        assert_eq!(root_mean_square(&[3.0, -3.0]), 3.0);
        // (1−2)(2−2) + (2−2)(3−2) = 0; the alternating series follows itself in reverse.
        assert_eq!(autocorrelation(&[1.0, 2.0, 3.0]), 0.0);
        assert!(autocorrelation(&[1.0, -1.0, 1.0, -1.0]) < -0.7);
        let mut random = Random::new(3);
        let noise: Vec<f64> = (0..5_000).map(|_| random.normal()).collect();
        assert!(autocorrelation(&noise).abs() < 0.05);
    }
}
