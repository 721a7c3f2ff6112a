"""Every setting of medcode, read in one place from the environment (prefix ``MEDCODE_``) or from secret files.

Nothing else in the library reads environment variables.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr
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
    source: str = Field(default="simulated", description="simulated | folder | mimic-iv | mimic-iii | notes:<kind>")
    source_dir: Path | None = Field(default=None, description="the delivery folder, for every source but `simulated`")
    payers_file: Path | None = Field(default=None, description="payer contracts; default is the sample shipped")
    pages_url: str = Field(
        default="", description="where page files are kept, as fsspec writes it (s3://bucket/prefix); default is `home`"
    )
    rules_file: Path | None = Field(default=None, description="the hospital's own filter rules, merged over ours")
    first_day: date = Field(default=date(2026, 9, 1), description="first received day that has a partition")
    notes_date: date | None = Field(
        default=None, description="discharge date of notes that have none (sources notes:<kind>)"
    )
    submitter_id: str = Field(default="MEDCODE", description="who submits claims: identifier, 2 to 15 characters")
    submitter_name: str = Field(default="medcode", description="who submits claims: name")
    submitter_contact: str = Field(default="BILLING OFFICE", description="who answers questions about claims")
    submitter_phone: str = Field(default="5550100100", description="telephone of the contact, ten digits")
    submitter_production: bool = Field(default=False, description="mark interchanges as production, not as test")
    mlflow_url: str = Field(default="", description="an MLflow tracking server; default is a store under `home`")
    ocr_workers: int = Field(default=2, ge=1, description="processes that read pages")
    page_seconds: float = Field(default=40.0, gt=0, description="a page that takes longer is cut off and set aside")

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


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Return the settings of this process; tests call `settings.cache_clear()` after changing the environment."""
    return Settings()
