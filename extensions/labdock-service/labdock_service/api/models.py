"""Model versions that jobs saved."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter

from labdock.servingschema import ModelVersion
from labdock_service.api.access import Caller, ProjectName, SeenModel, seen_projects
from labdock_service.api.parts import Reading
from labdock_service.api.problems import describe
from labdock_service.store import models

router = APIRouter(tags=["models"], responses=describe(404))


@router.get("/models")
def list_models(
    caller: Caller, session: Reading, project: ProjectName | None = None
) -> list[ModelVersion]:
    """The model versions of your projects, by name, newest version first, without samples."""
    return models.listed(session, seen_projects(caller, project))


@router.get("/models/{id}")
def get_model(model: SeenModel) -> ModelVersion:
    """One model version, with a sample input where one was kept."""
    return replace(models.view(model), sample=models.sample(model))
