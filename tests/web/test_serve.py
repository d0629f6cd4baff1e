"""The socket that the studio listens on."""

import asyncio
import socket

import pytest

from sakuga.web import serve
from sakuga.web.data_folder import StudioError


def test_small_answers_are_sent_without_delay() -> None:
    """Where the system waits to fill a packet, each second answer of a connection takes 40 ms more."""

    async def delays() -> int:
        async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        found = asyncio.get_running_loop().create_future()
        listening = serve._listen("127.0.0.1", 0)
        async with await asyncio.start_server(note, sock=listening):
            _, client = await asyncio.open_connection(*listening.getsockname())
            without = await found
            client.close()
        return int(without)

    assert asyncio.run(delays()) == 1


def test_a_port_in_use_is_refused_by_its_number() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(StudioError, match=f"port {other.getsockname()[1]} is in use"):
        serve._listen("127.0.0.1", other.getsockname()[1])


def test_a_host_of_another_machine_is_refused() -> None:
    with pytest.raises(StudioError, match=r"cannot be listened on .*choose another --host"):
        serve._listen("203.0.113.1", 0)
