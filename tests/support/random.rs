//! xorshift64*: small, fast unoptimised, and the same for one seed everywhere.

use std::time::{SystemTime, UNIX_EPOCH};

pub struct Random(u64);

/// `AGW_SEED`, or else the time. It prints which, so that a failure can be had
/// again.
pub fn seed() -> u64 {
    let seed = match std::env::var("AGW_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64,
    };
    println!("AGW_SEED={seed}");
    seed
}

impl Random {
    pub fn new(seed: u64) -> Self {
        // From nought it would never leave nought.
        Self(seed | 1 << 63)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn chance(&mut self, of: usize, all: usize) -> bool {
        self.below(all) < of
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
