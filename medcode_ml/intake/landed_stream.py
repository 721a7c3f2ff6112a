"""Source `stream`: the messages of a day that were landed from Kafka, as if a folder had delivered them.

Rows keep where they came from: the file is topic/partition, the line the offset. Of messages with one id the one landed
first counts; the others stay in `raw.stream_message`, and one that says something else is set aside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson
import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.raw import DELIVERED, delivered_columns
from medcode_ml.contracts.streamed import stream_message
from medcode_ml.intake.attachments import attachment_path, keep_attachment
from medcode_ml.intake.folder import FolderSource
from medcode_ml.intake.page_store import PageStore
from medcode_ml.intake.source import DeliveredFile, DeliveryError, delivered_file, rejections

NAME: Final = "stream"
LINES_PER_FILE: Final = 2_000_000_000
"""A line number is a 32-bit integer: from here on the file is topic/partition+2000000000, and so on."""
_PART_ROWS: Final = 20_000


class LandedStreamSource:
    """Deliveries that came by Kafka, one day for each received date."""

    def __init__(self, engine: sa.Engine, files: Path | None, attachments_dir: Path, pages: PageStore) -> None:
        """Read what is landed in the database of `engine`.

        Page files that records name by a path lie under `files`, in a folder for each day; those they name sha256:...
        lie among the attachments or in the store `pages`.
        """
        self._engine = engine
        self._pages = pages
        self._attachments_dir = attachments_dir
        self._files = files
        self._folder = FolderSource(files or attachments_dir / "none", attachments_dir=attachments_dir)

    @property
    def name(self) -> str:
        """Name under which rows are landed."""
        return NAME

    def received_dates(self) -> list[date]:
        """Days that messages were received for, oldest first."""
        query = sa.select(stream_message.c.received_date).distinct().order_by(stream_message.c.received_date)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def read(self, day: date, tables: Collection[str] | None = None) -> Iterator[DeliveredFile]:
        """The messages of `day`, part by part, each partition in the order of its offsets."""
        kinds = [name for name in DELIVERED if tables is None or name in tables]
        with self._engine.connect().execution_options(yield_per=_PART_ROWS) as connection:
            for rows in connection.execute(_messages(day, kinds)).partitions():
                yield from _files(rows)

    def page_path(self, day: date, file: str) -> Path:
        """Path of a page or text file that a scanned record of `day` names; it need not exist.

        Raises:
            DeliveryError: the name leads out of the delivery folder of that day, or to a place that is not read.
        """
        kept = attachment_path(self._attachments_dir, file)
        if kept is not None:
            return self._fetched(kept, file)
        if self._files is None:
            raise DeliveryError(
                "a page file is named by a path, and no shared folder is known; set MEDCODE_SOURCE_DIR, or name the "
                "file sha256:... of the page store"
            )
        return self._folder.page_path(day, _path_in(self._files / day.isoformat(), file))

    def _fetched(self, kept: Path, file: str) -> Path:
        """The attachment, brought from the page store where only that has it."""
        content_hash = kept.stem
        if not kept.is_file() and content_hash in self._pages:
            keep_attachment(self._attachments_dir, self._pages.get(content_hash), kept.suffix)
        return kept


def _messages(day: date, kinds: list[str]) -> sa.Select[Any]:
    """Messages of a day; `first_content` is the content of the same message where it was landed before."""
    one, other = stream_message.c, stream_message.alias("other").c
    earlier = sa.tuple_(other.landed_at, other.topic, other.partition, other.offset) < sa.tuple_(
        one.landed_at, one.topic, one.partition, one.offset
    )
    first_content = (
        sa.select(other.content_hash)
        .where(other.source_system == one.source_system, other.message_id == one.message_id, earlier)
        .order_by(other.landed_at, other.topic, other.partition, other.offset)
        .limit(1)
        .scalar_subquery()
    )
    return (
        sa.select(one.kind, one.topic, one.partition, one.offset, one.content_hash, one.payload, first_content)
        .where(one.received_date == day, one.kind.in_(kinds))
        .order_by(one.topic, one.partition, one.offset)
    )


def _files(rows: Any) -> Iterator[DeliveredFile]:
    landed: dict[tuple[str, str], list[dict[str, Any]]] = {}
    aside: dict[tuple[str, str], list[tuple[int, str, str, str | None]]] = {}
    for kind, topic, partition, offset, content, payload, first_content in rows:
        file, line = _place(topic, partition, offset)
        if first_content is None:
            values = {name: value or None for name, value in orjson.loads(payload)["row"].items()}
            landed.setdefault((kind, file), []).append(values | {"source_line": line})
        elif first_content != content:
            reason = (
                f"{file}, line {line}: the message has the id of an earlier one and says something else; give every "
                "message an id of its own and send it again"
            )
            aside.setdefault((kind, file), []).append((line, "message_id_reused", reason, payload))
    for kind, file in landed | aside:
        columns = [*delivered_columns(kind), "source_line"]
        frame = pd.DataFrame(landed.get((kind, file), []), columns=columns, dtype=object)
        # a column that only some rows name is NaN in the others
        frame = frame.where(frame.notna(), None)
        yield delivered_file(kind, file, frame, rejections(aside.get((kind, file), [])))


def _place(topic: str, partition: int, offset: int) -> tuple[str, int]:
    base = offset // LINES_PER_FILE * LINES_PER_FILE
    return f"{topic}/{partition}" + (f"+{base}" if base else ""), offset - base


def _path_in(folder: Path, file: str) -> str:
    """A name relative to the day's folder; a file: URL inside it is one too.

    Raises:
        DeliveryError: it is a URL of another kind, or leads elsewhere.
    """
    parts = urlsplit(file)
    if parts.scheme and len(parts.scheme) > 1 and "://" in file:
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise DeliveryError("a page file has a URL that is not read; put it into the shared folder or page store")
        path = Path(unquote(parts.path))
        if not path.is_relative_to(folder.resolve()) and not path.is_relative_to(folder):
            raise DeliveryError(f"a page file of {folder.name} lies outside the delivery; keep it inside")
        base = folder.resolve() if path.is_relative_to(folder.resolve()) else folder
        return path.relative_to(base).as_posix()
    return file
