"""Load as others put it on such services: five decisions per reward."""

import random

from locust import FastHttpUser, constant_pacing, task

EXPERIMENT = "locust"
ARMS = ["red", "green", "blue"]


class Visitor(FastHttpUser):
    """Knows an experiment's name, its arms and a strategy, and no more."""

    wait_time = constant_pacing(0.05)

    def on_start(self) -> None:
        """Create the experiment; 201 and 409 are both well."""
        body = {"experiment_id": EXPERIMENT, "arm_ids": ARMS, "strategy": "THOMPSON"}
        with self.client.post("/experiments", json=body, catch_response=True) as answer:
            if answer.status_code in (201, 409):
                answer.success()
        self.arm = random.choice(ARMS)

    @task(5)
    def decide(self) -> None:
        """Ask for an arm."""
        with self.client.post(
            "/decision", json={"experiment_id": EXPERIMENT}, catch_response=True
        ) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
                return
            self.arm = answer.json()["arm_id"]

    @task(1)
    def reward(self) -> None:
        """Tell that the last arm was worth something."""
        body = {"experiment_id": EXPERIMENT, "arm_id": self.arm, "reward": 1}
        self.client.post("/reward", json=body)
