"""The API's own decisions, rewards and exposures on their way into the lake."""
