//! What may be on a disk after the power went, by the rules that a database
//! may rely on: what was synced is there; of what was written since, anything
//! may be, and of each write only some sectors; names change in the order in
//! which they were changed, and for good once their folder is synced.

use std::{
    collections::HashMap, fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::trace::{Step, Trace, What};
use crate::support::random::Random;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// A disk after some of the steps of a trace.
pub struct Disk<'t> {
    trace: &'t Trace,
    /// Steps that were done.
    pub done: usize,
    files: Vec<File<'t>>,
    /// The program's view, and what is on disk of it.
    names: HashMap<&'t str, usize>,
    synced_names: HashMap<&'t str, usize>,
    /// With the places of their steps.
    renamings: Vec<(u64, Naming<'t>)>,
}

#[derive(Default)]
struct File<'t> {
    synced: Vec<u8>,
    since: Vec<Change<'t>>,
}

/// A change that is not just there.
#[derive(Clone)]
struct Change<'t> {
    /// Of its step.
    at: u64,
    edit: Edit<'t>,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Not synced yet.
    Open,
    /// A sync of it failed. The kernel then takes it for written, so that no
    /// later sync writes it: it may be there or not, for ever.
    GivenUp,
    /// Synced; kept apart because it must come after one that was given up.
    Sure,
}

#[derive(Clone, Copy)]
enum Edit<'t> {
    Write(usize, &'t [u8]),
    Truncate(usize),
}

#[derive(Clone, Copy)]
enum Naming<'t> {
    Set(&'t str, usize),
    Move(&'t str, &'t str),
    Also(&'t str, &'t str),
    Remove(&'t str),
}

/// What became of the changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// None of them was made.
    All,
    /// All were.
    None,
    /// As far as some sector of one, and nothing after it.
    Torn,
    /// Some of them, as it happens.
    Writes,
    /// Some sectors of each.
    Sectors,
}

impl Loss {
    pub const EACH: [Self; 5] = [Self::All, Self::None, Self::Torn, Self::Writes, Self::Sectors];
}

impl<'t> Disk<'t> {
    /// An empty folder.
    pub fn new(trace: &'t Trace) -> Self {
        let (names, synced_names) = Default::default();
        Self { trace, done: 0, files: vec![], names, synced_names, renamings: vec![] }
    }

    /// Does the steps before this one.
    pub fn run_to(&mut self, step: usize) {
        for step in &self.trace.steps[self.done..step] {
            self.run(step);
        }
        self.done = step;
    }

    fn run(&mut self, step: &'t Step) {
        let path = step.path.as_str();
        match &step.what {
            What::Write(offset, data) => {
                let edit = Edit::Write(*offset as usize, self.trace.data(data));
                self.change(step, edit);
            }
            What::Truncate(size) => self.change(step, Edit::Truncate(*size as usize)),
            What::Create => {
                self.files.push(File::default());
                self.rename(step.at, Naming::Set(path, self.files.len() - 1));
            }
            What::Rename(to) => self.rename(step.at, Naming::Move(path, to)),
            What::Link(to) => self.rename(step.at, Naming::Also(path, to)),
            What::Unlink => self.rename(step.at, Naming::Remove(path)),
            What::Sync => {}
            // Names are kept by a journal, which tries again.
            What::SyncFailed(_) if path.is_empty() => {}
            What::Synced(began) if path.is_empty() => {
                let since = self.renamings.partition_point(|(at, _)| at < began);
                for (_, naming) in self.renamings.drain(..since) {
                    naming.apply(&mut self.synced_names);
                }
            }
            What::Synced(began) => self.file(path).settle(*began, Fate::Sure),
            What::SyncFailed(began) => {
                self.file(path).settle(*began, Fate::GivenUp);
            }
        }
    }

    fn file(&mut self, path: &str) -> &mut File<'t> {
        let file = *self.names.get(path).unwrap_or_else(|| panic!("no {path:?} in the trace"));
        &mut self.files[file]
    }

    fn change(&mut self, step: &'t Step, edit: Edit<'t>) {
        self.file(&step.path).since.push(Change { at: step.at, edit, fate: Fate::Open });
    }

    fn rename(&mut self, at: u64, naming: Naming<'t>) {
        naming.apply(&mut self.names);
        self.renamings.push((at, naming));
    }

    /// Makes what the disk may hold if the power goes now.
    pub fn write_image(&self, folder: &Path, loss: Loss, random: &mut Random) {
        let mut names = self.synced_names.clone();
        let kept = match loss {
            Loss::All => 0,
            Loss::None => self.renamings.len(),
            _ => random.below(self.renamings.len() + 1),
        };
        for (_, naming) in &self.renamings[..kept] {
            naming.apply(&mut names);
        }
        for (name, file) in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            // A key that others can read is refused.
            let mut options = OpenOptions::new();
            let image = options.write(true).create_new(true).mode(0o600).open(path);
            image.unwrap().write_all(&self.files[file].after(loss, random)).unwrap();
        }
    }
}

impl<'t> Naming<'t> {
    fn apply(self, names: &mut HashMap<&'t str, usize>) {
        match self {
            Self::Set(name, file) => drop(names.insert(name, file)),
            Self::Move(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to, file);
                }
            }
            Self::Also(from, to) => {
                if let Some(file) = names.get(from).copied() {
                    names.insert(to, file);
                }
            }
            Self::Remove(name) => drop(names.remove(name)),
        }
    }
}

impl File<'_> {
    /// What was written before this place of the trace, and not synced, has
    /// this fate.
    fn settle(&mut self, began: u64, fate: Fate) {
        let before = self.since.partition_point(|change| change.at < began);
        for i in 0..before {
            if self.since[i].fate == Fate::Open {
                self.since[i].fate = fate;
            }
        }
        self.forget_overwritten();
        let sure = self.since.iter().take_while(|change| change.fate == Fate::Sure).count();
        for change in self.since.drain(..sure) {
            change.edit.apply(&mut self.synced);
        }
    }

    /// What was given up and written over since is no question any more.
    fn forget_overwritten(&mut self) {
        if self.since.iter().all(|change| change.fate != Fate::GivenUp) {
            return;
        }
        let mut sure: Vec<Edit<'_>> = Vec::new();
        let mut kept = Vec::new();
        for change in self.since.drain(..).rev() {
            match change.fate {
                Fate::GivenUp if sure.iter().any(|edit| edit.covers(&change.edit)) => continue,
                Fate::Sure => sure.push(change.edit),
                _ => {}
            }
            kept.push(change);
        }
        kept.reverse();
        self.since = kept;
    }

    fn after(&self, loss: Loss, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        let torn = random.below(self.since.len().max(1));
        for (i, Change { edit, fate, .. }) in self.since.iter().enumerate() {
            let made = match (fate, loss) {
                (Fate::Sure, _) | (Fate::Open, Loss::None) => true,
                (Fate::Open, Loss::All) => false,
                (Fate::Open, Loss::Torn) => i < torn,
                (Fate::Open, Loss::Writes | Loss::Sectors) | (Fate::GivenUp, _) => {
                    random.chance(1, 2)
                }
            };
            if made {
                edit.apply(&mut bytes);
            } else if *fate == Fate::Open && loss == Loss::Torn && i == torn {
                edit.tear(random).apply(&mut bytes);
            } else if *fate == Fate::Open && loss == Loss::Sectors {
                edit.scatter(&mut bytes, random);
            }
        }
        bytes
    }
}

impl Edit<'_> {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match *self {
            Self::Write(offset, data) => {
                let end = offset + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[offset..end].copy_from_slice(data);
            }
            Self::Truncate(size) => bytes.resize(size, 0),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        let (Self::Write(offset, data), Self::Write(at, lost)) = (self, other) else {
            return false;
        };
        offset <= at && at + lost.len() <= offset + data.len()
    }

    /// As far as some sector.
    fn tear(&self, random: &mut Random) -> Self {
        match *self {
            Self::Write(offset, data) => {
                let pieces = sectors(offset, data);
                let kept = pieces.iter().take(random.below(pieces.len()));
                Self::Write(offset, &data[..kept.map(|(_, piece)| piece.len()).sum()])
            }
            Self::Truncate(_) => *self,
        }
    }

    /// Makes some of its sectors. A file may be as long as it was to be all the
    /// same, with nothing in it.
    fn scatter(&self, bytes: &mut Vec<u8>, random: &mut Random) {
        let Self::Write(offset, data) = *self else { return };
        if random.chance(1, 2) {
            bytes.resize(bytes.len().max(offset + data.len()), 0);
        }
        for (offset, piece) in sectors(offset, data) {
            if random.chance(1, 2) {
                Edit::Write(offset, piece).apply(bytes);
            }
        }
    }
}

/// The parts of a write that a disk makes whole, with their places.
fn sectors(mut offset: usize, mut data: &[u8]) -> Vec<(usize, &[u8])> {
    let mut pieces = Vec::new();
    while !data.is_empty() {
        let (piece, rest) = data.split_at(data.len().min(SECTOR - offset % SECTOR));
        pieces.push((offset, piece));
        (offset, data) = (offset + piece.len(), rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(edits: &[(usize, &'static [u8], Fate)]) -> File<'static> {
        let change = |(at, &(offset, data, fate)): (usize, &(usize, &'static [u8], Fate))| Change {
            at: at as u64,
            edit: Edit::Write(offset, data),
            fate,
        };
        File { synced: vec![], since: edits.iter().enumerate().map(change).collect() }
    }

    #[test]
    fn what_was_synced_is_there_and_what_was_given_up_may_be() {
        let mut random = Random::new(7);
        let open = Fate::Open;
        let mut file = file(&[(0, b"aa", open), (0, b"b", open), (1, b"c", open), (2, b"d", open)]);
        file.settle(1, Fate::Sure);
        assert_eq!(file.synced, b"aa");
        file.settle(2, Fate::GivenUp);
        file.settle(3, Fate::Sure);
        assert_eq!(file.synced, b"aa", "what was given up would come after it otherwise");
        let seen = |loss, random: &mut Random| {
            let mut seen: Vec<_> = (0..64).map(|_| file.after(loss, random)).collect();
            seen.sort();
            seen.dedup();
            seen
        };
        assert_eq!(seen(Loss::All, &mut random), [b"ac", b"bc"]);
        assert_eq!(seen(Loss::None, &mut random), [b"acd", b"bcd"]);
        file.since[2].edit = Edit::Write(0, b"z");
        file.settle(4, Fate::Sure);
        assert_eq!((&*file.synced, file.since.len()), (&b"zc"[..], 0));
    }

    #[test]
    fn a_torn_write_ends_at_a_sector() {
        let mut random = Random::new(7);
        let data = [1; 1200];
        let lengths = (0..64).map(|_| match Edit::Write(100, &data).tear(&mut random) {
            Edit::Write(100, data) => data.len(),
            _ => panic!("another place"),
        });
        let mut lengths: Vec<_> = lengths.collect();
        lengths.sort_unstable();
        lengths.dedup();
        assert_eq!(lengths, [0, 412, 924]);
    }
}
