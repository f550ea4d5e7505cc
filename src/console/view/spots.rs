//! What stands where, for the mouse: asked of the same functions that say where things are drawn.

use ratatui::layout::{Position, Rect};

use crate::console::keys::action::Action;
use crate::console::model::Model;
use crate::console::model::screen::{Pane, Screen, Section, Tab};
use crate::console::model::triage::Dialog;
use crate::console::view::{
    Parts, Shape, alerts, areas, box_area, events, footer, header, help, host, hosts, lateral, parts, prompt, shape,
};
use crate::event::names::HostName;

/// Something that can be clicked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// A tab.
    Tab(Tab),
    /// A section of an alert.
    Section(Section),
    /// Where one came from.
    Crumb,
    /// A key in the footer.
    Key(Action),
    /// A host, and how many rows of its list are seen above it.
    Host(HostName, usize),
    /// An alert of a list, and so many.
    Alert(u64, usize),
    /// An event of the tail, and so many.
    Event(u64, usize),
    /// A list of Triage, beside its rows.
    List(Pane),
}

fn screen(model: &Model) -> Rect {
    Rect::new(0, 0, model.size.0, model.size.1)
}

/// What can be clicked on there.
pub fn at(model: &Model, column: u16, row: u16) -> Option<Spot> {
    let shape = shape(screen(model));
    if shape == Shape::Line {
        return None;
    }
    let (head, body, foot) = areas(model, screen(model));
    let place = Position::new(column, row);
    if head.contains(place) {
        header::at(model, shape, head.width, (column, row))
    } else if foot.contains(place) {
        footer::at(model, foot, (column, row)).map(Spot::Key)
    } else {
        in_body(model, body, place)
    }
}

/// The row of the list in the box in front that is seen there.
pub fn row_of_box(model: &Model, column: u16, row: u16) -> Option<usize> {
    let (area, at) = (screen(model), Position::new(column, row));
    if shape(area) == Shape::Line {
        return None;
    }
    let (_, body, foot) = areas(model, area);
    let under = box_area(area, body, foot);
    match &model.dialog {
        _ if model.help.is_some() => help::row_at(model, under, at),
        Some(Dialog::Verdict(targets)) if row + 1 == foot.y + foot.height => footer::verdict_at(targets, foot.width, column),
        _ => prompt::row_at(model, under, at),
    }
}

fn in_body(model: &Model, body: Rect, place: Position) -> Option<Spot> {
    match model.stack.last() {
        Some(Screen::Host { host, .. }) => {
            let area = host::list_area(model, host, body);
            alert(alerts::of_host_at(model, host, area, place.y))
        }
        Some(Screen::Lateral { .. }) => alert(lateral::at(model, body, place.y)),
        Some(_) => None,
        None => match model.tab {
            Tab::Triage => in_triage(model, body, place),
            Tab::Alerts => alert_at(model, false, body, place.y),
            Tab::Events => events::at(model, body, place.y).map(|(number, above)| Spot::Event(number, above)),
            Tab::Health => None,
        },
    }
}

fn in_triage(model: &Model, body: Rect, place: Position) -> Option<Spot> {
    let Parts { hosts, alerts, .. } = parts(model, shape(screen(model)), body);
    if let Some(area) = hosts.filter(|area| area.contains(place)) {
        let host = hosts::at(model, area, place.y).map(|(host, above)| Spot::Host(host, above));
        return host.or(Some(Spot::List(Pane::Hosts)));
    }
    let area = alerts.filter(|area| area.contains(place))?;
    alert_at(model, true, area, place.y).or(Some(Spot::List(Pane::Alerts)))
}

fn alert_at(model: &Model, kinds_only: bool, area: Rect, row: u16) -> Option<Spot> {
    let (place, above) = alerts::seen(model, kinds_only, area).at(area, row)?;
    model.alerts.rows(kinds_only).get(place).map(|entry| Spot::Alert(entry.number, above))
}

fn alert(found: Option<(u64, usize)>) -> Option<Spot> {
    found.map(|(number, above)| Spot::Alert(number, above))
}

/// The list of Triage there.
pub fn list_at(model: &Model, column: u16, row: u16) -> Option<Pane> {
    if model.tab != Tab::Triage || !model.stack.is_empty() || shape(screen(model)) == Shape::Line {
        return None;
    }
    let Parts { hosts, alerts, .. } = parts(model, shape(screen(model)), areas(model, screen(model)).1);
    let has = |area: Option<Rect>| area.is_some_and(|area| area.contains(Position::new(column, row)));
    match (has(hosts), has(alerts)) {
        (true, _) => Some(Pane::Hosts),
        (_, true) => Some(Pane::Alerts),
        _ => None,
    }
}

/// Whether a row belongs to the one thing that is shown between header and footer.
pub fn is_in_body(model: &Model, row: u16) -> bool {
    let is_triage = model.tab == Tab::Triage && model.stack.is_empty();
    let (_, body, _) = areas(model, screen(model));
    !is_triage && shape(screen(model)) != Shape::Line && body.contains(Position::new(0, row))
}
