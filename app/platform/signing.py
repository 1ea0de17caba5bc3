"""Ed25519 signatures (RFC 8032) and the folder that private keys live in.

Private keys never enter the database or the repository: one file each, readable by its owner only.
"""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

SIGNATURE_BYTES = 64


class KeyFileMissing(LookupError):
    """No private key file with this id is in the folder."""


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key. `raw` is its 32 bytes; ValueError if it has another length."""

    raw: bytes
    _handle: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Parse the bytes once, since one key checks thousands of signatures."""
        object.__setattr__(self, "_handle", Ed25519PublicKey.from_public_bytes(self.raw))


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key. `seed` is its 32 secret bytes, kept out of `repr`; ValueError for another length."""

    seed: bytes = field(repr=False)
    _handle: Ed25519PrivateKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Parse the seed once."""
        object.__setattr__(self, "_handle", Ed25519PrivateKey.from_private_bytes(self.seed))

    @property
    def public_key(self) -> VerifyKey:
        """The key others verify with."""
        return VerifyKey(self._handle.public_key().public_bytes_raw())


def generate_private_key() -> SigningKey:
    """Return a fresh private key from the operating system's random source."""
    return SigningKey(Ed25519PrivateKey.generate().private_bytes_raw())


def sign(private_key: SigningKey, message: bytes) -> bytes:
    """Return the 64-byte signature of `message`; the same key and message always give the same bytes."""
    return private_key._handle.sign(message)


def verify(public_key: VerifyKey, message: bytes, *, signature: bytes) -> bool:
    """Say whether `signature` is that key's for `message`.

    A signature whose S is not below the group order (RFC 8032, 5.1.7) is refused, so nobody can turn
    a good signature into a second one.
    """
    try:
        public_key._handle.verify(signature, message)
    except InvalidSignature:
        return False
    return True


class KeyStore:
    """Private keys in one folder, file `<key_id>.key` (PKCS #8 PEM, mode 0600), read once and remembered."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`; it is made, with mode 0700, when the first key is."""
        self._folder = folder
        self._loaded: dict[int, SigningKey] = {}

    def create(self, key_id: int) -> bytes:
        """Make and store a private key, return its 32 public bytes.

        The file appears whole and on disk, or not at all. Raises FileExistsError if the id is taken:
        a key is never overwritten.
        """
        path = self._path(key_id)
        private_key = generate_private_key()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_once(path, _to_pem(private_key))
        return private_key.public_key.raw

    def load(self, key_id: int) -> SigningKey:
        """Return a stored private key.

        Raises KeyFileMissing (a LookupError) when there is no file, ValueError when it holds no Ed25519 key.
        """
        if key_id not in self._loaded:
            path = self._path(key_id)
            try:
                pem = path.read_bytes()
            except FileNotFoundError:
                raise KeyFileMissing(f"no private key {key_id}: {path} does not exist") from None
            self._loaded[key_id] = _from_pem(pem, path)
        return self._loaded[key_id]

    def last_id(self) -> int:
        """Return the highest number of a stored key, 0 if there is none."""
        return max((int(path.stem) for path in self._folder.glob("*.key") if path.stem.isdigit()), default=0)

    def _path(self, key_id: int) -> Path:
        if key_id < 0:
            raise ValueError("a key id is not negative")
        return self._folder / f"{key_id:d}.key"


def _to_pem(private_key: SigningKey) -> bytes:
    return private_key._handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _from_pem(pem: bytes, path: Path) -> SigningKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise ValueError(f"{path} is not an unencrypted PEM private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is not an Ed25519 key")
    return SigningKey(key.private_bytes_raw())


def write_once(path: Path, content: bytes) -> None:
    """Write a file that appears whole and on disk, with mode 0600, or not at all; raises FileExistsError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike a rename, a link refuses to replace a file
    finally:
        Path(temporary).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
