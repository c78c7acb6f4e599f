"""When, and in what order: one file per DAG."""
