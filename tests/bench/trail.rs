//! What the audit trail costs: to write, beside what the disk itself and
//! SQLite alone take, and to read, export and verify when it is long.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    sync::mpsc::{SyncSender, sync_channel},
    time::{Duration, Instant},
};

use agw_core::log::Verifier;
use agw_gateway::measure::{Trail, audit_intents};
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use crate::{Result, load::percentile, processes::memory};

const WAITING: [usize; 4] = [1, 16, 64, 256];
/// Records that one sync is for at most; as the gateway has it.
const BATCH: usize = 512;
/// Bytes of a record like those that the gateway writes.
const RECORD: usize = 400;
/// Records of the long trail, unless `AGW_BENCH_RECORDS` says otherwise.
const RECORDS: u64 = 1_000_000;

/// Intents per second, each synced, with several waiting.
pub(crate) async fn writing() -> Result<()> {
    println!("\naudit intents, each on disk before it counts; beside it the same with");
    println!("nothing but SQLite (one table), and nothing but append and fdatasync");
    println!(
        "{:>8} {:>10} {:>11} {:>8} {:>8} {:>10} {:>7}",
        "waiting", "what", "records/s", "p50 µs", "p99 µs", "CPU µs/rec", "ratio"
    );
    for waiting in WAITING {
        let total = if waiting == 1 { 3_000 } else { 60_000 };
        let mut bare = None;
        for what in ["append", "sqlite", "agw"] {
            let dir = tempfile::tempdir()?;
            let cpu = own_cpu()?;
            let (spent, mut waits) = match what {
                "agw" => audit_intents(dir.path(), waiting, total).await?,
                "sqlite" => group_commit(sqlite(dir.path())?, waiting, total).await?,
                _ => group_commit(append(dir.path())?, waiting, total).await?,
            };
            let cpu = (own_cpu()? - cpu) * 1e6 / waits.len() as f64;
            waits.sort_unstable();
            let rate = waits.len() as f64 / spent.as_secs_f64();
            let base = *bare.get_or_insert(rate);
            println!(
                "{waiting:>8} {what:>10} {rate:>11.0} {:>8.0} {:>8.0} {cpu:>10.1} {:>6.2}x",
                percentile(&waits, 50),
                percentile(&waits, 99),
                base / rate
            );
        }
    }
    Ok(())
}

type Commit = Box<dyn FnMut(&[Vec<u8>]) -> Result<()> + Send>;

fn append(dir: &Path) -> Result<Commit> {
    let mut file = File::create(dir.join("log"))?;
    Ok(Box::new(move |records| {
        file.write_all(&records.concat())?;
        Ok(file.sync_data()?)
    }))
}

fn sqlite(dir: &Path) -> Result<Commit> {
    let mut db = Connection::open(dir.join("log.db"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch("CREATE TABLE log (seq INTEGER PRIMARY KEY, record BLOB NOT NULL)")?;
    Ok(Box::new(move |records| {
        let tx = db.transaction()?;
        {
            let mut insert = tx.prepare_cached("INSERT INTO log (record) VALUES (?1)")?;
            for record in records {
                insert.execute(params![record])?;
            }
        }
        Ok(tx.commit()?)
    }))
}

/// The same hand-off as the gateway's: one thread takes whatever waits.
async fn group_commit(
    mut commit: Commit,
    waiting: usize,
    total: usize,
) -> Result<(Duration, Vec<Duration>)> {
    let (queue, jobs): (SyncSender<(Vec<u8>, oneshot::Sender<()>)>, _) = sync_channel(8_192);
    let thread = std::thread::spawn(move || -> Result<()> {
        while let Ok(first) = jobs.recv() {
            let (mut records, mut acks) = (vec![first.0], vec![first.1]);
            for (record, ack) in jobs.try_iter().take(BATCH - 1) {
                records.push(record);
                acks.push(ack);
            }
            commit(&records)?;
            for ack in acks {
                let _ = ack.send(());
            }
        }
        Ok(())
    });
    let begun = Instant::now();
    let tasks: Vec<_> = (0..waiting)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut waits = Vec::with_capacity(total / waiting);
                for _ in 0..total / waiting {
                    let (ack, done) = oneshot::channel();
                    let sent = Instant::now();
                    queue.send((vec![b'x'; RECORD], ack))?;
                    done.await?;
                    waits.push(sent.elapsed());
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(waits)
            })
        })
        .collect();
    drop(queue);
    let mut waits = Vec::with_capacity(total);
    for task in tasks {
        waits.extend(task.await??);
    }
    let spent = begun.elapsed();
    thread.join().map_err(|_| "the thread failed")??;
    Ok((spent, waits))
}

/// CPU seconds of this process so far.
fn own_cpu() -> Result<f64> {
    // All threads: user and system time, in ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("unreadable stat")?;
    let ticks: f64 = fields.split(' ').skip(11).take(2).filter_map(|f| f.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// Searching, exporting and verifying a long trail.
pub(crate) fn reading() -> Result<()> {
    let wanted = std::env::var("AGW_BENCH_RECORDS").ok().and_then(|n| n.parse().ok());
    let wanted: u64 = wanted.unwrap_or(RECORDS);
    let dir = tempfile::tempdir()?;
    let begun = Instant::now();
    // Eleven calls of twelve have two records.
    let trail = Trail::fill(dir.path(), wanted * 12 / 23)?;
    let bytes = std::fs::metadata(dir.path().join("agw.db"))?.len();
    println!(
        "\na trail of {} records, {} bytes each in the database (made in {:.0} s)",
        trail.size(),
        bytes / trail.size(),
        begun.elapsed().as_secs_f64()
    );
    println!("{:>52} {:>8} {:>9} {:>7}", "a page of 100, newest first", "found", "ms", "ratio");
    let mut first = None;
    for query in [
        "",
        "user=user7",
        "decision=deny&reason=not_granted",
        "tool=system0.tool40",
        "tool=system0.tool40&decision=deny",
        "user=user7&tool=system1.tool1&decision=deny",
        "since=2023-11-16T00:00:00Z&until=2023-11-16T01:00:00Z",
        "text=tool40",
        "text=case 4800 was",
    ] {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..5 {
            let begun = Instant::now();
            found = 0;
            let mut page = query.to_owned();
            // A search for words may need several pages' work for one page.
            loop {
                let (some, before) = trail.search(&page)?;
                found += some;
                match before {
                    Some(before) if found == 0 => page = format!("{query}&before={before}"),
                    _ => break,
                }
            }
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let ms = percentile(&times, 50) / 1e3;
        let base = *first.get_or_insert(ms);
        let name = if query.is_empty() { "no filter" } else { query };
        println!("{name:>52} {found:>8} {ms:>9.2} {:>6.1}x", ms / base);
    }
    export_and_verify(&trail, dir.path())
}

fn export_and_verify(trail: &Trail, dir: &Path) -> Result<()> {
    let path = dir.join("export.tlog");
    let mut file = std::io::BufWriter::new(File::create(&path)?);
    let begun = Instant::now();
    trail.export(|piece| file.write_all(piece))?;
    file.flush()?;
    let exported = begun.elapsed().as_secs_f64();
    let key = trail.key();
    let begun = Instant::now();
    let mut verifier = Verifier::new(&key, None, []);
    let mut lines = std::io::BufReader::with_capacity(1 << 16, File::open(&path)?);
    let mut line = Vec::new();
    while std::io::BufRead::read_until(&mut lines, b'\n', &mut line)? > 0 {
        line.pop();
        verifier.line(&line).map_err(|failure| failure.to_string())?;
        line.clear();
    }
    let report = verifier.finish(true).map_err(|failure| failure.to_string())?;
    let verified = begun.elapsed().as_secs_f64();
    let count = trail.size() as f64;
    println!(
        "export {:.0} records/s, verify {:.0} records/s ({} records; at most {} MiB of memory)",
        count / exported,
        count / verified,
        report.records,
        memory("self", "VmHWM:")? >> 10
    );
    Ok(())
}
