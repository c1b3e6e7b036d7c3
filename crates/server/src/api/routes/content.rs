//! What is in repositories, and what the registry says and does as a whole.

use super::{Routes, doc};
use crate::api::{audit, explain, keys, maintenance, manifests, namespaces, quota, repositories};

pub(in crate::api) fn add(routes: Routes) -> Routes {
    use namespaces::{ImmutableBody, ImmutableView};
    use quota::{QuotaBody, QuotaView};
    use repositories::{ChangeBody, NewRepositoryBody, RepositoryView, TagView};
    routes
        .get(
            "/api/v1/namespaces/{namespace}/repositories",
            repositories::list,
            doc("The repositories that you may see, by name. A page may have fewer than there are.").lists::<RepositoryView>(),
        )
        .get(
            "/api/v1/namespaces/{namespace}/immutable-tags",
            namespaces::immutable,
            doc("Tags that neither move nor go.").lists_whole::<ImmutableView>(),
        )
        .put(
            "/api/v1/namespaces/{namespace}/immutable-tags",
            namespaces::add_immutable,
            doc("Let tags neither move nor go.").takes::<ImmutableBody>(),
        )
        .delete(
            "/api/v1/namespaces/{namespace}/immutable-tags",
            namespaces::remove_immutable,
            doc("Let them move again.").query("repositories", "The pattern of repositories.").query("tags", "The pattern of tags."),
        )
        .get(
            "/api/v1/namespaces/{namespace}/quota",
            quota::get,
            doc("What a namespace may have, and what it has.").gives::<QuotaView>(),
        )
        .put(
            "/api/v1/namespaces/{namespace}/quota",
            quota::set,
            doc("Limit what a namespace may have; for administrators.").takes::<QuotaBody>(),
        )
        .post(
            "/api/v1/repositories",
            repositories::create,
            doc("Make a repository before anything is pushed to it.").takes::<NewRepositoryBody>().makes::<RepositoryView>(),
        )
        .get("/api/v1/repositories/{*name}", repositories::get, doc("A repository; with an ETag.").gives::<RepositoryView>())
        .patch(
            "/api/v1/repositories/{*name}",
            repositories::change,
            doc("Let everybody see it, or only those who were given a role; takes If-Match.")
                .takes::<ChangeBody>()
                .gives::<RepositoryView>(),
        )
        .get("/api/v1/tags/{*name}", repositories::tags, doc("The tags of a repository, by name.").lists::<TagView>())
        .get(
            "/api/v1/manifests/{reference}/{*name}",
            manifests::get,
            doc("A manifest, by tag or digest.").gives::<manifests::ManifestView>(),
        )
        .delete(
            "/api/v1/manifests/{reference}/{*name}",
            manifests::remove,
            doc("Delete a tag, or by digest a manifest with all its tags."),
        )
        .get(
            "/api/v1/access/explain",
            explain::get,
            doc("Why somebody may do something, or may not.")
                .gives::<explain::ExplanationView>()
                .query("as", "About whom: a person or a robot; empty for nobody, absent for you.")
                .query("action", "pull, push or delete.")
                .query("repository", "With which repository."),
        )
        .get(
            "/api/v1/audit",
            audit::list,
            doc("Who did what, youngest first; for administrators. All of it as JSON lines, if you accept application/x-ndjson.")
                .lists::<audit::EntryView>()
                .query("actor", "Of this person, robot or organization.")
                .query("target", "On this target; only looked at without an actor.")
                .query("since", "At or after this time (RFC 3339)."),
        )
        .post(
            "/api/v1/keys/rotate",
            keys::rotate,
            doc("Let a new key sign registry tokens; for administrators.").takes::<keys::Rotation>(),
        )
        .get(
            "/api/v1/maintenance",
            maintenance::get,
            doc("Whether the registry serves pulls alone; for administrators.").gives::<maintenance::MaintenanceView>(),
        )
        .put(
            "/api/v1/maintenance",
            maintenance::begin,
            doc("Refuse every push and other change, and say why; for administrators.")
                .takes::<maintenance::MaintenanceBody>()
                .gives::<maintenance::MaintenanceView>(),
        )
        .delete("/api/v1/maintenance", maintenance::end, doc("Let changes go on; for administrators."))
}
