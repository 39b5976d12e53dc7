//! What is well and what is not, and what to do: the gateway itself here, a
//! connection in [`connection`]. Looking changes nothing, but that a
//! connection is reached and tried again.

mod connection;

use agw_api::{Check, Diagnosis, Finding};

pub(crate) use self::connection::examine as examine_connection;
use crate::{audit::record::rfc3339, bounds, clock, gateway::Gateway};

const GIB: f64 = (1 << 30) as f64;
const MINUTE_MS: i64 = 60_000;

pub(super) fn ok(id: &str, said: impl Into<String>) -> Check {
    Check { id: id.into(), finding: Finding::Ok, said: said.into(), next: None }
}

pub(super) fn unknown(id: &str, said: impl Into<String>) -> Check {
    Check { id: id.into(), finding: Finding::Unknown, said: said.into(), next: None }
}

pub(super) fn problem(id: &str, said: impl Into<String>, next: impl Into<String>) -> Check {
    let next = Some(next.into());
    Check { id: id.into(), finding: Finding::Problem, said: said.into(), next }
}

fn advice(id: &str, said: impl Into<String>, next: impl Into<String>) -> Check {
    Check { finding: Finding::Advice, ..problem(id, said, next) }
}

/// The gateway itself.
pub(crate) async fn examine(gateway: &Gateway) -> Diagnosis {
    let mut checks = vec![keychain(gateway), disk(gateway).await, clock(gateway), trail(gateway)];
    checks.push(checkpoint(gateway));
    checks.extend(witnesses(gateway));
    checks.extend(forwards(gateway));
    checks.push(files(gateway));
    Diagnosis { at: rfc3339(clock::now_ms()), checks }
}

fn keychain(gateway: &Gateway) -> Check {
    let home = &gateway.master_key;
    if gateway.vault.load().is_some() {
        return ok("keychain", format!("The vault is open; its master key is in {home}."));
    }
    let why = gateway.sealed_reason().unwrap_or_else(|| "the master key was not had yet".into());
    let next = "Unlock it in the window or with `agw unlock`; if the key is lost, `agw recover`.";
    problem("keychain", format!("The gateway is sealed: {why}."), next)
}

async fn disk(gateway: &Gateway) -> Check {
    let folder = gateway.data_dir.clone();
    let free = tokio::task::spawn_blocking(move || free_space(&folder)).await;
    let Some(free) = free.ok().flatten() else {
        return unknown("disk", "How much space is left cannot be seen on this machine.");
    };
    let said = format!("{:.1} GiB are free where the trail is kept.", free as f64 / GIB);
    if free >= bounds::DISK_LOW {
        return ok("disk", said);
    }
    let next = "Free disk space: when none is left, records cannot be written and agents are refused. A bound for the trail is set in its settings.";
    let check = if free < bounds::DISK_LOW / 8 { problem } else { advice };
    check("disk", said, next)
}

#[cfg(unix)]
fn free_space(folder: &std::path::Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    stat.f_bavail.checked_mul(stat.f_frsize)
}

#[cfg(not(unix))]
fn free_space(_: &std::path::Path) -> Option<u64> {
    None
}

/// Set back, or set forward once and back since: the trail knows a later time.
fn clock(gateway: &Gateway) -> Check {
    let behind = gateway.live.clock.now_ms() - clock::now_ms();
    if behind < MINUTE_MS {
        return ok("clock", "The machine's clock is not behind the trail.");
    }
    let said = format!(
        "The machine's clock is {} minutes behind what the trail has seen.",
        behind / MINUTE_MS
    );
    problem(
        "clock",
        said,
        "Set the clock right, best with a time service, and restart the gateway.",
    )
}

fn trail(gateway: &Gateway) -> Check {
    if let Some(alarm) = gateway.alarm() {
        return problem("trail", alarm.message.clone(), alarm.next.clone());
    }
    if let Some(why) = gateway.writer.failure() {
        let said = format!("Records cannot be written, so agents are refused: {why}.");
        return problem(
            "trail",
            said,
            "Free disk space or repair the disk; it is tried again by itself.",
        );
    }
    let head = gateway.writer.head();
    ok("trail", format!("Records are written; there are {head}, and no alarm."))
}

fn checkpoint(gateway: &Gateway) -> Check {
    let newest = gateway.writer.checkpoints().borrow().clone();
    let Some(signed) = newest else {
        let said = "No checkpoint was signed yet.";
        return advice("checkpoint", said, "Unlock the gateway: the signing key is in the vault.");
    };
    let behind = gateway.writer.head().saturating_sub(signed.size);
    let age = (clock::now_ms() - signed.at) / MINUTE_MS;
    let said = match behind {
        0 => format!("The newest checkpoint covers all {} records.", signed.size),
        _ => format!(
            "The newest checkpoint is {age} minutes old; {behind} records have come since."
        ),
    };
    // It is signed within seconds of a record, unless the gateway is sealed.
    if behind == 0 || age < bounds::CHECKPOINT_OLD_MINUTES {
        return ok("checkpoint", said);
    }
    problem("checkpoint", said, "Unlock the gateway, and see its log if it is not sealed.")
}

fn witnesses(gateway: &Gateway) -> Vec<Check> {
    let known = gateway.witnesses.shown();
    if known.is_empty() {
        let said = "No witness is set: a trail that is rewritten as a whole would not be noticed.";
        let next = "Name a folder on another machine, or an HTTP witness, in the settings of the audit trail.";
        return vec![advice("witness", said, next)];
    }
    let shown = known.into_iter().map(|witness| match witness.error {
        None => ok("witness", format!("{} has {} records.", witness.place, witness.size)),
        Some(why) => {
            let said = format!("{} did not take the newest checkpoint: {why}.", witness.place);
            problem("witness", said, "Make it reachable; it is tried again by itself.")
        }
    });
    shown.collect()
}

fn forwards(gateway: &Gateway) -> Vec<Check> {
    let (snapshot, head) = (gateway.live.snapshot.load(), gateway.writer.head());
    let shown = snapshot.forwards.iter().map(|config| gateway.forwards.shown(config, head));
    let shown = shown.map(|forward| match forward.error {
        None => ok(
            "forwards",
            format!("{} takes records; {} are to come.", forward.name, forward.behind),
        ),
        Some(why) => {
            let said = format!("{}: {why}.", forward.name);
            problem(
                "forwards",
                said,
                "Repair the receiver; nothing is lost while the records are kept here.",
            )
        }
    });
    shown.collect()
}

#[cfg(unix)]
fn files(gateway: &Gateway) -> Check {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(meta) = std::fs::metadata(&gateway.data_dir) else {
        return unknown("files", "The data folder cannot be looked at.");
    };
    if meta.mode() & 0o077 == 0 {
        return ok("files", "Only this OS user can enter the data folder.");
    }
    let said = "Other users of this machine can enter the data folder.";
    problem("files", said, format!("Run `chmod 700 {}`.", gateway.data_dir.display()))
}

#[cfg(not(unix))]
fn files(_: &Gateway) -> Check {
    unknown("files", "Who can enter the data folder cannot be seen on this machine.")
}
