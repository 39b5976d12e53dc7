//! A real browser at the gateway's address: Chromium, driven through
//! chromedriver.

use std::{net::TcpListener, time::Instant};

use fantoccini::{Client, ClientBuilder, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    desktop::Driver,
    process::{LOOK_EVERY, Log, PATIENCE, Part, eventually},
};

const INSTALL: &str = "install what xtask's packages.rs lists for browser tests";

/// A browser with a profile of its own. It ends with the test.
pub struct Chromium {
    pub page: Driver,
    client: Client,
    _driver: Part,
    _profile: TempDir,
}

/// What somebody has told their system of how they like to look at things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Light,
    Dark,
    /// Light, with more contrast.
    Contrast,
    DarkContrast,
    /// The colors of the system and no others.
    Forced,
}

pub const LOOKS: [(&str, Look); 5] = [
    ("light", Look::Light),
    ("dark", Look::Dark),
    ("contrast", Look::Contrast),
    ("dark-contrast", Look::DarkContrast),
    ("forced", Look::Forced),
];

impl Chromium {
    pub async fn open() -> Self {
        Self::open_with(false).await
    }

    /// On a machine that was not told to trust a gateway's authority, in front
    /// of somebody who goes on all the same.
    pub async fn open_trusting() -> Self {
        Self::open_with(true).await
    }

    async fn open_with(trusting: bool) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (driver, port) = start_driver().await;
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-background-networking",
            "--disable-gpu",
            "--force-prefers-reduced-motion",
            "--hide-scrollbars",
            "--lang=en-US",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "acceptInsecureCerts": trusting,
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let address = format!("http://127.0.0.1:{port}");
        let client = builder.capabilities(capabilities).connect(&address);
        let client = tokio::time::timeout(PATIENCE, client).await.expect("Chromium does not start");
        let client = client.unwrap_or_else(|e| panic!("Chromium does not start ({INSTALL}): {e}"));
        let page = Driver::of(client.clone());
        Self { page, client, _driver: driver, _profile: profile }
    }

    pub async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The size of the page, in CSS pixels; the phone's has a touch screen's width.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    pub async fn look(&self, look: Look) {
        let dark = matches!(look, Look::Dark | Look::DarkContrast);
        let more = matches!(look, Look::Contrast | Look::DarkContrast);
        let features = json!([
            {"name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" }},
            {"name": "prefers-contrast", "value": if more { "more" } else { "no-preference" }},
            {"name": "forced-colors", "value": if look == Look::Forced { "active" } else { "none" }},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
        // The page hears of it a moment later.
        let (scheme, contrast) =
            (if dark { "dark" } else { "light" }, if more { "more" } else { "normal" });
        let script = format!(
            "const look = document.documentElement.dataset;
            return !look.contrast || (look.mantineColorScheme === '{scheme}' && look.contrast === '{contrast}');"
        );
        let looks = async || (self.page.run(&script).await == true).then_some(());
        eventually("the page looks as it was told", looks).await;
    }

    /// In every page from now on, before anything else.
    pub async fn before_pages(&self, script: &str) {
        let source = json!({"source": script});
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source).await;
    }

    /// What pages have written to their console as a warning or an error since
    /// the last look.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.client.issue_cmd(Post::new("se/log", json!({"type": "browser"}))).await;
        let entries = entries.unwrap();
        entries.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }

    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.client.issue_cmd(Post::new("goog/cdp/execute", body)).await.unwrap()
    }

    /// Presses these keys wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }
}

/// A command that is not in the standard, below the session's address.
#[derive(Debug)]
struct Post {
    path: &'static str,
    body: Value,
}

impl Post {
    fn new(path: &'static str, body: Value) -> Self {
        Self { path, body }
    }
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// A driver, and the port on which it answers.
async fn start_driver() -> (Part, u16) {
    // Somebody may take the port between the two; then the next one will do.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = std::process::Command::new("chromedriver");
        command.arg(format!("--port={port}")).env("PATH", std::env::var("PATH").unwrap());
        let mut driver =
            Part::start(&format!("chromedriver ({INSTALL})"), &command, &Log::default());
        let deadline = Instant::now() + PATIENCE;
        while !driver.has_ended() && Instant::now() < deadline {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return (driver, port);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    panic!("chromedriver does not start ({INSTALL})");
}
