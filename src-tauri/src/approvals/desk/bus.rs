//! The Desktop Notifications Specification 1.2, over D-Bus.

use std::collections::HashMap;
use std::future::pending;
use std::time::Duration;

use agw_api::AnswerKind;
use futures_util::StreamExt as _;
use serde::Serialize;
use tokio::time::timeout;
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::zvariant::{DynamicType, Value};
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::{APP, Click, Heard, Notice, Offers};
use crate::approvals::plan::Slot;

/// A notification can be replaced and closed.
pub(in crate::approvals) const IN_PLACE: bool = true;

const SERVER: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// As the packages install it.
const ICON: &str = "ai-agent-gateway";
/// The name of the packages' .desktop file.
const DESKTOP_ENTRY: &str = "AIAgentGateway";
/// A server that takes longer is stuck.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// The same, where a call that waits cannot.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

const OPEN: &str = "default";
const APPROVE: &str = "approve";
const DENY: &str = "deny";

#[derive(Default)]
pub(in crate::approvals) struct Desk {
    /// Made when it is first needed, and again when it was lost.
    bus: Option<Bus>,
    shown: HashMap<Slot, Ticket>,
}

struct Bus {
    connection: Connection,
    signals: MessageStream,
}

/// What was shown, as its server knows it.
#[derive(Debug, PartialEq, Eq)]
struct Ticket {
    id: u32,
    /// The process that showed it. Only it is believed what a person did: any
    /// process of the session can send the signal of a click.
    server: OwnedUniqueName,
    offers: Offers,
}

impl Desk {
    pub(in crate::approvals) fn new(_: &tauri::AppHandle) -> Self {
        Self::default()
    }

    /// Whether a call can be shown and answered in a notification: there is
    /// a server, and it has text and buttons.
    pub(in crate::approvals) async fn takes_answers(&mut self) -> bool {
        let asked = async {
            let abilities = self.bus().await?.abilities().await?;
            zbus::Result::Ok(
                ["actions", "body"].iter().all(|wanted| abilities.iter().any(|has| has == wanted)),
            )
        };
        match timeout(ASK_TIMEOUT, asked).await {
            Ok(Ok(takes)) => takes,
            Ok(Err(error)) => {
                tracing::debug!("no notifications: {error}");
                false
            }
            Err(_) => false,
        }
    }

    async fn bus(&mut self) -> zbus::Result<&Bus> {
        Ok(match &mut self.bus {
            Some(bus) => bus,
            none => none.insert(Bus::connect().await?),
        })
    }

    /// Whether there is something on the desktop now.
    pub(in crate::approvals) async fn show(&mut self, slot: Slot, notice: &Notice) -> bool {
        let shown = match timeout(CALL_TIMEOUT, self.notify(&slot, notice)).await {
            Ok(shown) => shown.map_err(|error| error.to_string()),
            Err(_) => Err("no answer from the desktop".to_owned()),
        };
        match shown {
            Ok(ticket) => {
                self.shown.insert(slot, ticket);
                true
            }
            Err(error) => {
                tracing::warn!("cannot show a notification: {error}");
                false
            }
        }
    }

    pub(in crate::approvals) async fn close(&mut self, slot: &Slot) {
        let (Some(ticket), Some(bus)) = (self.shown.remove(slot), &self.bus) else { return };
        let closed = bus.call(ticket.server.as_str(), "CloseNotification", &ticket.id);
        // It may be gone already.
        if let Ok(Err(error)) = timeout(CALL_TIMEOUT, closed).await {
            tracing::debug!("cannot close a notification: {error}");
        }
    }

    /// The next thing that a person does. Nothing is lost when it is dropped.
    pub(in crate::approvals) async fn heard(&mut self) -> Heard {
        loop {
            let Some(bus) = &mut self.bus else { return pending().await };
            match bus.signals.next().await {
                Some(Ok(signal)) => {
                    if let Some(heard) = self.understand(&signal) {
                        return heard;
                    }
                }
                Some(Err(error)) => tracing::debug!("{error}"),
                None => {
                    self.bus = None;
                    self.shown.clear();
                }
            }
        }
    }

    async fn notify(&mut self, slot: &Slot, notice: &Notice) -> zbus::Result<Ticket> {
        let replaces = self.shown.get(slot).map_or(0, |ticket| ticket.id);
        let bus = self.bus().await?;
        let abilities = bus.abilities().await?;
        let can = |ability: &str| abilities.iter().any(|has| has == ability);
        let body = match can("body-markup") {
            true => escaped(&notice.body),
            false => notice.body.clone(),
        };
        let mut offers = if can("actions") { notice.offers } else { Offers::Nothing };
        if offers == Offers::ApproveOrDeny && !can("body") {
            // Nobody should approve what is not shown.
            offers = Offers::Deny;
        }
        let actions: &[&str] = match offers {
            _ if !can("actions") => &[],
            Offers::Nothing => &[OPEN, "Open"],
            Offers::Deny => &[OPEN, "Open", DENY, "Deny"],
            Offers::ApproveOrDeny => &[OPEN, "Open", APPROVE, "Approve once", DENY, "Deny"],
        };
        let hints = HashMap::from([
            ("desktop-entry", Value::from(DESKTOP_ENTRY)),
            // Normal: it stays in line with what the person has set.
            ("urgency", Value::from(1_u8)),
        ]);
        let lasts = notice
            .lasts
            .map_or(-1, |lasts| i32::try_from(lasts.as_millis()).unwrap_or(i32::MAX).max(1));
        let answer = bus
            .call(
                SERVER,
                "Notify",
                &(APP, replaces, ICON, &notice.summary, body, actions, hints, lasts),
            )
            .await?;
        let header = answer.header();
        let server = header.sender().ok_or(zbus::Error::MissingField)?.to_owned().into();
        Ok(Ticket { id: answer.body().deserialize()?, server, offers })
    }

    fn understand(&mut self, signal: &Message) -> Option<Heard> {
        let header = signal.header();
        let sender = header.sender()?;
        let body = signal.body();
        let (id, action) = match header.member()?.as_str() {
            "ActionInvoked" => {
                let (id, action) = body.deserialize::<(u32, String)>().ok()?;
                (id, Some(action))
            }
            "NotificationClosed" => (body.deserialize::<(u32, u32)>().ok()?.0, None),
            _ => return None,
        };
        let is_it = |ticket: &Ticket| ticket.id == id && ticket.server.as_str() == sender.as_str();
        let (slot, ticket) = self.shown.iter().find(|(_, ticket)| is_it(ticket))?;
        let (slot, offers) = (slot.clone(), ticket.offers);
        let click = match action.as_deref() {
            None => {
                self.shown.remove(&slot);
                Click::Closed
            }
            Some(OPEN) => Click::Open,
            Some(APPROVE) if offers == Offers::ApproveOrDeny => Click::Answer(AnswerKind::Once),
            Some(DENY) if offers != Offers::Nothing => Click::Answer(AnswerKind::Deny),
            Some(_) => return None,
        };
        Some(Heard { slot, click })
    }
}

impl Bus {
    /// Listens before anything is shown, so that no click is missed.
    async fn connect() -> zbus::Result<Self> {
        let connection = Connection::session().await?;
        let rule =
            MatchRule::builder().msg_type(Type::Signal).sender(SERVER)?.interface(SERVER)?.build();
        let signals = MessageStream::for_match_rule(rule, &connection, None).await?;
        Ok(Self { connection, signals })
    }

    /// Asked each time: it may be another server by now.
    async fn abilities(&self) -> zbus::Result<Vec<String>> {
        self.call(SERVER, "GetCapabilities", &()).await?.body().deserialize()
    }

    async fn call<B>(&self, server: &str, method: &str, body: &B) -> zbus::Result<Message>
    where
        B: Serialize + DynamicType,
    {
        self.connection.call_method(Some(server), PATH, Some(SERVER), method, body).await
    }
}

/// For servers with `body-markup`: text that shows as it was written.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_NAME: &str = ":1.7";

    fn desk(offers: Offers) -> Desk {
        let ticket = Ticket { id: 3, server: SERVER_NAME.try_into().unwrap(), offers };
        Desk { bus: None, shown: HashMap::from([(slot(), ticket)]) }
    }

    fn slot() -> Slot {
        Slot::Call("a1".to_owned())
    }

    fn signal<B>(sender: &str, member: &str, body: &B) -> Message
    where
        B: Serialize + DynamicType,
    {
        let signal = Message::signal(PATH, SERVER, member).unwrap();
        signal.sender(sender).unwrap().build(body).unwrap()
    }

    fn click(offers: Offers, sender: &str, id: u32, action: &str) -> Option<Click> {
        let signal = signal(sender, "ActionInvoked", &(id, action));
        desk(offers).understand(&signal).map(|heard| heard.click)
    }

    #[test]
    fn only_the_server_is_believed() {
        let both = Offers::ApproveOrDeny;
        let approve = Some(Click::Answer(AnswerKind::Once));
        assert_eq!(click(both, SERVER_NAME, 3, APPROVE), approve);
        assert_eq!(click(both, ":1.8", 3, APPROVE), None);
        assert_eq!(click(both, SERVER_NAME, 4, APPROVE), None);
    }

    #[test]
    fn only_what_was_offered_is_taken() {
        let deny = Some(Click::Answer(AnswerKind::Deny));
        assert_eq!(click(Offers::Deny, SERVER_NAME, 3, DENY), deny);
        assert_eq!(click(Offers::Deny, SERVER_NAME, 3, APPROVE), None);
        assert_eq!(click(Offers::Nothing, SERVER_NAME, 3, DENY), None);
        assert_eq!(click(Offers::Nothing, SERVER_NAME, 3, OPEN), Some(Click::Open));
        assert_eq!(click(Offers::ApproveOrDeny, SERVER_NAME, 3, "format"), None);
    }

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        let body = escaped("to: \"<b>bob</b>&lt;<a href='x'>\"");
        assert_eq!(body, "to: \"&lt;b&gt;bob&lt;/b&gt;&amp;lt;&lt;a href='x'&gt;\"");
    }

    #[test]
    fn what_is_closed_is_forgotten() {
        let mut desk = desk(Offers::Nothing);
        let heard = desk.understand(&signal(SERVER_NAME, "NotificationClosed", &(3_u32, 2_u32)));
        assert_eq!(heard.unwrap().click, Click::Closed);
        assert!(desk.shown.is_empty());
    }
}
