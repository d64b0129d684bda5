"""Where everything is put together: the only place that knows settings, stores, use cases and doors."""

from typing import Any


def asgi() -> Any:
    """Return the registry as an ASGI application, configured by the environment, for one process.

    `uvicorn --factory refloat.main:asgi` serves it; `refloat serve` does more.
    """
    from refloat.main.factory import application

    return application()
