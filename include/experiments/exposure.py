"""When a decision counts: once it was made, or only once its unit saw it."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field


class Exposure(BaseModel):
    """A decision counts once it was shown, and others enter no denominator.

    The window begins with the decision, as that of rewards does. It ends no later: what was shown
    after its last reward could only count as a failure.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: timedelta = Field(
        gt=timedelta(0), description="how long after the decision it may be shown"
    )

    def fault(self, source: str, reward_window: timedelta) -> str | None:
        """Tell why this cannot be declared of such a log; ``None`` when it can."""
        if source != "decision_log":
            return "exposure is declared, but only the API's own decisions are told as shown"
        if self.window > reward_window:
            return (
                f"exposure.window {self.window} is longer than reward.window {reward_window}: "
                "what is shown after its last reward could only count as a failure"
            )
        return None
