"""What agent/app.py and agent/telephony rely on in LiveKit's server, job and room options."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from livekit import rtc
from livekit.agents import AgentServer, JobContext, JobRequest
from livekit.agents.beta.workflows.utils import DtmfEvent, dtmf_event_to_code
from livekit.agents.ipc.proc_pool import ProcPool
from livekit.agents.job import DEFAULT_PARTICIPANT_KINDS
from livekit.agents.voice import room_io
from livekit.agents.worker import ServerEnvOption


def test_app_has_a_port_for_development_and_another_for_production() -> None:
    option: ServerEnvOption[int] = ServerEnvOption(dev_default=0, prod_default=8081)
    values = [ServerEnvOption[int].getvalue(option, devmode) for devmode in (True, False)]
    assert values == [0, 8081], (
        f"{values}: agent/app.py gives its port as ServerEnvOption, which no public module exports"
    )
    # Its jobs can be read only once it runs.
    server = AgentServer(
        setup_fnc=lambda _: None,
        load_fnc=lambda server: len(server.active_jobs) / 2,
        load_threshold=math.inf,
        host="127.0.0.1",
        port=option,
    )
    assert isinstance(type(server).active_jobs, property), (
        "agent/server.py (_load, agents) counts the rooms in use by server.active_jobs"
    )


def test_app_can_leave_a_job_to_another_server() -> None:
    parameters = inspect.signature(JobRequest.reject).parameters
    why = (
        f"{list(parameters)}: agent/server.py (admit) rejects with terminate=False, so that LiveKit"
        " asks another server, and counts by request.id"
    )
    assert "terminate" in parameters, why
    assert isinstance(JobRequest.id, property), why


def test_server_gives_each_agent_its_identity_and_watches_while_it_runs() -> None:
    assert "identity" in inspect.signature(JobRequest.accept).parameters, (
        "agent/server.py (admit) names its agents, so that a dead one can be taken out of its room"
    )
    assert list(inspect.signature(AgentServer.run).parameters) == [
        "self",
        "devmode",
        "unregistered",
    ], "agent/server.py (run) watches over its calls for as long as LiveKit's own run lasts"
    assert isinstance(AgentServer.draining, property), "agent/server.py (free_places) asks for it"
    assert 'self.emit("worker_started")' in inspect.getsource(AgentServer.run), (
        "agent/server.py (run) begins to watch when worker_started says that there are jobs to ask"
    )


def test_the_end_of_a_jobs_process_is_told_as_it_comes() -> None:
    source = inspect.getsource(ProcPool._monitor_process_task)
    closed, removed = source.find('emit("process_closed"'), source.find("_executors.remove")
    assert 0 < closed < removed, (
        "agent/server.py (_watch) is told by process_closed of the end of a job, which by the next"
        " step of the loop is no longer among active_jobs"
    )
    assert "await" not in source[closed:removed]
    assert "self._proc_pool = " in inspect.getsource(AgentServer.run)


def test_a_job_learns_at_once_that_its_server_has_died(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing, select, sys, time

            def job(told):
                sentinel = multiprocessing.parent_process().sentinel
                told.send(bool(select.select([sentinel], [], [], 0.2)[0]))
                select.select([sentinel], [], [])
                open(sys.argv[1], "w").write(repr(time.time()))

            if __name__ == "__main__":
                context = multiprocessing.get_context("forkserver")
                hear, told = context.Pipe()
                context.Process(target=job, args=(told,)).start()
                print(hear.recv(), flush=True)
                time.sleep(60)
            """
        )
    )
    noted = tmp_path / "noted"
    server = subprocess.Popen([sys.executable, script, noted], stdout=subprocess.PIPE, text=True)
    with server:
        assert server.stdout
        assert server.stdout.readline() == "False\n"
        killed = time.time()
        server.kill()
    for _ in range(500):
        if noted.is_file() and noted.read_text():
            break
        time.sleep(0.01)
    assert float(noted.read_text()) - killed < 1, (
        "agent/recovery/record.py learns of the end of its server by parent_process().sentinel,"
        " which with LiveKit's forkserver is the server's own"
    )


def test_app_finds_its_room_options() -> None:
    options = room_io.RoomOptions(
        audio_input=room_io.AudioInputOptions(frame_size_ms=20),
        text_input=False,
    )
    hearing = options.get_audio_input_options()
    why = (
        f"{hearing}: floor.py (HEARING) asks for frames of 20 ms; barge_in/tracker.py and"
        " conduct/participants.py (_RATE) take the input for 24 kHz"
    )
    assert hearing, why
    assert (hearing.frame_size_ms, hearing.sample_rate) == (20, 24000), why
    assert room_io.AudioInputOptions().frame_size_ms == 50, (
        "LiveKit's own frames are no longer 50 ms: see HEARING in floor.py and _FRAME_MS in"
        " conduct/participants.py"
    )


def test_meeting_finds_what_it_asks_of_a_job() -> None:
    assert "identity" in inspect.signature(JobContext.wait_for_participant).parameters
    assert "reason" in inspect.signature(JobContext.shutdown).parameters
    for name in ("is_fake_job", "delete_room", "connect", "add_shutdown_callback"):
        assert callable(getattr(JobContext, name, None)), (
            f"JobContext.{name} is gone: agent/telephony/arrival.py and agent/app.py call it"
        )


def test_participants_are_people_and_callers_and_no_agents() -> None:
    kinds = set(DEFAULT_PARTICIPANT_KINDS)
    wanted = {
        rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
        rtc.ParticipantKind.PARTICIPANT_KIND_SIP,
    }
    why = f"{kinds}: conduct/participants.py (_people) takes these kinds for people"
    assert wanted <= kinds, why
    assert rtc.ParticipantKind.PARTICIPANT_KIND_AGENT not in kinds, why


def test_phone_tools_find_the_code_of_each_key() -> None:
    codes = [dtmf_event_to_code(DtmfEvent(key)) for key in "0123456789*#"]
    assert codes == list(range(12)), (
        f"{codes}: agent/telephony/tools.py sends keys with livekit.agents.beta's DtmfEvent;"
        " RFC 4733 gives the numbers, should it move"
    )
