//! Links between pages lead somewhere.

use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use entrepot_docs_tests::{Page, pages, root};

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let root = root();
    let mut broken = Vec::new();
    for path in pages()? {
        let page = Page::read(&root, path)?;
        for link in page.links() {
            if !leads_somewhere(&root, &page, link) {
                broken.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nothing:\n{}", broken.join("\n"));
    Ok(())
}

fn leads_somewhere(root: &Path, page: &Page, link: &str) -> bool {
    // Tests ask nobody outside of this machine.
    if link.starts_with("https://") {
        return true;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        page.path.clone()
    } else {
        plain(&page.path.parent().unwrap_or(Path::new("")).join(path))
    };
    if anchor.is_empty() {
        return root.join(target).exists();
    }
    Page::read(root, target).is_ok_and(|target| target.anchors().iter().any(|name| name == anchor))
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn the_index_names_every_page_of_docs() -> Result<()> {
    let index = Page::read(&root(), "docs/README.md")?;
    let links = index.links();
    for path in pages()? {
        let Ok(name) = path.strip_prefix("docs") else { continue };
        let named = name == Path::new("README.md") || links.iter().any(|link| name == Path::new(link));
        assert!(named, "docs/README.md does not name {}", path.display());
    }
    Ok(())
}
