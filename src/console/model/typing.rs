//! Lines being typed: the filter, with those that were kept before, and what is pasted. A pasted text is a text: no line break in
//! it ends the line, and nothing of it is a key.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::model::Model;
use crate::console::model::complete::so_far;
use crate::console::model::line::TextLine;
use crate::console::model::mutes::Focus;
use crate::console::model::triage::Dialog;
use crate::filter::{Filter, FilterError};

/// How long a filter may be, in bytes.
const MAX_FILTER: usize = 1000;
/// How many filters are remembered.
const FILTERS: usize = 50;

/// A filter being typed.
#[derive(Debug, Clone)]
pub struct Editor {
    /// The text.
    pub text: TextLine,
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
        Self { text: TextLine::of(filter, MAX_FILTER), error: None, before: filter.to_owned(), place: None }
    }
}

impl Model {
    pub(super) fn editor_key(&mut self, key: KeyEvent) {
        let Some(editor) = &mut self.editor else { return };
        match key.code {
            KeyCode::Esc => {
                let before = std::mem::take(&mut editor.before);
                self.editor = None;
                return self.hold_to(&before);
            }
            KeyCode::Enter => {
                if editor.error.is_none() {
                    let text = std::mem::take(&mut editor.text);
                    self.editor = None;
                    self.hold_to(&text);
                    self.remember_filter();
                }
                return;
            }
            KeyCode::Tab => {
                let text = editor.text.to_string();
                let Some(text) = self.completed(&text) else { return };
                if let Some(editor) = &mut self.editor {
                    editor.text.set(&text);
                }
            }
            KeyCode::Up => return self.recall_filter(1),
            KeyCode::Down => return self.recall_filter(-1),
            _ if !editor.text.key(key) => return,
            _ => {}
        }
        self.try_filter();
    }

    /// What is typed becomes the filter as soon as it is one; a last word that is not complete changes nothing yet.
    fn try_filter(&mut self) {
        let Some(editor) = &mut self.editor else { return };
        let text = editor.text.to_string();
        editor.error = Filter::parse(&text).err();
        self.hold_to(so_far(&text));
    }

    /// Sets the filter, if it is another one: nothing is listed or asked for twice.
    fn hold_to(&mut self, text: &str) {
        if text.trim() != self.filter_text {
            self.set_filter(text);
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
        editor.text.set(recalled.unwrap_or(&editor.before));
        self.try_filter();
    }

    pub(super) fn set_filter(&mut self, text: &str) {
        if Filter::parse(text).is_ok() {
            text.trim().clone_into(&mut self.filter_text);
            self.apply_filter();
        }
    }

    /// A pasted text goes into the line that is being typed, and nowhere else.
    pub(super) fn paste(&mut self, text: &str) {
        self.hint = None;
        let Some(line) = self.line_in_front() else {
            self.hint = Some("a pasted text goes into a line; / opens one for a filter");
            return;
        };
        // A line break at the end is how it was copied.
        let text = text.trim_end_matches(['\r', '\n']).replace(char::is_control, " ");
        let is_cut = !line.insert(&text);
        self.touch();
        self.search_anew();
        if self.dialog.is_none() {
            self.try_filter();
        }
        if is_cut {
            self.hint = Some("the pasted text was too long: its end is left out");
        }
    }

    /// What is searched for is another: the first row of the list above it is selected.
    fn search_anew(&mut self) {
        match (&mut self.help, &mut self.dialog) {
            (Some(help), _) => help.selected = 0,
            (None, Some(Dialog::Palette(palette))) => palette.selected = 0,
            (None, Some(Dialog::Pick(picker))) => picker.selected = 0,
            _ => {}
        }
    }

    /// The line that is being typed.
    fn line_in_front(&mut self) -> Option<&mut TextLine> {
        if self.help.is_some() {
            return self.help.as_mut().map(|help| &mut help.query);
        }
        match (&mut self.dialog, &mut self.editor) {
            (Some(Dialog::Comment(_, line)), _) => Some(line),
            (Some(Dialog::Mute(form)), _) if form.focus == Focus::Reason => Some(&mut form.reason),
            (Some(Dialog::Export(form)), _) => Some(&mut form.path),
            (Some(Dialog::Palette(palette)), _) => Some(&mut palette.query),
            (Some(Dialog::Pick(picker)), _) => Some(&mut picker.query),
            (None, Some(editor)) => Some(&mut editor.text),
            _ => None,
        }
    }
}
