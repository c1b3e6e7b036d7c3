//! As much of Markdown as the pages use.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A page and where it is.
#[derive(Debug)]
pub struct Page {
    /// Its path in the repository.
    pub path: PathBuf,
    text: String,
}

/// A line of a page, and whether it is in a fence.
struct Line<'a> {
    text: &'a str,
    /// The word after the opening backticks of the fence.
    fence: Option<&'a str>,
    /// How many fences began before it, its own with them.
    number: usize,
}

impl Page {
    /// Reads the page at `path` of the repository in `root`.
    ///
    /// # Errors
    /// It is not there.
    pub fn read(root: &Path, path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let text = fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { path, text })
    }

    /// What stands in the fences tagged `tag`, one after the other.
    pub fn fenced(&self, tag: &str) -> String {
        self.fences(tag).concat()
    }

    /// What stands in each fence tagged `tag`.
    pub fn fences(&self, tag: &str) -> Vec<String> {
        let mut fences: Vec<(usize, String)> = Vec::new();
        for line in self.lines().filter(|line| line.fence == Some(tag)) {
            match fences.last_mut() {
                Some((number, text)) if *number == line.number => *text += &format!("{}\n", line.text),
                _ => fences.push((line.number, format!("{}\n", line.text))),
            }
        }
        fences.into_iter().map(|(_, text)| text).collect()
    }

    /// The targets of all links and pictures.
    pub fn links(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for line in self.lines().filter(|line| line.fence.is_none()) {
            for (at, _) in line.text.match_indices("](") {
                let rest = &line.text[at + 2..];
                found.extend(rest.find(')').map(|end| &rest[..end]));
            }
        }
        found
    }

    /// The names of its headings in links.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.lines().filter(|line| line.fence.is_none()).filter_map(|line| {
            let rest = line.text.trim_start_matches('#');
            (rest.len() < line.text.len()).then(|| rest.strip_prefix(' ')).flatten()
        });
        headings.map(anchor).collect()
    }

    /// The cells of every table row.
    pub fn rows(&self) -> Vec<Vec<&str>> {
        let rows = self.lines().filter(|line| line.fence.is_none()).filter_map(|line| line.text.strip_prefix('|'));
        rows.map(|row| row.trim_end().trim_end_matches('|').split('|').map(str::trim).collect()).collect()
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let (mut fence, mut number) = (None, 0);
        self.text.lines().filter_map(move |text| match (text.trim_start().strip_prefix("```"), fence) {
            (Some(tag), None) => {
                fence = Some(tag.trim());
                number += 1;
                None
            }
            (Some(_), Some(_)) => {
                fence = None;
                None
            }
            (None, fence) => Some(Line { text, fence, number }),
        })
    }
}

/// The anchor that forges make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_pages_use() {
        let text = "# One `two`: 3\n[a](b.md#c) ![d](e.svg)\n```sh\n# no heading\n[no](link)\n```\n| x | `y` |\n```text\nno\n```\n";
        let page = Page { path: "p.md".into(), text: text.to_owned() };
        assert_eq!(page.anchors(), ["one-two-3"]);
        assert_eq!(page.links(), ["b.md#c", "e.svg"]);
        assert_eq!(page.fenced("sh"), "# no heading\n[no](link)\n");
        assert_eq!(page.fences("text"), ["no\n"]);
        assert_eq!(page.rows(), [["x", "`y`"]]);
    }
}
