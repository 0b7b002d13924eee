"""``dataset_profile``: what is in a landed dataset, as a picture and tables in the UI."""

from collections.abc import Iterable, Sequence

from dagster import AssetExecutionContext, AssetIn, AssetKey, MaterializeResult, MetadataValue, asset

from hugflow_assets.errors import HugflowError
from hugflow_assets.orchestration.assets.check_specs import DATASET, GROUP
from hugflow_assets.orchestration.assets.dataset import STORAGE_KEY
from hugflow_assets.orchestration.assets.failures import failing_by_name
from hugflow_assets.orchestration.assets.io_manager import LandedFolder
from hugflow_assets.orchestration.assets.metadata import Metadata, cell
from hugflow_assets.orchestration.assets.partitions import DATASETS
from hugflow_assets.orchestration.assets.platform import Platform
from hugflow_assets.orchestration.assets.shown import descriptions
from hugflow_assets.orchestration.assets.shown.card import picture
from hugflow_assets.profile import Profile, Shared, duplicates, figure_png, measure
from hugflow_assets.wording import human_duration

PROFILE = AssetKey("dataset_profile")


@asset(
    key=PROFILE,
    partitions_def=DATASETS,
    group_name=GROUP,
    pool="disk",
    ins={"landed": AssetIn(DATASET, input_manager_key=STORAGE_KEY)},
    kinds={"matplotlib"},
    owners=descriptions.OWNERS,
    tags={"about": "landed"},
    description=descriptions.PROFILE,
)
def dataset_profile(
    context: AssetExecutionContext, landed: LandedFolder, platform: Platform
) -> MaterializeResult[None]:
    """Measure the record in one pass, and draw it."""
    with failing_by_name(context.instance, context.run.run_id):
        profile = measure(landed.path, landed.manifest)
        try:
            twice = duplicates(platform.store(), landed.manifest.name)
        except HugflowError as error:  # of the checksum list, which the check `complete` tells
            context.log.warning("what occurs more than once is not known: %s", error)
            twice = []
        return MaterializeResult(metadata=profile_metadata(profile, twice))


def profile_metadata(profile: Profile, twice: Sequence[Shared] = ()) -> Metadata:
    """A profile as metadata: a summary, the picture, what wants a look; then plain numbers to plot over time."""
    return {
        "summary": MetadataValue.md(_summary(profile)),
        "figure": MetadataValue.md(picture("Profile", figure_png(profile))),
        "worth_a_look": MetadataValue.md(_worth_a_look(profile, twice)),
        **_numbers(profile),
    }


def _summary(profile: Profile) -> str:
    audio, text, speakers = profile.audio, profile.text, profile.speakers
    facts = [f"**{profile.rows:,} rows** in {len(profile.rows_by_split):,} splits"]
    if audio is not None:
        median = f", half of them shorter than {audio.duration_s.median:g} s" if audio.duration_s else ""
        facts.append(f"**{human_duration(audio.hours * 3600)} of audio** in {audio.clips:,} clips{median}")
    if text is not None:
        facts.append(f"**{text.words_total:,} words** in `{text.column}`, {text.alphabet_size:,} different characters")
    if speakers is not None:
        facts.append(f"**{speakers.number:,} speakers** in `{speakers.column}`")
    return "\n".join(f"- {fact}" for fact in facts)


def _worth_a_look(profile: Profile, twice: Sequence[Shared]) -> str:
    """What may be wrong, or just unusual, each with a few by name."""
    rows: list[tuple[object, ...]] = []
    if (audio := profile.audio) is not None:
        rows.append(("longest clips", "", _few(f"{path} ({s:,.2f} s)" for s, path in audio.longest)))
        rows.append(("shortest clips", "", _few(f"{path} ({s:,.2f} s)" for s, path in audio.shortest)))
        rows.append(("clips of no length, by their header", audio.empty_clips, _few(audio.empty_examples)))
        rows.append(("clips whose header is not understood", audio.without_duration, ""))
    if (text := profile.text) is not None:
        rows.append(("rows without a transcript", text.rows_without, _few(text.empty_examples)))
        strange = [f"U+{ord(one):04X} {count:,} times, first in {place}" for one, count, place in text.foreign]
        rows.append(("characters that do not belong", len(strange), _few(strange)))
    rows += [(_twice(one), one.count, _few(" = ".join(dict.fromkeys(pair)) for pair in one.examples)) for one in twice]
    return _table(("what", "how many", "for example"), rows)


def _twice(one: Shared) -> str:
    where = f"in {one.first}" if one.first == one.second else f"in {one.first} and in {one.second}"
    return f"{one.what} that occur more than once {where}"


def _few(examples: Iterable[str]) -> str:
    return "; ".join(examples)


def _numbers(profile: Profile) -> Metadata:
    """What is plotted over time, with the unit in the name."""
    numbers: dict[str, int | float] = {"rows": profile.rows}
    if (audio := profile.audio) is not None:
        numbers |= {
            "hours": round(audio.hours, 4),
            "clips": audio.clips,
            "clips_without_duration": audio.without_duration,
        }
        if audio.duration_s is not None:
            numbers |= {"median_duration_s": audio.duration_s.median, "longest_duration_s": audio.duration_s.most}
    if (text := profile.text) is not None:
        numbers |= {
            "rows_with_text": text.rows_with_text,
            "rows_without_text": text.rows_without,
            "words": text.words_total,
            "alphabet_size": text.alphabet_size,
        }
    if profile.speakers is not None:
        numbers["speakers"] = profile.speakers.number
    shown: Metadata = {
        name: MetadataValue.float(value) if isinstance(value, float) else MetadataValue.int(value)
        for name, value in numbers.items()
    }
    if text is not None:
        shown["text_column"] = MetadataValue.text(text.column)
        shown["alphabet"] = MetadataValue.text(" ".join(text.alphabet))
    return shown


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [
        f"| {' | '.join(f'{one:,}' if isinstance(one, int) else cell(str(one)) for one in row)} |" for row in rows
    ]
    return "\n".join(lines)
