"""The master keys of personal data: files beside the database and outside its backups.

`<version>.master` holds 32 random bytes, mode 0600. The highest version wraps; the others open what they
wrapped until `grainline vault rotate-master` has wrapped it anew.
"""

import contextlib
import secrets
from pathlib import Path

from app.platform.sealing import KEY_BYTES, SealingKey
from app.platform.signing import write_once


class MasterKeyMissing(LookupError):
    """A master key is missing, or its file holds something else; the text tells the operator."""


class Masters:
    """The master keys in one folder."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which need not exist yet."""
        self.folder = folder
        self._opened: dict[int, SealingKey] = {}

    def versions(self) -> list[int]:
        """Return the versions whose files are there, lowest first."""
        return sorted(int(path.stem) for path in self.folder.glob("*.master") if path.stem.isdigit())

    def get(self, version: int) -> SealingKey:
        """Return a master key; raises MasterKeyMissing."""
        if version not in self._opened:
            path = self.path(version)
            try:
                self._opened[version] = SealingKey(version, path.read_bytes())
            except FileNotFoundError:
                raise MasterKeyMissing(
                    f"master key {version} of personal data is missing: {path} does not exist. "
                    "Bring the file back from where keys are kept; without it nothing that it protects opens"
                ) from None
            except (OSError, ValueError) as error:
                raise MasterKeyMissing(f"master key {version} of personal data: {path}: {error}") from None
        return self._opened[version]

    def newest(self) -> SealingKey:
        """Return the key that wraps now; the first one is made on the way."""
        versions = self.versions()
        return self.get(versions[-1]) if versions else self.make(1)

    def make(self, version: int) -> SealingKey:
        """Return a master key, made if it is missing; of several processes at once the first one's counts."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            write_once(self.path(version), secrets.token_bytes(KEY_BYTES))
        return self.get(version)

    def path(self, version: int) -> Path:
        """Return the file of a version, whether it is there or not."""
        return self.folder / f"{version}.master"
