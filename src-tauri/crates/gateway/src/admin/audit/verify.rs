//! The whole trail, checked by the gateway over its own database: with the
//! rules of `agw audit verify`, on what an export would hold.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use agw_api::{AuditVerification, VerificationState, VerifiedTrail, codes};
use agw_core::log::{Pieces, Report, Verifier, VerifyingKey};
use axum::{Json, extract::State};
use tokio::sync::mpsc;

use super::{
    super::{AdminError, Reader},
    export::{self, Ask},
};
use crate::{
    audit::{
        export::{Format, PIECES, Piece},
        key,
        record::rfc3339,
        search::Filter,
    },
    clock,
    gateway::Gateway,
};

/// The check that is under way, or the last one; there is one at a time.
#[derive(Debug, Default)]
pub(crate) struct Verification {
    last: Mutex<Option<AuditVerification>>,
    records: AtomicU64,
}

impl Verification {
    fn last(&self) -> MutexGuard<'_, Option<AuditVerification>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> AuditVerification {
        match self.last().clone() {
            None => AuditVerification::default(),
            Some(last) if last.state == VerificationState::Running => {
                AuditVerification { records: self.records.load(Relaxed), ..last }
            }
            Some(last) => last,
        }
    }

    /// False if one is under way.
    fn begin(&self) -> bool {
        let mut last = self.last();
        let running = |last: &AuditVerification| last.state == VerificationState::Running;
        if last.as_ref().is_some_and(running) {
            return false;
        }
        self.records.store(0, Relaxed);
        *last = Some(AuditVerification {
            state: VerificationState::Running,
            started_at: Some(rfc3339(clock::now_ms())),
            ..AuditVerification::default()
        });
        true
    }

    fn of(&self, count: u64) {
        if let Some(last) = self.last().as_mut() {
            last.of = count;
        }
    }

    fn end(&self, end: impl FnOnce(&mut AuditVerification)) {
        if let Some(last) = self.last().as_mut() {
            last.records = self.records.load(Relaxed);
            last.finished_at = Some(rfc3339(clock::now_ms()));
            end(last);
        }
    }
}

/// How the check is going, or what came of the last one.
#[utoipa::path(
    get, path = "/api/v1/audit/verification", operation_id = "audit_verification", tag = "audit",
    responses((status = 200, body = AuditVerification), (status = 403, body = agw_api::ErrorBody))
)]
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Json<AuditVerification> {
    Json(gateway.verification.shown())
}

/// Begin to check the whole trail, unless that is under way.
#[utoipa::path(
    post, path = "/api/v1/audit/verification", operation_id = "verify_audit", tag = "audit",
    responses(
        (status = 200, body = AuditVerification),
        (status = 403, body = agw_api::ErrorBody),
        (status = 503, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn begin(
    State(gateway): State<Arc<Gateway>>,
    _: Reader,
) -> Result<Json<AuditVerification>, AdminError> {
    let key = gateway.reader.run(key::public).await?.ok_or_else(super::unsigned)?;
    let key: VerifyingKey = key.parse().map_err(|_| {
        let message = "the key in the database is no key";
        AdminError::new(codes::INTERNAL, message, "restore the database from a backup")
    })?;
    if gateway.verification.begin() {
        let gateway = Arc::clone(&gateway);
        tokio::spawn(async move {
            let checked = check(&gateway, key).await;
            gateway.verification.end(|last| match checked {
                Ok(Ok(report)) => {
                    last.state = VerificationState::Holds;
                    last.report = Some(shown(&report));
                }
                Ok(Err(failure)) => {
                    last.state = VerificationState::Broken;
                    last.problem = Some(failure);
                }
                Err(error) => {
                    last.state = VerificationState::Failed;
                    last.problem = Some(error.message);
                }
            });
            gateway.live.announce("audit");
        });
    }
    Ok(Json(gateway.verification.shown()))
}

/// What does not hold is a result, not an error.
async fn check(
    gateway: &Arc<Gateway>,
    key: VerifyingKey,
) -> Result<Result<Report, String>, AdminError> {
    let ask = Ask::whole(Format::Tlog);
    let (db, up_to) = export::proof(gateway).await?;
    let (export, count) = export::plan(gateway, &ask, Filter::default(), up_to).await?;
    gateway.verification.of(count);
    let (pieces, mut sent) = mpsc::channel::<Piece>(PIECES);
    tokio::task::spawn_blocking(move || export.run(db, pieces));
    let this = Arc::clone(gateway);
    let checked = tokio::task::spawn_blocking(move || {
        let mut checked = Pieces::new(Verifier::new(&key, None, []));
        while let Some(piece) = sent.blocking_recv() {
            if this.stop.is_cancelled() {
                return Err(AdminError::internal("the gateway is stopping"));
            }
            if let Err(failure) = checked.feed(&piece?) {
                return Ok(Err(failure.to_string()));
            }
            this.verification.records.store(checked.records(), Relaxed);
        }
        Ok(checked.finish().map_err(|failure| failure.to_string()))
    });
    checked.await.map_err(|_| AdminError::internal("the check ended early"))?
}

fn shown(report: &Report) -> VerifiedTrail {
    VerifiedTrail {
        origin: report.origin.clone(),
        first: report.first,
        last: report.last,
        records: report.records,
        checkpoints: report.checkpoints,
        words_erased: report.texts_erased,
        removed_below: report.compacted_below,
        open_calls: report.open_intents,
    }
}
