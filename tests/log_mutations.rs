//! Exports of the audit trail, tampered with in every way that is known, and
//! two verifiers that share no code: core's, and one in Python that was
//! written from the text in SECURITY.md. Both have to take each true export
//! and to refuse each mutant, and name the same line.
//!
//! The seed is the time; a failure prints it. To see that failure again:
//! `AGW_SEED=… cargo test -p agw-tests --test it log_`.

mod badly_made;
mod export;
mod judges;
mod mutants;
mod trail;

use std::{collections::BTreeMap, fs, iter, thread, time::Instant};

use judges::{Case, Verdict};
use mutants::{Clean, Given, MUTATIONS};
use trail::Trail;

use crate::support::random::{Random, seed};

const CLEAN: usize = 200;
const MUTANTS: usize = 2_000;

#[test]
fn exports_that_were_tampered_with_are_refused() {
    let start = Instant::now();
    let mut random = Random::new(seed());
    let clean: Vec<Clean> = (0..CLEAN).map(|_| Clean::random(&mut random)).collect();
    let whole: Vec<Case> = clean.iter().map(Clean::case).collect();
    for (case, (core, python)) in whole.iter().zip(judge(&whole)) {
        assert_eq!((&core, &python), (&Ok(()), &Ok(())), "{}", keep(case));
    }
    println!("{CLEAN} true exports hold");
    let mut mutants = Vec::new();
    while mutants.len() < MUTANTS {
        let (turn, mutation) = (mutants.len() / MUTATIONS.len(), mutants.len() % MUTATIONS.len());
        let (at, other) = (random.below(CLEAN), random.pick(&clean));
        let given = Given { clean: &clean[at], other, turn };
        let mutant = MUTATIONS[mutation].1(given, &mut random);
        // What came out as it was is no mutant.
        mutants.extend(mutant.filter(|mutant| *mutant != whole[at]));
    }
    let names = MUTATIONS.iter().map(|(name, _)| *name).cycle();
    for (name, count) in refused(names, &mutants) {
        println!("{count:5} refused: {name}");
    }
    println!("{MUTANTS} mutants refused, in {:.1} s", start.elapsed().as_secs_f64());
}

#[test]
fn what_was_badly_made_is_refused_whoever_signed_it() {
    let mut random = Random::new(seed());
    let trail = Trail::random(&mut random, 9);
    let cases = badly_made::all(&trail, &mut random);
    println!("{:?}", refused(iter::repeat("badly made"), &cases));
}

/// Both refuse each, for the same line: how many of each name.
fn refused<'n>(names: impl Iterator<Item = &'n str>, cases: &[Case]) -> BTreeMap<&'n str, usize> {
    let mut counts = BTreeMap::new();
    for (name, (case, (core, python))) in names.zip(cases.iter().zip(judge(cases))) {
        let both = || format!("{name}: {core:?} and {python:?}; {}", keep(case));
        assert!(core.is_err() && python.is_err(), "{}", both());
        assert_eq!(line(&core), line(&python), "{}", both());
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}

/// What both say to each.
fn judge(cases: &[Case]) -> Vec<(Verdict, Verdict)> {
    thread::scope(|scope| {
        let python = scope.spawn(|| judges::python(cases));
        let core: Vec<Verdict> = cases.iter().map(judges::core).collect();
        core.into_iter().zip(python.join().unwrap()).collect()
    })
}

/// "line 12", of a failure.
fn line(verdict: &Verdict) -> Option<&str> {
    let words = verdict.as_ref().err()?;
    words.split([':', '(']).next().map(str::trim)
}

/// Keeps a case to look at, and says where.
fn keep(Case { file, key, since }: &Case) -> String {
    let dir = tempfile::tempdir().unwrap().keep();
    fs::write(dir.join("export"), file).unwrap();
    fs::write(dir.join("key"), key).unwrap();
    fs::write(dir.join("since"), since.as_deref().unwrap_or_default()).unwrap();
    format!("it is in {}", dir.display())
}
