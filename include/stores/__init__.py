"""The only code that touches the outside: lake, reports, weights, tracking."""
