//! What the random modules share.

pub use core::hint::black_box;

/// A hash of everything that a module computes.
pub struct Digest(pub u64);

impl Digest {
    /// Of nothing yet.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes a word in.
    pub fn put(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23);
    }
}

/// What a digest can take in.
pub trait Mix {
    /// Takes the value in.
    fn mix(&self, digest: &mut Digest);
}

macro_rules! mix_integers {
    ($($ty:ty)*) => {$(
        impl Mix for $ty {
            fn mix(&self, digest: &mut Digest) {
                let value = *self as u128;
                digest.put(value as u64);
                if size_of::<$ty>() > 8 {
                    digest.put((value >> 64) as u64);
                }
            }
        }
    )*};
}

mix_integers!(u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 bool);

impl Mix for f64 {
    fn mix(&self, digest: &mut Digest) {
        // Which bits a computed NaN has is left to the machine.
        let value = if self.is_nan() { f64::NAN } else { *self };
        digest.put(value.to_bits());
    }
}

impl<T: Mix, const N: usize> Mix for [T; N] {
    fn mix(&self, digest: &mut Digest) {
        self.iter().for_each(|value| value.mix(digest));
    }
}

impl<T: Mix> Mix for Option<T> {
    fn mix(&self, digest: &mut Digest) {
        digest.put(self.is_some() as u64);
        if let Some(value) = self {
            value.mix(digest);
        }
    }
}

impl<A: Mix, B: Mix> Mix for (A, B) {
    fn mix(&self, digest: &mut Digest) {
        self.0.mix(digest);
        self.1.mix(digest);
    }
}
