"""Great Expectations suites as plain functions."""
