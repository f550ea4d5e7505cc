//! A line being typed, whatever it is for: a text, and where in it the cursor stands. The keys are those of a shell (readline),
//! so that nobody has to learn them here.

use std::ops::Deref;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::printable::clusters;

/// How long a text is that is searched for, in bytes.
const SEARCHED: usize = 200;

/// A line of text with a cursor in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextLine {
    text: String,
    /// The byte that the cursor stands on; the length of the text where it stands behind it.
    at: usize,
    /// How long the text may be, in bytes and in letters.
    most: usize,
    letters: usize,
}

impl Default for TextLine {
    fn default() -> Self {
        Self::of("", SEARCHED)
    }
}

impl Deref for TextLine {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl TextLine {
    /// A text of at most so many bytes, to be gone on with.
    pub fn of(text: &str, most: usize) -> Self {
        Self { text: text.to_owned(), at: text.len(), most, letters: usize::MAX }
    }

    /// The same of at most so many letters.
    #[must_use]
    pub fn of_letters(self, letters: usize) -> Self {
        Self { letters, ..self }
    }

    /// Whether nothing more goes in.
    pub fn is_full(&self) -> bool {
        self.text.len() >= self.most || self.text.chars().count() >= self.letters
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The byte that the cursor stands on.
    pub fn cursor(&self) -> usize {
        self.at
    }

    /// Another text, the cursor behind it.
    pub fn set(&mut self, text: &str) {
        *self = Self::of(text, self.most).of_letters(self.letters);
    }

    /// Puts a text in at the cursor, as much of it as there is room for; whether that was all.
    pub fn insert(&mut self, text: &str) -> bool {
        let mut letters = self.text.chars().count();
        for letter in text.chars() {
            letters += 1;
            if self.text.len() + letter.len_utf8() > self.most || letters > self.letters {
                return false;
            }
            self.text.insert(self.at, letter);
            self.at += letter.len_utf8();
        }
        true
    }

    /// A key goes into the line; whether the text is another now.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let length = self.text.len();
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        let is_alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char(letter) if is_control => self.control(letter),
            KeyCode::Left if is_control || is_alt => self.at = self.word_before(),
            KeyCode::Right if is_control || is_alt => self.at = self.word_after(),
            KeyCode::Char('b') if is_alt => self.at = self.word_before(),
            KeyCode::Char('f') if is_alt => self.at = self.word_after(),
            KeyCode::Char('d') if is_alt => self.delete(self.at, self.word_after()),
            KeyCode::Backspace if is_alt => self.delete(self.word_before(), self.at),
            KeyCode::Left => self.at = self.before(),
            KeyCode::Right => self.at = self.after(),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = length,
            KeyCode::Backspace => self.delete(self.before(), self.at),
            KeyCode::Delete => self.delete(self.at, self.after()),
            KeyCode::Char(letter) if !is_alt && !letter.is_control() => {
                return self.insert(letter.encode_utf8(&mut [0; 4]));
            }
            _ => {}
        }
        self.text.len() != length
    }

    fn control(&mut self, letter: char) {
        match letter {
            'a' => self.at = 0,
            'e' => self.at = self.text.len(),
            'b' => self.at = self.before(),
            'f' => self.at = self.after(),
            'd' => self.delete(self.at, self.after()),
            // What some terminals send for backspace.
            'h' => self.delete(self.before(), self.at),
            'u' => self.delete(0, self.at),
            'k' => self.delete(self.at, self.text.len()),
            'w' => self.delete(self.blank_before(), self.at),
            _ => {}
        }
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.drain(from..to);
        self.at = from;
    }

    /// Where the letter before the cursor begins, with the marks on it.
    fn before(&self) -> usize {
        let last = clusters(&self.text[..self.at]).last();
        self.at - last.map_or(0, str::len)
    }

    fn after(&self) -> usize {
        let next = clusters(&self.text[self.at..]).next();
        self.at + next.map_or(0, str::len)
    }

    /// Where the word before the cursor begins.
    fn word_before(&self) -> usize {
        let text = self.text[..self.at].trim_end_matches(|letter: char| !letter.is_alphanumeric());
        text.trim_end_matches(char::is_alphanumeric).len()
    }

    /// Where the word at the cursor, or the next one, ends.
    fn word_after(&self) -> usize {
        let text = self.text[self.at..].trim_start_matches(|letter: char| !letter.is_alphanumeric());
        self.text.len() - text.trim_start_matches(char::is_alphanumeric).len()
    }

    /// Where what stands between blanks before the cursor begins.
    fn blank_before(&self) -> usize {
        let text = self.text[..self.at].trim_end();
        text.trim_end_matches(|letter: char| !letter.is_whitespace()).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::keys::event_of;
    use proptest::prelude::*;

    /// The line after some keys, with `|` where the cursor stands.
    fn after(text: &str, keys: &str) -> String {
        let mut line = TextLine::of(text, 40);
        for name in keys.split_whitespace() {
            line.key(event_of(name).unwrap_or_else(|| panic!("no key {name}")));
        }
        let (before, after) = line.split_at(line.cursor());
        format!("{before}|{after}")
    }

    #[test]
    fn keys_of_a_line() {
        let rows = [
            ("abc", "", "abc|"),
            ("abc", "left left x", "ax|bc"),
            ("abc", "left left left left", "|abc"),
            ("abc", "home right", "a|bc"),
            ("abc", "ctrl-a ctrl-f delete", "a|c"),
            ("abc", "ctrl-a right end", "abc|"),
            ("abc", "ctrl-b backspace", "a|c"),
            ("abc", "right delete", "abc|"),
            ("abc", "home backspace", "|abc"),
            ("abc", "ctrl-a ctrl-d ctrl-e", "bc|"),
            ("abc", "left ctrl-u", "|c"),
            ("abc", "home right ctrl-k", "a|"),
            ("abc", "ctrl-h", "ab|"),
            ("host:DC01 sev>=high", "ctrl-left", "host:DC01 sev>=|high"),
            ("host:DC01 sev>=high", "alt-left alt-b alt-left", "host:|DC01 sev>=high"),
            ("host:DC01 sev>=high", "home ctrl-right alt-f", "host:DC01| sev>=high"),
            ("host:DC01 sev>=high", "ctrl-w", "host:DC01 |"),
            ("host:DC01 sev>=high ", "ctrl-w ctrl-w", "|"),
            ("host:DC01 sev>=high", "ctrl-left ctrl-left ctrl-w", "|sev>=high"),
            ("host:DC01 sev>=high", "alt-backspace", "host:DC01 sev>=|"),
            ("host:DC01 sev>=high", "home alt-d", "|:DC01 sev>=high"),
            ("日本語", "left backspace", "日|語"),
            ("日本語", "home right delete", "日|語"),
            // A letter and the marks on it are one.
            ("ne\u{301}e", "left left", "n|e\u{301}e"),
            ("ne\u{301}e", "left backspace", "n|e"),
            ("ab", "ctrl-x alt-x ctrl-left", "|ab"),
        ];
        for (text, keys, expected) in rows {
            assert_eq!(after(text, keys), expected, "{text}: {keys}");
        }
    }

    #[test]
    fn no_longer_than_it_may_be() {
        let mut line = TextLine::of("äö", 6);
        line.key(event_of("left").expect("a key"));
        assert!(line.insert("ü") && !line.insert("x") && line.as_str() == "äüö");
        line.set("");
        assert!(!line.insert("abcdäx"), "its end was left out");
        assert_eq!((line.as_str(), line.cursor()), ("abcdä", 6));
    }

    proptest! {
        #[test]
        fn the_cursor_stands_between_letters(text in "\\PC{0,12}", keys in prop::collection::vec(0_usize..16, 0..24)) {
            let names = [
                "left", "right", "home", "end", "ctrl-left", "ctrl-right", "delete", "backspace", "ctrl-w", "ctrl-u", "ctrl-k",
                "alt-d", "alt-backspace", "x", "語", "\u{301}",
            ];
            let mut line = TextLine::of(&text, 40);
            for place in keys {
                let before = line.clone();
                let is_changed = line.key(event_of(names[place]).expect("a key"));
                prop_assert_eq!(is_changed, before.as_str() != line.as_str());
                prop_assert!(line.is_char_boundary(line.cursor()) && line.len() <= 60);
            }
        }
    }
}
