"""The registry's migration on a database that holds models: every version and promotion arrives, and goes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic import command
from support.old_database import database_at

from medcode_ml.models.warehouse.stages import champion_version, moves_of, registered_versions
from medcode_ml.store.migrate import _config, differences

pytestmark = pytest.mark.integration

MONDAY, TUESDAY, FRIDAY = (datetime(2026, 10, day, 8, tzinfo=UTC) for day in (5, 6, 9))


@pytest.fixture
def before(server_engine: sa.Engine) -> Iterator[sa.Engine]:
    """A database of its own at 0011."""
    with database_at(server_engine, "0011", "registry_before") as engine:
        yield engine


def put(engine: sa.Engine, table: str, **row: object) -> None:
    with engine.begin() as connection:
        held = sa.Table(table, sa.MetaData(), schema="ml", autoload_with=connection)
        empty = {c.name: 0 for c in held.columns if c.name.endswith(("encounters", "count")) or c.name == "seconds"}
        texts = {c.name: "x" for c in held.columns if c.name in ("text_source", "data_hash", "promotion_id", "note")}
        objects = {c.name: {} for c in held.columns if c.name in ("parameters", "code_set_releases")}
        connection.execute(sa.insert(held).values({**empty, **texts, **objects, **row}))


def test_versions_and_promotions_of_every_kind_arrive_and_go_back(before: sa.Engine) -> None:
    for version, at in (("coding-a", MONDAY), ("coding-b", TUESDAY), ("coding-c", FRIDAY)):
        put(before, "coding_model", version=version, folder=f"models/coding/{version}", trained_at=at)
    put(before, "coding_promotion", promotion_id="1", version="coding-a", replaced=None, promoted_at=MONDAY,
        promoted_by="q.lead", note="first")  # fmt: skip
    put(before, "coding_promotion", promotion_id="2", version="coding-b", replaced="coding-a",
        promoted_at=datetime(2026, 10, 7, tzinfo=UTC), promoted_by="q.lead", note="better")  # fmt: skip
    put(before, "ranking_model", version="ranking-a", folder="models/ranking/ranking-a", trained_at=MONDAY)
    with before.begin() as connection:
        command.upgrade(_config(connection), "head")
    assert differences(before) == []
    rows = registered_versions(before, "coding")
    assert list(rows) == ["coding-a", "coding-b", "coding-c"]
    assert [row["champion"] for row in rows.values()] == [None, "coding-a", "coding-b"]
    assert rows["coding-c"]["folder"] == "models/coding/coding-c"
    assert [m.stage for m in moves_of(before, "coding-a")] == ["candidate", "shadow", "champion", "retired"]
    assert [(m.stage, m.by) for m in moves_of(before, "coding-b")] == [
        ("candidate", "asset ml/coding_model"), ("shadow", "q.lead"), ("champion", "q.lead"),
    ]  # fmt: skip
    assert champion_version(before, "coding") == "coding-b"
    assert champion_version(before, "ranking") is None
    with before.begin() as connection:
        command.downgrade(_config(connection), "0011")
    with before.connect() as connection:
        promoted = connection.execute(
            sa.text("SELECT version, replaced, note FROM ml.coding_promotion ORDER BY promoted_at")
        ).all()
        folders = connection.execute(sa.text("SELECT folder FROM ml.ranking_model")).scalars().all()
    assert [tuple(row) for row in promoted] == [("coding-a", None, "first"), ("coding-b", "coding-a", "better")]
    assert folders == ["models/ranking/ranking-a"]
    with before.begin() as connection:
        command.upgrade(_config(connection), "head")
    assert differences(before) == []
    assert champion_version(before, "coding") == "coding-b"
