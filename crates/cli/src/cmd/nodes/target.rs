//! Which node is meant by what a person wrote (N-5.18): its id, its name, its address, or the beginning of its id.

use serde_json::Value;
use wire::target::{self, Unresolved};

use super::{cell, name, short};
use crate::exit::Failure;

/// The one row of `nodes` that is meant. What is more exact goes first, and two of the same kind are an error.
pub(in crate::cmd) fn resolve<'a>(nodes: &'a [Value], asked: &str) -> Result<&'a Value, Failure> {
    target::resolve(nodes, asked).map_err(|why| match why {
        Unresolved::Ambiguous(several) => ambiguous(asked, &several),
        Unresolved::Unknown => {
            Failure::new("UNKNOWN_NODE", format!("unknown node: {}", asked.trim())).run("openclaw nodes status")
        }
    })
}

fn ambiguous(asked: &str, rows: &[&Value]) -> Failure {
    let fits = rows.iter().map(|row| format!("{} ({}, {})", name(row), short(row), cell(row, "platform")));
    let message = format!("`{asked}` fits {} nodes: {}", rows.len(), fits.collect::<Vec<_>>().join(", "));
    let mut failure = Failure::usage(message).advise("say which one by the beginning of its id");
    failure.code = base::Code("AMBIGUOUS_NODE");
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nodes() -> Vec<Value> {
        vec![
            json!({"nodeId": "aaaaaa11", "displayName": "Studio", "remoteIp": "10.0.0.2", "platform": "linux"}),
            json!({"nodeId": "aaaaaa22", "displayName": "Pixel", "remoteIp": "10.0.0.3"}),
            json!({"nodeId": "bbbbbb33", "displayName": "pixel ", "remoteIp": "10.0.0.3"}),
            json!({"nodeId": "cccccc44", "displayName": "aaaaaa11"}),
        ]
    }

    fn id_of(asked: &str) -> Result<String, Failure> {
        resolve(&nodes(), asked).map(|row| row["nodeId"].as_str().unwrap().to_owned())
    }

    /// N-5.18
    #[test]
    fn the_more_exact_way_to_name_a_node_goes_first() {
        assert_eq!(id_of("aaaaaa11").unwrap(), "aaaaaa11", "an id, though another has it for a name");
        for asked in ["studio", " STUDIO ", "10.0.0.2"] {
            assert_eq!(id_of(asked).unwrap(), "aaaaaa11", "{asked}");
        }
        for asked in ["bbbbbb", "BBBBBB3", "bbbbbb33"] {
            assert_eq!(id_of(asked).unwrap(), "bbbbbb33", "{asked}");
        }
    }

    /// N-5.18
    #[test]
    fn what_fits_two_names_both_and_what_fits_none_says_so() {
        for asked in ["Pixel", "10.0.0.3", "aaaaaa"] {
            let failure = id_of(asked).unwrap_err();
            assert_eq!((failure.code.0, failure.exit), ("AMBIGUOUS_NODE", 2), "{asked}");
            assert!(failure.message.contains("aaaaaa22"), "{}", failure.message);
        }
        for asked in ["", " ", "bbbbb", "nobody"] {
            let failure = id_of(asked).unwrap_err();
            assert_eq!((failure.code.0, failure.exit), ("UNKNOWN_NODE", 1), "{asked}");
            assert!(failure.message.starts_with("unknown node: "), "{}", failure.message);
        }
    }
}
