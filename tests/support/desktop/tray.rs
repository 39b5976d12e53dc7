//! The tray icon as the panel sees it: over D-Bus, without pixels.

use std::collections::HashMap;

use zbus::{
    Connection,
    zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Structure},
};

use super::{Desktop, eventually};

const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// An entry of a menu: its id, its properties and what is below it.
type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// The one icon in the tray, with its menu.
pub struct Tray {
    bus: Connection,
    service: String,
    item: String,
    menu: OwnedObjectPath,
}

struct Entry {
    id: i32,
    label: String,
    enabled: bool,
    checked: bool,
    /// Of a menu below it.
    inner: Vec<Entry>,
}

impl Tray {
    pub async fn of(desktop: &Desktop) -> Self {
        let address = desktop.bus_address();
        let bus = zbus::connection::Builder::address(address).unwrap().build().await.unwrap();
        let (service, item) =
            eventually("there is a tray icon", async || registered(&bus).await).await;
        let menu = property(&bus, &service, &item, ITEM, "Menu").await.unwrap();
        Self { menu: menu.try_into().unwrap(), bus, service, item }
    }

    /// What the first line of the menu says about the gateway.
    async fn state(&self) -> String {
        self.menu().await.swap_remove(0).label
    }

    pub async fn wait_for_state(&self, start: &str) {
        let what = format!("the tray says {start:?}");
        eventually(&what, async || self.state().await.starts_with(start).then_some(())).await;
    }

    /// The picture that the icon has now.
    pub async fn icon(&self) -> Vec<u8> {
        eventually("the icon has a picture", async || {
            let name =
                property(&self.bus, &self.service, &self.item, ITEM, "IconName").await.unwrap();
            let path = String::try_from(name).unwrap();
            // The app writes a new file for each change, and deletes the one before.
            std::fs::read(path).ok().filter(|picture| !picture.is_empty())
        })
        .await
    }

    /// All entries but separators.
    async fn menu(&self) -> Vec<Entry> {
        let body = (0, -1, Vec::<&str>::new());
        let answer = self.call("GetLayout", &body).await;
        let (_, (_, _, items)): (u32, Node) = answer.body().deserialize().unwrap();
        items.into_iter().filter_map(entry).collect()
    }

    /// The labels of the entries that can be chosen, without the menus below.
    pub async fn labels(&self) -> Vec<String> {
        let entries = self.menu().await.into_iter().filter(|entry| entry.enabled);
        entries.map(|entry| entry.label.trim().to_owned()).collect()
    }

    /// Waits until an entry has a mark, or none.
    pub async fn wait_for_mark(&self, label: &str, checked: bool) {
        let what = format!("{label:?} is marked: {checked}");
        let marked = async || {
            let entry = found(self.menu().await, &|entry| entry.label.starts_with(label))?;
            (entry.checked == checked).then_some(())
        };
        eventually(&what, marked).await;
    }

    /// Waits until there is no entry with this in its label.
    pub async fn gone(&self, part: &str) {
        let there = async || found(self.menu().await, &|entry| entry.label.contains(part));
        let what = format!("no entry says {part:?}");
        eventually(&what, async || there().await.is_none().then_some(())).await;
    }

    /// Clicks an entry as the panel does, once it can be clicked.
    pub async fn choose(&self, label: &str) {
        self.choose_that(&|entry| entry.label.trim().starts_with(label), label).await;
    }

    /// The same for one that has this somewhere in its label.
    pub async fn choose_with(&self, part: &str) {
        self.choose_that(&|entry| entry.label.contains(part), part).await;
    }

    async fn choose_that(&self, is_it: &dyn Fn(&Entry) -> bool, what: &str) {
        let entry = eventually(&format!("{what:?} can be chosen"), async || {
            found(self.menu().await, &|entry| entry.enabled && is_it(entry))
        })
        .await;
        let nothing = zbus::zvariant::Value::from("");
        self.call("Event", &(entry.id, "clicked", nothing, 0_u32)).await;
    }

    async fn call<B>(&self, method: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + DynamicType,
    {
        let service = Some(self.service.as_str());
        self.bus.call_method(service, &self.menu, Some(MENU), method, body).await.unwrap()
    }
}

/// The bus name and the path of the first icon that the panel knows.
async fn registered(bus: &Connection) -> Option<(String, String)> {
    let path = "/StatusNotifierWatcher";
    // Fails until the panel is up.
    let items =
        property(bus, WATCHER, path, WATCHER, "RegisteredStatusNotifierItems").await.ok()?;
    let items = Vec::<String>::try_from(items).unwrap();
    let (service, path) = items.first()?.split_once('/')?;
    Some((service.to_owned(), format!("/{path}")))
}

async fn property(
    bus: &Connection,
    service: &str,
    path: &str,
    interface: &str,
    name: &str,
) -> zbus::Result<OwnedValue> {
    let properties = Some("org.freedesktop.DBus.Properties");
    let wanted = (interface, name);
    let answer = bus.call_method(Some(service), path, properties, "Get", &wanted).await?;
    answer.body().deserialize()
}

/// The first such entry, in the order in which a person reads.
fn found(entries: Vec<Entry>, is_it: &dyn Fn(&Entry) -> bool) -> Option<Entry> {
    entries.into_iter().find_map(|mut entry| {
        let inner = std::mem::take(&mut entry.inner);
        if is_it(&entry) { Some(entry) } else { found(inner, is_it) }
    })
}

fn entry(item: OwnedValue) -> Option<Entry> {
    let mut fields = Structure::try_from(item).unwrap().into_fields().into_iter();
    let id = i32::try_from(fields.next().unwrap()).unwrap();
    let properties = HashMap::<String, OwnedValue>::try_from(fields.next().unwrap()).unwrap();
    let inner = Vec::<OwnedValue>::try_from(fields.next().unwrap()).unwrap();
    let label = properties.get("label")?;
    // An underscore marks the letter after it; two are one.
    let label = <&str>::try_from(label).unwrap().replace("__", "_");
    let enabled = properties.get("enabled").is_none_or(|value| bool::try_from(value).unwrap());
    let checked = properties.get("toggle-state").is_some_and(|value| i32::try_from(value) == Ok(1));
    Some(Entry {
        id,
        label,
        enabled,
        checked,
        inner: inner.into_iter().filter_map(entry).collect(),
    })
}
