"""Where frames are rendered: in this process, or on a Ray cluster.

An executor is part of the machine, as an engine is, and no part of a frame's name.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from sakuga.rendering.resources import Resources
from sakuga.story.options import EXECUTOR

if TYPE_CHECKING:
    from sakuga.rendering.executor import Executor

VARIABLE = "SAKUGA_EXECUTOR"
"""The environment variable with the executor that is wanted; `--executor` sets it."""
ExecutorFactory: TypeAlias = "Callable[[Resources], Executor]"
"""Makes an executor from plain data, such as `partial(WorkerExecutor, workers=2)`."""


def uses_cluster() -> bool:
    """Return whether $SAKUGA_EXECUTOR asks for a cluster; raises SettingsError for an unknown one."""
    return bool(EXECUTOR.check(f"${VARIABLE}", os.environ.get(VARIABLE) or EXECUTOR.default) == "ray")


def requested_executor() -> "ExecutorFactory | None":
    """Return what makes the executor that $SAKUGA_EXECUTOR asks for; None for this process."""
    if not uses_cluster():
        return None
    from sakuga.rendering.ray_executor import RayExecutor

    return RayExecutor
