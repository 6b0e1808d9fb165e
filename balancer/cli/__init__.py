"""The ``balancer`` command: one file a command, joined here."""

import typer

from balancer.cli import (
    allocate,
    audit,
    changes,
    check,
    conformance,
    explain,
    feed,
    generate,
    outbox,
    policy,
    refresh,
    run,
    sample,
    scarcity,
    serve,
    session,
    solve,
    system,
)

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Share out radiology reporting.")

app.add_typer(feed.app, name="feed")
app.add_typer(system.app, name="system")
app.add_typer(session.app, name="session")
app.add_typer(changes.app, name="changes")
app.add_typer(audit.app, name="audit")
app.add_typer(outbox.app, name="outbox")
app.add_typer(policy.app, name="policy")
app.add_typer(run.app, name="run")
app.command("generate")(generate.generate)
app.command("sample")(sample.sample)
app.command("solve")(solve.solve)
app.command("check")(check.check)
app.command("explain")(explain.explain)
app.command("scarcity")(scarcity.scarcity)
app.command("conformance")(conformance.conformance)
app.command("serve")(serve.serve)
app.command("refresh")(refresh.refresh)
app.command("allocate")(allocate.allocate)


def main() -> None:
    """Run the command line."""
    app()
