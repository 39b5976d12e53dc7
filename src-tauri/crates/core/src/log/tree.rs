//! The Merkle tree over the records of a trail (RFC 9162, section 2.1, which
//! is RFC 6962's with proofs spelled out).

use std::convert::Infallible;

use sha2::{Digest as _, Sha256};

/// SHA-256 of a leaf or node.
pub type Hash = [u8; 32];

/// Leaves of a group: whoever keeps a tree stores one hash for so many, and
/// reads so many leaves to prove something about one of them.
pub const GROUP: u64 = 256;

/// Hash of a leaf from the bytes of its record.
pub fn leaf_hash(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// Hash of the node above two.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of the tree without leaves.
pub(super) fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A complete aligned subtree: the `index`-th of 2^`level` leaves each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    pub level: u8,
    pub index: u64,
    pub hash: Hash,
}

/// An append-only tree, without its leaves: it keeps the complete nodes over
/// whole groups (64 bytes a group) and the leaf hashes of the unfinished
/// group. What it says of a place inside a complete group takes that group's
/// leaf hashes, which `leaves` gives: it is called with the number of the
/// group, only when needed, and must answer with [`GROUP`] hashes (others
/// make proofs that prove nothing).
///
/// ```
/// use agw_core::log::{Tree, leaf_hash, verify_inclusion};
/// let mut tree = Tree::default();
/// for record in ["a", "b", "c"] {
///     tree.push(leaf_hash(record.as_bytes()));
/// }
/// let mut leaves = |_| Err("no group is complete");
/// let proof = tree.inclusion(1, 3, &mut leaves)?.unwrap();
/// assert!(verify_inclusion(&leaf_hash(b"b"), 1, 3, &proof, &tree.root()));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Complete nodes from left to right: over one group, over two, four, …
    levels: Vec<Vec<Hash>>,
    /// Leaf hashes, fewer than [`GROUP`].
    unfinished: Vec<Hash>,
}

impl Tree {
    /// From the hashes of its groups, all complete.
    pub fn from_groups(groups: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self::default();
        for group in groups {
            tree.push_node(0, group);
        }
        tree
    }

    /// Appends a leaf; the answer is the hash of the group that it completed.
    pub fn push(&mut self, leaf: Hash) -> Option<Hash> {
        self.unfinished.push(leaf);
        if (self.unfinished.len() as u64) < GROUP {
            return None;
        }
        let group = root_of(&self.unfinished);
        self.unfinished.clear();
        self.push_node(0, group);
        Some(group)
    }

    fn push_node(&mut self, level: usize, node: Hash) {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        let Some(nodes) = self.levels.get_mut(level) else { return };
        nodes.push(node);
        if let ([.., left, right], 0) = (nodes.as_slice(), nodes.len() % 2) {
            let above = node_hash(left, right);
            self.push_node(level + 1, above);
        }
    }

    /// Leaves.
    pub fn size(&self) -> u64 {
        self.groups() * GROUP + self.unfinished.len() as u64
    }

    /// Complete groups.
    pub fn groups(&self) -> u64 {
        self.levels.first().map_or(0, |groups| groups.len() as u64)
    }

    pub fn root(&self) -> Hash {
        // All of it is in memory, so no group is read.
        let mut leaves = |_| Ok::<_, Infallible>(Vec::new());
        let Ok(root) = Hashes::of(self, &mut leaves).root(0, self.size());
        root
    }

    /// Root of the tree of the first `size` leaves; `None` if there are fewer.
    pub fn root_at<E>(
        &self,
        size: u64,
        leaves: &mut dyn FnMut(u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Option<Hash>, E> {
        if size > self.size() {
            return Ok(None);
        }
        Hashes::of(self, leaves).root(0, size).map(Some)
    }

    /// Proof that the leaf at `index` is in the tree of the first `size`
    /// leaves (RFC 9162, 2.1.3.1); `None` if it is not.
    pub fn inclusion<E>(
        &self,
        index: u64,
        size: u64,
        leaves: &mut dyn FnMut(u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Option<Vec<Hash>>, E> {
        if size > self.size() || index >= size {
            return Ok(None);
        }
        let mut hashes = Hashes::of(self, leaves);
        let mut proof = Vec::new();
        let (mut from, mut to) = (0, size);
        while to - from > 1 {
            let middle = from + half(to - from);
            if index < middle {
                proof.push(hashes.root(middle, to)?);
                to = middle;
            } else {
                proof.push(hashes.root(from, middle)?);
                from = middle;
            }
        }
        proof.reverse();
        Ok(Some(proof))
    }

    /// Proof that the first `old` leaves are the beginning of the first `new`
    /// (RFC 9162, 2.1.4.1; empty for `old` 0, which begins every tree);
    /// `None` if `old` is more than `new`, or there are fewer leaves.
    pub fn consistency<E>(
        &self,
        old: u64,
        new: u64,
        leaves: &mut dyn FnMut(u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Option<Vec<Hash>>, E> {
        if new > self.size() || old > new {
            return Ok(None);
        }
        let mut hashes = Hashes::of(self, leaves);
        let mut proof = Vec::new();
        let (mut from, mut to) = (0, if old == 0 { 0 } else { new });
        while to > old {
            let middle = from + half(to - from);
            if old <= middle {
                proof.push(hashes.root(middle, to)?);
                to = middle;
            } else {
                proof.push(hashes.root(from, middle)?);
                from = middle;
            }
        }
        // The verifier has it if it is the old root itself.
        if from > 0 {
            proof.push(hashes.root(from, to)?);
        }
        proof.reverse();
        Ok(Some(proof))
    }

    /// The fewest complete aligned subtrees that cover leaves `from` up to,
    /// not including, `to`, in order; `None` if there are fewer leaves.
    pub fn cover<E>(
        &self,
        from: u64,
        to: u64,
        leaves: &mut dyn FnMut(u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Option<Vec<Subtree>>, E> {
        if to > self.size() || from > to {
            return Ok(None);
        }
        let mut hashes = Hashes::of(self, leaves);
        let mut cover = Vec::new();
        let mut at = from;
        while at < to {
            let level = at.trailing_zeros().min((to - at).ilog2());
            let end = at + (1 << level);
            let hash = hashes.root(at, end)?;
            // At most 63, for at most 2^64 leaves.
            cover.push(Subtree { level: level as u8, index: at >> level, hash });
            at = end;
        }
        Ok(Some(cover))
    }
}

/// Reads hashes out of a tree, each group of leaves once.
struct Hashes<'a, E> {
    tree: &'a Tree,
    leaves: &'a mut dyn FnMut(u64) -> Result<Vec<Hash>, E>,
    read: Vec<(u64, Vec<Hash>)>,
}

impl<'a, E> Hashes<'a, E> {
    fn of(tree: &'a Tree, leaves: &'a mut dyn FnMut(u64) -> Result<Vec<Hash>, E>) -> Self {
        Self { tree, leaves, read: Vec::new() }
    }

    /// Root over leaves `from` up to, not including, `to`. Their number is at
    /// most the largest power of two that divides `from`, as it is for every
    /// node of a tree; so below [`GROUP`] they are of one group.
    fn root(&mut self, from: u64, to: u64) -> Result<Hash, E> {
        let count = to - from;
        if count == 0 {
            return Ok(empty_root());
        }
        if count < GROUP {
            return self.root_in_group(from, count);
        }
        if count.is_power_of_two() {
            return Ok(self.complete(count.ilog2() - GROUP.ilog2(), from / count));
        }
        let middle = from + half(count);
        Ok(node_hash(&self.root(from, middle)?, &self.root(middle, to)?))
    }

    fn complete(&self, level: u32, index: u64) -> Hash {
        let nodes = self.tree.levels.get(level as usize);
        let node = nodes.and_then(|nodes| nodes.get(usize::try_from(index).ok()?));
        node.copied().unwrap_or_default()
    }

    fn root_in_group(&mut self, from: u64, count: u64) -> Result<Hash, E> {
        let (group, first) = (from / GROUP, (from % GROUP) as usize);
        let leaves = self.group(group)?;
        let leaves = leaves.get(first..first + count as usize);
        Ok(leaves.map(root_of).unwrap_or_default())
    }

    fn group(&mut self, group: u64) -> Result<&[Hash], E> {
        if group == self.tree.groups() {
            return Ok(&self.tree.unfinished);
        }
        let at = match self.read.iter().position(|(read, _)| *read == group) {
            Some(at) => at,
            None => {
                self.read.push((group, (self.leaves)(group)?));
                self.read.len() - 1
            }
        };
        Ok(self.read.get(at).map(|(_, leaves)| leaves.as_slice()).unwrap_or_default())
    }
}

/// The largest power of two smaller than `count`, which is at least 2: where
/// a tree of so many leaves is split.
fn half(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Root over leaf hashes.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(half(leaves.len() as u64) as usize);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

#[cfg(test)]
mod tests;
