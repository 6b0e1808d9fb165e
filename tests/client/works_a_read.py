"""Works a read with the generated client: list, claim, heartbeat, completion. Run by the generator's own Python.

Takes the address and the key of a system; prints what it came to know, as JSON. Nothing of Balancer's is imported.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from balancer_client import AuthenticatedClient
from balancer_client.api.assignments import list_assignments
from balancer_client.api.reads import claim, claim_next, complete, keep_claim
from balancer_client.api.worklists import get_worklist, list_worklists
from balancer_client.models import ClaimIn, CompleteIn, NextIn, ProblemOut, ReporterIn, WorklistOut

TRUST, FIRST, SECOND = "RVV", "R1", "R2"


def seen(client: AuthenticatedClient) -> dict[str, str]:
    """Return how the PACS of the trust is told that each read stands, by accession number."""
    told = list_assignments.sync(client=client, trust=TRUST)
    return {item.accession_number: item.state.value for item in told.items if not item.removed}


def work(client: AuthenticatedClient) -> dict[str, Any]:
    """Work the first read of a list, and try to take it while it is open."""
    lists = list_worklists.sync(client=client)
    listed = get_worklist.sync(FIRST, client=client)
    assert isinstance(listed, WorklistOut)
    first = listed.items[0]
    before = seen(client)
    opened = claim_next.sync(FIRST, client=client, body=NextIn())
    refused = claim.sync_detailed(opened.claim.read_id, client=client, body=ClaimIn(reporter_id=SECOND))
    assert isinstance(refused.parsed, ProblemOut)
    kept = keep_claim.sync(opened.claim.read_id, client=client, body=ReporterIn(reporter_id=FIRST))
    open_now = seen(client)
    done = complete.sync(opened.claim.read_id, client=client, body=CompleteIn(reporter_id=FIRST))
    return {
        "lists": {summary.reporter_id: summary.reads for summary in lists.items},
        "first": [first.accession_number, first.state.value, first.due_at.isoformat()],
        "opened": opened.claim.read_id == first.read_id,
        "refused": [int(refused.status_code), refused.parsed.to_dict()],
        "kept_for": kept.reporter_id,
        "accepted": done.accepted,
        "told": [states.get(first.accession_number) for states in (before, open_now, seen(client))],
    }


if __name__ == "__main__":
    address, key = sys.argv[1:]
    caller = AuthenticatedClient(base_url=address, token=key, timeout=60)
    print(json.dumps(work(caller)))  # noqa: T201 - that is how it answers
