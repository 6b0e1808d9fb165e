"""The referee shares no code with the solver beyond the domain."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import balancer.optimise.referee
mine = [name for name in sys.modules if name.startswith("balancer.") and not name.startswith("balancer.domain")]
print("\\n".join([*mine, *({"numpy", "numba", "ortools"} & set(sys.modules))]))
"""


def test_importing_the_referee_imports_the_domain_and_itself_only() -> None:
    """In a fresh process: no other module of ``optimise``, no numpy, numba or OR-Tools."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert {name for name in imported if not name.startswith("balancer.optimise.referee")} == {"balancer.optimise"}
