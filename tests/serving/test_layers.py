"""Experiments of one layer never draw for the same unit, and none does for the holdout."""

import pytest

from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.layers import hold_out
from include.tasks.publish import publish_experiment
from tests.support.declared import registered
from tests.support.guarded import own
from tests.support.served import Api, Serve, eventually

pytestmark = pytest.mark.services

UNITS = [f"u{number}" for number in range(120)]


def drawn(api: Api, slug: str) -> set[str]:
    """Units for which an arm was drawn; the others get the control, flagged."""
    answers = {
        unit: api.get("/decision", experiment_id=slug, unit_id=unit).json() for unit in UNITS
    }
    outside = [one for one in answers.values() if "flag" in one]
    assert {(one["flag"], one["arm_id"], one["propensity"]) for one in outside} <= {
        ("outside", "old", 1.0)
    }
    return {unit for unit, one in answers.items() if "flag" not in one}


def test_layers_and_holdout_keep_units_apart(
    serve: Serve, store_address: str, store: Settings, database: Settings
) -> None:
    parts = database.model_copy(update={"store_url": store.store_url})
    for slug, share in (("one", 0.5), ("two", 0.4)):
        registered(parts, own(slug=slug, layer={"name": "page", "share": share}))
        publish_experiment(parts, slug)
    with serve(store_address) as api:
        eventually(lambda: len(drawn(api, "one")) < len(UNITS))
        eventually(lambda: len(drawn(api, "two")) < len(UNITS))
        one, two = drawn(api, "one"), drawn(api, "two")
        assert one
        assert two
        assert not one & two
        assert len(one | two) < len(UNITS), "a tenth of the layer is nobody's"
        with transaction(parts) as connection:
            hold_out(connection, 1.0, by="ann", why="nothing is to be drawn today")
        eventually(lambda: not drawn(api, "one") and not drawn(api, "two"))
        with transaction(parts) as connection:
            hold_out(connection, 0.0, by="ann", why="go on")
        eventually(lambda: (drawn(api, "one"), drawn(api, "two")) == (one, two))
