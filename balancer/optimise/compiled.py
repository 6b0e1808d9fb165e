"""How a kernel is compiled: one decorator, so that the flags are the same everywhere.

``nogil`` lets the search and the bound run side by side in threads; no fast-math, because a plan must be the same bytes
wherever it is made; cached on disk, because compiling takes far longer than loading. Numba looks only at a kernel's own
file to tell whether its cached code is stale, not at the files of the kernels it calls, so the cache folder is named
after the content of all of them.

Kernels take plain arrays, several of them records (one a study, read, session, reporter), and never a tuple of arrays
except at the outermost call: Numba counts references for every member of a tuple at every call, which was measured to
make an insertion a hundred times slower.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

T = TypeVar("T")


def _cache_folder() -> str:
    """Return the folder for compiled code: the user's cache, or a temporary one where there is none to write to."""
    digest = hashlib.sha256(numba.__version__.encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "balancer" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"balancer-{os.getuid()}" / digest.hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return str(folder)


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = _cache_folder()  # type: ignore[attr-defined]  # made at import from the environment


def kernel(function: Callable[..., T]) -> Callable[..., T]:
    """Compile a function to machine code on its first call and keep the result on disk.

    Its parameters are left unchecked by type checkers: Numba takes NumPy's integers where a kernel says ``int``.
    """
    return cast("Callable[..., T]", numba.njit(cache=True, nogil=True, error_model="numpy")(function))
