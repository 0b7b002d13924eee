"""Corpora that everybody knows, laid out as they are."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from hugflow_assets_tests.corpora.layouts.table_files import record
from hugflow_assets_tests.corpora.model import Clip, Row, Split
from hugflow_assets_tests.corpora.repository import ARCHIVES, Rendered, Rows, archive, tar_of
from hugflow_assets_tests.corpora.strategies import corpora
from hugflow_assets_tests.corpora.tables import LINE, TSV, cleaned, type_configs

COMMON_VOICE = ("client_id", "path", "sentence", "up_votes")


def audio(split: Split, clip: Clip) -> bytes | None:
    """A clip, if it is there."""
    return clip.data if split.has(clip) else None


def line(text: str) -> str:
    """A text that a line can hold, and that is one."""
    return " ".join(cleaned(text, LINE).split()) or "silence"


def utterances(split: Split) -> list[Row]:
    """One row a clip; no more without a clip than with one, since a list is known by the clips that it names."""
    rows = list({row.clip: row for row in split.rows}.values())
    lost = [row for row in rows if not split.has(row.clip)]
    surplus = lost[len(rows) - len(lost) :]
    return [row for row in rows if row not in surplus]


def spelt(name: str) -> str:
    """A name without spaces."""
    return name.replace(" ", "_")


@st.composite
def common_voice_mirror(draw: st.DrawFn) -> Rendered:
    """As ``mozilla-foundation/common_voice_11_0``: a script, tables and tars by language and split."""
    corpus = draw(corpora(configs=2, splits=2, ending=".mp3"))
    per_archive = draw(st.integers(1, 3))
    files: dict[str, bytes] = {"common_voice_x.py": b"import datasets\n", "n_shards.json": b"{}\n"}
    records: dict[str, Rows] = {}
    is_anew = draw(st.booleans())
    for split in corpus.splits:
        language = split.config or "ms"

        def name(clip: Clip, split: Split = split, language: str = language) -> str:
            return f"common_voice_{language}_{clip.number - split.clips[0].number if is_anew else clip.number}.mp3"

        rows = [_common_voice(row, name(row.clip)) for row in split.rows]
        files[f"transcript/{language}/{split.name}.tsv"] = TSV.write(rows)
        for at in range(0, len(split.clips), per_archive):
            stem = f"{language}_{split.name}_{at // per_archive}"
            clips = [(f"{stem}/{name(clip)}", clip.data) for clip in split.clips[at : at + per_archive]]
            files[f"audio/{language}/{split.name}/{stem}.tar"] = tar_of(clips)
        of_language = record(corpus, split)
        records[of_language] = [
            {**row, "audio": audio(split, one.clip)} for row, one in zip(rows, split.rows, strict=True)
        ]
    type_configs(records)
    return Rendered("Common Voice, mirrored", files, records, is_ordered=False, is_joined=True,
                    hf_id="mozilla/common_voice_x")  # fmt: skip


def _common_voice(row: Row, name: str) -> dict[str, str]:
    return dict(zip(COMMON_VOICE, (row.code, name, TSV.clean(row.text), "2"), strict=True))


@st.composite
def common_voice_release(draw: st.DrawFn) -> Rendered:
    """As Mozilla gives it out: a folder a language, one folder of clips, tables that overlap or name no clips."""
    corpus = draw(corpora(configs=2, splits=3, ending=".mp3"))
    ending = draw(st.sampled_from(("", *ARCHIVES)))
    root = "cv-corpus-17.0-2024-03-15"
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for config in corpus.configs:
        folder = f"{root}/{config or 'xx'}"
        every: dict[str, tuple[Rows, Rows]] = {}
        for split in corpus.of(config):
            rows = [_common_voice(row, f"common_voice_{config or 'xx'}_{row.clip.number}.mp3") for row in split.rows]
            named = "dev" if split.name == "validation" else split.name
            must = [{**row, "audio": audio(split, one.clip)} for row, one in zip(rows, split.rows, strict=True)]
            every[named] = rows, must
            files |= {f"{folder}/clips/common_voice_{config or 'xx'}_{clip.number}.mp3": clip.data
                      for clip in split.clips}  # fmt: skip
        both = (
            [one for rows, _ in every.values() for one in rows],
            [{**one} for _, must in every.values() for one in must],
        )
        for name, (rows, must) in {**every, "validated": both}.items():
            files[f"{folder}/{name}.tsv"] = TSV.write(rows)
            records[f"{name}.jsonl" if corpus.is_of_one_config else f"{config}/{name}.jsonl"] = must
        files[f"{folder}/clip_durations.tsv"] = b"clip\tduration[ms]\n" + b"".join(
            f"{row['path']}\t180\n".encode() for row in both[0]
        )
        files[f"{folder}/reported.tsv"] = b"sentence_id\tsentence\tlocale\treason\ns1\tx\txx\toffensive\n"
    if ending:
        files = {f"{root}{ending}": archive(ending, list(files.items()))}
    type_configs(records)
    return Rendered(f"Common Voice, as released{f', in {ending}' if ending else ''}", files, records, is_joined=True)


@st.composite
def ljspeech(draw: st.DrawFn) -> Rendered:
    """``metadata.csv`` of id, text and normalised text between bars, without a header; the clips in ``wavs/``."""
    corpus = draw(corpora(splits=1, ending=".wav", simple=True))
    (split,) = corpus.splits
    root = draw(st.sampled_from(("", "LJSpeech-1.1/")))
    ending = draw(st.sampled_from(("", *ARCHIVES)))
    rows = [(f"LJ-{row.clip.number:03}", line(row.text), line(row.text).lower(), row.clip) for row in split.rows]
    files = {f"{root}metadata.csv": "".join(f"{one}|{text}|{low}\n" for one, text, low, _ in rows).encode()}
    files |= {f"{root}wavs/LJ-{clip.number:03}.wav": clip.data for clip in split.clips}
    must = [
        {"id": one, "text": text, "normalized_text": low, "audio": audio(split, clip)} for one, text, low, clip in rows
    ]
    if ending:
        files = {f"LJSpeech-1.1{ending}": archive(ending, list(files.items()))}
    return Rendered(f"LJSpeech {ending}", files, {"train.jsonl": must}, is_joined=True)


@st.composite
def vctk(draw: st.DrawFn) -> Rendered:
    """A file of text for each clip, in a tree of its own, or beside it."""
    (split,) = draw(corpora(splits=1, ending=".wav")).splits
    texts = draw(st.sampled_from(("VCTK-Corpus/txt", "VCTK-Corpus/wav48")))
    is_unique = draw(st.booleans())

    def stem(clip: Clip) -> str:
        return f"{clip.speaker}/{clip.speaker}_{clip.name}" if is_unique else f"{clip.speaker}/{clip.name}"

    said = {row.clip: line(row.text) for row in split.rows}
    files = {f"VCTK-Corpus/wav48/{stem(clip)}.wav": clip.data for clip in split.clips}
    files |= {f"{texts}/{stem(clip)}.txt": f"{text}\n".encode() for clip, text in said.items()}
    files["VCTK-Corpus/speaker-info.txt"] = b"ID  AGE  GENDER\n225  23  F\n"
    must = [{"audio": clip.data, "text": said.get(clip)} for clip in split.clips]
    lost = sum(not split.has(clip) for clip in said)  # most files decide what a repository is
    refusals = ("shape-unsupported",) if lost + 1 >= len(split.clips) else ()
    return Rendered(f"VCTK, texts in {texts}", files, {"train.jsonl": must}, refusals, is_ordered=False)


@st.composite
def librispeech(draw: st.DrawFn) -> Rendered:
    """A list of ids and texts a chapter, beside its clips."""
    corpus = draw(corpora(splits=2, ending=".flac", simple=True))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        must = []
        chapters: dict[str, list[str]] = {}
        said = {row.clip: line(row.text).upper() for row in split.rows}
        for speaker in {clip.speaker for clip in said}:  # a list is known by the clips that it names
            lost = [clip for clip in said if clip.speaker == speaker and not split.has(clip)]
            for clip in lost if 2 * len(lost) > sum(clip.speaker == speaker for clip in said) else ():
                del said[clip]
        for clip in dict.fromkeys([*split.clips, *said]):
            name = f"{spelt(clip.speaker)}-12-{clip.name}"
            chapter = f"{split.name}/{spelt(clip.speaker)}/12"
            if split.has(clip):
                files[f"{chapter}/{name}.flac"] = clip.data
                text = said.get(clip)
                must.append({"audio": clip.data, "id": name if text is not None else None, "text": text})
            if clip in said:
                chapters.setdefault(f"{chapter}/{spelt(clip.speaker)}-12.trans.txt", []).append(f"{name} {said[clip]}")
        files |= {path: "\n".join(lines).encode() + b"\n" for path, lines in chapters.items()}
        records[f"{split.name}.jsonl"] = must
    return Rendered("LibriSpeech", files, records, is_ordered=False)


@st.composite
def librispeech_tars(draw: st.DrawFn) -> Rendered:
    """The same as OpenSLR packs it."""
    plain = draw(librispeech())
    ending = draw(st.sampled_from((".tar", ".tar.gz")))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for name, rows in plain.records.items():
        split = name.removesuffix(".jsonl")
        members = [(path, data) for path, data in plain.files.items() if path.startswith(f"{split}/")]
        files[f"{split}{ending}"] = archive(ending, [(f"LibriSpeech/{path}", data) for path, data in members])
        texts = [{"flac": row["audio"], "id": row["id"], "text": row["text"]} for row in rows]
        records[name] = texts
    return Rendered(f"LibriSpeech in {ending}", files, records, is_ordered=False)


@st.composite
def mls(draw: st.DrawFn) -> Rendered:
    """A list of ids and texts a split, and an archive a book."""
    corpus = draw(corpora(configs=2, splits=2, ending=".flac", simple=True))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        root, lines = f"data/{split.config or 'fr'}/{split.name}", list[str]()
        books: dict[str, list[tuple[str, bytes]]] = {}
        must: Rows = []
        for clip in split.clips:
            book = f"{root}/audio/{spelt(clip.speaker)}_7.tar.gz"
            books.setdefault(book, []).append((f"{spelt(clip.speaker)}_7_{clip.number}.flac", clip.data))
        for row in utterances(split):
            one, text = f"{spelt(row.clip.speaker)}_7_{row.clip.number}", line(row.text)
            lines.append(f"{one}\t{text}\n")
            must.append({"id": one, "text": text, "audio": audio(split, row.clip)})
        files[f"{root}/transcripts.txt"] = "".join(lines).encode()
        files |= {path: tar_of(members, "gz") for path, members in books.items()}
        records[record(corpus, split)] = must
    return Rendered("MLS", files, records, is_ordered=False, is_joined=True)


@st.composite
def kaldi(draw: st.DrawFn) -> Rendered:
    """``data/<split>/text`` of ids and texts."""
    corpus = draw(corpora(splits=2, ending=".wav", simple=True))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        lines, must = [], []
        for row in utterances(split):
            one, text = f"{spelt(row.clip.speaker)}-{row.clip.number}", line(row.text)
            lines.append(f"{one} {text}\n")
            must.append({"id": one, "text": text, "audio": audio(split, row.clip)})
        files[f"data/{split.name}/text"] = "".join(lines).encode()
        files[f"data/{split.name}/utt2spk"] = "".join(
            f"{spelt(clip.speaker)}-{clip.number} {spelt(clip.speaker)}\n" for clip in split.clips
        ).encode()
        files |= {f"wav/{spelt(clip.speaker)}-{clip.number}.wav": clip.data for clip in split.clips}
        records[f"{split.name}.jsonl"] = must
    return Rendered("Kaldi", files, records, is_joined=True)


@st.composite
def nemo(draw: st.DrawFn) -> Rendered:
    """JSON lines called ``.json``, whose paths are those of their maker's machine."""
    corpus = draw(corpora(splits=2))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        lines, must = [], []
        for row in split.rows:
            path = f"{split.name}/wav/{row.clip.speaker}/{row.clip.file_name}"
            told: dict[str, Any] = {
                **{"audio_filepath": f"/mnt/data/x/{path}", "duration": 0.1 * row.clip.number, "text": row.text},
                **{"n": row.clip.number, "code": row.code, "more": {"tags": [row.note]}},
            }
            lines.append(json.dumps(told) + "\n")
            must.append({**told, "audio": audio(split, row.clip)})
        files[f"{split.name}_manifest.json"] = "".join(lines).encode()
        files |= {f"{split.name}/wav/{clip.speaker}/{clip.file_name}": clip.data for clip in split.clips}
        records[f"{split.name}.jsonl"] = must
    return Rendered("NeMo manifests", files, records, is_joined=True)


@st.composite
def fleurs(draw: st.DrawFn) -> Rendered:
    """Tables of seven columns without a header, an archive a split."""
    corpus = draw(corpora(configs=2, splits=2, ending=".wav"))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    columns = ("id", "path", "raw_transcription", "transcription", "characters", "num_samples", "gender")
    for split in corpus.splits:
        language, rows = split.config or "ms_my", []
        names = {clip: f"{clip.number * 1009}.wav" for clip in (*split.clips, *(row.clip for row in split.rows))}
        for row in split.rows:
            text = line(row.text)
            values = str(row.clip.number), names[row.clip], text, text.lower(), " ".join(text), "16", "FEMALE"
            rows.append(dict(zip(columns, values, strict=True)))
        files[f"data/{language}/{split.name}.tsv"] = "".join("\t".join(row.values()) + "\n" for row in rows).encode()
        clips = [(f"{split.name}/{names[clip]}", clip.data) for clip in split.clips]
        files[f"data/{language}/audio/{split.name}.tar.gz"] = tar_of(clips, "gz")
        records[record(corpus, split)] = [
            {**row, "audio": audio(split, one.clip)} for row, one in zip(rows, split.rows, strict=True)
        ]
    type_configs(records)
    return Rendered("FLEURS", files, records, is_ordered=False, is_joined=True)


@st.composite
def emilia(draw: st.DrawFn) -> Rendered:
    """Tars in which an mp3 and a JSON of one name are a row."""
    corpus = draw(corpora(splits=1, ending=".mp3"))
    (split,) = corpus.splits
    said = {row.clip: row for row in split.rows}
    tars: dict[str, list[tuple[str, bytes]]] = {}
    must = []
    for clip in split.clips:
        key, row = f"EN_B{clip.number % 2}_S{clip.number:05}", said.get(clip)
        members = tars.setdefault(f"Emilia/EN/EN-B{clip.number % 2:06}.tar", [])
        told = {"id": key, "text": row.text, "dnsmos": 3.3, "speaker": row.code} if row is not None else None
        if told is not None:
            members.append((f"{key}.json", json.dumps(told).encode()))
        members.append((f"{key}.mp3", clip.data))
        must.append({"mp3": clip.data, "json": told, "__key__": key})
    return Rendered("Emilia", {path: tar_of(members) for path, members in tars.items()}, {"train.jsonl": must},
                    is_ordered=False)  # fmt: skip


@st.composite
def switchlingua(draw: st.DrawFn) -> Rendered:
    """A csv a language, the clips of each in a folder that is called as the language is."""
    corpus = draw(corpora(configs=3, splits=1, ending=".m4a"))
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        language = split.config or "zh"
        rows = [
            {
                "file_name": f"{language}/{row.clip.speaker}/{row.clip.file_name}",
                "text": TSV.clean(row.text),
                "code": row.code,
            }
            for row in split.rows
        ]
        files[f"{language}.tsv"] = TSV.write(rows)
        files |= {f"{language}/{clip.speaker}/{clip.file_name}": clip.data for clip in split.clips}
        records[f"{language.replace('-', '_')}.jsonl"] = [
            {**row, "audio": audio(split, one.clip)} for row, one in zip(rows, split.rows, strict=True)
        ]
    type_configs(records)
    return Rendered("SwitchLingua", files, records, is_joined=True)


@st.composite
def speechocean(draw: st.DrawFn) -> Rendered:
    """A JSON object a split whose keys are utterances."""
    corpus = draw(corpora(splits=2, ending=".WAV", simple=True))
    is_text = draw(st.booleans())
    files: dict[str, bytes] = {}
    records: dict[str, Rows] = {}
    for split in corpus.splits:
        told: dict[str, Any] = {}
        must: dict[str, dict[str, Any]] = {}
        for row in utterances(split):
            key = f"{row.clip.number:09}"
            told[key] = row.text if is_text else {"text": row.text, "speaker": row.code, "words": [{"text": row.note}]}
            of_row = {"text": row.text} if is_text else told[key]
            must[key] = {**of_row, "audio": audio(split, row.clip)}
        files[f"{split.name}.json"] = json.dumps(told, indent=1).encode()
        files |= {f"WAVE/SPEAKER{spelt(clip.speaker)}/{clip.number:09}.WAV": clip.data for clip in split.clips}
        records[f"{split.name}.jsonl"] = list(must.values())
    return Rendered(f"JSON keyed by utterance, {'texts' if is_text else 'objects'}", files, records, is_joined=True)


@st.composite
def peoples_speech(draw: st.DrawFn) -> Rendered:
    """JSON lines of documents, each with lists of the names and texts of its clips; the clips in a tar."""
    (split,) = draw(corpora(splits=1, ending=".flac", simple=True)).splits
    documents: dict[str, dict[str, list[Any]]] = {}
    must = []
    for row in split.rows:
        name = f"{spelt(row.clip.speaker)}/{spelt(row.clip.speaker)}_{row.clip.number}.flac"
        lists = documents.setdefault(spelt(row.clip.speaker), {"duration_ms": [], "label": [], "name": []})
        for column, value in zip(lists, (160 + row.clip.number, row.text, name), strict=True):
            lists[column].append(value)
        must.append({"label": row.text, "audio": audio(split, row.clip)})
    lines = [json.dumps({"identifier": one, "training_data": lists}) + "\n" for one, lists in documents.items()]
    clips = [(f"{spelt(clip.speaker)}/{spelt(clip.speaker)}_{clip.number}.flac", clip.data) for clip in split.clips]
    files = {"train.jsonl": "".join(lines).encode(), "train.tar": tar_of(clips)}
    return Rendered("The People's Speech", files, {"train.jsonl": must}, is_ordered=False, is_joined=True)
