"""What stands in a report in place of a secret: a short keyed digest, so that a change shows and the value does not. Pure.

The engine has blinded what it knows to be secret as `[secret]`; here is what it does not know: values of Kubernetes Secrets,
values under telling names, and keys, tokens and certificates wherever they stand, in Base64 too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

BLINDED = "[secret]"
"""How the engine shows a value that it knows to be secret (`sdk/go/common/resource/plugin` and `pkg/backend/display`, 3.250.0)."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine shows a value that is not known before the apply (`UnknownStringValue` in `sdk/go/common/resource/plugin`)."""

_LENGTH = 8
"""Hexadecimal digits of a digest: enough to tell two values apart, too few to search for one."""

_TELLING = re.compile(
    r"(?:secret|password|passphrase|passwd|token|api_?key|private_?key|access_?key|signing_?key|credentials?|kubeconfig)\Z",
    re.IGNORECASE,
)
"""Names whose text values are secrets. `secretName` and `tokenPath` end otherwise, and are names."""

_TELLING_KINDS = frozenset({"Secret"})
_DATA = frozenset({"data", "stringData"})

_SECRETS = (
    r"tskey-[A-Za-z]+-[A-Za-z0-9-]+",  # https://tailscale.com/kb/1277/key-prefixes
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"AKIA[A-Z0-9]{16}",
    r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",
)
_INLINE = re.compile("|".join(_SECRETS), re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


@dataclass(frozen=True, slots=True)
class Masked:
    """Stands in a tree of values where a secret was. Equal for equal secrets under one key."""

    digest: str

    def __str__(self) -> str:
        return f"secret:{self.digest}" if self.digest else "secret"


@dataclass(frozen=True, kw_only=True, slots=True)
class Masking:
    """Masks with a key that must not be in the report. Two runs with one key can be compared, with two keys they cannot."""

    key: bytes = field(repr=False)

    def of(self, value: object) -> Masked:
        """What stands for one secret."""
        digest = hmac.new(self.key, str(value).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return Masked(digest[:_LENGTH])

    def text(self, text: str) -> str:
        """A text for people with every key, token and private key in it masked."""
        return _BASE64.sub(self._decoded, _INLINE.sub(lambda found: str(self.of(found.group())), text))

    def tree(self, value: object, *, kind: str = "") -> object:
        """The same tree of JSON values with a `Masked` for each secret; `kind` is that of a Kubernetes object."""
        if kind in _TELLING_KINDS and isinstance(value, Mapping):
            fields = cast("Mapping[str, object]", value)
            return {
                key: self._every(each) if key in _DATA else self._of(key, each) for key, each in sorted(fields.items())
            }
        return self._of("", value)

    def _of(self, name: str, value: object) -> object:
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, object]", value)
            named = fields.get("name")
            if isinstance(named, str) and _TELLING.search(named) and isinstance(fields.get("value"), str):
                # A variable of a container: {name: API_TOKEN, value: …}.
                return {key: self._every(each) if key == "value" else each for key, each in sorted(fields.items())}
            return {key: self._of(key, each) for key, each in sorted(fields.items())}
        if isinstance(value, list):
            return [self._of(name, each) for each in cast("list[object]", value)]
        if not isinstance(value, str) or value == UNKNOWN:
            return value
        if value == BLINDED:
            return Masked("")
        if _TELLING.search(name) and value:
            return self.of(value)
        # A value that holds a secret and something else is a secret as a whole: what is beside it may belong to it.
        return self.of(value) if self.text(value) != value else value

    def _every(self, value: object) -> object:
        """Every value below is secret, whatever it is called."""
        if isinstance(value, Mapping):
            return {key: self._every(each) for key, each in sorted(cast("Mapping[str, object]", value).items())}
        if isinstance(value, list):
            return [self._every(each) for each in cast("list[object]", value)]
        if value == BLINDED:
            return Masked("")
        return value if value == UNKNOWN or value is None else self.of(value)

    def _decoded(self, found: re.Match[str]) -> str:
        text = found.group()
        try:
            inside = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return text
        return str(self.of(text)) if _INLINE.search(inside) else text
