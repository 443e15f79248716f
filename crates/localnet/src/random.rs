//! A small deterministic generator, so that a run repeats exactly from its seed.

/// SplitMix64 (Steele, Lea and Flood, 2014): one addition and three mixing steps a number.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator of its own for each `purpose`, so that one more draw in one place changes nothing elsewhere.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mixed = purpose.bytes().fold(seed, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(mixed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Even over `[-1, 1)`.
    pub fn signed_unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Even over `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = u128::from(high.saturating_sub(low)) + 1;
        let drawn = (u128::from(self.bits()) * span) >> 64;
        low.saturating_add(u64::try_from(drawn).unwrap_or(0))
    }

    /// 32 bytes, for the secret of a keypair that nothing but this run uses.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut out = [0; 32];
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.bits().to_le_bytes());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_from_its_seed_and_differs_by_purpose() {
        let draw = |seed, purpose| Random::new(seed, purpose).bits();
        assert_eq!(draw(7, "prices"), draw(7, "prices"));
        assert_ne!(draw(7, "prices"), draw(8, "prices"));
        assert_ne!(draw(7, "prices"), draw(7, "traders"));
    }

    #[test]
    fn stays_in_its_ranges() {
        let mut random = Random::new(1, "ranges");
        for _ in 0..1_000 {
            assert!((3..=9).contains(&random.between(3, 9)));
            assert!((-1.0..1.0).contains(&random.signed_unit()));
        }
        assert_eq!(random.between(4, 4), 4);
    }
}
