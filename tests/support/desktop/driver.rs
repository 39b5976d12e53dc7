//! The real window's page, driven through WebKitWebDriver.

use std::{net::TcpListener, path::Path, time::Instant};

use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    error::{CmdError, ErrorStatus},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::{Desktop, app, eventually, screenshots};
use crate::support::process::{LOOK_EVERY, PATIENCE};

/// The app's window, in an app that the driver has started.
pub struct Driver {
    page: Client,
}

impl Driver {
    /// Starts the app and waits for its page.
    pub async fn open(desktop: &mut Desktop, env: &[(&str, &str)]) -> Self {
        Self::open_program(desktop, &app(), &[], env).await
    }

    /// The same with another program that shows a page of WebKit.
    pub async fn open_program(
        desktop: &mut Desktop,
        program: &Path,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let port = start_driver(desktop, env).await;
        let options = json!({"binary": program, "args": args});
        let capabilities = json!({"webkitgtk:browserOptions": options});
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let address = format!("http://127.0.0.1:{port}");
        let page = builder.capabilities(capabilities).connect(&address);
        let page = tokio::time::timeout(PATIENCE, page).await.expect("the app does not start");
        let page = page.expect("the app does not start");
        desktop.sessions.push(page.clone());
        Self { page }
    }

    /// A page that another driver shows.
    pub(in crate::support) fn of(page: Client) -> Self {
        Self { page }
    }

    /// After the window was closed and opened again.
    pub async fn look_at_new_window(&self) {
        let window = eventually("there is a window to drive", async || {
            self.page.windows().await.ok()?.pop()
        })
        .await;
        self.page.switch_to_window(window).await.unwrap();
    }

    /// Drives the window whose page this is, of those that are open.
    pub async fn look_at(&self, page: impl Fn(&str) -> bool) {
        eventually("the window is there to drive", async || {
            for window in self.page.windows().await.ok()? {
                if self.page.switch_to_window(window).await.is_ok()
                    && page(self.page.current_url().await.ok()?.as_str())
                {
                    return Some(());
                }
            }
            None
        })
        .await;
    }

    /// The prompt, or what is not the prompt.
    pub async fn look_at_prompt(&self, wanted: bool) {
        self.look_at(|url| url.ends_with("#/prompt") == wanted).await;
    }

    /// What a command of the shell answers to the page, or why it does not.
    pub async fn invoke(&self, command: &str, args: Value) -> Result<Value, Value> {
        let script = "const [command, args, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, args)
                .then((ok) => done({ok}), (error) => done({error}))";
        let args = vec![json!(command), args];
        let answer = self.page.execute_async(script, args).await.unwrap();
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer.get("ok").cloned().unwrap_or_default()),
        }
    }

    /// The one element with this test id, once it is to be seen.
    pub async fn find(&self, id: &str) -> Element {
        self.matching(&by_id(id)).await
    }

    pub async fn matching(&self, css: &str) -> Element {
        self.wait(Locator::Css(css)).await
    }

    /// What the first that matches shows.
    pub async fn text_of(&self, css: &str) -> String {
        let what = format!("{css} holds still");
        eventually(&what, async || self.matching(css).await.text().await.ok()).await
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
        let what = format!("{id} goes away");
        eventually(&what, async || self.all(&by_id(id)).await.is_empty().then_some(())).await;
    }

    /// All there are. A page that is drawn anew while the driver looks fails
    /// the look, not the test.
    pub async fn all(&self, css: &str) -> Vec<Element> {
        let what = format!("the page holds still for {css}");
        eventually(&what, async || self.page.find_all(Locator::Css(css)).await.ok()).await
    }

    pub async fn click(&self, id: &str) {
        self.act(Locator::Css(&by_id(id)), async |element| element.click().await).await;
    }

    /// Clicks the first that matches.
    pub async fn click_matching(&self, css: &str) {
        self.act(Locator::Css(css), async |element| element.click().await).await;
    }

    /// Clicks what closes the window: it may be gone before the driver can say
    /// that it clicked.
    pub async fn click_and_close(&self, id: &str) {
        let click = async |element: &Element| match element.click().await {
            Err(CmdError::Standard(error)) if error.error == ErrorStatus::NoSuchWindow => Ok(()),
            clicked => clicked,
        };
        self.act(Locator::Css(&by_id(id)), click).await;
    }

    /// Clicks what ends the app: nobody is left to say whether it worked.
    pub async fn click_last(self, id: &str) {
        let _ = self.find(id).await.click().await;
    }

    pub async fn fill(&self, id: &str, text: &str) {
        self.act(Locator::Css(&by_id(id)), async |element| element.send_keys(text).await).await;
    }

    /// Chooses from a list that opens on a click.
    pub async fn choose(&self, id: &str, text: &str) {
        self.click(id).await;
        let option = format!("//*[@role='option'][normalize-space()='{text}']");
        self.act(Locator::XPath(&option), async |element| element.click().await).await;
    }

    /// Waits as a person does while something else is in front, say a dialog
    /// that fades away.
    async fn act(
        &self,
        locator: Locator<'_>,
        action: impl AsyncFn(&Element) -> Result<(), CmdError>,
    ) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = action(&self.wait(locator).await).await {
            assert!(did_nothing(&error) && Instant::now() < deadline, "{locator:?}: {error:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the program, and with it the page.
    pub async fn close(self) {
        self.page.close().await.unwrap();
    }

    /// Everything that the page shows.
    pub async fn text(&self) -> String {
        let shown = self.run("return document.body.innerText").await;
        shown.as_str().unwrap_or_default().to_owned()
    }

    pub async fn run(&self, script: &str) -> Value {
        self.page.execute(script, vec![]).await.unwrap()
    }

    /// A script that calls its last argument when it is done.
    pub async fn run_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.page.execute_async(script, arguments).await.unwrap()
    }

    pub async fn picture(&self, name: &str) {
        // The first one shows the frame before.
        self.page.screenshot().await.unwrap();
        let picture = self.page.screenshot().await.unwrap();
        std::fs::write(screenshots().join(format!("{name}.png")), picture).unwrap();
    }
}

fn by_id(id: &str) -> String {
    format!("[data-testid='{id}']")
}

/// Errors after which an action can be tried again.
fn did_nothing(error: &CmdError) -> bool {
    let CmdError::Standard(error) = error else { return false };
    matches!(
        error.error,
        ErrorStatus::ElementClickIntercepted
            | ErrorStatus::ElementNotInteractable
            | ErrorStatus::StaleElementReference
    )
}

/// The port on which a driver answers.
async fn start_driver(desktop: &mut Desktop, env: &[(&str, &str)]) -> u16 {
    let env = [&[("TAURI_WEBVIEW_AUTOMATION", "true")], env].concat();
    // Somebody may take the port between the two; then the next one will do.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = desktop.start_with("WebKitWebDriver", &[&format!("--port={port}")], &env);
        let deadline = Instant::now() + PATIENCE;
        while !driver.has_ended() && Instant::now() < deadline {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return port;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    panic!("WebKitWebDriver does not start");
}
