"""What a person may say of a promotion, whatever the model is for."""

import dagster as dg
from pydantic import Field


class PromotionConfig(dg.Config):
    """Which version is promoted, and why."""

    version: str = Field(default="", description="a version that was trained; empty for the newest")
    note: str = Field(default="", description="why, for the record")
