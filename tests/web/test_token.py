"""The endpoint that hands out tickets: what a ticket allows, and who gets none."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import httpx
import jwt
import pytest
from livekit import api

from agent import settings
from agent.definition.loading import load_agent
from agent.languages import LANGUAGES
from agent.livekit_server import LiveKitError
from agent.rate import Rate, TooMany
from agent.web import create_app, server
from agent.web.admission import JOIN_TIME, RATE, Admission, Crowded, Full
from agent.web.livekit_url import LiveKit
from agent.web.look import Look, looks_of
from agent.web.server import CLIENT_LIBRARY
from agent.web.tokens import LAST_USE

KEY, SECRET = "a-key", "a-secret-that-must-stay-on-the-server"
STATIC = Path(__file__).resolve().parents[2] / "agent" / "web" / "static"


class Rooms:
    """Stands in for livekit-server's list of rooms."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.closed: list[str] = []

    async def delete_room(self, delete: api.DeleteRoomRequest) -> None:
        self.closed.append(delete.room)
        self.names.remove(delete.room)

    async def list_rooms(self, _: api.ListRoomsRequest) -> api.ListRoomsResponse:
        return api.ListRoomsResponse(rooms=[api.Room(name=name) for name in self.names])


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / CLIENT_LIBRARY).write_text("// LiveKit's client\n")
    return tmp_path


@contextlib.asynccontextmanager
async def _client(
    livekit: LiveKit,
    library: Path,
    rooms: Rooms | None,
    *,
    max_rooms: int = 100,
    rooms_per_address: int = 100,
    names: frozenset[str] | None = None,
    agents: Mapping[str, str] = MappingProxyType({}),
    looks: Mapping[str, Look] = MappingProxyType({}),
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        livekit,
        client_library=library,
        max_rooms=max_rooms,
        rooms_per_address=rooms_per_address,
        names=names,
        agents=agents,
        looks=looks,
    )
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://parley.test") as client,
    ):
        if rooms:
            app.state.admission = Admission(rooms, max_rooms, rooms_per_address)
        yield client


@pytest.fixture
async def client(rooms: Rooms, library: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with _client(LiveKit("ws://livekit.test:7880", KEY, SECRET), library, rooms) as client:
        yield client


async def _ticket(client: httpx.AsyncClient, **wanted: str) -> dict[str, str]:
    response = await client.post("/api/token", json={"language": "en", **wanted})
    assert response.status_code == 200, response.text
    ticket: dict[str, str] = response.json()
    return ticket


async def test_a_ticket_opens_one_room_for_a_voice_and_no_more(client: httpx.AsyncClient) -> None:
    # Without LIVEKIT_AGENT_NAME any agent of the server comes to the room.
    ticket = await _ticket(client, language="zh", name="Ada")
    assert sorted(ticket) == ["identity", "room", "token", "url"]
    claims = jwt.decode(ticket["token"], SECRET, algorithms=["HS256"], issuer=KEY)
    assert claims["video"] == {
        "roomJoin": True,
        "room": ticket["room"],
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canPublishData": True,
        "canSubscribe": True,
        "canUpdateOwnMetadata": True,
    }
    assert claims["sub"] == ticket["identity"]
    assert claims["name"] == "Ada"
    assert claims["attributes"] == {"parley.language": "zh"}
    assert claims["roomConfig"]["agents"] == [{}]
    assert claims["roomConfig"]["maxParticipants"] == 1
    # Nothing else: no SIP, no inference, no administration.
    assert set(claims) <= {
        *("sub", "iss", "nbf", "exp", "identity", "kind", "name", "metadata", "video"),
        *("attributes", "roomConfig"),
    }


async def test_a_ticket_asks_for_the_named_agent(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEKIT_AGENT_NAME", "reception")
    claims = jwt.decode((await _ticket(client))["token"], SECRET, algorithms=["HS256"])
    assert claims["roomConfig"]["agents"] == [{"agentName": "reception"}]


AGENTS = {"parley": "Parley", "front-desk": "Hart's clinic"}


async def test_the_agents_that_may_be_chosen_are_listed(rooms: Rooms, library: Path) -> None:
    livekit = LiveKit("ws://livekit.test:7880", KEY, SECRET)
    async with _client(livekit, library, rooms, agents=AGENTS) as client:
        listed = (await client.get("/api/agents")).json()
        own: dict[str, object] = {"voices": [], "logo": None, "color": None, "color_dark": None}
        own["spoken"] = {}
        assert listed["agents"] == [{"name": n, "title": t, **own} for n, t in AGENTS.items()]
        # Which one it is to be is signed: a browser cannot send for another, or say more to it.
        claims = jwt.decode(
            (await _ticket(client, agent="front-desk"))["token"], SECRET, algorithms=["HS256"]
        )
        assert claims["roomConfig"]["agents"] == [{"metadata": '{"agent": "front-desk"}'}]


@pytest.mark.parametrize("agent", ["nobody", "../clinic", "Hart's clinic"])
async def test_an_agent_that_may_not_be_chosen_is_refused(
    rooms: Rooms, library: Path, agent: str
) -> None:
    livekit = LiveKit("ws://livekit.test:7880", KEY, SECRET)
    async with _client(livekit, library, rooms, agents=AGENTS) as client:
        response = await client.post("/api/token", json={"language": "en", "agent": agent})
        error = response.json()["error"]
    assert (response.status_code, error["code"]) == (404, "no_such_agent")
    assert error["message"] == f"There is no agent {agent!r} (there are parley, front-desk)."


async def test_a_voice_is_one_of_those_that_the_agent_offers(rooms: Rooms, library: Path) -> None:
    livekit = LiveKit("ws://livekit.test:7880", KEY, SECRET)
    looks = {"parley": Look({"any": ("Ada",), "zh": ("Ben",)})}
    async with _client(livekit, library, rooms, agents=AGENTS, looks=looks) as client:
        listed = (await client.get("/api/agents")).json()["agents"]
        assert [agent["voices"] for agent in listed] == [
            [{"name": "Ada", "languages": None}, {"name": "Ben", "languages": ["zh"]}],
            [],
        ]
        token = (await _ticket(client, voice="Ben"))["token"]
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
        assert claims["roomConfig"]["agents"] == [{"metadata": '{"voice": "Ben"}'}]
        for wanted, known in (
            ({"voice": "Eve"}, "Ada, Ben"),
            ({"voice": "Ada", "agent": "front-desk"}, "none to choose from"),
        ):
            response = await client.post("/api/token", json={"language": "en", **wanted})
            error = response.json()["error"]
            assert (response.status_code, error["code"]) == (404, "no_such_voice")
            assert error["message"] == f"There is no voice {wanted['voice']!r} (there are {known})."


async def test_a_logo_is_served_and_nothing_else_of_the_folder(
    rooms: Rooms, library: Path, tmp_path: Path
) -> None:
    livekit = LiveKit("ws://livekit.test:7880", KEY, SECRET)
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg/>")
    (tmp_path / "agent.yaml").write_text("secret: 1")
    looks = {"parley": Look(logo=logo)}
    async with _client(livekit, library, rooms, agents=AGENTS, looks=looks) as client:
        listed = (await client.get("/api/agents")).json()["agents"]
        assert [agent["logo"] for agent in listed] == ["/agents/parley/logo", None]
        served = await client.get("/agents/parley/logo")
        assert (served.text, served.headers["content-type"]) == ("<svg/>", "image/svg+xml")
        # Opened by itself, it may run nothing.
        assert served.headers["content-security-policy"].startswith("default-src 'none'")
        for path in ("/agents/front-desk/logo", "/agents/nobody/logo", "/agents/parley/agent.yaml"):
            assert (await client.get(path)).status_code == 404
        logo.unlink()
        assert (await client.get("/agents/parley/logo")).status_code == 404


async def test_a_ticket_is_for_half_a_minute(client: httpx.AsyncClient) -> None:
    claims = jwt.decode((await _ticket(client))["token"], SECRET, algorithms=["HS256"])
    assert claims["exp"] - claims["nbf"] == datetime.timedelta(seconds=30).total_seconds()


async def test_no_two_tickets_share_a_room_or_an_identity(client: httpx.AsyncClient) -> None:
    tickets = [await _ticket(client) for _ in range(RATE.amount)]
    assert len({t["room"] for t in tickets}) == len({t["identity"] for t in tickets}) == RATE.amount


async def test_a_ticket_is_not_cached(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/token", json={"language": "en"})
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"not json",
        b"[]",
        b'{"language": "xx"}',
        b'{"language": "en", "room": "someone-elses"}',
        b'{"language": "en", "name": "' + b"x" * 61 + b'"}',
        b'{"language": "en", "name": 7}',
        b"\xff\xfe",
    ],
)
async def test_a_bad_request_gets_one_sentence(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/api/token", content=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "bad_request"
    assert "language" in error["message"]
    assert "\n" not in error["message"]


async def test_a_long_body_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/token", content=b" " * 2000)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_long")


async def test_only_a_post_gives_a_ticket(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/token")).status_code == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://parley.test"}, 403),
        ({"Origin": "http://parley.test"}, 200),
        ({"Origin": "http://parley.test:81"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 200),  # no browser
    ],
)
async def test_pages_of_other_sites_get_no_ticket(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    response = await client.post("/api/token", json={"language": "en"}, headers=headers)
    assert response.status_code == status


async def test_an_address_that_asks_too_often_has_to_wait(client: httpx.AsyncClient) -> None:
    for _ in range(RATE.amount):
        await _ticket(client)
    response = await client.post("/api/token", json={"language": "en"})
    assert (response.status_code, response.json()["error"]["code"]) == (429, "too_many")
    assert 1 <= int(response.headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("other", "allowed"),
    [("2001:db8::2", False), ("2001:db8:0:1::1", True), ("192.0.2.8", True)],
)
async def test_a_rate_is_kept_for_each_subscriber(other: str, allowed: bool) -> None:
    rate = Rate(RATE)
    for _ in range(RATE.amount):
        await rate.check("2001:db8::1")
    if allowed:
        await rate.check(other)
    else:
        with pytest.raises(TooMany):
            await rate.check(other)


async def test_a_full_server_says_so(rooms: Rooms, library: Path) -> None:
    livekit = LiveKit("ws://livekit.test", KEY, SECRET)
    async with _client(livekit, library, rooms, max_rooms=2) as client:
        rooms.names = ["a", "b"]
        response = await client.post("/api/token", json={"language": "en"})
        assert (response.status_code, response.json()["error"]["code"]) == (503, "full")
        rooms.names = ["a"]
        await _ticket(client)


async def test_places_given_away_count_until_their_rooms_are_listed(rooms: Rooms) -> None:
    now = 0.0
    admission = Admission(rooms, 2, 2, clock=lambda: now)
    await admission.take("first", "192.0.2.1")
    await admission.take("second", "192.0.2.2")
    with pytest.raises(Full):
        await admission.take("third", "192.0.2.3")
    rooms.names = ["first"]  # listed: no longer counted twice
    with pytest.raises(Full):
        await admission.take("third", "192.0.2.3")
    rooms.names = []  # first has left again; second is still on its way
    await admission.take("third", "192.0.2.3")
    with pytest.raises(Full):
        await admission.take("fourth", "192.0.2.4")
    now += JOIN_TIME  # neither of the two ever came
    await admission.take("fourth", "192.0.2.4")


async def test_one_address_has_its_share_of_the_places_and_no_more(rooms: Rooms) -> None:
    now = 0.0
    admission = Admission(rooms, 10, 3, clock=lambda: now)
    for i in range(3):
        await admission.take(f"mine-{i}", "192.0.2.1")
    with pytest.raises(Crowded, match="3 conversations from this address"):
        await admission.take("mine-3", "192.0.2.1")
    await admission.take("yours", "192.0.2.2")
    rooms.names = ["mine-0", "mine-1", "mine-2", "yours", "a call by phone"]
    now += 3600  # for as long as they stay
    with pytest.raises(Crowded):
        await admission.take("mine-3", "192.0.2.1")
    rooms.names.remove("mine-1")
    await admission.take("mine-3", "192.0.2.1")


async def test_a_subscriber_of_ipv6_is_one_address(rooms: Rooms) -> None:
    admission = Admission(rooms, 10, 1)
    await admission.take("a", "2001:db8::1")
    with pytest.raises(Crowded):
        await admission.take("b", "2001:db8::2")
    await admission.take("b", "2001:db8:0:1::2")


async def test_who_collects_tickets_and_uses_all_at_once_keeps_the_first(rooms: Rooms) -> None:
    now = 0.0
    admission = Admission(rooms, 10, 2, clock=lambda: now)
    for i in range(6):
        await admission.take(f"mine-{i}", "192.0.2.1")
        now += JOIN_TIME / 2  # none is used yet, and the place of each falls back
    rooms.names = [f"mine-{i}" for i in range(6)] + [f"other-{i}" for i in range(4)]
    await admission.take("yours", "192.0.2.2")
    assert sorted(rooms.closed) == ["mine-2", "mine-3", "mine-4", "mine-5"]


async def test_a_ticket_used_again_is_still_its_addresss(rooms: Rooms) -> None:
    now = 0.0
    admission = Admission(rooms, 10, 1, clock=lambda: now)
    await admission.take("mine", "192.0.2.1")
    rooms.names = ["mine"]
    with pytest.raises(Crowded):
        await admission.take("more", "192.0.2.1")
    rooms.names = []
    now += LAST_USE - 1
    await admission.take("more", "192.0.2.1")
    rooms.names = ["mine", "more"]  # the first ticket opened a second room
    with pytest.raises(Crowded):
        await admission.take("third", "192.0.2.1")
    assert rooms.closed == ["more"]


async def test_an_address_with_its_share_is_told_so(rooms: Rooms, library: Path) -> None:
    livekit = LiveKit("ws://livekit.test", KEY, SECRET)
    async with _client(livekit, library, rooms, rooms_per_address=2) as client:
        await _ticket(client)
        await _ticket(client)
        response = await client.post("/api/token", json={"language": "en"})
    assert (response.status_code, response.json()["error"]["code"]) == (429, "too_many_here")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("parley.test", 200),
        ("PARLEY.test:8080", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("localhost", 200),
        ("evil.test", 421),
        ("evil.test:8080", 421),
        ("parley.test.evil.test", 421),
        ("parley.test@evil.test", 421),
        ("localhost.evil.test", 421),
        ("", 421),
    ],
)
async def test_only_its_own_names_are_answered(
    rooms: Rooms, library: Path, host: str, status: int
) -> None:
    livekit = LiveKit("ws://livekit.test", KEY, SECRET)
    async with _client(livekit, library, rooms, names=frozenset(["parley.test"])) as client:
        given = {"Host": host}
        response = await client.post("/api/token", json={"language": "en"}, headers=given)
        assert response.status_code == status
        assert (await client.get("/", headers=given)).status_code == status


async def test_a_body_that_never_ends_is_not_waited_for(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_BODY_SECONDS", 0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(30)

    response = await client.post("/api/token", content=slowly())
    assert (response.status_code, response.json()["error"]["code"]) == (408, "too_slow")


async def test_an_unreachable_livekit_says_so(library: Path) -> None:
    async with _client(LiveKit("ws://127.0.0.1:9", KEY, SECRET), library, None) as client:
        response = await client.post("/api/token", json={"language": "en"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "no_server")


async def test_every_language_has_its_words_and_a_place_on_the_page(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/")).text
    for language in LANGUAGES:
        words_of_page = (await client.get(f"/languages/{language}.json")).json()
        assert f'<option value="{language}"' in page
        assert words_of_page["needsScript"].replace("{agent}", "Parley") in page
    assert "<!--" not in page
    for name in ("xx", "..%2fen", "EN"):
        assert (await client.get(f"/languages/{name}.json")).status_code == 404


def _files() -> Iterator[str]:
    for path in STATIC.rglob("*"):
        if path.is_file():
            yield f"/static/{path.relative_to(STATIC)}"


async def test_the_secret_is_in_no_answer(client: httpx.AsyncClient) -> None:
    paths = ["/", "/health", "/nothing", f"/static/{CLIENT_LIBRARY}", "/static/..%2fserver.py"]
    answers = [await client.get(path) for path in [*paths, *_files()]]
    answers += [
        await client.post("/api/token", content=body)
        for body in (b'{"language": "en"}', b"{}", b" " * 2000)
    ]
    rooms_gone = await client.post("/api/token", json={}, headers={"Origin": "http://evil.test"})
    for answer in [*answers, rooms_gone]:
        assert SECRET.encode() not in answer.content
        assert SECRET not in str(answer.headers)
    # The token is signed with it and does not carry it.
    token = answers[-3].json()["token"]
    assert SECRET not in json.dumps(jwt.decode(token, options={"verify_signature": False}))
    assert SECRET not in repr(LiveKit("ws://x", KEY, SECRET))


async def test_the_page_may_reach_itself_and_livekit_only(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/")).headers["content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["connect-src"] == "'self' ws://livekit.test:7880 http://livekit.test:7880"
    assert directives["frame-ancestors"] == "'none'"


async def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert "<style" not in html
    assert " style=" not in html
    assert " on" not in html.replace(" one", "")
    assert html.count("<script ") == html.count('<script src="/static/')
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//cdn" not in text
        assert "http://" not in text
        assert "https://" not in text


async def test_health_answers(client: httpx.AsyncClient) -> None:
    response = await client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("url", "public", "authority", "secure", "seen"),
    [
        ("ws://127.0.0.1:7880", None, "127.0.0.1:8080", False, "ws://127.0.0.1:8080/livekit"),
        ("ws://127.0.0.1:7880", None, "localhost:8080", False, "ws://localhost:8080/livekit"),
        ("ws://127.0.0.1:7880", None, "192.168.1.5:80", False, "ws://192.168.1.5:80/livekit"),
        ("ws://localhost:7880", None, "parley.lan", True, "wss://parley.lan/livekit"),
        ("ws://[::1]:7880", None, "[fd00::5]:8080", False, "ws://[fd00::5]:8080/livekit"),
        ("ws://10.0.0.2:7880", None, "parley.lan", False, "ws://10.0.0.2:7880"),
        ("ws://10.0.0.2:7880", None, "parley.lan:8443", True, "wss://parley.lan:8443/livekit"),
        ("http://127.0.0.1:7880", None, "localhost:8080", False, "ws://localhost:8080/livekit"),
        ("https://livekit.test", None, "parley.lan", True, "wss://livekit.test"),
        ("ws://127.0.0.1:7880", "wss://lk.test", "parley.lan", True, "wss://lk.test"),
        ("ws://10.0.0.2:7880", "ws://127.0.0.1:9", "parley.lan", False, "ws://127.0.0.1:9"),
        ("ws://livekit:7880", "ws://10.0.0.2:7880", "10.0.0.2", False, "ws://10.0.0.2:7880"),
        ("ws://livekit:7880", "ws://10.0.0.2:7880", "10.0.0.2", True, "wss://10.0.0.2/livekit"),
    ],
)
def test_a_browser_is_told_an_address_it_can_reach(
    url: str, public: str | None, authority: str, secure: bool, seen: str
) -> None:
    assert LiveKit(url, KEY, SECRET, public).seen_from(authority, secure=secure) == seen


def test_the_environment_names_livekit() -> None:
    environment = {
        "LIVEKIT_URL": "ws://127.0.0.1:7880",
        "LIVEKIT_API_KEY": KEY,
        "LIVEKIT_API_SECRET": SECRET,
    }
    assert LiveKit.from_environment(environment) == LiveKit("ws://127.0.0.1:7880", KEY, SECRET)
    for name in environment:
        with pytest.raises(LiveKitError, match=f"^{name} must be set"):
            LiveKit.from_environment({**environment, name: ""})
    with pytest.raises(LiveKitError, match="LIVEKIT_PUBLIC_URL='livekit' is not the address"):
        LiveKit.from_environment({**environment, "LIVEKIT_PUBLIC_URL": "livekit"})


def test_the_page_is_told_in_which_language_an_agent_answers() -> None:
    profile = settings.load("gpu")
    voice = profile.tts.model_copy(update={"languages": ("en", "de")})
    looks = looks_of(
        {name: load_agent(name, profile) for name in ("parley", "clinic")},
        profile.model_copy(update={"tts": voice}),
    )
    spoken = {name: look.shown(name, name)["spoken"] for name, look in looks.items()}
    assert spoken["parley"] == {each: "de" if each == "de" else "en" for each in LANGUAGES}
    assert spoken["clinic"] == dict.fromkeys(LANGUAGES, "en")
    assert looks_of({"c": load_agent("clinic", profile)}, profile)["c"].spoken["zh"] == "zh"
