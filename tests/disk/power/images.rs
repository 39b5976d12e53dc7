//! Images of a disk, made and looked at.

use std::{collections::HashSet, fmt, panic::resume_unwind, path::Path, time::Duration};

use agw_api::{Client, Health, ServiceState};
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::Recording;
use crate::{
    disk::{
        image::{Disk, Loss},
        whole::Examiner,
    },
    support::{
        books::digest,
        cli::agw,
        daemon::{self, Daemon, answers},
        random::{Random, seed},
    },
};

/// What the images were found to be.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) images: usize,
    /// On which the service was started.
    pub(super) starts: usize,
    /// Intents that were looked for, in all images.
    pub(super) required: usize,
    /// Checkpoints that were known, in all images.
    pub(super) witnessed: usize,
    /// The age of the oldest call that only reads and has no intent.
    pub(super) oldest_read_lost: Duration,
    pub(super) bad: Vec<String>,
    /// Of these, images that are without an intent.
    pub(super) lost: usize,
    steps: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { images, steps, starts, required, witnessed, .. } = self;
        write!(f, "{images} images of {steps} steps, services started on {starts}; ")?;
        write!(f, "{required} intents and {witnessed} checkpoints looked for; ")?;
        write!(f, "{} bad, {} without an intent; ", self.bad.len(), self.lost)?;
        write!(f, "oldest read lost: {:?}", self.oldest_read_lost)
    }
}

impl Found {
    fn and(mut self, other: Self) -> Self {
        self.images += other.images;
        self.starts += other.starts;
        self.required += other.required;
        self.witnessed += other.witnessed;
        self.oldest_read_lost = self.oldest_read_lost.max(other.oldest_read_lost);
        self.bad.extend(other.bad);
        self.lost += other.lost;
        self
    }
}

/// The power goes when so many steps were done.
#[derive(Debug, Clone, Copy)]
struct Moment {
    done: usize,
    loss: Loss,
    seed: u64,
    /// Whether the service is started on what is left.
    starts: bool,
}

/// Half of the images are of the moments right after a call was received.
pub(super) fn look_at(recording: &Recording, images: usize, starts: usize) -> Found {
    let mut random = Random::new(seed());
    let steps = &recording.trace.steps;
    let mut moment = |i: usize| {
        let done = match i % 2 {
            0 => random.below(steps.len() + 1),
            _ => {
                let call = random.pick(&recording.received);
                steps.partition_point(|step| step.at < call.trace)
            }
        };
        let loss = *random.pick(&Loss::EACH);
        Moment { done, loss, seed: random.below(usize::MAX >> 33) as u64, starts: i < starts }
    };
    let mut moments: Vec<Moment> = (0..images).map(&mut moment).collect();
    moments.sort_by_key(|moment| moment.done);
    let workers = std::thread::available_parallelism().unwrap().get();
    let runtime = Handle::current();
    let mut found = std::thread::scope(|scope| {
        let work = |worker: usize| {
            let (moments, runtime) = (&moments, &runtime);
            scope.spawn(move || {
                let moments = moments.iter().skip(worker).step_by(workers);
                look_at_each(recording, moments.copied(), runtime)
            })
        };
        let working: Vec<_> = (0..workers).map(work).collect();
        let each =
            working.into_iter().map(|worker| worker.join().unwrap_or_else(|e| resume_unwind(e)));
        each.fold(Found::default(), Found::and)
    });
    found.steps = steps.len();
    found
}

fn look_at_each(
    recording: &Recording,
    moments: impl Iterator<Item = Moment>,
    runtime: &Handle,
) -> Found {
    // Written again and again, and never to be kept.
    let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
    let mut disk = Disk::new(&recording.trace);
    let digests: Vec<String> = recording.received.iter().map(|call| digest(call.n)).collect();
    let (mut examiner, mut found) = (Examiner::default(), Found::default());
    for moment in moments {
        disk.run_to(moment.done);
        std::fs::remove_dir_all(folder.path()).unwrap();
        std::fs::create_dir(folder.path()).unwrap();
        disk.write_image(folder.path(), moment.loss, &mut Random::new(moment.seed));
        if moment.starts {
            let state = runtime.block_on(start(folder.path()));
            if ![ServiceState::Enforcing, ServiceState::Unconfigured].contains(&state) {
                found.bad.push(format!("started, it is {state:?}: {moment:?}"));
            }
            found.starts += 1;
        }
        found.images += 1;
        let known = recording.known(moment.done);
        found.witnessed += known.len();
        let image = examiner.look_at(folder.path(), &known);
        found.bad.extend(image.wrong.map(|wrong| format!("{wrong}: {moment:?}")));
        if moment.starts && image.open > 0 {
            found.bad.push(format!("started, {} calls have no end: {moment:?}", image.open));
        }
        compare(recording, &digests, moment, &image.intents, &mut found);
    }
    found
}

impl Recording {
    /// Whether somebody had noticed something when so many steps were done, who
    /// then saw a trace of this length.
    fn by_then(&self, done: usize, trace: u64) -> bool {
        self.trace.steps.get(done).is_none_or(|next| trace <= next.at)
    }

    /// Checkpoints that were known then.
    fn known(&self, done: usize) -> Vec<&str> {
        let known = self.witnessed.iter().filter(|(trace, _)| self.by_then(done, *trace));
        known.map(|(_, note)| note.as_str()).collect()
    }
}

/// Every call that was received before this moment has an intent.
fn compare(
    recording: &Recording,
    digests: &[String],
    moment: Moment,
    intents: &HashSet<String>,
    found: &mut Found,
) {
    let (steps, spell) = (&recording.trace.steps, &recording.spell);
    for (call, digest) in recording.received.iter().zip(digests) {
        if !recording.by_then(moment.done, call.trace) {
            continue;
        }
        found.required += 1;
        if intents.contains(digest) {
            continue;
        }
        // What syncs that failed may have lost has been written anew by the time
        // that the service says that it is back.
        let made_up_for = call.trace < spell.noticed && recording.by_then(moment.done, spell.ended);
        if call.reads && !made_up_for {
            // A disk that fails keeps no promise of time.
            if !recording.by_then(moment.done, spell.began) {
                let now = steps[moment.done].time;
                let age = Duration::from_nanos(now.saturating_sub(call.time));
                found.oldest_read_lost = found.oldest_read_lost.max(age);
            }
        } else {
            found.lost += 1;
            found.bad.push(format!("call {} is without an intent: {moment:?}", call.n));
            return;
        }
    }
}

/// The service starts, and is in this state.
async fn start(folder: &Path) -> ServiceState {
    let mut service = Daemon::start(daemon::serve(&agw(), folder)).await;
    answers(folder).await;
    let health: Health = Client::new(folder).get("/api/v1/health").await.unwrap();
    service.kill();
    health.state
}
