//! Just enough of a WebDriver client: a browser, its pages, its mouse and keys.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

const BROWSER: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";
/// How often the driver is asked whether it has started, a tenth of a second apart.
const ATTEMPTS: usize = 300;

/// A headless browser with one page. Ends with its driver when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    base: String,
    /// The browser's profile, which must outlive it.
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Whether this machine has one.
    #[allow(dead_code)] // Each test program asks for it or not.
    pub(crate) fn is_installed() -> bool {
        [BROWSER, DRIVER].iter().all(|it| Path::new(it).exists())
    }

    /// A new browser.
    ///
    /// # Panics
    ///
    /// Where none is installed.
    pub(crate) fn start() -> Browser {
        let missing = [BROWSER, DRIVER].iter().find(|it| !Path::new(it).exists());
        assert!(
            missing.is_none(),
            "{} is missing (Debian: chromium, chromium-driver)",
            missing.unwrap_or(&""),
        );
        // Free just now; nobody else on this machine is told of it.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr());
        let port = port.expect("a free port").port();
        let driver = Command::new(DRIVER)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the driver starts");
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .proxy(None)
            .build();
        let mut browser = Browser {
            driver,
            agent: agent.into(),
            base: format!("http://127.0.0.1:{port}"),
            _profile: tempfile::tempdir().expect("a directory for the profile"),
        };
        browser.wait_for_driver();
        let profile = browser._profile.path().display().to_string();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1280,800",
            &format!("--user-data-dir={profile}"),
        ];
        let session = browser.post(
            "/session",
            json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {"binary": BROWSER, "args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
            }}}),
        );
        let id = session["sessionId"].as_str().expect("a session");
        browser.base = format!("{}/session/{id}", browser.base);
        browser.resize(1280, 800);
        browser
    }

    fn wait_for_driver(&self) {
        for _ in 0..ATTEMPTS {
            if self
                .agent
                .get(format!("{}/status", self.base))
                .call()
                .is_ok()
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the driver does not answer");
    }

    fn post(&self, path: &str, body: Value) -> Value {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.base))
            .send_json(body)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let answer: Value = response.body_mut().read_json().expect("an answer in JSON");
        let value = &answer["value"];
        assert!(value["error"].is_null(), "{path}: {value}");
        value.clone()
    }

    /// Lets the page be so large, in CSS pixels.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
    }

    /// Lets the system prefer dark pages, or light ones.
    pub(crate) fn prefer(&self, scheme: &str) {
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
        // The page is told before its next frame.
        self.drawn();
    }

    fn devtools(&self, command: &str, parameters: Value) {
        self.post(
            "/goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        );
    }

    /// Opens a file and waits until it is drawn.
    pub(crate) fn open(&self, file: &Path) {
        let url = format!("file://{}", file.display());
        self.post("/url", json!({ "url": url }));
        assert_eq!(self.run("return !!window.leasekv"), true, "the page works");
        self.drawn();
    }

    /// Waits until what was asked for is on the screen.
    pub(crate) fn drawn(&self) {
        self.run(
            "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
        );
    }

    /// Runs a script in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []}))
    }

    /// A number that a script gives.
    pub(crate) fn number(&self, script: &str) -> f64 {
        let value = self.run(&format!("return {script}"));
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{script}: {value} is no number"))
    }

    /// The text of an element as it is shown.
    pub(crate) fn text(&self, selector: &str) -> String {
        let element = self.find(selector);
        let mut response = self
            .agent
            .get(format!("{}/element/{element}/text", self.base))
            .call()
            .expect("the text of an element");
        let answer: Value = response.body_mut().read_json().expect("an answer in JSON");
        answer["value"].as_str().expect("a text").to_owned()
    }

    fn find(&self, selector: &str) -> String {
        let found = self.post(
            "/element",
            json!({"using": "css selector", "value": selector}),
        );
        let id = found.as_object().and_then(|it| it.values().next());
        id.and_then(Value::as_str).expect("an element").to_owned()
    }

    /// Clicks an element.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/click"), json!({}));
        self.drawn();
    }

    /// Types into an element, which gets the focus.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(
            &format!("/element/{element}/value"),
            json!({ "text": text }),
        );
        self.drawn();
    }

    /// Brings a point of an element, from its upper left corner, into sight; gives where it then is.
    fn place(&self, selector: &str, (x, y): (f64, f64)) -> (i64, i64) {
        let at = self.run(&format!(
            "const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center'}}); \
             const box = e.getBoundingClientRect(); return [box.left + {x}, box.top + {y}]"
        ));
        let [x, y] = [0, 1].map(|it| at[it].as_f64().expect("a place").round() as i64);
        (x, y)
    }

    /// Moves the mouse to a point of an element and clicks.
    pub(crate) fn click_at(&self, selector: &str, point: (f64, f64)) {
        let (x, y) = self.place(selector, point);
        self.pointer(json!([
            {"type": "pointerMove", "duration": 0, "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]));
    }

    /// Moves the mouse to a point of an element.
    pub(crate) fn hover_at(&self, selector: &str, point: (f64, f64)) {
        let (x, y) = self.place(selector, point);
        self.pointer(json!([{"type": "pointerMove", "duration": 0, "x": x, "y": y}]));
    }

    /// Drags from a point of an element to the right.
    pub(crate) fn drag(&self, selector: &str, point: (f64, f64), by: i64) {
        let (x, y) = self.place(selector, point);
        self.pointer(json!([
            {"type": "pointerMove", "duration": 0, "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "duration": 50, "x": x + by, "y": y},
            {"type": "pointerUp", "button": 0},
        ]));
    }

    fn pointer(&self, actions: Value) {
        self.post(
            "/actions",
            json!({"actions": [{"type": "pointer", "id": "mouse",
                "parameters": {"pointerType": "mouse"}, "actions": actions}]}),
        );
        self.drawn();
    }

    /// Turns the wheel over a point of an element; negative zooms in.
    pub(crate) fn wheel(&self, selector: &str, point: (f64, f64), by: i64) {
        let (x, y) = self.place(selector, point);
        self.post(
            "/actions",
            json!({"actions": [{"type": "wheel", "id": "wheel", "actions": [
                {"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": by, "duration": 0}
            ]}]}),
        );
        self.drawn();
    }

    /// What the page complained of.
    pub(crate) fn complaints(&self) -> Value {
        self.post("/se/log", json!({"type": "browser"}))
    }

    /// Leaves a picture of what is seen, if pictures are wanted.
    pub(crate) fn screenshot(&self, name: &str) {
        let Some(directory) = std::env::var_os("LEASEKV_SCREENSHOTS") else {
            return;
        };
        self.drawn();
        let mut response = self
            .agent
            .get(format!("{}/screenshot", self.base))
            .call()
            .expect("a screenshot");
        let answer: Value = response.body_mut().read_json().expect("an answer in JSON");
        let bytes = from_base64(answer["value"].as_str().expect("a picture"));
        let file = PathBuf::from(directory).join(format!("{name}.png"));
        std::fs::write(file, bytes).expect("the picture can be written");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; the driver would leave it behind.
        let _ = self.agent.delete(&self.base).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes
}
