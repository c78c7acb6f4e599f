"""The gate's step of a run: one experiment's row, and what people are told of its challenger."""

from include.notify import Event, notify
from include.settings import Settings
from include.tasks.gate import GateReport, gate_experiment
from include.tasks.update_run import RunRow, allocation_url


def gate_row(settings: Settings, row: RunRow, *, dag_run: str) -> RunRow:
    """Judge the challenger of the experiment of a row; tell people where it moved."""
    report = gate_experiment(settings, row["experiment"], dag_run=dag_run)
    if report.moved:
        notify(settings, _event(settings, report))
    return RunRow(**row, gate=_told(report))


def _told(report: GateReport) -> str | None:
    """Say in a word or two where the challenger stands; ``None`` without one."""
    if report.challenger is None:
        return None
    if report.after is None:
        return f"{report.challenger}: not judged"
    at = f" {report.after.share:.0%}" if report.after.state == "ramp" else ""
    verdict = "" if report.verdict is None else f", {report.verdict}"
    return f"{report.challenger}: {report.after.state}{at}{verdict}"


def _event(settings: Settings, report: GateReport) -> Event:
    state = None if report.after is None else report.after.state
    return Event(
        # What takes traffic back is urgent.
        kind="rollback" if state in {"shadow", "rejected"} else "verdict",
        title=f"challenger {_told(report)}",
        text=report.explanation,
        experiment=report.experiment,
        link=allocation_url(settings, report.experiment),
    )
