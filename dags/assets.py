"""Every asset, in the order in which data flows through them."""

from airflow.sdk import Asset

# Logs as they came, in bronze; a DAG that stored a new object says so.
BRONZE = Asset("allot_bronze", uri="allot://bronze/open_bandit")
# Validated feedback in silver; a DAG that replaced a partition says so.
FEEDBACK = Asset("allot_feedback", uri="allot://silver/feedback")
# Published weights: rows in PostgreSQL, and the store brought up to them.
WEIGHTS = Asset("allot_weights", uri="allot://weights")
