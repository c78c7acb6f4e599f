"""`POST /select`: the same decision under the names that clients of other services use."""

from typing import Final

from pydantic import ConfigDict, model_validator

from serving.requests import DecisionRequest

# Left: as others say it. Right: as a decision says it.
OTHER_NAMES: Final = {"experiment": "experiment_id", "user_id": "unit_id", "unit": "unit_id"}


class SelectRequest(DecisionRequest):
    """As for `POST /decision`; `user_id` or `unit` may stand for `unit_id`, too."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "not": {"required": ["unit_id", "unit_ids"]},
            "examples": [{"experiment_id": "checkout-button", "unit_id": "user-1234"}],
        },
    )

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, body: object) -> object:
        if not isinstance(body, dict):
            return body
        renamed: dict[object, object] = {}
        for name, value in body.items():
            chosen = OTHER_NAMES.get(name, name)
            if chosen in renamed:
                raise ValueError(f"{chosen} is given under two names")
            renamed[chosen] = value
        return renamed
