//! The root of a tree whose leaves pass by once.

use super::tree::{Hash, empty_root, node_hash};

/// The complete subtrees that the leaves so far fall into, largest first: one
/// for each bit of their number.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    size: u64,
    subtrees: Vec<(u8, Hash)>,
}

impl Frontier {
    /// Leaves.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a complete subtree of 2^`level` leaves; `None` if one of that
    /// level cannot begin here, or there would be more than 2^64 - 1 leaves.
    pub(super) fn push(&mut self, level: u8, hash: Hash) -> Option<()> {
        let leaves = 1_u64.checked_shl(level.into())?;
        let fits = self.size.is_multiple_of(leaves);
        self.size = self.size.checked_add(leaves).filter(|_| fits)?;
        let (mut level, mut hash) = (level, hash);
        while let Some((_, left)) = self.subtrees.pop_if(|(below, _)| *below == level) {
            (level, hash) = (level + 1, node_hash(&left, &hash));
        }
        self.subtrees.push((level, hash));
        Some(())
    }

    pub(super) fn root(&self) -> Hash {
        let hashes = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        hashes.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Tree, leaf_hash};

    #[test]
    fn leaves_and_subtrees_make_the_root_of_the_tree() {
        let mut tree = Tree::default();
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root(), tree.root());
        for n in 0..200_u8 {
            tree.push(leaf_hash(&[n]));
            frontier.push(0, leaf_hash(&[n])).unwrap();
            assert_eq!((frontier.size(), frontier.root()), (tree.size(), tree.root()));
        }
        let mut never = |_| Err(());
        for from in 0..200 {
            let mut frontier = Frontier::default();
            for part in [(0, from), (from, 200)] {
                for subtree in tree.cover(part.0, part.1, &mut never).unwrap().unwrap() {
                    frontier.push(subtree.level, subtree.hash).unwrap();
                }
            }
            assert_eq!(frontier.root(), tree.root(), "{from}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut frontier = Frontier::default();
        for level in (0..64).rev() {
            assert!(frontier.push(level, [0; 32]).is_some(), "{level}");
        }
        assert_eq!(frontier.size(), u64::MAX);
        assert!(frontier.push(0, [0; 32]).is_none(), "2^64 leaves");
        let mut frontier = Frontier::default();
        frontier.push(2, [0; 32]).unwrap();
        assert!(frontier.push(3, [0; 32]).is_none(), "not aligned");
        assert!(Frontier::default().push(64, [0; 32]).is_none());
    }
}
