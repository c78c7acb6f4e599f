"""Records of a group, each judged alone: one that cannot be taken does not hold up the others."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple, TypeVar

import orjson
from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from serving.answers import JSON, NO_STORE, Answer, Problem
from serving.log.journal import Written
from serving.stores.sink import Row

Value = TypeVar("Value")
# Marks what Pydantic adds to the place of an error: which member of a union was tried.
TAG = "~"
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Refused(NamedTuple):
    """A record that was refused, and why."""

    problem: Problem


def _each(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    try:
        return validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"] if not str(part).startswith(TAG))
        field = printable(place) or None
        problem = Problem(422, "invalid-parameter", printable(first["msg"]), field=field)
        return Refused(problem)


Alone = WrapValidator(_each)
Each = Annotated[Value, Alone]


def microseconds(moment: datetime) -> int:
    """Return a moment in microseconds of Unix time, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


async def written_alone(written: Written) -> Row | Problem | None:
    """Wait until a record is durable; return the row that stands instead, or its own problem.

    Raises
    ------
    Problem
        What concerns all records, not this one.
    """
    try:
        return await asyncio.shield(written)
    except Problem as problem:
        # What the record itself is to blame for.
        if problem.status != 422:
            raise
        return problem


def printable(text: str) -> str:
    """Return a text with what UTF-8 cannot hold replaced."""
    return text.encode("utf-8", "replace").decode()


def refusal_of(problem: Problem) -> dict[str, Any]:
    """Return what is told of a record that was refused."""
    told = {"status": problem.status, "detail": problem.detail}
    return {"type": f"urn:allot:problem:{problem.kind}", **told, "field": problem.field}


def group_answer(name: str, records: list[bytes | Problem]) -> Answer:
    """Answer a group: 200, 207 where some were refused.

    Raises
    ------
    Problem
        The first one, where every record was refused.
    """
    problems = [record for record in records if isinstance(record, Problem)]
    if problems and len(problems) == len(records):
        raise problems[0]
    texts = [
        orjson.dumps({"refused": refusal_of(record)}) if isinstance(record, Problem) else record
        for record in records
    ]
    body = b'{"%b":[%b]}' % (name.encode(), b",".join(texts))
    return Answer(207 if problems else 200, body, JSON + NO_STORE)
