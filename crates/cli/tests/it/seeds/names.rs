//! The names of earlier pages.

use std::os::unix::fs::symlink;
use std::process::Command;

use kit::TOKEN;

use super::{FarHost, Laptop, Tunnel, all_reach};
use crate::binary;

/// SEED-2, ENV-2: a reader of the earlier pages types the earlier names and sets the earlier variables; all of it works,
/// with one line on stderr that names the new variables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_earlier_names_do_the_same_with_their_variables() {
    let (far, laptop) = (FarHost::start().await, Laptop::new());
    let tunnel = Tunnel::open(&far, &laptop.home);
    for name in ["moltbot", "clawdbot"] {
        let link = laptop.home.path().join(name);
        symlink(binary(), &link).unwrap();
        let prefix = name.to_uppercase();
        let command = || {
            let mut command = Command::new(&link);
            command.env_clear().env("HOME", laptop.home.path()).env("NO_COLOR", "1");
            command.env(format!("{prefix}_GATEWAY_PORT"), tunnel.local.to_string());
            command.env(format!("{prefix}_GATEWAY_TOKEN"), TOKEN);
            command
        };
        all_reach(|args| crate::json(&mut command(), args));
        let (exit, _, stderr) = crate::run(&mut command(), &["health"]);
        assert_eq!(exit, 0, "{stderr}");
        for variable in ["GATEWAY_PORT", "GATEWAY_TOKEN"] {
            let remark = format!("{prefix}_{variable} (now OPENCLAW_{variable})");
            assert_eq!(stderr.matches(&remark).count(), 1, "{stderr}");
        }
        assert!(!stderr.contains(TOKEN), "{stderr}");
    }
}
