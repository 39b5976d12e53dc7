//! The wires of one connection: its own, which lists what it has, and one for
//! each owner that calls.

use std::sync::Arc;

use agw_vault::Secret;
use tokio_util::sync::CancellationToken;

use crate::{
    pipeline::Era,
    upstream::{
        UpstreamError,
        dialect::{self, Greeting},
        jsonrpc::Answer,
        link::Setting,
        stdio::Program,
        talk::Talk,
        wire::Wire,
    },
};

#[derive(Debug)]
pub(super) struct Wires {
    program: Program,
    era: Era,
    own: Arc<Wire>,
    logging: bool,
}

impl Wires {
    pub(super) async fn start(
        program: Program,
        setting: &Setting<'_>,
    ) -> Result<(Self, Greeting), UpstreamError> {
        let wire = program.start(setting.ear.clone(), setting.life.clone())?;
        let answer = wire.request("initialize", &dialect::initialize_params("{}")).await?;
        let greeting = dialect::read_initialized(answer)?;
        wire.notify("notifications/initialized")?;
        let logging = greeting.announced.logging;
        Ok((Self { program, era: Era::Session, own: Arc::new(wire), logging }, greeting))
    }

    pub(super) fn era(&self) -> Era {
        self.era
    }

    pub(super) fn secrets(&self) -> &Arc<[Secret]> {
        &self.program.secrets
    }

    pub(super) async fn request(
        &self,
        method: &str,
        members: &str,
    ) -> Result<Answer, UpstreamError> {
        self.own.request(method, &dialect::own_params(self.era, members)).await
    }

    pub(super) async fn call(
        &self,
        talk: &Arc<Talk>,
        again: &str,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let _under_way = self.own.talks().enter(talk);
        self.own.call(self.era, self.logging, talk, again, cancel).await
    }

    pub(super) async fn closed(&self) -> String {
        self.own.closed().await
    }
}
