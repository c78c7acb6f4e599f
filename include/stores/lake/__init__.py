"""The lake: bronze objects as they came, silver and quarantine as Delta tables, all on S3."""
