//! `location.get`: where this machine is (N-10.13): as its owner wrote it down, or as GeoClue finds out.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::program::{self, Plan};
use super::{Command, Cx, Refusal, read, without_secrets};
use crate::serve::Voice;

/// How long looking may take when nobody says, and at most.
const DEFAULT_TIMEOUT_MS: u64 = 10_000;
const MAX_TIMEOUT_MS: u64 = 60_000;
/// How much longer the program may take to end than it was told to look.
const GRACE: Duration = Duration::from_secs(3);
/// Where its packages put it.
const PLACES: &[&str] = &["/usr/libexec/geoclue-2.0/demos/where-am-i", "/usr/lib/geoclue-2.0/demos/where-am-i"];
const PROGRAM: &str = "where-am-i";
/// How far off a place is when its owner does not say, in metres.
const CONFIGURED_ACCURACY: f64 = 1000.0;
/// From here on a place counts as exact, in metres.
const PRECISE: f64 = 100.0;

pub(super) struct Get;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    timeout_ms: Option<u64>,
    desired_accuracy: Option<String>,
}

impl Command for Get {
    fn name(&self) -> &'static str {
        "location.get"
    }

    fn cap(&self) -> &'static str {
        "location"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: Params = read(params)?;
            if let Some(place) = &cx.host.settings.location {
                let accuracy = place.accuracy_meters.unwrap_or(CONFIGURED_ACCURACY);
                let fix = Fix { lat: place.lat, lon: place.lon, accuracy, ..Fix::default() };
                return Ok(fix.told("configured"));
            }
            let program = geoclue(&cx).ok_or_else(|| {
                let message = "this node does not know where it is; its owner sets nodeHost.location \
                    {lat, lon, accuracyMeters}, or installs GeoClue: sudo apt install geoclue-2-demo";
                Refusal { code: "LOCATION_DISABLED", message: message.into() }
            })?;
            look(&cx, program, &params).await
        })
    }
}

fn geoclue(cx: &Cx) -> Option<PathBuf> {
    let places = exec_policy::Places::new(&cx.host.path(), cx.host.home.clone(), cx.host.home.clone());
    places.find(PROGRAM).or_else(|| PLACES.iter().find_map(|place| places.find(place))).map(|found| found.path)
}

async fn look(cx: &Cx, program: PathBuf, params: &Params) -> Result<Value, Refusal> {
    let ms = params.timeout_ms.filter(|ms| *ms > 0).unwrap_or(DEFAULT_TIMEOUT_MS).min(MAX_TIMEOUT_MS);
    // GeoClue's own steps: a city, a street, exactly.
    let level = match params.desired_accuracy.as_deref() {
        Some("coarse") => "4",
        Some("precise") => "8",
        _ => "6",
    };
    let words = ["-t", &ms.div_ceil(1000).to_string(), "-a", level].map(PathBuf::from);
    let argv = cx.host.guard.iter().cloned().chain([program]).chain(words).collect();
    let env = without_secrets(&cx.host.env).collect();
    let timeout = Duration::from_millis(ms) + GRACE;
    let ended =
        program::run(Plan { argv, cwd: cx.host.home.clone(), env, timeout, input: Vec::new() }, &Voice::nowhere())
            .await;
    let ended = ended.map_err(|error| unknown(&error.to_string()))?;
    if let Some(fix) = Fix::last_of(&ended.stdout) {
        return Ok(fix.told("geoclue"));
    }
    let said = ended.stderr.trim().lines().last().unwrap_or_default().to_owned();
    if said.to_ascii_lowercase().contains("denied") {
        let message = format!("GeoClue does not let this node know: {said}");
        return Err(Refusal { code: "LOCATION_PERMISSION_REQUIRED", message });
    }
    if ended.timed_out || ended.code == Some(0) {
        let message = format!("GeoClue found no place within {ms} ms");
        return Err(Refusal { code: "LOCATION_TIMEOUT", message });
    }
    Err(unknown(&said))
}

fn unknown(why: &str) -> Refusal {
    Refusal { code: "LOCATION_UNAVAILABLE", message: format!("GeoClue: {why}") }
}

/// A place on earth.
#[derive(Debug, Default, PartialEq)]
struct Fix {
    lat: f64,
    lon: f64,
    accuracy: f64,
    altitude: Option<f64>,
    speed: Option<f64>,
    heading: Option<f64>,
}

impl Fix {
    /// The last place a program told, a line a value: `Latitude: 52.52°`.
    fn last_of(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix(':'))?;
            let number: String =
                line.trim().chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+')).collect();
            number.parse::<f64>().ok().filter(|value| value.is_finite())
        };
        Some(Self {
            lat: value("Latitude").filter(|lat| lat.abs() <= 90.0)?,
            lon: value("Longitude").filter(|lon| lon.abs() <= 180.0)?,
            accuracy: value("Accuracy").unwrap_or(CONFIGURED_ACCURACY),
            altitude: value("Altitude"),
            speed: value("Speed"),
            heading: value("Heading"),
        })
    }

    fn told(&self, source: &str) -> Value {
        json!({
            "lat": self.lat, "lon": self.lon, "accuracyMeters": self.accuracy, "altitudeMeters": self.altitude,
            "speedMps": self.speed, "headingDeg": self.heading, "timestamp": base::iso(base::now_ms()),
            "isPrecise": self.accuracy <= PRECISE, "source": source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::Machine;

    /// N-10.13
    #[tokio::test]
    async fn a_place_is_configured_or_found_or_the_answer_says_what_is_missing() {
        let machine = Machine::new();
        let place = config::NodeLocation { lat: 52.5, lon: 13.25, accuracy_meters: Some(20.0) };
        let at = Get.handle(machine.with(|settings| settings.location = Some(place)), Value::Null).await.unwrap();
        assert_eq!((&at["lat"], &at["lon"], &at["accuracyMeters"]), (&json!(52.5), &json!(13.25), &json!(20.0)));
        assert_eq!((&at["source"], &at["isPrecise"]), (&json!("configured"), &json!(true)));
        let said = "echo 'New location:'; echo 'Latitude:    -33.86°'; echo 'Longitude:   151.2°'; \
            echo 'Accuracy:    250.000000 meters'";
        machine.program(PROGRAM, said);
        let at = Get.handle(machine.cx(&[]), json!({"timeoutMs": 1000})).await.unwrap();
        assert_eq!((&at["lat"], &at["lon"], &at["source"]), (&json!(-33.86), &json!(151.2), &json!("geoclue")));
        for (script, code) in [
            ("exit 0", "LOCATION_TIMEOUT"),
            ("echo 'Access denied' >&2; exit 1", "LOCATION_PERMISSION_REQUIRED"),
            ("echo 'no bus' >&2; exit 1", "LOCATION_UNAVAILABLE"),
            ("echo 'Latitude: 400°'; echo 'Longitude: 1°'; exit 3", "LOCATION_UNAVAILABLE"),
        ] {
            machine.program(PROGRAM, script);
            let refused = Get.handle(machine.cx(&[]), Value::Null).await.unwrap_err();
            assert_eq!(refused.code, code, "{script}");
        }
        machine.without(PROGRAM);
        // Only where GeoClue's own program is not installed beside the test's.
        if !PLACES.iter().any(|place| std::path::Path::new(place).exists()) {
            let refused = Get.handle(machine.cx(&[]), Value::Null).await.unwrap_err();
            assert!(
                refused.code == "LOCATION_DISABLED" && refused.message.contains("nodeHost.location"),
                "{refused:?}"
            );
        }
    }
}
