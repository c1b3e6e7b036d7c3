//! What lies in a bucket, asked of the server itself and not of the program under test.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use super::s3::S3Bucket;

impl S3Bucket {
    /// Every object whose key begins with `prefix`, with its size in bytes. Keys must be plain (`a-z0-9/-._`).
    ///
    /// # Errors
    /// What the server said.
    pub fn objects(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        self.pages(prefix, 1000)
    }

    fn pages(&self, prefix: &str, length: usize) -> Result<BTreeMap<String, u64>> {
        let mut objects = BTreeMap::new();
        let mut after = String::new();
        loop {
            // Sorted and encoded as the signature has it.
            let (under, last) = (encoded(prefix), encoded(&after));
            let query = format!("?list-type=2&max-keys={length}&prefix={under}&start-after={last}");
            let page = self.list(&query)?;
            for object in elements(&page, "Contents") {
                let key = element(object, "Key")?.to_owned();
                let size = element(object, "Size")?.parse().context("the size of an object")?;
                after.clone_from(&key);
                objects.insert(key, size);
            }
            if element(&page, "IsTruncated")? == "false" {
                return Ok(objects);
            }
            ensure!(!after.is_empty(), "a page of the bucket has nothing on it, and more pages follow");
        }
    }

    /// The keys of multipart uploads that were begun and neither completed nor aborted, each as often as it has uploads.
    ///
    /// # Errors
    /// What the server said, or there are more than a thousand.
    pub fn unfinished_uploads(&self) -> Result<Vec<String>> {
        let page = self.list("?uploads=")?;
        ensure!(element(&page, "IsTruncated")? == "false", "more than a thousand unfinished uploads");
        elements(&page, "Upload").map(|upload| Ok(element(upload, "Key")?.to_owned())).collect()
    }

    /// The bytes of an object.
    ///
    /// # Errors
    /// What the server said.
    pub fn read(&self, key: &str) -> Result<Vec<u8>> {
        Ok(self.curl()?.expect("GET", &self.url(key), None)?.body)
    }

    /// Puts other bytes in the place of an object, as a store does that loses them.
    ///
    /// # Errors
    /// What the server said.
    pub fn replace(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.curl()?.expect("PUT", &self.url(key), Some(bytes)).map(drop)
    }

    /// Removes an object.
    ///
    /// # Errors
    /// What the server said.
    pub fn remove(&self, key: &str) -> Result<()> {
        self.curl()?.expect("DELETE", &self.url(key), None).map(drop)
    }

    fn list(&self, query: &str) -> Result<String> {
        let answer = self.curl()?.expect("GET", &format!("{}{query}", self.url("")), None)?;
        String::from_utf8(answer.body).context("a list that is not text")
    }
}

/// The contents of every element `name` of `xml`, none of which has attributes or is in another of that name.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (content, behind) = rest.split_once(&open)?.1.split_once(&close)?;
        rest = behind;
        Some(content)
    })
}

fn element<'a>(xml: &'a str, name: &str) -> Result<&'a str> {
    elements(xml, name).next().with_context(|| format!("no {name} in {xml}"))
}

/// For a query: the one plain character of a key that has to be encoded there.
fn encoded(key: &str) -> String {
    key.replace('/', "%2F")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Lists objects over several pages, and uploads that are under way.
    pub(in crate::servers) fn works(bucket: &S3Bucket) -> Result<()> {
        let curl = bucket.curl()?;
        let key = |number: usize| format!("of/many/{number:04}");
        for number in 0..12 {
            curl.expect("PUT", &bucket.url(&key(number)), Some(&vec![0; number % 7]))?;
        }
        curl.expect("PUT", &bucket.url("other"), Some(b""))?;
        for length in [5, 12, 1000] {
            let objects = bucket.pages("of/", length)?;
            assert!(objects.into_iter().eq((0..12).map(|number| (key(number), number as u64 % 7))));
        }
        assert_eq!(bucket.objects("")?.len(), 13);
        assert_eq!(bucket.unfinished_uploads()?, Vec::<String>::new());
        curl.expect("POST", &format!("{}?uploads=", bucket.url("half/done")), None)?;
        assert_eq!(bucket.unfinished_uploads()?, ["half/done"]);
        Ok(())
    }
}
