//! What was deleted, and what nothing needs.

use super::{Routes, doc};
use crate::api::{collection, retention, sizes, tag_history, trash};

pub(in crate::api) fn add(routes: Routes) -> Routes {
    use collection::{CollectionView, ExplanationView};
    use tag_history::{ChangeView, RollBackBody, ShownView};
    use trash::{RestoredView, TrashView};
    routes
        .delete(
            "/api/v1/repositories/{*name}",
            trash::remove_repository,
            doc("Delete a repository with everything in it; it can be restored for a while."),
        )
        .get(
            "/api/v1/sizes/{*name}",
            sizes::get,
            doc("How many bytes a repository has, shares with others, and would give back.")
                .gives::<sizes::SizesView>(),
        )
        .get(
            "/api/v1/sizes",
            sizes::total,
            doc("How many bytes all repositories have together; for administrators.").gives::<sizes::TotalView>(),
        )
        .get(
            "/api/v1/namespaces/{namespace}/sizes",
            sizes::list,
            doc("How many bytes each repository of a namespace has.").lists::<sizes::RepositorySizesView>(),
        )
        .get(
            "/api/v1/namespaces/{namespace}/sizes/total",
            sizes::total_of_namespace,
            doc("How many bytes the repositories of a namespace have together.").gives::<sizes::TotalView>(),
        )
        .get(
            "/api/v1/trash/{*name}",
            trash::list,
            doc("What was deleted from a repository and can be restored, oldest first.").lists::<TrashView>(),
        )
        .post(
            "/api/v1/trash-entries/{entry}/{*name}",
            trash::restore,
            doc("Restore something that was deleted.").gives::<RestoredView>(),
        )
        .delete(
            "/api/v1/trash-entries/{entry}/{*name}",
            trash::empty,
            doc("Remove something for good that was deleted."),
        )
        .get(
            "/api/v1/tag-history/{tag}/{*name}",
            tag_history::list,
            doc("What a tag showed, latest first.").lists::<ChangeView>(),
        )
        .post(
            "/api/v1/tag-history/{tag}/{*name}",
            tag_history::roll_back,
            doc("Let a tag show again what it showed.").takes::<RollBackBody>().gives::<ShownView>(),
        )
        .get(
            "/api/v1/namespaces/{namespace}/retention",
            retention::list,
            doc("Which tags are kept, by rules.").lists_whole::<retention::RuleView>(),
        )
        .put(
            "/api/v1/namespaces/{namespace}/retention",
            retention::set,
            doc("Set a rule, or replace that of the same patterns: of the tags that it is about, those go that no rule keeps.")
                .takes::<retention::RuleBody>(),
        )
        .delete(
            "/api/v1/namespaces/{namespace}/retention",
            retention::remove,
            doc("Take a rule away.").query("repositories", "The pattern of repositories.").query("tags", "The pattern of tags."),
        )
        .get(
            "/api/v1/namespaces/{namespace}/retention/preview",
            retention::preview,
            doc("What the rules would do now, and why.")
                .gives::<retention::PreviewView>()
                .query("repository", "Of this repository alone."),
        )
        .get(
            "/api/v1/gc",
            collection::preview,
            doc("What a collection of garbage would do now, and why; for administrators.").gives::<CollectionView>(),
        )
        .post(
            "/api/v1/gc",
            collection::run,
            doc("Collect garbage now, and say what was done; null with 202 if that goes on. For administrators.")
                .gives::<CollectionView>(),
        )
        .get(
            "/api/v1/gc/explain/{digest}",
            collection::explain_everywhere,
            doc("The same in every repository that has it, at most a hundred; for administrators.")
                .lists_whole::<ExplanationView>(),
        )
        .get(
            "/api/v1/gc/explain/{digest}/{*name}",
            collection::explain,
            doc("Why a blob or a manifest is kept, or when it goes.").lists_whole::<ExplanationView>(),
        )
}
