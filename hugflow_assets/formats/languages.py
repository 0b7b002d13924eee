"""The languages that names of files and folders speak of: ``de.tsv``, ``fr_train.tar``, ``zh-TW/clips``, ``hausa``."""

from __future__ import annotations

import re
from functools import lru_cache

from hugflow_assets.formats.media import AUDIO_ENDINGS
from hugflow_assets.formats.names import GENERIC_FOLDERS, SPLIT_WORDS, WHOLE_TABLE_STEMS

_ISO_639_1 = """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee
    el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is
    it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms
    mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si
    sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh
    yi yo za zh zu
"""
_NAMED = """
    afrikaans albanian amharic arabic armenian assamese azerbaijani bambara bashkir basque belarusian bemba
    bengali bhojpuri bosnian breton bulgarian burmese cantonese catalan cebuano chichewa chinese croatian czech
    danish dari dholuo dogri dutch english esperanto estonian ewe finnish french frisian fulani galician ganda
    georgian german greek guarani gujarati hausa hebrew hindi hungarian icelandic igbo indonesian irish italian
    japanese javanese kannada kashmiri kazakh khmer kikuyu kinyarwanda kirghiz konkani korean kurdish kyrgyz lao
    latvian lingala lithuanian luganda luxembourgish macedonian maithili malagasy malay malayalam maltese
    mandarin manipuri maori marathi mongolian nepali norwegian occitan odia oriya oromo pashto persian polish
    portuguese punjabi quechua romanian russian sanskrit santali sepedi serbian sesotho setswana shona sindhi
    sinhala sinhalese slovak slovenian somali spanish sundanese swahili swedish tagalog tajik tamil tatar telugu
    thai tibetan tigrinya tsonga tswana turkish twi uighur ukrainian urdu uyghur uzbek vietnamese welsh wolof
    xhosa yiddish yoruba zulu
"""
_OTHER_WORDS = "am an as be co cv he hi id in is it la my no or se so st to tr ts"
_ISO_639_3 = """
    deu ger fra fre eng spa ita por nld dut pol rus ukr ces cze slk slv hrv srp bul ron rum hun fin est lav lit swe dan
    nor nob isl gle cym eus baq cat glg ell gre tur ara arb heb fas pes hin ben tam tel mar guj kan mal pan urd npi nep
    sin asm ory mya bur tha lao khm vie ind msa zsm jav sun tgl fil ceb zho chi cmn yue jpn kor mon kaz kir uzb tgk tuk
    aze azj hye kat geo amh tir som orm swa swh hau yor ibo wol lug kin nya sna xho zul afr sot tsn lin bam ful kam luo
"""

_CODES, _NAMES = frozenset(_ISO_639_1.split()), frozenset(_NAMED.split())
_CODES_BESIDE_WORDS = _CODES - frozenset(_OTHER_WORDS.split())
_CODES_OF_THREE = frozenset(_ISO_639_3.split())
_LOCALE = re.compile(r"([a-z]{2,3})(?:[-_][a-z]{4})?[-_]([a-z]{2})")


@lru_cache(1 << 12)
def languages_of(name: str) -> frozenset[tuple[str, str]]:
    """Those that a name speaks of, each with the way in which it says it: ``deu`` may well be ``german``."""
    part = name.lower()
    words = [word for word in re.split(r"[-_. ]+", part) if _says(word)]
    found = {("name", word) for word in words if word in _NAMES}
    whole = "_".join(words)
    if (locale := _LOCALE.fullmatch(whole)) is not None and locale[1] in _CODES | _CODES_OF_THREE:
        codes = {(f"code of {len(code)}", code) for code in locale.groups() if code == locale[1] or code in _CODES}
        return frozenset({*found, *codes, ("locale", whole)})
    if whole in _CODES_OF_THREE:
        found.add(("code of 3", whole))
    elif len(words) == 1 or found:
        found |= {("code of 2", word) for word in words if word in _CODES}
    else:
        found |= {("code of 2", word) for word in (*words[:1], *words[-1:]) if word in _CODES_BESIDE_WORDS}
    return frozenset(found)


def are_others(some: frozenset[tuple[str, str]], others: frozenset[tuple[str, str]]) -> bool:
    """Whether languages are not the same, as far as both are said in one way."""
    ways = {way for way, _ in some} & {way for way, _ in others}
    return any({one for one in some if one[0] == way}.isdisjoint(others) for way in ways)


def _says(word: str) -> bool:
    """Whether a word says more than what any table or folder of clips is called, or which part of it this is."""
    known = word in GENERIC_FOLDERS or word in SPLIT_WORDS or word in WHOLE_TABLE_STEMS or f".{word}" in AUDIO_ENDINGS
    return bool(word) and not known and not word.isdigit()
