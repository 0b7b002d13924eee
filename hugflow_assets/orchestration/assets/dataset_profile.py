"""``dataset_profile``: what is in a landed dataset, as tables in the UI."""

from collections.abc import Iterable

from dagster import AssetExecutionContext, AssetIn, AssetKey, MaterializeResult, MetadataValue, asset

from hugflow_assets.orchestration.assets.check_specs import DATASET, GROUP
from hugflow_assets.orchestration.assets.dataset import STORAGE_KEY
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.io_manager import LandedFolder
from hugflow_assets.orchestration.assets.metadata import Metadata, cell
from hugflow_assets.orchestration.assets.partitions import DATASETS
from hugflow_assets.profile import AudioProfile, Profile, Spread, TextProfile, measure
from hugflow_assets.profile.measure import DURATION_EDGES_S

PROFILE = AssetKey("dataset_profile")


@asset(
    key=PROFILE,
    partitions_def=DATASETS,
    group_name=GROUP,
    pool="disk",
    ins={"landed": AssetIn(DATASET, input_manager_key=STORAGE_KEY)},
    description="Hours, durations, sampling rates and text of a landed dataset.",
)
def dataset_profile(context: AssetExecutionContext, landed: LandedFolder) -> MaterializeResult[None]:
    """Measure the record in one pass."""
    with failing_by_name(context.instance, context.run.run_id):
        return MaterializeResult(metadata=profile_metadata(measure(landed.path, landed.manifest)))


def profile_metadata(profile: Profile) -> Metadata:
    """A profile as metadata: plain numbers to plot over time, tables to read."""
    metadata: Metadata = {
        "rows": MetadataValue.int(profile.rows),
        "splits": MetadataValue.md(_table(("split", "rows"), profile.rows_by_split.items())),
    }
    return metadata | _audio(profile.audio) | _text(profile.text)


def _audio(audio: AudioProfile | None) -> Metadata:
    if audio is None:
        return {}
    return {
        "hours": MetadataValue.float(round(audio.hours, 4)),
        "clips": MetadataValue.int(audio.clips),
        "clips_without_duration": MetadataValue.int(audio.without_duration),
        "durations_s": MetadataValue.md(_spread(audio.duration_s)),
        "duration_histogram": MetadataValue.md(_histogram(audio.histogram)),
        "sampling_rates": MetadataValue.md(_table(("Hz", "clips"), audio.sampling_rates.items())),
        "channels": MetadataValue.md(_table(("channels", "clips"), audio.channels.items())),
    }


def _text(text: TextProfile | None) -> Metadata:
    if text is None:
        return {}
    return {
        "text_column": MetadataValue.text(text.column),
        "rows_with_text": MetadataValue.int(text.rows_with_text),
        "rows_without_text": MetadataValue.int(text.rows_without),
        "words": MetadataValue.int(text.words_total),
        "characters_a_row": MetadataValue.md(_spread(text.characters)),
        "words_a_row": MetadataValue.md(_spread(text.words)),
        "alphabet_size": MetadataValue.int(text.alphabet_size),
        "alphabet": MetadataValue.text(" ".join(text.alphabet)),
    }


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "none"
    return _table(
        ("least", "5 %", "median", "95 %", "most"),
        [(spread.least, spread.p5, spread.median, spread.p95, spread.most)],
    )


def _histogram(bins: tuple[int, ...]) -> str:
    edges = (0.0, *DURATION_EDGES_S)
    names = [f"{low:g} to {high:g} s" for low, high in zip(edges, DURATION_EDGES_S, strict=False)]
    names.append(f"{DURATION_EDGES_S[-1]:g} s and more")
    longest = max(*bins, 1)
    rows = [(name, count, "█" * round(30 * count / longest)) for name, count in zip(names, bins, strict=True)]
    return _table(("duration", "clips", ""), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [
        f"| {' | '.join(f'{one:,}' if isinstance(one, int) else cell(str(one)) for one in row)} |" for row in rows
    ]
    return "\n".join(lines)
