"""The ``balancer`` command: one file a command, joined here."""

import typer

from balancer.cli import check, generate, sample, solve

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Share out radiology reporting.")

app.command("generate")(generate.generate)
app.command("sample")(sample.sample)
app.command("solve")(solve.solve)
app.command("check")(check.check)


def main() -> None:
    """Run the command line."""
    app()
