"""`labdock models`: versions of models, and what is known of one."""

from __future__ import annotations

import click

from labdock import servingschema, wording
from labdock.client import default_client, only
from labdock.commands.output import (
    ago,
    json_option,
    project_option,
    write_fields,
    write_json,
    write_table,
)

CHECKS = {
    "equal": "answers as the model in the job's memory did",
    "different": "answers otherwise than the model in the job's memory",
    "unchecked": "not compared with the model in the job's memory",
}


@click.command()
@click.argument("model", required=False)
@project_option
@json_option
def models(model: str | None, project: str | None, as_json: bool) -> None:
    """List the model versions that jobs saved, or show one with its sample input.

    For example: labdock models --project vision
    """
    client = default_client()
    found = client.models(project)
    if model:
        ids = [one.id for one in found]
        _write_model(client.model(only(model, ids, "model", "labdock models")), as_json)
        return
    if as_json:
        write_json(found)
        return
    titles = ("ID", "NAME", "VERSION", "PROJECT", "JOB", "SIZE", "SAVED", "CHECK", "METRICS")
    write_table(titles, map(_model_row, found), "No model yet: a job that saves one makes it.")


def _model_row(model: servingschema.ModelVersion) -> tuple[object, ...]:
    return (
        model.id,
        model.name,
        model.version,
        model.project,
        model.job,
        wording.size(model.size),
        ago(model.created),
        model.check.state,
        " · ".join(wording.metrics(model.metrics)),
    )


def _write_model(model: servingschema.ModelVersion, as_json: bool) -> None:
    if as_json:
        write_json(model)
        return
    click.secho(f"{model.name} version {model.version} · {model.id}", bold=True)
    write_fields(
        {
            "Project": model.project,
            "Job": model.job,
            "Saved": ago(model.created),
            "Size": wording.size(model.size),
            "Digest": model.digest,
            "Metrics": " · ".join(wording.metrics(model.metrics)),
            "Inputs": _tensors(model.signature.inputs),
            "Outputs": _tensors(model.signature.outputs),
            "Check": f"{CHECKS[model.check.state]}. {model.check.reason}".removesuffix(" "),
            "Sample": model.sample and f"{_origin(model.sample)}; --json prints it",
        }
    )


def _origin(sample: servingschema.Sample) -> str:
    return "made up to fit the signature" if sample.made else "rows that the model was given"


def _tensors(described: dict[str, servingschema.Tensor]) -> str:
    """A signature's inputs or outputs: names, types and shapes."""
    return ", ".join(
        f"{name} {tensor.dtype}"
        + ("" if tensor.shape is None else f"[{', '.join(map(_axis, tensor.shape))}]")
        for name, tensor in described.items()
    )


def _axis(size: int | None) -> str:
    return "any" if size is None else str(size)
