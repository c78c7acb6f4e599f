"""Everything that subclasses Airflow: links and pages."""
