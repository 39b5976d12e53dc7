//! The real window's page, driven through WebKitWebDriver.

use std::{net::TcpListener, process::Child, time::Instant};

use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::{Desktop, LOOK_EVERY, PATIENCE, built, screenshots, seen, start};

/// The app's window, in an app that the driver has started.
pub struct Driver {
    page: Client,
}

impl Driver {
    /// Starts the app and waits for its page.
    pub async fn open(desktop: &mut Desktop, env: &[(&str, &str)]) -> Self {
        let (driver, port) = start_driver(desktop, env).await;
        desktop.children.push(driver);
        let options = json!({"binary": built("ai-agent-gateway"), "args": []});
        let capabilities = json!({"webkitgtk:browserOptions": options});
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let address = format!("http://127.0.0.1:{port}");
        let page = builder.capabilities(capabilities).connect(&address);
        let page = tokio::time::timeout(PATIENCE, page).await.expect("the app does not start");
        Self { page: page.expect("the app does not start") }
    }

    /// After the window was closed and opened again.
    pub async fn look_at_new_window(&self) {
        let window = seen("window to drive", async || self.page.windows().await.ok()?.pop()).await;
        self.page.switch_to_window(window).await.unwrap();
    }

    /// The one element with this test id, once it is to be seen.
    pub async fn find(&self, id: &str) -> Element {
        self.matching(&format!("[data-testid='{id}']")).await
    }

    pub async fn matching(&self, css: &str) -> Element {
        self.wait(Locator::Css(css)).await
    }

    async fn wait(&self, locator: Locator<'_>) -> Element {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(element) = self.page.find(locator).await
                && element.is_displayed().await.unwrap_or(false)
            {
                return element;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        panic!("no {locator:?} within {PATIENCE:?}; the page says:\n{}", self.text().await);
    }

    /// Waits until nothing with this test id is there any more.
    pub async fn gone(&self, id: &str) {
        let css = format!("[data-testid='{id}']");
        let what = format!("end of {id}");
        seen(&what, async || self.all(&css).await.is_empty().then_some(())).await;
    }

    pub async fn all(&self, css: &str) -> Vec<Element> {
        self.page.find_all(Locator::Css(css)).await.unwrap()
    }

    pub async fn click(&self, id: &str) {
        let clicked = self.find(id).await.click().await;
        clicked.unwrap_or_else(|error| panic!("cannot click {id}: {error:?}"));
    }

    /// Clicks what ends the app: nobody is left to say whether it worked.
    pub async fn click_last(self, id: &str) {
        let _ = self.find(id).await.click().await;
    }

    pub async fn fill(&self, id: &str, text: &str) {
        self.find(id).await.send_keys(text).await.unwrap();
    }

    /// Chooses from a list that opens on a click.
    pub async fn choose(&self, id: &str, text: &str) {
        self.click(id).await;
        let option = format!("//*[@role='option'][normalize-space()='{text}']");
        self.wait(Locator::XPath(&option)).await.click().await.unwrap();
    }

    /// Everything that the page shows.
    pub async fn text(&self) -> String {
        let shown = self.run("return document.body.innerText").await;
        shown.as_str().unwrap_or_default().to_owned()
    }

    pub async fn run(&self, script: &str) -> Value {
        self.page.execute(script, vec![]).await.unwrap()
    }

    pub async fn picture(&self, name: &str) {
        // The first one shows the frame before.
        self.page.screenshot().await.unwrap();
        let picture = self.page.screenshot().await.unwrap();
        std::fs::write(screenshots().join(format!("{name}.png")), picture).unwrap();
    }
}

/// A driver and the port on which it answers.
async fn start_driver(desktop: &Desktop, env: &[(&str, &str)]) -> (Child, u16) {
    // Somebody may take the port between the two; then the next one will do.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = desktop.command("WebKitWebDriver");
        command.arg(format!("--port={port}")).env("TAURI_WEBVIEW_AUTOMATION", "true");
        let mut driver = start(command.envs(env.iter().copied()));
        let deadline = Instant::now() + PATIENCE;
        while driver.try_wait().unwrap().is_none() && Instant::now() < deadline {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return (driver, port);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    panic!("WebKitWebDriver does not start");
}
