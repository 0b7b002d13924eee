"""Which languages a name speaks of: codes as folders, archives and tables of corpora are called by."""

from __future__ import annotations

import re
from functools import lru_cache

_ISO_639_1 = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv eo
ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne
ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st
su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""
_CODES = frozenset(_ISO_639_1.split())


@lru_cache(1 << 12)
def languages_of(name: str) -> frozenset[str]:
    """The codes in a name that is made of nothing else: ``de``, ``pt-BR``, ``en_de``; none of any other name."""
    words = re.split(r"[-_]", name.lower())
    if len(words) > 2 or words[0] not in _CODES or not all(2 <= len(word) <= 3 and word.isalpha() for word in words):
        return frozenset()
    return frozenset(word for word in words if word in _CODES)
