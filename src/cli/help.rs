//! What stands below the help: examples, signals, exit codes, the filter language.

/// Below the help of the program.
pub(super) const AFTER: &str = "\
Examples:
  wefwatch demo                                  the built-in sample attack, in the console
  wefwatch                                       listen on tcp and udp 1514, with the console
  wefwatch --headless | jq .message              alerts as JSON lines
  wefwatch replay capture.evtx events.xml.gz     recordings, at their own pace
  wefwatch replay --headless --expect alerts=2 lab.xml
  wefwatch attach                                the console of the collector that runs here
  wefwatch tail --json --filter sev>=high | jq   alerts of the collector that runs here
  wefwatch alerts --filter 'is:open sev>=high' --since 24h

The flags of a command stand before it or after it: `wefwatch --config FILE replay x.xml` is `wefwatch replay --config FILE x.xml`.

Signals: SIGTERM and SIGINT drain and stop (a second one stops at once). SIGHUP reloads rules and reopens files when headless, and closes the console.

Exit codes: 0 done, 1 failed while running or an --expect not met, 2 bad usage or bad configuration.";

/// Below the help of commands with a filter.
pub(super) const FILTERS: &str = "\
Filters, as in the console: blanks are and, `or` widens, `-` excludes, ( ) groups, * is anything.
  word \"two words\" /regex/      in what is shown
  host: src: dst: port: user:     where and who
  proc: parent: cmd: eid:         what ran; the event ids
  rule: attack:T1021 id: owner:   which alerts, and who works on them
  sev>=high since:15m             how bad; not older than
  is:open                         waits for somebody, and no mute hides it
  is:new                          open, and nobody did or wrote anything about it yet
  is:acked is:closed is:muted     looked at; done; hidden by a mute
  is:true_positive                closed as that, or benign_trigger, or false_positive
  is:linked is:again              seen from both ends; was closed, and happened again";

/// Below the help of `alerts`.
pub(super) const ALERTS_JSON: &str = "\
With --json, wefwatch.triage.is holds the words that is: finds, .muted whether a mute hides it,
and .status what people made it (open, acked, closed), mute or not.";
