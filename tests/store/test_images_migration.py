"""Reads that were told of before the feed kept whether their images are known: it knows that of them afterwards."""

from __future__ import annotations

from sqlalchemy import text

from balancer.store.database import Database
from balancer.store.schema import upgrade
from tests.store.test_reads_migration import put
from tests.store.test_schema import with_a_row_in_every_table

STUDIES = {11: "2.25.11", 12: None}


def test_the_feed_knows_of_which_reads_the_images_are_known(empty_db: Database) -> None:
    """So that the first change after an upgrade is not told as images that were found; of old steps nothing is said."""
    with empty_db.rebuilding() as connection:
        upgrade(connection, "0030")
        with_a_row_in_every_table(connection)
        connection.execute(text("DELETE FROM assignments"))
        for number, (study_id, uid) in enumerate(STUDIES.items(), start=1):
            put(connection, "studies", id=study_id, accession_number=f"A{study_id}", study_instance_uid=uid)
            put(connection, "assignments", study_id=study_id, sequence=number)
        upgrade(connection, "0031")
        known = connection.execute(text("SELECT study_id, has_images FROM assignments ORDER BY 1")).all()
        steps = connection.execute(text("SELECT had_images, has_images FROM journal")).all()
    assert [(study_id, bool(has_images)) for study_id, has_images in known] == [(11, True), (12, False)]
    assert [tuple(step) for step in steps] == [(None, None)]
