//! What the terminal answers when it is asked for its background (OSC 11), told apart from keys. Pure.
//!
//! ```text
//! asked     ESC ] 11 ; ? BEL
//! answered  ESC ] 11 ; rgb:1e1e/1e1e/2e2e BEL          or with ESC \ at its end
//! read as   Alt-]  1  1  ;  r  g  b  :  …  Ctrl-G      or Alt-\
//! ```
//!
//! crossterm knows no such answer and reads it as keys. It may come at once, seconds later, in pieces, or never, so nobody waits
//! for it: what begins like an answer is held back until it is one, or is none and goes on as the keys that it was. An answer
//! that is not understood is dropped like one that is. Device attributes are not asked for besides, as is customary: what they
//! are good for is to end a wait, and crossterm keeps them to itself.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tokio::time::Instant;

use crate::console::theme::Theme;

/// The question. It ends with BEL so that the answer does: of `ESC \` the first half could be taken for a key.
pub(super) const QUESTION: &str = "\u{1b}]11;?\u{7}";
/// How an answer begins, after `ESC ]`.
const PREFIX: &str = "11;";
/// The longest answer that is looked at.
const LONGEST: usize = 32;
/// How long the end of an answer may take.
const WHOLE_WITHIN: Duration = Duration::from_secs(1);
/// How long an Escape is held back that may be the first byte of an answer in pieces.
const ESCAPE: Duration = Duration::from_millis(40);
/// How long after the question.
const PIECES_WITHIN: Duration = Duration::from_secs(3);

/// What came from the terminal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    /// Somebody typed, or the terminal has another size.
    Event(Event),
    /// It said what its background is like.
    Ground(Theme),
}

/// How much of an answer is there.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Nothing,
    /// What may be its beginning, as keys.
    Beginning(Vec<KeyEvent>),
    /// What it says so far, and whether an Escape stood behind it.
    Saying(String, bool),
}

/// Hears what comes from the terminal.
#[derive(Debug)]
pub(super) struct Answer {
    /// When the question was put, if it was.
    asked: Option<Instant>,
    is_answered: bool,
    part: Part,
    /// When what is held back is held no more.
    until: Option<Instant>,
}

impl Answer {
    /// Nothing was asked: all that comes are keys.
    pub(super) fn new() -> Self {
        Self { asked: None, is_answered: false, part: Part::Nothing, until: None }
    }

    /// The question was put.
    pub(super) fn expect(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// When the question was put, while no answer has come.
    pub(super) fn outstanding(&self) -> Option<Instant> {
        self.asked.filter(|_| !self.is_answered)
    }

    /// When [`give_up`](Self::give_up) is due.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The rest of an answer has not come: what may have been keys are.
    pub(super) fn give_up(&mut self, heard: &mut impl Extend<Heard>) {
        self.until = None;
        if let Part::Beginning(keys) = std::mem::replace(&mut self.part, Part::Nothing) {
            heard.extend(keys.into_iter().map(|key| Heard::Event(Event::Key(key))));
        }
    }

    /// Something came; puts behind what was heard what it is, if that is known by now. What is held back for too long and was not
    /// given up yet still goes together with it: a process that was slow reads late what came early.
    pub(super) fn hear(&mut self, event: Event, now: Instant, heard: &mut impl Extend<Heard>) {
        let Event::Key(key) = event else {
            self.give_up(heard);
            return heard.extend([Heard::Event(event)]);
        };
        match &mut self.part {
            Part::Nothing => self.begin(key, now, heard),
            Part::Beginning(keys) => {
                keys.push(key);
                let text = keys_after_start(keys);
                if text.as_deref() == Some(PREFIX) {
                    self.part = Part::Saying(String::new(), false);
                } else if text.is_some_and(|text| PREFIX.starts_with(&text)) {
                    self.until = Some(now + WHOLE_WITHIN);
                } else {
                    // The last one may begin another.
                    keys.pop();
                    self.give_up(heard);
                    self.begin(key, now, heard);
                }
            }
            Part::Saying(text, after_escape) => match key.code {
                KeyCode::Char('g') if key.modifiers == KeyModifiers::CONTROL => self.end(heard),
                KeyCode::Char('\\') if key.modifiers == KeyModifiers::ALT || *after_escape => self.end(heard),
                KeyCode::Esc if !*after_escape => *after_escape = true,
                KeyCode::Char(letter)
                    if !*after_escape && !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
                {
                    // More is no colour, and dropped as well.
                    if text.len() < LONGEST {
                        text.push(letter);
                    }
                }
                // No terminal says this: the answer was cut off, and somebody types.
                _ => {
                    self.end(heard);
                    self.begin(key, now, heard);
                }
            },
        }
    }

    fn begin(&mut self, key: KeyEvent, now: Instant, heard: &mut impl Extend<Heard>) {
        let may_be_in_pieces = || self.outstanding().is_some_and(|asked| now < asked + PIECES_WITHIN);
        let hold = match (key.code, key.modifiers) {
            (KeyCode::Char(']'), KeyModifiers::ALT) if self.asked.is_some() => WHOLE_WITHIN,
            (KeyCode::Esc, KeyModifiers::NONE) if may_be_in_pieces() => ESCAPE,
            _ => return heard.extend([Heard::Event(Event::Key(key))]),
        };
        self.part = Part::Beginning(vec![key]);
        self.until = Some(now + hold);
    }

    fn end(&mut self, heard: &mut impl Extend<Heard>) {
        self.until = None;
        if let Part::Saying(text, _) = std::mem::replace(&mut self.part, Part::Nothing) {
            self.is_answered = true;
            heard.extend(ground(&text).map(Heard::Ground));
        }
    }
}

/// What was typed after `ESC ]`, be that one key or two; `None` where it is no such beginning.
fn keys_after_start(keys: &[KeyEvent]) -> Option<String> {
    let rest = match keys {
        [start, rest @ ..] if start.modifiers == KeyModifiers::ALT => rest,
        [_, start, rest @ ..] if start.code == KeyCode::Char(']') && start.modifiers.is_empty() => rest,
        _ => return None,
    };
    let letter = |key: &KeyEvent| key.code.as_char().filter(|_| key.modifiers.is_empty());
    rest.iter().map(letter).collect()
}

/// The theme for a background: `rgb:RRRR/GGGG/BBBB` with one to four hexadecimal digits each, as XParseColor reads it.
fn ground(text: &str) -> Option<Theme> {
    let text = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    let mut parts = text.split('/').map(|digits| {
        let is_fit = (1..=4).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let most = f64::from((1_u32 << (4 * digits.len().min(4))) - 1);
        u32::from_str_radix(digits, 16).ok().filter(|_| is_fit).map(|value| f64::from(value) / most)
    });
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    // As bright as it looks (Rec. 709).
    let is_light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5;
    Some(if is_light { Theme::Light } else { Theme::Dark })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys as crossterm reads these bytes; `ESC` in front of a letter is Alt, and `␛` is an Escape by itself.
    fn keys(text: &str) -> Vec<KeyEvent> {
        let mut modifiers = KeyModifiers::NONE;
        let mut all = Vec::new();
        for letter in text.chars() {
            let key = match letter {
                '\u{1b}' => {
                    modifiers = KeyModifiers::ALT;
                    continue;
                }
                '␛' => KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE),
                '\u{7}' => KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL),
                _ => KeyEvent::new(KeyCode::Char(letter), modifiers),
            };
            modifiers = KeyModifiers::NONE;
            all.push(key);
        }
        all
    }

    /// What is heard of pieces that come so many milliseconds after the question, as text: keys, `L` or `D` for the ground.
    fn heard(pieces: &[(u64, &str)], is_asked: bool) -> String {
        let begin = Instant::now();
        let mut answer = Answer::new();
        if is_asked {
            answer.expect(begin);
        }
        let mut all: Vec<Heard> = Vec::new();
        for (at, piece) in pieces {
            let now = begin + Duration::from_millis(*at);
            if answer.until().is_some_and(|until| until <= now) {
                answer.give_up(&mut all);
            }
            keys(piece).into_iter().for_each(|key| answer.hear(Event::Key(key), now, &mut all));
        }
        answer.give_up(&mut all);
        let text = |heard: &Heard| match heard {
            Heard::Ground(theme) => if *theme == Theme::Light { "<L>" } else { "<D>" }.to_owned(),
            Heard::Event(Event::Key(KeyEvent { code: KeyCode::Esc, .. })) => "␛".to_owned(),
            Heard::Event(Event::Key(key)) => {
                let alt = if key.modifiers == KeyModifiers::ALT { "alt-" } else { "" };
                let control = if key.modifiers == KeyModifiers::CONTROL { "ctrl-" } else { "" };
                format!("{alt}{control}{}", key.code)
            }
            Heard::Event(event) => format!("{event:?}"),
        };
        all.iter().map(text).collect()
    }

    #[test]
    fn answers_are_no_keys_and_keys_are() {
        const WHOLE: &str = "\u{1b}]11;rgb:ffff/ffff/ffff\u{7}";
        type Pieces = &'static [(u64, &'static str)];
        let rows: [(&str, Pieces, &str); 26] = [
            ("at once", &[(1, WHOLE)], "<L>"),
            ("late", &[(2000, WHOLE)], "<L>"),
            ("a minute late", &[(60_000, WHOLE)], "<L>"),
            ("twice", &[(1, WHOLE), (50, WHOLE)], "<L><L>"),
            ("dark", &[(1, "\u{1b}]11;rgb:1e1e/1e1e/2e2e\u{7}")], "<D>"),
            ("with the other end", &[(1, "\u{1b}]11;rgb:ff/ff/ff\u{1b}\\")], "<L>"),
            ("with an opacity", &[(1, "\u{1b}]11;rgba:0000/0000/0000/ffff\u{7}")], "<D>"),
            ("in two halves", &[(1, "\u{1b}]11;rgb:ff"), (900, "ff/ffff/ffff\u{7}")], "<L>"),
            ("cut before its number", &[(1, "\u{1b}]"), (900, "11;rgb:ffff/ffff/ffff\u{7}")], "<L>"),
            ("cut after the first byte", &[(200, "␛"), (220, "]11;rgb:ffff/ffff/ffff\u{7}")], "<L>"),
            ("cut inside the end", &[(1, "\u{1b}]11;rgb:ff/ff/ff␛"), (20, "\\")], "<L>"),
            ("never", &[(1, "n"), (2000, "3␛q")], "n3␛q"),
            ("keys before and after", &[(1, "n"), (2, WHOLE), (3, "q")], "n<L>q"),
            ("no colour", &[(1, "\u{1b}]11;rgb:zz/zz/zz\u{7}q")], "q"),
            ("garbage of the same kind", &[(1, "\u{1b}]11;aq/n\u{7}q")], "q"),
            (
                "endless garbage",
                &[(1, "\u{1b}]11;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), (1500, "q")],
                "q",
            ),
            ("never ended", &[(1, "\u{1b}]11;rgb:ff"), (1200, "n")], "n"),
            ("another answer", &[(1, "\u{1b}]4;1\u{7}")], "alt-]4;1ctrl-g"),
            ("an Escape soon", &[(500, "␛"), (600, "n")], "␛n"),
            ("an Escape and a key at once", &[(500, "␛n")], "␛n"),
            ("two Escapes", &[(500, "␛␛")], "␛␛"),
            ("an Escape and an answer", &[(500, "␛"), (510, WHOLE)], "␛<L>"),
            ("an Escape and a bracket much later", &[(5000, "␛"), (5001, "]11;q")], "␛]11;q"),
            ("Alt and a bracket by hand", &[(500, "\u{1b}]"), (1600, "1")], "alt-]1"),
            ("and a key", &[(500, "\u{1b}]1q")], "alt-]1q"),
            ("an Escape inside an answer that was cut", &[(1, "\u{1b}]11;rgb:ff/ff/ff␛n")], "<L>n"),
        ];
        for (name, pieces, expected) in rows {
            assert_eq!(heard(pieces, true), expected, "{name}");
        }
        assert_eq!(heard(&[(1, WHOLE)], false), "alt-]11;rgb:ffff/ffff/ffffctrl-g", "nobody asked");
        assert_eq!(heard(&[(1, "␛"), (1, "]")], false), "␛]", "nobody asked");
    }

    #[test]
    fn wherever_an_answer_is_cut_it_is_none_of_its_keys() {
        for end in ["\u{7}", "\u{1b}\\"] {
            let whole = format!("\u{1b}]11;rgb:ffff/ffff/ffff{end}");
            for at in 1..whole.len() {
                // An Escape at the end of a piece is read as a key.
                let piece = |text: &str| text.strip_suffix('\u{1b}').map_or(text.to_owned(), |text| format!("{text}␛"));
                let (one, two) = (piece(&whole[..at]), piece(&whole[at..]));
                assert_eq!(heard(&[(5, "n"), (10, &one), (30, &two), (31, "q")], true), "n<L>q", "cut at {at}");
            }
        }
    }

    #[test]
    fn what_is_no_key_comes_through() {
        let now = Instant::now();
        let mut answer = Answer::new();
        answer.expect(now);
        let mut all: Vec<Heard> = Vec::new();
        answer.hear(Event::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)), now, &mut all);
        assert!(all.is_empty() && answer.until() == Some(now + ESCAPE));
        answer.hear(Event::Resize(80, 24), now, &mut all);
        assert!(matches!(&all[..], [Heard::Event(Event::Key(_)), Heard::Event(Event::Resize(80, 24))]), "{all:?}");
        assert_eq!(answer.until(), None);
    }

    #[test]
    fn grounds() {
        for (text, expected) in [
            ("rgb:0/0/0", Some(Theme::Dark)),
            ("rgb:f/f/f", Some(Theme::Light)),
            ("rgb:fdfd/f6f6/e3e3", Some(Theme::Light)),
            ("rgb:00/2b/36", Some(Theme::Dark)),
            ("rgb:00/00/ff", Some(Theme::Dark)),
            ("rgb:ff/ff/00", Some(Theme::Light)),
            ("rgb:ff/ff", None),
            ("rgb:ff//ff", None),
            ("rgb:fffff/0/0", None),
            ("rgb:+f/0/0", None),
            ("#ffffff", None),
            ("", None),
        ] {
            assert_eq!(ground(text), expected, "{text}");
        }
    }
}
