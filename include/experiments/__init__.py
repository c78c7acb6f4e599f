"""The experiment's schema, and one TOML file per shipped experiment, named by its slug."""
