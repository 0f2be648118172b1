//! What waits for a person's word, devices and nodes alike: finding the one that is meant, and never another.

use serde_json::Value;

use super::system::text;
use crate::exit::Failure;

/// The entries of one of the lists of an answer.
pub(super) fn rows<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    answer[key].as_array().map_or(&[][..], Vec::as_slice)
}

/// The one entry of `list` whose `key` begins with `prefix`; `look` is the command that shows them.
pub(super) fn find<'a>(list: &'a [Value], key: &str, prefix: &str, look: &str) -> Result<&'a str, Failure> {
    let mut hits = list.iter().filter_map(|row| row[key].as_str()).filter(|id| id.starts_with(prefix));
    match (hits.next(), hits.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(Failure::usage(format!("`{prefix}` fits more than one {key}; give more of it"))),
        (None, _) => Err(Failure::new("NOT_FOUND", format!("there is no {key} `{prefix}`")).run(look)),
    }
}

/// Without an id nothing is approved by accident: the newest request of a `kind` ("device", "node") is shown with the
/// exact command, unless it is the only one and `--yes` was said.
pub(super) fn newest<'a>(
    pending: &'a [Value],
    yes: bool,
    kind: &str,
    about: impl Fn(&Value) -> String,
) -> Result<&'a str, Failure> {
    let Some(row) = pending.iter().max_by_key(|row| row["ts"].as_i64()) else {
        return Err(Failure::new("NOT_FOUND", format!("no {kind} is waiting to be approved"))
            .run(format!("openclaw {kind}s list")));
    };
    let id = text(row, "requestId");
    if yes && pending.len() == 1 {
        return Ok(id);
    }
    Err(Failure::new("APPROVAL_NEEDS_ID", format!("newest request: {id}, {}", about(row)))
        .run(format!("openclaw {kind}s approve {id}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_prefix_must_fit_exactly_one() {
        let list = [json!({"requestId": "7f3a"}), json!({"requestId": "7f00"}), json!({"requestId": "aa"})];
        let find = |prefix| find(&list, "requestId", prefix, "openclaw devices list");
        assert_eq!(find("7f3").unwrap(), "7f3a");
        assert_eq!(find("7f").unwrap_err().exit, 2);
        assert_eq!(find("zz").unwrap_err().exit, 1);
    }

    #[test]
    fn the_latest_request_is_shown_with_its_command_and_approved_only_when_alone() {
        let list = [json!({"requestId": "old", "ts": 1}), json!({"requestId": "new", "ts": 2})];
        let newest = |list, yes| newest(list, yes, "node", |_| "a phone".into());
        let failure = newest(&list, true).unwrap_err();
        assert_eq!((failure.exit, failure.next[0].text()), (1, "openclaw nodes approve new"));
        assert_eq!(newest(&list[..1], true).unwrap(), "old");
        assert_eq!(newest(&list[..1], false).unwrap_err().exit, 1);
    }
}
