"""Definitions of the streaming group: Kafka topics, what is landed from them, lag, events."""
