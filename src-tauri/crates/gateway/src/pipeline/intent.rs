//! Recording: durable before the effect, and the outcome after it.

use agw_vault::{Own, Secret};

use crate::{
    audit::{Record, settings},
    bounds,
    gateway::Gateway,
    pipeline::{Refusal, SafeReply, Story},
};

/// Proof that a call's intent is on disk.
#[derive(Debug)]
pub struct AuditTicket {
    _private: (),
}

/// Returns once the intent is as safe as the call's effect demands. What
/// cannot be recorded is refused. `arguments` are as they will be sent.
pub(crate) async fn record_intent(
    gateway: &Gateway,
    story: &mut Story,
    arguments: &[u8],
) -> Result<AuditTicket, Refusal> {
    let mut record = story.intent();
    if story.keeps_bodies() {
        keep_body(gateway, story, &mut record, "arguments", arguments)?;
    }
    let settings = &gateway.live.snapshot.load().audit;
    let safety = settings::safety(settings, gateway.strict_audit, story.effect);
    #[cfg(feature = "seeded-fault")]
    if crate::fault::intent_after_forward() {
        let writer = gateway.writer.clone();
        tokio::spawn(async move {
            tokio::time::sleep(crate::fault::DELAY).await;
            let _ = writer.record(record, safety).await;
        });
        story.forwarded = true;
        return Ok(AuditTicket { _private: () });
    }
    story.receipt = gateway.writer.record(record, safety).await.map_err(|error| {
        tracing::debug!(%error, call = %story.id, "refused: its intent could not be recorded");
        Refusal::AuditUnavailable
    })?;
    story.forwarded = true;
    Ok(AuditTicket { _private: () })
}

/// The call is over; nobody waits for this record, and it is kept until it
/// can be written.
pub(crate) fn record_outcome(gateway: &Gateway, story: &Story, reply: &SafeReply) {
    let mut record = story.outcome();
    record.detail = story.on_the_way();
    record.status = Some(reply.status().as_str());
    record.reason = Some(if story.approval.is_some() { "approved" } else { "granted" });
    // The call was made: its outcome is recorded whether or not its body can be.
    if story.keeps_bodies()
        && keep_body(gateway, story, &mut record, "result", reply.json()).is_err()
    {
        record.detail = Some("the result could not be sealed, and was not kept".into());
    }
    if let Err(error) = gateway.writer.owe(record) {
        // The intent stands; the next start closes it as indeterminate.
        tracing::error!(%error, call = %story.id, "the outcome of a call could not be recorded");
    }
}

/// Seals `clear` into the record.
fn keep_body(
    gateway: &Gateway,
    story: &Story,
    record: &mut Record,
    what: &str,
    clear: &[u8],
) -> Result<(), Refusal> {
    if clear.len() > bounds::AUDIT_BODY_MAX {
        record.detail = Some(format!("{what} of {} bytes were too long to keep", clear.len()));
        return Ok(());
    }
    let vault = gateway.vault.load_full().ok_or(Refusal::Sealed)?;
    let own = Own::Body { call: &story.id.to_string(), what };
    let sealed = vault.seal_own(own, &Secret::new(clear));
    record.body = Some(sealed.map_err(|_| Refusal::Internal("a body could not be sealed"))?);
    Ok(())
}
