//! Programs that do nothing but start another one.

/// Programs that do nothing but start another one, and how their own arguments are told from it.
pub(super) const WRAPPERS: &[(&str, Skip)] =
    &[("env", plain), ("nohup", plain), ("nice", nice), ("stdbuf", stdbuf), ("timeout", timeout)];

/// How many words of a wrapper's own come before the program; `None` when that is not understood.
pub(super) type Skip = fn(&[String]) -> Option<usize>;

/// The program comes first, after `--` or not.
fn plain(arguments: &[String]) -> Option<usize> {
    let own = usize::from(arguments.first()? == "--");
    let program = arguments.get(own)?;
    (!program.starts_with('-') && !program.contains('=')).then_some(own)
}

/// `nice -n 5 program`, `nice --adjustment=5 program`.
fn nice(arguments: &[String]) -> Option<usize> {
    let is_number = |text: &str| text.parse::<i16>().is_ok();
    let own = match arguments.first()?.as_str() {
        "-n" => is_number(arguments.get(1)?).then_some(2)?,
        word => match word.strip_prefix("--adjustment=").or_else(|| word.strip_prefix("-n")) {
            Some(number) => is_number(number).then_some(1)?,
            None => 0,
        },
    };
    Some(own + plain(&arguments[own..])?)
}

/// `stdbuf -oL program`.
fn stdbuf(arguments: &[String]) -> Option<usize> {
    let is_mode = |word: &str| {
        let mode = ["-i", "-o", "-e"].iter().find_map(|flag| word.strip_prefix(flag));
        mode.is_some_and(|mode| mode == "L" || (!mode.is_empty() && mode.chars().all(|c| c.is_ascii_digit())))
    };
    let own = arguments.iter().take_while(|word| is_mode(word)).count();
    Some(own + plain(&arguments[own..])?)
}

/// `timeout -k 5 -s TERM 10s program`.
fn timeout(arguments: &[String]) -> Option<usize> {
    let is_time = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let mut own = 0;
    loop {
        match arguments.get(own)?.as_str() {
            "-k" if is_time(arguments.get(own + 1)?) => own += 2,
            "-s" if arguments.get(own + 1)?.chars().all(|c| c.is_ascii_alphanumeric()) => own += 2,
            "--foreground" | "--preserve-status" => own += 1,
            word if is_time(word) => return Some(own + 1 + plain(&arguments[own + 1..])?),
            _ => return None,
        }
    }
}
