"""Every asset, in the order in which data flows through them."""

from airflow.sdk import Asset

# Logs as they came, in bronze; a DAG that stored a new object says so.
BRONZE = Asset("allot_bronze", uri="allot://bronze/open_bandit")
# Decisions and rewards of the API, in bronze.
DECISION_LOG = Asset("allot_decision_log", uri="allot://bronze/decision_log")
# Validated feedback in silver; a DAG that replaced a partition says so.
FEEDBACK = Asset("allot_feedback", uri="allot://silver/feedback")
# Published weights: rows in PostgreSQL, and the store brought up to them.
WEIGHTS = Asset("allot_weights", uri="allot://weights")
# What every experiment may say, and the portfolio over all of them.
JUDGEMENTS = Asset("allot_judgements", uri="allot://judgements")
# What every experiment is told to do.
RECOMMENDATIONS = Asset("allot_recommendations", uri="allot://recommendations")
