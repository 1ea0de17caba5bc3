"""Ed25519 against RFC 8032, and the folder of private keys."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.platform.signing import (
    KeyFileMissing,
    KeyStore,
    SigningKey,
    VerifyKey,
    generate_private_key,
    sign,
    verify,
)
from tests.factories.vectors import GROUP_ORDER

# RFC 8032, 7.1, tests 1 to 3: seed, public key, message, signature
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_the_standard(seed: str, public: str, message: str, signature: str) -> None:
    private_key = SigningKey(bytes.fromhex(seed))
    assert private_key.public_key.raw.hex() == public
    assert sign(private_key, bytes.fromhex(message)).hex() == signature
    assert (
        verify(VerifyKey(bytes.fromhex(public)), bytes.fromhex(message), signature=bytes.fromhex(signature))
        is True
    )


def test_another_message_key_or_signature_is_refused() -> None:
    private_key, other_key = generate_private_key(), generate_private_key()
    public_key = private_key.public_key
    signature = sign(private_key, b"box")
    assert verify(public_key, b"box", signature=signature) is True
    assert verify(public_key, b"boy", signature=signature) is False
    assert verify(other_key.public_key, b"box", signature=signature) is False
    assert verify(public_key, b"box", signature=signature[:-1]) is False
    assert verify(public_key, b"box", signature=signature + b"\0") is False
    assert verify(public_key, b"box", signature=b"") is False
    for bit in range(512):
        turned = bytearray(signature)
        turned[bit // 8] ^= 1 << bit % 8
        assert verify(public_key, b"box", signature=bytes(turned)) is False


def test_a_signature_has_no_second_form() -> None:
    """RFC 8032, 5.1.7: S + L solves the same equation and must be refused."""
    private_key = generate_private_key()
    signature = sign(private_key, b"box")
    s = int.from_bytes(signature[32:], "little")
    assert s < GROUP_ORDER
    for multiple in range(1, 15):
        larger = signature[:32] + (s + multiple * GROUP_ORDER).to_bytes(32, "little")
        assert verify(private_key.public_key, b"box", signature=larger) is False


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        VerifyKey(bytes(size))
    with pytest.raises(ValueError, match="32"):
        SigningKey(bytes(size))


def test_keys_are_values_and_do_not_print_their_secret() -> None:
    one, other = generate_private_key(), generate_private_key()
    assert one != other
    assert one == SigningKey(one.seed)
    assert len({one.public_key, VerifyKey(one.public_key.raw), other.public_key}) == 2
    assert repr(one) == "SigningKey()"
    assert repr(one.public_key) == f"VerifyKey(raw={one.public_key.raw!r})"


def test_a_created_key_is_a_private_file_and_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "keys"
    public = KeyStore(folder).create(7)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["7.key"]
    assert stat.S_IMODE((folder / "7.key").stat().st_mode) == 0o600
    assert (folder / "7.key").read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    loaded = KeyStore(folder).load(7)
    assert loaded.public_key.raw == public
    assert verify(VerifyKey(public), b"box", signature=sign(loaded, b"box")) is True


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.create(1)
    before = (tmp_path / "1.key").read_bytes()
    with pytest.raises(FileExistsError):
        store.create(1)
    assert (tmp_path / "1.key").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["1.key"]


def test_of_many_creators_at_once_one_wins(tmp_path: Path) -> None:
    def create(_: int) -> bytes | None:
        try:
            return KeyStore(tmp_path).create(1)
        except FileExistsError:
            return None

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(create, range(32)))
    won = [public for public in results if public is not None]
    assert won == [KeyStore(tmp_path).load(1).public_key.raw]
    assert [path.name for path in tmp_path.iterdir()] == ["1.key"]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        KeyStore(tmp_path).create(1)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_key_says_which(tmp_path: Path) -> None:
    with pytest.raises(KeyFileMissing) as refusal:
        KeyStore(tmp_path / "nowhere").load(3)
    assert str(refusal.value) == f"no private key 3: {tmp_path / 'nowhere' / '3.key'} does not exist"
    assert isinstance(refusal.value, LookupError)
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_read_once(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    store.create(1)
    first = store.load(1)
    (tmp_path / "1.key").unlink()
    assert store.load(1) is first


def test_a_file_that_is_no_ed25519_key_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "1.key").write_text("hush")
    pem = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "2.key").write_bytes(pem)
    with pytest.raises(ValueError, match="not an unencrypted PEM") as refusal:
        KeyStore(tmp_path).load(1)
    assert "hush" not in str(refusal.value)
    with pytest.raises(ValueError, match="not an Ed25519 key"):
        KeyStore(tmp_path).load(2)


def test_a_negative_key_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not negative"):
        KeyStore(tmp_path).create(-1)
    assert list(tmp_path.iterdir()) == []
