//! `openclaw logs`: the Gateway's log through the Gateway, so that it works from afar too (LOG-1).

use std::collections::VecDeque;
use std::time::Duration;

use link::Link;
use serde_json::{Value, json};
use wire::methods::{self, Method as _};

use crate::app::App;
use crate::args::{Rpc, millis};
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};

const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a log is followed while its Gateway is away: until somebody comes to work and sees it.
const FOLLOWED_FOR: Duration = Duration::from_secs(24 * 3600);

/// Show the Gateway's log
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Wait for more
    #[arg(short, long)]
    follow: bool,
    /// Most lines
    #[arg(long, default_value_t = 200)]
    limit: u64,
    /// Most bytes
    #[arg(long, default_value_t = 250_000)]
    max_bytes: u64,
    /// Between two looks with --follow
    #[arg(long, value_name = "MS", value_parser = millis, default_value = "1000")]
    interval: Duration,
    /// No colour, no columns
    #[arg(long)]
    plain: bool,
    /// Times in UTC
    #[arg(long, conflicts_with = "local_time")]
    utc: bool,
    /// Times in this machine's zone
    #[arg(long)]
    local_time: bool,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let want = Want::of(methods::logs::Tail::NAME, args.rpc.timeout_or(TIMEOUT));
    rpc::block_on(async {
        let (link, happenings, place) =
            rpc::open_link(app, &args.rpc.reach, &want, if args.follow { FOLLOWED_FOR } else { TIMEOUT }).await?;
        // Only questions here; nobody waits for events.
        drop(happenings);
        let _standing = app.out.standing(&link, true);
        let mut tail = Tail { app, args, cursor: None, file: None };
        tail.follow(&link).await.map_err(|error| Failure::call(&error).at(&place))?;
        link.close().await;
        Ok(())
    })
}

struct Tail<'a> {
    app: &'a App,
    args: &'a Args,
    cursor: Option<Value>,
    file: Option<String>,
}

impl Tail<'_> {
    /// Prints what there is, and with `--follow` what comes; the cursor outlives the connection, so nothing is shown
    /// twice or skipped.
    async fn follow(&mut self, link: &Link) -> Result<(), link::CallError> {
        loop {
            let mut params = json!({"limit": self.args.limit, "maxBytes": self.args.max_bytes});
            if let Some(cursor) = &self.cursor {
                params["cursor"] = cursor.clone();
            }
            let page = link.request_raw(methods::logs::Tail::NAME, Some(params)).await?;
            self.show(&page);
            if !self.args.follow {
                return Ok(());
            }
            tokio::time::sleep(self.args.interval).await;
        }
    }

    fn show(&mut self, page: &Value) {
        let file = page["file"].as_str().map(str::to_owned);
        if self.cursor.is_some() && page["reset"] == true {
            self.gap("the log was rotated or cut");
        }
        if self.app.out.json && (self.cursor.is_none() || file != self.file) {
            let kind = page["sourceKind"].as_str().unwrap_or("file");
            out::say(&json!({"type": "meta", "file": file, "sourceKind": kind, "cursor": page["cursor"], "size": page["size"]}).to_string());
        }
        self.file = file;
        self.cursor = Some(page["cursor"].clone());
        let lines: VecDeque<&str> = page["lines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        lines.iter().for_each(|line| self.line(line));
    }

    fn line(&self, raw: &str) {
        let entry = Entry::read(raw);
        if self.app.out.json {
            let object = match &entry {
                None => json!({"type": "raw", "raw": raw}),
                Some(entry) => json!({"type": "log", "time": entry.time, "level": entry.level,
                    "subsystem": entry.target, "message": entry.message, "raw": raw}),
            };
            return out::say(&object.to_string());
        }
        let Some(entry) = entry else { return out::say(raw) };
        let level = match entry.level.as_str() {
            "error" if !self.args.plain => self.app.out.bad("error"),
            level => level.to_owned(),
        };
        out::say(&format!("{} {level:<5} {}", self.time(&entry.time), entry.message));
    }

    /// As written, or in this machine's zone.
    fn time(&self, text: &str) -> String {
        if !self.args.local_time {
            return text.to_owned();
        }
        let zoned = text.parse::<jiff::Timestamp>().map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
        zoned.map_or_else(|_| text.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S%.3f %z").to_string())
    }

    fn gap(&self, text: &str) {
        match self.app.out.json {
            true => out::say(&json!({"type": "gap", "message": text}).to_string()),
            false => out::complain(text),
        }
    }
}

/// A line of the log file.
struct Entry {
    time: String,
    level: String,
    target: Option<String>,
    message: String,
}

impl Entry {
    fn read(raw: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(raw).ok()?;
        let first = |keys: &[&str]| keys.iter().find_map(|key| value[*key].as_str()).map(str::to_owned);
        let rest = value.as_object()?.iter();
        let known = ["time", "timestamp", "level", "target", "message", "subsystem", "msg"];
        let fields =
            rest.filter(|(key, _)| !known.contains(&key.as_str())).map(|(key, value)| format!(" {key}={value}"));
        let message = first(&["message", "msg"]).unwrap_or_default() + &fields.collect::<String>();
        Some(Self {
            time: first(&["time", "timestamp"])?,
            level: first(&["level"])?.to_lowercase(),
            target: first(&["subsystem", "target"]),
            message,
        })
    }
}
