"""Answering requests: batches of messages scored together, replies and offsets in one transaction, then sent.

A request that comes again gets the reply that is kept. A reply is sent at least once, always under the same reply_id.
A request on which the process ends again and again is tried alone, and in the end refused, so that it holds up nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from medcode_ml.contracts.streamed import reply, stream_dead_letter
from medcode_ml.operations import BILL, Answer, answer_records
from medcode_ml.settings import settings
from medcode_ml.streaming.batches import Batch
from medcode_ml.streaming.client import Consumer, Message, Place, Producer, Sender
from medcode_ml.streaming.dead_letters import publish_dead_letters
from medcode_ml.streaming.landing import advance_all, copy_rows
from medcode_ml.streaming.loop import Hand, Loop
from medcode_ml.streaming.messages import DeadLetter, dead_letter
from medcode_ml.streaming.offsets import WORK, Claim, begin_work, give_back
from medcode_ml.streaming.outbox import unsent
from medcode_ml.streaming.replies import TOPIC_RULES, problem_rule, publish_replies
from medcode_ml.streaming.requests import Refused, Request, abandoned, answered, read_request, refused_reply, reused
from medcode_ml.streaming.topics import REQUEST
from medcode_ml.streaming.waiting import StoppedError
from medcode_ml.streaming.worker_models import WorkerModels

MOST_TRIES: Final = 5
"""Work on a message that was begun so often and never ended is not begun again."""
_TOGETHER: Final = 256
"""Records scored at a time."""


class _Reply(NamedTuple):
    reply_id: str
    request_id: str
    topic: str
    partition: int
    offset: int
    operation: str | None
    reply_to: str
    status: str
    record_count: int
    payload: str


class Worker:
    """Takes in requests; in = replies kept, replies sent again, and dead letters."""

    reader = WORK
    subject = REQUEST
    prompt = True

    def __init__(self, models: WorkerModels) -> None:
        """Answer with `models`."""
        self._models = models
        self.answered = self.again = self.refused = 0

    def take(self, batch: Batch, claims: Mapping[Place, Claim], hand: Hand) -> None:
        """See `loop.Taker`."""
        tries: dict[Place, int] = {}
        known: dict[str, dict[str, str]] = {}

        def begin(engine: sa.Engine) -> None:
            tries.update({place: begin_work(engine, WORK, place, claim.epoch) for place, claim in claims.items()})

        def end(engine: sa.Engine) -> None:
            for place, claim in claims.items():
                give_back(engine, WORK, place, claim.epoch)

        hand.database(begin)  # before a message is looked at: whatever may end the process is counted
        read = [(m, read_request(place, m)) for place, messages in batch.messages.items() for m in messages]
        ids = [one.request_id for _, one in read if isinstance(one, Request)]
        hand.database(lambda engine: known.update(_known(engine, ids)))
        hopeless = batch.count == 1 and max(tries.values(), default=0) >= MOST_TRIES
        try:
            replies, repeated, dead = self._replies(read, known, hopeless, hand.alive)
        except StoppedError:  # nothing is wrong with the messages
            hand.database(end)
            raise
        ends = batch.ends()

        def write(engine: sa.Engine) -> None:
            with engine.begin() as connection:
                moved = advance_all(connection, WORK, ends, claims)
                assert moved is not None  # a batch has messages
                copy_rows(connection, stream_dead_letter, dead, DeadLetter._fields, landed_at=moved)
                if replies:
                    rows = [{**one._asdict(), "answered_at": moved} for one in replies]
                    errors = sa.delete(reply).where(reply.c.status == "error")  # told anew
                    connection.execute(errors.where(reply.c.reply_id.in_([one.reply_id for one in replies])))
                    kept = pg.insert(reply)  # an answer that somebody else kept meanwhile stays, and is sent again
                    connection.execute(
                        kept.on_conflict_do_update(index_elements=["reply_id"], set_={"published_at": None}), rows
                    )
                if repeated:
                    again = sa.update(reply).where(reply.c.reply_id.in_(repeated)).values(published_at=None)
                    connection.execute(again)

        hand.database(write)
        self.answered += sum(one.status == "ok" for one in replies)
        self.refused += sum(one.status == "error" for one in replies)
        self.again += len(repeated)

    def publish(self, engine: sa.Engine, sender: Sender) -> None:
        """See `loop.Taker`."""
        try:
            publish_replies(engine, sender)
        finally:  # a topic that takes no replies keeps back no dead letters
            publish_dead_letters(engine, sender)

    def unsent(self, engine: sa.Engine) -> int:
        """See `loop.Taker`."""
        return unsent(engine, reply, stream_dead_letter)

    def figures(self) -> str:
        """See `loop.Taker`."""
        return f"requests answered {self.answered}, refused {self.refused}, answered again {self.again}"

    def _replies(
        self,
        read: Sequence[tuple[Message, Request | Refused]],
        known: Mapping[str, Mapping[str, str]],
        hopeless: bool,
        alive: Callable[[], None],
    ) -> tuple[list[_Reply], list[str], list[DeadLetter]]:
        """Replies to keep, ids of replies to send again, and dead letters."""
        new: dict[str, Request] = {}
        refusals: list[tuple[Message, Refused]] = []
        repeated: list[str] = []
        seen = {request_id: dict(of) for request_id, of in known.items()}
        for message, one in read:
            if isinstance(one, Refused):
                refusals.append((message, one))
            elif one.reply_id in seen.get(one.request_id, {}):
                repeated.append(one.reply_id)
            elif "ok" in seen.get(one.request_id, {}).values():  # a refused request may be put right under its id
                refusals.append((message, reused(one)))
            elif hopeless:
                refusals.append((message, abandoned(one)))
            else:
                new[one.reply_id] = one
                seen.setdefault(one.request_id, {})[one.reply_id] = "ok"
        replies = self._score(list(new.values()), alive)
        for _, refused in refusals:
            if refused.request_id is not None:
                replies.append(_kept(refused, None, "error", 0, refused_reply(refused)))
        dead = [dead_letter(refused.place, message, refused.fault) for message, refused in refusals]
        unique = {one.reply_id: one for one in replies}
        return list(unique.values()), [r for r in repeated if r not in unique], dead

    def _score(self, requests: Sequence[Request], alive: Callable[[], None]) -> list[_Reply]:
        """Requests of one operation and day are scored together, except bills: one request is one batch of claims."""
        models = self._models.current()
        groups: dict[tuple[str, date | None, str], list[Request]] = {}
        for one in requests:
            alone = one.reply_id if one.operation == BILL else ""
            groups.setdefault((one.operation, one.as_of, alone), []).append(one)
        replies = []
        for (operation, as_of, _), members in groups.items():
            records = [record for one in members for record in one.records]
            step = len(records) if operation == BILL else _TOGETHER
            found: Iterator[Answer] = iter(())
            for start in range(0, len(records), step):
                alive()
                found = chain(found, answer_records(operation, records[start : start + step], models, as_of))
            version = self._models.version(operation, models)
            for one in members:
                own: list[Answer] = [next(found) for _ in one.records]
                replies.append(_kept(one, operation, "ok", len(own), answered(one, own, version)))
        return replies


def run_worker(
    models: WorkerModels,
    open_consumer: Callable[[], Consumer],
    open_producer: Callable[[], Producer],
    stopped: Callable[[], bool],
    *,
    until_end: bool = False,
) -> Worker:
    """Answer requests until stopped or, with `until_end`, until the topic has nothing more; returns what was done.

    Raises:
        StreamError: the broker holds less than was read from it, or has lost messages: somebody must look.
    """
    worker = Worker(models)
    Loop(worker, open_consumer, open_producer, stopped, most=settings().stream_work_batch).run(until_end)
    return worker


def _known(engine: sa.Engine, request_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Replies that are kept: status by reply id by request id.

    Without those that only tell of a problem with their topic: the request that comes again is answered anew.
    """
    found: dict[str, dict[str, str]] = {}
    of = reply.c
    error = sa.case((of.status == "error", of.payload))
    query = sa.select(of.request_id, of.reply_id, of.status, error).where(of.request_id.in_(request_ids))
    with engine.connect() as connection:
        for request_id, reply_id, status, payload in connection.execute(query):
            if payload is None or problem_rule(payload) not in TOPIC_RULES:
                found.setdefault(request_id, {})[reply_id] = status
    return found


def _kept(one: Request | Refused, operation: str | None, status: str, records: int, payload: bytes) -> _Reply:
    assert one.request_id is not None
    names: dict[str, Any] = one.place._asdict()
    return _Reply(
        one.reply_id, one.request_id, names["topic"], names["partition"], one.offset, operation, one.reply_to, status,
        records, payload.decode(),
    )  # fmt: skip
