"""What can go wrong between an application and Allot."""


class AllotError(Exception):
    """Base of the client's errors."""


class RefusedError(AllotError):
    """The API refused the request; a repeat would be refused again.

    Attributes
    ----------
    status
        HTTP status.
    kind
        Stable name of the problem, as ``urn:allot:problem:unknown-experiment``.
    field
        The member that is to blame, where one is.
    request_id
        By which the server's log names the request.
    """

    def __init__(
        self, status: int, kind: str, detail: str, field: str | None, request_id: str | None
    ) -> None:
        super().__init__(f"Allot refused it ({status}): {detail}")
        self.status = status
        self.kind = kind
        self.field = field
        self.request_id = request_id


class UnavailableError(AllotError):
    """The API could not be reached, or asked for patience longer than the deadline."""


class TryAgainError(AllotError):
    """The API asks for a repeat; the client obeys while the deadline allows.

    Attributes
    ----------
    seconds
        What its ``Retry-After`` said; 0 where it said nothing.
    """

    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(f"Allot answered {status}")
        self.seconds = seconds
