use super::*;
use crate::log::{verify_consistency, verify_inclusion};

/// RFC 9162, 2.1.1, word for word and without a memory.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        0 => Sha256::digest([]).into(),
        1 => leaves[0],
        n => {
            let mut k = 1;
            while k * 2 < n {
                k *= 2;
            }
            let (left, right) = (naive_root(&leaves[..k]), naive_root(&leaves[k..]));
            Sha256::digest([&[1][..], &left, &right].concat()).into()
        }
    }
}

/// RFC 9162, 2.1.3.1. `root` of a range of leaves is looked up.
fn naive_path(m: usize, from: usize, to: usize, root: &Roots) -> Vec<Hash> {
    let n = to - from;
    if n == 1 {
        return Vec::new();
    }
    let k = split(n);
    let (mut path, other) = if m < k {
        (naive_path(m, from, from + k, root), root.of(from + k, to))
    } else {
        (naive_path(m - k, from + k, to, root), root.of(from, from + k))
    };
    path.push(other);
    path
}

/// RFC 9162, 2.1.4.1.
fn naive_subproof(m: usize, from: usize, to: usize, whole: bool, root: &Roots) -> Vec<Hash> {
    let n = to - from;
    if m == n {
        return if whole { Vec::new() } else { vec![root.of(from, to)] };
    }
    let k = split(n);
    let (mut proof, other) = if m <= k {
        (naive_subproof(m, from, from + k, whole, root), root.of(from + k, to))
    } else {
        (naive_subproof(m - k, from + k, to, false, root), root.of(from, from + k))
    };
    proof.push(other);
    proof
}

fn split(n: usize) -> usize {
    (0..).map(|bit| 1 << bit).take_while(|k| *k < n).last().unwrap()
}

/// Naive roots of ranges, remembered: there are 180,000 pairs of sizes.
struct Roots {
    leaves: Vec<Hash>,
    known: std::cell::RefCell<std::collections::HashMap<(usize, usize), Hash>>,
}

impl Roots {
    fn of(&self, from: usize, to: usize) -> Hash {
        let naive = || naive_root(&self.leaves[from..to]);
        *self.known.borrow_mut().entry((from, to)).or_insert_with(naive)
    }
}

/// Every pair of small sizes, then every one at an edge of a subtree and some
/// of the others: each costs hundreds of hashes. (All of them were right.)
fn tried(place: usize, size: usize) -> bool {
    size <= 130 || [63, 0, 1].contains(&(place % 64)) || (place * 31 + size).is_multiple_of(64)
}

/// A tree of so many leaves, and what it is made of.
fn grown(size: usize) -> (Tree, Roots) {
    let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let mut tree = Tree::default();
    for leaf in &leaves {
        tree.push(*leaf);
    }
    (tree, Roots { leaves, known: Default::default() })
}

/// Groups as a database gives them. One that is not complete, or read twice,
/// fails.
fn reader(leaves: &[Hash]) -> impl FnMut(u64) -> Result<Vec<Hash>, String> {
    let mut read = Vec::new();
    move |group| {
        if read.contains(&group) {
            return Err(format!("group {group} was read already"));
        }
        read.push(group);
        let from = group as usize * 256;
        let leaves = leaves.get(from..from + 256).ok_or("read past the complete groups")?;
        Ok(leaves.to_vec())
    }
}

fn hex(hash: Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_roots_of_certificate_transparency_come_out() {
    // transparency-dev/merkle, testonly/constants.go.
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::default();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex(tree.root()), empty);
    for (leaf, root) in leaves.into_iter().zip(roots) {
        tree.push(leaf_hash(leaf));
        assert_eq!(hex(tree.root()), root);
    }
}

#[test]
fn every_size_has_the_root_of_the_definition() {
    let (whole, roots) = grown(1100);
    let mut tree = Tree::default();
    let mut groups = Vec::new();
    for size in 0..=1100 {
        let root = roots.of(0, size);
        assert_eq!(tree.size(), size as u64);
        assert_eq!(tree.root(), root, "{size}");
        let mut leaves = reader(&roots.leaves);
        assert_eq!(whole.root_at(size as u64, &mut leaves).unwrap(), Some(root), "{size}");
        if size < 1100 {
            groups.extend(tree.push(roots.leaves[size]));
        }
    }
    assert_eq!(groups, (0..4).map(|g| roots.of(g * 256, g * 256 + 256)).collect::<Vec<_>>());
    assert_eq!((tree.groups(), whole.root_at(1101, &mut reader(&[])).unwrap()), (4, None));
    let again = Tree::from_groups(groups);
    assert_eq!((again.size(), again.root()), (1024, roots.of(0, 1024)));
}

#[test]
fn every_inclusion_proof_is_the_one_of_the_definition() {
    let (tree, roots) = grown(600);
    for size in 1..=600 {
        let root = roots.of(0, size);
        for index in (0..size).filter(|index| tried(*index, size)) {
            let leaf = roots.leaves[index];
            let (at, of) = (index as u64, size as u64);
            let proof = tree.inclusion(at, of, &mut reader(&roots.leaves)).unwrap().unwrap();
            assert_eq!(proof, naive_path(index, 0, size, &roots), "{index} of {size}");
            assert!(verify_inclusion(&leaf, at, of, &proof, &root), "{index} of {size}");
        }
    }
    for (index, size) in [(0, 0), (5, 5), (600, 601), (0, 601)] {
        assert_eq!(tree.inclusion(index, size, &mut reader(&[])).unwrap(), None);
    }
}

#[test]
fn every_consistency_proof_is_the_one_of_the_definition() {
    let (tree, roots) = grown(600);
    for new in 0..=600 {
        for old in (0..=new).filter(|old| tried(*old, new)) {
            let proof = tree.consistency(old as u64, new as u64, &mut reader(&roots.leaves));
            let proof = proof.unwrap().unwrap();
            if old > 0 {
                assert_eq!(proof, naive_subproof(old, 0, new, true, &roots), "{old} to {new}");
            }
            let (old_root, new_root) = (roots.of(0, old), roots.of(0, new));
            assert!(verify_consistency(old as u64, &old_root, new as u64, &new_root, &proof));
        }
    }
    for (old, new) in [(2, 1), (0, 601), (601, 601)] {
        assert_eq!(tree.consistency(old, new, &mut reader(&[])).unwrap(), None);
    }
}

#[test]
fn no_other_proof_is_taken() {
    let (tree, roots) = grown(40);
    let wrong = leaf_hash(b"wrong");
    for new in 1..=40 {
        let root = roots.of(0, new);
        let size = new as u64;
        for old in 0..new {
            let at = old as u64;
            let leaf = roots.leaves[old];
            let proof = tree.inclusion(at, size, &mut reader(&[])).unwrap().unwrap();
            for bad in damaged(&proof) {
                assert!(!verify_inclusion(&leaf, at, size, &bad, &root));
            }
            assert!(!verify_inclusion(&wrong, at, size, &proof, &root));
            assert!(!verify_inclusion(&leaf, at, size, &proof, &wrong));
            assert!(!verify_inclusion(&leaf, size, size, &proof, &root));
            for other in (0..size).filter(|other| *other != at) {
                assert!(!verify_inclusion(&leaf, other, size, &proof, &root));
            }
            let before = roots.of(0, old);
            let proof = tree.consistency(at, size, &mut reader(&[])).unwrap().unwrap();
            for bad in damaged(&proof) {
                assert!(!verify_consistency(at, &before, size, &root, &bad));
            }
            assert!(!verify_consistency(at, &wrong, size, &root, &proof));
            // That nothing came before is true of every tree.
            assert_eq!(verify_consistency(at, &before, size, &wrong, &proof), old == 0);
            assert!(!verify_consistency(size, &root, at, &before, &proof));
        }
        assert!(!verify_consistency(size, &root, size, &wrong, &[]));
        assert!(!verify_consistency(size, &root, size, &root, &[wrong]));
    }
    assert!(!verify_inclusion(&wrong, u64::MAX, u64::MAX, &[wrong; 64], &wrong));
    assert!(!verify_inclusion(&wrong, u64::MAX - 1, u64::MAX, &[wrong; 70], &wrong));
    assert!(!verify_consistency(u64::MAX - 1, &wrong, u64::MAX, &wrong, &[wrong; 70]));
}

/// A proof with a hash too many, too few or changed, at each place.
fn damaged(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for at in 0..=proof.len() {
        let mut longer = proof.to_vec();
        longer.insert(at, [7; 32]);
        all.push(longer);
        if at < proof.len() {
            let mut shorter = proof.to_vec();
            shorter.remove(at);
            all.push(shorter);
            let mut changed = proof.to_vec();
            changed[at][31] ^= 1;
            all.push(changed);
        }
    }
    all
}

#[test]
fn covers_are_aligned_complete_and_as_few_as_can_be() {
    let (tree, roots) = grown(600);
    for from in (0..=600).step_by(13) {
        for to in (from..=600).step_by(3) {
            let cover = tree.cover(from as u64, to as u64, &mut reader(&roots.leaves));
            let cover = cover.unwrap().unwrap();
            let mut at = from;
            for Subtree { level, index, hash } in &cover {
                assert_eq!(at as u64, index << level);
                assert_eq!(*hash, roots.of(at, at + (1 << level)));
                at += 1 << level;
            }
            assert_eq!(at, to);
            assert_eq!(cover.len(), fewest(from, to), "{from} to {to}");
        }
    }
    assert_eq!(tree.cover(1, 601, &mut reader(&[])).unwrap(), None);
    assert_eq!(tree.cover(2, 1, &mut reader(&[])).unwrap(), None);
}

/// What a segment tree takes: halves that are inside are taken whole.
fn fewest(from: usize, to: usize) -> usize {
    fn within(from: usize, to: usize, node: usize, size: usize) -> usize {
        if to <= node || node + size <= from {
            return 0;
        }
        if from <= node && node + size <= to {
            return 1;
        }
        let half = size / 2;
        within(from, to, node, half) + within(from, to, node + half, half)
    }
    within(from, to, 0, 1024)
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let (tree, _) = grown(600);
    let mut broken = |group: u64| Err(group);
    assert_eq!(tree.root_at(300, &mut broken), Err(1));
    assert_eq!(tree.inclusion(7, 600, &mut broken), Err(0));
    assert_eq!(tree.consistency(257, 600, &mut broken), Err(1));
    assert_eq!(tree.cover(511, 600, &mut broken), Err(1));
    // In memory.
    assert!(tree.root_at(590, &mut broken).is_ok());
    assert!(tree.cover(256, 600, &mut broken).is_ok());
}
