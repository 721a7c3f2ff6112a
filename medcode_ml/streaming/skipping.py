"""Messages that are gone from the broker before they were taken in: told to a person, and skipped when one says so."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from medcode_ml.contracts.ids import record_hash
from medcode_ml.contracts.streamed import stream_dead_letter, stream_offset
from medcode_ml.streaming.client import Consumer, Place
from medcode_ml.streaming.offsets import Claim, owner
from medcode_ml.streaming.topics import StreamError


def explain_range(
    reader: str, claims: Mapping[Place, Claim], beginnings: Mapping[Place, int], ends: Mapping[Place, int]
) -> None:
    """Raise what a person must know where the broker does not hold the offset that comes next.

    Raises:
        StreamError: messages were deleted before they were taken in, or the topic was made anew.
    """
    for place, one in sorted(claims.items()):
        name = f"{place.topic}/{place.partition}"
        if one.next_offset < beginnings[place]:
            raise StreamError(
                f"{name}: messages {one.next_offset} to {beginnings[place] - 1} were deleted from the topic before "
                "they were taken in (retention); have the sender send them again, and go on behind them: medcode "
                f"stream skip --topic {place.topic} --partition {place.partition} --to {beginnings[place]} "
                f"--reader {reader}"
            )
        if one.next_offset > ends[place]:
            raise StreamError(
                f"{name}: {one.next_offset} messages were taken in and the broker holds {ends[place]}: the topic "
                "was made anew; give it another prefix (MEDCODE_KAFKA_PREFIX), so that offsets do not meet old ones"
            )


def skip(engine: sa.Engine, consumer: Consumer, reader: str, place: Place, to: int) -> int:
    """Have `reader` go on at offset `to` of a partition; returns how many messages are skipped.

    They are set aside as one dead letter that names the range. A process that reads the partition is shut out by its
    epoch and begins again at `to`.

    Raises:
        StreamError: the partition was never read, stands at `to` or behind it, or ends before it.
    """
    name, of = f"{place.topic}/{place.partition}", stream_offset.c
    is_it = sa.and_(of.reader == reader, of.topic == place.topic, of.partition == place.partition)
    end = consumer.ends([place])[place] if place in consumer.partitions(place.topic) else 0
    with engine.begin() as connection:
        at = connection.execute(sa.select(of.next_offset).where(is_it).with_for_update()).scalar_one_or_none()
        if at is None:
            raise StreamError(f"{name} was never read for {reader}; see `medcode stream lag` for what is read")
        if not at < to <= end:
            raise StreamError(
                f"{name} stands at {at} and ends at {end}: --to must lie behind the one and not behind the other; what "
                "was taken in is landed again by `medcode stream replay`"
            )
        moved = connection.execute(
            sa.update(stream_offset)
            .where(is_it)
            .values(next_offset=to, epoch=of.epoch + 1, owner=owner(), tries=0, updated_at=sa.func.clock_timestamp())
            .returning(of.updated_at)
        ).scalar_one()
        connection.execute(
            sa.insert(stream_dead_letter).values(
                topic=place.topic, partition=place.partition, offset=at,
                dead_letter_id=record_hash("dead", *place, at), rule="skipped", faults=[], encoding="none",
                landed_at=moved,
                reason=f"messages {at} to {to - 1} were skipped by the operator; have their sender send them again",
            )
        )  # fmt: skip
    return to - int(at)
