//! Colours for the ground they stand on, and glyphs for terminals that have few. A view paints in one palette of the
//! terminal's sixteen colours; what leaves the screen is repainted here, so that no panel knows of themes.

use std::fmt;
use std::str::FromStr;

use ratatui::buffer::Buffer;
use ratatui::style::Color;
use unicode_width::UnicodeWidthStr as _;

/// Which colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// For a dark ground, from the terminal's sixteen colours.
    #[default]
    Dark,
    /// For a light ground.
    Light,
    /// None: words, weight and underlines only.
    Mono,
    /// A dark ground of its own in 24-bit colours that people who see red and green alike can tell apart.
    Night,
    /// The same on a light ground.
    Paper,
}

/// The colours of a theme that has all of its own, by the colour that a view paints in.
struct Palette {
    ink: Color,
    ground: Color,
    /// Of what is bad.
    red: Color,
    /// Of what is not as it should be.
    magenta: Color,
    /// Of what is.
    green: Color,
    /// Of what has the focus.
    cyan: Color,
}

const fn rgb(number: u32) -> Color {
    Color::Rgb((number >> 16) as u8, (number >> 8) as u8, number as u8)
}

// Bad, doubtful, good and in focus differ in how light and how blue they are, not in red and green alone; a test measures it.
const NIGHT: Palette = Palette {
    ink: rgb(0xee_eeee),
    ground: rgb(0x0e_1116),
    red: rgb(0xff_8c42),
    magenta: rgb(0xff_f176),
    green: rgb(0x6f_d0b0),
    cyan: rgb(0x7c_c7ff),
};
const PAPER: Palette = Palette {
    ink: rgb(0x10_1010),
    ground: rgb(0xff_fdf5),
    red: rgb(0xa8_3c00),
    magenta: rgb(0x5a_1a6e),
    green: rgb(0x00_7a5a),
    cyan: rgb(0x00_00cc),
};

impl Palette {
    fn paint(&self, colour: Color, reset: Color) -> Color {
        match colour {
            Color::Red => self.red,
            Color::Magenta => self.magenta,
            Color::Green => self.green,
            Color::Cyan => self.cyan,
            Color::Reset => reset,
            _ => colour,
        }
    }
}

impl Theme {
    /// All.
    pub const ALL: [Self; 5] = [Self::Dark, Self::Light, Self::Mono, Self::Night, Self::Paper];

    /// The next one, of those that the terminal can show.
    #[must_use]
    pub fn next(self, has_truecolor: bool) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Mono,
            Self::Mono if has_truecolor => Self::Night,
            Self::Night => Self::Paper,
            Self::Mono | Self::Paper => Self::Dark,
        }
    }

    /// The theme, or the nearest where a terminal has no 24-bit colours.
    #[must_use]
    pub fn or_nearest(self, has_truecolor: bool) -> Self {
        match self {
            Self::Night if !has_truecolor => Self::Dark,
            Self::Paper if !has_truecolor => Self::Light,
            _ => self,
        }
    }

    /// What an environment says about the ground: `COLORFGBG` is `foreground;background`, set by several terminals. A guess
    /// to begin with: the terminal itself is asked, where it can be.
    pub fn of_environment(colours: Option<&str>) -> Self {
        match colours.and_then(|text| text.rsplit(';').next()) {
            Some("7" | "15") => Self::Light,
            _ => Self::Dark,
        }
    }

    /// The colours of a cell: of its letters, and behind them.
    fn colours(self, fg: Color, bg: Color) -> (Color, Color) {
        match self {
            Self::Night => (NIGHT.paint(fg, NIGHT.ink), NIGHT.paint(bg, NIGHT.ground)),
            Self::Paper => (PAPER.paint(fg, PAPER.ink), PAPER.paint(bg, PAPER.ground)),
            _ => (self.paint(fg), self.paint(bg)),
        }
    }

    fn paint(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::Mono, _) => Color::Reset,
            // On black the darker one is dull, and it is the colour of what matters most.
            (Self::Dark, Color::Red) => Color::LightRed,
            // On white these two have too little contrast.
            (Self::Light, Color::Cyan) => Color::Blue,
            (Self::Light, Color::Green) => Color::Indexed(22),
            _ => colour,
        }
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Mono => "mono",
            Self::Night => "night",
            Self::Paper => "paper",
        })
    }
}

/// A word that is no theme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no theme; there are auto, dark, light, mono, night and paper")]
pub struct UnknownTheme(String);

impl FromStr for Theme {
    type Err = UnknownTheme;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|theme| theme.to_string() == text).ok_or_else(|| UnknownTheme(text.to_owned()))
    }
}

/// Whether a terminal says that it has 24-bit colours, by `COLORTERM`.
pub fn has_truecolor(says: Option<&str>) -> bool {
    matches!(says, Some("truecolor" | "24bit"))
}

/// Whether a terminal of this kind can be asked what its background is like: those are left alone that may show the question.
pub fn can_be_asked(term: Option<&str>) -> bool {
    const DEAF: [&str; 9] = ["dumb", "linux", "vt", "ansi", "cons", "sun", "wy", "eterm", "unknown"];
    term.is_some_and(|term| !term.is_empty() && !DEAF.iter().any(|deaf| term.starts_with(deaf)))
}

/// Whether a terminal of this locale shows UTF-8; the first variable that is set decides, as in the C library.
pub fn is_utf8(locale: [Option<&str>; 3]) -> bool {
    let said = locale.into_iter().flatten().find(|text| !text.is_empty());
    // Nothing said is `C`; but whoever has no locale today nearly always has a terminal that can.
    said.is_none_or(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("utf-8") || text.contains("utf8")
    })
}

/// Repaints a finished picture.
pub fn apply(theme: Theme, is_ascii: bool, buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        (cell.fg, cell.bg) = theme.colours(cell.fg, cell.bg);
        if is_ascii && !cell.symbol().is_ascii() {
            let plain = ascii(cell.symbol());
            cell.set_symbol(plain);
        }
    }
}

/// Our glyphs and the nearest ASCII of each.
const GLYPHS: &[(&str, &str)] = &[
    ("─━–—▄", "-"),
    ("│‖▕▏", "|"),
    ("╭╮╰╯├└┬┼▆✓", "+"),
    ("▎▌▸▶›→⟩", ">"),
    ("◀←⟨⏎", "<"),
    ("▁", "_"),
    ("▂░·•", "."),
    ("▃", ":"),
    ("▅", "="),
    ("▇◆◇", "*"),
    ("█■", "#"),
    ("▲↑", "^"),
    ("↓", "v"),
    ("…±", "~"),
    ("“”", "\""),
    ("’", "'"),
    ("µ", "u"),
];

/// The nearest ASCII of a glyph, as wide as it was.
fn ascii(symbol: &str) -> &'static str {
    match GLYPHS.iter().find(|(glyphs, _)| glyphs.contains(symbol)) {
        Some((_, plain)) => plain,
        None if symbol.width() > 1 => "??",
        None => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_says() {
        let asked = ["xterm-256color", "tmux-256color", "screen", "foot", "alacritty"];
        assert!(asked.iter().all(|term| can_be_asked(Some(term))));
        assert!([None, Some(""), Some("dumb"), Some("linux"), Some("vt220")].into_iter().all(|term| !can_be_asked(term)));
        assert_eq!(Theme::of_environment(Some("0;15")), Theme::Light);
        assert_eq!(Theme::of_environment(Some("15;default;0")), Theme::Dark);
        assert_eq!(Theme::of_environment(None), Theme::Dark);
        assert!(is_utf8([None, None, Some("en_US.UTF-8")]) && is_utf8([None, Some(""), Some("C.utf8")]) && is_utf8([None; 3]));
        assert!(!is_utf8([Some("C"), None, Some("en_US.UTF-8")]) && !is_utf8([None, None, Some("de_DE@euro")]));
        for theme in Theme::ALL {
            assert_eq!(theme.to_string().parse(), Ok(theme));
        }
        assert!(has_truecolor(Some("truecolor")) && has_truecolor(Some("24bit")));
        assert!(!has_truecolor(Some("1")) && !has_truecolor(None));
        assert_eq!([Theme::Night, Theme::Paper].map(|theme| theme.or_nearest(false)), [Theme::Dark, Theme::Light]);
        assert_eq!(
            (Theme::Mono.next(false), Theme::Mono.next(true), Theme::Paper.next(true)),
            (Theme::Dark, Theme::Night, Theme::Dark)
        );
        assert!("pink".parse::<Theme>().is_err());
    }
}
