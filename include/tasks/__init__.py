"""One step each: read, call the core, write; small values in and out; no Airflow."""
