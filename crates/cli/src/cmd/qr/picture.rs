//! A code as a picture in a terminal: half blocks, two rows of modules a line, dark on light whatever the terminal's own
//! colours are.

use qrcode::{Color, EcLevel, QrCode};

/// What most terminals have.
const COLUMNS: usize = 80;
/// Light modules around it; cameras want them.
const QUIET: usize = 2;
/// Black on white: the colours of the terminal may be anything.
const PAPER: &str = "\x1b[38;5;16;48;5;231m";
const PLAIN: &str = "\x1b[0m";

/// The picture of `text`; `None` when it does not fit a terminal. Without `colour` light is what is drawn, as terminals
/// are mostly dark.
pub(super) fn of(text: &str, colour: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let side = code.width() + 2 * QUIET;
    if side > COLUMNS {
        return None;
    }
    let dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < code.width());
        inside(x).zip(inside(y)).is_some_and(|at| code[at] == Color::Dark)
    };
    let glyph = |upper: bool, lower: bool| match (upper, lower) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    let line = |y: usize| {
        let row: String = (0..side)
            .map(|x| {
                let (upper, lower) = (dark(x, y), y + 1 < side && dark(x, y + 1));
                if colour { glyph(upper, lower) } else { glyph(!upper, !lower) }
            })
            .collect();
        if colour { format!("{PAPER}{row}{PLAIN}") } else { row }
    };
    Some((0..side).step_by(2).map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much as a code with four addresses and a pin.
    fn long() -> String {
        "eyJ1cmwi".repeat(50)
    }

    /// CON-4: every module is where the library put it, in both looks, and a line fits a terminal.
    #[test]
    fn the_picture_is_the_code_module_by_module() {
        for text in ["short", &long()] {
            let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
            for colour in [true, false] {
                let picture = of(text, colour).unwrap();
                let rows: Vec<Vec<char>> = picture
                    .lines()
                    .map(|line| line.trim_start_matches(PAPER).trim_end_matches(PLAIN).chars().collect())
                    .collect();
                assert!(rows.iter().all(|row| row.len() == code.width() + 2 * QUIET && row.len() <= COLUMNS));
                for y in 0..code.width() {
                    for x in 0..code.width() {
                        let (row, half) = ((y + QUIET) / 2, (y + QUIET) % 2);
                        let drawn = matches!((rows[row][x + QUIET], half), ('█', _) | ('▀', 0) | ('▄', 1));
                        assert_eq!(drawn == colour, code[(x, y)] == Color::Dark, "{text} {colour} {x} {y}");
                    }
                }
            }
        }
        assert_eq!(of(&"x".repeat(1000), true), None, "too wide for a terminal");
    }
}
