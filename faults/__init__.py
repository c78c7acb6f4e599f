"""Break the parts under load, and count from outside what is left: ``make faults``."""
