//! The processes that were seen to start, by host and ProcessGuid (PIDs are used again), bounded: the tree around an alert.

use std::collections::{HashMap, VecDeque};

use crate::alert::{Process, Subject, TreeNode};
use crate::event::WindowsEvent;
use crate::event::names::{HostName, ProcessGuid};
use crate::event::sysmon::{ProcessCreate, Sysmon};
use crate::event::time::EventTime;

/// How many ancestors, and how many children of the same parent, a tree shows.
const MAX_ANCESTORS: usize = 8;
const MAX_SIBLINGS: usize = 10;
/// A command line is kept up to this many bytes.
const MAX_COMMAND_LINE: usize = 1024;

type Key = (HostName, ProcessGuid);

/// All processes that are remembered.
#[derive(Debug)]
pub struct Processes {
    limit: usize,
    seen: HashMap<Key, Entry>,
    order: VecDeque<Key>,
}

#[derive(Debug)]
struct Entry {
    process: Process,
    parent: Option<Process>,
    children: Vec<ProcessGuid>,
    was_seen: bool,
}

impl Processes {
    /// Remembers at most `limit` processes.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), seen: HashMap::new(), order: VecDeque::new() }
    }

    /// Notes the process that an event created, if it created one.
    pub fn observe(&mut self, event: &WindowsEvent, time: &EventTime) {
        let Some(Sysmon::ProcessCreate(create)) = Sysmon::of(event) else { return };
        let Some(guid) = create.process_guid.and_then(ProcessGuid::parse) else { return };
        let process = Process { started: Some(time.at), ..process_of(&create, guid.clone()) };
        let parent = parent_of(&create);
        if let Some(parent) = &parent
            && let Some(parent_guid) = &parent.guid
        {
            let entry = self.entry((event.host().clone(), parent_guid.clone()), parent.clone());
            if !entry.children.contains(&guid) {
                if entry.children.len() >= MAX_SIBLINGS {
                    entry.children.remove(0);
                }
                entry.children.push(guid.clone());
            }
        }
        let entry = self.entry((event.host().clone(), guid), process.clone());
        entry.process = process;
        entry.parent = parent;
        entry.was_seen = true;
    }

    fn entry(&mut self, key: Key, process: Process) -> &mut Entry {
        if !self.seen.contains_key(&key) {
            while self.seen.len() >= self.limit {
                let Some(oldest) = self.order.pop_front() else { break };
                self.seen.remove(&oldest);
            }
            self.order.push_back(key.clone());
        }
        self.seen.entry(key).or_insert_with(|| Entry { process, parent: None, children: Vec::new(), was_seen: false })
    }

    /// The tree around an alert: the ancestors of its process, top down, then what the same parent started.
    pub fn tree(&self, host: &HostName, subject: &Subject) -> Vec<TreeNode> {
        let Some(process) = &subject.process else { return Vec::new() };
        let known = process.guid.as_ref().and_then(|guid| self.get(host, guid));
        let parent = known.and_then(|seen| seen.parent.clone()).or_else(|| subject.parent.clone());
        let mut ancestors = Vec::new();
        let mut next = parent;
        while let Some(ancestor) = next.take().filter(|_| ancestors.len() < MAX_ANCESTORS) {
            let seen = ancestor.guid.as_ref().and_then(|guid| self.get(host, guid));
            let was_seen = seen.is_some_and(|seen| seen.was_seen);
            let shown = seen.filter(|_| was_seen).map_or(ancestor, |seen| seen.process.clone());
            next = seen.and_then(|seen| seen.parent.clone());
            let is_circle = ancestors.iter().any(|(own, _): &(Process, bool)| own.guid.is_some() && own.guid == shown.guid);
            if is_circle {
                break;
            }
            ancestors.push((shown, was_seen));
        }
        let siblings = self.siblings(host, ancestors.first().map(|(parent, _)| parent));
        let mut tree: Vec<TreeNode> = Vec::with_capacity(ancestors.len() + siblings.len() + 1);
        for (depth, (process, was_seen)) in ancestors.into_iter().rev().enumerate() {
            tree.push(TreeNode { depth, process, is_subject: false, was_seen });
        }
        let depth = tree.len();
        let own = known.filter(|seen| seen.was_seen).map_or_else(|| process.clone(), |seen| seen.process.clone());
        let was_seen = known.is_some_and(|seen| seen.was_seen) || own.started.is_some();
        if siblings.iter().all(|sibling| sibling.guid != own.guid) {
            tree.push(TreeNode { depth, process: own.clone(), is_subject: true, was_seen });
        }
        for sibling in siblings {
            let is_subject = sibling.guid.is_some() && sibling.guid == own.guid;
            tree.push(TreeNode { depth, process: sibling, is_subject, was_seen: true });
        }
        tree
    }

    fn get(&self, host: &HostName, guid: &ProcessGuid) -> Option<&Entry> {
        self.seen.get(&(host.clone(), guid.clone()))
    }

    /// What the parent started, in order of their start.
    fn siblings(&self, host: &HostName, parent: Option<&Process>) -> Vec<Process> {
        let children = parent.and_then(|parent| parent.guid.as_ref()).and_then(|guid| self.get(host, guid));
        let children = children.map(|seen| seen.children.as_slice()).unwrap_or_default();
        let mut siblings: Vec<Process> =
            children.iter().filter_map(|guid| self.get(host, guid)).map(|seen| seen.process.clone()).collect();
        siblings.sort_by_key(|process| process.started);
        siblings
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

fn said(value: Option<&str>) -> Option<String> {
    value.filter(|value| !value.is_empty() && *value != "-").map(|value| cut(value).to_owned())
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_COMMAND_LINE)]
}

fn process_of(create: &ProcessCreate<'_>, guid: ProcessGuid) -> Process {
    Process {
        guid: Some(guid),
        pid: create.process_id.and_then(|pid| pid.trim().parse().ok()),
        executable: said(create.image).unwrap_or_default(),
        command_line: said(create.command_line),
        user: said(create.user),
        started: None,
    }
}

fn parent_of(create: &ProcessCreate<'_>) -> Option<Process> {
    Some(Process {
        guid: create.parent_process_guid.and_then(ProcessGuid::parse),
        pid: create.parent_process_id.and_then(|pid| pid.trim().parse().ok()),
        executable: said(create.parent_image)?,
        command_line: said(create.parent_command_line),
        user: said(create.parent_user),
        started: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::sysmon;
    use crate::event::time::{EventTimeRule, event_time, parse};

    fn create(processes: &mut Processes, guid: &str, parent: &str, image: &str, second: u32) -> Subject {
        let time = format!("2026-11-24 12:00:{second:02}.000");
        let parent_image = format!(r"C:\{parent}.exe");
        let event = sysmon(
            1,
            "A",
            1,
            &[
                ("UtcTime", &time),
                ("ProcessGuid", guid),
                ("Image", image),
                ("ParentProcessGuid", parent),
                ("ParentImage", &parent_image),
            ],
        );
        let time = event_time(&event, EventTimeRule::Robust, parse("2026-11-24T12:00:00Z").unwrap());
        processes.observe(&event, &time);
        let Some(Sysmon::ProcessCreate(view)) = Sysmon::of(&event) else { panic!("a process creation") };
        Subject {
            process: ProcessGuid::parse(guid).map(|guid| process_of(&view, guid)),
            parent: parent_of(&view),
            ..Subject::default()
        }
    }

    #[test]
    fn ancestors_and_siblings() {
        let mut processes = Processes::new(100);
        create(&mut processes, "{2}", "{1}", r"C:\wsmprovhost.exe", 1);
        create(&mut processes, "{3}", "{2}", r"C:\whoami.exe", 2);
        let subject = create(&mut processes, "{4}", "{2}", r"C:\net.exe", 3);
        let tree = processes.tree(&HostName::fold("a"), &subject);
        let rows: Vec<(usize, &str, bool, bool)> =
            tree.iter().map(|node| (node.depth, node.process.name(), node.is_subject, node.was_seen)).collect();
        assert_eq!(
            rows,
            [
                (0, "{1}.exe", false, false),
                (1, "wsmprovhost.exe", false, true),
                (2, "whoami.exe", false, true),
                (2, "net.exe", true, true),
            ]
        );
    }

    #[test]
    fn bounded_and_safe_from_circles() {
        let mut processes = Processes::new(10);
        for number in 1..1000 {
            create(&mut processes, &format!("{{{number:x}}}"), "{ffff}", "x", 1);
        }
        assert!(processes.len() <= 10 && processes.order.len() <= 11);
        create(&mut processes, "{a1}", "{b1}", "a", 1);
        let subject = create(&mut processes, "{b1}", "{a1}", "b", 1);
        assert!(processes.tree(&HostName::fold("a"), &subject).len() < 8);
    }
}
