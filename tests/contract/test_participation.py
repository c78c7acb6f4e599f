"""Which rule takes a context: that with most conditions, in whatever order they are kept."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from include.contract.participation import Rule, matches, most_specific_first, undecided

GERMAN: dict[str, str | int | bool] = {"country": "de"}
MOBILE: dict[str, str | int | bool] = {"device": "phone"}
KEYS = st.sampled_from(["country", "device", "known"])
RULES = st.dictionaries(
    st.sampled_from(["a", "bb", "c", "dd", "e"]),
    st.dictionaries(KEYS, st.sampled_from(["x", "y"]), min_size=1),
    min_size=1,
)


def test_most_conditions_come_first_in_every_order_of_declaration() -> None:
    rules: dict[str, Rule] = {"z": GERMAN, "both": {**GERMAN, **MOBILE}, "a": {"country": "fr"}}
    for order in permutations(rules):
        assert most_specific_first({name: rules[name] for name in order}) == ("both", "a", "z")


def test_equally_specific_rules_that_meet_are_named() -> None:
    assert undecided({"german": GERMAN, "mobile": MOBILE}) == ("german", "mobile")
    assert undecided({"one": {"visits": 2}, "two": {"visits": "2"}}) == ("one", "two")
    assert undecided({"german": GERMAN, "french": {"country": "fr"}}) is None
    assert undecided({"german": GERMAN, "mobile": MOBILE, "both": GERMAN | MOBILE}) is None


@given(RULES, st.dictionaries(KEYS, st.sampled_from(["x", "y"])))
def test_where_none_is_undecided_every_context_has_one_answer(
    rules: dict[str, dict[str, str]], context: dict[str, str]
) -> None:
    fitting = [name for name in rules if matches(rules[name], context)]
    most = max((len(rules[name]) for name in fitting), default=0)
    best = [name for name in fitting if len(rules[name]) == most]
    if undecided(rules) is None:
        assert len(best) <= 1
    else:
        one, other = undecided(rules) or ("", "")
        # The context that shows it: that of both together.
        both = rules[one] | rules[other]
        assert matches(rules[one], both)
        assert max(len(rule) for rule in rules.values() if matches(rule, both)) == len(rules[one])
