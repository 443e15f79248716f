//! The fixed-point forms in which the chain takes its parameters.

use anyhow::{ensure, Result};

/// One as a ratio or a volatility (Q8.24).
const RATIO_ONE: f64 = (1u64 << 24) as f64;
/// One as a loading or a return (signed Q11.20).
const LOADING_ONE: f64 = (1u64 << 20) as f64;

/// A ratio or volatility, rounded up.
///
/// # Errors
/// What is negative or does not fit.
pub fn ratio(value: f64) -> Result<u32> {
    let scaled = (value * RATIO_ONE).ceil();
    ensure!(
        (0.0..=f64::from(u32::MAX)).contains(&scaled),
        "{value} is not a ratio below 256"
    );
    Ok(scaled as u32)
}

/// A loading or return, to the nearest.
///
/// # Errors
/// What does not fit.
pub fn loading(value: f64) -> Result<i32> {
    let scaled = (value * LOADING_ONE).round();
    ensure!(
        scaled.abs() <= f64::from(i32::MAX),
        "{value} is not a loading below 2048"
    );
    Ok(scaled as i32)
}

/// USD in native quote (10⁻⁶), rounded down.
///
/// # Errors
/// What is negative or does not fit.
pub fn native(usd: f64) -> Result<u64> {
    let scaled = (usd * 1e6).floor();
    ensure!(
        (0.0..1.8e19).contains(&scaled),
        "{usd} USD does not fit an amount"
    );
    Ok(scaled as u64)
}

/// A ratio as a float.
pub fn from_ratio(value: u32) -> f64 {
    f64::from(value) / RATIO_ONE
}

/// A loading or return as a float.
pub fn from_loading(value: i32) -> f64 {
    f64::from(value) / LOADING_ONE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_by_hand() {
        assert_eq!(ratio(1.0).unwrap(), 1 << 24);
        assert_eq!(ratio(1e-9).unwrap(), 1);
        assert_eq!(loading(-0.395).unwrap(), -414_188);
        assert_eq!(native(1.5).unwrap(), 1_500_000);
        assert!(ratio(-0.1).is_err() && ratio(256.0).is_err());
        assert!(loading(2048.0).is_err() && native(-1.0).is_err() && native(f64::NAN).is_err());
        assert_eq!(from_ratio(1 << 23), 0.5);
        assert_eq!(from_loading(-(1 << 19)), -0.5);
    }
}
