//! How many alerts there were, over the time window: a bar a minute, or several minutes where the window is longer than there is
//! room for bars. Where nothing is known nothing is drawn.

use ratatui::text::Span;

use crate::console::model::Model;
use crate::console::view::style::{DIM, bars, plain, styled};

/// The bars, for a line of so many columns, and what they span.
pub fn spans(model: &Model, columns: u16) -> Vec<Span<'static>> {
    let most = if columns >= 120 { 40 } else { 16 };
    let minutes = model.window.minutes().unwrap_or(most);
    let each = minutes.div_ceil(most);
    let length = minutes.div_ceil(each);
    let this_minute = model.now.timestamp() / 60;
    let place = |minute: i64| {
        let ago = usize::try_from((this_minute - minute).max(0)).unwrap_or(usize::MAX) / each;
        length.checked_sub(ago + 1)
    };
    let mut values = vec![0; length];
    for (minute, number) in &model.per_minute {
        if let Some(place) = place(*minute) {
            values[place] += u64::from(*number);
        }
    }
    let first = model.per_minute.front().map_or(i64::MAX, |(minute, _)| *minute).min(model.began.timestamp() / 60);
    let unknown = place(first).unwrap_or(0);
    let drawn: String = bars(&values, length).chars().enumerate().map(|(at, bar)| if at < unknown { ' ' } else { bar }).collect();
    let words = if model.window.minutes().is_some() { model.window.words().to_owned() } else { format!("{most} min") };
    let head = if each == 1 { "alerts/min " } else { "alerts " };
    vec![styled(head, DIM), plain(drawn), styled(format!(" {words}"), DIM)]
}
