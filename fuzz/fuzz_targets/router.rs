//! A path names one endpoint, and no path makes a name that its grammar forbids.
#![no_main]

use entrepot_server::Endpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|path: &str| {
    let Ok(endpoint) = Endpoint::parse(path) else { return };
    let again = match &endpoint {
        Endpoint::Base => "/v2/".to_owned(),
        Endpoint::Catalog => "/v2/_catalog".to_owned(),
        Endpoint::Tags(name) => format!("/v2/{name}/tags/list"),
        Endpoint::Manifest(name, reference) => format!("/v2/{name}/manifests/{reference}"),
        Endpoint::Blob(name, digest) => format!("/v2/{name}/blobs/{digest}"),
        Endpoint::Uploads(name) => format!("/v2/{name}/blobs/uploads/"),
        Endpoint::Upload(name, id) => format!("/v2/{name}/blobs/uploads/{id}"),
        Endpoint::Referrers(name, digest) => format!("/v2/{name}/referrers/{digest}"),
    };
    assert_eq!(Endpoint::parse(&again).as_ref(), Ok(&endpoint), "{path} and {again}");
});
