"""Every asset, in the order in which data flows through them."""

from airflow.sdk import Asset

# Validated feedback in silver; a DAG that replaced a partition says so.
FEEDBACK = Asset("allot_feedback", uri="allot://silver/feedback")
# Published weights: rows in PostgreSQL, and the store brought up to them.
WEIGHTS = Asset("allot_weights", uri="allot://weights")
