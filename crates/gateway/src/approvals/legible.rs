//! A command as a person may trust to read it: nothing invisible, and nothing but what is run.

use std::fmt::Write as _;

use wire::methods::exec_approval::{RequestParams, SystemRunPlan};

/// Shells whose whole work is the text they are handed, where they are what their names say.
const SHELLS: &[&str] =
    &["sh", "bash", "dash", "zsh", "ksh", "/bin/sh", "/bin/bash", "/bin/zsh", "/usr/bin/bash", "/usr/bin/zsh"];

/// Characters of a line beside the command.
const LINE_CHARS: usize = 300;

/// The command of a question. What asks may word it shorter, but not differently: when words and arguments disagree the
/// arguments are shown.
pub(super) fn command(params: &RequestParams) -> String {
    let plan = params.system_run_plan.as_ref();
    let argv = plan.map(|plan| &plan.argv).or(params.command_argv.as_ref());
    let said = plan.map(|plan: &SystemRunPlan| plan.command_text.as_str()).or(params.command.as_deref());
    let said = said.map(str::trim).filter(|said| !said.is_empty());
    match (argv, said) {
        (Some(argv), Some(said)) if means(said, argv) => visible(said),
        (Some(argv), _) => visible(&base::shell::quoted(argv.iter().map(String::as_str))),
        (None, said) => visible(said.unwrap_or_default()),
    }
}

/// Whether `said` is `argv` in other words.
fn means(said: &str, argv: &[String]) -> bool {
    if let Some(text) = shell_text(argv) {
        return said == text.trim();
    }
    if said == base::shell::quoted(argv.iter().map(String::as_str)) {
        return true;
    }
    let Ok(commands) = base::shell::parse(said) else { return false };
    match commands.as_slice() {
        [one] => one.words.iter().map(|word| &word.text).eq(argv),
        _ => false,
    }
}

/// What a shell is handed.
fn shell_text(argv: &[String]) -> Option<&str> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        [shell, "-c" | "-lc", text] if SHELLS.contains(shell) => Some(text),
        ["cmd.exe", "/d", "/s", "/c", text] => Some(text),
        _ => None,
    }
}

/// `text` with what has no shape, or turns the direction of what follows, written out.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') || is_shapeless(c) {
            let _infallible = write!(shown, "\\u{{{:X}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The same on one line, so that it cannot pass for other lines, and not without end.
pub(super) fn line(text: &str) -> String {
    let shown = visible(text).replace('\n', "\\n").replace('\t', "\\t");
    match shown.char_indices().nth(LINE_CHARS) {
        Some((end, _)) => format!("{} …", &shown[..end]),
        None => shown,
    }
}

const fn is_shapeless(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(argv: &[&str], said: Option<&str>) -> String {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        command(&RequestParams { command_argv: Some(argv), command: said.map(Into::into), ..RequestParams::default() })
    }

    /// N-12.16: what is shown is what is run.
    #[test]
    fn words_that_are_not_the_arguments_are_not_shown() {
        assert_eq!(shown(&["/bin/sh", "-lc", "git pull && make"], Some("git pull && make")), "git pull && make");
        assert_eq!(shown(&["/bin/sh", "-lc", "rm -r x"], Some("ls")), "/bin/sh -lc 'rm -r x'");
        assert_eq!(shown(&["/tmp/sh", "-c", "ls"], Some("ls")), "/tmp/sh -c ls", "another program called sh");
        assert_eq!(shown(&["cmd.exe", "/d", "/s", "/c", "dir & ver"], Some("dir & ver")), "dir & ver");
        assert_eq!(shown(&["echo", "two words"], Some("echo \"two words\"")), "echo \"two words\"");
        assert_eq!(shown(&["echo", "it's"], Some("echo it")), r"echo 'it'\''s'");
        assert_eq!(shown(&["true", ""], None), "true ''");
    }

    #[test]
    fn nothing_invisible_stays_so() {
        assert_eq!(visible("a\u{202e}b\u{7}\n\tc\u{200b}"), "a\\u{202E}b\\u{7}\n\tc\\u{200B}");
        assert_eq!(visible("grüße 世界"), "grüße 世界");
        assert_eq!(line("/src\n/approve x"), "/src\\n/approve x");
        assert_eq!(line(&"世".repeat(LINE_CHARS + 1)), format!("{} …", "世".repeat(LINE_CHARS)));
    }
}
