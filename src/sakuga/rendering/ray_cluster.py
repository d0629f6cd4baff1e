"""Connecting to a Ray cluster, and its devices."""

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.event_log import VARIABLE, is_on

ADDRESS = "RAY_ADDRESS"
"""Ray's own environment variable with the address of the cluster."""
AUTH_MODE = "RAY_AUTH_MODE"
"""Ray's own environment variable, by which processes send the token of this machine."""
PATIENCE = 5.0
"""Seconds in which the head of a cluster must answer."""
NO_STATISTICS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Ray sends no usage statistics, and leaves the devices of workers without a GPU as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What Ray reserves for one worker."""

    gpus: int
    threads: int
    """Cores, and the threads of torch."""

    def options(self, node: str = "") -> dict[str, Any]:
        """Return Ray's options of an actor or task, on a node or wherever there is room."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        place = NodeAffinitySchedulingStrategy(node, soft=False) if node else "SPREAD"
        logged = {"runtime_env": {"env_vars": {VARIABLE: "json"}}} if is_on() else {}
        return {"num_gpus": self.gpus, "num_cpus": self.threads, "scheduling_strategy": place, **logged}


def import_ray() -> Any:
    """Import ray; raises InputError where the extra is missing."""
    for name, value in NO_STATISTICS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise InputError("--executor ray needs Ray: pip install 'sakuga[ray]', on every machine of the cluster") from None
    return ray


def has_token() -> bool:
    """Return whether this machine has a token of Ray."""
    places = (os.environ.get("RAY_AUTH_TOKEN_PATH"), Path.home() / ".ray" / "auth_token")
    return bool(os.environ.get("RAY_AUTH_TOKEN")) or any(place and Path(place).is_file() for place in places)


def connect(address: str = "") -> Any:
    """Connect this process to a cluster, once; returns the module ray.

    `address` is HOST:PORT of its head, "auto" for the cluster of this machine, "local" for a new one that ends with this process, and ""
    for $RAY_ADDRESS or else "auto". Raises InputError.
    """
    ray = import_ray()
    if ray.is_initialized():
        return ray
    address = address or os.environ.get(ADDRESS) or "auto"
    check_listening(address)
    try:
        if address not in ("auto", "local"):
            use_token_if_asked(ray, address)
        ray.init(address=address, log_to_driver=False, logging_level="error", include_dashboard=False if address == "local" else None)
        _say_no_states()
    except ray.exceptions.AuthenticationError as error:
        raise InputError(f"the Ray cluster at {address} asks for a token, and {_TOKEN}") from error
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise InputError(f"no Ray cluster answers at {address!r} ({_first_line(error)}): {_REMEDY}") from error
    return ray


def use_token_if_asked(ray: Any, address: str) -> None:
    """Send the token of this machine to a cluster that asks for one, unless $RAY_AUTH_MODE says what to do.

    Where the cluster has none, this process must not use one either, as it would refuse the cluster's answers. Ray itself decides only for
    a cluster of this machine. Raises AuthenticationError where there is no token here, or another one.
    """
    try:
        ray._raylet.GcsClient(address=address)
    except ray.exceptions.AuthenticationError:
        if os.environ.get(AUTH_MODE) or not has_token():
            raise
        os.environ[AUTH_MODE] = "token"
        ray._raylet.Config.initialize("")
        ray._raylet.GcsClient(address=address)


def _say_no_states() -> None:
    """Keep Ray from printing forty lines of state for each lost machine: a note of the render says it in a sentence."""
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


_REMEDY = "start one by `ray start --head`, or give --address HOST:PORT of its head"
_TOKEN = "this machine has none or another one: `ray get-auth-token` on the head prints it; write it to ~/.ray/auth_token here"


def check_listening(address: str) -> None:
    """Refuse the address of a head that does not answer; raises InputError."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address in ("auto", "local"):
        return
    if not host or not port.isdigit() or int(port) > 65535:
        raise InputError(f"{address!r} is no address of a Ray cluster: write HOST:PORT, such as 10.0.0.5:6379, auto or local")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except OSError as error:
        raise InputError(f"nothing listens at {address} ({error.strerror or error}): {_REMEDY}") from error


def share_of(nodes: list[Mapping[str, Any]], device: str, threads: int) -> Share:
    """Return what a worker gets: a GPU where the cluster has any, else `threads` cores."""
    gpus = device != "cpu" and any(_resource(node, "GPU") for node in nodes)
    return Share(gpus=1, threads=1) if gpus else Share(gpus=0, threads=threads)


def torch_threads() -> int:
    """Return the threads of torch in this process, which workers take over."""
    import torch

    return torch.get_num_threads()


def free_nodes(nodes: list[Mapping[str, Any]], share: Share) -> dict[str, int]:
    """Return for how many workers each node has room, other work aside, by its id."""
    return {str(node["NodeID"]): workers for node in nodes if node["Alive"] and (workers := _workers(node, share))}


def host_of(nodes: list[Mapping[str, Any]], node: str) -> str:
    """Return the name of a node's machine, also of a lost one."""
    return next((str(one["NodeManagerHostname"]) for one in nodes if one["NodeID"] == node), "a machine")


def _workers(node: Mapping[str, Any], share: Share) -> int:
    cores = int(_resource(node, "CPU") // share.threads)
    return min(cores, int(_resource(node, "GPU"))) if share.gpus else cores


def _resource(node: Mapping[str, Any], name: str) -> float:
    return float(node["Resources"].get(name, 0)) if node["Alive"] else 0.0


def _first_line(error: BaseException) -> str:
    lines: Iterator[str] = filter(None, map(str.strip, str(error).splitlines()))
    return next(lines, type(error).__name__).rstrip(".")
