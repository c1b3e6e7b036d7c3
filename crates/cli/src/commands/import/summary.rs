//! What an import did, for people.

use std::fmt::Write as _;

use entrepot_import::{Left, Summary};

use super::options::ImportOptions;
use crate::commands::accounts::listing::harmless;

/// Prints it.
pub(super) fn print(summary: &Summary, options: &ImportOptions) {
    print!("{}", text(summary, options));
}

fn text(summary: &Summary, options: &ImportOptions) -> String {
    let mut text = String::new();
    let mut line = |line: String| text += &format!("{line}\n");
    line(if options.dry_run { "this would be imported:" } else { "imported:" }.to_owned());
    let visibility = options.visibility();
    line(format!("  {} repositories, {} of them new and {visibility}", summary.repositories, summary.new_repositories));
    line(format!("  {} manifests, and {} were here already", summary.new_manifests, summary.kept_manifests));
    line(format!("  {} tags set or moved, and {} were right already", summary.set_tags, summary.kept_tags));
    line(format!(
        "  {} blobs of {}, all {}; bytes copied: {}",
        summary.new_blobs,
        bytes(summary.new_bytes),
        if options.dry_run {
            "of which would be read and compared with their digest"
        } else {
            "read and compared with their digest"
        },
        summary.copied_bytes
    ));
    line(format!("  {} times a blob that was here already became a repository's own", summary.shared_blobs));
    if summary.unfinished > 0 {
        line(format!("{} unfinished uploads are left behind", summary.unfinished));
    }
    if !summary.owners.is_empty() {
        let owners: Vec<_> = summary.owners.iter().map(u32::to_string).collect();
        line(format!(
            "files that are shared with the old registry belong to user {}, who can still change them: take them over (chown) \
             when that registry is gone",
            owners.join(", ")
        ));
    }
    text += &gone(summary);
    text += &damaged(summary);
    text += &left(summary);
    text
}

/// Tags that are here alone.
fn gone(summary: &Summary) -> String {
    if summary.gone_tags.is_empty() {
        return String::new();
    }
    let mut text = match summary.removed_gone_tags {
        true => "tags that were here and not there, and are removed:\n",
        false => "tags that are here and not there (--delete removes them):\n",
    }
    .to_owned();
    for (repository, tag) in &summary.gone_tags {
        // Writing to memory does not fail.
        let _written = writeln!(text, "  {}:{}", harmless(repository), harmless(tag));
    }
    text
}

fn damaged(summary: &Summary) -> String {
    if summary.damaged.is_empty() {
        return String::new();
    }
    let mut text = "damaged blobs, and the manifests that need them and are not imported:\n".to_owned();
    for (digest, damaged) in &summary.damaged {
        let _written = writeln!(text, "  blob {digest}: {}", harmless(&damaged.why));
        for user in &damaged.needed_by {
            let _written = writeln!(text, "    {}: {}", harmless(&user.repository), harmless(&user.shown()));
        }
    }
    text
}

fn left(summary: &Summary) -> String {
    if summary.left.is_empty() {
        return String::new();
    }
    let mut text = "not imported:\n".to_owned();
    for Left { repository, what, why } in &summary.left {
        let what = if what.is_empty() { String::new() } else { format!("{what}: ") };
        let _written = writeln!(text, "  {}: {}{}", harmless(repository), harmless(&what), harmless(why));
    }
    text
}

/// A number of bytes, for people.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_told_in_their_unit() {
        for (count, told) in
            [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (3 << 20, "3.0 MiB"), (5 << 40, "5.0 TiB")]
        {
            assert_eq!(bytes(count), told);
        }
    }
}
