//! Starting a browser: which program, with which words, and where it listens. It runs under a guard, which ends it with
//! everything below it when this process is gone.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use exec_policy::Places;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, Command as Process};
use tokio::time::timeout;

use super::Setup;
use crate::commands::{Refusal, without_secrets};

/// Names of browsers that speak the protocol, the freest first.
const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "brave-browser",
    "microsoft-edge",
    "microsoft-edge-stable",
];
/// Where macOS keeps them.
const MAC: &[&str] = &[
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Brave Browser.app/Contents/MacOS/Brave Browser",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];
/// What every browser of ours is started with: nothing that asks, phones home or keeps a keyring open. Port 0 is any
/// free one, on loopback.
const WORDS: &[&str] = &[
    "--remote-debugging-port=0",
    "--remote-debugging-address=127.0.0.1",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--disable-sync",
    "--hide-crash-restore-bubble",
    "--password-store=basic",
    "--use-mock-keychain",
    "--window-size=1280,800",
];
/// How long a browser may take until it listens.
const STARTED_WITHIN: Duration = Duration::from_secs(30);
/// What it says before the address.
const LISTENING: &str = "DevTools listening on ";
/// Most of what a browser says that is kept until it listens.
const SAID_MAX_BYTES: usize = 64 * 1024;

/// How browsers are started here.
#[derive(Debug)]
pub(super) struct How {
    pub(super) program: PathBuf,
    pub(super) headless: bool,
    /// Whether pages are kept in a sandbox; the browser has none for root.
    pub(super) sandboxed: bool,
    folder: PathBuf,
    home: PathBuf,
    guard: Vec<PathBuf>,
    env: Vec<(String, String)>,
}

/// A browser that was started and listens.
pub(super) struct Started {
    /// The guard it runs under.
    pub(super) child: Child,
    /// Closing it ends the browser.
    pub(super) leash: ChildStdin,
    /// Must be read on: a browser that cannot speak stands still.
    pub(super) says: ChildStderr,
    /// Where it listens.
    pub(super) address: url::Url,
}

impl How {
    /// `None` when there is no browser.
    pub(super) fn find(setup: &Setup<'_>) -> Option<Self> {
        let path = setup.env.raw("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        let places = Places::new(&path, setup.home.to_owned(), setup.home.to_owned());
        let program = match &setup.browser.executable_path {
            Some(named) => places.find(&crate::commands::place(setup.home, &named.to_string_lossy()).to_string_lossy()),
            None => NAMES.iter().find_map(|name| places.find(name)).or_else(|| {
                let mac = cfg!(target_os = "macos").then_some(MAC);
                mac.into_iter().flatten().find_map(|place| places.find(place))
            }),
        };
        let set = |name: &str| setup.env.raw(name).is_some_and(|value| !value.is_empty());
        let has_display = cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY");
        Some(Self {
            program: program?.path,
            headless: setup.browser.headless.unwrap_or(!has_display),
            sandboxed: !rustix::process::geteuid().is_root(),
            folder: setup.folder.clone(),
            home: setup.home.to_owned(),
            guard: setup.guard.to_vec(),
            env: without_secrets(setup.env).collect(),
        })
    }

    /// The program's name.
    pub(super) fn name(&self) -> String {
        self.program.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Where a profile is kept.
    pub(super) fn profile_folder(&self, profile: &str) -> PathBuf {
        self.folder.join(profile).join("user-data")
    }

    /// Starts the browser of a profile.
    ///
    /// # Errors
    /// What it said instead of listening.
    pub(super) async fn start(&self, profile: &str) -> Result<Started, Refusal> {
        let folder = self.profile_folder(profile);
        let failed = |error: std::io::Error| Refusal::unavailable(format!("the browser was not started: {error}"));
        base::ensure_private_dir(&self.folder).map_err(failed)?;
        base::ensure_private_dir(&folder).map_err(failed)?;
        let argv: Vec<PathBuf> = self.guard.iter().cloned().chain([self.program.clone()]).collect();
        let (first, rest) = argv.split_first().ok_or_else(|| failed(std::io::ErrorKind::InvalidInput.into()))?;
        let mut child = Process::new(first)
            .args(rest)
            .args(self.words(&folder))
            .current_dir(&self.home)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let (Some(leash), Some(mut says)) = (child.stdin.take(), child.stderr.take()) else {
            return Err(Refusal::unavailable("the browser was not started: it has no streams"));
        };
        let heard = timeout(STARTED_WITHIN, address(&mut says)).await;
        let said = heard.unwrap_or_else(|_| Err(format!("it did not listen within {} s", STARTED_WITHIN.as_secs())));
        match said {
            Ok(address) => Ok(Started { child, leash, says, address }),
            Err(said) => Err(Refusal::unavailable(format!("`{}` was not started: {said}", self.program.display()))),
        }
    }

    fn words(&self, folder: &Path) -> Vec<String> {
        let mut words: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
        words.push(format!("--user-data-dir={}", folder.display()));
        if self.headless {
            words.extend(["--headless=new".to_owned(), "--disable-gpu".to_owned(), "--mute-audio".to_owned()]);
        }
        if !self.sandboxed {
            words.push("--no-sandbox".to_owned());
        }
        words.push("about:blank".to_owned());
        words
    }
}

/// Reads until it says where it listens; what it said last when it never does.
async fn address(says: &mut (impl AsyncRead + Unpin)) -> Result<url::Url, String> {
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = says.read(&mut buffer).await.map_err(|error| error.to_string())?;
        said.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&said);
        let line = text.split_inclusive('\n').find_map(|line| line.strip_suffix('\n')?.trim().strip_prefix(LISTENING));
        if let Some(line) = line {
            let address = url::Url::parse(line).map_err(|error| error.to_string())?;
            let is_loopback = matches!(address.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
            return if is_loopback {
                Ok(address)
            } else {
                Err(format!("it listens at `{line}`, which is not loopback"))
            };
        }
        if count == 0 || said.len() > SAID_MAX_BYTES {
            let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing");
            return Err(last.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-10.20
    #[tokio::test]
    async fn only_an_address_on_loopback_is_taken() {
        let said = "noise\nDevTools listening on ws://127.0.0.1:4000/devtools/browser/x\nmore";
        assert_eq!(address(&mut said.as_bytes()).await.unwrap().port(), Some(4000));
        let elsewhere = "DevTools listening on ws://192.0.2.1:4000/devtools/browser/x\n";
        assert!(address(&mut elsewhere.as_bytes()).await.unwrap_err().contains("not loopback"));
        assert_eq!(address(&mut "a\nno display\n".as_bytes()).await.unwrap_err(), "no display");
        let endless = tokio::io::repeat(b'x');
        assert!(address(&mut { endless }).await.is_err(), "it does not read for ever");
    }
}
