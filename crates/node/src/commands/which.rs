//! `system.which`: where programs are (N-10.17).

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Command, Cx, Refusal, read};
use exec_policy::Places;

/// Most names in one question.
const MAX_NAMES: usize = 256;

pub(super) struct Which;

#[derive(Deserialize)]
struct Params {
    bins: Vec<String>,
}

impl Command for Which {
    fn name(&self) -> &'static str {
        "system.which"
    }

    fn cap(&self) -> &'static str {
        "system"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let Params { bins } = read(params)?;
            if bins.len() > MAX_NAMES {
                return Err(Refusal::invalid(format!("bins: at most {MAX_NAMES} names")));
            }
            let places = Places::new(&cx.host.path(), cx.host.home.clone(), cx.host.home.clone());
            let names = bins.iter().map(|name| name.trim()).filter(|name| !name.contains(['/', '\\']));
            let found = names.filter_map(|name| Some((name.to_owned(), json!(places.find(name)?.path.to_str()?))));
            Ok(json!({"bins": found.collect::<Map<_, _>>()}))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::cx;

    /// N-10.17
    #[tokio::test]
    async fn programs_that_are_there_are_told_with_their_path_and_others_are_left_out() {
        let home = tempfile::tempdir().unwrap();
        let asked = json!({"bins": ["ls", "nosuchprogram", "../bin/ls", " head "]});
        let answer = Which.handle(cx(home.path()), asked).await.unwrap();
        assert_eq!(answer, json!({"bins": {"ls": "/usr/bin/ls", "head": "/usr/bin/head"}}));
        assert_eq!(Which.handle(cx(home.path()), Value::Null).await.unwrap_err().code, "INVALID_REQUEST");
    }
}
