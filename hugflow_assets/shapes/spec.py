"""What a reader has to know besides its files: a frozen spec a shape, made by its planner and read by its reader.

What of a spec decides whether a landed shard can be used again is said apart from its fields, with a version, so that a
field can be called otherwise without anything being fetched anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar

import orjson

from hugflow_assets.intake.models import Frozen


class ShardSpec(Frozen):
    """A shape without a spec of its own: its files say everything.

    ``version`` goes up when the same files give other rows than before: shards that landed under an earlier version are
    fetched anew. ``rows_depend_on`` names what the rows depend on; its names are on the storages of others and stay.
    """

    version: ClassVar[int] = 1

    def rows_depend_on(self) -> Mapping[str, Any]:
        """What the rows depend on besides the files, as JSON."""
        return {}

    @property
    def reader_identity(self) -> str:
        """Equal where a reader makes equal rows of equal files; empty for the first version without anything to say."""
        facts = {name: value for name, value in self.rows_depend_on().items() if value not in (None, {}, [])}
        digest = sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16] if facts else ""
        return digest if self.version == 1 else f"{self.version}:{digest}"  # 0.1.0 wrote no version: that is the first

    @property
    def are_files_shared(self) -> bool:
        """Whether other shards of the landing read the same files, so that they stay until its end."""
        return False


def version_of(reader_identity: str) -> int:
    """The version of the spec that an identity was made of."""
    return int(reader_identity.partition(":")[0]) if ":" in reader_identity else 1
