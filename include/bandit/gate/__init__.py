"""The gate: a challenger's shares in the shadow, what they are worth, and its ramp. Pure."""
