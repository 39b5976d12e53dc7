//! Recording: durable before the effect, and the outcome after it.

use crate::{
    gateway::Gateway,
    pipeline::{Refusal, SafeReply, Story},
};

/// Proof that a call's intent is on disk.
#[derive(Debug)]
pub struct AuditTicket {
    _private: (),
}

/// Returns once the intent is on disk. What cannot be recorded is refused.
pub(crate) async fn record_intent(
    gateway: &Gateway,
    story: &mut Story,
) -> Result<AuditTicket, Refusal> {
    let record = story.intent();
    #[cfg(feature = "seeded-fault")]
    if crate::fault::intent_after_forward() {
        let writer = gateway.writer.clone();
        tokio::spawn(async move {
            tokio::time::sleep(crate::fault::DELAY).await;
            let _ = writer.record(&record).await;
        });
        story.forwarded = true;
        return Ok(AuditTicket { _private: () });
    }
    gateway.writer.record(&record).await.map_err(|error| {
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
    record.status = Some(reply.status().as_str());
    record.reason = Some(if story.approval.is_some() { "approved" } else { "granted" });
    if let Err(error) = gateway.writer.owe(&record) {
        // The intent stands; the next start closes it as indeterminate.
        tracing::error!(%error, call = %story.id, "the outcome of a call could not be recorded");
    }
}
