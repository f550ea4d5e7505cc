//! Keys by their names, and which of them a terminal can tell at all: it sends bytes, and several keys are the same byte.

use crossterm::event::{KeyCode, KeyModifiers};

/// A key as the terminal tells it.
pub(super) type Press = (KeyCode, KeyModifiers);

/// The key of a name; `None` where there is none.
pub(super) fn press(name: &str) -> Option<Press> {
    let (modifiers, name) = match name.split_once('-') {
        Some(("ctrl", rest)) if !rest.is_empty() => (KeyModifiers::CONTROL, rest),
        Some(("alt", rest)) if !rest.is_empty() => (KeyModifiers::ALT, rest),
        _ => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "⏎" | "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "↑" | "up" => KeyCode::Up,
        "↓" | "down" => KeyCode::Down,
        "←" | "left" => KeyCode::Left,
        "→" | "right" => KeyCode::Right,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "insert" => KeyCode::Insert,
        "delete" => KeyCode::Delete,
        "backspace" => KeyCode::Backspace,
        _ => {
            let mut letters = name.chars();
            let first = letters.next().filter(|letter| !letter.is_control())?;
            match letters.as_str() {
                "" => KeyCode::Char(first),
                number if first == 'f' => KeyCode::F(number.parse().ok().filter(|number| (1..=12).contains(number))?),
                _ => return None,
            }
        }
    };
    Some((code, modifiers))
}

/// Why a key never arrives as this press; nothing where it does.
pub(super) fn unheard((code, modifiers): Press) -> Option<&'static str> {
    if modifiers == KeyModifiers::ALT {
        return matches!(code, KeyCode::Char('[' | 'O') | KeyCode::Esc).then_some("begins what a terminal sends for other keys");
    }
    if modifiers != KeyModifiers::CONTROL {
        return None;
    }
    match code {
        KeyCode::Char('m') => Some("is enter to a terminal; write enter"),
        KeyCode::Char('i') => Some("is tab to a terminal; write tab"),
        KeyCode::Char('[' | '3') => Some("is esc to a terminal; write esc"),
        KeyCode::Char('h' | '?' | '8') => Some("is backspace to many terminals; write backspace"),
        KeyCode::Char('@' | '2') => Some("is ctrl-space to a terminal; write ctrl-space"),
        KeyCode::Char('\\') => Some("is ctrl-4 to a terminal; write ctrl-4"),
        KeyCode::Char(']') => Some("is ctrl-5 to a terminal; write ctrl-5"),
        KeyCode::Char('^') => Some("is ctrl-6 to a terminal; write ctrl-6"),
        KeyCode::Char('_' | '/') => Some("is ctrl-7 to a terminal; write ctrl-7"),
        KeyCode::Char('a'..='z' | '4'..='7' | ' ') => None,
        KeyCode::Char('A'..='Z') => Some("does not differ from the small letter; write that"),
        KeyCode::Char(_) => Some("is sent by no terminal"),
        KeyCode::Enter | KeyCode::Esc | KeyCode::Tab | KeyCode::BackTab | KeyCode::Backspace => {
            Some("arrives without ctrl; write the key alone")
        }
        _ => None,
    }
}
