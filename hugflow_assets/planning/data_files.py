"""Which configs, splits and data files a repository has: exactly those that ``load_dataset`` would see.

The logic is `datasets`' own (its patterns, its reading of the card's ``configs``), run over the list of the
repository's files instead of over the network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from posixpath import basename
from typing import Any

from hugflow_assets.formats.datasets_internals import data_endings, files_of_module, metadata_names, module_of_endings
from hugflow_assets.formats.media import AUDIO_ALONE, media_kind
from hugflow_assets.formats.names import SPLIT_WORDS, is_archive
from hugflow_assets.planning.listing_fs import BASE, listed, relative
from hugflow_assets.shapes.file_lists import is_seal
from hugflow_assets.shapes.sight import ZIP, ConfigFiles, Layout
from hugflow_assets.shapes.texts.found import texts_by_name
from hugflow_assets.shapes.texts.text_places import side_texts

_ARCHIVES = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz"}
_BEFORE_ZIP = frozenset(
    {".parquet", ".lance", ".vortex", ".arrow", ".jsonl", ".json", ".csv"}
)  # where as many are there
_NOT_FOR_THE_MODULE = frozenset({"data_files", "data_dir", "default", "config_name", "description", "version"})


class _NoLayoutError(Exception):
    """`datasets` would load nothing from this repository; said in words."""


def data_layout(paths: Sequence[str], card_data: dict[str, Any], subset: str | None = None) -> Layout:
    """Resolve configs, splits and data files.

    Args:
        paths: all files of the repository.
        card_data: the card's YAML block.
        subset: resolve the files of this config only (the names of all are given); None resolves all.
    """
    try:
        declared = _declared_configs(card_data)
        if not declared:  # what is there for the clips' sake does not make the repository one of text
            texts = texts_by_name(tuple(paths))
            spoken = {path: f"{path}.wav" for path in side_texts(tuple(paths)) if not media_kind(path)}  # .pcm, .raw
            lower = _with_lower_splits([path for path in paths if path not in texts], spoken)
            with listed(list(lower)) as download_config:
                return _named(_resolve({}, subset, download_config), lower)
        with listed(paths) as download_config:
            return _resolve(declared, subset, download_config)
    except _NoLayoutError as error:
        return Layout(None, (), str(error))
    except (ValueError, TypeError, LookupError, AttributeError, NotImplementedError, RecursionError) as error:
        # The card is a stranger's text, and `datasets` and fsspec say what is wrong with it in many ways.
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        return Layout(None, (), f"`datasets` cannot read what the card says of its files: {reason}")


def _with_lower_splits(paths: Sequence[str], spoken: Mapping[str, str]) -> dict[str, str]:
    """The paths by the names under which `datasets` takes folders and archives in capitals (``TRAIN/``) for splits.

    Args:
        spoken: files that are audio although their endings do not say so, with names that do.
    """
    found: dict[str, str] = {}
    for path in paths:
        folder, slash, name = spoken.get(path, path).rpartition("/")
        parts = [part.lower() if part.lower() in SPLIT_WORDS else part for part in folder.split("/")]
        stem, dot, ending = name.partition(".")
        if is_archive(name) and stem.lower() in SPLIT_WORDS:
            name = f"{stem.lower()}{dot}{ending}"
        found.setdefault(f"{'/'.join(parts)}{slash}{name}", path)
    return found if len(found) == len(paths) else {spoken.get(path, path): path for path in paths}


def _named(layout: Layout, names: Mapping[str, str]) -> Layout:
    """A layout under the names that the files have."""
    configs = (
        replace(config, splits=tuple((split, tuple(names[path] for path in paths)) for split, paths in config.splits))
        for config in layout.configs
    )
    return replace(layout, configs=tuple(configs))


def _declared_configs(card_data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    from datasets.utils.metadata import MetadataConfigs

    try:
        found = MetadataConfigs.from_dataset_card_data(card_data)
        found.get_default_config_name()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        said = " ".join(str(error).split())[:300]
        raise _NoLayoutError(f"the card's `configs` cannot be read: {said}") from None
    return {str(name): params for name, params in found.items()}


def _resolve(declared: dict[str, dict[str, Any]], subset: str | None, download_config: Any) -> Layout:
    @cache
    def files(base: str, patterns: tuple[str, ...]) -> list[str]:
        return _files(patterns, base, download_config)

    first = next(iter(declared.values()), {})
    patterns = _patterns(first.get("data_files"), BASE, download_config)
    found = {split: files(BASE, tuple(wanted)) for split, wanted in patterns.items()}
    module, params = _module(found)
    if not declared:
        return Layout(module, (_config("default", _of_module(found, module)),), params=params)
    configs = []
    for name, params in declared.items():
        if subset is not None and subset != name:
            configs.append(ConfigFiles(name, ()))
            continue
        base = _inside(params.get("data_dir"))
        wanted = _patterns(params.get("data_files"), base, download_config, name)
        own = {key: value for key, value in params.items() if key not in _NOT_FOR_THE_MODULE}
        configs.append(_config(name, {split: files(base, tuple(one)) for split, one in wanted.items()}, own))
    return Layout(module, tuple(configs), params=params)


def _config(name: str, files: dict[str, list[str]], params: dict[str, Any] | None = None) -> ConfigFiles:
    splits = tuple((str(split), tuple(relative(url) for url in urls)) for split, urls in files.items())
    return ConfigFiles(name, splits, params or {})


def _inside(data_dir: Any) -> str:
    if not data_dir:
        return BASE
    folder = str(data_dir).strip("/")
    if "://" in folder or ".." in folder.split("/"):
        raise _NoLayoutError(f"the card's data_dir {data_dir!r} is outside the repository")
    folder = "/".join(part for part in folder.split("/") if part not in ("", "."))
    return f"{BASE}/{folder}" if folder else BASE


def _patterns(data_files: Any, base: str, download_config: Any, config: str = "") -> dict[str, list[str]]:
    from datasets.data_files import EmptyDatasetError, get_data_patterns, sanitize_patterns

    found: dict[str, list[str]]
    try:
        found = (
            sanitize_patterns(data_files)
            if data_files is not None
            else get_data_patterns(base, download_config=download_config)
        )
    except EmptyDatasetError:
        where = f" for config {config!r}" if config else ""
        raise _NoLayoutError(f"no data files were found{where}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise _NoLayoutError(" ".join(str(error).split())[:300]) from None
    for pattern in (one for several in found.values() for one in several):
        if "://" in str(pattern) or str(pattern).startswith("/") or ".." in str(pattern).split("/"):
            raise _NoLayoutError(f"the card's data_files name {pattern!r}, which is outside the repository")
    return found


def _files(patterns: Sequence[str], base: str, download_config: Any) -> list[str]:
    """As ``DataFilesPatternsList.resolve``, without its look at each file's origin."""
    from datasets.data_files import resolve_pattern
    from fsspec.core import has_magic

    allowed = {*data_endings(), *_known_as()}
    found: list[str] = []
    for pattern in patterns:
        try:
            every = resolve_pattern(pattern, base, None, download_config)
        except FileNotFoundError:
            every = []
        known = [url for url in every if any(f".{one.lower()}" in allowed for one in basename(url).split(".")[1:])]
        known = [url for url in known if not is_seal(url)]  # ``x.tar.sha256`` has the ending of a tar, too
        if not known and not has_magic(pattern):
            raise _NoLayoutError(f"there is no data file {pattern!r}, which the card names")
        found += known
    return found


def _module(files: dict[str, list[str]]) -> tuple[str | None, dict[str, Any]]:
    from datasets.data_files import DataFilesDict, DataFilesList
    from datasets.exceptions import DataFilesNotFoundError
    from datasets.load import infer_module_for_data_files

    if any(_is_mostly_zip(urls) for urls in files.values()):
        return ZIP, {}
    known = {split: DataFilesList([_known_name(url) for url in urls], []) for split, urls in files.items()}
    try:
        found = infer_module_for_data_files(DataFilesDict(known))
    except DataFilesNotFoundError:
        raise _NoLayoutError("no file has an ending that `datasets` knows") from None
    except (ValueError, StopIteration):
        raise _NoLayoutError("the splits are in different formats") from None
    module: str | None = found[0]
    return module, dict(found[1])


def _is_mostly_zip(urls: Sequence[str]) -> bool:
    """Whether `datasets` would look into zip archives to find the format: .zip before any ending that it knows."""
    known_endings, metadata = module_of_endings(), metadata_names()
    names = [_known_name(name) for name in map(basename, urls) if name not in metadata]
    endings = Counter("." + suffix.lower() for name in names for suffix in name.split(".")[1:])
    known = [(count, ending in _BEFORE_ZIP) for ending, count in endings.items() if ending in known_endings]
    return endings[".zip"] > 0 and (endings[".zip"], False) >= max(known, default=(0, False))


def _of_module(files: dict[str, list[str]], module: str | None) -> dict[str, list[str]]:
    """Only what the module reads, as `datasets` filters when the card declares no configs."""
    from datasets.data_files import DataFilesDict, DataFilesList

    if module is None or module == ZIP:
        return files
    read_endings, read_names = files_of_module(module)
    names = {split: {_known_name(url): url for url in urls} for split, urls in files.items()}
    kept = DataFilesDict({split: DataFilesList(list(urls), []) for split, urls in names.items()}).filter(
        extensions=read_endings, file_names=read_names
    )
    return {split: [names[split][url] for url in urls] for split, urls in kept.items()}


@cache
def _known_as() -> dict[str, str]:
    """Endings that `datasets` does not know, or not as audio, -> those of the same that it knows."""
    modules = module_of_endings()
    audio = (ending for ending in AUDIO_ALONE if modules.get(ending, ("",))[0] != "audiofolder")
    return {**_ARCHIVES, **{ending: f"{ending}.wav" for ending in audio}}


def _known_name(url: str) -> str:
    """The name under which `datasets` would know a file whose ending it does not, or not in mixed case."""
    ending = url[url.rfind(".") :]
    known = ending if ending in module_of_endings() else ending.lower()
    return url.removesuffix(ending) + _known_as().get(known.lower(), known)
