"""A landed dataset in a user's hands: opened by name, read row by row, or handed to another toolkit.

Nothing here imports Dagster, and nothing imports `datasets`, Arrow or torch before it is asked for.
"""

from hugflow_assets.reading.dataset import Dataset, DatasetInfo
from hugflow_assets.reading.opening import open_dataset

__all__ = ["Dataset", "DatasetInfo", "open_dataset"]
