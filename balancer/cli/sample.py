"""``balancer sample``: the synthetic Kent network, byte for byte as it is committed under ``data/kent``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from balancer.cli.exits import refusing_bad_input
from balancer.cli.progress import Stages
from balancer.domain.errors import Fault, InputRefusedError

# Written by hand and kept as they are: the generator draws data, not how data are to be read.
DESCRIPTIONS = ("feeds", "rosters")
BY_HAND = ("README.md", ".gitattributes", *DESCRIPTIONS)


def sample(
    out_dir: Annotated[Path, typer.Argument(help="Folder to write; must not exist, or hold an earlier sample.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 2026,
    descriptions: Annotated[
        Path, typer.Option(help="Where feeds/ and rosters/ come from if OUT_DIR has none of its own.")
    ] = Path("data/kent"),
) -> None:
    """Write the synthetic Kent sample: three trusts, their extracts and rotas, and how to read them."""
    from balancer.publish.whole_folder import whole_folder
    from balancer.simulate.kent.sample import draw_sample

    stages = Stages()
    with refusing_bad_input():
        by_hand = out_dir if (out_dir / "feeds").is_dir() else descriptions
        _refuse_missing(by_hand)
        with stages.stage("draw", "drawing the sample"):
            drawn = draw_sample(seed)
        _refuse_strangers(out_dir, set(drawn.files))
        top = {Path(path).parts[0] for path in drawn.files}
        with stages.stage("write", f"writing {out_dir}"), whole_folder(out_dir, {*top, *BY_HAND}) as new:
            for name in BY_HAND:
                _copy(by_hand / name, new / name)
            for path, content in drawn.files.items():
                (new / path).parent.mkdir(parents=True, exist_ok=True)
                (new / path).write_bytes(content)
    rows = sum(extract.rows_read for extract in drawn.extracts)
    typer.echo(
        f"{out_dir}: {rows:,} rows of unreported studies, {len(drawn.reporters):,} reporters, "
        f"{len(drawn.duties):,} duties, {len(drawn.extracts)} trusts; synthetic, as of {drawn.as_of.isoformat()}"
    )


def _refuse_missing(by_hand: Path) -> None:
    for name in DESCRIPTIONS:
        if not list((by_hand / name).glob("*.toml")):
            reason = "holds no descriptions; name a folder that does with --descriptions"
            raise InputRefusedError([Fault(file=str(by_hand / name), reason=reason)])


def _refuse_strangers(out_dir: Path, own: set[str]) -> None:
    """Ensure that nothing is removed that is neither the sample's nor kept: a trust's own extract, say."""
    faults = [
        Fault(file=str(path), reason="is not of the sample; writing here would remove it")
        for path in sorted(out_dir.rglob("*"))
        if path.is_file()
        and path.relative_to(out_dir).as_posix() not in own
        and path.relative_to(out_dir).parts[0] not in BY_HAND
    ]
    if faults:
        raise InputRefusedError(faults)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copyfile(source, target)
