"""What a sensor's tick leaves for the next, as JSON in Dagster's cursor."""

from __future__ import annotations

from typing import Self

from pydantic import ValidationError

from hugflow_assets.intake.models import Frozen


class SensorCursor(Frozen):
    """A cursor whose loss is no harm: nothing is done twice for it, and nothing left out."""

    @classmethod
    def of(cls, text: str | None) -> Self:
        """Read a cursor; one that cannot be read (another version's) is a fresh start."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            return cls()
