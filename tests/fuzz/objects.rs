//! JSON objects, read in the plainest way: for comparing.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of an object in their order, twice if they stand there twice.
#[derive(Debug)]
pub(super) struct Object(pub(super) Vec<(String, Box<RawValue>)>);

impl Object {
    pub(super) fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// As JSON.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.get())
    }
}

/// Whether each object in it, however deep, has each member once.
pub(super) fn is_distinct(json: &str) -> bool {
    if let Some(Object(members)) = Object::read(json) {
        let names: HashSet<&str> = members.iter().map(|(name, _)| &**name).collect();
        names.len() == members.len() && members.iter().all(|(_, value)| is_distinct(value.get()))
    } else {
        let items = serde_json::from_str::<Vec<Box<RawValue>>>(json);
        items.is_ok_and(|items| items.iter().all(|item| is_distinct(item.get())))
            || !json.trim_start().starts_with(['{', '['])
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
