//! The real window's page, driven through WebKitWebDriver.

use std::{net::TcpListener, time::Instant};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::{Desktop, LOOK_EVERY, PATIENCE, built, screenshots, start};

/// The app, started by the driver as it asks to be.
pub struct Driver {
    pub page: Client,
}

impl Driver {
    /// Starts the app and waits for its page.
    pub async fn open(desktop: &mut Desktop, env: &[(&str, &str)]) -> Self {
        let port = start_driver(desktop, env).await;
        let options = json!({"binary": built("ai-agent-gateway"), "args": []});
        let capabilities = json!({"webkitgtk:browserOptions": options});
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self { page }
    }

    /// The one element with this test id, once it is there and to be seen.
    pub async fn find(&self, id: &str) -> Element {
        self.matching(&format!("[data-testid='{id}']")).await
    }

    pub async fn matching(&self, css: &str) -> Element {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(element) = self.page.find(Locator::Css(css)).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            if Instant::now() > deadline {
                let text = self.text().await;
                panic!("no {css} within {PATIENCE:?}; the page says:\n{text}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub async fn has(&self, css: &str) -> bool {
        self.page.find(Locator::Css(css)).await.is_ok()
    }

    pub async fn click(&self, id: &str) {
        self.find(id).await.click().await.unwrap();
    }

    pub async fn fill(&self, id: &str, text: &str) {
        self.find(id).await.send_keys(text).await.unwrap();
    }

    /// Everything that the page shows.
    pub async fn text(&self) -> String {
        let shown = self.page.execute("return document.body.innerText", vec![]).await;
        shown.map_or_else(|error| error.to_string(), |text| text.as_str().unwrap().to_owned())
    }

    pub async fn picture(&self, name: &str) {
        // The first one shows the frame before.
        self.page.screenshot().await.unwrap();
        let picture = self.page.screenshot().await.unwrap();
        std::fs::write(screenshots().join(format!("{name}.png")), picture).unwrap();
    }
}

/// The port on which a driver answers.
async fn start_driver(desktop: &mut Desktop, env: &[(&str, &str)]) -> u16 {
    // Somebody may take the port between the two; then the next one will do.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = desktop.command("WebKitWebDriver");
        command.arg(format!("--port={port}")).env("TAURI_WEBVIEW_AUTOMATION", "true");
        command.envs(env.iter().copied());
        let mut driver = start(&mut command);
        let deadline = Instant::now() + PATIENCE;
        while driver.try_wait().unwrap().is_none() && Instant::now() < deadline {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                desktop.keep(driver);
                return port;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        desktop.keep(driver);
    }
    panic!("WebKitWebDriver does not start");
}
