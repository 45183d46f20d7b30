"""deploy/: the manifests against Kubernetes' own schemas, and the engines against their scripts.

The schemas (117 MB) come with kubernetes-validate, which `make test` adds for this folder alone.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.goodbye import LONGEST
from agent.gpu.machine import Gpu
from agent.gpu.services import SERVICES
from agent.phone_settings import PhoneSettings
from agent.post_call.serving import FLUSH
from agent.server import DRAIN
from agent.stack import ports, reach
from agent.stack.phone import MONITOR_PORT
from agent.store_address import store_address

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(DEPLOY.glob("kubernetes*/*.yaml"))
GPU = Gpu("NVIDIA H100", 81_559, 81_000)


def objects() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        if path.name != "kustomization.yaml":  # read by kubectl, never sent to a cluster
            yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("version", ["1.30", "1.36"])
def test_the_manifests_are_what_kubernetes_knows(version: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    found = list(objects())
    assert len(found) > 15
    for thing in found:
        kubernetes_validate.validate(thing, version, strict=True)


def test_a_wrong_key_is_found() -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    service = next(thing for thing in objects() if thing["kind"] == "Service")
    service["spec"]["prots"] = []
    with pytest.raises(kubernetes_validate.ValidationError, match="prots"):
        kubernetes_validate.validate(service, "1.36", strict=True)


def test_everything_that_is_named_exists() -> None:
    for folder in (DEPLOY / "kubernetes", DEPLOY / "kubernetes-phone"):
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())
        ours = {p.name for p in MANIFESTS if p.parent == folder}
        files = {name for name in listed["resources"] if name.endswith(".yaml")}
        assert ours == files | {"kustomization.yaml"}
        for generated in listed.get("configMapGenerator", []):
            for file in generated["files"]:
                assert (folder / file).resolve().is_file()
    everything = list(objects())
    deployments = [t for t in everything if t["kind"] in ("Deployment", "StatefulSet")]
    labels = [t["spec"]["template"]["metadata"]["labels"] for t in deployments]
    services = {t["metadata"]["name"]: t for t in everything if t["kind"] == "Service"}
    for service in services.values():
        assert service["spec"]["selector"] in labels
    for url in next(t for t in everything if t["kind"] == "ConfigMap")["data"].values():
        if host := re.match(r"http://([a-z]+):8000/v1", url):
            assert services[host[1]]["spec"]["ports"] == [{"port": 8000}]


def test_what_waits_is_on_a_disk_that_outlives_the_agent() -> None:
    written = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    state = re.search(r"PARLEY_STATE=(\S+)", written)
    assert state
    agent = next(t for t in objects() if t["kind"] == "StatefulSet")["spec"]
    (container,) = agent["template"]["spec"]["containers"]
    claims = {claim["metadata"]["name"] for claim in agent["volumeClaimTemplates"]}
    assert container["volumeMounts"] == [{"name": "state", "mountPath": state[1]}]
    assert claims == {"state"}
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    for name in ("agent", "standby", "page"):
        assert compose["services"][name]["volumes"] == [f"state:{state[1]}"]
    assert "state" in compose["volumes"]


def arguments(name: str) -> set[str]:
    """What the script of a service gives its server, the address and the share of memory aside."""
    return set(pairs(SERVICES[name]({}, GPU).arguments))


def pairs(words: list[str]) -> Iterator[str]:
    """``--key value`` as ``--key=value``, without what each place decides for itself."""
    joined = re.sub(r"(--\S+) (?!--)", r"\1=", " ".join(words)).split()
    for word in joined:
        if not re.match(r"--(host|port|gpu-memory-utilization)=", word):
            yield re.sub(r"=.*/configs/", "=/configs/", word)


def test_compose_gives_the_engines_what_the_scripts_give() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for name in SERVICES:
        line = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", services[name]["command"])
        assert set(pairs(shlex.split(line))) == arguments(name), name


def test_kubernetes_gives_the_engines_what_the_scripts_give() -> None:
    deployments = {t["metadata"]["name"]: t for t in objects() if t["kind"] == "Deployment"}
    for name in SERVICES:
        (container,) = deployments[name]["spec"]["template"]["spec"]["containers"]
        assert set(pairs(container["args"])) == arguments(name), name


STATE = re.findall(r"PARLEY_STATE=(\S+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))


def test_what_was_called_outlives_the_containers_of_compose() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    assert "state" in compose["volumes"]
    for name in ("agent", "standby", "page"):  # one file for all of them
        assert compose["services"][name]["volumes"] == [f"state:{STATE[0]}"], name


def test_what_was_called_outlives_the_pods_and_is_counted_over_all_of_them() -> None:
    everything = list(objects())
    sets = {t["metadata"]["name"]: t["spec"] for t in everything if t["kind"] == "StatefulSet"}
    page = next(t for t in everything if t["kind"] == "Deployment" and named(t) == "page")
    for spec in (sets["agent"], page["spec"]):
        (container,) = spec["template"]["spec"]["containers"]
        variables = [each["name"] for each in container["env"]]
        # Kubernetes puts into a value only what stands before it in the same list.
        assert variables == ["REDIS_PASSWORD", "PARLEY_HISTORY_STORE"]
        store = container["env"][1]["value"]
        assert store == "redis://:$(REDIS_PASSWORD)@redis:6379/0"
        assert store_address(store.replace("$(REDIS_PASSWORD)", "0af1" * 16))
    for name, path in (("agent", STATE[0]), ("redis", "/data")):
        (claim,) = sets[name]["volumeClaimTemplates"]
        (container,) = sets[name]["template"]["spec"]["containers"]
        mount = {"name": claim["metadata"]["name"], "mountPath": path}
        assert container["volumeMounts"] == [mount], name
    (container,) = sets["redis"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["--appendonly", "yes"]


def text() -> str:
    return (DEPLOY / "Dockerfile").read_text("utf-8")


def instructions(image: str) -> list[tuple[str, str]]:
    """The lines of a stage of the Dockerfile, as instruction and rest."""
    file = re.sub(r"^#.*\n", "", text(), flags=re.MULTILINE)
    stage = file.replace("\\\n", " ").partition(f"AS {image}\n")[2].partition("\nFROM ")[0]
    found = [line.partition(" ")[::2] for line in stage.splitlines() if line]
    assert found
    return found


def test_the_demos_image_starts_what_it_holds() -> None:
    stage = instructions("demo")
    (command,) = (json.loads(rest) for kind, rest in stage if kind == "CMD")
    shell, option, script = command
    assert (shell, option) == ("sh", "-c")
    subprocess.run(["sh", "-n", "-c", script], check=True)
    assert script.endswith("& exec python -m agent.stack.demo")
    variables = dict(
        word.split("=") for kind, rest in stage if kind == "ENV" for word in rest.split()
    )
    assert reach.media_address(variables["PARLEY_ADDRESS"], variables) == "127.0.0.1"
    numbers = ports.chosen(address=variables["PARLEY_ADDRESS"])
    # What is published, and what LiveKit is told to advertise, as the line at the top has it.
    (published,) = re.findall(r"^#   docker run (.*) parley-demo$", text(), re.MULTILINE)
    assert published.split()[1:] == [
        *("-p", f"127.0.0.1:{numbers['web']}:{numbers['web']}"),
        *("-p", f"127.0.0.1:{numbers['livekit_tcp']}:7882"),
    ]
    assert f"TCP-LISTEN:7882,fork,reuseaddr TCP:127.0.0.1:{numbers['livekit_tcp']} " in script


def test_the_demos_image_has_the_livekit_that_setup_builds() -> None:
    (version,) = re.findall(r"^livekit=(\S+)$", (ROOT / "scripts/setup.sh").read_text(), re.M)
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["livekit"]
    assert compose["image"] == f"livekit/livekit-server:v{version}"
    assert f"COPY --from={compose['image']} /livekit-server" in text()


def test_calls_have_their_last_words_before_a_container_is_killed() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {composed[name]["stop_grace_period"] for name in ("agent", "standby")} == {"10m"}
    (agent,) = (t for t in objects() if t["kind"] == "StatefulSet" and named(t) == "agent")
    assert agent["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 600
    assert DRAIN + LONGEST + FLUSH < 600


SIP = yaml.safe_load((DEPLOY / "compose.phone.yaml").read_text(encoding="utf-8"))["services"]


def sip_in_kubernetes() -> dict[str, Any]:
    (sip,) = (t for t in objects() if t["kind"] == "Deployment" and named(t) == "sip")
    return dict(sip["spec"]["template"]["spec"])


def test_calls_by_phone_use_the_sip_service_that_is_tried() -> None:
    script = (ROOT / "scripts/run_sip.sh").read_text()
    (tried,) = re.findall(r"^tried=(\S+)$", script, re.M)
    assert SIP["sip"]["image"] == f"livekit/sip:v{tried}"
    (container,) = sip_in_kubernetes()["containers"]
    assert container["image"] == f"livekit/sip:v{tried}"


def configured(body: str) -> dict[str, Any]:
    """What a configuration of the SIP service says, with each variable at its default.

    One that has none is its own name.
    """
    body = re.sub(r"\$\{(\w+)\}", r"\1", body)
    while "${" in body:
        body = re.sub(r"\$\{\w+:-([^${}]*)\}", r"\1", body)
    return dict(yaml.safe_load(body))


def test_the_sip_service_has_the_settings_of_this_machines() -> None:
    written = (ROOT / "configs/sip.yaml").read_text()
    ours = yaml.safe_load(written)
    places = {"redis": {"address": "REDIS", "password": "PASSWORD"}, "sip_port": "PORT"}
    places |= {"rtp_port": "MEDIA_PORTS", "listen_ip": "ADDRESS", "nat_1_to_1_ip": "PUBLIC"}
    assert {key: ours.pop(key) for key in places} == places
    composed = configured(SIP["sip"]["environment"]["SIP_CONFIG_BODY"])
    usual = {"sip_port": 5060, "rtp_port": "10000-10199"}
    assert composed == ours | usual | {
        "redis": {"address": "127.0.0.1:6379", "password": "REDIS_PASSWORD"},
        "listen_ip": "127.0.0.1",
        "nat_1_to_1_ip": "127.0.0.1",
    }
    (container,) = sip_in_kubernetes()["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert configured(variables["SIP_CONFIG_BODY"]) == ours | usual | {
        "redis": {"address": "redis:6379", "password": "$(REDIS_PASSWORD)"},
        "listen_ip": "$(NODE_IP)",
        "nat_1_to_1_ip": "$(PUBLIC_ADDRESS)",
        "health_port": container["readinessProbe"]["httpGet"]["port"],
    }
    script = (ROOT / "scripts/run_sip.sh").read_text()
    for variable in re.findall(r"\$\{(PARLEY_\w+)", SIP["sip"]["environment"]["SIP_CONFIG_BODY"]):
        assert f"#   {variable} " in script


def test_livekit_and_its_sip_service_have_the_same_redis_which_forgets_nothing() -> None:
    redis = SIP["redis"]
    (port,) = (each.rpartition(":")[2] for each in redis["ports"])
    assert SIP["livekit"]["environment"]["REDIS_HOST"] == f"redis:{port}"
    assert all(each.startswith("127.0.0.1:") for each in redis["ports"])
    sets = {named(t): t["spec"] for t in objects() if t["kind"] == "StatefulSet"}
    (container,) = sets["redis"]["template"]["spec"]["containers"]
    assert (redis["image"], redis["command"][:-1]) == (container["image"], container["args"][:-1])
    folder = DEPLOY / "kubernetes-phone/kustomization.yaml"
    (patch,) = yaml.safe_load(folder.read_text())["patches"]
    assert [added["value"] for added in yaml.safe_load(patch["patch"])] == [
        {"name": "REDIS_HOST", "value": f"redis:{port}"},
        PASSWORD,
    ]


PASSWORD = {
    "name": "REDIS_PASSWORD",
    "valueFrom": {"secretKeyRef": {"name": "livekit", "key": "REDIS_PASSWORD"}},
}


def test_redis_wants_a_password_which_all_who_use_it_have() -> None:
    *_, option, password = SIP["redis"]["command"]
    assert (option, password.partition(":?")[0]) == ("--requirepass", "${REDIS_PASSWORD")
    given = "${REDIS_PASSWORD}"
    assert SIP["redis"]["environment"] == {"REDISCLI_AUTH": given}
    assert SIP["livekit"]["environment"]["REDIS_PASSWORD"] == given
    assert given in SIP["sip"]["environment"]["SIP_CONFIG_BODY"]
    pods = {
        named(t): t["spec"]["template"]["spec"]["containers"][0]
        for t in objects()
        if t["kind"] in ("Deployment", "StatefulSet")
    }
    assert pods["redis"]["args"][-2:] == ["--requirepass", "$(REDIS_PASSWORD)"]
    assert {"name": "REDISCLI_AUTH", "value": "$(REDIS_PASSWORD)"} in pods["redis"]["env"]
    users = {name for name, each in pods.items() if "redis:6379" in str(each.get("env"))}
    assert users == {"agent", "page", "sip"}  # and LiveKit, with calls by phone
    for name in ("redis", *users):
        assert PASSWORD in pods[name]["env"], name


def test_the_profile_of_compose_can_be_another() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for name in ("agent", "standby", "page"):
        assert composed[name]["environment"]["PARLEY_PROFILE"] == "${PARLEY_PROFILE:-gpu}", name


def test_the_providers_are_watched_for_those_who_place_calls() -> None:
    watches, sets_up = SIP["trunk-health"], SIP["trunks"]
    assert watches["profiles"] == ["outbound"]
    assert watches["restart"] == "on-failure"
    assert watches["volumes"] == sets_up["volumes"]
    variables = watches["environment"]
    assert (
        variables.items()
        >= {name: sets_up["environment"][name] for name in ("SIP_PASSWORD", "SIP_PIN")}.items()
    )
    assert watches["ports"] == [f"127.0.0.1:{MONITOR_PORT.default}:{MONITOR_PORT.default}"]


def test_the_sip_service_outlives_the_goodbyes() -> None:
    # Told to stop, compose stops what nothing depends on first.
    for name in ("agent", "standby"):
        assert SIP[name]["depends_on"] == {"sip": {"condition": "service_started"}}
    assert SIP["sip"]["stop_signal"] == "SIGINT"
    longest = PhoneSettings().max_minutes * 60
    assert sip_in_kubernetes()["terminationGracePeriodSeconds"] == longest + 60


def test_kustomize_puts_the_parts_together() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    command = ["kubectl", "kustomize", "--load-restrictor", "LoadRestrictionsNone"]
    made = subprocess.run(
        [*command, DEPLOY / "kubernetes-phone"], capture_output=True, text=True, check=True
    )
    found = {(t["kind"], named(t)): t for t in yaml.safe_load_all(made.stdout)}
    livekit = found["Deployment", "livekit"]["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "REDIS_HOST", "value": "redis:6379"} in livekit["env"]
    assert PASSWORD in livekit["env"]
    assert ("Deployment", "sip") in found


def named(thing: dict[str, Any]) -> str:
    return str(thing["metadata"]["name"])
