"""What a join counts, by the names that it has in ``manifest.counts.extra``. All add up over shards and splits.

Of every shard: ``table_rows`` = ``rows_joined`` + ``rows_ambiguous`` + ``rows_absent``, and
``clips_in_source`` = ``clips_named`` + ``clips_unnamed`` + ``clips_of_no_row_here``. A name that is not there is 0.
"""

from __future__ import annotations

TABLE_ROWS = "table_rows"  # rows in the tables, each once in its split; without those that were left out as malformed
ROWS_JOINED = "rows_joined"  # whose clip is beside them
ROWS_AMBIGUOUS = "rows_ambiguous"  # that could mean several clips: they land with none
ROWS_ABSENT = "rows_absent"  # whose clip is nowhere in their scope: they land with none
CLIPS_IN_SOURCE = "clips_in_source"  # that the tables could name, each once an archive however often it holds them
CLIPS_NAMED = "clips_named"  # by a row or several
CLIPS_UNNAMED = "clips_unnamed"  # by no row, so that they do not land
CLIPS_OF_OTHERS = "clips_of_no_row_here"  # of an archive that other splits read too, where they are likely named

COUNTS = (TABLE_ROWS, ROWS_JOINED, ROWS_AMBIGUOUS, ROWS_ABSENT)
CLIP_COUNTS = (CLIPS_IN_SOURCE, CLIPS_NAMED, CLIPS_UNNAMED, CLIPS_OF_OTHERS)
