//! Chromium, driven by ChromeDriver over its own protocol: plain HTTP on this machine.
#![allow(dead_code)] // every test binary uses a part of it

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser that ends with the test.
pub struct Chromium {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.try_ask("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Keys as WebDriver writes them.
pub mod keys {
    pub const BACKSPACE: &str = "\u{e003}";
    pub const ENTER: &str = "\u{e007}";
    pub const LEFT: &str = "\u{e012}";
    pub const RIGHT: &str = "\u{e014}";
    pub const DOWN: &str = "\u{e015}";
}

impl Chromium {
    /// Starts one; the machine must have chromedriver.
    pub fn start() -> Chromium {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        // What it says later must not fill the pipe.
        std::thread::Builder::new()
            .name("chromedriver".into())
            .spawn(move || lines.for_each(drop))
            .unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut chromium = Chromium {
            driver,
            port,
            session: String::new(),
            _profile: profile,
        };
        let profile = chromium._profile.path().display().to_string();
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &format!("--user-data-dir={profile}"),
        ];
        let options = json!({"args": arguments});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let made = chromium.ask("POST", "/session", &wanted);
        chromium.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        chromium
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let path = format!("{}{path}", self.session);
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes())?;
        let mut reply = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reply.read_line(&mut line)?;
            if let Some(found) = line.to_lowercase().strip_prefix("content-length:") {
                length = found.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut bytes = vec![0; length];
        reply.read_exact(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut reply = self.try_ask(method, path, body).unwrap();
        let value = reply["value"].take();
        assert!(value["error"].is_null(), "{method} {path}: {value}");
        value
    }

    pub fn open(&self, url: &str) {
        self.ask("POST", "/url", &json!({"url": url}));
    }

    /// The value of an expression in the page.
    pub fn value(&self, expression: &str) -> Value {
        let script = json!({"script": format!("return {expression}"), "args": []});
        self.ask("POST", "/execute/sync", &script)
    }

    pub fn text(&self, expression: &str) -> String {
        self.value(expression)
            .as_str()
            .unwrap_or_default()
            .to_string()
    }

    /// Waits until an expression of the page is true.
    pub fn wait_for(&self, expression: &str) {
        let until = Instant::now() + Duration::from_secs(30);
        while self.value(&format!("Boolean({expression})")) != json!(true) {
            assert!(
                Instant::now() < until,
                "never came: {expression}; on the page: {}\n{}",
                self.text("document.body.innerText"),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses keys one after the other.
    pub fn press(&self, keys: &str) {
        let presses: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                let key = key.to_string();
                [
                    json!({"type": "keyDown", "value": key}),
                    json!({"type": "keyUp", "value": key}),
                ]
            })
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": presses}]});
        self.ask("POST", "/actions", &actions);
    }

    /// Touches the middle of the first element of a selector.
    pub fn touch(&self, selector: &str) {
        let found = self.ask(
            "POST",
            "/element",
            &json!({"using": "css selector", "value": selector}),
        );
        let actions = json!({"actions": [{"type": "pointer", "id": "finger",
        "parameters": {"pointerType": "touch"},
        "actions": [
            {"type": "pointerMove", "duration": 0, "origin": found, "x": 0, "y": 0},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]}]});
        self.ask("POST", "/actions", &actions);
    }

    /// A command of the browser's own protocol.
    pub fn command(&self, name: &str, parameters: Value) -> Value {
        let command = json!({"cmd": name, "params": parameters});
        self.ask("POST", "/goog/cdp/execute", &command)
    }

    /// Takes the network away, or gives it back.
    pub fn offline(&self, offline: bool) {
        self.command("Network.enable", json!({}));
        self.command(
            "Network.emulateNetworkConditions",
            json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}),
        );
    }

    /// The size of the screen; a phone's has touch.
    pub fn screen(&self, width: u32, height: u32, phone: bool) {
        self.command(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}),
        );
        self.command(
            "Emulation.setTouchEmulationEnabled",
            json!({"enabled": phone, "maxTouchPoints": 1}),
        );
    }

    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        self.command(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": value}]}),
        );
    }

    /// Lets the page save files into a folder.
    pub fn save_into(&self, folder: &std::path::Path) {
        let path = folder.display().to_string();
        let parameters = json!({"behavior": "allow", "downloadPath": path});
        self.command("Browser.setDownloadBehavior", parameters);
    }

    /// What the page complained of.
    pub fn log(&self) -> String {
        let log = self.ask("POST", "/se/log", &json!({"type": "browser"}));
        let lines = log.as_array().cloned().unwrap_or_default();
        lines
            .iter()
            .map(|line| format!("{}\n", line["message"]))
            .collect()
    }

    /// The picture of the page as PNG, in base 64.
    pub fn picture(&self) -> String {
        self.ask("GET", "/screenshot", &Value::Null)
            .as_str()
            .unwrap()
            .to_string()
    }
}
