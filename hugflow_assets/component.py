"""``HugflowComponent``: another Dagster project takes these assets, checks, sensors and schedules into its own.

A ``defs.yaml`` of that project says::

    type: hugflow_assets.component.HugflowComponent
    attributes:
      project_dir: ../../../dataset-requests

"""

from __future__ import annotations

import os

import dagster as dg

from hugflow_assets.orchestration import definitions
from hugflow_assets.orchestration.startup import begin_process
from hugflow_assets.settings import PROJECT_DIR_VARIABLE


class HugflowComponent(dg.Component, dg.Model, dg.Resolvable):
    """Lands Hugging Face datasets on shared storage, as request files ask for.

    Attributes:
        project_dir: the folder with ``.env`` and ``requests/``, relative to the folder of ``defs.yaml``. Without it:
            ``HUGFLOW_PROJECT_DIR``, else as the commands find it. One process serves one project.
    """

    project_dir: str | None = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """All definitions of Hugflow, with the settings of that folder."""
        if self.project_dir is not None:
            os.environ[PROJECT_DIR_VARIABLE] = str((context.path / self.project_dir).resolve())
        begin_process()
        return definitions()
