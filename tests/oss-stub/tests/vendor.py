"""Drives the stub with Aliyun's own client. Arguments: endpoint, bucket, id of the key, key, version of the signatures."""
import sys
import urllib.error
import urllib.request

import oss2

endpoint, name, key_id, secret, version = sys.argv[1:]
MIB = 1024 * 1024


def bucket(key_id=key_id, secret=secret):
    auth = oss2.make_auth(key_id, secret, version)
    return oss2.Bucket(auth, endpoint, name, region="cn-test")


def refused(status, code, call):
    try:
        call()
    except oss2.exceptions.ServerError as error:
        assert (error.status, error.code) == (status, code), (error.status, error.code, error.message)
    else:
        raise AssertionError(f"{code} was expected")


ours = bucket()
odd = "a dir/with + and % and é&<>.bin"

# Objects, ranges, heads, conditions.
put = ours.put_object(odd, b"0123456789", headers={"Content-Type": "text/x-test", "x-oss-meta-of": "tests"})
assert ours.get_object(odd).read() == b"0123456789"
head = ours.head_object(odd)
assert (head.content_length, head.etag) == (10, put.etag)
assert ours.get_object(odd, byte_range=(2, 4)).read() == b"234"
assert ours.get_object(odd, byte_range=(None, 3)).read() == b"789"
assert ours.get_object(odd, byte_range=(8, 99)).read() == b"89"
assert ours.get_object(odd, byte_range=(10, 12)).read() == b"0123456789", "without the standard's behaviour, everything"
standard = {"x-oss-range-behavior": "standard"}
refused(416, "InvalidRange", lambda: ours.get_object(odd, byte_range=(10, 12), headers=standard))
refused(404, "NoSuchKey", lambda: ours.get_object("nothing"))
assert not ours.object_exists("nothing")
forbid = {"x-oss-forbid-overwrite": "true"}
refused(409, "FileAlreadyExists", lambda: ours.put_object(odd, b"x", headers=forbid))
wrong_sum = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
refused(400, "InvalidDigest", lambda: ours.put_object("summed", b"x", headers=wrong_sum))
assert not ours.object_exists("summed")
ours.put_object("empty", b"")
assert ours.get_object("empty").read() == b""
ours.put_object("chunked", iter([b"one", b"two"]))
assert ours.get_object("chunked").read() == b"onetwo"

# Strangers.
refused(403, "SignatureDoesNotMatch", lambda: bucket(secret="wrong").get_object(odd))
refused(403, "InvalidAccessKeyId", lambda: bucket(key_id="nobody").get_object(odd))
anonymous = oss2.Bucket(oss2.AnonymousAuth(), endpoint, name)
refused(403, "AccessDenied", lambda: anonymous.get_object(odd))

# Signed URLs, also tampered with and expired.
url = ours.sign_url("GET", odd, 60)
ranged = urllib.request.Request(url, headers={"Range": "bytes=3-5"})
with urllib.request.urlopen(ranged) as answer:
    assert (answer.status, answer.read()) == (206, b"345")
for broken in (url.replace("%2B", "%2D"), ours.sign_url("GET", odd, -5)):
    try:
        urllib.request.urlopen(broken)
    except urllib.error.HTTPError as error:
        assert error.code == 403
    else:
        raise AssertionError("a broken URL was served")

# Lists, page by page.
for number in range(7):
    ours.put_object(f"list/{number}/leaf", b"x")
found = [item.key for item in oss2.ObjectIteratorV2(ours, prefix="list/", max_keys=3)]
assert found == [f"list/{number}/leaf" for number in range(7)], found
found = [(item.key, item.is_prefix()) for item in oss2.ObjectIteratorV2(ours, prefix="list/", delimiter="/", max_keys=2)]
assert found == [(f"list/{number}/", True) for number in range(7)], found
found = [item.key for item in oss2.ObjectIteratorV2(ours, prefix="list/", start_after="list/4/leaf")]
assert found == ["list/5/leaf", "list/6/leaf"], found
assert odd in [item.key for item in oss2.ObjectIteratorV2(ours)]

# Multipart uploads.
upload = ours.init_multipart_upload("large/whole").upload_id
parts = []
for number, content in ((1, b"a" * MIB), (2, b"b" * 100 * 1024), (3, b"c")):
    parts.append(oss2.models.PartInfo(number, ours.upload_part("large/whole", upload, number, content).etag))
assert not ours.object_exists("large/whole")
assert [item.key for item in oss2.MultipartUploadIterator(ours, prefix="large/")] == ["large/whole"]
stranger = [oss2.models.PartInfo(1, '"0123"')]
refused(400, "InvalidPart", lambda: ours.complete_multipart_upload("large/whole", upload, stranger))
absent = [oss2.models.PartInfo(9, parts[0].etag)]
refused(400, "InvalidPart", lambda: ours.complete_multipart_upload("large/whole", upload, absent))
ours.complete_multipart_upload("large/whole", upload, parts)
assert ours.get_object("large/whole").read() == b"a" * MIB + b"b" * 100 * 1024 + b"c"
assert ours.get_object("large/whole", byte_range=(MIB - 1, MIB)).read() == b"ab"
refused(404, "NoSuchUpload", lambda: ours.upload_part("large/whole", upload, 4, b"late"))

upload = ours.init_multipart_upload("large/small").upload_id
parts = [oss2.models.PartInfo(n, ours.upload_part("large/small", upload, n, b"x" * 99 * 1024).etag) for n in (1, 2)]
refused(400, "EntityTooSmall", lambda: ours.complete_multipart_upload("large/small", upload, parts))
refused(400, "InvalidArgument", lambda: ours.upload_part("large/small", upload, 10001, b"x"))
ours.abort_multipart_upload("large/small", upload)
refused(404, "NoSuchUpload", lambda: ours.abort_multipart_upload("large/small", upload))

ids = sorted(ours.init_multipart_upload("many").upload_id for _ in range(5))
found = [item.upload_id for item in oss2.MultipartUploadIterator(ours, max_uploads=2)]
assert sorted(found) == ids, found
for upload in ids:
    ours.abort_multipart_upload("many", upload)

# Deletes, and nothing is left.
ours.delete_object("large/whole")
ours.delete_object("large/whole")
keys = [item.key for item in oss2.ObjectIteratorV2(ours)]
deleted = ours.batch_delete_objects(keys + ["not there"]).deleted_keys
assert sorted(deleted) == sorted(keys + ["not there"])
assert list(oss2.ObjectIteratorV2(ours)) == []
assert list(oss2.MultipartUploadIterator(ours)) == []
