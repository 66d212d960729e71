"""The paths of OGC API - Processes in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from geo_service.analysis.questions import QUESTIONS
from geo_service.usecases.ogc import JSON
from geo_service.usecases.openapi import ANY, F, get, refusals

_PROCESS = {
    "name": "processID",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": [q.id for q in QUESTIONS]},
}
_JOB = {"name": "jobID", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "respond-async：立即返回任务；wait=N：最多等 N 秒（至多 20）/ a job at once; wait N seconds",
    "schema": {"type": "string"},
}
_EXECUTE = {
    "type": "object",
    "properties": {
        "inputs": {"type": "object", "description": "见流程说明 / as the process describes them"},
        "outputs": {"type": "object", "properties": {"result": {"type": "object"}}, "additionalProperties": False},
        "response": {"type": "string", "enum": ["raw", "document"], "default": "raw"},
    },
}
_STATUS = {
    "type": "object",
    "required": ["jobID", "type", "status"],
    "properties": {
        "jobID": {"type": "string"},
        "processID": {"type": "string"},
        "type": {"type": "string", "enum": ["process"]},
        "status": {"type": "string", "enum": ["accepted", "running", "successful", "failed", "dismissed"]},
        "message": {"type": "string"},
        "created": {"type": "string", "format": "date-time"},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
    },
}
_STATUS_BODY = {JSON: {"schema": _STATUS}}


def process_paths() -> dict[str, Any]:
    """Processes, their execution, and jobs (OGC 18-062r2)."""
    job = get("job", "任务 / job", _STATUS_BODY, [_JOB])
    job["delete"] = {
        "operationId": "dismiss",
        "summary": "取消任务 / dismiss",
        "parameters": [_JOB],
        "responses": {"200": {"description": "已取消 / dismissed", "content": _STATUS_BODY}}
        | refusals(("400", "401", "403", "404", "405")),
    }
    results = get("jobResults", "任务结果 / results", {JSON: ANY}, [_JOB])
    results["get"]["responses"] |= refusals(("409", "504"))
    return {
        "/processes": get("processes", "分析流程 / processes", {JSON: ANY}, [F], page=True),
        "/processes/{processID}": get("process", "流程说明 / process", {JSON: ANY}, [_PROCESS, F], page=True),
        "/processes/{processID}/execution": {"post": _execution()},
        "/jobs": get("jobs", "任务 / jobs", {JSON: ANY}),
        "/jobs/{jobID}": job,
        "/jobs/{jobID}/results": results,
    }


def _execution() -> dict[str, Any]:
    begun = {
        "description": "任务已建立 / a job",
        "content": _STATUS_BODY,
        "headers": {"Location": {"schema": {"type": "string"}}},
    }
    return {
        "operationId": "execute",
        "summary": "执行流程 / execute",
        "parameters": [_PROCESS, _PREFER],
        "requestBody": {"required": True, "content": {JSON: {"schema": _EXECUTE}}},
        "responses": {"200": {"description": "结果 / result", "content": {JSON: ANY}}, "201": begun}
        | refusals(("400", "401", "403", "404", "405", "409", "413", "503", "504")),
    }
