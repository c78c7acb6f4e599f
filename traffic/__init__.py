"""Users with known true rates, played against the running API: ``make traffic``."""
