"""When the frames of replies leave the talker, without a GPU.

vllm-omni's own output worker, data plane and chunking; the codes of the frames and the moments at
which a GPU would have them are made up.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from vllm_omni.model_executor.stage_input_processors.qwen3_tts import talker2code2wav_async_chunk
from vllm_omni.outputs import OmniModelRunnerOutput
from vllm_omni.worker_v2.model_states.intermediate_buffer import OmniIntermediateBuffer
from vllm_omni.worker_v2.model_states.omni_model_state import OmniModelState
from vllm_omni.worker_v2.native_output_worker import NativeOutputWorker
from vllm_omni.worker_v2.omni_ar_model_runner import OmniARModelRunner, OmniAsyncOutput
from vllm_omni.worker_v2.omni_data_plane import OmniRunnerDataPlane

_PROMPT = 20
END = 4000
"""A token that is no frame."""


class Plane(OmniRunnerDataPlane):  # type: ignore[misc]
    """Keeps the chunks that it would send, ramp 1, 2, 4."""

    def __init__(self) -> None:
        self._native_requests: dict[str, Any] = {}
        self._native_output_lock = threading.RLock()
        self._native_send_lock = threading.Lock()
        self._native_outputs_in_flight: dict[str, int] = defaultdict(int)
        self._native_terminal_pending: set[str] = set()
        self._async_chunk = self._can_send = True
        self._put_req_chunk: dict[str, int] = defaultdict(int)
        self.sent: list[tuple[str, list[int]]] = []
        self._news = threading.Condition()
        extra = {"codec_chunk_ramp": [1, 2, 4], "codec_left_context_frames": 72}
        self._manager: Any = SimpleNamespace(
            code_prompt_token_ids=defaultdict(list),
            ramp_chunk_count=defaultdict(int),
            put_req_chunk=self._put_req_chunk,
            connector=SimpleNamespace(config={"extra": extra}),
        )
        self._start_output_worker(max_pending_batches=8)

    def send_chunks(self, entries: list[tuple[Any, Any]], **_: Any) -> int:
        """Chunk as the server does."""
        for request, output in entries:
            chunk = talker2code2wav_async_chunk(self._manager, output, request)
            if chunk is not None and (frames := chunk.codes.audio.numel() // 16):
                with self._news:
                    # Codebook by codebook; the first tells the frames apart.
                    self.sent.append((request.external_req_id, chunk.codes.audio[:frames].tolist()))
                    self._news.notify_all()
                self._manager.ramp_chunk_count[request.external_req_id] += 1
                self._put_req_chunk[request.external_req_id] += 1
        return len(entries)

    def wait_for(self, count: int) -> bool:
        """Until so many chunks have been sent; whether that took less than 10 s."""
        with self._news:
            return self._news.wait_for(lambda: len(self.sent) >= count, 10)

    def drain(self) -> None:
        """Until what has been handed to it is sent."""
        self._native_output_queue.join()
        self._raise_output_error()

    def get_omni_connector_output(self) -> None:
        """Nothing is received."""

    def cleanup_finished_request(self, req_id: str) -> None:
        """There are no connectors."""


def _execute(runner: Any, batch: Any) -> None:
    """What of a step is not the GPU's."""
    runner.model_state.run_preprocess(batch, {})


_stand_in: Any = OmniARModelRunner
_stand_in.execute_model = _execute


class Qwen3TTSTalkerForConditionalGeneration:
    """Stands for the model, of which the name is asked."""


class Talker:
    """A runner of the talker; each step of it has the prompts or the frames of some requests."""

    def __init__(self) -> None:
        state: Any = OmniModelState.__new__(OmniModelState)
        state.has_preprocess = False
        state.intermediate_buffer = OmniIntermediateBuffer(8)
        self.plane = Plane()
        runner: Any = OmniARModelRunner.__new__(OmniARModelRunner)
        runner.model, runner.model_state = Qwen3TTSTalkerForConditionalGeneration(), state
        runner._omni_data_plane = self.plane
        runner._native_output_materializer = NativeOutputWorker(4)
        runner.vllm_config, runner.device = SimpleNamespace(), None
        self._runner, self._requests = runner, dict[str, int]()

    def step(self, frames: Mapping[str, int], *, cloned: Collection[str] = ()) -> threading.Event:
        """Run a step.

        Args:
            frames: The first code of each request's frame; 0 for its prompt.
            cloned: Requests whose voice is a clone.

        Returns:
            What the GPU sets when it is done with the step.
        """
        for name, code in frames.items():
            if not code:
                self._add(name)
        rows = [self._requests[name] for name in frames]
        for row, (name, code) in zip(rows, frames.items(), strict=True):
            buffer = self._runner.model_state.intermediate_buffer.buffers[row]
            buffer["codes"] = {"audio": torch.full((1, 16), code if code < END else 0)}
            if name in cloned:
                buffer["codes"]["ref"] = torch.ones(3, 16)
            buffer["meta"] = {"codec_frame_valid": torch.tensor(0 < code < END)}
            buffer["steps"] = buffer.get("steps", -1) + 1
        buffers = [self._runner.model_state.intermediate_buffer.buffers[row] for row in rows]
        steps = np.array([buffer["steps"] for buffer in buffers])
        batch = SimpleNamespace(
            num_reqs=len(rows),
            req_ids=list(frames),
            idx_mapping_np=np.array(rows),
            num_scheduled_tokens=np.where(steps == 0, _PROMPT, 1),
            is_prefilling_np=steps == 0,
            num_computed_tokens_np=np.where(steps == 0, 0, _PROMPT + steps - 1),
            prefill_len_np=np.full(len(rows), _PROMPT),
        )
        self._runner.execute_model(batch)
        payloads = [
            {
                "codes.audio": buffer["codes"]["audio"],
                "meta.codec_frame_valid": buffer["meta"]["codec_frame_valid"].reshape(1).to(int),
            }
            for buffer in buffers
        ]
        done = threading.Event()
        output = _Output(list(frames), payloads, done)
        self.plane.reserve_outputs(list(frames))
        self._runner._materialize_native_output(output)
        return done

    def _add(self, name: str) -> None:
        self._requests[name] = row = len(self._requests)
        data = SimpleNamespace(req_id=name, prompt_token_ids=[1] * _PROMPT)
        self.plane.register_request(data)
        self._runner.model_state.intermediate_buffer.buffers[row] = {"req_id": name}

    def handed_on(self) -> list[str]:
        """The requests whose frames left before their step, the last one, was done."""
        return sorted(getattr(self._runner, "_parley_sent", ()))

    def finish(self, *names: str) -> None:
        """Their replies end."""
        self.plane.request_terminal(set(names))

    def settle(self) -> list[tuple[str, list[int]]]:
        """What has been sent once everything that can be is."""
        # One thread, in order: when this is done, so is what was handed to it before.
        self._runner._native_output_materializer._executor.submit(int).result(10)
        self.plane.drain()
        return self.plane.sent


class _Output(OmniAsyncOutput):  # type: ignore[misc]
    """A step's output, copied from the GPU when ``done`` is set."""

    def __init__(self, names: list[str], payloads: list[Any], done: threading.Event) -> None:
        self.model_runner_output = OmniModelRunnerOutput(
            req_ids=names, req_id_to_index={name: i for i, name in enumerate(names)}
        )
        self.copy_event: Any = SimpleNamespace(synchronize=lambda: done.wait(10))
        self.sampled_token_ids_np = np.full((len(names), 1), 7)
        self.num_sampled_tokens_np = np.ones(len(names), dtype=int)
        self.sampling_mask_tensors = self.routed_experts_cpu = None
        self.logprobs_tensors = self.num_nans = self._has_fault = None
        self.prompt_logprobs_dict: dict[str, Any] = {}
        self._need_pooler, self._finalize_output = False, None
        self.model_runner_output.inter_stage_outputs = payloads
