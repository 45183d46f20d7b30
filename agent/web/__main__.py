"""Serve the page: ``python -m agent.web [--host 127.0.0.1] [--port 8080]``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress

import uvicorn

from agent import settings
from agent.certificate import CertificateError, certificate_of
from agent.definition.choice import Agents
from agent.definition.kept import KeptAgents
from agent.keys import KeyRefusedError, check_secret
from agent.languages import LANGUAGES
from agent.livekit_server import Credentials, LiveKitError, UnreachableError, ask
from agent.models import ModelError, locate
from agent.origin import HostsError, names_of
from agent.recovery import open_book
from agent.serving import ProxyNotice, check_port, port_argument, proxy_options
from agent.stand_ins import own_ports

from . import signalling
from .answering import Answering, sections
from .livekit_url import LiveKit
from .look import looks_of
from .server import create_app
from .sign_in import SignInError, sign_in_of


def main() -> None:
    """Read the environment, say in one sentence what is missing, or serve."""
    parser = argparse.ArgumentParser(prog="python -m agent.web", description="Serve the page.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=port_argument, default=8080, help="port to listen on (%(default)s)"
    )
    arguments = parser.parse_args()
    try:
        profile, livekit = settings.load(), LiveKit.from_environment()
        check_secret(livekit.api_secret, open_to=arguments.host)
        with suppress(UnreachableError):  # it may still be starting
            asyncio.run(ask(Credentials(livekit.url, livekit.api_key, livekit.api_secret)))
        certificate = certificate_of(arguments.host)
        book = open_book(profile.history_store, livekit.url)
        # It may be started again while a folder is being changed.
        offered = Agents(profile, KeptAgents.of_environment())
        agents = offered.all()
        app = create_app(
            livekit,
            client_library=locate("web"),
            max_rooms=profile.rooms,
            rooms_per_address=profile.rooms_per_address,
            spoken={each: profile.tts.spoken(each) for each in LANGUAGES},
            names=names_of(arguments.host),
            sign_in=sign_in_of(profile.sign_in, livekit.api_secret, book),
            book=book,
            agents={name: agent.settings.name for name, agent in agents.items()},
            looks=looks_of(agents, profile),
            answering=Answering(sections(profile, offered), own_ports()),
        )
    except (
        LiveKitError,
        ModelError,
        HostsError,
        CertificateError,
        KeyRefusedError,
        SignInError,
        settings.SettingsError,
    ) as e:
        sys.exit(str(e))
    check_port(arguments.host, arguments.port, "the web page", "--port", "--host")
    uvicorn.run(
        ProxyNotice(app),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        ws_max_size=signalling.LARGEST,
        ssl_certfile=certificate.file if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
        **proxy_options(),
    )


if __name__ == "__main__":
    main()
