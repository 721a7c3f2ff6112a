"""Every setting of medcode, read in one place from the environment (prefix ``MEDCODE_``).

Nothing else in the library reads environment variables.
"""

from __future__ import annotations

import os
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Settings with a working default each; `MEDCODE_<NAME>` overrides one."""

    model_config = SettingsConfigDict(env_prefix="MEDCODE_", secrets_dir=None, extra="ignore")

    home: Path = Field(default=PROJECT_ROOT / ".medcode", description="holds all state; gone with `make clean`")
    database_url: SecretStr | None = Field(
        None, description="an outside PostgreSQL (postgresql://...); empty means the embedded server under `home`"
    )
    postgres_bin: Path | None = Field(default=None, description="folder of initdb and pg_ctl for the embedded server")
    postgres_user: str = Field(
        default="", description="unprivileged account that runs the embedded server when medcode is started as root"
    )
    dagster_home: Path | None = Field(
        default=None, description="folder of a dagster.yaml kept by hand (containers); default is one under `home`"
    )
    source: str = Field(
        default="simulated", description="simulated | folder | stream | mimic-iv | mimic-iii | notes:<kind>"
    )
    source_dir: Path | None = Field(
        default=None, description="the delivery folder, for every source but `simulated`; page files of `stream`"
    )
    payers_file: Path | None = Field(default=None, description="payer contracts; default is the sample shipped")
    pages_url: str = Field(
        default="", description="where page files are kept, as fsspec writes it (s3://bucket/prefix); default is `home`"
    )
    answers_dir: Path | None = Field(
        default=None,
        description="inbox of insurers' answers (999, 277CA, 835): a folder a day, YYYY-MM-DD; default is under `home`",
    )
    rules_file: Path | None = Field(default=None, description="the hospital's own filter rules, merged over ours")
    first_day: date = Field(default=date(2026, 9, 1), description="first received day that has a partition")
    nightly: bool = Field(
        default=False, description="nightly_schedule is on from the start, where a source is delivered (a deployment)"
    )
    notes_date: date | None = Field(
        default=None, description="discharge date of notes that have none (sources notes:<kind>)"
    )
    submitter_id: str = Field(default="MEDCODE", description="who submits claims: identifier, 2 to 15 characters")
    submitter_name: str = Field(default="medcode", description="who submits claims: name")
    submitter_contact: str = Field(default="BILLING OFFICE", description="who answers questions about claims")
    submitter_phone: str = Field(default="5550100100", description="telephone of the contact, ten digits")
    submitter_production: bool = Field(default=False, description="mark interchanges as production, not as test")
    mlflow_url: str = Field(
        default="",
        validation_alias=AliasChoices("MEDCODE_MLFLOW_URL", "MLFLOW_TRACKING_URI"),
        description="an MLflow server, for runs and the model registry; default is a store under `home`",
    )
    mlflow_public_url: str = Field(
        default="", description="where people reach that server, for links in the Dagster UI; default is `mlflow_url`"
    )
    shadow_days: int = Field(
        default=1, ge=0, description="days a model runs in shadow before it takes the place of one in use"
    )
    shadow_most_days: int = Field(
        default=14, ge=1, description="days in shadow after which a model that does not agree is retired"
    )
    shadow_drg_shift: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="share of encounters whose MS-DRG a promotion may change; more asks the coders' labels",
    )
    promotion: Literal["policy", "person"] = Field(
        default="policy",
        description="who makes a model that passed its gates the champion: policy, or person (medcode model promote)",
    )
    amount_sources: str = Field(
        default="",
        description="files and folders the amount model learns from beside the own claims, as `train amounts --data` "
        "reads them, separated as in PATH",
    )
    ocr_workers: int = Field(default=2, ge=1, description="processes that read pages")
    page_seconds: float = Field(default=40.0, gt=0, description="a page that takes longer is cut off and set aside")
    api_coding_model: Path | None = Field(default=None, description="coding model the API serves; default is promoted")
    api_ranking_model: Path | None = Field(default=None, description="ranking model it serves; default is promoted")
    api_amount_model: Path | None = Field(default=None, description="model of amounts it serves; default is promoted")
    api_onnx: bool = Field(default=True, description="the coding network runs in onnxruntime, not in torch")
    api_no_auth: bool = Field(default=False, description="development: everybody may do everything; on loopback only")
    prometheus_multiproc_dir: Path | None = Field(
        default=None,
        validation_alias="PROMETHEUS_MULTIPROC_DIR",
        description="where workers put their figures together; `medcode serve` sets it",
    )
    api_workers: int = Field(default=2, ge=1, description="worker processes of the API")
    api_model_seconds: float = Field(default=5.0, gt=0, description="how often a worker looks for a promoted model")
    api_batch_milliseconds: float = Field(default=4.0, ge=0, description="how long a request waits for others")
    api_batch_records: int = Field(default=16, ge=1, description="records of several requests that are scored together")
    api_body_bytes: int = Field(default=16_777_216, ge=1024, description="largest body that the API reads")
    api_text_characters: int = Field(default=400_000, ge=1, description="longest text of a note or document")
    api_records: int = Field(default=1000, ge=1, description="most records in a batch")
    api_list_entries: int = Field(default=2000, ge=1, description="most entries in a list of a record")
    api_async_bytes: int = Field(default=524_288, ge=0, description="a larger body is answered with 202 and a job")
    api_seconds: float = Field(default=60.0, gt=0, description="an answer that takes longer is a 504")
    api_drain_seconds: float = Field(
        default=30.0, gt=0, description="what requests in hand get when the API is stopped"
    )
    api_notice_seconds: float = Field(
        default=0.0,
        ge=0,
        description="a stopping API takes requests for so long while /readyz says that it stops: proxies hear of it",
    )
    api_connections: int = Field(default=1000, ge=1, description="connections open to a worker, at most")
    api_head_seconds: float = Field(
        default=10.0, gt=0, description="what a client gets to send the head of a request, or to take part in TLS"
    )
    api_rate: str = Field(default="1200/minute", description="requests of one caller; a key may say another rate")
    api_trusted_proxies: str = Field(
        default="",
        description="proxies whose X-Forwarded-For is believed: addresses or networks, with commas between",
    )
    api_jobs: int = Field(default=1000, ge=1, description="jobs of all callers that wait; more are turned away (503)")
    api_job_bytes: int = Field(default=2**30, ge=1024, description="bytes of the requests of all jobs that wait")
    api_caller_jobs: int = Field(default=100, ge=1, description="jobs of one caller that wait; more are a 429")
    api_caller_job_bytes: int = Field(
        default=2**28, ge=1024, description="bytes of the requests of one caller's jobs that wait"
    )
    api_job_hours: float = Field(default=24.0, gt=0, description="how long answers of jobs and their ids are kept")
    api_policy_dir: Path = Field(default=PROJECT_ROOT / "docker" / "opa", description="folder of the Rego policies")
    api_opa_url: str = Field(default="", description="an OPA server that decides; default is here, by the same files")
    api_jwt_issuer: str = Field(default="", description="issuer of the tokens accepted; empty accepts no tokens")
    api_jwt_audience: str = Field(default="medcode", description="audience the tokens must name")
    api_jwks: str = Field(default="", description="file or https URL of the issuer's keys (JWKS)")
    kafka_bootstrap: str = Field(default="", description="Kafka brokers, host:port with commas between; empty is none")
    kafka_client: str = Field(default="kafka-python", description="kafka-python | confluent (the extra of that name)")
    kafka_prefix: str = Field(default="medcode", description="what the names of medcode's topics begin with")
    kafka_group: str = Field(default="medcode", description="what the names of the consumer groups begin with")
    kafka_instance: str = Field(
        default="", description="a lasting name of this process in its group: it comes back without a rebalance"
    )
    kafka_session_seconds: float = Field(
        default=10.0, ge=6, description="a consumer not heard of for so long loses its partitions to another"
    )
    kafka_security: str = Field(default="PLAINTEXT", description="PLAINTEXT | SSL | SASL_PLAINTEXT | SASL_SSL")
    kafka_sasl_mechanism: str = Field(default="SCRAM-SHA-512", description="PLAIN | SCRAM-SHA-256 | SCRAM-SHA-512")
    kafka_user: str = Field(default="", description="SASL user")
    kafka_password_file: Path | None = Field(default=None, description="file that holds the SASL password")
    kafka_ca_file: Path | None = Field(default=None, description="certificates the broker's is checked against")
    kafka_cert_file: Path | None = Field(default=None, description="certificate that medcode shows the broker, PEM")
    kafka_key_file: Path | None = Field(default=None, description="private key of that certificate, PEM")
    kafka_key_password_file: Path | None = Field(default=None, description="file that holds that key's password")
    kafka_message_key_secret_file: Path | None = Field(
        default=None, description="secret that the keys of messages sent are hashed with; default is a plain hash"
    )
    kafka_reply_topics: str = Field(
        default="", description="topics a request may have its answer sent to, by prefix, separated by commas"
    )
    drift_reference_days: int = Field(default=14, ge=5, description="first days a version works on: its reference")
    drift_false_alarms: float = Field(
        default=0.1, gt=0, le=10, description="false drift alarms that chance may raise in 100 days, at most"
    )
    drift_least: int = Field(default=20, ge=10, description="encounters a window needs to be tested, at least")
    drift_audit_encounters: int = Field(default=10, ge=0, description="encounters drawn a day for a second coder")
    review_idle_minutes: float = Field(
        default=10.0, gt=0, description="a longer pause in a chart is cut here, where no client counts active seconds"
    )
    retrain_kinds: str = Field(
        default="coding,ranking,amounts", description="kinds of models a standing drift alarm retrains; empty is none"
    )
    retrain_labels: int = Field(
        default=300, ge=1, description="encounters labelled since the world changed, at least, before a retraining"
    )
    retrain_window_days: int = Field(default=180, ge=1, description="days of labels that a retraining learns from")
    retrain_cooldown_hours: float = Field(default=24.0, gt=0, description="between two retrainings of a kind, at least")
    retrain_a_day: int = Field(default=2, ge=0, description="retrainings of all kinds within 24 hours, at most")
    runs_at_once: int = Field(
        default=2, ge=1, description="runs that the daemon works on at the same time; the others wait in its queue"
    )
    sensor_seconds: int = Field(default=60, ge=1, description="how often the sensors and the automation look, at most")
    stream_batch: int = Field(default=2000, ge=1, description="messages landed in one transaction, at most")
    stream_work_batch: int = Field(default=256, ge=1, description="requests answered in one transaction, at most")
    stream_seconds: float = Field(default=1.0, gt=0, description="a message waits no longer than this to be landed")
    stream_bytes: int = Field(default=64 * 2**20, ge=2**20, description="bytes of messages held in memory, at most")

    @property
    def amount_source_paths(self) -> tuple[Path, ...]:
        """The paths of `amount_sources`."""
        return tuple(Path(one) for one in self.amount_sources.split(os.pathsep) if one.strip())

    @property
    def reference_dir(self) -> Path:
        """Baked reference tables (code sets, crosswalks, weights)."""
        return self.home / "reference"

    @property
    def attachments_dir(self) -> Path:
        """Files that came inside messages, under their hash."""
        return self.home / "attachments"

    @property
    def deliveries_dir(self) -> Path:
        """Deliveries made here (the simulated network)."""
        return self.home / "deliveries"

    @property
    def pages_dir(self) -> Path:
        """The content-addressed store of page files."""
        return self.home / "pages"

    @property
    def outbox_dir(self) -> Path:
        """Where 837 interchanges are written."""
        return self.home / "outbox"

    @property
    def answers_inbox(self) -> Path:
        """Where insurers' answers arrive, a folder a day."""
        return self.answers_dir or self.home / "answers" / "inbox"

    @property
    def answers_kept_dir(self) -> Path:
        """Insurers' answers that arrived, under the hash of their content."""
        return self.home / "answers" / "kept"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process; tests call `settings.cache_clear()` after changing the environment."""
    return Settings()
