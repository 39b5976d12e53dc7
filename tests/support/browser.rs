//! A browser without JavaScript: it keeps cookies, and sends forms as they
//! stand on a page.

use std::collections::BTreeMap;

use super::{
    PASSWORD,
    http::{self, Reply},
};

pub struct Browser {
    /// `http://127.0.0.1:PORT`
    base: String,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    /// `base` as `InProcess::url("")` has it.
    pub fn new(base: String) -> Self {
        Self { base, cookies: BTreeMap::new() }
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, &[], String::new()).await
    }

    /// Sends fields as a form of our own page does.
    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let base = self.base.clone();
        self.send_from(&[("origin", &base)], path, fields).await
    }

    /// The same with these headers instead of our `Origin`.
    pub async fn send_from(
        &mut self,
        headers: &[(&str, &str)],
        path: &str,
        fields: &[(&str, &str)],
    ) -> Reply {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.ask("POST", path, &all, form(fields)).await
    }

    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut all = headers.to_vec();
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        let reply = http::ask(method, &format!("{}{path}", self.base), &all, body).await;
        for cookie in reply.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        reply
    }

    /// Sends the form of a page, its hidden fields with these.
    pub async fn submit(&mut self, page: &Reply, fields: &[(&str, &str)]) -> Reply {
        let hidden = hidden(&page.text);
        let mut all: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend(fields);
        let action = attribute(&page.text, "<form method=\"post\" action=\"").expect("a form");
        self.send(&action, &all).await
    }

    /// Goes to a page that wants somebody to sign in, and on to that page.
    pub async fn sign_in_at(&mut self, path: &str, user: &str) -> Reply {
        let page = self.get(path).await;
        let fields = [("user", user), ("password", PASSWORD)];
        let reply = self.submit(&page, &fields).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        let back = reply.header("location").to_owned();
        self.get(&back).await
    }
}

pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The hidden fields of a page's first form.
pub fn hidden(html: &str) -> Vec<(String, String)> {
    let form = html.split("</form>").next().unwrap_or_default();
    form.split("<input type=\"hidden\" name=\"")
        .skip(1)
        .map(|rest| {
            let (name, rest) = rest.split_once("\" value=\"").unwrap();
            (name.to_owned(), unescaped(rest.split_once('"').unwrap().0))
        })
        .collect()
}

/// What follows `before`, up to the next quote.
fn attribute(html: &str, before: &str) -> Option<String> {
    Some(unescaped(html.split_once(before)?.1.split_once('"')?.0))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// A parameter of an address's query.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
