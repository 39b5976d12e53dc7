//! Changing members of a JSON object and leaving every other byte of what it
//! holds as it is: big numbers, unknown members, their order.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of one object, in their order.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Members<'a> {
    /// `None`: it is no JSON object, or has a member twice.
    pub(crate) fn read(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// As JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// A string; `None` for everything else.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// `value` is JSON.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        let value = value.into();
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    pub(crate) fn keep(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The object without its braces.
    pub(crate) fn inner(&self) -> String {
        let mut out = String::new();
        for (name, value) in self.iter() {
            if !out.is_empty() {
                out.push(',');
            }
            agw_core::json::write_string(name, &mut out);
            out.push(':');
            out.push_str(value);
        }
        out
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Members::default();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &RawValue>()? {
                    members.0.push((key, value.get().into()));
                }
                // There may be a great many.
                let mut names: Vec<&str> = members.0.iter().map(|(name, _)| &**name).collect();
                names.sort_unstable();
                if names.windows(2).any(|pair| pair.first() == pair.last()) {
                    return Err(A::Error::custom("a member stands twice"));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_keeps_its_bytes_and_its_place() {
        let json = br#"{ "n": 12345678901234567890.10, "\u0061":[1 ,2], "x":"y" }"#;
        let mut members = Members::read(json).unwrap();
        members.set("new", "null");
        members.set("x", "7");
        assert_eq!(members.get("a"), Some("[1 ,2]"));
        assert_eq!(members.inner(), r#""n":12345678901234567890.10,"a":[1 ,2],"x":7,"new":null"#);
        members.remove("n");
        members.keep(|name| name != "new");
        assert_eq!(members.inner(), r#""a":[1 ,2],"x":7"#);
        for bad in ["[]", "7", "{", r#"{"a":1,"\u0061":2}"#, "{} {}"] {
            assert!(Members::read(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
