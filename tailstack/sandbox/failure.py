"""What the sandbox says when it cannot go on."""

from __future__ import annotations


class SandboxError(Exception):
    """A reason a user can act on, in plain words, ready to print. Never carries a secret."""
