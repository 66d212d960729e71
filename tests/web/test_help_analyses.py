"""The help page of the analyses: every question with its defaults, clause, verification and method."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from geo_service.analysis.questions import QUESTIONS
from geo_service.analysis.result import STATUSES
from geo_service.web.help_methods import METHODS


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_help_names_every_question_with_defaults_clauses_verification_and_method(
    client: FlaskClient, language: str
) -> None:
    page = client.get(f"/help/analyses?lang={language}", headers={"Accept": "text/html"}).text
    for question in QUESTIONS:
        part = page.partition(f'id="{question.id}"')[2].partition("</details>")[0].replace("&#39;", "'")
        assert question.title.get(language) in part
        assert METHODS[question.id].get(language) in part
        for parameter in question.parameters:
            assert parameter.title.get(language) in part
            assert parameter.standard in part
            assert parameter.clause in part
            assert STATUSES[parameter.status].get(language) in part


def test_every_question_has_its_method_and_no_method_is_of_none() -> None:
    assert set(METHODS) == {q.id for q in QUESTIONS}


def test_the_list_of_topics_leads_to_the_analyses(client: FlaskClient) -> None:
    assert 'href="/help/analyses"' in client.get("/help", headers={"Accept": "text/html"}).text
