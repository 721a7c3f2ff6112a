"""The inbox: which files are whole, which days they belong to, when a day is read again; files kept by content."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from medcode_ml.billing.answers.arrivals import Inbox, days_to_read
from medcode_ml.billing.answers.kept import KeptFileError, KeptFiles

DAY, NEXT = date(2026, 11, 20), date(2026, 11, 21)


def test_a_day_has_the_files_that_are_whole(tmp_path: Path) -> None:
    folder = tmp_path / DAY.isoformat()
    (folder / "house" / ".staging").mkdir(parents=True)
    for name in ("a", "house/b.835", "c.part", "d.TMP", ".e", "house/.staging/f"):
        (folder / name).write_bytes(b"x")
    inbox = Inbox(tmp_path)
    assert [path.name for path in inbox.files(DAY)] == ["a", "b.835"]
    assert list(inbox.files(NEXT)) == []


def test_only_folders_named_after_a_day_from_the_first_on_are_days(tmp_path: Path) -> None:
    for name in ("2026-11-20", "2026-11-19", "20261120", "2026-W47", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_bytes(b"x")
    (tmp_path / "2026-11-21").write_bytes(b"a file, no day")
    inbox = Inbox(tmp_path)
    assert inbox.days(DAY) == [DAY]
    assert inbox.outside(DAY) == 5
    assert Inbox(tmp_path / "absent").days(DAY) == []


def test_a_day_is_asked_for_again_when_a_file_comes_with_an_old_time(tmp_path: Path) -> None:
    import os

    inbox = Inbox(tmp_path)
    (tmp_path / "a").write_bytes(b"x")
    os.utime(tmp_path / "a", (0, 0))
    assert inbox.put(tmp_path / "a", DAY)
    came = inbox.changed(DAY, 0)
    assert set(came) == {DAY}
    assert inbox.changed(DAY, came[DAY]) == {}
    (tmp_path / "b").write_bytes(b"y")
    os.utime(tmp_path / "b", (0, 0))
    os.rename(tmp_path / "b", tmp_path / DAY.isoformat() / "b")
    assert set(inbox.changed(DAY, came[DAY])) == {DAY}


def test_days_are_asked_for_in_the_order_they_came_and_those_to_come_wait() -> None:
    came = {DAY: 30, NEXT: 10, date(2026, 11, 1): 20, date(2099, 1, 1): 5}
    assert days_to_read(came, NEXT, 2) == [(NEXT, 10), (date(2026, 11, 1), 20)]
    assert days_to_read({}, NEXT, 2) == []


def test_the_same_content_is_put_and_kept_once_under_a_name_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "DOE JANE.835").write_bytes(b"x")
    inbox = Inbox(tmp_path / "inbox")
    assert inbox.put(tmp_path / "DOE JANE.835", DAY)
    assert not inbox.put(tmp_path / "DOE JANE.835", DAY)
    assert [len(path.name) for path in inbox.files(DAY)] == [64]
    kept = KeptFiles(tmp_path / "kept")
    one = kept.put(b"x")
    assert one == kept.put(tmp_path / "DOE JANE.835")
    assert kept.open(one.sha256).read() == b"x"
    assert [path for path in (tmp_path / "kept").rglob("*") if path.is_file()] == [kept.path(one.sha256)]
    with pytest.raises(KeptFileError, match="inbox folder") as error:
        kept.put(tmp_path / "gone" / "DOE JANE.835")
    assert "DOE" not in str(error.value)
