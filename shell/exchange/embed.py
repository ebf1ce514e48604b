"""Starting an exchange: build it from settings, serve it in a nursery, and tell where it listens.

1. `serve` is for `nursery.start`: it reports a `Served` handle when the port is open, and runs until
   cancelled.
2. Everything that can go wrong with settings and files goes wrong before the port opens, as SetupError.
3. Cancelling is the only way to stop it; open connections are cut.
"""

from typing import NamedTuple

import trio

from shell.exchange.exchange import Exchange
from shell.exchange.market.csvfile import BarFileError, load_files
from shell.exchange.market.session import MarketSession, MarketSettings
from shell.exchange.market.synthetic import make_session
from shell.exchange.server import Server, open_listener
from shell.exchange.settings import ExchangeSettings, SetupError

__all__ = ["Served", "build", "serve"]


class Served(NamedTuple):
    """A running exchange."""

    exchange: Exchange
    host: str
    port: int

    @property
    def url(self) -> str:
        """For REST clients: `http://HOST:PORT`."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """For streams: `ws://HOST:PORT`."""
        return f"ws://{self.host}:{self.port}"


def build(settings: ExchangeSettings) -> Exchange:
    """An exchange that is ready to serve. Reads the files. Raises SetupError."""
    derived = MarketSettings(participation=settings.participation)
    if settings.bars:
        try:
            loaded = load_files(settings.bars)
        except BarFileError as error:
            raise SetupError(str(error)) from error
        market = MarketSession(loaded.bars, loaded.quotes, derived)
    else:
        market = MarketSession(make_session(settings.seed), settings=derived)
    return Exchange(settings, market, market.assets)


async def serve(
    settings: ExchangeSettings, *, task_status: trio.TaskStatus[Served] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve an exchange until cancelled; reports a `Served`. Raises SetupError before it has started."""
    exchange = await trio.to_thread.run_sync(build, settings)
    listener = await open_listener(settings.host, settings.port)
    port = listener.socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(exchange.driver.run)
        nursery.start_soon(Server(exchange, listener).run)
        task_status.started(Served(exchange, settings.host, port))
