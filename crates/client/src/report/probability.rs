//! What the model says of tomorrow: the chance that a move of one day is larger than what an account owns.
//!
//! The account's value is taken to change over a day by a random amount with mean zero and the standard deviation of the
//! factor model, so that `P(equity after a day < 0) = P(X < −equity / deviation)` for an `X` of mean zero and variance
//! one. Two distributions are told. The normal one is what the factor model is built from and makes too little of large
//! moves. Student's with four degrees of freedom, scaled to the same variance, has tails as heavy as daily returns of
//! crypto-assets show. Neither knows of liquidations on the way, of jumps beyond what was seen, of what an oracle or a
//! token may do, or of holdings that the model does not cover. They rank accounts by risk; they are no promise.

/// Degrees of freedom of the heavy-tailed distribution.
pub const DEGREES: u8 = 4;

/// The chance that a normal number of variance one exceeds `distance`, to a relative error of 1.2·10⁻⁷.
pub fn normal_tail(distance: f64) -> f64 {
    0.5 * complementary_error(distance * std::f64::consts::FRAC_1_SQRT_2)
}

/// The chance that a number of Student's distribution with [`DEGREES`] degrees of freedom, scaled to variance one, exceeds
/// `distance`.
pub fn student_tail(distance: f64) -> f64 {
    if distance.is_infinite() {
        return if distance > 0.0 { 0.0 } else { 1.0 };
    }
    // Its variance is two. With u = t / √(4 + t²), P(T > t) = (1 − u)²(2 + u) / 4; the difference is written so that
    // nothing cancels far out.
    let t = distance * std::f64::consts::SQRT_2;
    let root = (4.0 + t * t).sqrt();
    let rest = if t > 0.0 {
        4.0 / (root * (root + t))
    } else {
        1.0 - t / root
    };
    0.25 * rest * rest * (3.0 - rest)
}

/// Chebyshev fit of `erfc` (Press et al., Numerical Recipes, `erfcc`).
fn complementary_error(x: f64) -> f64 {
    const FIT: [f64; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.5 * size);
    let exponent = FIT.iter().fold(0.0, |sum, term| sum * t + term);
    let tail = t * (exponent - size * size).exp();
    if x >= 0.0 {
        tail
    } else {
        2.0 - tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, known: f64, relative: f64) {
        assert!((found - known).abs() <= known * relative, "{found} {known}");
    }

    #[test]
    fn the_normal_tail_is_that_of_the_tables() {
        near(normal_tail(0.0), 0.5, 1e-6);
        near(normal_tail(1.0), 0.158_655_253_931_457, 1e-6);
        near(normal_tail(2.326_347_874_040_841), 0.01, 1e-6);
        near(normal_tail(5.0), 2.866_515_718_791_939e-7, 1e-6);
        near(normal_tail(-2.0), 0.977_249_868_051_821, 1e-6);
        assert_eq!(normal_tail(f64::INFINITY), 0.0);
    }

    #[test]
    fn the_heavy_tail_is_that_of_the_tables() {
        // t of four degrees of freedom: 2.131846786 at 5 %, 3.746947388 at 1 %, 7.173182219 at 0.1 %.
        let scaled = |t: f64| student_tail(t / std::f64::consts::SQRT_2);
        near(scaled(0.0), 0.5, 1e-12);
        near(scaled(2.131_846_786), 0.05, 1e-6);
        near(scaled(3.746_947_388), 0.01, 1e-6);
        near(scaled(7.173_182_219), 0.001, 1e-5);
        near(scaled(-2.131_846_786), 0.95, 1e-6);
        assert_eq!(student_tail(f64::INFINITY), 0.0);
        assert_eq!(student_tail(f64::NEG_INFINITY), 1.0);
        assert!(student_tail(1e9) > 0.0);
    }

    #[test]
    fn the_tail_is_heavier_where_it_matters() {
        for deviations in [3.0, 4.0, 6.0, 10.0] {
            assert!(student_tail(deviations) > normal_tail(deviations));
        }
    }
}
