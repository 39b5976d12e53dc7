//! A set of sequence numbers, as ranges.

use std::collections::BTreeMap;

/// First → last; none overlap, none touch.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds a number that is larger than all others.
    pub(super) fn push(&mut self, seq: u64) {
        match self.0.last_entry() {
            Some(mut last) if last.get() + 1 == seq => *last.get_mut() = seq,
            _ => {
                self.0.insert(seq, seq);
            }
        }
    }

    /// Takes out what is in `first..=last`: how many numbers that were.
    pub(super) fn remove(&mut self, first: u64, last: u64) -> u64 {
        let from_end = self.0.range(..=last).rev().map(|(from, to)| (*from, *to));
        let touched: Vec<_> = from_end.take_while(|(_, to)| *to >= first).collect();
        let mut count = 0;
        for (from, to) in touched {
            self.0.remove(&from);
            if from < first {
                self.0.insert(from, first - 1);
            }
            if to > last {
                self.0.insert(last + 1, to);
            }
            count += to.min(last) - from.max(first) + 1;
        }
        count
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.0.keys().next().copied()
    }

    /// Numbers in the set.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_is_the_set_that_it_stands_for() {
        for gap in 1..6 {
            for (first, last) in (0..30).flat_map(|a| (a..30).map(move |b| (a, b))) {
                let mut ranges = Ranges::default();
                let mut set: BTreeSet<u64> = (0..40).filter(|n| n % gap != 1).collect();
                set.iter().for_each(|n| ranges.push(*n));
                assert!(gap < 3 || ranges.0.len() <= 40 / gap as usize + 1, "coalesced");
                for (first, last) in [(first, last), (3, 4), (first, last)] {
                    let before = set.len();
                    set.retain(|n| !(first..=last).contains(n));
                    assert_eq!(ranges.remove(first, last), (before - set.len()) as u64);
                    assert_eq!(ranges.first(), set.first().copied());
                    assert_eq!(ranges.count(), set.len() as u64);
                }
                let all = ranges.0.iter().flat_map(|(first, last)| *first..=*last);
                assert!(all.eq(set.iter().copied()));
            }
        }
    }
}
