//! How much work a condition can be, known before it is evaluated.
//!
//! Evaluation cannot be interrupted, so instead of a time limit there is a
//! bound: a number that grows with the arguments, and is refused above
//! [`LIMIT`]. It depends on nothing but the condition and the facts, so the
//! same call is always decided the same way. A unit is about a nanosecond;
//! the bound is far above what most conditions take.
//!
//! Time goes into three things. Looking at texts takes time for each byte.
//! Going over a list takes time for each item: once if the loop looks at its
//! items only (`args.to.all(r, r.endsWith('@acme.com'))`), or once for each
//! turn of the loop if it also looks at something else. And `+` and list
//! literals copy, so that values outgrow the arguments.

/// Most units that a condition may be worth.
const LIMIT: u64 = 100_000_000;
/// Units for a step of the tree on one value.
const STEP: u64 = 64;
/// Values above which no arguments are bearable.
pub(super) const MOST_VALUES: usize = 1_500_000;

/// What of a condition's text decides about its cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    /// Nodes of the tree, plus more for what takes longer.
    pub(super) nodes: u64,
    /// Places where a text may be looked at.
    pub(super) reads: u64,
    /// Whether there is a loop.
    pub(super) loops: bool,
    /// Loops that multiply the work by the number of values there are.
    pub(super) nesting: u32,
    /// Places where values are copied together.
    pub(super) copies: u64,
    /// Values that are written in literal lists and maps.
    pub(super) values: u64,
}

impl Weight {
    /// Whether the condition may be evaluated over so many bytes and values.
    pub(super) fn bearable(self, bytes: usize, values: usize) -> bool {
        let (bytes, values) = (wide(bytes), wide(values));
        let turns = values.saturating_add(self.values).saturating_add(1);
        let once = match self.loops {
            true => turns.saturating_mul(self.nodes),
            false => turns.saturating_add(self.nodes),
        };
        let copied = self.copies.saturating_add(1).saturating_pow(self.nesting.saturating_add(2));
        let cost = once
            .saturating_mul(STEP)
            .saturating_add(bytes.saturating_mul(self.reads.max(1)))
            .saturating_mul(turns.saturating_pow(self.nesting))
            .saturating_mul(copied);
        cost <= LIMIT
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
