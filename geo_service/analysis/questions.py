"""Every question the service answers, in the order of the page. Importing this loads all the analyses."""

from __future__ import annotations

from geo_service.analysis import (
    clusters,
    depressions,
    fire_response,
    footprints,
    hotspots,
    land_account,
    layer_changes,
    nearest_facility,
    overlay_tools,
    park_coverage,
    plan_progress,
    project_conflicts,
    renewal_indicators,
    road_works,
    service_coverage,
    site_scores,
    siting,
    waterlogging_exposure,
)
from geo_service.analysis.result import Question
from geo_service.errors import NotFound

QUESTIONS: tuple[Question, ...] = (
    plan_progress.QUESTION,
    layer_changes.QUESTION,
    service_coverage.QUESTION,
    park_coverage.QUESTION,
    nearest_facility.QUESTION,
    siting.QUESTION,
    fire_response.QUESTION,
    waterlogging_exposure.QUESTION,
    hotspots.QUESTION,
    depressions.QUESTION,
    project_conflicts.QUESTION,
    road_works.QUESTION,
    clusters.QUESTION,
    land_account.QUESTION,
    footprints.QUESTION,
    renewal_indicators.QUESTION,
    site_scores.QUESTION,
    *overlay_tools.QUESTIONS,
)


def find_question(question_id: str) -> Question:
    """The question of this id.

    Raises
    ------
    NotFound
        There is none.
    """
    found = next((q for q in QUESTIONS if q.id == question_id), None)
    if found is None:
        raise NotFound(what=f"分析 / analysis: {question_id}")
    return found
