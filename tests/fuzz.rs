//! One fuzz target for each parser that reads what a person, an agent or an
//! upstream wrote. The built-in engine of `bolero` runs each for a fixed number of
//! random inputs here; a failure prints the input, made small, and the seed.
//!
//! For longer, with the built-in engine (and the seed of a failure, if any):
//!
//! ```text
//! BOLERO_RANDOM_ITERATIONS=10000000 cargo test -p agw-tests --test it fuzz
//! BOLERO_RANDOM_SEED=… cargo test -p agw-tests --test it fuzz
//! ```
//!
//! or guided by coverage, under libFuzzer (`cargo install cargo-bolero`, and a
//! C++ compiler), for a time. The flag is for `agw-faulty`, which is built
//! along and has no fuzzer in it:
//!
//! ```text
//! RUSTFLAGS=-Clink-arg=-Wl,--unresolved-symbols=ignore-all \
//!     cargo bolero test -p agw-tests --sanitizer NONE --profile release \
//!     --target-dir target/fuzz -T 10min fuzz::conditions::what_compiles_is_sound
//! ```
//!
//! It keeps what it found in `fuzz/__fuzz__`, and the normal run tries that too.

mod conditions;
mod envelope;
mod events;
mod metadata;
mod mirrored;
mod objects;
mod patterns;
mod tokens;

use bolero::{ValueGenerator, produce};

/// One change to a text: its kind, where from, where to, and a scrap.
type Edit = (u8, u16, u16, u8);

/// Which seed, and what is changed in it.
type Edited = (u8, Vec<Edit>);

fn edited() -> impl ValueGenerator<Output = Edited> {
    (produce::<u8>(), produce::<Vec<Edit>>().with().len(0..5_usize))
}

/// A text near those that mean something: a seed with pieces cut out, doubled
/// or put in. Noise alone would hardly ever pass the first character.
fn text((seed, edits): &Edited, seeds: &[&str], scraps: &[&str]) -> String {
    let mut text = seeds[usize::from(*seed) % seeds.len()].to_owned();
    for (what, a, b, scrap) in edits {
        let (a, b) = (place(&text, *a), place(&text, *b));
        let (from, to) = (a.min(b), a.max(b));
        let scrap = scraps[usize::from(*scrap) % scraps.len()];
        match what % 5 {
            0 => text.replace_range(from..to, ""),
            1 => {
                let again = text[from..to].to_owned();
                text.insert_str(from, &again);
            }
            2 => text.insert_str(from, scrap),
            3 => text.replace_range(from..to, scrap),
            _ => text.insert_str(from, &scrap.repeat(usize::from(*what))),
        }
    }
    text
}

/// A character boundary of `text`.
fn place(text: &str, at: u16) -> usize {
    text.floor_char_boundary(usize::from(at) % (text.len() + 1))
}
