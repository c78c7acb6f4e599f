"""The API's own decisions and rewards on their way into the lake."""
