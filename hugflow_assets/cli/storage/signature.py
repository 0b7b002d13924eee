"""The signature of a lock: an SSH key's, by ``ssh-keygen -Y``, kept as comments at the end of the lock itself."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hugflow_assets.errors import LockRefusedError

_NAMESPACE = "hugflow-lock"
_BEGIN, _END = "# -----BEGIN SSH SIGNATURE-----", "# -----END SSH SIGNATURE-----"


def signed(text: str, key: Path) -> str:
    """The lock with the signature of a private key (or of a public one whose private half an agent has).

    Raises:
        LockRefusedError: ssh-keygen does not sign.
    """
    made = _ssh_keygen(["-Y", "sign", "-q", "-f", str(key), "-n", _NAMESPACE], text)
    return text + "".join(f"# {line}\n" for line in made.splitlines())


def body_of(text: str, signers: Path | None, *, shown: str) -> tuple[str, str]:
    """The lock without its signature, and who signed it: empty, where nobody asks.

    Args:
        signers: whose signatures count, as ``ALLOWED SIGNERS`` of ssh-keygen(1); None: anybody's, or none.
    Raises:
        LockRefusedError: there is no signature, or none of theirs.
    """
    body, begin, rest = text.partition(f"{_BEGIN}\n")
    if signers is None:
        return body, ""
    if not begin:
        raise LockRefusedError(f"{shown} is not signed.", remedy="Sign it: `hugflow freeze --sign KEY`.")
    with tempfile.TemporaryDirectory(prefix="hugflow-lock-") as folder:
        armored = Path(folder) / "signature"
        armored.write_text("".join(f"{line.removeprefix('# ')}\n" for line in (begin + rest).splitlines()))
        given = ["-f", str(signers), "-s", str(armored)]
        who = _ssh_keygen(["-Y", "find-principals", *given], "", shown).split("\n")[0].strip()
        _ssh_keygen(["-Y", "verify", *given, "-I", who, "-n", _NAMESPACE], body, shown)
    return body, who


def _ssh_keygen(arguments: list[str], text: str, shown: str = "") -> str:
    try:
        done = subprocess.run(["ssh-keygen", *arguments], input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LockRefusedError("ssh-keygen is not here.", remedy="Install openssh-client.") from None
    if done.returncode:
        why = (done.stderr or done.stdout).strip().splitlines() or ["ssh-keygen does not say why"]
        raise LockRefusedError(
            f"{shown} is not signed by any of the signers: {why[-1]}" if shown else f"It cannot be signed: {why[-1]}",
            remedy="Nothing was landed; ask whoever sent it." if shown else "Name a private SSH key.",
        )
    return done.stdout
