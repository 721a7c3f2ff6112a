#!/bin/sh
# Makes medcode's topics, once; a topic that is there stays as it is.
#   name, partitions (how many consumers can share it), days kept, largest message in bytes
# A dead letter carries the message that could not be taken, in base64, and so may be larger than any of them.
set -eu

bootstrap=${1:?name the broker: topics.sh kafka:9092}
kafka_topics=${KAFKA_TOPICS:-/opt/kafka/bin/kafka-topics.sh}

while read -r topic partitions days bytes; do
    "$kafka_topics" --bootstrap-server "$bootstrap" --create --if-not-exists --topic "$topic" \
        --partitions "$partitions" --replication-factor "${REPLICATION:-1}" \
        --config "retention.ms=$((days * 86400000))" --config "max.message.bytes=$bytes"
done <<'END'
medcode.scanned-record.v1 6 14 4194304
medcode.request.v1 6 2 4194304
medcode.reply.v1 6 2 4194304
medcode.event.v1 3 30 1048576
medcode.dead-letter.v1 1 90 8388608
END
