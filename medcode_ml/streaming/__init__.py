"""Kafka in, answers out: landing messages into `raw`, answering requests, telling what became of encounters."""
