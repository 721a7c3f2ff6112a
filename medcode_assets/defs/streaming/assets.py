"""The topics and the tables that processes outside Dagster fill from them, and the events that go out after billing."""

from collections.abc import Iterator

import dagster as dg

from medcode_assets.lineage import asset_key, column_lineage, column_schema
from medcode_assets.partitions import one_run, received_days
from medcode_assets.resources import Database
from medcode_assets.stage_assets import OWNERS, WHEN_EARLIER_STAGE_MOVES, days
from medcode_ml.contracts import metadata
from medcode_ml.settings import settings
from medcode_ml.streaming.topics import DEAD_LETTER, EVENT, REPLY, REQUEST, SCANNED_RECORD, SUBJECTS, topic

GROUP = "streaming"
#: topic -> the assets it is fed by
FED_BY = {
    SCANNED_RECORD: (),
    REQUEST: (),
    REPLY: (REQUEST,),
    EVENT: ("served.event",),
    DEAD_LETTER: ("raw.stream_dead_letter",),
}
LANDED = ("raw.stream_message", "raw.stream_offset", "raw.stream_dead_letter")


def topic_key(subject: str) -> dg.AssetKey:
    """The asset key of a topic: kafka/scanned_record for scanned-record.v1."""
    return dg.AssetKey(["kafka", subject.rpartition(".")[0].replace("-", "_")])


def _table(name: str, deps: list[dg.AssetKey], daily: bool, automatic: bool = False) -> dg.AssetSpec:
    table = metadata.tables[name]
    return dg.AssetSpec(
        key=asset_key(name),
        deps=deps,
        description=table.comment,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"postgres", "kafka"},
        code_version="1",
        partitions_def=received_days if daily else None,
        automation_condition=WHEN_EARLIER_STAGE_MOVES if automatic else None,
        metadata={
            "dagster/table_name": name,
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(name),
        },
    )


def _topics() -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            key=topic_key(subject),
            deps=[topic_key(name) if name in SUBJECTS else asset_key(name) for name in FED_BY[subject]],
            description=text,
            group_name=GROUP,
            owners=OWNERS,
            kinds={"kafka", "json"},
            metadata={"topic": topic(subject), "schema": f"medcode stream schemas: {subject}.json"},
        )
        for subject, text in SUBJECTS.items()
    ]


@dg.multi_asset(
    name="events",
    specs=[
        _table(
            "served.event",
            [asset_key(name) for name in ("coded.encounter", "ranked.encounter", "billed.claim")],
            daily=True,
            automatic=bool(settings().kafka_bootstrap),
        )
    ],
    backfill_policy=one_run,
    pool="postgres",
)
def events(context: dg.AssetExecutionContext, database: Database) -> Iterator[dg.MaterializeResult[None]]:
    """Record what became of the encounters of the days and, where Kafka is configured, tell the event topic."""
    from medcode_ml.streaming.events import run_events

    result = run_events(database.engine(), *days(context), publish=bool(settings().kafka_bootstrap))
    yield dg.MaterializeResult(asset_key=asset_key("served.event"), metadata=dict(result.figures))


events_job = dg.define_asset_job(
    "events_job",
    selection=dg.AssetSelection.assets(events),
    partitions_def=received_days,
    description="What became of the encounters of the chosen days, told to the event topic",
)


@dg.definitions
def streaming() -> dg.Definitions:
    """Topics and landed tables, which nothing here materialises, and the events."""
    landed = [_table(name, [topic_key(SCANNED_RECORD)], daily=name == "raw.stream_message") for name in LANDED]
    return dg.Definitions(assets=[*_topics(), *landed, events], jobs=[events_job])
