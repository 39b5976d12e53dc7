//! A person with a browser: cookies are kept, redirects followed one by one,
//! forms sent as they are shown.

use std::collections::HashMap;

use super::http::{self, Reply};

#[derive(Default, Clone)]
pub struct Person {
    /// By host and port, and name.
    cookies: HashMap<(String, String), String>,
}

/// A page, and where it was.
#[derive(Debug)]
pub struct Shown {
    pub url: String,
    pub reply: Reply,
}

impl Shown {
    /// What the text of the page is worth to a test.
    pub fn says(&self, words: &str) -> bool {
        self.reply.text.contains(words)
    }

    /// Hidden fields of its first form.
    pub fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        let form = self.reply.text.split("</form>").next().unwrap_or_default();
        for input in form.split("<input type=\"hidden\" ").skip(1) {
            let of = |name: &str| {
                let start = input.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
                let end = input[start..].find('"').unwrap() + start;
                input[start..end].replace("&amp;", "&")
            };
            fields.push((of("name"), of("value")));
        }
        fields
    }

    fn action(&self) -> String {
        let text = &self.reply.text;
        let start = text.find("action=\"").expect("a form") + 8;
        text[start..start + text[start..].find('"').unwrap()].to_owned()
    }
}

impl Person {
    pub async fn open(&mut self, url: &str) -> Shown {
        self.ask("GET", url, &[], String::new()).await
    }

    /// Opens a page and whatever it leads to.
    pub async fn follow(&mut self, url: &str) -> Shown {
        let mut shown = self.open(url).await;
        for _ in 0..10 {
            let Some(next) = next(&shown) else { return shown };
            shown = self.open(&next).await;
        }
        panic!("redirected in circles: {shown:?}");
    }

    /// Sends the form of a page; the answer may be a redirect.
    pub async fn send(&mut self, page: &Shown, more: &[(&str, &str)]) -> Shown {
        let mut fields = page.fields();
        fields.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        self.post(&absolute(&page.url, &page.action()), &fields).await
    }

    pub async fn post(&mut self, url: &str, fields: &[(String, String)]) -> Shown {
        let body: Vec<String> =
            fields.iter().map(|(k, v)| format!("{k}={}", agw_api::segment(v))).collect();
        let origin: String = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let kind = ("content-type", "application/x-www-form-urlencoded");
        self.ask("POST", url, &[kind, ("origin", &origin)], body.join("&")).await
    }

    /// Signs in on the gateway's page, if that is what is shown there.
    pub async fn sign_in(&mut self, url: &str, user: &str, password: &str) -> Shown {
        let page = self.follow(url).await;
        if !page.says("name=\"password\"") {
            return page;
        }
        let answer = self.send(&page, &[("user", user), ("password", password)]).await;
        let next = next(&answer).unwrap_or_else(|| panic!("not signed in: {answer:?}"));
        self.follow(&next).await
    }

    /// All of it: sign in, agree, sign in elsewhere, come back.
    pub async fn connect(&mut self, link: &str, user: &str, password: &str) -> Shown {
        let page = self.sign_in(link, user, password).await;
        if !page.says("Go there and sign in") {
            return page;
        }
        let answer = self.send(&page, &[]).await;
        match next(&answer) {
            Some(next) => self.follow(&next).await,
            None => answer,
        }
    }

    async fn ask(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Shown {
        let host = url.split('/').nth(2).unwrap_or_default().to_owned();
        let own = self.cookies.iter().filter(|((at, _), _)| *at == host);
        let cookies: Vec<String> =
            own.map(|((_, name), value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut all = headers.to_vec();
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        let url = url.split('#').next().unwrap_or_default();
        let reply = http::ask(method, url, &all, body).await;
        for cookie in reply.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert((host.clone(), name.to_owned()), value.to_owned());
        }
        Shown { url: url.to_owned(), reply }
    }
}

/// Where a redirect leads.
pub fn next(shown: &Shown) -> Option<String> {
    let redirects = (300..400).contains(&shown.reply.status);
    redirects.then(|| absolute(&shown.url, shown.reply.header("location")))
}

fn absolute(base: &str, url: &str) -> String {
    match url.starts_with('/') {
        true => base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/") + url,
        false => url.to_owned(),
    }
}
