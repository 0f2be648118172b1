//! A shell line taken apart, as far as it can be understood without doubt.
//!
//! Only a plain subset of POSIX shell is read: simple commands of literal words, joined by `|`, `&&`, `||`, `;` and
//! line breaks, with output thrown away or errors merged into it. Anything that could run, write or mean something else
//! than it says is refused, because `sh` gets the same line afterwards and must not see more in it than we did.

/// One command of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simple {
    /// The program and its arguments, quotes removed.
    pub words: Vec<Word>,
}

/// One word of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// Its text without quotes.
    pub text: String,
    /// Where the first unquoted `*`, `?` or `[` is, in bytes of `text`.
    pub glob_at: Option<usize>,
    /// Whether an unquoted `=` makes it an assignment when it comes first.
    assigns: bool,
}

/// What a line has that is not understood; the text completes "it uses …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obscure(pub String);

/// The commands of `line` in order.
///
/// # Errors
/// [`Obscure`] names the first thing beyond the subset.
pub fn parse(line: &str) -> Result<Vec<Simple>, Obscure> {
    let mut reader =
        Reader { rest: line.trim().chars().peekable(), commands: Vec::new(), words: Vec::new(), word: None };
    reader.read()?;
    Ok(reader.commands)
}

/// Words as one line that a shell reads as just these words.
pub fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,@%+".contains(c);
    let word = |word: &str| match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    words.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    commands: Vec<Simple>,
    words: Vec<Word>,
    word: Option<Word>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), Obscure> {
        while let Some(c) = self.rest.next() {
            match c {
                ' ' | '\t' => self.end_word(),
                '\n' | ';' => self.end_command(c == '\n')?,
                '|' => {
                    self.rest.next_if_eq(&'|');
                    self.end_command(false)?;
                    self.skip_breaks();
                }
                '&' if self.rest.next_if_eq(&'&').is_some() => {
                    self.end_command(false)?;
                    self.skip_breaks();
                }
                '&' => return obscure("`&` to run something in the background"),
                '>' => self.redirect()?,
                '#' if self.word.is_none() => return obscure("a comment"),
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '\\' => self.escaped()?,
                other => self.plain(other)?,
            }
        }
        self.end_word();
        if !self.words.is_empty() {
            self.end_command(false)?;
        }
        if self.commands.is_empty() { obscure("no program at all") } else { Ok(()) }
    }

    /// An unquoted character.
    fn plain(&mut self, c: char) -> Result<(), Obscure> {
        match c {
            '$' => return obscure("`$`, a variable or a command substitution"),
            '`' => return obscure("a backtick, a command substitution"),
            '(' | ')' => return obscure("brackets, a subshell"),
            '{' | '}' => return obscure("braces, a group or an expansion"),
            '<' => return obscure("`<`, a redirection"),
            '!' if self.word.is_none() => return obscure("`!`, a negation"),
            _ if c.is_control() || (c.is_whitespace() && !c.is_ascii()) => return obscure("an invisible character"),
            _ => {}
        }
        let word = self.word.get_or_insert_default();
        match c {
            '*' | '?' | '[' => word.glob_at = word.glob_at.or(Some(word.text.len())),
            '=' => word.assigns = true,
            _ => {}
        }
        word.text.push(c);
        Ok(())
    }

    fn single_quoted(&mut self) -> Result<(), Obscure> {
        self.word.get_or_insert_default();
        loop {
            match self.rest.next() {
                Some('\'') => return Ok(()),
                Some(c) => self.literal(c)?,
                None => return obscure("a quote that is not closed"),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<(), Obscure> {
        self.word.get_or_insert_default();
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                Some('$') => return obscure("`$` within double quotes"),
                Some('`') => return obscure("a backtick, a command substitution"),
                Some('\\') if self.rest.peek() == Some(&'\n') => return obscure("a line that ends in a backslash"),
                Some('\\') => {
                    let escaped = self.rest.next_if(|c| matches!(c, '$' | '`' | '"' | '\\'));
                    self.literal(escaped.unwrap_or('\\'))?;
                }
                Some(c) => self.literal(c)?,
                None => return obscure("a quote that is not closed"),
            }
        }
    }

    fn escaped(&mut self) -> Result<(), Obscure> {
        match self.rest.next() {
            Some('\n') | None => obscure("a line that ends in a backslash"),
            Some(c) => self.literal(c),
        }
    }

    /// A character that stands for itself.
    fn literal(&mut self, c: char) -> Result<(), Obscure> {
        if c.is_control() && c != '\t' && c != '\n' {
            return obscure("an invisible character");
        }
        self.word.get_or_insert_default().text.push(c);
        Ok(())
    }

    /// `>/dev/null`, `2>/dev/null`, `2>&1`: nothing else is written to.
    fn redirect(&mut self) -> Result<(), Obscure> {
        let from = self.word.take();
        let from_errors = match from {
            Some(word) if word.text == "2" && word.glob_at.is_none() => true,
            Some(word) if word.text == "1" => false,
            Some(word) if !word.text.chars().all(|c| c.is_ascii_digit()) => {
                self.words.push(word);
                false
            }
            None => false,
            Some(_) => return obscure("a redirection"),
        };
        if from_errors && self.rest.next_if_eq(&'&').is_some() {
            let merged = self.rest.next() == Some('1') && self.at_word_end();
            return if merged { Ok(()) } else { obscure("a redirection") };
        }
        self.rest.next_if_eq(&'>');
        while self.rest.next_if_eq(&' ').is_some() {}
        let null = "/dev/null".chars().all(|c| self.rest.next_if_eq(&c).is_some());
        if null && self.at_word_end() { Ok(()) } else { obscure("`>`, which writes to a file") }
    }

    fn at_word_end(&mut self) -> bool {
        self.rest.peek().is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | ';' | '|' | '&'))
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self, may_be_empty: bool) -> Result<(), Obscure> {
        self.end_word();
        let words = std::mem::take(&mut self.words);
        match words.first() {
            None if may_be_empty => return Ok(()),
            None => return obscure("an empty command"),
            Some(first) if first.assigns => return obscure("a variable assignment"),
            Some(first) if first.glob_at.is_some() => return obscure("a pattern in place of a program"),
            Some(_) => self.commands.push(Simple { words }),
        }
        Ok(())
    }

    fn skip_breaks(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t' | '\n')).is_some() {}
    }
}

fn obscure<T>(what: &str) -> Result<T, Obscure> {
    Err(Obscure(what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<String>> {
        let commands = parse(line).unwrap_or_else(|why| panic!("{line}: {why:?}"));
        commands.into_iter().map(|one| one.words.into_iter().map(|word| word.text).collect()).collect()
    }

    #[test]
    fn quoted_words_are_read_as_they_were() {
        let all = ["ls", "", "a b", "it's", "$X", "~", "a=b", "*"];
        assert_eq!(words(&quoted(all)), [all]);
        assert_eq!(quoted(["git", "log", "-n5", "a/b.c"]), "git log -n5 a/b.c");
    }

    ///
    #[test]
    fn plain_lines_are_taken_apart() {
        assert_eq!(words("ls -la | head -n 5"), [vec!["ls", "-la"], vec!["head", "-n", "5"]]);
        assert_eq!(
            words("cat 'a b' \"c d\" e\\ f && pwd; date"),
            [vec!["cat", "a b", "c d", "e f"], vec!["pwd"], vec!["date"]]
        );
        assert_eq!(words("ls x 2>/dev/null || echo \"no \\$x\""), [vec!["ls", "x"], vec!["echo", "no $x"]]);
        assert_eq!(words("ls 2>&1 | wc -l >/dev/null\npwd\n"), [vec!["ls"], vec!["wc", "-l"], vec!["pwd"]]);
        assert_eq!(words("echo ''"), [vec!["echo", ""]]);
        assert_eq!(words("echo a=b '$(x)'"), [vec!["echo", "a=b", "$(x)"]]);
    }

    ///
    #[test]
    fn what_could_mean_more_is_refused() {
        for line in [
            "",
            "  ",
            ";",
            "ls;;ls",
            "| ls",
            "ls &",
            "ls & rm x",
            "ls |& cat",
            "ls &> f",
            "ls > f",
            "ls >> f",
            "ls 3> f",
            "ls >&2",
            "ls 2>&1x",
            "ls >/dev/null2",
            "ls >/dev/nul",
            "cat < f",
            "cat << E",
            "cat <<< x",
            "(ls)",
            "{ ls; }",
            "! ls",
            "ls $X",
            "ls \"$X\"",
            "ls `x`",
            "ls \"`x`\"",
            "ls $(x)",
            "A=1 ls",
            "A=1",
            "l? x",
            "ls {a,b}",
            "ls # x",
            "ls 'a",
            "ls \"a",
            "ls \\",
            "ls \\\n",
            "ls\rrm",
            "ls\u{a0}x",
            "ls \u{0}",
            "ls 'a\u{7}'",
            "ls <(x)",
            "f() { ls; }",
            "ls >| f",
            "'A'=1 ls",
            "ls \"a\\\nb\"",
        ] {
            assert!(parse(line).is_err(), "{line:?} was understood: {:?}", parse(line));
        }
    }
}
