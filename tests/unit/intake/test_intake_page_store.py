"""The page store: content-addressed, written once, checked when read; on a folder, in memory and behind an S3 API."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from medcode_ml.intake.page_store import PageStore, PageStoreError, PageWork, missing_file

CONTENT = b"\x89PNG page of a chart"
HASH = hashlib.sha256(CONTENT).hexdigest()
ROWS = [{"page": 1, "text": "Lungs clear.", "words": [{"text": "Lungs", "box": [1, 2, 3, 4], "confidence": 96.0}]}]


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """A real HTTP server on loopback that speaks the S3 API."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_place(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    import s3fs

    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    bucket = f"pages-{uuid.uuid4().hex[:8]}"
    s3fs.S3FileSystem().mkdir(bucket)
    return f"s3://{bucket}/medcode"


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PageStore:
    if request.param == "folder":
        return PageStore(tmp_path / "pages")
    if request.param == "memory":
        return PageStore(f"memory://{uuid.uuid4().hex}")
    return PageStore(request.getfixturevalue("s3_place"))


def test_what_is_put_is_found_under_its_hash_and_comes_back_the_same(store, tmp_path):
    page = tmp_path / "HARLOW_MIRIAM_1951.png"
    page.write_bytes(CONTENT)
    assert HASH not in store
    assert store.put(page) == HASH
    assert store.put(page) == HASH
    assert HASH in store
    assert store.get(HASH) == CONTENT


def test_readings_are_kept_by_content_and_reader_version(store, monkeypatch):
    store.put_bytes(CONTENT)
    assert store.reading(HASH) is None
    store.save_reading(HASH, ROWS)
    assert store.reading(HASH) == ROWS
    monkeypatch.setattr("medcode_ml.intake.page_store.READER_VERSION", "another")
    assert store.reading(HASH) is None


def test_a_reading_without_its_page_file_does_not_count(store):
    store.save_reading(HASH, ROWS)
    assert store.reading(HASH) is None


def test_a_page_that_is_not_there_says_what_to_do(store):
    with pytest.raises(PageStoreError, match=r"does not hold .*deliver the page again"):
        store.get("0" * 64)


def test_a_changed_page_file_is_noticed_when_read(store):
    store.put_bytes(CONTENT)
    filesystem, root = store._located
    filesystem.pipe_file(f"{root}/{HASH[:2]}/{HASH}", CONTENT.replace(b"page", b"pane"))
    with pytest.raises(PageStoreError, match="other content"):
        store.get(HASH)


def test_a_torn_copy_is_replaced_when_the_page_comes_again(store):
    store.put_bytes(CONTENT)
    filesystem, root = store._located
    filesystem.pipe_file(f"{root}/{HASH[:2]}/{HASH}", CONTENT[:5])
    store.put_bytes(CONTENT)
    assert store.get(HASH) == CONTENT


def test_a_torn_reading_is_made_again_not_believed(store):
    store.put_bytes(CONTENT)
    store.save_reading(HASH, ROWS)
    filesystem, _ = store._located
    name = store._reading(HASH)
    filesystem.pipe_file(name, filesystem.cat_file(name)[:20])
    assert store.reading(HASH) is None


def test_a_store_travels_to_another_process(store):
    store.put_bytes(CONTENT)
    again = pickle.loads(pickle.dumps(store))
    assert again.place == store.place
    assert "_located" not in vars(again), "a connection does not travel"
    assert again.get(HASH) == CONTENT


def test_no_name_in_a_folder_says_whose_page_it_is_and_nothing_half_written_stays(tmp_path):
    page = tmp_path / "HARLOW_MIRIAM_1951.png"
    page.write_bytes(CONTENT)
    store = PageStore(tmp_path / "pages")
    store.put(page)
    store.save_reading(HASH, ROWS)
    names = sorted(str(p.relative_to(tmp_path / "pages")) for p in (tmp_path / "pages").rglob("*") if p.is_file())
    assert names == [f"{HASH[:2]}/{HASH}", f"readings/{HASH[:2]}/{HASH}-2.json.gz"]


def test_a_page_file_is_written_once(tmp_path):
    store = PageStore(tmp_path)
    store.put_bytes(CONTENT)
    kept = tmp_path / HASH[:2] / HASH
    os.utime(kept, (1, 1))
    store.put_bytes(CONTENT)
    assert kept.stat().st_mtime == 1


@pytest.mark.parametrize("place", ["nowhere://bucket/pages", "s3://no-such-bucket-here/pages"])
def test_a_place_that_cannot_be_used_says_so_without_a_traceback(place, s3_place):
    with pytest.raises(PageStoreError, match=r"give a folder or s3://|MEDCODE_PAGES_URL"):
        PageStore(place).put_bytes(CONTENT)


# --- pages are read once ----------------------------------------------------------------------------------------------


@pytest.fixture
def delivery(tmp_path: Path, drawn) -> list[tuple[str, Path]]:
    files = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        drawn(f"Sheet number {number}\nThe lungs are clear on both sides.").save(path)
        files.append((path.name, path))
    (tmp_path / "cut.png").write_bytes((tmp_path / "0.png").read_bytes()[:300])
    return [*files, ("cut.png", tmp_path / "cut.png"), ("absent.png", tmp_path / "absent.png")]


def _not_to_be_called(*_: object, **__: object) -> None:
    raise AssertionError("a page was read twice")


def test_a_second_run_reads_nothing_again_and_gives_the_same_rows(tmp_path, delivery, monkeypatch):
    work = PageWork(tmp_path / "store", 1, 30.0)
    first = work.frame(delivery)
    assert list(first["gate"]) == [None, None, None, "broken_file", "broken_file"]
    monkeypatch.setattr("medcode_ml.intake.page_store.read_files", _not_to_be_called)
    again = PageWork(tmp_path / "store", 1, 30.0).frame(delivery[:4])
    assert again.to_dict("records") == first.iloc[:4].to_dict("records")


def test_readings_go_through_an_s3_store_too(s3_place, delivery, monkeypatch):
    first = PageWork(s3_place, 1, 30.0).frame(delivery[:2])
    monkeypatch.setattr("medcode_ml.intake.page_store.read_files", _not_to_be_called)
    assert PageWork(s3_place, 1, 30.0).frame(delivery[:2]).to_dict("records") == first.to_dict("records")


def test_a_page_that_was_cut_off_for_time_is_tried_again(tmp_path, delivery):
    assert list(PageWork(tmp_path / "store", 1, 0.05).frame(delivery[:1])["gate"]) == ["timed_out"]
    assert list(PageWork(tmp_path / "store", 1, 30.0).frame(delivery[:1])["gate"]) == [None]


def test_a_run_that_is_killed_goes_on_where_it_ended(tmp_path, delivery):
    script = (
        "import sys; from pathlib import Path; import medcode_ml.intake.page_store as s; s.CHUNK = 1\n"
        "s.PageWork(Path(sys.argv[1]), 1, 30.0).readings([Path(p) for p in sys.argv[2:]] )"
    )
    store = tmp_path / "store"
    paths = [str(path) for _, path in delivery[:3]]
    # a blank sheet as large as it gets keeps the reader busy after the first is kept
    large = tmp_path / "large.png"
    Image.effect_noise((2500, 3300), 90).save(large)
    child = subprocess.Popen([sys.executable, "-c", script, str(store), paths[0], str(large), *paths[1:]])
    try:
        until = time.monotonic() + 60
        while not list(store.glob("readings/*/*.gz")):
            assert time.monotonic() < until, "nothing was read in a minute"
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
    kept = PageStore(store).reading(hashlib.sha256(Path(paths[0]).read_bytes()).hexdigest())
    assert kept is not None
    assert PageStore(store).reading(hashlib.sha256(Path(paths[2]).read_bytes()).hexdigest()) is None
    frame = PageWork(store, 1, 30.0).frame(delivery[:3])
    assert frame["text"].str.contains("lungs are clear").all()
    assert list(frame["seconds"])[:1] == [kept[0]["seconds"]], "the first was not read again"


def test_a_missing_file_has_a_row_too():
    row = missing_file()
    assert (row["gate"], row["page"], row["pages"]) == ("broken_file", 1, 1)
