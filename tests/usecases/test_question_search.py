"""A planner's own words lead to the question that answers them."""

from __future__ import annotations

import pytest

from geo_service.analysis.questions import QUESTIONS
from geo_service.usecases.question_search import OWN_WORDS, find_questions


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("哪些学校走不到", "service-coverage"),
        ("十五分钟生活圈够不够", "service-coverage"),
        ("哪里缺公园", "park-coverage"),
        ("汾水道消防站建成以后", "fire-response"),
        ("下雨哪里会淹", "waterlogging-exposure"),
        ("哪些路不能挖", "road-works"),
        ("马路拉链", "road-works"),
        ("新的小学建在哪最好", "siting"),
        ("一共盘活了多少亩", "land-account"),
        ("工期撞车", "project-conflicts"),
        ("投诉集中在哪", "hotspots"),
        ("哪些项目能打包", "clusters"),
        ("上个月改了什么", "layer-changes"),
        ("任务完成得怎么样", "plan-progress"),
        ("拆得太多了吗", "renewal-indicators"),
        ("each subdistrict how many schools", "count-per-area"),
        ("Which homes cannot walk to a school?", "service-coverage"),
        ("flooded schools", "waterlogging-exposure"),
        ("is there a fire station near enough", "fire-response"),
    ],
)
def test_own_words_find_the_question_among_the_first_two(sentence: str, question: str) -> None:
    assert question in [q.id for q in find_questions(sentence)[:2]]


@pytest.mark.parametrize("sentence", ["", "   ", "的", "哪些", "xyzzy", "<script>"])
def test_words_that_say_nothing_find_nothing(sentence: str) -> None:
    assert find_questions(sentence) == ()


def test_every_question_has_words_of_its_own_and_is_found_by_its_title() -> None:
    assert set(OWN_WORDS) == {q.id for q in QUESTIONS}
    for question in QUESTIONS:
        assert find_questions(question.title.zh)[0] == question
