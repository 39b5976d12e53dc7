//! Checkpoints go outside as they are signed: into a file beside the
//! database, and to whoever an admin has named. A trail that is set back or
//! rewritten later does not agree with what they have.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agw_api::Witness;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};

use super::{alarm, checkpoint::Signed, ledger, record::rfc3339};
use crate::{clock, gateway::Gateway, store::StoreError};

const BESIDE: &str = "checkpoint";
/// Longest part of a file that is read for its last checkpoint, in bytes.
const TAIL: u64 = 64 << 10;
/// Files of a folder that are looked through for a checkpoint, newest first.
const FILES: usize = 100;
/// Bytes of a signature and of what says by which key it is.
const SIGNATURE: usize = 68;
/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between attempts at a witness that fails.
const RETRY: Duration = Duration::from_secs(15);
/// Longest answer of an HTTP witness that is read, in bytes.
const ANSWER_MAX: usize = 16 << 10;

/// What became of the newest checkpoints, for each witness.
#[derive(Debug, Default)]
pub(crate) struct Witnesses(Mutex<Vec<Witness>>);

impl Witnesses {
    pub(crate) fn shown(&self) -> Vec<Witness> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn size_of(&self, place: &str) -> u64 {
        self.shown().iter().find(|witness| witness.place == place).map_or(0, |w| w.size)
    }

    fn note(&self, place: &str, taken: Result<u64, String>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|witness| witness.place == place) {
            let place = place.to_owned();
            all.push(Witness { place, size: 0, taken_at: None, error: None });
        }
        let Some(witness) = all.iter_mut().find(|witness| witness.place == place) else {
            return false;
        };
        let before = witness.error.clone();
        match taken {
            Ok(size) => {
                witness.size = size;
                witness.taken_at = Some(rfc3339(clock::now_ms()));
                witness.error = None;
            }
            Err(error) => witness.error = Some(error),
        }
        witness.error != before
    }

    fn keep(&self, places: &[&String]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|witness| places.contains(&&witness.place));
    }
}

/// Which witnesses; those that are quick do not wait for those that are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The file beside the database, and the folder.
    Files,
    Http,
}

/// Hands on each checkpoint, for as long as the service runs; the last one is
/// for [`hand_on`].
pub(crate) async fn watch(gateway: Arc<Gateway>) {
    tokio::join!(follow(&gateway, Kind::Files), follow(&gateway, Kind::Http));
}

async fn follow(gateway: &Arc<Gateway>, kind: Kind) {
    let mut checkpoints = gateway.writer.checkpoints();
    let mut changes = gateway.live.changes();
    let mut settings = gateway.live.snapshot.load().audit.clone();
    checkpoints.mark_changed();
    let mut failing = false;
    loop {
        tokio::select! {
            () = gateway.stop.cancelled() => return,
            changed = checkpoints.changed() => if changed.is_err() { return },
            changed = changes.changed() => {
                let now = &gateway.live.snapshot.load().audit;
                if changed.is_err() {
                    return;
                }
                if *now == settings {
                    continue;
                }
                settings = now.clone();
            }
            () = tokio::time::sleep(RETRY), if failing => {}
        }
        let handed = hand_to(gateway, kind);
        failing = match kind {
            // What is being written is not written over.
            Kind::Files => !handed.await,
            Kind::Http => tokio::select! {
                () = gateway.stop.cancelled() => return,
                well = handed => !well,
            },
        };
    }
}

/// Hands the newest checkpoint to every witness.
pub(crate) async fn hand_on(gateway: &Arc<Gateway>) {
    tokio::join!(hand_to(gateway, Kind::Files), hand_to(gateway, Kind::Http));
}

/// Whether all of these took it.
async fn hand_to(gateway: &Arc<Gateway>, kind: Kind) -> bool {
    let newest = gateway.writer.checkpoints().borrow().clone();
    let settings = gateway.live.snapshot.load().audit.clone();
    let places: Vec<&String> =
        [&settings.witness_folder, &settings.witness_url].into_iter().flatten().collect();
    gateway.witnesses.keep(&places);
    let Some(signed) = newest else { return true };
    match kind {
        Kind::Files => hand_to_files(gateway, signed, settings.witness_folder).await,
        Kind::Http => match settings.witness_url {
            Some(url) => {
                let known = gateway.witnesses.size_of(&url);
                let taken = match known == signed.size {
                    true => Ok(known),
                    false => bounded(submit(gateway, &url, known, &signed)).await,
                };
                told(gateway, &url, taken)
            }
            None => true,
        },
    }
}

async fn hand_to_files(gateway: &Arc<Gateway>, signed: Signed, folder: Option<String>) -> bool {
    let (dir, note) = (gateway.data_dir.clone(), Arc::clone(&signed.note));
    let beside = bounded(blocking(move || put_beside(&dir, &note))).await;
    if let Err(error) = &beside {
        tracing::warn!(error, "the checkpoint beside the database could not be written");
    }
    let Some(folder) = folder else { return beside.is_ok() };
    let (path, size) = (PathBuf::from(&folder), signed.size);
    let taken = match gateway.witnesses.size_of(&folder) == size {
        true => Ok(()),
        false => bounded(blocking(move || append(&path, &signed))).await,
    };
    told(gateway, &folder, taken.map(|()| size)) && beside.is_ok()
}

fn told(gateway: &Gateway, place: &str, taken: Result<u64, String>) -> bool {
    let well = taken.is_ok();
    if let Err(error) = &taken {
        tracing::debug!(place, error, "a witness did not take the checkpoint");
    }
    if gateway.witnesses.note(place, taken) {
        gateway.live.announce("audit");
    }
    well
}

async fn bounded<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(result) => result,
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<(), String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn put_beside(data_dir: &Path, note: &str) -> io::Result<()> {
    let path = data_dir.join(BESIDE);
    let next = path.with_extension("new");
    fs::write(&next, note)?;
    fs::rename(&next, &path)
}

/// The newest checkpoint that was seen in this data folder.
pub(crate) fn beside(data_dir: &Path) -> Option<String> {
    let note = fs::read_to_string(data_dir.join(BESIDE)).ok()?;
    // A crash may have left a part of it.
    (note.contains("\n\n") && note.ends_with('\n')).then_some(note)
}

/// One file for each day, so that none grows without end.
fn append(folder: &Path, signed: &Signed) -> io::Result<()> {
    let day: String = rfc3339(signed.at).chars().take(10).collect();
    let path = folder.join(format!("agw-checkpoints-{day}.txt"));
    let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
    let text = tail(&mut file)?;
    // Of the one before, a crash may have left a part.
    let end = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n\n" };
    // In one piece, so that those of two gateways do not mix.
    file.write_all(format!("{end}{}\n", signed.note).as_bytes())?;
    file.sync_data()
}

/// The last part of a file.
fn tail(file: &mut File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last whole checkpoint of this trail in a folder that [`append`] wrote.
pub(crate) fn newest_in(folder: &Path, origin: &str) -> Option<String> {
    let names =
        fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with("agw-checkpoints-")).collect();
    names.sort_unstable();
    names.iter().rev().take(FILES).find_map(|name| {
        let text = tail(&mut File::open(folder.join(name)).ok()?).ok()?;
        last_note(&text, origin)
    })
}

/// Notes end with a signature line and an empty one.
fn last_note(text: &str, origin: &str) -> Option<String> {
    let mut parts: Vec<&str> = text.split("\n\n").map(|part| part.trim_start()).collect();
    // After the last empty line comes nothing, or a part of a note.
    parts.pop();
    let whole = |body: &str, signature: &str| {
        let signed = signature.strip_prefix("— ").and_then(|line| line.split_once(' '));
        let signed = signed.and_then(|(_, base64)| BASE64_STANDARD.decode(base64).ok());
        body.split('\n').next() == Some(origin) && signed.is_some_and(|s| s.len() >= SIGNATURE)
    };
    parts.windows(2).rev().find_map(|pair| match pair {
        [body, signature] if whole(body, signature) => Some(format!("{body}\n\n{signature}\n")),
        _ => None,
    })
}

/// C2SP `tlog-witness`: the checkpoint, and the proof that it goes on from the
/// one that the witness has, of `old` records.
async fn submit(
    gateway: &Arc<Gateway>,
    url: &str,
    old: u64,
    signed: &Signed,
) -> Result<u64, String> {
    match post(gateway, url, old, signed).await? {
        Answer::Taken => Ok(signed.size),
        Answer::Has(size) if size > gateway.writer.head() => {
            let message = format!(
                "The audit trail does not agree with the witness {url}: it had {size} records when that last took a checkpoint and has {} now, so it was set back.",
                gateway.writer.head()
            );
            gateway.raise(alarm::alarm(message)).await;
            Err(format!("it knows a checkpoint of {size} records, which this trail has not"))
        }
        // A crash lost the note, not the records: the next one goes on from it.
        Answer::Has(size) if size > signed.size => {
            Err(format!("it knows a newer checkpoint, of {size} records"))
        }
        // It knows another one, as after a restart.
        Answer::Has(size) if size != old => match post(gateway, url, size, signed).await? {
            Answer::Taken => Ok(signed.size),
            Answer::Has(size) => {
                Err(format!("it says that it has {size} records, each time other"))
            }
        },
        Answer::Has(size) => Err(format!("it says that it has {size} records, and does not go on")),
    }
}

enum Answer {
    Taken,
    /// It knows a checkpoint of so many records.
    Has(u64),
}

async fn post(
    gateway: &Arc<Gateway>,
    url: &str,
    old: u64,
    signed: &Signed,
) -> Result<Answer, String> {
    let (tree, size) = (gateway.writer.tree(), signed.size);
    let proof = gateway.reader.run(move |db| {
        let proof = tree.consistency(old, size, &mut |group| ledger::leaves(db, group))?;
        proof.ok_or_else(|| StoreError::Damaged("no proof".into()))
    });
    let mut body = format!("old {old}\n");
    for hash in proof.await.map_err(|e| e.to_string())? {
        body.push_str(&format!("{}\n", BASE64_STANDARD.encode(hash)));
    }
    body.push_str(&format!("\n{}", signed.note));
    let request = Request::post(format!("{}/add-checkpoint", url.trim_end_matches('/')))
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| e.to_string())?;
    let response = gateway.witness_http.request(request).await.map_err(|e| e.to_string())?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
    let answer = answer.map_err(|e| e.to_string())?.to_bytes();
    let said = String::from_utf8_lossy(&answer);
    let said = said.trim();
    match (status, said.parse()) {
        (StatusCode::OK, _) => Ok(Answer::Taken),
        (StatusCode::CONFLICT, Ok(size)) => Ok(Answer::Has(size)),
        _ => Err(format!("it answered {status}: {}", said.chars().take(200).collect::<String>())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_checkpoint_of_a_folder_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(newest_in(dir.path(), "x"), None);
        let signed = |origin: &str, size: u64, day: i64| {
            let signature = BASE64_STANDARD.encode([7; SIGNATURE]);
            let note = format!("{origin}\n{size}\nroot=\n\n— {origin} {signature}\n");
            Signed { size, at: day * 86_400_000, note: note.into() }
        };
        for (size, day) in [(9, 0), (10, 1), (5, 1)] {
            append(dir.path(), &signed("x", size, day)).unwrap();
            append(dir.path(), &signed("y", size, day)).unwrap();
            assert_eq!(newest_in(dir.path(), "x").as_deref(), Some(&*signed("x", size, day).note));
        }
        assert_eq!(newest_in(dir.path(), "z"), None);
        // However much of one a crash has left, of whichever gateway.
        let last = dir.path().join("agw-checkpoints-1970-01-02.txt");
        let torn = signed("x", 7, 1).note;
        for (size, cut) in (20..).zip(0..torn.len()) {
            let mut bytes = fs::read(&last).unwrap();
            bytes.extend_from_slice(&torn.as_bytes()[..cut]);
            fs::write(&last, bytes).unwrap();
            let newest = newest_in(dir.path(), "x").unwrap();
            assert!(size == 20 || newest == *signed("x", size - 1, 1).note, "{newest}");
            append(dir.path(), &signed("x", size, 1)).unwrap();
            assert_eq!(newest_in(dir.path(), "x").as_deref(), Some(&*signed("x", size, 1).note));
        }
        put_beside(dir.path(), "note\n\nsignature\n").unwrap();
        assert_eq!(beside(dir.path()).as_deref(), Some("note\n\nsignature\n"));
        put_beside(dir.path(), "note\n\nsig").unwrap();
        assert_eq!(beside(dir.path()), None);
    }
}
