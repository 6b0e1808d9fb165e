"""``make bench-report``: write what the results say into docs/benchmarks/README.md, between its marks, and the picture.

Nothing is run here. What has no result yet is said to have none.
"""

from __future__ import annotations

import re
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import altair as alt
import pandas as pd

from tests.benchmarks import external_truth
from tests.benchmarks.peers import run as peers
from tests.benchmarks.results import KEPT, ROOT, Results
from tests.benchmarks.table import LONGER, RESULTS, ROWS, Row, name_of

DOCUMENT = ROOT / "docs" / "benchmarks" / "README.md"
PICTURE = ROOT / "docs" / "benchmarks" / "peers.svg"
NOT_RUN = "not run yet"
CLASSES = ("emergency", "inpatient_urgent", "inpatient", "suspected_cancer", "urgent", "screening", "routine")


def median_and_worst(values: Iterable[float], written: Callable[[float], str]) -> str:
    """Return ``median / worst``."""
    known = list(values)
    return f"{written(statistics.median(known))} / {written(max(known))}" if known else NOT_RUN


def avoidable_gap(total: float, bound: float, sunk: float) -> float:
    """Return the gap of section 4, as a share of what is avoidable."""
    return (total - bound) / max(1.0, total - sunk)


def excess(total: float, best: float, sunk: float) -> float:
    """Return by how much a plan is dearer than the best known, as a share of what that one leaves avoidable."""
    return (total - best) / max(1.0, best - sunk)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sizes_table(results: Results, longer: Results, rows: Sequence[Row] = ROWS) -> str:
    """Return the issue's table: gaps, time, memory and how good the plans are, median / worst of the seeds."""
    lines = []
    for row in rows:
        for load in row.loads:
            runs = [(run, seed) for seed in row.seeds if (run := results.kept(name_of(row, load, seed)))]
            found = [record for record, _ in runs]
            better = [
                excess(record["total"], min(record["total"], far["total"]), record["sunk"])
                for record, seed in runs
                if (far := longer.kept(name_of(row, load, seed)))
            ]
            lines.append(
                [
                    f"{row.name}, {load:.0%}",
                    f"{len(found)} of {len(row.seeds)}",
                    median_and_worst((r["gap"] for r in found), "{:.1%}".format),
                    f"{row.gap(load):.0%}",
                    median_and_worst(better, "{:.2%}".format),
                    median_and_worst((r["seconds"] for r in found), "{:.1f}".format),
                    f"{row.seconds:g}",
                    median_and_worst((r["ratio"] for r in found), "{:.1f}".format),
                    median_and_worst((r["gigabytes"] for r in found), "{:.2f}".format),
                    f"{row.gigabytes:g}",
                ]
            )
    head = [
        "instance",
        "runs",
        "proven gap",
        "target",
        "plan above 20 x work",
        "seconds",
        "target",
        "ratio",
        "GB",
        "target",
    ]
    return table(head, lines)


def truth_table(results: Results) -> str:
    """Return how the weighted tardiness instances came out."""
    records = list(results.all())
    if not records:
        return f"OR-Library wt40: {NOT_RUN}."
    verdict = external_truth.judge(records)
    lines = [
        ["instances run", str(verdict.instances), "125"],
        ["sum of values above sum of optima", f"{verdict.above:.3%}", "at most 0.1 %"],
        ["worst of those with a positive optimum", f"{verdict.worst:.3%}", "at most 1 %"],
        ["optimum 0, solved to 0", f"{verdict.zeros - len(verdict.zeros_missed)} of {verdict.zeros}", "18 of 18"],
        ["optimal", str(verdict.optimal), ""],
        ["slowest whole command, seconds", f"{verdict.slowest:.1f}", "at most 10"],
    ]
    return table(["", "reached", "target"], lines)


def peers_frame(results: Results) -> pd.DataFrame:
    """Return a row an instance and method that was run, with the gap against the best bound known of the instance."""
    frame = pd.DataFrame([record for record in results.all() if "total" in record])
    if frame.empty:
        return frame
    bound = frame.groupby(["size", "load"])["bound"].transform("max")
    frame["gap"] = [
        avoidable_gap(total, low, sunk) for total, low, sunk in zip(frame["total"], bound, frame["sunk"], strict=True)
    ]
    frame["avoidable"] = frame["total"] - frame["sunk"]
    return frame


def peers_table(results: Results) -> str:
    """Return Balancer and its peers, instance by instance; late and longest wait class by class."""
    frame = peers_frame(results)
    by_key = {} if frame.empty else {(r["size"], r["load"], r["method"]): r for r in frame.to_dict("records")}
    left_out = {(r["size"], r["load"], r["method"]): r["not_run"] for r in results.all() if "not_run" in r}
    lines = []
    for size in peers.SIZES:
        for load in peers.LOADS:
            for method in peers.METHODS:
                key = (size.name, load, method)
                title = [f"{size.name}, {load:.0%}", method]
                row = by_key.get(key)
                if row is None:
                    lines.append([*title, "not run (1)" if key in left_out else NOT_RUN, *[""] * 7])
                    continue
                late = " ".join(str(row["late"].get(code, 0)) for code in CLASSES)
                longest = " ".join(f"{row['longest_wait_hours'].get(code, 0):.0f}" for code in CLASSES)
                known = pd.notna(row["gap"])
                lines.append(
                    [
                        *title,
                        f"{row['total']:,.0f}",
                        f"{row['avoidable']:,.0f}",
                        f"{row['gap']:.1%}" if known else "no bound yet",
                        late,
                        longest,
                        f"{row['seconds']:.1f}",
                        f"{row['ratio']:.1f}",
                        f"{row['gigabytes']:.2f}",
                    ]
                )
    head = ["instance", "method", "total", "avoidable", "gap", "late (2)", "longest wait (2)", "s", "ratio", "GB"]
    notes = [
        f"(1) {peers.TOO_LARGE}.",
        f"(2) by class: {', '.join(code.replace('_', ' ') for code in CLASSES)}; studies, and hours since acquisition.",
    ]
    picture = ["![Avoidable cost of each method, as a multiple of Balancer's](peers.svg)"] if by_key else []
    return "\n\n".join([*picture, table(head, lines), *notes])


def peers_chart(results: Results) -> alt.FacetChart | None:
    """Return the avoidable cost of each method as a multiple of Balancer's, or nothing if nothing was run."""
    frame = peers_frame(results)
    if frame.empty:
        return None
    ours = frame[frame["method"] == peers.BALANCER].set_index(["size", "load"])["avoidable"]
    frame = frame.join(ours.rename("ours"), on=["size", "load"]).dropna(subset=["ours"])
    if frame.empty:
        return None
    frame["times"] = frame["avoidable"] / frame["ours"]
    frame["load"] = frame["load"].map("{:.0%} load".format)
    frame["said"] = frame["times"].map("{:.2f}".format)
    base = alt.Chart(frame[["size", "load", "method", "times", "said"]]).encode(
        x=alt.X(
            "times:Q",
            title="avoidable cost / Balancer's",
            scale=alt.Scale(type="log", nice=False, padding=12),
            axis=alt.Axis(values=[1, 2, 5, 10]),
        ),
        y=alt.Y("method:N", sort=list(reversed(peers.METHODS)), title=None),
        color=alt.condition(alt.datum.method == peers.BALANCER, alt.value("#005eb8"), alt.value("#768692")),
    )
    # dots: a bar on a logarithmic scale has nowhere to begin
    layers = alt.layer(base.mark_circle(size=70), base.mark_text(align="left", dx=7).encode(text="said:N"))
    chart: alt.FacetChart = layers.properties(width=230, height=170).facet(
        column=alt.Column("load:N", title=None, sort=[f"{load:.0%} load" for load in peers.LOADS]),
        row=alt.Row("size:N", sort=[size.name for size in peers.SIZES], title=None),
    )
    return chart


def between_marks(text: str, name: str, content: str) -> str:
    """Return ``text`` with what stands between the marks of ``name`` replaced.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    pattern = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no marks for {name}")
    return pattern.sub(lambda match: f"{match[1]}\n{content}\n\n{match[2]}", text)


def main(document: Path = DOCUMENT) -> int:
    """Write the document and the picture."""
    text = document.read_text(encoding="utf-8")
    text = between_marks(text, "sizes", sizes_table(RESULTS, LONGER))
    text = between_marks(text, "truth", truth_table(external_truth.RESULTS))
    text = between_marks(text, "peers", peers_table(peers.RESULTS))
    commits = {
        r["versions"]["commit"] for folder in sorted(KEPT.iterdir()) for r in Results(folder).all() if "versions" in r
    }
    text = between_marks(
        text, "commits", f"Runs are of: {', '.join(f'`{one}`' for one in sorted(commits)) or NOT_RUN}."
    )
    document.write_text(text, encoding="utf-8")
    chart = peers_chart(peers.RESULTS)
    if chart is not None:
        chart.save(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
