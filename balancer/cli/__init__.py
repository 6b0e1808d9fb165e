"""The ``balancer`` command: one file a command, joined here."""

import typer

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Share out radiology reporting.")


def main() -> None:
    """Run the command line."""
    app()
