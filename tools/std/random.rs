//! Every validator must compute the same, so a Solana program has no randomness: hash maps use fixed keys.

pub fn fill_bytes(_: &mut [u8]) {
    panic!("a Solana program has no source of randomness");
}

pub fn hashmap_random_keys() -> (u64, u64) {
    (0x706c_696d_736f_6c6c, 0x6372_6f73_735f_6d67)
}
