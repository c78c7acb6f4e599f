"""Keys of the API: who may do what, to which experiments, how often."""
