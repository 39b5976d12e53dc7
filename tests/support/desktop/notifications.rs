//! The desktop's notifications as a person sees and clicks them: a server of
//! the Desktop Notifications Specification 1.2 without pixels.
//!
//! ```text
//! let notifications = Notifications::serve(desktop.bus_address()).await;
//! // … an agent asks …
//! let shown = eventually("it is shown", async || notifications.shown().pop()).await;
//! notifications.invoke(shown.id, "approve").await;
//! ```

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use zbus::{Connection, connection, interface, object_server::SignalEmitter, zvariant::OwnedValue};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// Reasons of `NotificationClosed`.
const DISMISSED: u32 = 2;
const CLOSED_BY_CALL: u32 = 3;

/// What is on the desktop now, and how much ever was.
#[derive(Default)]
struct Board {
    shown: BTreeMap<u32, Shown>,
    announced: u32,
}

/// The only notification server of its bus.
pub struct Notifications {
    bus: Connection,
    board: Arc<Mutex<Board>>,
}

/// One notification, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub id: u32,
    pub summary: String,
    /// With markup: the server says that it takes it.
    pub body: String,
    /// Their keys; the labels are left out.
    pub actions: Vec<String>,
}

impl Notifications {
    /// Before the app shows its first: nobody else may have the name.
    pub async fn serve(bus: &str) -> Self {
        Self::serve_with(bus, &["actions", "body", "body-markup"]).await
    }

    /// As some desktops have it: what is shown cannot be answered.
    pub async fn without_buttons(bus: &str) -> Self {
        Self::serve_with(bus, &["body"]).await
    }

    async fn serve_with(bus: &str, abilities: &'static [&'static str]) -> Self {
        let board = Arc::<Mutex<Board>>::default();
        let server = Server { board: Arc::clone(&board), abilities };
        let bus = connection::Builder::address(bus).unwrap();
        let bus = bus.serve_at(PATH, server).unwrap().name(NAME).unwrap().build().await.unwrap();
        Self { bus, board }
    }

    /// What is on the desktop, oldest first.
    pub fn shown(&self) -> Vec<Shown> {
        self.board.lock().unwrap().shown.values().cloned().collect()
    }

    /// Clicks: `default` is the notification itself. As on most desktops, it
    /// goes by that.
    pub async fn invoke(&self, id: u32, action: &str) {
        let server = self.bus.object_server().interface::<_, Server>(PATH).await.unwrap();
        Server::action_invoked(server.signal_emitter(), id, action).await.unwrap();
        self.close(id).await;
    }

    /// Closes it without an answer.
    pub async fn close(&self, id: u32) {
        self.board.lock().unwrap().shown.remove(&id);
        let server = self.bus.object_server().interface::<_, Server>(PATH).await.unwrap();
        Server::notification_closed(server.signal_emitter(), id, DISMISSED).await.unwrap();
    }
}

struct Server {
    board: Arc<Mutex<Board>>,
    abilities: &'static [&'static str],
}

#[interface(name = "org.freedesktop.Notifications")]
impl Server {
    fn get_capabilities(&self) -> Vec<&str> {
        self.abilities.to_vec()
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("tests", "agw", "1", "1.2")
    }

    #[expect(clippy::too_many_arguments, reason = "as the specification has it")]
    fn notify(
        &self,
        _app_name: &str,
        replaces_id: u32,
        _app_icon: &str,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let mut board = self.board.lock().unwrap();
        board.announced += 1;
        // None has been announced under this number before.
        let id = if replaces_id == 0 { board.announced } else { replaces_id };
        let actions = actions.into_iter().step_by(2).collect();
        board.shown.insert(id, Shown { id, summary, body, actions });
        id
    }

    async fn close_notification(
        &self,
        id: u32,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let was_there = self.board.lock().unwrap().shown.remove(&id).is_some();
        if was_there {
            Self::notification_closed(&emitter, id, CLOSED_BY_CALL).await?;
        }
        Ok(())
    }

    #[zbus(signal)]
    async fn action_invoked(
        emitter: &SignalEmitter<'_>,
        id: u32,
        action_key: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        reason: u32,
    ) -> zbus::Result<()>;
}
