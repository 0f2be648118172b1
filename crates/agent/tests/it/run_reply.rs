//! What a person sees of what the model writes.

use openclaw_agent::run::reply::{Directives, ReplyTo, Shaper, Spoke};
use proptest::prelude::*;

/// Feeds `deltas` one by one; returns what became visible after each, the last entry being what came at the end.
fn shape(deltas: &[&str]) -> (Vec<String>, Spoke, Directives) {
    let mut shaper = Shaper::default();
    let mut seen: Vec<String> = deltas.iter().map(|delta| shaper.push(delta)).collect();
    let (rest, spoke, directives) = shaper.finish();
    seen.push(rest);
    (seen, spoke, directives)
}

fn whole(text: &str) -> (String, Spoke, Directives) {
    let (seen, spoke, directives) = shape(&[text]);
    (seen.concat(), spoke, directives)
}

/// the case of report 73838, where people saw `NO`.
#[test]
fn silence_split_across_deltas_shows_nothing() {
    let (seen, spoke, _) = shape(&["", " N", "O", "_RE", "PLY", "\n"]);
    assert_eq!(seen.concat(), "");
    assert_eq!(spoke, Spoke::Silence);
    assert_eq!(whole("no_reply").1, Spoke::Silence);
}

///
#[test]
fn text_that_only_began_like_silence_is_shown_whole() {
    let (seen, spoke, _) = shape(&["NO", "_", "w I see"]);
    assert_eq!((seen[0].as_str(), seen[1].as_str()), ("", ""));
    assert_eq!((seen.concat().as_str(), spoke), ("NO_w I see", Spoke::Aloud));
    assert_eq!(whole("NO_REPLY is a word").0, "NO_REPLY is a word");
    assert_eq!(whole("No").0, "No");
}

///
#[test]
fn plain_text_goes_out_at_once() {
    let (seen, ..) = shape(&["Hi", " there", ".\n\nBye", " "]);
    assert_eq!(seen, ["Hi", " there", ".\n\nBye", "", ""]);
}

///
#[test]
fn the_heartbeat_word_is_stripped_at_both_ends_only() {
    for (text, visible, spoke) in [
        ("HEARTBEAT_OK", "", Spoke::Silence),
        ("  HEARTBEAT_OK \n", "", Spoke::Silence),
        ("HEARTBEAT_OK HEARTBEAT_OK", "", Spoke::Silence),
        ("HEARTBEAT_OK all calm", "all calm", Spoke::Aloud),
        ("Two mails.\n\nHEARTBEAT_OK", "Two mails.", Spoke::Aloud),
        ("say HEARTBEAT_OK when calm", "say HEARTBEAT_OK when calm", Spoke::Aloud),
        ("HEARTBEAT_OKAY", "HEARTBEAT_OKAY", Spoke::Aloud),
        ("MY_HEARTBEAT_OK", "MY_HEARTBEAT_OK", Spoke::Aloud),
        ("say H", "say H", Spoke::Aloud),
        ("", "", Spoke::Nothing),
        (" \n", "", Spoke::Nothing),
    ] {
        assert_eq!(whole(text).0, visible, "{text:?}");
        assert_eq!(whole(text).1, spoke, "{text:?}");
    }
}

///
#[test]
fn directives_are_parsed_and_never_shown() {
    let (seen, spoke, directives) = shape(&["[", "[reply_", "to: 4", "2 ]", "] Hello", " [[audio_as_voice]", "]"]);
    assert_eq!((seen.concat().as_str(), spoke), ("Hello", Spoke::Aloud));
    let expected = Directives { reply_to: Some(ReplyTo::Id("42".into())), voice: true, ..Directives::default() };
    assert_eq!(directives, expected);
    assert_eq!(whole("[[reply_to_current]] NO_REPLY").1, Spoke::Silence);
    assert_eq!(whole("[[Reply_To_Current]]ok").2.reply_to, Some(ReplyTo::Current));
}

///
#[test]
fn other_brackets_are_text() {
    for text in
        ["see [[wiki link]] and [[1, 2], [3]]", "a[[", "x [[reply_to", "[[[", "[[reply_to:]] x", "[", "a [[]] b"]
    {
        assert_eq!(whole(text).0, text);
    }
}

proptest! {
    /// however the vendor cuts its text, people see the same.
    #[test]
    fn the_cut_into_deltas_changes_nothing(
        parts in proptest::collection::vec("(NO_REPLY|no|_re|HEARTBEAT_OK|HEART|BEAT|\\[|\\[\\[|\\]\\]|reply_to|:|_current|audio_as_voice|[a-zH]|[ \n]|é)", 0..12),
        cuts in proptest::collection::vec(0usize..40, 0..8),
    ) {
        let text = parts.concat();
        let mut edges: Vec<usize> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut) && *cut <= text.len()).collect();
        edges.extend([0, text.len()]);
        edges.sort_unstable();
        let deltas: Vec<&str> = edges.windows(2).map(|edge| &text[edge[0]..edge[1]]).collect();
        let (seen, spoke, directives) = shape(&deltas);
        prop_assert_eq!((seen.concat(), spoke, directives), whole(&text));
    }
}
