"""What the settings say about reaching the broker is what each client is told, under the client's own names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medcode_ml.settings import Settings
from medcode_ml.streaming import confluent, kafka_python
from medcode_ml.streaming.client import access, open_consumer
from medcode_ml.streaming.topics import StreamError


@pytest.fixture
def secured(tmp_path: Path) -> Settings:
    """SASL over TLS, with a password file that ends in a line end, as editors leave them."""
    password = tmp_path / "password"
    password.write_text("s3cret \n", encoding="utf-8")
    key_password = tmp_path / "key-password"
    key_password.write_text("k3y\n", encoding="utf-8")
    return Settings(
        kafka_bootstrap="a:9093,b:9093", kafka_security="SASL_SSL", kafka_sasl_mechanism="SCRAM-SHA-256",
        kafka_user="medcode", kafka_password_file=password, kafka_ca_file=tmp_path / "ca.pem",
        kafka_cert_file=tmp_path / "cert.pem", kafka_key_file=tmp_path / "key.pem",
        kafka_key_password_file=key_password,
    )  # fmt: skip


def test_kafka_python_is_told_how_the_broker_is_reached(secured: Settings) -> None:
    from kafka import KafkaConsumer, KafkaProducer

    told = kafka_python._connection(access(secured))
    assert told == {
        "bootstrap_servers": ["a:9093", "b:9093"], "security_protocol": "SASL_SSL",
        "ssl_cafile": str(secured.kafka_ca_file), "ssl_certfile": str(secured.kafka_cert_file),
        "ssl_keyfile": str(secured.kafka_key_file), "ssl_password": "k3y", "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "medcode", "sasl_plain_password": "s3cret ",
    }  # fmt: skip
    assert set(told) <= set(KafkaConsumer.DEFAULT_CONFIG) & set(KafkaProducer.DEFAULT_CONFIG)
    assert KafkaConsumer.DEFAULT_CONFIG["ssl_check_hostname"] is True, "any certificate of the CA would do"


def test_librdkafka_is_told_how_the_broker_is_reached(secured: Settings) -> None:
    told = confluent._connection(access(secured))
    assert {name: told[name] for name in told if name not in ("log_level", "logger")} == {
        "bootstrap.servers": "a:9093,b:9093", "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(secured.kafka_ca_file), "ssl.certificate.location": str(secured.kafka_cert_file),
        "ssl.key.location": str(secured.kafka_key_file), "ssl.key.password": "k3y", "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "medcode", "sasl.password": "s3cret ",
    }  # fmt: skip


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_librdkafka_knows_the_names_and_the_mechanisms(secured: Settings, mechanism: str) -> None:
    """It refuses a name or a mechanism that it does not know when it is made, before it meets any broker."""
    pytest.importorskip("confluent_kafka")
    chosen = secured.model_copy(
        update={"kafka_security": "SASL_PLAINTEXT", "kafka_sasl_mechanism": mechanism, "kafka_ca_file": None,
                "kafka_client": "confluent", "kafka_bootstrap": "127.0.0.1:1"}
    )  # fmt: skip
    open_consumer("land", chosen).close()


@pytest.mark.parametrize("of", [kafka_python, confluent])
def test_without_sasl_no_password_is_asked_for(of: Any) -> None:
    plain = of._connection(access(Settings(kafka_bootstrap="a:9092")))
    assert not any("sasl" in name or "ssl" in name for name in plain)
    assert "a:9092" in str(plain)


def test_what_is_missing_or_unknown_is_said(secured: Settings, tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"kafka_bootstrap": ""}, "MEDCODE_KAFKA_BOOTSTRAP"),
        ({"kafka_security": "TLS"}, "MEDCODE_KAFKA_SECURITY"),
        ({"kafka_password_file": None}, "MEDCODE_KAFKA_PASSWORD_FILE"),
        ({"kafka_password_file": tmp_path / "none"}, "cannot be read.*MEDCODE_KAFKA_PASSWORD_FILE"),
        ({"kafka_key_password_file": tmp_path / "none"}, "cannot be read.*MEDCODE_KAFKA_KEY_PASSWORD_FILE"),
        ({"kafka_client": "librdkafka"}, "MEDCODE_KAFKA_CLIENT"),
    ]
    for change, words in wrong:
        with pytest.raises(StreamError, match=words):
            open_consumer("land", secured.model_copy(update=change))
