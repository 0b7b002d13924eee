"""Small landed trees for the tests: one split, one shard, files of known sizes."""

from __future__ import annotations

from pathlib import Path

import xxhash

from hugflow_assets.intake import DatasetRequest
from hugflow_assets.store import (
    ConfigRecord,
    Counts,
    Fingerprint,
    Manifest,
    RepoRecord,
    ShardReceipt,
    ShardRecord,
    SplitRecord,
    Staging,
    Store,
    Volatile,
    now_text,
)

COMMIT = "a" * 40


def fingerprint(hf_id: str = "org/name", commit: str = COMMIT) -> Fingerprint:
    return Fingerprint.of(DatasetRequest(hf_id=hf_id, description="d"), commit, "xxh128", ("nemo",))


def fill(staging: Staging, *, files: int = 3, file_bytes: int = 100, word: str = "x") -> Manifest:
    """Write a complete tree into ``staging``; the manifest that describes it."""
    audio = staging.path / "audio/train/00000"
    audio.mkdir(parents=True, exist_ok=True)
    (staging.path / "json").mkdir(exist_ok=True)
    for number in range(files):
        (audio / f"{number}.wav").write_bytes((word * file_bytes).encode()[:file_bytes])
    record = f'{{"text": "{word}"}}\n'.encode() * files
    (staging.path / "json/train.jsonl").write_bytes(record)
    (staging.path / "XXH128SUMS").write_bytes(b"")
    counts = Counts(
        rows=files, media_files=files, media_bytes=files * file_bytes, json_bytes=len(record), duration_s=3.6 * files
    )
    digest = xxhash.xxh3_128_hexdigest(record)
    shard = ShardRecord(
        index=0, sources=(), folders=("audio/train/00000",), json_offset=0, json_bytes=len(record),
        json_xxh128=digest, sums_xxh128=xxhash.xxh3_128_hexdigest(b""), counts=counts,
    )  # fmt: skip
    split = SplitRecord(name="train", record_path="json/train.jsonl", shards=(shard,), counts=counts)
    request = DatasetRequest(hf_id="org/name", description="d", owner="ada")
    return Manifest(
        name=staging.name,
        request=request,
        repo=RepoRecord(endpoint="http://127.0.0.1", id="org/name", commit=COMMIT),
        fingerprint=fingerprint().model_copy(update={"data": staging.fingerprint_data}),
        shape="parquet",
        checksums="xxh128",
        configs=(ConfigRecord(name="default", splits=(split,)),),
        counts=counts,
        size_bytes=files * file_bytes + len(record),
        files=files + 2,
        volatile=Volatile(landed_at=now_text(), updated_at=now_text()),
    )


def receipt(index: int = 0, *, media_bytes: int = 10, sums: bytes = b"", split: str = "train") -> ShardReceipt:
    return ShardReceipt(
        config="default", split=split, index=index, sources=(), folders=(), json_xxh128="0" * 32,
        sums_xxh128=xxhash.xxh3_128_hexdigest(sums), counts=Counts(rows=1, media_files=1, media_bytes=media_bytes),
    )  # fmt: skip


def put(
    store: Store, name: str, *, data: str = "0" * 16, files: int = 3, file_bytes: int = 100, word: str = "x"
) -> Path:
    """Land a small dataset under ``name``."""
    with store.leases.take(name, purpose="test") as lease:
        staging = store.staging(name, data)
        return store.publish(staging, fill(staging, files=files, file_bytes=file_bytes, word=word), lease)
