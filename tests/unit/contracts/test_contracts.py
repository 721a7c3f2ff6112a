"""The contracts are whole: comments everywhere, keys that exist, lineage and views that name real columns."""

from __future__ import annotations

import pytest

from medcode_assets.lineage import CARRIES, MADE_OF, VIEW_TABLES, column_lineage
from medcode_ml.contracts import metadata
from medcode_ml.contracts.mart import VIEWS
from medcode_ml.contracts.raw import DELIVERED, optional_columns


@pytest.mark.parametrize("table", metadata.tables.values(), ids=lambda t: t.fullname)
def test_every_table_and_column_has_a_comment_and_a_key(table) -> None:  # type: ignore[no-untyped-def]
    assert table.comment
    assert all(c.comment for c in table.columns)
    assert len(table.primary_key) >= 1


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_every_column_of_a_view_has_a_comment(view) -> None:  # type: ignore[no-untyped-def]
    assert view.comment
    assert all(view.columns.values())


def test_keys_of_delivered_tables_are_columns_that_cannot_be_missing() -> None:
    for name, (_, key, columns) in DELIVERED.items():
        assert set(key) <= {c.rstrip("?") for c in columns}, name
        assert not set(key) & optional_columns(name), name


def test_the_lineage_names_only_tables_and_columns_that_exist() -> None:
    for table, parents in {**CARRIES, **{f"mart.{v}": t for v, t in VIEW_TABLES.items()}}.items():
        assert all(p in metadata.tables for p in parents), table
    for table, columns in MADE_OF.items():
        for column, parents in columns.items():
            assert column in metadata.tables[table].columns, (table, column)
            for parent in parents:
                name, of = parent.rsplit(".", 1)
                assert of in metadata.tables[name].columns, parent


def test_a_claim_leads_back_to_text_and_codes() -> None:
    lineage = column_lineage("billed.claim").deps_by_column
    assert {d.column_name for d in lineage["drg"]} == {"code", "poa"}
    assert "text" in {d.column_name for d in column_lineage("coded.encounter_code").deps_by_column["code"]}
