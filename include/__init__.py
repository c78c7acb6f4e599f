"""Allot's own code below the DAGs: contract, statistical core, stores and task steps."""
