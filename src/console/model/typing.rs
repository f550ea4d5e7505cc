//! Lines being typed: the filter, with those that were kept before, and what is pasted. A pasted text is a text: no line break in
//! it ends the line, and nothing of it is a key.

use chrono::{DateTime, TimeDelta, Utc};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::model::Model;
use crate::console::model::mutes::Focus;
use crate::console::model::screen::Selection;
use crate::console::model::triage::{Dialog, edit};
use crate::filter::{Filter, FilterError};
use crate::triage::{MAX_COMMENT, MAX_REASON};

/// How long a filter may be, in bytes.
const MAX_FILTER: usize = 1000;
/// How many filters are remembered.
const FILTERS: usize = 50;
/// Presses of one key that follow one another faster are those of a key that is held.
const HELD: TimeDelta = TimeDelta::milliseconds(60);

/// A line being typed.
#[derive(Debug, Clone, Default)]
pub struct Editor {
    /// The text.
    pub text: String,
    /// Why the text is no filter yet.
    pub error: Option<FilterError>,
    /// The filter as it was, for esc.
    before: String,
    /// Which of the filters that were kept before is shown, counted from the newest.
    place: Option<usize>,
}

impl Editor {
    /// Begins with the filter as it is.
    pub(super) fn of(filter: &str) -> Self {
        Self { text: filter.to_owned(), before: filter.to_owned(), ..Self::default() }
    }
}

/// Whether a key is held: terminals only repeat it.
#[derive(Debug, Default)]
pub(super) struct Held(Option<(KeyEvent, DateTime<Utc>)>);

impl Held {
    /// A key was pressed; whether it is the one before, held.
    pub(super) fn press(&mut self, key: KeyEvent, now: DateTime<Utc>) -> bool {
        let before = self.0.replace((key, now));
        before.is_some_and(|(other, at)| other == key && now - at < HELD)
    }
}

impl Model {
    pub(super) fn editor_key(&mut self, key: KeyEvent) {
        let Some(editor) = &mut self.editor else { return };
        match key.code {
            KeyCode::Esc => {
                let before = std::mem::take(&mut editor.before);
                self.editor = None;
                return self.set_filter(&before);
            }
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.editor = None;
                return;
            }
            KeyCode::Enter => {
                if editor.error.is_none() {
                    self.editor = None;
                    self.remember_filter();
                }
                return;
            }
            KeyCode::Up => return self.recall_filter(1),
            KeyCode::Down => return self.recall_filter(-1),
            KeyCode::Char(_) if editor.text.len() >= MAX_FILTER && key.modifiers.is_empty() => return,
            _ => {
                let before = editor.text.clone();
                edit(&mut editor.text, key);
                if editor.text == before {
                    return;
                }
            }
        }
        self.try_filter();
    }

    /// What is typed becomes the filter as soon as it is one.
    fn try_filter(&mut self) {
        let Some(editor) = &mut self.editor else { return };
        let text = editor.text.clone();
        editor.error = Filter::parse(&text).err();
        if editor.error.is_none() {
            self.set_filter(&text);
        }
    }

    fn remember_filter(&mut self) {
        let text = self.filter_text.clone();
        if !text.is_empty() {
            self.filters.retain(|own| *own != text);
            self.filters.push(text);
            self.filters.drain(..self.filters.len().saturating_sub(FILTERS));
        }
    }

    /// Shows a filter that was kept before; below the newest is the line as it was.
    fn recall_filter(&mut self, by: isize) {
        let Some(editor) = &mut self.editor else { return };
        let place = editor.place.map_or(0, |place| place as isize + 1) + by;
        let place = place.clamp(0, self.filters.len() as isize) as usize;
        editor.place = place.checked_sub(1);
        let recalled = place.checked_sub(1).and_then(|place| self.filters.iter().rev().nth(place));
        editor.text = recalled.unwrap_or(&editor.before).clone();
        self.try_filter();
    }

    pub(super) fn set_filter(&mut self, text: &str) {
        if let Ok(filter) = Filter::parse(text) {
            text.trim().clone_into(&mut self.filter_text);
            self.alerts.refilter(&filter, self.now);
            self.pages.refiltered();
            self.filter = filter;
            self.alert = Selection::default();
            self.new_above = 0;
        }
    }

    /// A pasted text goes into the line that is being typed, and nowhere else.
    pub(super) fn paste(&mut self, text: &str) {
        self.hint = None;
        let is_comment = matches!(self.dialog, Some(Dialog::Comment(..)));
        let (line, most) = match (&mut self.editor, &mut self.dialog) {
            (_, Some(Dialog::Comment(_, line))) => (line, MAX_REASON - 4),
            (_, Some(Dialog::Mute(form))) if form.focus == Focus::Reason => (&mut form.reason, MAX_REASON - 4),
            (_, Some(Dialog::Export(form))) => (&mut form.path, MAX_REASON - 4),
            (Some(editor), None) if self.help.is_none() => (&mut editor.text, MAX_FILTER),
            _ => {
                self.hint = Some("a pasted text goes into a line; / opens one for a filter");
                return;
            }
        };
        // A line break at the end is how it was copied.
        let mut letters =
            text.trim_end_matches(['\r', '\n']).chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        let mut left = if is_comment { MAX_COMMENT.saturating_sub(line.chars().count()) } else { usize::MAX };
        while line.len() < most && left > 0 {
            left -= 1;
            let Some(letter) = letters.next() else { break };
            line.push(letter);
        }
        let is_cut = letters.next().is_some();
        if self.dialog.is_none() {
            self.try_filter();
        }
        if is_cut {
            self.hint = Some("the pasted text was too long: its end is left out");
        }
    }
}
