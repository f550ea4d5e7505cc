//! Finds all needles that a text begins (or, read backwards, ends) with, in one walk that stops at the first byte which no
//! needle has. Only the first bytes of a needle are in the tree; whoever asks compares the rest.

/// How many bytes of a needle are in the tree. More tells no two needles of any real rule set apart.
const DEPTH: usize = 32;

/// A tree over the first bytes of needles.
#[derive(Debug, Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// The bytes of all edges, node by node, sorted; beside each the node that it leads to.
    edges: Vec<(u8, u32)>,
    needles: Vec<u32>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Node {
    first_edge: u32,
    edges: u16,
    needles: u16,
    first_needle: u32,
}

impl Trie {
    /// Builds the tree over needles, each given by its bytes in the order of the walk.
    pub(super) fn new(mut needles: Vec<(Vec<u8>, u32)>) -> Self {
        for (bytes, _) in &mut needles {
            bytes.truncate(DEPTH);
        }
        needles.sort();
        let mut trie = Self::default();
        if !needles.is_empty() {
            trie.nodes.push(Node::default());
            trie.grow(0, &needles, 0);
        }
        trie
    }

    /// Fills in a node for needles that agree in their first `depth` bytes.
    fn grow(&mut self, node: usize, needles: &[(Vec<u8>, u32)], depth: usize) {
        let ending = needles.partition_point(|(bytes, _)| bytes.len() == depth);
        let (ending, longer) = needles.split_at(ending);
        let branches: Vec<&[(Vec<u8>, u32)]> = longer.chunk_by(|one, other| one.0[depth] == other.0[depth]).collect();
        let first_edge = self.edges.len();
        let first_node = self.nodes.len();
        self.nodes[node] = Node {
            first_edge: first_edge as u32,
            edges: branches.len() as u16,
            needles: u16::try_from(ending.len()).unwrap_or(u16::MAX),
            first_needle: self.needles.len() as u32,
        };
        self.needles.extend(ending.iter().map(|(_, needle)| *needle));
        for (place, branch) in branches.iter().enumerate() {
            self.edges.push((branch[0].0[depth], (first_node + place) as u32));
            self.nodes.push(Node::default());
        }
        for (place, branch) in branches.into_iter().enumerate() {
            self.grow(first_node + place, branch, depth + 1);
        }
    }

    /// Calls back for every needle whose bytes in the tree stand at the beginning of these.
    #[inline]
    pub(super) fn walk(&self, bytes: impl Iterator<Item = u8>, mut found: impl FnMut(u32)) {
        let Some(mut node) = self.nodes.first() else { return };
        let mut report = |node: &Node| {
            let first = node.first_needle as usize;
            self.needles[first..first + usize::from(node.needles)].iter().for_each(|needle| found(*needle));
        };
        report(node);
        for byte in bytes {
            let first = node.first_edge as usize;
            let edges = &self.edges[first..first + usize::from(node.edges)];
            let Some((_, target)) = edges.iter().find(|(own, _)| *own == byte) else { return };
            node = &self.nodes[*target as usize];
            report(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_needle_on_the_way_is_found() {
        let words = ["c", "cmd", "cmd.exe", "calc", "x", "cmd"];
        let trie = Trie::new(words.iter().enumerate().map(|(place, word)| (word.as_bytes().to_vec(), place as u32)).collect());
        let found = |text: &str| {
            let mut found = Vec::new();
            trie.walk(text.bytes(), |needle| found.push(needle));
            found.sort_unstable();
            found
        };
        assert_eq!(found("cmd.exe /c"), [0, 1, 2, 5]);
        assert_eq!(found("cm"), [0]);
        assert!(found("y").is_empty());
        assert!(found("").is_empty());
    }
}
