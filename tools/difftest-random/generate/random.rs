/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    /// Any word.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.word() % count as u64) as usize
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the list.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }

    /// A value at a boundary of some width, or of a random length, of either sign.
    pub fn edge(&mut self) -> u128 {
        let power = 1u128 << self.pick(&[0, 7, 8, 15, 16, 31, 32, 53, 63, 64, 127]);
        let value = match self.below(6) {
            0 => 0,
            1 => self.below(5) as u128,
            2 => power,
            3 => power.wrapping_sub(1),
            4 => power.wrapping_add(1),
            _ => ((self.word() as u128) << 64 | self.word() as u128) >> self.below(128),
        };
        if self.chance(25) {
            value.wrapping_neg()
        } else {
            value
        }
    }
}
