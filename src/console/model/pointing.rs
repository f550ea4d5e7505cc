//! The mouse, while it is the console's: the wheel moves what is under the pointer, a click selects, a click on what is selected
//! opens it. What stands where is asked of the views, which draw by the same answer.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::console::keys::action::Action;
use crate::console::model::mutes::Offer;
use crate::console::model::screen::{Pane, Screen, Selection, Tab};
use crate::console::model::triage::Dialog;
use crate::console::model::{Effect, Model};
use crate::console::view::spots::{self, Spot};
use crate::event::names::HostName;
use crate::triage::Verdict;

/// How many rows the wheel moves at once.
const NOTCH: isize = 3;

/// Whether an event of the mouse means anything.
pub fn is_heard(event: &MouseEvent) -> bool {
    matches!(event.kind, MouseEventKind::Down(MouseButton::Left) | MouseEventKind::ScrollUp | MouseEventKind::ScrollDown)
}

impl Model {
    pub(super) fn toggle_mouse(&mut self) -> Vec<Effect> {
        self.is_mouse = !self.is_mouse;
        let key = self.config.keys.first_of(Action::Mouse);
        let text = if self.is_mouse { format!("mouse on; {key} gives it back") } else { "mouse off: it selects text".to_owned() };
        self.said = Some((text, false));
        vec![Effect::Mouse(self.is_mouse)]
    }

    pub(super) fn point(&mut self, event: MouseEvent) -> Vec<Effect> {
        if !self.is_mouse {
            // It was on its way when the mouse was given back.
            return Vec::new();
        }
        // Before anything changes: the footer moves with what is said in it.
        let spot = spots::at(self, event.column, event.row);
        let row = spots::row_of_box(self, event.column, event.row);
        self.hint = None;
        self.said = None;
        let offer = self.offer.take();
        let is_covered = self.help.is_some() || self.dialog.is_some() || self.editor.is_some();
        match event.kind {
            MouseEventKind::ScrollUp if is_covered => self.wheel_in_box(KeyCode::Up),
            MouseEventKind::ScrollDown if is_covered => self.wheel_in_box(KeyCode::Down),
            MouseEventKind::ScrollUp => self.wheel(-NOTCH, event),
            MouseEventKind::ScrollDown => self.wheel(NOTCH, event),
            _ if is_covered && row.is_some() => return row.map_or_else(Vec::new, |row| self.click_row(row)),
            _ if is_covered => self.hint = Some("keys work in here; esc closes it"),
            _ => return spot.map_or_else(Vec::new, |spot| self.click(spot, offer)),
        }
        Vec::new()
    }

    /// Lists in boxes go up and down; a form would change.
    fn wheel_in_box(&mut self, code: KeyCode) {
        let key = KeyEvent::new(code, KeyModifiers::NONE);
        if self.help.is_some() {
            self.help_key(key);
        } else if matches!(self.dialog, Some(Dialog::Palette(_) | Dialog::Copy(_) | Dialog::Pick(_) | Dialog::Mutes(_))) {
            self.dialog_key(key);
        }
    }

    /// The list under the pointer moves; which one the keys move stays.
    fn wheel(&mut self, by: isize, event: MouseEvent) {
        match spots::list_at(self, event.column, event.row) {
            Some(pane) => {
                let before = std::mem::replace(&mut self.pane, pane);
                self.move_by(by);
                self.pane = before;
            }
            None if spots::is_in_body(self, event.row) => self.move_by(by),
            None => {}
        }
    }

    /// How many rows stand above the selected one of a list, where it was clicked on: it stays under the pointer.
    pub fn rows_above(&self, pane: Pane) -> Option<usize> {
        self.clicked.filter(|(own, _)| *own == pane).map(|(_, above)| above)
    }

    fn click(&mut self, spot: Spot, offer: Option<Offer>) -> Vec<Effect> {
        self.clicked = match &spot {
            Spot::Host(_, above) => Some((Pane::Hosts, *above)),
            Spot::Alert(_, above) | Spot::Event(_, above) => Some((Pane::Alerts, *above)),
            _ => None,
        };
        match spot {
            Spot::Tab(tab) => self.open_tab(tab),
            Spot::Section(section) => self.open_section(section),
            // Marks stay in the list that they are of.
            Spot::Crumb => drop(self.stack.pop()),
            Spot::Key(action) => return self.act_on(action, offer),
            Spot::List(pane) => self.pane = pane,
            Spot::Host(host, _) => self.click_host(host),
            Spot::Alert(number, _) => self.click_alert(number),
            Spot::Event(number, _) => self.click_event(number),
        }
        Vec::new()
    }

    /// A row of the list in a box is selected, or, if it is already, chosen.
    fn click_row(&mut self, row: usize) -> Vec<Effect> {
        if let Some(help) = &mut self.help {
            let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
            return if std::mem::replace(&mut help.selected, row) == row { self.help_key(enter) } else { Vec::new() };
        }
        let selected = match &mut self.dialog {
            Some(Dialog::Verdict(_)) => {
                let letter = Verdict::ALL.get(row).and_then(|verdict| verdict.words().chars().next());
                let key = letter.map(|letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE));
                return key.map_or_else(Vec::new, |key| self.dialog_key(key));
            }
            Some(Dialog::Palette(palette)) => &mut palette.selected,
            Some(Dialog::Copy(menu)) => &mut menu.selected,
            Some(Dialog::Pick(picker)) => &mut picker.selected,
            _ => return Vec::new(),
        };
        if std::mem::replace(selected, row) == row {
            return self.dialog_key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
        }
        Vec::new()
    }

    fn click_host(&mut self, host: HostName) {
        let is_selected = self.pane == Pane::Hosts && self.selected_host().as_ref() == Some(&host);
        self.pane = Pane::Hosts;
        self.host = Selection { what: Some(host), is_chosen: true };
        if is_selected {
            self.open_clicked();
        }
    }

    fn click_event(&mut self, number: u64) {
        let is_selected = self.event.is_chosen && self.event.what == Some(number);
        self.event = Selection { what: Some(number), is_chosen: true };
        if is_selected {
            self.open_clicked();
        }
    }

    fn click_alert(&mut self, number: u64) {
        let is_selected = self.selected_alert() == Some(number);
        let had_keys = self.pane == Pane::Alerts || self.tab != Tab::Triage;
        match self.stack.last_mut() {
            Some(Screen::Host { alert, .. } | Screen::Lateral { alert }) => *alert = Some(number),
            Some(_) => return,
            None => {
                self.pane = Pane::Alerts;
                self.alert = Selection { what: Some(number), is_chosen: true };
                if !had_keys {
                    return;
                }
            }
        }
        if is_selected {
            self.open_clicked();
        }
    }

    /// What is opened has not been clicked on itself.
    fn open_clicked(&mut self) {
        self.clicked = None;
        self.enter();
    }
}
