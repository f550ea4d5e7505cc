//! What a key does: first what is open in front (help, a dialog, a line being typed), then the table of keys.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::keys::Keymap;
use crate::console::keys::action::Action;
use crate::console::keys::table::Place;
use crate::console::model::company;
use crate::console::model::leaving;
use crate::console::model::legend::signs;
use crate::console::model::line::TextLine;
use crate::console::model::listed::{Listed, listed};
use crate::console::model::mutes::Offer;
use crate::console::model::palette::Palette;
use crate::console::model::pick::Aim;
use crate::console::model::screen::{Section, Tab};
use crate::console::model::triage::Dialog;
use crate::console::model::typing::Editor;
use crate::console::model::{Effect, Model};
use crate::console::theme::Theme;
use crate::feed::Request;
use crate::intake::Steer;

/// The open help.
#[derive(Debug, Clone, Default)]
pub struct Help {
    /// What is searched for.
    pub query: TextLine,
    /// Which row is selected.
    pub selected: usize,
}

impl Help {
    /// The rows that the search leaves.
    pub fn rows(&self, keys: &Keymap, is_inside: bool) -> Vec<Listed> {
        let query = self.query.to_lowercase();
        let elsewhere = if is_inside { Place::Outside } else { Place::Inside };
        let has =
            |row: &Listed| [row.label, row.help, &row.keys, &row.typed()].iter().any(|text| text.to_lowercase().contains(&query));
        let mut rows: Vec<Listed> = listed(keys).into_iter().filter(|row| row.place != elsewhere && has(row)).collect();
        rows.sort_by_key(Listed::rank);
        rows
    }
}

impl Model {
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if self.held_key.is_spent(key, self.now) {
            // What was said of the act that it did stays.
            self.hint = Some("a key that is held acts once; press it again for the next");
            return Vec::new();
        }
        let before = self.covering();
        let effects = self.pressed(key);
        self.held_key.led(key, (before, self.covering()), self.now);
        effects
    }

    fn pressed(&mut self, key: KeyEvent) -> Vec<Effect> {
        self.hint = None;
        self.said = None;
        let offer = self.offer.take();
        let is_held = self.held_key.press(key, self.now);
        let action = self.config.keys.action_of(key, self.is_inside());
        if !action.is_some_and(company::is_act) {
            self.clicked = None;
        }
        if action == Some(Action::Suspend) && key.modifiers.contains(KeyModifiers::CONTROL) {
            // Whatever is being typed.
            return vec![Effect::Suspend];
        }
        if leaving::is_abrupt(key) {
            return vec![Effect::Quit];
        }
        if self.help.is_some() {
            return self.help_key(key);
        }
        if self.dialog.is_some() {
            return self.dialog_key(key);
        }
        if self.editor.is_some() {
            self.editor_key(key);
            return Vec::new();
        }
        match action {
            Some(action) if is_held && company::is_act(action) => {
                self.hint = Some("a key that is held acts once; press it again for the next");
                Vec::new()
            }
            // Enter opened the alert.
            Some(Action::MarkAll | Action::Pivot) if is_held => Vec::new(),
            Some(Action::Mark) if is_held => {
                self.mark_on();
                Vec::new()
            }
            Some(action) => self.act_on(action, offer),
            None => {
                self.hint = Some("no such key here; ? shows them all");
                Vec::new()
            }
        }
    }

    /// Does what a key or a click asks for; a mute is one of what was offered, where that is so.
    pub(super) fn act_on(&mut self, action: Action, offer: Option<Offer>) -> Vec<Effect> {
        if action == Action::Mute && offer.is_some() && !self.forbids(Action::Mute) {
            self.ask_mute(offer);
            return Vec::new();
        }
        self.act(action)
    }

    pub(super) fn help_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let is_inside = self.is_inside();
        let Some(help) = &mut self.help else { return Vec::new() };
        let keys = help.rows(&self.config.keys, is_inside).len();
        let count = keys + signs(&help.query).len();
        match key.code {
            KeyCode::Esc => self.help = None,
            KeyCode::Up => help.selected = help.selected.saturating_sub(1),
            KeyCode::Down => help.selected = (help.selected + 1).min(count.saturating_sub(1)),
            KeyCode::Home => help.selected = 0,
            KeyCode::End => help.selected = count.saturating_sub(1),
            KeyCode::PageUp => help.selected = help.selected.saturating_sub(10),
            KeyCode::PageDown => help.selected = (help.selected + 10).min(count.saturating_sub(1)),
            KeyCode::Tab => help.selected = keys.min(count.saturating_sub(1)),
            KeyCode::Char('?') if help.query.is_empty() => self.help = None,
            // A sign only says what it means.
            KeyCode::Enter if (keys..count).contains(&help.selected) => {}
            KeyCode::Enter => {
                let row = help.rows(&self.config.keys, is_inside).into_iter().nth(help.selected);
                self.help = None;
                return row.map_or_else(Vec::new, |row| self.run(&row));
            }
            _ => {
                if help.query.key(key) {
                    help.selected = 0;
                }
            }
        }
        Vec::new()
    }

    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        if self.forbids(action) {
            return Vec::new();
        }
        match action {
            Action::Quit => return self.quit(),
            Action::Suspend => return vec![Effect::Suspend],
            Action::Lateral => self.toggle_lateral(),
            Action::Reload => {
                self.open_tab(Tab::Health);
                return vec![Effect::Ask(Request::ReloadRules)];
            }
            Action::Triage => self.open_tab(Tab::Triage),
            Action::Alerts => self.open_tab(Tab::Alerts),
            Action::Events => self.open_tab(Tab::Events),
            Action::Health => self.open_tab(Tab::Health),
            Action::Why => self.open_section(Section::Why),
            Action::Evidence => self.open_section(Section::Events),
            Action::Tree => self.open_section(Section::Tree),
            Action::Xml => self.open_section(Section::Xml),
            Action::Steps => self.open_section(Section::Steps),
            Action::History => self.open_section(Section::History),
            Action::Acknowledge => return self.acknowledge(),
            Action::Own => return self.own(),
            Action::Undo => return self.undo(),
            Action::Verdict => self.ask_verdict(),
            Action::Comment => self.ask_comment(),
            Action::Mute => self.ask_mute(None),
            Action::Mark => self.mark(),
            Action::MarkAll => self.mark_all(),
            Action::Mutes => self.list_mutes(),
            Action::NextSection => self.next_section(),
            Action::Pivot => self.ask_pivot(),
            Action::Copy => self.ask_copy(),
            Action::Export => self.ask_export(),
            Action::Only => self.ask_value(Aim::Only),
            Action::Without => self.ask_value(Aim::Without),
            Action::Palette => self.dialog = Some(Dialog::Palette(Palette::default())),
            Action::Mouse => return self.toggle_mouse(),
            Action::Theme => self.next_theme(),
            Action::ReplayStep => return self.steer(Steer::Step),
            Action::ReplaySlower => return self.steer(Steer::Slower),
            Action::ReplayFaster => return self.steer(Steer::Faster),
            Action::ReplayAgain => return self.replay_again(),
            Action::Help => self.help = Some(Help::default()),
            Action::TimeZone => self.is_utc = !self.is_utc,
            Action::Pause if self.is_replaying() => return self.steer(Steer::Hold),
            Action::Pause => self.pause(),
            Action::Expand if self.can_do(Action::Expand) => self.is_expanded = !self.is_expanded,
            Action::Expand => self.hint = Some("one list here"),
            Action::Wrap => self.wrap(),
            Action::NextPane => self.next_pane(),
            Action::Filter => {
                self.editor = Some(Editor::of(&self.filter_text));
            }
            Action::WindowNarrower => self.step_window(false),
            Action::WindowWider => self.step_window(true),
            Action::Back => self.back(),
            Action::Enter => self.enter(),
            Action::NextAlert => return self.next_alert(),
            Action::PreviousAlert => self.step_alert(false),
            Action::Up => self.move_by(-1),
            Action::Down => self.move_by(1),
            Action::PageUp => self.move_by(-self.page()),
            Action::PageDown => self.move_by(self.page()),
            Action::First => self.move_by(isize::MIN / 2),
            Action::Last => self.move_by(isize::MAX / 2),
        }
        Vec::new()
    }

    pub(super) fn next_theme(&mut self) {
        let has_truecolor = self.config.has_truecolor;
        let why_not = if self.theme == Theme::Mono && !has_truecolor {
            "; night and paper need 24-bit colours, and COLORTERM says of none"
        } else {
            ""
        };
        self.theme = self.theme.next(has_truecolor);
        self.said = Some((format!("theme {}{why_not}", self.theme), false));
    }

    pub(super) fn page(&self) -> isize {
        isize::from(self.size.1 as i16).saturating_sub(10).clamp(3, 1000)
    }
}
