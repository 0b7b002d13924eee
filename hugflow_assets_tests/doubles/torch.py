"""``torch`` and ``torchcodec`` as far as `datasets` asks for them to list audio without decoding it.

`datasets` imports both before it takes the path of an audio file. Where the real ones are installed (``make
consumers``), they are used.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def torch_there() -> Iterator[None]:
    """Both can be imported while this lasts."""
    if importlib.util.find_spec("torchcodec") is not None:
        yield
        return
    names = ("torch", "torch.utils", "torch.utils.data", "torchcodec", "torchcodec.encoders")
    made = {name: types.ModuleType(name) for name in names}
    vars(made["torchcodec.encoders"])["AudioEncoder"] = object
    for name in ("Tensor", "Generator"):
        vars(made["torch"])[name] = type(name, (), {})
    vars(made["torch"])["nn"] = types.SimpleNamespace(Module=type("Module", (), {}))
    vars(made["torch.utils.data"])["get_worker_info"] = lambda: None
    vars(made["torch.utils.data"])["IterableDataset"] = type("IterableDataset", (), {})
    for name in names:
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(made[parent], child, made[name])
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
