"""Archives that mean harm, or are broken, are refused by name; nothing of them is published or written elsewhere."""

from __future__ import annotations

import gzip
import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hugflow_assets.errors import BadSourceError
from hugflow_assets.formats.archives.members import UnusualTarError, members, plain_names
from hugflow_assets.hub.models import SourceFile
from hugflow_assets.shapes.zip_directory import zip_members
from hugflow_assets_tests.datasets_made import tar_bytes, wav_bytes, zip_bytes
from hugflow_assets_tests.landing.conftest import House

CLIP = wav_bytes(0.05)
GOOD = {"a.wav": CLIP, "b.wav": CLIP}


def tar_with(info: tarfile.TarInfo, data: bytes = b"") -> bytes:
    out = io.BytesIO()
    info.size = len(data)
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def special(kind: bytes, target: str = "") -> bytes:
    info = tarfile.TarInfo("k.wav")
    info.type, info.linkname = kind, target
    return tar_with(info)


def many_links() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        first = tarfile.TarInfo("a.wav")
        first.size = 2 << 20
        tar.addfile(first, io.BytesIO(bytes(2 << 20)))
        for at in range(600):
            link = tarfile.TarInfo(f"{at}.wav")
            link.type, link.linkname = tarfile.LNKTYPE, "a.wav"
            tar.addfile(link)
    return out.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 88244\n"


def zip_link() -> bytes:
    info = zipfile.ZipInfo("a.wav")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def with_declared_size(archive: bytes, size_bytes: int) -> bytes:
    """The archive whose directory and header say another unpacked size for its one member."""
    packed = struct.pack("<I", size_bytes)
    at = archive.index(b"PK\x01\x02")
    return archive[:22] + packed + archive[26 : at + 24] + packed + archive[at + 28 :]


def overlapping() -> bytes:
    """Many members in the directory over the bytes of one."""
    base = zip_bytes({"a.wav": bytes(range(256)) * 64})
    start, end = base.index(b"PK\x01\x02"), base.index(b"PK\x05\x06")
    entry = base[start:end]
    many = 500
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, many, many, len(entry) * many, start, 0)
    return base[:start] + entry * many + tail


ZEROS = bytes(32 << 20)
HOSTILE_TARS: dict[str, tuple[bytes, str]] = {
    "a symbolic link": (
        special(tarfile.SYMTYPE, "/etc/passwd"),
        "holds a link, 'k.wav', to '/etc/passwd', which leads",
    ),
    "a symbolic link upwards": (special(tarfile.SYMTYPE, "a/../../x"), "which leads out of it"),
    "a hard link": (special(tarfile.LNKTYPE, "../../x"), "holds a link, 'k.wav', to '../../x', which leads out of it"),
    "a hard link to nothing": (special(tarfile.LNKTYPE, "x.wav"), "to 'x.wav', which is not before it"),
    "a symbolic link to nothing": (special(tarfile.SYMTYPE, "x.wav"), "to 'x.wav', which is not in it"),
    "a symbolic link to itself": (special(tarfile.SYMTYPE, "k.wav"), "to 'k.wav', which is not in it"),
    "links that make much of little": (many_links(), "decompression bomb"),
    "archives": (tar_bytes({"a.tar": tar_bytes(GOOD), "b.tar": tar_bytes(GOOD)}), r"holds another archive, a\.tar"),
    "archives of one name": (tar_bytes({"a.1.zip": b"PK", "a.2.7z": b"7z"}), r"holds another archive, a\.1\.zip"),
    "a pointer of git-lfs": (
        tar_bytes({"a.wav": POINTER, "a.txt": b"x"}),
        r"train\.tar/a\.wav is a git-lfs pointer",
    ),
    "a device": (special(tarfile.CHRTYPE), "holds a device"),
    "a pipe": (special(tarfile.FIFOTYPE), "holds a device"),
    "a way out": (tar_bytes({"../../evil.wav": CLIP}), "leads out of it"),
    "an absolute name": (tar_bytes({"/tmp/evil.wav": CLIP}), "leads out of it"),
    "a way out in Windows' words": (tar_bytes({"..\\evil.wav": CLIP}), "leads out of it"),
    "a bomb": (tar_bytes({"k.wav": ZEROS}, compression="gz"), "decompression bomb"),
    "an end inside a member": (tar_bytes({"k.wav": CLIP, "l.wav": CLIP})[:3300], "cut off|unexpected end"),
    "an end inside a compressed stream": (tar_bytes(GOOD, compression="gz")[:150], "cannot be read"),
    "an end inside a compressed member": (tar_bytes(GOOD, compression="gz")[:900], "cannot be read"),
    "garbage in the middle": (tar_bytes(GOOD)[:2560] + b"\x07" * 1024 + tar_bytes(GOOD)[3584:], "is damaged"),
    "no archive at all": (b"hello " * 200, "cannot be read"),
    "nothing": (b"", "cannot be read"),
    "a compressed nothing": (gzip.compress(b""), "cannot be read"),
}
HOSTILE_ZIPS: dict[str, tuple[bytes, str]] = {
    "a way out": (zip_bytes({"../evil.wav": CLIP}), "leads out of it"),
    "an absolute name": (zip_bytes({"/tmp/evil.wav": CLIP}), "leads out of it"),
    "a drive": (zip_bytes({"C:/evil.wav": CLIP}), "leads out of it"),
    "a link": (zip_link(), "holds a link"),
    "a bomb": (zip_bytes({"a.wav": ZEROS}), "decompression bomb"),
    "a bomb of many": (zip_bytes({f"{at}.wav": bytes(15 << 20) for at in range(4)}), "decompression bomb"),
    "members over one another": (overlapping(), "they overlap"),
    "no archive at all": (b"PK" + b"x" * 500, "cannot be read"),
}


@pytest.mark.parametrize("name", HOSTILE_TARS)
def test_a_hostile_tar_is_refused(house: House, repo: Callable[..., str], name: str) -> None:
    data, told = HOSTILE_TARS[name]
    repo({"train.tar.gz" if data[:2] == b"\x1f\x8b" else "train.tar": data})
    with pytest.raises(BadSourceError, match=told):
        house.land()
    assert house.store.index.names() == []
    assert not list(house.folder.rglob("evil*"))


@pytest.mark.parametrize("name", HOSTILE_ZIPS)
def test_a_hostile_zip_is_refused_before_it_is_fetched(house: House, repo: Callable[..., str], name: str) -> None:
    data, told = HOSTILE_ZIPS[name]
    repo({"train.zip": data})
    with pytest.raises(BadSourceError, match=told):
        house.plan()
    assert not any(one.origin == "cdn" and not one.range for one in house.hub.requests)


@pytest.mark.parametrize("name", [name for name in HOSTILE_ZIPS if name != "no archive at all"])
def test_a_hostile_zip_that_is_here_already_is_refused_too(tmp_path: Path, name: str) -> None:
    data, told = HOSTILE_ZIPS[name]
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(BadSourceError, match=told):
        list(members(tmp_path / "a.zip", "a.zip"))


@pytest.mark.parametrize("size_bytes", [10, 100_000])
def test_a_member_of_another_size_than_declared_is_refused(
    house: House, repo: Callable[..., str], size_bytes: int
) -> None:
    repo({"train.zip": with_declared_size(zip_bytes({"a.wav": CLIP}), size_bytes)})
    with pytest.raises(BadSourceError, match=r"a\.wav"):
        house.land()
    assert house.store.index.names() == []


def test_an_encrypted_zip_is_refused(house: House, repo: Callable[..., str]) -> None:
    plain = bytearray(zip_bytes({"a.wav": CLIP}))
    plain[plain.index(b"PK\x01\x02") + 8] |= 1
    repo({"train.zip": bytes(plain)})
    with pytest.raises(BadSourceError, match="is encrypted"):
        house.plan()


def test_what_macos_adds_to_a_zip_is_no_data() -> None:
    data = zip_bytes({"a.wav": CLIP, "__MACOSX/._a.wav": b"x", "sub/._b.wav": b"x", "sub/": b""})
    archive = SourceFile(path="x.zip", size_bytes=len(data))
    found = zip_members(archive, lambda start, end: data[start:end])
    assert [file.path for file in found] == ["x.zip/a.wav"]


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_members_come_in_order_with_their_bytes(tmp_path: Path, compression: str) -> None:
    files = {f"./d/{number:03}.bin": bytes([number]) * (number * 97 % 2048) for number in range(60)}
    files["d/large.bin"] = bytes(range(256)) * 3000
    path = tmp_path / "x.tar"
    path.write_bytes(tar_bytes(files, compression=compression))
    found = {member.name: bytes(member.data()) for member in members(path, "x.tar")}
    assert found == {name.removeprefix("./"): data for name, data in files.items()}
    if compression:
        with pytest.raises(UnusualTarError):
            list(plain_names(path))
    else:
        assert list(plain_names(path)) == list(found)


def test_names_that_take_more_than_a_header_are_left_to_the_slow_way(tmp_path: Path) -> None:
    for name, data in {"long": tar_bytes({"x/" * 90 + "a.wav": CLIP}), "link": special(tarfile.SYMTYPE, "x")}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnusualTarError):
            list(plain_names(tmp_path / name))


def test_a_table_in_the_midst_of_an_archive_that_names_no_clips_is_refused_and_not_taken_for_a_sample(
    house: House,
) -> None:
    filler = bytes(range(256)) * (5 << 10)
    clips = {"a.wav": CLIP, "m.raw": filler, "metadata.csv": b"who,text\nme,x\n", "n.raw": filler, "b.wav": CLIP}
    house.hub.add_repo("acme/speech", {"train.tar": tar_bytes(clips)})
    with pytest.raises(BadSourceError, match=r"holds metadata\.csv among its clips"):
        house.land()


def test_a_table_in_an_archive_that_names_no_clips_is_refused_before_anything_is_fetched(house: House) -> None:
    house.hub.add_repo("acme/speech", {"train.tar": tar_bytes({"x/a.wav": CLIP, "metadata.csv": b"who,text\nme,x\n"})})
    plan = house.plan()
    assert plan.shape.value == "unsupported"
    assert "(train.tar/metadata.csv) has no column that names them (path, file_name" in plan.shape_reason
