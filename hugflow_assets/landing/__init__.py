"""How bytes become ``audio/`` and ``json/``: the story is ``land.py``, ``build.py`` and ``decide.py``."""
