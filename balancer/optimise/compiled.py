"""How a kernel is compiled: one decorator, so that the flags are the same everywhere.

``nogil`` lets the search and the bound run side by side in threads; no fast-math, because a plan must be the same bytes
wherever it is made; cached on disk, because compiling takes far longer than loading. Numba looks only at a kernel's own
file to tell whether its cached code is stale, not at the files of the kernels it calls, so the cache folder of a module
is named after the content of that module and of all that it imports from this package.

Kernels take plain arrays, several of them records (one a study, read, session, reporter), and never a tuple of arrays
except at the outermost call: Numba counts references for every member of a tuple at every call, which was measured to
make an insertion a hundred times slower.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

T = TypeVar("T")

_PACKAGE = __name__.rpartition(".")[0]
_HOME = Path(__file__).parent


def kernel(function: Callable[..., T]) -> Callable[..., T]:
    """Compile a function to machine code on its first call and keep the result on disk.

    Its parameters are left unchecked by type checkers: Numba takes NumPy's integers where a kernel says ``int``.
    """
    if not os.environ.get("NUMBA_CACHE_DIR"):
        numba.config.CACHE_DIR = _cache_folder(function.__module__)  # type: ignore[attr-defined]  # made at import
    return cast("Callable[..., T]", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@functools.cache
def _cache_folder(module: str) -> str:
    """Return the folder for a module's code: in the user's cache, or a temporary one where that cannot be written."""
    digest = hashlib.sha256(numba.__version__.encode())
    for file in sorted(_with_imports(_HOME / f"{module.rpartition('.')[2]}.py")):
        digest.update(file.read_bytes())
    name = digest.hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "balancer" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"balancer-{os.getuid()}" / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return str(folder)


def _with_imports(file: Path) -> set[Path]:
    """Return a file of this package and those of the package that it imports, and theirs."""
    found, open_files = {file}, [file]
    while open_files:
        for imported in _imports(open_files.pop()) - found:
            found.add(imported)
            open_files.append(imported)
    return found


@functools.cache
def _imports(file: Path) -> frozenset[Path]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    sources = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {source.rpartition(".")[2] for source in sources if source.rpartition(".")[0] == _PACKAGE}
    return frozenset(path for name in names if (path := _HOME / f"{name}.py").is_file())
