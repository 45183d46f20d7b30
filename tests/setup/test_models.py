"""The cache of model files, filled from registries that the test serves itself."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml
from livekit.plugins.turn_taking import model as turn_model
from rich.console import Console

from agent.models import ModelError, called, locate, manifest
from agent.models import __main__ as command_line
from agent.models.fetch import fetch, verify

from .files import FileServer, serve

HALVES = (b"first half, " * 5000, b"second half" * 5000)
VOICE = b"a voice" * 100
WHEEL, TARBALL = "my_weights-1.0-py3-none-any.whl", "voices-2.0.tgz"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel() -> bytes:
    with zipfile.ZipFile(out := io.BytesIO(), "w") as archive:
        for number, half in enumerate(HALVES):
            archive.writestr(f"my_weights/part{number}", half)
    return out.getvalue()


def tarball() -> bytes:
    with tarfile.open(fileobj=(out := io.BytesIO()), mode="w:gz") as archive:
        (info := tarfile.TarInfo("package/voices/anna.bin")).size = len(VOICE)
        archive.addfile(info, io.BytesIO(VOICE))
    return out.getvalue()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A package index, an npm, and a list of models that names packages in both."""
    archives = {WHEEL: wheel(), TARBALL: tarball()}
    packages = {
        name: {
            "registry": registry,
            "version": version,
            "file": file,
            "size": len(archives[file]),
            "sha256": sha256(archives[file]),
            "licence": "MIT",
        }
        for name, registry, version, file in (
            ("my-weights", "pypi", "1.0", WHEEL),
            ("voices", "npm", "2.0", TARBALL),
        )
    }
    joined = b"".join(HALVES)
    files = {
        "model.bin": {
            "size": len(joined),
            "sha256": sha256(joined),
            "parts": [{"my-weights": f"my_weights/part{n}"} for n in range(2)],
        },
        "voices/anna.bin": {
            "size": len(VOICE),
            "sha256": sha256(VOICE),
            "parts": [{"voices": "package/voices/anna.bin"}],
        },
    }
    (tmp_path / "models.yaml").write_text(
        yaml.safe_dump({"roles": {"tts": {"what": "x", "files": files}}, "packages": packages})
    )
    monkeypatch.setenv("PARLEY_MODELS", str(tmp_path / "models.yaml"))
    monkeypatch.setenv("PARLEY_CACHE", str(tmp_path / "cache"))
    with serve() as server:
        server.files = {
            "/simple/my-weights/": f'<a href="/files/{WHEEL}">{WHEEL}</a>'.encode(),
            **{f"/files/{name}": content for name, content in archives.items()},
        }
        server.headers["Content-Type"] = "text/html"
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{server.url}/simple/")
        npm = tmp_path / "bin" / "npm"
        npm.parent.mkdir()
        npm.write_text(
            f'#!/bin/sh\n[ "$*" = "view voices@2.0 dist.tarball" ] && '
            f"echo {server.url}/files/{TARBALL}\n"
        )
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")
        yield server


def test_parts_of_packages_become_the_files_of_a_role(registry: FileServer, tmp_path: Path) -> None:
    fetch(["tts"])
    folder = locate("tts")
    assert (folder / "model.bin").read_bytes() == b"".join(HALVES)
    assert (folder / "voices/anna.bin").read_bytes() == VOICE
    assert list((tmp_path / "cache/packages").iterdir()) == []  # no second copy is kept


def test_a_model_is_called_what_it_is(registry: FileServer, tmp_path: Path) -> None:
    assert called("llm") == "qwen2.5-coder-0.5b-instruct"
    for role, name in (({"hub": "Qwen/Qwen3-4B", "files": {"a": "a"}}, "Qwen3-4B"),):
        (tmp_path / "models.yaml").write_text(yaml.safe_dump({"roles": {"llm": role}}))
        assert called("llm") == name
    (tmp_path / "models.yaml").write_text(
        yaml.safe_dump({"roles": {"llm": {"folder": "/models/mine"}}})
    )
    assert called("llm") == "mine"


def test_a_second_fetch_asks_nobody(registry: FileServer) -> None:
    fetch(["tts"])
    registry.asked.clear()
    fetch(["tts"])
    assert registry.asked == []


def test_an_interrupted_fetch_goes_on_where_it_stopped(
    registry: FileServer, tmp_path: Path
) -> None:
    part = tmp_path / "cache/packages" / f"{WHEEL}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(wheel()[:1000])
    fetch(["tts"])
    assert (f"/files/{WHEEL}", "bytes=1000-") in registry.asked
    locate("tts")


def test_nothing_fetched_yet_says_how(registry: FileServer, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as refused:
        locate("tts")
    assert str(refused.value) == (
        f"{tmp_path}/cache/tts/model.bin is missing: run `make setup` to fetch it again."
    )


def with_origin(folder: Path, source: str) -> None:
    listed = yaml.safe_load((folder / "models.yaml").read_text())
    listed["roles"]["tts"]["files"]["model.bin"]["origin"] = source
    (folder / "models.yaml").write_text(yaml.safe_dump(listed))


def test_what_its_makers_publish_comes_from_them(registry: FileServer, tmp_path: Path) -> None:
    with_origin(tmp_path, f"{registry.url}/makers/model.bin")
    registry.files |= {"/": b"", "/makers/model.bin": b"".join(HALVES)}
    fetch(["tts"])
    assert (locate("tts") / "model.bin").read_bytes() == b"".join(HALVES)
    asked = [where for where, _ in registry.asked]
    assert "/makers/model.bin" in asked
    assert f"/files/{WHEEL}" not in asked
    assert f"/files/{TARBALL}" in asked  # what has no origin is in a package


@pytest.mark.parametrize("published", [None, b"another version", b"".join(HALVES)[::-1]])
def test_what_its_makers_do_not_have_any_more_comes_from_packages(
    registry: FileServer, tmp_path: Path, published: bytes | None
) -> None:
    with_origin(tmp_path, f"{registry.url}/makers/model.bin")
    registry.files["/"] = b""
    if published is not None:
        registry.files["/makers/model.bin"] = published
    fetch(["tts"])
    assert (locate("tts") / "model.bin").read_bytes() == b"".join(HALVES)
    assert list((tmp_path / "cache/tts").glob("*.part")) == []


PUBLISHED = {"model.bin": b"another conversion", "vocabulary.txt": b"its words"}


def with_published(folder: Path, server: str) -> None:
    """Let the role be had in other files, too."""
    listed = yaml.safe_load((folder / "models.yaml").read_text())
    listed["roles"]["tts"]["published"] = {
        "files": {
            name: {
                "size": len(content),
                "sha256": sha256(content),
                "origin": f"{server}/makers/{name}",
            }
            for name, content in PUBLISHED.items()
        }
    }
    (folder / "models.yaml").write_text(yaml.safe_dump(listed))


def test_a_form_that_only_the_makers_publish_takes_the_place_of_the_packages(
    registry: FileServer, tmp_path: Path
) -> None:
    with_published(tmp_path, registry.url)
    registry.files |= {"/": b"", **{f"/makers/{f}": held for f, held in PUBLISHED.items()}}
    fetch(["tts"])
    assert {file: (locate("tts") / file).read_bytes() for file in PUBLISHED} == PUBLISHED
    assert not [where for where, _ in registry.asked if where.startswith("/files/")]
    registry.asked.clear()
    fetch(["tts"])
    assert registry.asked == []
    path = locate("tts") / "model.bin"
    path.write_bytes(path.read_bytes()[::-1])
    assert [problem.split(" (")[0] for problem in verify(["tts"])] == [f"{path} is damaged"]
    fetch(["tts"])
    assert path.read_bytes() == PUBLISHED["model.bin"]
    assert [where for where, _ in registry.asked] == ["/makers/model.bin"]


@pytest.mark.parametrize("published", [None, b"another version"])
def test_of_a_form_that_lacks_a_file_nothing_is_taken(
    registry: FileServer, tmp_path: Path, published: bytes | None
) -> None:
    with_published(tmp_path, registry.url)
    registry.files |= {"/": b"", "/makers/model.bin": PUBLISHED["model.bin"]}
    if published is not None:
        registry.files["/makers/vocabulary.txt"] = published
    fetch(["tts"])
    assert (locate("tts") / "model.bin").read_bytes() == b"".join(HALVES)
    assert not (locate("tts") / "published").exists()
    # What is here already is kept, though the makers can be reached now.
    registry.files["/makers/vocabulary.txt"] = PUBLISHED["vocabulary.txt"]
    registry.asked.clear()
    fetch(["tts"])
    assert registry.asked == []


def turn_wheel(content: bytes) -> bytes:
    with zipfile.ZipFile(out := io.BytesIO(), "w") as archive:
        archive.writestr(f"pipecat/audio/turn/smart_turn/data/{turn_model.FILE}", content)
    return out.getvalue()


def test_all_that_is_fetched_shows_how_far_it_is(
    registry: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "MANIFEST", tmp_path / "models.yaml")
    monkeypatch.setenv("LIVEKIT_TURN_TAKING_MODELS", str(tmp_path / "turn"))
    monkeypatch.setattr(turn_model, "SHA256", sha256(b"weights" * 1000))
    file = "pipecat_ai-1.14.0-py3-none-any.whl"
    held = turn_wheel(b"weights" * 1000)
    registry.files |= {
        "/simple/pipecat-ai/": f'<a href="/files/{file}#sha256={sha256(held)}">{file}</a>'.encode(),
        f"/files/{file}": held,
    }
    told: list[tuple[int, int | None]] = []
    monkeypatch.setattr(turn_model, "download", partial(_told, turn_model.download, told))
    out = io.StringIO()
    fetch(console=Console(file=out, width=100))
    assert told[-1] == (len(held), len(held))
    assert (tmp_path / "turn" / turn_model.FILE).read_bytes() == b"weights" * 1000
    assert "tts: x" in out.getvalue()
    assert "turn: smart-turn" in out.getvalue()
    registry.asked.clear()
    fetch(console=Console(file=out))
    assert registry.asked == []


def _told(
    download: Callable[[turn_model.OnProgress], Path],
    told: list[tuple[int, int | None]],
    on_progress: turn_model.OnProgress,
) -> Path:
    def both(come: int, of: int | None) -> None:
        told.append((come, of))
        on_progress(come, of)

    return download(both)


def test_makers_that_cannot_be_reached_are_asked_once_and_not_waited_for(
    registry: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    over = threading.Event()

    def hang(server: str, **_: object) -> None:
        asked.append(server)
        over.wait(60)
        raise httpx.ConnectError("no such name")

    monkeypatch.setattr("agent.models.origin.httpx.head", hang)
    monkeypatch.setattr("agent.models.origin.PROBE_SECONDS", 0.2)
    with_origin(tmp_path, "https://makers.invalid/model.bin")
    try:
        fetch(["tts"])  # while its makers' server still hangs
        (locate("tts") / "model.bin").unlink()
        fetch(["tts"])
    finally:
        over.set()
    assert asked == ["https://makers.invalid/"]
    locate("tts")


def test_a_file_of_the_hub_is_where_the_users_endpoint_has_it() -> None:
    code = (
        "from agent.models import origin; print(origin.address('hf://Qwen/Coder@ebb2015/f/m.gguf'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_ENDPOINT": "https://mirror.example"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert done.stdout == "https://mirror.example/Qwen/Coder/resolve/ebb2015/f/m.gguf\n"


def test_a_damaged_file_is_named_and_fetched_again(registry: FileServer) -> None:
    fetch(["tts"])
    path = locate("tts") / "model.bin"
    path.write_bytes(path.read_bytes()[::-1])  # as long as it was
    with pytest.raises(ModelError, match=rf"{path} is damaged .* run `make setup`"):
        locate("tts")
    registry.asked.clear()
    fetch(["tts"])
    assert path.read_bytes() == b"".join(HALVES)
    # The npm package holds nothing that is damaged.
    assert [where for where, _ in registry.asked] == ["/simple/my-weights/", f"/files/{WHEEL}"]


def test_a_cut_file_is_named_with_both_sizes(registry: FileServer) -> None:
    fetch(["tts"])
    path = locate("tts") / "voices/anna.bin"
    path.write_bytes(VOICE[:10])
    with pytest.raises(ModelError, match=rf"{path} has 10 bytes instead of 700"):
        locate("tts")


def test_verify_sees_what_a_clock_cannot(registry: FileServer) -> None:
    fetch(["tts"])
    path = locate("tts") / "model.bin"
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a failing disk leaves it
    locate("tts")
    assert [problem.split(" (")[0] for problem in verify(["tts"])] == [f"{path} is damaged"]
    fetch(["tts"])  # and from then on it is known
    assert verify(["tts"]) == []


def test_a_copied_cache_is_as_good(registry: FileServer) -> None:
    fetch(["tts"])
    path = locate("tts") / "model.bin"
    os.utime(path, ns=(1, 1))
    locate("tts")


def test_a_package_that_is_not_the_published_one_is_refused(registry: FileServer) -> None:
    registry.files[f"/files/{WHEEL}"] = bytes(len(wheel()))
    with pytest.raises(
        ModelError, match=rf"{WHEEL}, needed for tts, could not be fetched \(its SHA"
    ):
        fetch(["tts"])


def test_the_index_that_pip_is_set_to_is_asked(
    registry: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    pip = tmp_path / "bin" / "pip"  # on PATH, as the registry made it
    pip.write_text(
        f'#!/bin/sh\n[ "$*" = "config get global.index-url" ] && echo {registry.url}/simple/\n'
    )
    pip.chmod(0o755)
    fetch(["tts"])
    assert ("/simple/my-weights/", None) in registry.asked


def test_an_index_without_the_package_is_named(registry: FileServer) -> None:
    del registry.files["/simple/my-weights/"]
    with pytest.raises(ModelError, match="the package index has no my-weights"):
        fetch(["tts"])


def test_an_index_out_of_reach_is_one_sentence(
    registry: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")
    with pytest.raises(
        ModelError, match=r"does not answer \(ConnectionError\)\): run `make setup`"
    ):
        fetch(["tts"])


def test_a_cache_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PARLEY_CACHE", str(tmp_path / "file/cache"))
    monkeypatch.setattr(sys, "argv", ["agent.models", "fetch", "web"])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert re.fullmatch(
        r"The cache cannot be written \(.+\): name another folder in PARLEY_CACHE\.",
        str(ended.value.code),
    )


def test_an_unknown_role_lists_the_known() -> None:
    with pytest.raises(
        ModelError, match=r"no model 'hearing': there are llm, stt, kokoro, web, speech"
    ):
        locate("hearing")


def test_a_folder_of_ones_own_takes_the_place_of_a_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models.yaml").write_text(f"roles: {{llm: {{folder: {tmp_path}/mine}}}}")
    monkeypatch.setenv("PARLEY_MODELS", str(tmp_path / "models.yaml"))
    with pytest.raises(ModelError, match=rf"folder {tmp_path}/mine, named for llm, does not exist"):
        locate("llm")
    (tmp_path / "mine").mkdir()
    assert locate("llm") == tmp_path / "mine"
    assert verify(["llm"]) == []


FETCH_AND_VERIFY = """
import sys
from agent.models.__main__ import main

for command in ("fetch", "verify"):
    sys.argv[1:] = [command, "llm"]
    main()
"""


def test_a_file_of_a_hub_takes_the_place_of_a_role(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(
        "roles: {llm: {hub: me/small, revision: abc, files: {model.gguf: q4/small.gguf}}}"
    )
    commit = "c" * 40
    with serve() as hub:
        hub.files["/me/small/resolve/abc/q4/small.gguf"] = b"weights"
        hub.headers = {"X-Repo-Commit": commit, "ETag": f'"{sha256(b"weights")}"'}
        environment = {
            **os.environ,
            "PARLEY_MODELS": str(tmp_path / "models.yaml"),
            "PARLEY_CACHE": str(tmp_path / "cache"),
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "hf"),
        }
        # In a process of its own: the hub's client reads its address when it is imported.
        done = subprocess.run(
            [sys.executable, "-c", FETCH_AND_VERIFY],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache/hub/me/small/abc/model.gguf").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("roles: [", "is not valid YAML"),
        ("roles: {llm: {what: x}}", "is not a list of models: roles.llm"),
        (
            "roles: {llm: {what: x, files: {f: {size: 1, sha256: "
            + "a" * 64
            + ", parts: [{nobody: f}]}}}}",
            "f names the package nobody, not listed",
        ),
    ],
)
def test_a_malformed_list_says_where(
    text: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models.yaml").write_text(text)
    monkeypatch.setenv("PARLEY_MODELS", str(tmp_path / "models.yaml"))
    with pytest.raises(ModelError) as refused:
        locate("llm")
    assert str(tmp_path / "models.yaml") in str(refused.value)
    assert sentence in str(refused.value)


def test_the_shipped_list_names_what_the_engines_look_for() -> None:
    roles = manifest.load().roles
    files = {name: set(role.files) for name, role in roles.items() if hasattr(role, "files")}
    assert files["llm"] == {"model.gguf"}
    assert {"model.bin", "config.json", "tokenizer.json", "vocabulary.json"} == files["stt"]
    assert {"model.onnx", "vocab.json", "voices/zf_xiaoxiao.bin"} <= files["kokoro"]
    assert files["web"] == {"livekit-client.umd.js"}
