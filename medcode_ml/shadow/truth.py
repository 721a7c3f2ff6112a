"""What came in later of the days a version ran in shadow: the coders' codes, and what insurers paid.

The coders' codes in the coders' order are grouped by the very same way as those of the two versions.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.billing.amounts.claim_rows import claims_of_day
from medcode_ml.billing.amounts.training_set import REMITTANCE, learned_claims
from medcode_ml.billing.gathering import Named
from medcode_ml.billing.payers import PayerBook
from medcode_ml.contracts import coded, ml, ranked, raw, review
from medcode_ml.models.bootstrap import RESAMPLES
from medcode_ml.models.warehouse.comparison import held_against_coders
from medcode_ml.models.warehouse.labels import labels_of_day, stays_of
from medcode_ml.models.warehouse.stages import shadow_versions
from medcode_ml.ranking.training_set import ordered_encounters
from medcode_ml.shadow.outcomes import GROUPED, grouped_claims
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import days_of, read_frame, replace_partition

ENCOUNTERS_AT_ONCE: Final = 1800


def hold_against_labels(engine: sa.Engine, payers: PayerBook, *, resamples: int = RESAMPLES) -> int:
    """Give the encounters of versions in shadow the MS-DRG of the coders' codes, where these came in or changed since.

    A day of a version is written in one transaction with its figures against the coders' MS-DRGs.

    Args:
        engine: the database.
        payers: contracts, as for the versions.
        resamples: bootstrap draws.

    Returns:
        Encounters labelled anew, each counted once for every version that has it.
    """
    with engine.connect() as connection:
        waiting = _encounters_in_shadow(connection)
        labels = _newest_labels(connection, waiting)
        due = waiting.merge(labels[["encounter_id", "label_hash"]].drop_duplicates(), on="encounter_id")
        due = due[due["label_hash"] != due["known_hash"]]
    counted = 0
    for (day,), of_day in due.groupby(["received_date"], sort=True):
        own = labels[labels["encounter_id"].isin(set(of_day["encounter_id"]))]
        with engine.connect() as connection:  # never committed
            told = coders_drgs(connection, day, own, payers)
        for (version,), rows in of_day.groupby(["shadow"]):
            ids = set(rows["encounter_id"])
            counted += _label(engine, day, str(version), told[told["encounter_id"].isin(ids)], resamples)
    return counted


def coders_drgs(connection: sa.Connection, day: date, labels: pd.DataFrame, payers: PayerBook) -> pd.DataFrame:
    """encounter_id, labelled_on, label_hash, coder_drg, coder_weight: as billing groups the coders' codes; rolled back.

    Labels without an order, or whose first code is not billable at discharge, name no principal and so no MS-DRG.

    Args:
        connection: the database.
        day: on which the encounters were received.
        labels: as `warehouse.labels.labels_of_day` gives them, with labelled_on and label_hash.
        payers: contracts, as for the versions.
    """
    rows = [
        ordered_encounters(own, stays_of(connection, on, own["encounter_id"]))
        for (on,), own in labels.groupby(["labelled_on"])
    ]
    ordered = pd.concat(rows, ignore_index=True)
    # one code alone is nothing to learn an order from, and is an order all the same
    ordered = ordered[ordered["set_aside"].isna() | (ordered["set_aside"] == "one_code")]
    codes = _as_ranked(connection, day, ordered)
    first = codes[codes["principal"].astype(bool)]
    encounters = pd.DataFrame(
        {
            "encounter_id": first["encounter_id"], "principal_code": first["code"], "code_count": 1,
            "model_version": "coders", "outcome": "ranked", "needs_review": False,
        },
        dtype=object,
    )  # fmt: skip
    ids = list(ordered["encounter_id"])
    with connection.begin_nested() as undone:
        replace_partition(connection, ranked.encounter, day, encounters)
        replace_partition(connection, ranked.encounter_code, day, codes)
        parts = [Named(ids[at : at + ENCOUNTERS_AT_ONCE]) for at in range(0, len(ids), ENCOUNTERS_AT_ONCE)]
        grouped = grouped_claims(connection, day, parts, payers)
        undone.rollback()
    named = grouped[GROUPED].rename(columns={"drg": "coder_drg", "weight": "coder_weight"})
    told = labels[["encounter_id", "labelled_on", "label_hash"]].drop_duplicates()
    found = told.merge(named, on="encounter_id", how="left").astype(object)
    return found.where(found.notna(), None)


def label_hashes(labels: pd.DataFrame) -> pd.Series:
    """By encounter_id, the hash of its labels in their order, wherever they came from."""
    told = labels[["label_source", "code", "line_number", "poa"]].astype(str)
    lines = pd.util.hash_pandas_object(told, index=False).groupby(labels["encounter_id"])
    return lines.agg(lambda own: hashlib.md5(own.to_numpy().tobytes()).hexdigest())


def paid_of_day(connection: sa.Connection, day: date) -> pd.Series:
    """What insurers allowed for the claims of a day that can be learned from, by encounter_id, US dollars."""
    rows = learned_claims(claims_of_day(connection, day))
    rows = rows[rows["set_aside"].isna() & (rows["payment_source"] == REMITTANCE)]
    return rows.set_index("encounter_id")["payments"]


def newly_paid_days(engine: sa.Engine, version: str) -> set[date]:
    """Days of a shadow run of amounts on which other claims are paid now than its figures count."""
    table = ml.shadow_figure.c
    query = sa.select(table.received_date, table.encounters).where(
        table.shadow == version, table.figure == "payments_error_shadow"
    )
    with engine.connect() as connection:
        counted = connection.execute(query).all()
        return {day for day, known in counted if len(paid_of_day(connection, day)) != known}


def _encounters_in_shadow(connection: sa.Connection) -> pd.DataFrame:
    """received_date, shadow, encounter_id, known_hash of the versions in shadow."""
    versions = [version for _, version in shadow_versions(connection)]
    table = ml.shadow_encounter.c
    query = sa.select(table.received_date, table.shadow, table.encounter_id, table.label_hash.label("known_hash"))
    return read_frame(connection, query.where(table.shadow.in_(versions)))


def _newest_labels(connection: sa.Connection, waiting: pd.DataFrame) -> pd.DataFrame:
    """The newest labels of the encounters in shadow, with labelled_on and label_hash.

    Labels come with the record or on any day after it. Audits count too, and first: who saw no proposals favours none.
    """
    ids = set(waiting["encounter_id"])
    received, closed = raw.delivered_tables["coder_label"].c.received_date, review.chart.c.closed_date
    last = connection.execute(
        sa.select(sa.func.greatest(*(sa.select(sa.func.max(day)).scalar_subquery() for day in (received, closed))))
    ).scalar()
    first = min(waiting["received_date"], default=date.max)
    found = [
        labels_of_day(connection, day, audited=True).assign(labelled_on=day) for day in days_of(first, last or date.min)
    ]
    labels = pd.concat([rows[rows["encounter_id"].isin(ids)] for rows in found]) if found else pd.DataFrame()
    if labels.empty:
        return pd.DataFrame(columns=["encounter_id", "labelled_on", "label_hash"], dtype=object)
    newest = labels.groupby("encounter_id")["labelled_on"].transform("max")
    labels = labels[labels["labelled_on"] == newest].reset_index(drop=True)
    return labels.assign(label_hash=labels["encounter_id"].map(label_hashes(labels)))


def _as_ranked(connection: sa.Connection, day: date, labelled: pd.DataFrame) -> pd.DataFrame:
    """The coders' codes as rows of `ranked.encounter_code`, in the coders' order."""
    rows = [
        (encounter, rank, code, rank == 1, 1.0 / rank, poa)
        for encounter, codes, given in zip(labelled["encounter_id"], labelled["codes"], labelled["poa"], strict=True)
        for rank, (code, poa) in enumerate(zip(codes, given, strict=True), start=1)
    ]
    codes = pd.DataFrame(rows, columns=["encounter_id", "rank", "code", "principal", "score", "poa"], dtype=object)
    table = coded.encounter_code.c
    query = sa.select(table.encounter_id, table.code, table.poa.label("found")).where(table.received_date == day)
    codes = codes.merge(read_frame(connection, query), on=["encounter_id", "code"], how="left")
    given = codes["poa"].where(codes["poa"].isin(["Y", "N", "U", "W"]), codes["found"])
    codes["poa"] = given.astype(object).where(given.notna(), None)
    codes["reasons"] = [["the coders' order"]] * len(codes)
    return codes.assign(eligible=codes["principal"]).drop(columns="found")


def _label(engine: sa.Engine, day: date, version: str, told: pd.DataFrame, resamples: int) -> int:
    """Write the coders' MS-DRGs into a day of a version, and its figures against them; encounters labelled."""
    table, figure = ml.shadow_encounter, ml.shadow_figure
    part = sa.Table(
        "coder_drg", sa.MetaData(), *[sa.Column(c, table.c[c].type) for c in told.columns],
        prefixes=["TEMPORARY"], postgresql_on_commit="DROP",
    )  # fmt: skip
    own = sa.and_(table.c.received_date == day, table.c.shadow == version)
    with engine.begin() as connection:
        part.create(connection)
        copy_in(connection, part, told)
        update = sa.update(table).where(own, table.c.encounter_id == part.c.encounter_id)
        connection.execute(update.values({c: part.c[c] for c in told.columns if c != "encounter_id"}))
        rows = read_frame(connection, sa.select(table).where(own).order_by(table.c.encounter_id))
        figures = held_against_coders(rows, resamples).assign(
            kind=rows["kind"].iloc[0], shadow=version, champion=rows["champion"].iloc[0], received_date=day
        )
        named = list(figures["figure"])
        connection.execute(
            sa.delete(figure).where(
                figure.c.received_date == day, figure.c.shadow == version, figure.c.figure.in_(named)
            )
        )
        copy_in(connection, figure, figures)
    return len(told)
