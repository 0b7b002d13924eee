"""The catalogue: everything asked for or landed, for scripts and as a static site.

``entries`` is the list, ``site`` writes the pages, ``treemap`` draws how the storage is divided.
"""

from hugflow_assets.catalogue.entries import Catalogue, Entry, as_csv, catalogue_of
from hugflow_assets.catalogue.site import Written, write_site

__all__ = ["Catalogue", "Entry", "Written", "as_csv", "catalogue_of", "write_site"]
