//! Blobs larger than any single request.
