//! What the signs and words on the screens mean, and the words of the filter, for the help: whoever has nothing but `?` can read
//! everything that is drawn.

/// A sign, or several of one sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// As it is drawn.
    pub sign: &'static str,
    /// What it says.
    pub about: &'static str,
}

const fn sign(sign: &'static str, about: &'static str) -> Sign {
    Sign { sign, about }
}

/// All, by where they are met.
#[rustfmt::skip]
pub const SIGNS: &[Sign] = &[
    sign("1 3in 3out",   "COVERAGE of a host: process starts (event 1), inbound and outbound connections (event 3)"),
    sign("ok  --",       "COVERAGE: events of this kind arrive; none came from this host yet"),
    sign("live quiet",   "STATE of a host: events arrive as usual; none for three times its usual gap"),
    sign("SILENT",       "no event of the host for 10 minutes ([hosts] silent_after)"),
    sign("BLIND",        "a rule cannot fire there: something proves that connections came in, but no event told of them; Health (4) has the proof"),
    sign("LATE  lag",    "events take more than 2 s from when they were written to here"),
    sign("SKEW  skewed", "the clock of the host is off, ahead of ours or beside its own"),
    sign("STALE",        "nothing was heard of the collector for 3 s: what is shown is old, and dim"),
    sign("·",            "none"),
    sign("RATE -30m",    "events of the last 30 minutes, the newest at the right, the tallest being the most"),
    sign("CRIT HIGH MED LOW INFO", "how bad an alert is, as its rule says, or one more where a link raised it"),
    sign("x6",           "six alerts of one kind in one row; a acts on all of them"),
    sign("again",        "it was closed, and came again since"),
    sign("+ LINKED",     "both hosts of the connection told of it: L shows the path from host to host"),
    sign("FROM > TO",    "where the connection came from and where it went; without one the host"),
    sign("OPEN ACKED CLOSED MUTED", "where an alert stands: nobody looked, somebody does, done with a verdict, hidden by a mute"),
    sign("▲ 2 new",      "two alerts came above the selected one"),
    sign("▲2",           "in the header: two more things are wrong than there is room for; 4 tells them"),
    sign("CRIT outside filter", "an alert came that the filter hides; esc clears it"),
    sign("dropped",      "messages lost because something could not keep up; rejected: they could not be read; 4 tells more"),
    sign("missed here",  "updates that this console was too slow for; the collector lost nothing"),
    sign("✓",            "a condition of the rule that held; underlined in the lists below"),
    sign("derived",      "the event does not say this itself; the reason stands beside it"),
    sign("◀ this alert", "in a tree or a path: what the open alert is about"),
    sign("start not seen", "the process began before it was watched: what stands there is what others told of it"),
    sign("never before", "how often something was seen on this host in the 30 days before the alert, or since it is counted: in only 2s"),
    sign("◆a7f3",        "among events: this event completed alert a7f3; ⏎ on it opens the alert"),
    sign("⟨ESC⟩ ⟨U+202E⟩", "characters of an event that a terminal would act on or hide, spelled out"),
    sign("…  ↓  ↑",       "something is cut for want of room; so many lines more below, above"),
    sign("EVALUATED HELD", "in Health: how often a rule was asked, and how often it held or a stage of its sequence did"),
    sign("TIME",         "in Health: which share of all time spent on rules one took, by some events that are timed; - while there are none"),
    sign("◇stage 1",     "near miss: a stage of a sequence held, and no alert rests on the event (yet); is:near among the events (3)"),
    sign("near miss",    "wefwatch rules explain RULE FILE tells on recorded events what was lacking"),
    sign("full degraded", "in Health: whether all conditions of a rule can hold on what arrives; impossible, other, broken: it does not run"),
    sign("host: user: proc:", "words of the filter; also parent: cmd: rule: owner: id: attack:T1021 src: dst: port: eid:3 channel: provider:"),
    sign("is:",          "filter: is:open new acked closed muted linked again true_positive benign_trigger false_positive; of events near"),
    sign("sev>=high  since:15m", "filter: as bad at least; not older than"),
    sign("data.Image:*x*", "filter: any field of an event by its own name; * stands for anything"),
    sign("-a  b or c  \"d e\"  /f/", "filter: not a; b or c; words that follow one another; a regular expression"),
];

/// Those that a search leaves.
pub fn signs(query: &str) -> Vec<&'static Sign> {
    let query = query.trim().to_lowercase();
    let has = |sign: &&Sign| sign.sign.to_lowercase().contains(&query) || sign.about.to_lowercase().contains(&query);
    SIGNS.iter().filter(has).collect()
}
