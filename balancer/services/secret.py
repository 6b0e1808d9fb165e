"""Secrets that a browser or a system keeps, and the digests that we keep of them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

_BYTES: Final = 32
# What a key begins with, so that a scanner finds one that was committed or pasted somewhere.
KEY_PREFIX: Final = "balancer_key_"
TOKEN_PREFIX: Final = "balancer_token_"  # noqa: S105 - it is what all have in common


def new_secret(prefix: str = "") -> str:
    """Return a secret of 256 bits."""
    return prefix + secrets.token_urlsafe(_BYTES)


def digest_of(secret: str) -> str:
    """Return what is kept of a secret.

    A plain SHA-256: slow hashes protect secrets that people choose, and nobody guesses one of 256 random bits.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
