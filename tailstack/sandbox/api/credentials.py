"""Makes identifiers and secrets in the service's form, and keeps of a secret no more than its digest."""

from __future__ import annotations

import hashlib
import re
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_SECRET = re.compile(r"tskey-[A-Za-z0-9-]+")


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_id(prefix: str) -> str:
    """An identifier such as `k8fR2…CNTRL`; the prefix says of what: k key, n node, u user, w webhook."""
    return f"{prefix}{_random(11)}CNTRL"


def new_secret(kind: str, key_id: str) -> str:
    """A secret such as `tskey-client-<id>-<random>`; the kind is api, auth, client or webhook."""
    return f"tskey-{kind}-{key_id}-{_random(33)}"


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal; the secrets have some 190 random bits, so neither salt nor stretching adds anything."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def key_id_of(secret: str) -> str:
    """The identifier inside of a secret, empty for anything else."""
    parts = secret.split("-")
    return parts[2] if len(parts) == 4 and parts[0] == "tskey" else ""  # noqa: PLR2004 -- tskey, kind, id, random


def masked(text: str) -> str:
    """The text with whatever looks like a secret of the API taken out."""
    return _SECRET.sub("tskey-…", text)
