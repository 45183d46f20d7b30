"""Who may ask the stand-in engines."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from agent.local.door import KEY, closed_to_sites

REALTIME = "ws://127.0.0.1:8103/v1/realtime"
SITES = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:8080"},  # another server of this machine
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8080"},
]


async def _answer(_: object) -> PlainTextResponse:
    return PlainTextResponse("asked")


async def _talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> TestClient:
    monkeypatch.delenv(KEY, raising=False)
    if key := getattr(request, "param", None):
        monkeypatch.setenv(KEY, key)
    app = Starlette(
        routes=[
            Route("/health", _answer),
            Route("/metrics", _answer),
            Route("/v1/audio/speech", _answer, methods=["GET", "POST"]),
            WebSocketRoute("/v1/realtime", _talk),
        ]
    )
    return TestClient(closed_to_sites(app, "127.0.0.1"), base_url="http://127.0.0.1:8103")


@pytest.mark.parametrize("headers", SITES)
def test_a_web_site_is_not_answered(client: TestClient, headers: dict[str, str]) -> None:
    for path in ("/v1/audio/speech", "/metrics"):
        response = client.post(
            path, content="{}", headers={"Content-Type": "text/plain", **headers}
        )
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(REALTIME, headers=headers),
    ):
        pass


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8103", "127.0.0.1.evil.example"])
def test_a_name_that_points_here_is_not_answered(client: TestClient, host: str) -> None:
    response = client.get("/v1/audio/speech", headers={"Host": host})
    assert (response.status_code, response.json()["error"]["code"]) == (421, "other_host")


def test_a_program_of_this_machine_is_answered(client: TestClient) -> None:
    assert client.post("/v1/audio/speech").text == "asked"
    with client.websocket_connect(REALTIME):
        pass


@pytest.mark.parametrize("client", ["the-stack's-own-key"], indirect=True)
@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer the-stack's-own-ke", "Basic x", "é"])
def test_without_the_key_only_health_is_told(client: TestClient, given: str) -> None:
    headers = [(b"Authorization", given.encode())]
    assert client.get("/health", headers=headers).status_code == 200
    for path in ("/metrics", "/v1/audio/speech"):
        response = client.get(path, headers=headers)
        assert (response.status_code, response.json()["error"]["type"]) == (
            401,
            "AuthenticationError",
        )
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(REALTIME):
        pass


@pytest.mark.parametrize("client", ["the-stack's-own-key"], indirect=True)
def test_with_the_key_all_is_answered(client: TestClient) -> None:
    headers = {"Authorization": "Bearer the-stack's-own-key"}
    assert client.get("/v1/audio/speech", headers=headers).text == "asked"
    with client.websocket_connect(REALTIME, headers=headers):
        pass
