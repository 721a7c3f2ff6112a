"""What comes by Kafka and what goes out by it: landed messages, offsets and dead letters in `raw`, answers in `served`.

A row of `raw.stream_message` is a message that the broker holds at (topic, partition, offset). Rows and the next offset
of the partition are written in one transaction: that is how far a partition has come, and not what Kafka has been told.
"""

from __future__ import annotations

import sqlalchemy as sa

from medcode_ml.contracts.tables import DATE, INT, JSON, TEXT, TIME, column, table

LONG = sa.BigInteger()

stream_message = table(
    "raw",
    "stream_message",
    "Messages landed from Kafka, as delivered: one row a message, whatever was killed on the way",
    ("topic", "partition", "offset"),
    column("topic", TEXT, "topic it was read from"),
    column("partition", INT, "partition of the topic"),
    column("offset", LONG, "place in the partition, 0 first"),
    column(
        "received_date", DATE, "day the record counts as received: as the sender says, else the UTC day of the message"
    ),
    column("kind", TEXT, "delivered table the message is a row of"),
    column("source_system", TEXT, "system that sent it"),
    column("hospital_id", TEXT, "hospital it is about", null=True),
    column("message_id", TEXT, "the sender's id: a message sent again carries the same one, and the first counts"),
    column("content_hash", TEXT, "hash of kind and row: tells a message sent again from an id used for something else"),
    column("payload", TEXT, "the message as delivered, JSON"),
    column("landed_at", TIME, "when it was landed, by the database's clock"),
    index=(("received_date", "kind"), ("source_system", "message_id")),
    partitioned=False,
)

stream_offset = table(
    "raw",
    "stream_offset",
    "How far each partition has come, by what reads it; written in one transaction with what was read",
    ("reader", "topic", "partition"),
    column("reader", TEXT, "what reads: land or work"),
    column("topic", TEXT, "topic"),
    column("partition", INT, "partition of the topic"),
    column("next_offset", LONG, "offset of the first message that has not been taken in"),
    column(
        "epoch", LONG, "goes up when another process takes the partition over: one with an older number is shut out"
    ),
    column("owner", TEXT, "process that has the partition: host and process id"),
    column("tries", INT, "times work on the messages from next_offset on was begun and not ended"),
    column("updated_at", TIME, "when next_offset moved last"),
    partitioned=False,
)

stream_dead_letter = table(
    "raw",
    "stream_dead_letter",
    "Messages that cannot be taken in, with the reason; they never hold up their partition",
    ("topic", "partition", "offset"),
    column("topic", TEXT, "topic it was read from"),
    column("partition", INT, "partition of the topic"),
    column("offset", LONG, "place in the partition"),
    column("dead_letter_id", TEXT, "opaque id, the same however often it is published"),
    column("rule", TEXT, "name of the fault"),
    column("reason", TEXT, "what is wrong and what to do, without any value of the message"),
    column("faults", JSON, "places in the message that break the schema, as [{at, fault}]"),
    column("key", TEXT, "key of the message; hashed where it does not look like an opaque id", null=True),
    column("encoding", TEXT, "how payload is written: text, base64 or none"),
    column("payload", TEXT, "the message as delivered", null=True),
    column("message_time", TIME, "time of the message by the broker; null where it had none or it was lost", null=True),
    column("landed_at", TIME, "when it was set aside, by the database's clock"),
    column("published_at", TIME, "when the dead-letter topic was told", null=True),
    column("settled_at", TIME, "when it was landed after all or sent again repaired", null=True),
    column("settled_as", TEXT, "landed or sent_again", null=True),
    index=(("dead_letter_id",),),
    outbox=("topic", "partition", "offset"),
    partitioned=False,
)

reply = table(
    "served",
    "reply",
    "Answers to requests that came by Kafka; a request that comes again gets the same answer again",
    ("reply_id",),
    column("reply_id", TEXT, "hash of request id and content of the request"),
    column("request_id", TEXT, "the requester's id of the request"),
    column("topic", TEXT, "topic the request came by"),
    column("partition", INT, "partition of that topic"),
    column("offset", LONG, "place of the request in the partition"),
    column("operation", TEXT, "code, rank or bill; null where the request could not be read", null=True),
    column("reply_to", TEXT, "topic the answer goes to"),
    column("status", TEXT, "ok or error"),
    column("record_count", INT, "records in the request"),
    column("payload", TEXT, "the answer, JSON"),
    column("answered_at", TIME, "when it was answered, by the database's clock"),
    column("published_at", TIME, "when it was sent; null while it waits to be sent, also again", null=True),
    index=(("request_id",),),
    outbox=("answered_at", "reply_id"),
    partitioned=False,
)

event = table(
    "served",
    "event",
    "What became of encounters, at every change of state: the outbox of the event topic",
    ("event_id",),
    column("event_id", TEXT, "hash of kind, day, encounter, state and the event before"),
    column("received_date", DATE, "day the encounter was received"),
    column("kind", TEXT, "coded, ranked, billed or held"),
    column("encounter_id", TEXT, "encounter, an opaque id"),
    column("state", TEXT, "hash of what the stage wrote: another state is another event"),
    column("version", TEXT, "model version, or grouper version of a claim", null=True),
    column("recorded_at", TIME, "when the state was seen"),
    column("published_at", TIME, "when the event was sent", null=True),
    index=(("received_date", "encounter_id"), ("encounter_id", "recorded_at")),
    outbox=("recorded_at", "event_id"),
    partitioned=False,
)
